//! `sidecar nat`: the passes, when there is one, and how it ends.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::kernel::Kernel;
use super::pass::{self, Mode};
use super::report::{Report, Shared};
use super::settings::Settings;
use crate::probe;

/// What iptables shows is looked at this often: the legacy flavour tells nobody of changes.
const LOOK: Duration = Duration::from_millis(1500);
/// Between two looks at least, however much the kernel tells.
const REST: Duration = Duration::from_millis(100);
/// How long `prepare` waits for the ways to the gateways.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between its looks.
const AGAIN: Duration = Duration::from_millis(200);

/// Prints what would be changed. With `sysctls` as `prepare`, else as the loop, which leaves those to it.
///
/// # Errors
/// What cannot be looked at, of which family.
pub async fn dry(settings: &Settings, sysctls: bool) -> Result<(), String> {
    let kernel = Kernel::open(&Arc::new(Notify::new())).map_err(|error| format!("rtnetlink: {error}"))?;
    let mut changes = 0;
    for wanted in &settings.families {
        let found = pass::run(&kernel, wanted, settings.flavour, Mode { dry: true, sysctls }).await;
        let found = found.map_err(|error| format!("{}: {error}", wanted.family))?;
        found.done.iter().for_each(|done| println!("{done}"));
        found.drift.iter().for_each(|drift| println!("# by sidecar nat prepare: sysctl -w {}", drift.wanted));
        changes += found.done.len() + found.drift.len();
    }
    if changes == 0 {
        println!("# nothing is to be changed");
    }
    Ok(())
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
        found.done.iter().for_each(|done| info!(%family, command = %done.command, "set"));
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
    let kernel = Kernel::open(&changed)?;
    let shared = Shared::new(Report::new(&settings));
    let mut tasks = JoinSet::new();
    let listener = probe::listen(&settings.socket)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", settings.socket)))?;
    let asked = shared.clone();
    tasks.spawn(probe::accept(listener, move |word| {
        let answer = asked.answer(&word);
        async { answer }
    }));
    info!(socket = settings.socket, "keeping the rules of a gateway");
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: leaving, the rules stay"),
        _ = interrupt.recv() => info!("SIGINT: leaving, the rules stay"),
        () = passes(&kernel, &settings, &shared, &changed) => {}
    }
    Ok(())
}

async fn passes(kernel: &Kernel, settings: &Settings, shared: &Shared, changed: &Notify) {
    let mut flavours = vec![settings.flavour; settings.families.len()];
    loop {
        for (index, wanted) in settings.families.iter().enumerate() {
            let found = pass::run(kernel, wanted, flavours[index], Mode { dry: false, sysctls: false }).await;
            // The one that was chosen is kept as long as it works.
            flavours[index] = found.as_ref().map_or(settings.flavour, |found| Some(found.flavour));
            shared.note(index, found);
        }
        shared.passed();
        tokio::time::sleep(REST).await;
        // Elapsed: time for a look anyway.
        let _ = tokio::time::timeout(LOOK, changed.notified()).await;
    }
}
