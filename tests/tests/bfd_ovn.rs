//! The sidecar's BFD in a gateway's pod against OVN's ovn-controller, and against the BFD of ovs-vswitchd. The judges are
//! the southbound database and `ovs-appctl bfd/show`, beside the capture.

use std::sync::Arc;
use std::time::Duration;
use tests::bfd::judge::{Demands, Ends, judge, states};
use tests::bfd::packet::{ADMIN_DOWN, BY_ADMINISTRATOR, DOWN, EXPIRED, NEIGHBOR_DOWN, Packet, UP, read};
use tests::capture::{Capture, now};
use tests::fault::{During, Fault, Result, ensure};
use tests::netns::Netns;
use tests::ovn::Ovn;
use tests::ovn::bfd::Timers;
use tests::ovn::switch::Switch;
use tests::ovn::vpc::BFD_PORT;
use tests::sidecar::Sidecar;
use tests::topology::{Way, mend, silence};
use tests::wait;

const LIMIT: Duration = Duration::from_secs(15);

/// Detection is 300 ms at 100 ms × 3. What ovn-controller learns from a packet, and not from its clock, is in the database
/// when its main loop next wakes: within 5 s.
const SOON: Duration = Duration::from_secs(7);
/// From the sidecar's last packet to OVN's word in its database: a detection time of 0.3 s, with room.
const SILENCE: Duration = Duration::from_secs(2);

/// Forty gaps of 75 to 100 ms: the judge wants to see jitter.
const PACED: Duration = Duration::from_millis(4200);

const GATEWAY: [(&str, &str); 2] = [("192.168.0.2", "10.9.0.0/16"), ("fd00:8::2", "fd00:9::/64")];

/// The segment whose link is `eth0`.
const ETH0: u8 = 0;

struct Pod {
    ovn: Ovn,
    sidecar: Sidecar,
    netns: Arc<Netns>,
    dir: tempfile::TempDir,
}

impl Pod {
    fn new() -> Result<(Self, Capture)> {
        let dir = tempfile::tempdir()?;
        let ovn = Ovn::start(&Arc::new(Netns::new("ovn")?), &dir.path().join("ovn"))?;
        ovn.make_vpc()?;
        let netns = ovn.host("gw", 2)?;
        for gateway in ["192.168.0.1", "fd00:8::1"] {
            // The capture must have packets when they are sent, not when the way to the router is found.
            netns.ip(&["neighbor", "add", gateway, "lladdr", "02:00:00:00:00:01", "dev", "eth0"])?;
        }
        let capture = Capture::on(&netns, "eth0", &dir.path().join("gw.pcapng"))?;
        let sidecar = start(&netns, &dir)?;
        Ok((Self { ovn, sidecar, netns, dir }, capture))
    }

    /// Both ends say so of both sessions.
    fn are(&self, here: &str, there: &str, limit: Duration) -> Result<Duration> {
        let (_, took) = wait::until(&format!("{here} here, {there} there"), limit, || {
            GATEWAY.iter().try_for_each(|(gateway, _)| self.ovn.bfd_is(gateway, there))?;
            self.sidecar.shows(2, here)
        })?;
        Ok(took)
    }

    /// Neither end says that one of the sessions is up: who hears "down" may be Init.
    fn are_gone(&self) -> Result<()> {
        wait::until("no session is up", SOON, || {
            GATEWAY.iter().try_for_each(|(gateway, _)| self.ovn.bfd_is_not_up(gateway))?;
            self.sidecar.shows_none_up()
        })?;
        Ok(())
    }

    /// The sidecar says this of every session at level 4.
    fn says(&self, what: &str) -> Result<()> {
        wait::until(what, LIMIT, || {
            let status = self.sidecar.control(&["status", "all", "level", "4"])?;
            ensure(status.matches(what).count() == 2, || format!("not twice {what:?}: {status}"))
        })?;
        Ok(())
    }
}

fn start(netns: &Arc<Netns>, dir: &tempfile::TempDir) -> Result<Sidecar> {
    let peers = format!("BFD_PEER_IPS={}", BFD_PORT.join(","));
    let timers = ["BFD_MIN_TX=100", "BFD_MIN_RX=100", "BFD_MULTI=3"];
    let pod = ["POD_IPS=192.168.0.2,fd00:8::2", &peers];
    Sidecar::start(netns, dir.path(), &[&pod[..], &timers].concat())
}

fn with_state<T>(outcome: Result<T>, pod: &Pod) -> Result<T> {
    outcome.map_err(|fault| Fault::new(format!("{fault}\n{}\n{}", pod.sidecar.state(), pod.ovn.state())))
}

/// Judges what the sidecar sent, and returns the packets.
fn judged(capture: Capture, ends: &[(&str, &str)], away: &[(Duration, Duration)]) -> Result<Vec<Packet>> {
    let packets = read(&capture.end()?)?;
    for (ours, theirs) in ends {
        let ends = Ends::new(ours, theirs)?;
        let pace = judge(&packets, ends, Demands { away, ..Demands::single(40) }).map_err(|fault| {
            let back = Ends { ours: ends.theirs, theirs: ends.ours };
            Fault::new(format!("{fault}\n{:?}\n{:?}", states(&packets, ends), states(&packets, back)))
        })?;
        println!(
            "{ours}: {} packets, {} regular gaps, latest {} µs",
            pace.packets,
            pace.gaps.len(),
            pace.late
        );
    }
    Ok(packets)
}

fn showed(packets: &[Packet], from: &str, state: u64, diagnostic: u64) -> Result<()> {
    let mut sent = packets.iter().filter(|packet| packet.from.to_string() == from);
    let showed = sent.any(|packet| (packet.state, packet.diagnostic) == (state, diagnostic));
    ensure(showed, || format!("{from} did not show state {state} with diagnostic {diagnostic}"))
}

const ENDS: [(&str, &str); 2] = [("192.168.0.2", BFD_PORT[0]), ("fd00:8::2", BFD_PORT[1])];

/// Up, then timers changed on either side.
fn timers(pod: &Pod) -> Result<()> {
    let timers = Timers { min_tx: 100, min_rx: 100, multiplier: 3 };
    GATEWAY.iter().try_for_each(|(gateway, prefix)| pod.ovn.watch(gateway, prefix, timers))?;
    pod.are("Up", "up", LIMIT)?;
    wait::stays("both are up", PACED, || pod.are("Up", "up", Duration::ZERO).map(drop))?;
    pod.sidecar.control(&["session", "all", "set", "mintx", "300", "ms"])?;
    pod.says("LocalDesiredMinTx=300,000 us")?;
    pod.says("CurrentTxInterval=300,000 us").during("the sidecar's Poll")?;
    let slower = Timers { min_tx: 400, min_rx: 500, multiplier: 4 };
    GATEWAY.iter().try_for_each(|(gateway, _)| pod.ovn.watch_with(gateway, slower))?;
    pod.says("RemoteDesiredMinTx=400,000 us")?;
    pod.says("CurrentTxInterval=500,000 us").during("OVN's new timers")?;
    pod.are("Up", "up", LIMIT).map(drop)
}

#[test]
fn ovn_controller_comes_up_and_follows_a_poll() {
    let (pod, capture) = Pod::new().unwrap();
    with_state(timers(&pod), &pod).unwrap();
    let packets = judged(capture, &ENDS, &[]).unwrap();
    for (ours, theirs) in ENDS {
        let ends = Ends::new(ours, theirs).unwrap();
        let polls = packets.iter().filter(|packet| ends.sent(packet) && packet.poll && packet.state == UP);
        let finals = packets.iter().filter(|packet| ends.heard(packet) && packet.is_final);
        assert!(polls.count() > 0 && finals.count() > 0, "{ours}");
        // The router between takes one: what insists on 255 hears nothing here.
        assert!(packets.iter().filter(|packet| ends.heard(packet)).all(|packet| packet.ttl == 254));
    }
}

/// Each direction is lost once, for both families.
fn detection(pod: &Pod) -> Result<Vec<(Duration, Duration)>> {
    let timers = Timers { min_tx: 100, min_rx: 100, multiplier: 3 };
    GATEWAY.iter().try_for_each(|(gateway, prefix)| pod.ovn.watch(gateway, prefix, timers))?;
    pod.are("Up", "up", LIMIT)?;
    silence(&pod.netns, ETH0, Way::In)?;
    pod.are_gone().during("nothing comes in")?;
    mend(&pod.netns, ETH0)?;
    pod.are("Up", "up", LIMIT).during("mended")?;
    let from = now();
    silence(&pod.netns, ETH0, Way::Out)?;
    pod.are_gone().during("nothing goes out")?;
    mend(&pod.netns, ETH0)?;
    pod.are("Up", "up", LIMIT).during("mended again")?;
    // What it says then does not get as far as the capture.
    Ok(vec![(from, now())])
}

#[test]
fn ovn_controller_and_the_sidecar_notice_which_way_ever_is_lost() {
    let (pod, capture) = Pod::new().unwrap();
    let away = with_state(detection(&pod), &pod).unwrap();
    let packets = judged(capture, &ENDS, &away).unwrap();
    for (ours, _) in ENDS {
        showed(&packets, ours, DOWN, EXPIRED).unwrap();
        let told = [DOWN, 2, UP].iter().any(|state| showed(&packets, ours, *state, NEIGHBOR_DOWN).is_ok());
        assert!(told, "{ours} did not hear of it");
    }
}

/// The row asleep and awake, ovn-controller killed, the sidecar ended and started.
fn restarts(pod: &mut Pod) -> Result<Vec<(Duration, Duration)>> {
    let timers = Timers { min_tx: 100, min_rx: 100, multiplier: 3 };
    GATEWAY.iter().try_for_each(|(gateway, prefix)| pod.ovn.watch(gateway, prefix, timers))?;
    pod.are("Up", "up", LIMIT)?;
    GATEWAY.iter().try_for_each(|(gateway, prefix)| pod.ovn.use_watch(gateway, prefix, false))?;
    pod.are("Down", "admin_down", SOON).during("the rows are asleep")?;
    GATEWAY.iter().try_for_each(|(gateway, prefix)| pod.ovn.use_watch(gateway, prefix, true))?;
    pod.are("Up", "up", LIMIT).during("the rows are awake")?;
    pod.ovn.kill_controller()?;
    wait::until("the sidecar notices", SOON, || pod.sidecar.shows(2, "Down"))?;
    pod.ovn.start_controller()?;
    pod.are("Up", "up", LIMIT).during("ovn-controller restarted")?;
    let from = now();
    pod.sidecar.terminate()?;
    // A planned end is silence, which OVN sees after 0.3 s. What it is told would wait until ovn-controller's main loop wakes
    // for something else, up to 5 s.
    let (_, took) = wait::until("OVN hears nothing", SILENCE, || {
        GATEWAY.iter().try_for_each(|(gateway, _)| pod.ovn.bfd_is(gateway, "down"))
    })?;
    println!("OVN noticed the end of the sidecar after {took:?}");
    pod.sidecar = start(&pod.netns, &pod.dir)?;
    pod.are("Up", "up", LIMIT).during("the sidecar ended and started")?;
    pod.sidecar.kill()?;
    wait::until("OVN hears nothing", SILENCE, || {
        GATEWAY.iter().try_for_each(|(gateway, _)| pod.ovn.bfd_is(gateway, "down"))
    })?;
    pod.sidecar = start(&pod.netns, &pod.dir)?;
    pod.are("Up", "up", LIMIT).during("the sidecar killed and started")?;
    Ok(vec![(from, now())])
}

#[test]
fn ovn_controller_and_the_sidecar_survive_each_others_restarts() {
    let (mut pod, capture) = Pod::new().unwrap();
    let outcome = restarts(&mut pod);
    let away = with_state(outcome, &pod).unwrap();
    let packets = judged(capture, &ENDS, &away).unwrap();
    for (ours, _) in ENDS {
        let told = packets.iter().filter(|packet| packet.state == ADMIN_DOWN).count();
        assert_eq!(told, 0, "{ours} ended with a word that OVN is slow to act on");
    }
}

/// Everything against the switch's own BFD, which is IPv4 and single hop: TTL 255 comes in.
fn vswitchd(
    switch: &mut Switch,
    host: &Arc<Netns>,
    dir: &tempfile::TempDir,
) -> Result<Vec<(Duration, Duration)>> {
    let environment =
        ["POD_IPS=10.0.3.2", "BFD_PEER_IPS=10.0.3.1", "BFD_MIN_TX=100", "BFD_MIN_RX=100", "BFDD_GOODBYE=1"];
    let mut sidecar = Sidecar::start(host, dir.path(), &environment)?;
    switch.set_bfd("p1", &["enable=true", "min_tx=100", "min_rx=100"])?;
    let is = |switch: &Switch, sidecar: &Sidecar, state: &str, said: &[(&str, &str)], limit| {
        wait::until(state, limit, || {
            switch.bfd_says("p1", said)?;
            sidecar.shows(1, state)
        })
        .map(drop)
    };
    let up = [("Local Session State", "up"), ("Remote Session State", "up"), ("Forwarding", "true")];
    is(switch, &sidecar, "Up", &up, LIMIT)?;
    std::thread::sleep(PACED);
    switch.set_bfd("p1", &["min_tx=300", "min_rx=200"])?;
    let slower = [("Local Minimum TX Interval", "300ms"), ("TX Interval", "Approx 300ms"), up[0]];
    is(switch, &sidecar, "Up", &slower, LIMIT).during("the switch's Poll")?;
    sidecar.control(&["session", "all", "set", "minrx", "400", "ms"])?;
    let slowest = [("Remote Minimum RX Interval", "400ms"), ("TX Interval", "Approx 400ms"), up[0]];
    is(switch, &sidecar, "Up", &slowest, LIMIT).during("the sidecar's Poll")?;
    let gone = |switch: &Switch, sidecar: &Sidecar| {
        wait::until("neither end is up", SOON, || {
            switch.bfd_says("p1", &[("Forwarding", "false")])?;
            sidecar.shows_none_up()
        })
        .map(drop)
    };
    silence(host, ETH0, Way::In)?;
    gone(switch, &sidecar).during("nothing comes in")?;
    mend(host, ETH0)?;
    is(switch, &sidecar, "Up", &up, LIMIT).during("mended")?;
    let from = now();
    silence(host, ETH0, Way::Out)?;
    gone(switch, &sidecar).during("nothing goes out")?;
    mend(host, ETH0)?;
    is(switch, &sidecar, "Up", &up, LIMIT).during("mended again")?;
    switch.kill_daemon()?;
    wait::until("the sidecar notices", SOON, || sidecar.shows(1, "Down"))?;
    switch.start_daemon()?;
    is(switch, &sidecar, "Up", &up, LIMIT).during("ovs-vswitchd restarted")?;
    sidecar.terminate()?;
    let told = [("Forwarding", "false"), ("Remote Session State", "admin_down")];
    wait::until("the switch is told", SOON, || switch.bfd_says("p1", &told))?;
    let mut sidecar = Sidecar::start(host, dir.path(), &environment)?;
    is(switch, &sidecar, "Up", &up, LIMIT).during("the sidecar ended and started")?;
    sidecar.terminate()?;
    Ok(vec![(from, now())])
}

#[test]
fn ovs_vswitchd_does_all_of_that_too() {
    let dir = tempfile::tempdir().unwrap();
    let (netns, host) = (Arc::new(Netns::new("ovs").unwrap()), Arc::new(Netns::new("host").unwrap()));
    let mut switch = Switch::start(&netns, &dir.path().join("ovs")).unwrap();
    switch.tunnel_end("p1", &host).unwrap();
    let capture = Capture::on(&host, "eth0", &dir.path().join("host.pcapng")).unwrap();
    let outcome = vswitchd(&mut switch, &host, &dir);
    let said = switch.bfd("p1");
    let log = std::fs::read_to_string(dir.path().join("sidecar.log")).unwrap_or_default();
    let away = outcome.map_err(|fault| Fault::new(format!("{fault}\n{said:?}\n{log}"))).unwrap();
    let packets = judged(capture, &[("10.0.3.2", "10.0.3.1")], &away).unwrap();
    for (state, diagnostic) in [(DOWN, EXPIRED), (ADMIN_DOWN, BY_ADMINISTRATOR)] {
        showed(&packets, "10.0.3.2", state, diagnostic).unwrap();
    }
    let polls = packets.iter().filter(|packet| packet.poll && packet.state == UP);
    assert!(polls.count() >= 2);
}
