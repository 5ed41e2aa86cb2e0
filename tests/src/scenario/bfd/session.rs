//! Sessions come up, their timers are changed on either side, either side takes them down on purpose.

use super::lab::{Duel, LIMIT, Place, duel, told, with_bfd};
use crate::bfd::judge::{Demands, Ends};
use crate::bfd::packet::{ADMIN_DOWN, BY_ADMINISTRATOR, DOWN, NEIGHBOR_DOWN, Packet, UP};
use crate::fault::{During, Result, ensure};
use crate::matrix::bench::{S4, S6, Shape, Told, table};
use crate::router::{Bfd, BfdState, Hops, Kind, Peering, Routes, Session};
use crate::topology::connections;
use crate::wait;
use std::time::Duration;

/// Forty gaps of 75 to 100 ms, see `bfd::pace`.
const PACED: Duration = Duration::from_millis(4200);

/// How long BGP must not notice.
const QUIET: Duration = Duration::from_secs(2);

/// On the link: up, timers changed by a Poll of either side, AdminDown of either side while BGP goes on, echo offered by
/// FRR and not taken.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn single_hop(kind: Kind) -> Result<()> {
    duel(
        kind,
        Place::link(),
        |duel| {
            let told = told(&super::lab::NEAR);
            up(duel, with_bfd(&[S4, S6], Session::default())?, &told, &table(S4, S6)?)?;
            by_poll(duel).during("timers changed by Poll")?;
            let whole = table(S4, S6)?;
            if kind == Kind::Frr {
                router_down(duel, &whole).during("AdminDown of the router")?;
            }
            let away = speaker_down(duel, &whole).during("AdminDown of the speaker")?;
            Ok(vec![away])
        },
        |seen| {
            seen.showed(UP, 0).or_else(|_| seen.showed(UP, NEIGHBOR_DOWN))?;
            seen.showed(ADMIN_DOWN, BY_ADMINISTRATOR)?;
            if kind == Kind::Frr {
                seen.showed(DOWN, NEIGHBOR_DOWN)?;
            }
            seen.ends.iter().try_for_each(|ends| polled(&seen.packets, *ends))
        },
    )
}

/// Two hops away: up, paced, on the other port.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn multihop(kind: Kind) -> Result<()> {
    let place = Place {
        shape: Shape::Routed,
        speaker: &[S4, S6],
        router: &["10.0.2.1", "fd00:2::1"],
        demands: Demands::multi(1, 40),
    };
    duel(
        kind,
        place,
        |duel| {
            let routes = vec![("ipv4", "10.0.1.0/24", "10.0.2.254"), ("ipv6", "fd00:1::/64", "fd00:2::fe")];
            let sources = place.router.to_vec();
            let session = Session { hops: Hops::Routed(2), routes, sources, ..Session::default() };
            let told = told(place.router).and(&["--ebgp-multihop=2"], "[defaults.bfd]\nmultihop = true\n");
            if kind != Kind::Bird {
                return up(duel, with_bfd(place.speaker, session)?, &told, &table(S4, S6)?).map(|()| vec![]);
            }
            // BIRD's packets start with the system's TTL, 64; those of all others with 255, which is expected here.
            let from = crate::capture::now();
            duel.bench.route(with_bfd(place.speaker, session.clone())?)?;
            duel.bench.speak(&told)?;
            wait::stays("BIRD's TTL is refused", QUIET, || {
                let up = duel.bench.router()?.bfd_is(&duel.speaker, BfdState::Up);
                ensure(up.is_err(), || "BFD is up".to_owned())
            })?;
            let told = told.and(&[], "[defaults.bfd]\nmultihop = true\nmin-ttl = 63\n");
            let until = crate::capture::now();
            up(duel, with_bfd(place.speaker, session)?, &told, &table(S4, S6)?).map(|()| vec![(from, until)])
        },
        |seen| seen.showed(UP, 0),
    )
}

/// Link-local addresses at both ends.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn link_local(kind: Kind) -> Result<()> {
    let place = Place {
        shape: Shape::Direct,
        speaker: &["fe80::11"],
        router: &["fe80::1"],
        demands: Demands::single(40),
    };
    duel(
        kind,
        place,
        |duel| {
            let session = Session { peering: Peering::LinkLocal, ..Session::default() };
            let want = table("", "fd00:1::11@fe80::11")?;
            up(duel, with_bfd(place.speaker, session)?, &told(&["fe80::1%eth1"]), &want).map(|()| vec![])
        },
        |seen| seen.showed(UP, 0),
    )
}

/// Signed, with every kind there is, on the link; a wrong key is not heard.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn signed() -> Result<()> {
    let kinds = [
        ("simple", "simple"),
        ("keyed md5", "md5"),
        ("meticulous keyed md5", "meticulous-md5"),
        ("keyed sha1", "sha1"),
        ("meticulous keyed sha1", "meticulous-sha1"),
    ];
    duel(
        Kind::Bird,
        Place::link(),
        |duel| {
            let from = crate::capture::now();
            let mut bfd = Bfd { auth: Some(("keyed sha1", "another")), ..Bfd::new(100, 3) };
            duel.bench.secret("key", "fabric\n")?;
            let file = duel.bench.file("key").display().to_string();
            let section =
                |kind: &str| format!("[defaults.bfd]\nauth = \"{kind}\"\nauth-key-file = \"{file}\"\n");
            let session = Session { bfd: Some(bfd), ..Session::default() };
            duel.bench.route(crate::matrix::bench::waiting(&[S4, S6], session)?)?;
            duel.bench.speak(&told(&super::lab::NEAR))?;
            duel.reload(&section("sha1"))?;
            wait::stays("the keys differ", QUIET, || {
                let up = duel.bench.router()?.bfd_is(&duel.speaker, BfdState::Up);
                ensure(up.is_err(), || "BFD is up".to_owned())
            })?;
            for (theirs, ours) in kinds {
                bfd.auth = Some((theirs, "fabric"));
                let router = duel.bench.router.as_mut();
                router.map_or(Ok(()), |router| router.set_bfd(bfd))?;
                duel.reload(&section(ours))?;
                duel.bfd_becomes(BfdState::Up).during(ours)?;
                wait::stays(ours, QUIET, || duel.bench.router()?.bfd_is(&duel.speaker, BfdState::Up))?;
            }
            Ok(vec![(from, crate::capture::now())])
        },
        |seen| {
            let signed = seen.packets.iter().filter(|packet| packet.authenticated && packet.state == UP);
            ensure(signed.count() > 40, || "the packets are not signed".to_owned())
        },
    )
}

/// Starts both; both are up, with the timers they were told, for as long as the judge needs to see their pace.
fn up(duel: &mut Duel<'_>, config: crate::router::Config, told: &Told, want: &Routes) -> Result<()> {
    let kind = duel.bench.kind;
    let echo = kind == Kind::Frr;
    let bfd = config.session.bfd.map(|bfd| Bfd { echo, ..bfd });
    let session = Session { bfd, ..config.session };
    duel.bench.route(crate::router::Config { session, ..config })?;
    duel.bench.speak(told)?;
    duel.bench.becomes(want)?;
    duel.bfd_becomes(BfdState::Up)?;
    duel.timers_become(100, 300)?;
    wait::stays("BFD", PACED, || duel.bench.router()?.bfd_is(&duel.speaker, BfdState::Up))
}

/// First the router's timers, then the speaker's.
fn by_poll(duel: &mut Duel<'_>) -> Result<()> {
    let router = duel.bench.router.as_mut();
    router.map_or(Ok(()), |router| router.set_bfd(Bfd::new(200, 4)))?;
    duel.timers_become(200, 600).during("the router's")?;
    duel.reload("[defaults.bfd]\nmin-tx = \"300ms\"\nmin-rx = \"250ms\"\nmultiplier = 5\n")?;
    duel.timers_become(250, 1500).during("the speaker's")?;
    duel.reload("[defaults.bfd]\nmin-tx = \"100ms\"\nmin-rx = \"100ms\"\n")?;
    duel.timers_become(200, 600).during("back")?;
    duel.bench.router()?.bfd_is(&duel.speaker, BfdState::Up)
}

/// Each side asked, and was answered by the other.
fn polled(packets: &[Packet], ends: Ends) -> Result<()> {
    let count = |which: fn(&Packet) -> bool, ours: bool| {
        let side = packets.iter().filter(|packet| if ours { ends.sent(packet) } else { ends.heard(packet) });
        side.filter(|packet| packet.state == UP && which(packet)).count()
    };
    let asked = [count(|packet| packet.poll, true), count(|packet| packet.poll, false)];
    let answered = [count(|packet| packet.is_final, false), count(|packet| packet.is_final, true)];
    let all = asked.iter().chain(&answered).all(|count| *count > 0);
    ensure(all, || format!("Polls of ours and theirs {asked:?}, Finals to them {answered:?}"))
}

/// The router takes BFD down on purpose; BGP goes on, at both ends.
fn router_down(duel: &mut Duel<'_>, whole: &Routes) -> Result<()> {
    let set = |duel: &mut Duel<'_>, shutdown| {
        let bfd = Bfd { shutdown, ..Bfd::new(200, 4) };
        duel.bench.router.as_mut().map_or(Ok(()), |router| router.set_bfd(bfd))
    };
    let before = connections(&duel.bench.r)?;
    set(duel, true)?;
    duel.bfd_becomes(BfdState::AdminDown)?;
    wait::stays("BGP", QUIET, || bgp_is(duel, whole))?;
    set(duel, false)?;
    duel.bfd_becomes(BfdState::Up)?;
    let after = connections(&duel.bench.r)?;
    ensure(before == after, || format!("BGP began anew: {before:?}, then {after:?}"))
}

/// The speaker does; returns when its sessions were not there. FRR 8.4 and BIRD 2.0 take that for a failure (against RFC
/// 5882 §3.2) and end BGP, which must come back without BFD, and stay when BFD does.
fn speaker_down(duel: &Duel<'_>, whole: &Routes) -> Result<(Duration, Duration)> {
    let from = crate::capture::now();
    duel.reload("[defaults.bfd]\nenabled = false\n")?;
    wait::until("the router's session is not up", LIMIT, || {
        let up = duel.bench.router()?.bfd_is(&duel.speaker, BfdState::Up);
        ensure(up.is_err(), || "it is".to_owned())
    })?;
    wait::until("BGP without BFD", LIMIT, || bgp_is(duel, whole))?;
    let before = connections(&duel.bench.r)?;
    duel.reload("[defaults.bfd]\nenabled = true\n")?;
    duel.bfd_becomes(BfdState::Up)?;
    let until = crate::capture::now();
    wait::stays("BGP", QUIET, || bgp_is(duel, whole))?;
    let after = connections(&duel.bench.r)?;
    ensure(before == after, || format!("BGP began anew: {before:?}, then {after:?}"))?;
    Ok((from, until))
}

fn bgp_is(duel: &Duel<'_>, whole: &Routes) -> Result<()> {
    let up = duel.bench.router()?.established()?;
    ensure(duel.speaker.iter().all(|peer| up.contains(peer)), || format!("Established are {up:?}"))?;
    duel.bench.is(whole)
}
