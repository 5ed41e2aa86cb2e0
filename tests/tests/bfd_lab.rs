//! The BFD lab itself: that it reads the routers' sessions right, and that its judge of packets can fail.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use tests::bfd::judge::{Demands, Ends, judge, states};
use tests::bfd::pace::Pace;
use tests::bfd::packet::{DOWN, EXPIRED, UP, read};
use tests::capture::Capture;
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
    std::thread::sleep(Duration::from_secs(3));
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
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        let ends = Ends { ours, theirs };
        let pace = judge(&packets, ends, Demands::single(30))?;
        ensure(pace.gaps.len() > 20, || format!("{} regular gaps", pace.gaps.len()))?;
        let states = states(&packets, ends);
        let expired = states.iter().any(|(_, state, diagnostic)| (*state, *diagnostic) == (DOWN, EXPIRED));
        ensure(expired, || format!("no expired session in {states:?}"))?;
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
