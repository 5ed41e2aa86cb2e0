//! The BFD lab itself: that it reads the routers' sessions right, and that its judge of packets can fail.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};
use tests::bfd::judge::{Demands, Ends, judge, states};
use tests::bfd::pace::Pace;
use tests::bfd::packet::{DOWN, EXPIRED, UP, read};
use tests::capture::{Capture, now};
use tests::fault::{During, Result, ensure};
use tests::router::{Bfd, BfdState, Config, Dialing, Kind, Router, Session};
use tests::topology::{Topology, cut, mend};
use tests::wait;

const LIMIT: Duration = Duration::from_secs(20);
const NEAR: [&str; 2] = ["10.0.1.11", "fd00:1::11"];
const FAR: [&str; 2] = ["10.0.1.1", "fd00:1::1"];

fn parse(addresses: [&str; 2]) -> Result<[IpAddr; 2]> {
    Ok([addresses[0].parse()?, addresses[1].parse()?])
}

fn config(neighbors: [&str; 2], (asn, neighbor_asn): (u32, u32), dialing: Dialing) -> Result<Config> {
    let session = Session { bfd: Some(Bfd::new(100, 3)), ..Session::default() };
    let (neighbors, id) = (parse(neighbors)?.to_vec(), Ipv4Addr::new(10, 0, 9, asn.to_be_bytes()[3]));
    Ok(Config { asn, id, neighbor_asn, neighbors, hold: 9, dialing, session })
}

/// A router of this kind at one end, BIRD at the other in the place of the speaker.
fn driver(kind: Kind) -> Result<()> {
    let topology = Topology::new()?;
    let (r1, n1) = (&topology.routers[0], &topology.nodes[0]);
    let capture = Capture::start(r1, &topology.dir().join("r1.pcapng"))?;
    let near = config(NEAR, (65001, 65000), Dialing::Passive)?;
    let mut router = Router::start(kind, r1, &topology.dir().join("r1"), near)?;
    let far = config(FAR, (65000, 65001), Dialing::Active)?;
    let stand_in = Router::start(Kind::Bird, n1, &topology.dir().join("n1"), far)?;
    let (ours, theirs) = (parse(NEAR)?, parse(FAR)?);
    let both = |state| {
        wait::until("both ends", LIMIT, || {
            router.bfd_is(&ours, state)?;
            stand_in.bfd_is(&theirs, state)
        })
    };
    both(BfdState::Up)?;
    wait::until("BGP", LIMIT, || {
        let up = router.established()?;
        ensure(up == ours.into_iter().collect::<BTreeSet<_>>(), || format!("Established are {up:?}"))
    })?;
    timers(&router, &ours, (100, 300))?;
    ensure(router.bfd_is(&ours, BfdState::Down).is_err(), || "Up is taken for Down".to_owned())?;
    let from = now();
    cut(n1, 1)?;
    let (_, took) = both(BfdState::Down)?;
    ensure(took < Duration::from_secs(2), || format!("down after {took:?}: not by BFD"))?;
    mend(n1, 1)?;
    both(BfdState::Up).during("mended")?;
    router.set_bfd(Bfd { interval: 200, ..Bfd::new(200, 4) })?;
    wait::until("the other end's timers", LIMIT, || {
        timers(&stand_in, &theirs, (200, 800))?;
        timers(&router, &ours, (200, 600))
    })?;
    let packets = read(&capture.end()?)?;
    ensure(packets.iter().all(|packet| packet.fault.is_none()), || format!("{packets:?}"))?;
    for (ours, theirs) in theirs.into_iter().zip(ours) {
        let states = states(&packets, Ends { ours, theirs });
        let downs: Vec<_> = states.iter().filter(|(at, state, _)| *at > from && *state == DOWN).collect();
        ensure(downs.iter().any(|(_, _, diagnostic)| *diagnostic == EXPIRED), || format!("{states:?}"))?;
        ensure(states.last().is_some_and(|(_, state, _)| *state == UP), || format!("{states:?}"))?;
    }
    Ok(())
}

/// The router sends and gives up after these, in milliseconds.
fn timers(router: &Router, peers: &[IpAddr], (interval, detection): (u64, u64)) -> Result<()> {
    for (peer, session) in router.bfd()?.iter().filter(|(peer, _)| peers.contains(peer)) {
        let is = (session.interval, session.detection);
        let want = (Duration::from_millis(interval), Duration::from_millis(detection));
        ensure(is == want, || format!("{peer}: {is:?}, not {want:?}"))?;
    }
    Ok(())
}

#[test]
fn frr_is_read_right() {
    driver(Kind::Frr).unwrap();
}

#[test]
fn bird_is_read_right() {
    driver(Kind::Bird).unwrap();
}

/// What a hand-made sender says.
#[derive(Clone, Copy)]
struct Script {
    /// Milliseconds between two packets, over and over.
    gaps: &'static [u64],
    /// The octets of RFC 5880 §4.1 to change, by their index.
    spoil: &'static [(usize, u8)],
    source_port: u16,
    ttl: u32,
}

/// Up at 40 ms × 3, towards discriminator 2; soundly uneven.
const SOUND: Script = Script { gaps: &[31, 39, 33, 36, 38], spoil: &[], source_port: 50_000, ttl: 255 };

/// Sends 60 packets so and has them judged.
fn judged(script: Script) -> Result<Pace> {
    let topology = Topology::new()?;
    let (r1, n1) = (&topology.routers[0], &topology.nodes[0]);
    let capture = Capture::start(r1, &topology.dir().join("hand-made.pcapng"))?;
    let socket = n1.enter(|| {
        let socket = UdpSocket::bind(("10.0.1.11", script.source_port))?;
        socket.set_ttl(script.ttl)?;
        Ok(socket)
    })?;
    // Version 1, Up, multiplier 3, 24 octets, discriminators 1 and 2, 40 ms desired and required, no echo.
    let mut packet =
        [0x20, 0xc0, 3, 24, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40, 0, 0, 0, 0];
    for (index, octet) in script.spoil {
        packet[*index] = *octet;
    }
    let mut due = Instant::now();
    for gap in script.gaps.iter().cycle().take(60) {
        socket.send_to(&packet, "10.0.1.1:3784")?;
        due += Duration::from_millis(*gap);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let packets = read(&capture.end()?)?;
    ensure(packets.len() == 60, || format!("{} packets", packets.len()))?;
    judge(&packets, Ends::new("10.0.1.11", "10.0.1.1")?, Demands::single(60))
}

fn refused(script: Script, because: &str) {
    let fault = judged(script).expect_err("it was passed").to_string();
    assert!(fault.contains(because), "{fault}");
}

#[test]
fn the_judge_passes_sound_packets() {
    let pace = judged(SOUND).unwrap();
    assert!(pace.packets == 60 && pace.gaps.len() >= 55, "{pace:?}");
}

#[test]
fn the_judge_fails_on_a_pace_without_jitter() {
    refused(Script { gaps: &[36], ..SOUND }, "no jitter");
    refused(Script { gaps: &[38, 39, 40], ..SOUND }, "no jitter");
}

#[test]
fn the_judge_fails_on_packets_that_come_too_early() {
    refused(Script { gaps: &[31, 39, 33, 25, 24, 38], ..SOUND }, "are due");
}

#[test]
fn the_judge_fails_on_packets_that_come_too_late() {
    refused(Script { gaps: &[31, 39, 33, 36, 38, 120], ..SOUND }, "at an interval of 40000");
}

#[test]
fn the_judge_fails_on_a_pace_that_is_right_for_another_interval() {
    refused(Script { gaps: &[41, 47, 49, 43], ..SOUND }, "late");
    // Not Up, a second must be desired, and then kept.
    refused(Script { spoil: &[(1, 0x40)], ..SOUND }, "RFC 5880 §6.8.3");
    refused(Script { spoil: &[(1, 0x40), (13, 0x0f)], ..SOUND }, "are due");
}

#[test]
fn the_judge_fails_on_bad_fields() {
    let spoiled: [(&[(usize, u8)], &str); 9] = [
        (&[(0, 0x40)], "version"),
        (&[(1, 0xc1)], "multipoint"),
        (&[(1, 0xf0)], "Poll and Final"),
        (&[(1, 0xd0)], "no Poll asked for"),
        (&[(2, 0)], "multiplier"),
        (&[(3, 23)], "tshark"),
        (&[(7, 0)], "discriminator"),
        (&[(11, 0)], "towards nobody"),
        (&[(22, 1)], "echo"),
    ];
    std::thread::scope(|scope| {
        for (spoil, because) in spoiled {
            scope.spawn(move || refused(Script { spoil, ..SOUND }, because));
        }
    });
}

#[test]
fn the_judge_fails_on_another_ttl_or_port() {
    refused(Script { ttl: 254, ..SOUND }, "TTL");
    refused(Script { source_port: 49_151, ..SOUND }, "source port");
}
