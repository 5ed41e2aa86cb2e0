//! The lab itself: that it reads the routers' tables right, and that its judge of messages can fail.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tests::capture::{Capture, OPEN, UPDATE, Verdict, now};
use tests::fault::{Fault, Result, ensure};
use tests::netns::Netns;
use tests::proc::Daemon;
use tests::router::{Config, Dialing, Kind, Router, Session};
use tests::scenario::{compare, parse};
use tests::topology::{Topology, connections, cut, mend};
use tests::wait;

const LIMIT: Duration = Duration::from_secs(20);

/// What the stand-ins announce to r1: a shared prefix per family, and one of n1's own.
const TABLE: &str = "
    10.16.0.0/16      10.0.1.11  10.0.1.12
    10.17.0.5/32      10.0.1.11
    fd00:10:16::/112  fd00:1::11 fd00:1::12
    fd00:10:17::5/128 fd00:1::11
";

/// A BIRD on a node, in the place of the speaker: static routes to r1.
fn stand_in(netns: &Arc<Netns>, host: u8, dir: &Path) -> Result<Daemon> {
    let own = if host == 1 {
        ["route 10.17.0.5/32 blackhole;", "route fd00:10:17::5/128 blackhole;"]
    } else {
        [""; 2]
    };
    let session = |name: &str, near: &str, far: &str, family: &str| {
        format!(
            "protocol bgp {name} {{ local {near} as 65000; neighbor {far} as 65001; hold time 3; keepalive time 1;
               connect delay time 1; connect retry time 1; error wait time 1, 2;
               {family} {{ import none; export all; next hop self; }}; }}\n"
        )
    };
    let config = format!(
        "log stderr all;\nrouter id 10.0.1.1{host};\nprotocol device {{}}\n\
         protocol static {{ ipv4; route 10.16.0.0/16 blackhole; {} }}\n\
         protocol static {{ ipv6; route fd00:10:16::/112 blackhole; {} }}\n{}{}",
        own[0],
        own[1],
        session("r4", &format!("10.0.1.1{host}"), "10.0.1.1", "ipv4"),
        session("r6", &format!("fd00:1::1{host}"), "fd00:1::1", "ipv6"),
    );
    let file = |end: &str| dir.join(format!("stand-in-{host}.{end}"));
    std::fs::write(file("conf"), config)?;
    let (conf, ctl) = (file("conf").display().to_string(), file("ctl").display().to_string());
    netns.spawn("stand-in", &["bird", "-f", "-c", &conf, "-s", &ctl], &file("log"))
}

fn peers() -> Vec<IpAddr> {
    ["10.0.1.11", "10.0.1.12", "fd00:1::11", "fd00:1::12"]
        .iter()
        .map(|peer| peer.parse().expect("a literal"))
        .collect()
}

fn config(dialing: Dialing) -> Config {
    let id = Ipv4Addr::new(10, 0, 1, 1);
    Config {
        asn: 65001,
        id,
        neighbor_asn: 65000,
        neighbors: peers(),
        hold: 3,
        dialing,
        session: Session::default(),
    }
}

/// Tables and sessions, a cut link, a restart, and a capture without fault, for one kind of router.
fn driver(kind: Kind, dialing: Dialing) -> Result<()> {
    let topology = Topology::new()?;
    let r1 = &topology.routers[0];
    let capture = Capture::start(r1, &topology.dir().join("r1.pcapng"))?;
    let mut router = Router::start(kind, r1, &topology.dir().join("r1"), config(dialing))?;
    compare(&router.routes()?, &parse("")?)?;
    let _first = stand_in(&topology.nodes[0], 1, topology.dir())?;
    let mut second = stand_in(&topology.nodes[1], 2, topology.dir())?;
    let full = |router: &Router| {
        wait::until("full table", LIMIT, || compare(&router.routes()?, &parse(TABLE)?))?;
        ensure(router.established()? == peers().into_iter().collect(), || "not all Established".into())?;
        ensure(router.paths()?.iter().all(|path| path.as_path == [65000]), || "AS paths".into())
    };
    full(&router)?;
    ensure(connections(r1)?.len() == 4, || "not four connections".into())?;

    cut(&topology.nodes[0], 1)?;
    let only_second = parse("10.16.0.0/16 10.0.1.12\n fd00:10:16::/112 fd00:1::12")?;
    let (_, took) = wait::until("n1 gone", LIMIT, || compare(&router.routes()?, &only_second))?;
    ensure(took > Duration::from_millis(1500), || format!("the cut was not silent: {took:?}"))?;
    mend(&topology.nodes[0], 1)?;
    full(&router)?;

    let from = now();
    router.kill()?;
    router.restart()?;
    full(&router)?;
    second.terminate()?;
    let only_first = parse(
        "10.16.0.0/16 10.0.1.11\n 10.17.0.5/32 10.0.1.11\n fd00:10:16::/112 fd00:1::11\n fd00:10:17::5/128 fd00:1::11",
    )?;
    wait::until("n2 gone", LIMIT, || compare(&router.routes()?, &only_first))?;
    router.stop()?;

    let verdict = capture.finish()?;
    verdict.check(&peers(), 20)?;
    for peer in peers() {
        ensure(!verdict.select(peer, OPEN, (from, now())).is_empty(), || format!("no OPEN from {peer}"))?;
        ensure(!verdict.select(peer, UPDATE, (from, now())).is_empty(), || format!("no UPDATE from {peer}"))?;
    }
    Ok(())
}

#[test]
fn frr_is_read_right() {
    driver(Kind::Frr, Dialing::Passive).unwrap();
}

#[test]
fn bird_is_read_right() {
    driver(Kind::Bird, Dialing::Passive).unwrap();
}

#[test]
fn gobgp_is_read_right() {
    driver(Kind::Gobgp, Dialing::Active).unwrap();
}

#[test]
fn exabgp_is_read_right() {
    driver(Kind::Exabgp, Dialing::Passive).unwrap();
}

#[test]
fn a_table_with_a_path_too_many_or_too_few_is_refused() {
    let right = parse(TABLE).unwrap();
    let more = parse(&format!("{TABLE} 10.9.0.0/16 10.0.1.11")).unwrap();
    assert_eq!(
        compare(&more, &right).unwrap_err().to_string(),
        "missing [], too many [10.9.0.0/16 via 10.0.1.11 from 10.0.1.11]"
    );
    assert!(compare(&right, &more).is_err());
    assert!(compare(&right, &right).is_ok());
}

/// An OPEN as AS 65000 with id 10.0.1.11, hold time 9 and no capability.
const OPEN_MESSAGE: [u8; 13] = [0, 29, 1, 4, 0xfd, 0xe8, 0, 9, 10, 0, 1, 11, 0];

/// An UPDATE for 10.16.0.0/16: ORIGIN, AS_PATH, NEXT_HOP. `next_hop_length` is 4 when it is right.
fn update(next_hop_length: u8) -> Vec<u8> {
    let mut body = vec![0, 43, 2, 0, 0, 0, 17, 0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0xfd, 0xe8];
    body.extend([0x40, 3, next_hop_length, 10, 0, 1, 11, 16, 10, 16]);
    let length = u16::try_from(16 + body.len()).expect("tens of octets").to_be_bytes();
    body[..2].copy_from_slice(&length);
    body[5..7].copy_from_slice(&18u16.to_be_bytes());
    body
}

/// Sends bodies behind good markers, in one segment or byte by byte, and has them judged.
fn judged(stream: &[u8], piece: usize) -> Result<Verdict> {
    let topology = Topology::new()?;
    let (router, node) = (&topology.routers[0], &topology.nodes[0]);
    let capture = Capture::start(router, &topology.dir().join("hand-made.pcapng"))?;
    let listener = router.enter(|| Ok(TcpListener::bind("10.0.1.1:179")?))?;
    let mut sender = node.enter(|| Ok(TcpStream::connect_timeout(&"10.0.1.1:179".parse()?, LIMIT)?))?;
    sender.set_nodelay(true)?;
    let (mut receiver, _) = listener.accept()?;
    receiver.set_read_timeout(Some(LIMIT))?;
    let mut got = vec![0; stream.len()];
    let mut at = 0;
    for part in stream.chunks(piece) {
        sender.write_all(part)?;
        receiver.read_exact(&mut got[at..at + part.len()])?;
        at += part.len();
    }
    ensure(got == stream, || "not what was sent".into())?;
    capture.finish()
}

fn stream(bodies: &[&[u8]]) -> Vec<u8> {
    bodies.iter().flat_map(|body| [&[0xff; 16], *body].concat()).collect()
}

fn check(verdict: &Verdict) -> Result<()> {
    verdict.check(&["10.0.1.11".parse()?], 2)
}

#[test]
fn the_judge_passes_sound_messages_however_they_are_cut_into_segments() {
    let sound = stream(&[&OPEN_MESSAGE, &update(4)]);
    for piece in [sound.len(), 7] {
        let verdict = judged(&sound, piece).unwrap();
        check(&verdict).unwrap();
        assert_eq!(verdict.messages.iter().map(|message| message.kind).collect::<Vec<_>>(), [OPEN, UPDATE]);
    }
}

#[test]
fn the_judge_fails_on_an_attribute_that_is_longer_than_its_message() {
    let fault = check(&judged(&stream(&[&OPEN_MESSAGE, &update(200)]), 4096).unwrap()).unwrap_err();
    assert!(fault.to_string().contains("10.0.1.11"), "{fault}");
}

#[test]
fn the_judge_fails_on_an_attribute_that_is_too_short() {
    let fault = check(&judged(&stream(&[&OPEN_MESSAGE, &update(3)]), 4096).unwrap()).unwrap_err();
    assert!(fault.to_string().contains("10.0.1.11"), "{fault}");
}

#[test]
fn the_judge_fails_on_bytes_that_are_no_message() {
    let mut broken = stream(&[&OPEN_MESSAGE]);
    let sound = broken.len();
    broken.extend(stream(&[&update(4)]));
    broken[sound + 3] = 0;
    let verdict = judged(&broken, sound).unwrap();
    let fault: Fault = check(&verdict).unwrap_err();
    assert!(fault.to_string().contains("no BGP message"), "{fault}");
}

#[test]
fn the_judge_wants_messages() {
    assert!(check(&judged(b"", 1).unwrap()).is_err());
}

#[test]
fn a_panic_leaves_no_namespace_behind() {
    let names = std::panic::catch_unwind(|| {
        let topology = Topology::new().unwrap();
        let name = topology.routers[0].name().to_owned();
        let _router = Router::start(
            Kind::Bird,
            &topology.routers[0],
            &topology.dir().join("r1"),
            config(Dialing::Passive),
        );
        std::panic::panic_any(name);
    });
    let name = names.unwrap_err().downcast::<String>().unwrap();
    assert!(!Path::new("/run/netns").join(*name).exists());
}
