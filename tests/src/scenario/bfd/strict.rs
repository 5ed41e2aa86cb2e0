//! A router that does not speak BFD: BGP goes on without it, or waits for it when it is told to.

use super::lab::{NEAR, Place, duel, told, with_bfd};
use crate::bfd::judge::Demands;
use crate::bfd::packet::UP;
use crate::fault::{During, Result};
use crate::matrix::bench::{S4, S6, table, waiting};
use crate::router::{BfdState, Kind, Session};

/// In strict mode there is no BGP until BFD is up.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn strict(kind: Kind) -> Result<()> {
    duel(
        kind,
        Place::link(),
        |duel| {
            duel.bench.route(waiting(&[S4, S6], Session::default())?)?;
            duel.bench.speak(&told(&NEAR).and(&[], "[defaults.bfd]\nstrict = true\n"))?;
            duel.bench.stays_down().during("the router speaks no BFD")?;
            duel.bench.route(with_bfd(&[S4, S6], Session::default())?)?;
            duel.bench.becomes(&table(S4, S6)?)?;
            duel.bfd_becomes(BfdState::Up).map(|_| vec![])
        },
        |seen| seen.showed(UP, 0),
    )
}

/// Otherwise it is as if the speaker had none either.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn lenient(kind: Kind) -> Result<()> {
    let place = Place { demands: Demands::single(4), ..Place::link() };
    duel(
        kind,
        place,
        |duel| {
            duel.bench.route(waiting(&[S4, S6], Session::default())?)?;
            duel.bench.speak(&told(&NEAR))?;
            duel.bench.becomes(&table(S4, S6)?)?;
            duel.bench.holds(&table(S4, S6)?).map(|()| vec![])
        },
        |_| Ok(()),
    )
}
