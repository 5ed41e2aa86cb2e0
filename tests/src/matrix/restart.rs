//! A speaker that is killed and started again, with and without graceful restart (RFC 4724).

use super::bench::{Bench, S4, S6, Shape, Told, run, table, waiting};
use super::monitor::Monitor;
use crate::capture::NOTIFICATION;
use crate::fault::{During, Result, ensure};
use crate::router::{Kind, Routes, Session};
use crate::wait;
use std::net::IpAddr;
use std::time::Duration;

/// How long the speaker is away, and how long nothing may flap after it is back.
const AWAY: Duration = Duration::from_secs(4);

/// From the end of a process, or of its time, to the router's table.
const SOON: Duration = Duration::from_secs(4);

const ROUTER: [&str; 2] = ["10.0.1.1", "fd00:1::1"];
const GRACEFUL: [&str; 2] = ["--graceful-restart", "--state-dir=DIR"];

/// Killed and started again, its routes stay in the router and nothing flaps; ended by SIGTERM they stay as well, and
/// go when its time is over, which also shows that the monitor sees a route go.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn graceful(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            let session = Session { graceful_restart: true, kernel: true, ..Session::default() };
            bench.route(waiting(&[S4, S6], session)?)?;
            let told = Told::new(&ROUTER).and(&GRACEFUL, "").and(&["--graceful-restart-time=12s"], "");
            let whole = table(S4, S6)?;
            bench.speak(&told)?;
            bench.becomes(&whole).during("at first")?;
            // The state file is written within a second of a change.
            wait::stays("the table", Duration::from_secs(2), || bench.is(&whole))?;

            let monitor = Monitor::start(bench)?;
            away(bench, &whole).during("while it is away")?;
            bench.speak(&told)?;
            back(bench, &whole).during("when it is back")?;
            monitor.saw_none_go(&whole).during("the router's monitor")?;

            // SIGTERM means staying, as for a new version: not a word, so that the router keeps the routes.
            bench.speaker()?.terminate()?;
            wait::stays("the table", AWAY, || bench.is(&whole)).during("after SIGTERM")?;
            bench.becomes_within(&Routes::new(), Duration::from_secs(20)).during("gone for good")?;
            monitor.saw_all_go(&whole).during("the router's monitor, at the end")
        },
        |(), verdict| {
            let ours: [IpAddr; 2] = [S4.parse()?, S6.parse()?];
            let mut said = verdict.messages.iter().filter(|message| message.kind == NOTIFICATION);
            let said = said.find(|message| ours.contains(&message.from));
            ensure(said.is_none(), || format!("the speaker said {said:?}"))
        },
    )
}

/// Killed: the sessions are gone in the router's own words, the table is not.
fn away(bench: &mut Bench, whole: &Routes) -> Result<()> {
    bench.speaker()?.kill()?;
    wait::until("the sessions are gone", SOON, || {
        bench.is(whole)?;
        let up = bench.router()?.established()?;
        ensure(up.is_empty(), || format!("Established are {up:?}"))
    })?;
    wait::stays("the table", AWAY, || bench.is(whole))
}

/// Started again: the table is never anything else, the sessions come back and stay.
fn back(bench: &Bench, whole: &Routes) -> Result<()> {
    let mut up = 0;
    wait::stays("the table", AWAY * 2, || {
        up = bench.router()?.established()?.len();
        bench.is(whole)
    })?;
    ensure(up == 2, || format!("{up} sessions are Established"))
}

/// Killed without graceful restart its routes go at once; started again they come back.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn plain(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            // The router would help; the speaker does not ask for it.
            let session = Session { graceful_restart: true, ..Session::default() };
            bench.route(waiting(&[S4, S6], session)?)?;
            let whole = table(S4, S6)?;
            bench.speak(&Told::new(&ROUTER))?;
            bench.becomes(&whole)?;
            bench.speaker()?.kill()?;
            bench.becomes_within(&Routes::new(), SOON).during("killed")?;
            bench.speak(&Told::new(&ROUTER))?;
            bench.becomes(&whole).map(drop)
        },
        |(), _| Ok(()),
    )
}
