//! Our `gobgp` against GoBGP's own, word for word: both ask the same `gobgpd` 4.8, whose neighbours are FRR, another
//! `gobgpd`, and nobody.
//!
//! Only what a clock or a map's order decides is masked before comparing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod lab;
mod mask;

use std::time::Duration;

use serde_json::Value;
use tests::fault::{Fault, Result, ensure};
use tests::wait;

use lab::{LIMIT, Lab, original};
use mask::without_clocks;

/// Every command, and several ways to spell it. In turn: flags, the list, one neighbour, its tables, the global table,
/// what is refused.
const COMMANDS: &str = "
--version
neighbor
neigh -a ipv6
n -a foo
-q neighbor
-j neighbor
neighbor 10.0.1.1
neighbor fd00:1::1
neighbor 10.0.2.1
neighbor 10.0.2.1 -a ipv4
neighbor 10.0.2.1 -a foo
neighbor fd00:2::1
neighbor 10.0.2.99
neighbor fd00:2:abcd:ef01:2345:6789:abcd:ef01
neighbor 10.0.1.1 -j
neighbor 10.0.2.1 -j
neighbor 10.0.2.99 --json
neighbor 10.0.9.9
neighbor 10.0.9.9 -j
neighbor 10.0.2.1 adj-in
neighbor 10.0.2.1 adj-in -a ipv6
neighbor 10.0.2.1 adj-in 10.32.0.0/16
neighbor 10.0.2.1 adj-in 10.32.0.0/16 longer-prefixes
neighbor 10.0.2.1 adj-in 10.32.1.0/24 shorter-prefixes
neighbor 10.0.2.1 adj-in 10.99.0.0/16
neighbor 10.0.2.1 adj-in here
neighbor 10.0.2.1 adj-in 10.32.0.0/16 shorter
neighbor 10.0.2.1 adj-in -j
neighbor 10.0.2.1 adj-in summary
neighbor 10.0.2.1 adj-in s -a 6 -j
neighbor 10.0.2.1 accepted
neighbor 10.0.2.1 rejected
neighbor 10.0.2.1 local
neighbor fd00:2::1 adj-in
neighbor fd00:2::1 adj-in -j
neighbor 10.0.1.1 adj-in
neighbor 10.0.1.1 adj-out
neighbor 10.0.1.1 adj-o -j
neighbor 10.0.1.1 adj-out summary
neighbor fd00:1::1 adj-out
neighbor 10.0.2.99 adj-in
neighbor 10.0.2.99 adj-out -j
neighbor 10.0.9.9 adj-in
neighbor 10.0.9.9 adj-in summary
neighbor 10.0.2.1 adj
neighbor 10.0.2.1 xyz
neighbor all reset
neighbor 10.0.2.99 softreset
neighbor 10.0.2.99 reset --reason bye
neighbor 10.0.2.99 shutdown --reason=bye
neighbor 10.0.9.9 disable
global
-j global
global rib
global rib -a v6
global rib 10.32.1.7
global rib 10.32.0.0/16 longer-prefixes
global rib 10.99.0.0/16
global rib -j
global rib -a ipv6 -j
global rib -a evpn
global rib -a foo
global rib summary
global rib summary -j
global rib here
-p 50052 global
-j --target unix:/nonexistent/socket global
-u ::1 global
global -a ipv6
--nonsense global
xyz
";

#[test]
fn our_gobgp_prints_what_gobgps_own_prints() {
    let lab = Lab::new().unwrap();
    let mut faults = Vec::new();
    let commands: Vec<&str> = COMMANDS.lines().filter(|line| !line.is_empty()).collect();
    for command in &commands {
        let args: Vec<&str> = command.split(' ').collect();
        faults.extend(lab.compare(&args).err().map(|fault| fault.to_string()));
    }
    let long = "x".repeat(129);
    faults.extend(
        lab.compare(&["neighbor", "10.0.2.1", "reset", "--reason", &long]).err().map(|f| f.to_string()),
    );
    assert!(faults.is_empty(), "{} of {} differ:\n{}", faults.len(), commands.len() + 1, faults.join("\n\n"));

    acts(&lab).unwrap();
    watches(&lab).unwrap();
}

/// What ours changes is changed in the eyes of GoBGP's.
fn acts(lab: &Lab) -> Result<()> {
    let silent = |args: &[&str]| {
        let (text, code) = lab.ours(args)?;
        ensure(text.is_empty() && code == Some(0), || format!("{args:?}: {code:?} {text}"))
    };
    let sent = |peer: &str, kind: &str| {
        let (text, _) = lab.theirs(&["neighbor", peer, "-j"])?;
        let peer: Value = serde_json::from_str(&text)?;
        Ok::<_, Fault>(peer["state"]["messages"]["sent"][kind].as_u64().unwrap_or(0))
    };
    // A soft reset inwards leaves no trace: gobgpd keeps what it received and asks nobody again.
    silent(&["neighbor", "10.0.1.1", "softresetin"])?;
    let updates = sent("10.0.1.1", "update")?;
    silent(&["neighbor", "10.0.1.1", "softresetout"])?;
    wait::until("the routes were sent again", LIMIT, || {
        let now = sent("10.0.1.1", "update")?;
        ensure(now > updates, || format!("{now} UPDATEs, as before"))
    })?;
    silent(&["neighbor", "10.0.2.99", "disable"])?;
    wait::until("it is administratively down", LIMIT, || {
        lab.compare(&["neighbor"])?;
        let (list, _) = lab.theirs(&["neighbor"])?;
        ensure(list.contains("Idle(Admin)"), || list)
    })?;
    silent(&["neighbor", "10.0.2.99", "enable"])?;
    wait::until("it no longer is", LIMIT, || {
        let (list, _) = lab.theirs(&["neighbor"])?;
        ensure(!list.contains("Idle(Admin)"), || list)
    })?;
    silent(&["neighbor", "all", "softreset"])?;
    silent(&["neighbor", "10.0.2.1", "reset", "--reason", "bye"])?;
    wait::until("a NOTIFICATION was sent", LIMIT, || {
        ensure(sent("10.0.2.1", "notification")? > 0, || "none".into())
    })?;
    Ok(())
}

/// Both watch one neighbour, where nobody is, while it is disabled and enabled.
fn watches(lab: &Lab) -> Result<()> {
    const NOBODY: &str = "fd00:2:abcd:ef01:2345:6789:abcd:ef01";
    let dir = lab.topology.dir();
    let watch = |program: &str, name: &str| {
        lab.asked().spawn(name, &[program, "monitor", "neighbor", NOBODY], &dir.join(name))
    };
    let (theirs, ours) = (watch(&original("gobgp"), "theirs")?, watch(&lab.ours, "ours")?);
    let switch = |to: &str| lab.theirs(&["neighbor", NOBODY, to]).map(|_| ());
    // Nothing says that a watch has begun, and a change before that is not seen.
    wait::until("both watch", LIMIT * 2, || {
        wait::until("it is active", LIMIT, || {
            let (text, _) = lab.theirs(&["neighbor", NOBODY])?;
            ensure(text.contains("SESSION_STATE_ACTIVE"), || text)
        })?;
        switch("disable")?;
        let down = |log: String| log.contains("fsm: SESSION_STATE_IDLE admin: ADMIN_STATE_DOWN");
        let seen = wait::until("the change is seen", Duration::from_secs(2), || {
            ensure(down(theirs.log()) && down(ours.log()), || "not yet".into())
        });
        if seen.is_err() {
            switch("enable")?;
        }
        seen
    })?;
    // From here on they must see the same, whatever each saw before.
    let seen = |log: String| log.lines().map(without_clocks).collect::<Vec<_>>();
    let (from, since) = (seen(theirs.log()).len(), seen(ours.log()).len());
    switch("enable")?;
    wait::until("both say the same", LIMIT, || {
        let (theirs, ours) = (seen(theirs.log()), seen(ours.log()));
        let (theirs, ours) = (&theirs[from..], &ours[since..]);
        let up = theirs.iter().any(|line| line.ends_with("fsm: SESSION_STATE_ACTIVE admin: ADMIN_STATE_UP"));
        ensure(up && theirs == ours, || format!("GoBGP's: {theirs:?}, ours: {ours:?}"))
    })?;
    Ok(())
}
