//! `sidecar nat`: the passes, when there is one, and how it ends.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::flavour::Flavour;
use super::kernel::Kernel;
use super::pass::{self, Failure, Mode};
use super::report::{Report, Shared};
use super::settings::Settings;
use super::sysctl::Drift;
use super::{http, watch};
use crate::probe;

/// How often all is looked at though nobody told of a change.
const LOOK: Duration = Duration::from_secs(10);
/// The same where changes of iptables are not told: by the legacy flavour, and by a kernel that refuses to.
const LOOK_UNTOLD: Duration = Duration::from_millis(1500);
/// Between two looks at least, however much the kernel tells.
const REST: Duration = Duration::from_millis(100);
/// How long `prepare` waits for the ways to the gateways.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between its looks.
const AGAIN: Duration = Duration::from_millis(200);

/// What would be changed, as commands of a shell. With `sysctls` as `prepare`, else as the loop, which leaves those to it.
///
/// # Errors
/// What cannot be looked at, of which family.
pub async fn dry(settings: &Settings, sysctls: bool) -> Result<String, String> {
    let kernel = Kernel::open(&Arc::new(Notify::new())).map_err(|error| format!("rtnetlink: {error}"))?;
    let mut text = String::new();
    for wanted in &settings.families {
        let found = pass::run(&kernel, wanted, settings.flavour, Mode { dry: true, sysctls }).await;
        let found = found.map_err(|error| format!("{}: {error}", wanted.family))?;
        found.done.iter().for_each(|done| text += &format!("{done}\n"));
        let later = |drift: &Drift| format!("# by sidecar nat prepare: sysctl -w {}\n", drift.wanted);
        text.extend(found.drift.iter().map(later));
    }
    if text.is_empty() {
        text += "# nothing is to be changed\n";
    }
    Ok(text)
}

/// Sets sysctls and rules once.
///
/// # Errors
/// What still fails after 10 s, of which family.
pub async fn prepare(settings: &Settings) -> Result<(), String> {
    told(settings);
    let kernel = Kernel::open(&Arc::new(Notify::new())).map_err(|error| format!("rtnetlink: {error}"))?;
    let start = Instant::now();
    for wanted in &settings.families {
        let family = wanted.family;
        let found = loop {
            match pass::run(&kernel, wanted, settings.flavour, Mode { dry: false, sysctls: true }).await {
                Ok(found) => break found,
                Err(error) if start.elapsed() >= PATIENCE => return Err(format!("{family}: {error}")),
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        };
        found.done.iter().for_each(|done| info!(%family, command = done.summary(), "set"));
        let (internal, external) = (&found.ways.internal.name, &found.ways.external.name);
        let (iptables, changes) = (found.flavour.name(), found.done.len());
        info!(%family, internal, external, iptables, changes, "the pod is a gateway");
    }
    Ok(())
}

fn told(settings: &Settings) {
    for name in &settings.lacking {
        warn!("{name} is not set: its family is left alone");
    }
}

/// Keeps the rules until SIGTERM or SIGINT. They stay when it ends.
///
/// # Errors
/// A socket that cannot be had, with what it is for.
pub async fn keep(settings: Settings) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    told(&settings);
    let changed = Arc::new(Notify::new());
    let shared = Shared::new(Report::new(&settings));
    let mut tasks = JoinSet::new();
    let listener = probe::listen(&settings.socket)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", settings.socket)))?;
    let asked = shared.clone();
    tasks.spawn(probe::accept(listener, move |word| {
        let answer = asked.answer(&word);
        async { answer }
    }));
    if let Some(on) = settings.metrics {
        let told = |error: io::Error| io::Error::new(error.kind(), format!("metrics on {on:?}: {error}"));
        tasks.spawn(http::serve(on, shared.clone()).map_err(told)?);
    }
    let told = match watch::nftables(&changed) {
        Ok(watching) => {
            tasks.spawn(watching);
            true
        }
        Err(error) => {
            warn!(%error, "nf_tables tells of no changes: they are looked for");
            false
        }
    };
    info!(socket = settings.socket, "keeping the rules of a gateway");
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: leaving, the rules stay"),
        _ = interrupt.recv() => info!("SIGINT: leaving, the rules stay"),
        error = passes(&settings, &shared, &changed, told) => return Err(error),
    }
    Ok(())
}

/// Pass after pass. `told`: changes of nf_tables are told.
async fn passes(settings: &Settings, shared: &Shared, changed: &Arc<Notify>, told: bool) -> io::Error {
    let mut kernel = match Kernel::open(changed) {
        Ok(kernel) => kernel,
        Err(error) => return error,
    };
    let mut flavours = vec![settings.flavour; settings.families.len()];
    loop {
        let mut lost = false;
        for (index, wanted) in settings.families.iter().enumerate() {
            let found =
                pass::run(&kernel, wanted, flavours[index], Mode { dry: false, sysctls: false }).await;
            // The one that was chosen is kept as long as it works.
            flavours[index] = found.as_ref().map_or(settings.flavour, |found| Some(found.flavour));
            lost |= matches!(&found, Err(Failure::Kernel(trouble)) if Kernel::is_lost(trouble));
            shared.note(index, found);
        }
        shared.passed();
        if let (true, Ok(anew)) = (lost, Kernel::open(changed)) {
            kernel = anew;
        }
        tokio::time::sleep(REST).await;
        let all_told = told && flavours.iter().all(|flavour| *flavour == Some(Flavour::Nft));
        let look = if all_told { LOOK } else { LOOK_UNTOLD };
        // Elapsed: time for a look anyway.
        let _ = tokio::time::timeout(look, changed.notified()).await;
    }
}
