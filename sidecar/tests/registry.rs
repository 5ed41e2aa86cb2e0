//! Commands against a real engine on a virtual clock: transcripts to the byte, and what heals itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::{Duration, Instant};

use bfd::State;
use bfd::engine::{Action, Datagram, Engine, Limits};
use bfd::net::SocketCounters;
use bfd::session::Hops;
use sidecar::address::Address;
use sidecar::beacon::{Registry, Snapshot};
use sidecar::command::{self, Command};
use sidecar::config::{Config, Environment};

/// A beacon without sockets, and the peers' side of the wire.
struct Lab {
    registry: Registry,
    engine: Engine,
    now: Instant,
    out: Vec<Action>,
}

impl Lab {
    /// Listening there, with what the environment says beside.
    fn new(passive: bool, listen: &str, peers: &str) -> Self {
        let flags = sidecar::cli::BfdFlags { passive, ..Default::default() };
        let mut variables = vec![("POD_IPS", listen.to_owned())];
        if !peers.is_empty() {
            variables.push(("BFD_PEER_IPS", peers.to_owned()));
        }
        let config = Config::resolve(&flags, &Environment::of(variables)).unwrap();
        let mut lab = Self {
            registry: Registry::new(&config),
            engine: Engine::new(Limits::default(), 7),
            now: Instant::now(),
            out: Vec::new(),
        };
        lab.reconcile();
        lab
    }

    fn reconcile(&mut self) {
        self.registry.reconcile(&mut self.engine, self.now, &mut self.out);
    }

    fn say(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        match command::parse(&words) {
            Ok(command) => self.execute(command),
            Err(text) => text,
        }
    }

    fn execute(&mut self, command: Command) -> String {
        self.registry.execute(&mut self.engine, self.now, &mut self.out, command)
    }

    fn snapshot(&mut self) -> Snapshot {
        self.registry.snapshot(&self.engine, SocketCounters::default(), self.now)
    }

    /// A control packet (RFC 5880 §4.1) from one address to another, with TTL 254 as of an OVN port.
    fn hear(&mut self, (from, to): (&str, &str), state: State, yours: u32) {
        let mut payload = vec![0x20, (state as u8) << 6, 3, 24];
        for word in [0x0042_4242, yours, 1_000_000, 1_000_000, 0] {
            payload.extend_from_slice(&u32::to_be_bytes(word));
        }
        let datagram = Datagram {
            payload: &payload,
            hops: Hops::Single,
            source: from.parse().unwrap(),
            destination: to.parse().unwrap(),
            interface: 2,
            ttl: 254,
            at: self.now,
        };
        self.engine.receive(self.now, &datagram, &mut self.out);
    }

    /// Has the session between these come up.
    fn bring_up(&mut self, (from, to): (&str, &str)) {
        self.hear((from, to), State::Down, 0);
        let ours = self.engine.sessions();
        let ours = ours.iter().find(|status| status.path.local == Some(to.parse().unwrap())).unwrap();
        let ours = ours.discriminator.get();
        self.hear((from, to), State::Init, ours);
    }
}

#[test]
fn a_beacon_is_told_everything_by_commands_and_speaks_first() {
    let mut lab = Lab::new(false, "10.0.0.2,fd00::2", "");
    assert_eq!(lab.say("status"), "There are 0 sessions:\n");
    assert_eq!(lab.say("session new set mintx 300 ms"), "Attempting to set mintx to 300,000 us.\n");
    assert_eq!(lab.say("session new set minrx 1 s"), "Attempting to set minrx to 1,000,000 us.\n");
    assert_eq!(lab.say("session new set multi 5"), "Attempting to set multi to 5.\n");
    assert_eq!(
        lab.say("session new set cpi yes"),
        "Attempting to set control plane independent (C) bit to yes.\n"
    );
    assert_eq!(
        lab.say("session new set admin_up_poll no"),
        "Attempting to disable admin_up_poll workaround.\n"
    );
    for _ in 0..2 {
        assert_eq!(lab.say("allow 10.0.0.1"), "Allowing connections from 10.0.0.1\n");
    }
    assert_eq!(
        lab.say("status"),
        "There are 1 sessions:\nSession 1\n id=1 local=10.0.0.2 (a) remote=10.0.0.1 state=Down \n"
    );
    let settings = &lab.engine.sessions()[0].settings;
    assert_eq!((settings.desired_min_tx.0, settings.detect_mult.get()), (300_000, 5));
    assert_eq!((settings.min_ttl, settings.control_plane_independent), (254, true));
    assert!(lab.out.iter().any(|action| matches!(action, Action::Transmit(..))), "it speaks first");
    assert_eq!(
        lab.say("block 10.0.0.1"),
        "Blocking connections from 10.0.0.1. This will not terminate any ongoing session.\n"
    );
    assert_eq!(lab.say("version"), format!("bfdd-beacon v{}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(lab.say("sTOP"), "stopping\n");
}

#[test]
fn a_passive_beacon_waits_and_calls_itself_passive() {
    let mut lab = Lab::new(true, "10.0.0.2", "10.0.0.1");
    lab.reconcile();
    assert_eq!(lab.say("status"), "There are 0 sessions:\n");
    let expected = lab.snapshot().expected;
    assert_eq!((expected.len(), expected[0].state), (1, None), "it is wanted all the same");
    lab.hear(("10.0.0.9", "10.0.0.2"), State::Down, 0);
    assert_eq!(lab.say("status"), "There are 0 sessions:\n", "nobody allowed that one");
    lab.bring_up(("10.0.0.1", "10.0.0.2"));
    lab.reconcile();
    let line = " id=1 local=10.0.0.2 (p) remote=10.0.0.1 state=Up \n";
    assert_eq!(lab.say("status"), format!("There are 1 sessions:\nSession 1\n{line}"));
    let connect = lab.say("connect local 10.0.0.2 remote 10.0.0.1");
    assert_eq!(connect, "Opened connection from local 10.0.0.2 to remote 10.0.0.1\n");
    assert!(lab.say("status 1").contains(" local=10.0.0.2 (a) "), "it became active");
}

#[test]
fn an_allowed_peer_that_speaks_first_has_an_active_session_all_the_same() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1");
    lab.say("session all kill");
    lab.hear(("10.0.0.1", "10.0.0.2"), State::Down, 0);
    assert!(lab.say("status").contains("(p)"));
    lab.reconcile();
    assert!(lab.say("status").contains("(a)"));
}

#[test]
fn sessions_are_named_by_number_or_by_both_ends() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1");
    let block = " id=1 \n local=10.0.0.2 (a) \n remote=10.0.0.1 \n state=Down \n";
    assert_eq!(lab.say("status 1"), block);
    assert_eq!(lab.say("status local 10.0.0.2 remote 10.0.0.1"), block);
    assert_eq!(lab.say("status remote 10.0.0.1 local 10.0.0.2"), block);
    assert_eq!(lab.say("status 77"), "No session with id=77.\n");
    assert_eq!(
        lab.say("status remote 10.0.0.1 local 10.0.0.3"),
        "No session with local ip=10.0.0.3 and remote ip=10.0.0.1.\n"
    );
    assert_eq!(lab.say("session 77 kill"), "Attempting to kill session(s).\nNo session with id=77.\n");
    assert_eq!(
        lab.say("session local fd00::0:2 remote fd00::1 set multi 4"),
        "Attempting to set multi to 4.\nNo session with local ip=fd00::2 and remote ip=fd00::1.\n"
    );
}

#[test]
fn states_are_held_and_let_go() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1");
    assert_eq!(
        lab.say("session all state down"),
        "Attempting to put session(s) into Down state with diagnostic <Path Down>.\n"
    );
    assert!(lab.say("status").contains(" state=Down<Forced> \n"));
    assert_eq!(
        lab.say("session 1 state admin 4"),
        "Attempting to put session(s) into AdminDown state with diagnostic <Forwarding Plane Reset>.\n"
    );
    assert!(lab.say("status").contains(" state=AdminDown<Forced> \n"));
    assert_eq!(
        lab.say("session 1 state up"),
        "Attempting to put session(s) into Up state with diagnostic <No Diagnostic>.\n"
    );
    assert!(lab.say("status").contains(" state=Down \n"));
    assert_eq!(lab.say("session 1 suspend"), "Attempting to suspend session(s).\n");
    assert!(lab.say("status").contains(" state=Down <Suspended>\n"));
    assert_eq!(lab.say("session 1 resume"), "Attempting to resume session(s).\n");
    assert!(lab.say("status").contains(" state=Down \n"));
}

#[test]
fn what_is_killed_comes_back_unless_it_is_blocked() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1");
    assert_eq!(lab.say("session all kill"), "Attempting to kill session(s).\n");
    assert_eq!(lab.say("status"), "There are 0 sessions:\n");
    assert_eq!(lab.say("session all kill"), "Attempting to kill session(s).\n", "none is a success");
    lab.reconcile();
    assert!(lab.say("status").contains(" id=2 "), "{}", lab.say("status"));
    assert_eq!(lab.snapshot().recovered, 1);
    lab.say("block 10.0.0.1");
    lab.reconcile();
    assert!(lab.say("status").contains(" id=2 "), "blocking ends nothing");
    lab.say("session 2 kill");
    lab.reconcile();
    assert_eq!(lab.say("status"), "There are 0 sessions:\n");
    lab.hear(("10.0.0.1", "10.0.0.2"), State::Down, 0);
    assert_eq!(lab.say("status"), "There are 0 sessions:\n");
}

#[test]
fn a_session_that_is_reset_is_a_new_one() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1");
    let first = lab.engine.sessions()[0].discriminator;
    let reset = lab.say("session local 10.0.0.2 remote 10.0.0.1 reset");
    assert_eq!(reset, "Attempting to reset session(s).\n");
    assert!(lab.say("status").contains(" id=2 local=10.0.0.2 (a) "));
    assert_eq!(
        lab.engine.sessions()[0].discriminator,
        first,
        "an OVN that goes on with the old one is understood"
    );
    assert_eq!(lab.snapshot().recovered, 0, "nothing had to be healed");
}

#[test]
fn a_bad_multiplier_changes_nothing() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1");
    for bad in ["256", "-3", "0"] {
        lab.say(&format!("session all set multi {bad}"));
        assert_eq!(lab.engine.sessions()[0].settings.detect_mult.get(), 3, "{bad}");
    }
    lab.say("session all set multi 200");
    assert_eq!(lab.engine.sessions()[0].settings.detect_mult.get(), 200);
}

#[test]
fn a_connection_that_cannot_be_is_refused_and_leaves_nothing() {
    let mut lab = Lab::new(false, "10.0.0.2", "");
    assert_eq!(
        lab.say("connect local 0.0.0.0 remote 10.0.0.1"),
        "Failed to open connection from local 0.0.0.0 to remote 10.0.0.1\n"
    );
    assert_eq!(lab.say("status"), "There are 0 sessions:\n");
}

#[test]
fn a_peer_no_session_can_be_with_is_allowed_and_counted() {
    let mut lab = Lab::new(false, "10.0.0.2", "");
    assert_eq!(lab.say("allow 224.0.0.1"), "Allowing connections from 224.0.0.1\n");
    assert_eq!(lab.say("allow 0.0.0.0"), "Allowing connections from 0.0.0.0\n", "an entry, and no wildcard");
    lab.reconcile();
    assert_eq!(lab.say("status"), "There are 0 sessions:\n");
    assert_eq!(lab.snapshot().failed, 3, "224.0.0.1, once by each command and once by the reconcile");
    lab.hear(("10.0.0.1", "10.0.0.2"), State::Down, 0);
    assert_eq!(lab.say("status"), "There are 0 sessions:\n", "0.0.0.0 allows nobody else");
}

#[test]
fn wildcards_listen_where_the_routes_say() {
    let mut lab = Lab::new(false, "0.0.0.0", "10.0.0.1,fd00::1");
    assert_eq!(lab.say("status"), "There are 0 sessions:\n", "no route, no end of ours");
    let remote = Address::parse("10.0.0.1").unwrap();
    assert_eq!(lab.registry.unsourced(), [remote], "of the family it listens on");
    lab.registry.refresh([(remote, "10.0.0.2".parse().unwrap())].into());
    lab.reconcile();
    let line = " id=1 local=10.0.0.2 (a) remote=10.0.0.1 state=Down \n";
    assert!(lab.say("status").ends_with(line));
    // The peer speaks to another address of ours: that session is used, and the guess is dropped.
    lab.bring_up(("10.0.0.1", "10.0.0.3"));
    lab.reconcile();
    let status = lab.say("status");
    assert!(status.starts_with("There are 1 sessions:\n") && status.contains(" local=10.0.0.3 "), "{status}");
    let expected = lab.snapshot().expected;
    assert_eq!((expected.len(), expected[0].state), (1, Some(State::Up)));
    lab.reconcile();
    assert_eq!(lab.engine.sessions().len(), 1, "and not guessed again");
}

#[test]
fn a_source_that_moves_takes_its_session_along() {
    let mut lab = Lab::new(false, "0.0.0.0", "10.0.0.1");
    let remote = Address::parse("10.0.0.1").unwrap();
    for source in ["10.0.0.2", "10.0.0.3"] {
        lab.registry.refresh([(remote, source.parse().unwrap())].into());
        lab.reconcile();
        let status = lab.say("status");
        assert!(status.contains("There are 1 sessions") && status.contains(source), "{status}");
    }
}

#[test]
fn the_time_without_any_session_up_is_told() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1,10.0.0.5");
    lab.now += Duration::from_secs(42);
    assert_eq!(lab.snapshot().none_up, Duration::from_secs(42));
    lab.bring_up(("10.0.0.1", "10.0.0.2"));
    assert_eq!(lab.snapshot().none_up, Duration::ZERO);
    let text = sidecar::metrics::text(&lab.snapshot()).unwrap();
    for line in [
        "kube_ovn_bfdd_expected_sessions 2",
        "kube_ovn_bfdd_up_sessions 1",
        "kube_ovn_bfdd_session_zero_seconds 0",
        "kube_ovn_bfdd_child_restarts_total 0",
        "kube_ovn_bfdd_child_circuit_open 0",
        "kube_ovn_bfdd_recovery_phase{local=\"10.0.0.2\",phase=\"Up\",remote=\"10.0.0.1\"} 1",
        "kube_ovn_bfdd_recovery_phase{local=\"10.0.0.2\",phase=\"Grace\",remote=\"10.0.0.5\"} 1",
        "kube_ovn_bfdd_circuit_open{local=\"10.0.0.2\",remote=\"10.0.0.5\"} 0",
        "kube_ovn_bfdd_recovery_attempts_total{action=\"ReplayConfiguration\",result=\"success\"} 0",
        "kube_ovn_bfdd_session_state{local=\"10.0.0.2\",remote=\"10.0.0.1\",role=\"active\"} 3",
        "kube_ovn_bfdd_received_packets_total 2",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
}

#[test]
fn what_is_expected_is_what_was_configured_whatever_is_commanded() {
    let mut lab = Lab::new(false, "10.0.0.2", "10.0.0.1");
    lab.bring_up(("10.0.0.1", "10.0.0.2"));
    lab.say("allow 10.0.0.9");
    assert_eq!(lab.snapshot().expected.len(), 1, "a guest makes nobody unready");
    for line in ["block 10.0.0.1", "session all kill"] {
        lab.say(line);
    }
    let expected = lab.snapshot().expected;
    assert_eq!((expected.len(), expected[0].state), (1, None), "and who is kept out is missed");
}

/// The reconcile runs on the BFD thread, so it must not grow with the square of the sessions.
#[test]
fn a_thousand_peers_are_looked_after() {
    let peers: Vec<String> =
        (0..2000).map(|host| format!("10.9.{}.{}", host / 200, host % 200 + 1)).collect();
    let mut lab = Lab::new(false, "10.0.0.2", &peers.join(","));
    assert_eq!(lab.engine.sessions().len(), 2000);
    let started = Instant::now();
    lab.reconcile();
    eprintln!("reconciled in {:?}", started.elapsed());
    assert_eq!(lab.snapshot().expected.len(), 2000);
    assert_eq!(lab.say("session all kill").lines().count(), 1);
    lab.reconcile();
    assert_eq!((lab.engine.sessions().len(), lab.snapshot().recovered), (2000, 2000));
}
