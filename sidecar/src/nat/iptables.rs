//! The programs `iptables-save` and `iptables-restore` of both families and flavours.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::flavour::Flavour;
use super::rules::MASQUERADE;
use super::settings::Family;

/// A program that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds for which the lock of the legacy flavour is waited for; less than [`PATIENCE`].
const LOCK: &str = "3";
/// The lock of the legacy flavour.
const LOCK_FILE: &str = "/run/xtables.lock";

/// Why a program was of no use.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It could not be started, read or written.
    #[error("{0}: {1}")]
    System(String, std::io::Error),
    /// It took too long.
    #[error("{0} did not end within {PATIENCE:?}")]
    Hung(String),
    /// It said no, and why.
    #[error("{0}: {1}")]
    Refused(String, String),
    /// Neither flavour works, with what each said.
    #[error("no iptables works: {0}; {1}")]
    None(Box<Fault>, Box<Fault>),
}

/// The name of one of the programs.
#[must_use]
pub fn program(family: Family, flavour: Flavour, what: &str) -> String {
    let six = if family == Family::V6 { "6" } else { "" };
    format!("ip{six}tables-{flavour}-{what}")
}

/// What `iptables-save -t nat` shows; nothing where the table is not there yet.
///
/// # Errors
/// [`Fault`].
pub async fn save(family: Family, flavour: Flavour) -> Result<String, Fault> {
    // The legacy program makes the table by looking at it.
    if flavour == Flavour::Legacy && legacy_tables(family).is_some_and(|names| !has_nat(&names)) {
        return Ok(String::new());
    }
    run(&program(family, flavour, "save"), &["-t", "nat"], "").await
}

/// Hands it to `iptables-restore --noflush`: all of it is done at once, or nothing.
///
/// # Errors
/// [`Fault`].
pub async fn restore(family: Family, flavour: Flavour, script: &str) -> Result<(), Fault> {
    run(&program(family, flavour, "restore"), &["-w", LOCK, "--noflush"], script).await.map(drop)
}

/// The flavour that has our rules, else the one that has any, else the first that works; with what it shows.
///
/// # Errors
/// [`Fault::None`].
pub async fn choose(family: Family) -> Result<(Flavour, String), Fault> {
    let [nft, legacy] = Flavour::ALL;
    let shown = (save(family, nft).await, save(family, legacy).await);
    let worth = |text: &str| match () {
        () if text.contains(MASQUERADE) => 2,
        () if text.lines().any(|line| line.starts_with("-A ")) => 1,
        () => 0,
    };
    match shown {
        (Ok(first), Ok(second)) if worth(&second) > worth(&first) => Ok((legacy, second)),
        (Ok(first), _) => Ok((nft, first)),
        (Err(_), Ok(second)) => Ok((legacy, second)),
        (Err(first), Err(second)) => Err(Fault::None(Box::new(first), Box::new(second))),
    }
}

/// The legacy tables there are; `None`: this user may not know, or the kernel has no such file.
fn legacy_tables(family: Family) -> Option<String> {
    let six = if family == Family::V6 { "6" } else { "" };
    match std::fs::read_to_string(format!("/proc/thread-self/net/ip{six}_tables_names")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        read => read.ok(),
    }
}

fn has_nat(names: &str) -> bool {
    names.lines().any(|name| name.trim() == "nat")
}

async fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, Fault> {
    let system = |error| Fault::System(program.to_owned(), error);
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    if let Some(lock) = other_lock() {
        command.env("XTABLES_LOCKFILE", lock);
    }
    let mut child = command.spawn().map_err(system)?;
    let mut stdin = child.stdin.take();
    let exchange = async {
        if let Some(stdin) = &mut stdin {
            // One that does not read to the end says why at its own.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        drop(stdin);
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(PATIENCE, exchange).await;
    let output = output.map_err(|_| Fault::Hung(program.to_owned()))?.map_err(system)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let said = if said.is_empty() { output.status.to_string() } else { said };
        return Err(Fault::Refused(program.to_owned(), said));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where the usual lock cannot be opened, on a read-only root or as another user, one that can; it keeps the programs of
/// this container apart, and there are no others in the pod.
fn other_lock() -> Option<std::path::PathBuf> {
    if std::env::var_os("XTABLES_LOCKFILE").is_some() {
        return None;
    }
    let usual =
        std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(LOCK_FILE);
    usual.is_err().then(|| std::env::temp_dir().join("xtables.lock"))
}
