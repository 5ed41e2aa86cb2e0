//! What a process must be allowed to do, in each of the two containers.

use std::time::Duration;

use tests::fault::{Result, ensure};
use tests::wait;

use super::lab::{ENVIRONMENT, Lab, OUTSIDE};

const LIMIT: Duration = Duration::from_secs(15);

/// The rights of the container `gateway`: root's user, two capabilities, none to be gained.
const CONTAINER: [&str; 5] =
    ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all,+net_admin,+net_raw", "--"];
/// The same for another user; Kubernetes cannot give it this way, whence the user above.
const AMBIENT: [&str; 9] = [
    "setpriv",
    "--no-new-privs",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all,+net_admin,+net_raw",
    "--ambient-caps=-all,+net_admin,+net_raw",
    "--bounding-set=-all,+net_admin,+net_raw",
    "--",
];
const NOTHING: [&str; 5] = ["setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"];

fn suffices(flavour: &'static str, rights: &[&str]) -> Result<()> {
    let lab = Lab::new(flavour)?;
    lab.gateway.exec(&["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])?;
    let daemon = lab.keep(&ENVIRONMENT, rights)?;
    wait::until("programmed", LIMIT, || {
        let both = lab.rules('4')? + &lab.rules('6')?;
        ensure(both.matches("-o net1 -j VEG-MASQUERADE").count() == 2, || daemon.log_tail())
    })?;
    let seen = lab.seen("10.16.0.9")?.to_string();
    ensure(seen == OUTSIDE[0], || seen)
}

#[test]
fn net_admin_and_net_raw_are_enough_for_root() {
    suffices("nft", &CONTAINER).unwrap();
    suffices("legacy", &CONTAINER).unwrap();
}

#[test]
fn ambient_net_admin_and_net_raw_are_enough_for_another_user() {
    suffices("nft", &AMBIENT).unwrap();
    suffices("legacy", &AMBIENT).unwrap();
}

fn refused() -> Result<()> {
    let lab = Lab::new("nft")?;
    let mut daemon = lab.keep(&ENVIRONMENT, &NOTHING)?;
    wait::until("told", LIMIT, || {
        daemon.check_alive()?;
        let log = daemon.log();
        let told = log.contains("rules cannot be kept") && log.contains("Operation not permitted");
        ensure(told, || daemon.log_tail())
    })?;
    let status = lab.sidecar(&[], &["status"])?;
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    ensure(status.status.code() == Some(1) && text.contains("NOT AS WANTED"), || text)
}

#[test]
fn without_rights_it_tells_and_tries_on() {
    refused().unwrap();
}
