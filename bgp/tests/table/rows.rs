//! The table: for each event what becomes of Idle, of Idle left alone, Connect, Active, `OpenSent`, `OpenConfirm`,
//! Established and Established with graceful restart, in this order. "Event" numbers are those of RFC 4271 §8.1.
//!
//! Departures: Idle of the RFC with its retry timer running is Active here, for a peer that dials can also be let in;
//! a fresh connection gets our OPEN at once; a failed dial is retried from Active.

use bgp::fsm::State::{self, Active, Connect, Established, Idle, OpenConfirm, OpenSent};

use super::Kind::{
    self, AbandonDial, AskRefresh, Close, Dial, Down, Failed, Keepalive, Note, Open, Retain, Up,
};
use super::Kind::{Refresh, RefreshBegins, RefreshEnds, Update};
use super::lab::{CONN as C, OTHER as O};
use super::{GIVEN, Stimulus};

pub(super) type Cell = (State, Vec<Kind>);

/// Nothing happens.
fn ignored() -> [Cell; 8] {
    GIVEN.map(|given| (given.state(), vec![]))
}

/// Ignored without a connection or a dial; then what `OpenSent`, `OpenConfirm`, Established and Graceful make of it.
fn with_connection(cells: [Cell; 4]) -> [Cell; 8] {
    let [idle, left_alone, connect, active, ..] = ignored();
    let [sent, confirm, up, graceful] = cells;
    [idle, left_alone, connect, active, sent, confirm, up, graceful]
}

fn stay(kinds: [&[Kind]; 4]) -> [Cell; 8] {
    let [sent, confirm, up, graceful] = kinds.map(<[Kind]>::to_vec);
    with_connection([(OpenSent, sent), (OpenConfirm, confirm), (Established, up), (Established, graceful)])
}

/// The connection ends with a NOTIFICATION of ours and is tried again.
fn refused(code: u8, subcode: u8) -> Cell {
    (Active, vec![Note(C, code, subcode), Close(C), Failed])
}

/// The session does, nothing is kept.
fn dropped(code: u8, subcode: u8) -> Cell {
    (Active, vec![Note(C, code, subcode), Close(C), Down])
}

/// The session does, and the peer may come back for its routes.
fn suspended(code: u8, subcode: u8) -> Cell {
    (Active, vec![Note(C, code, subcode), Close(C), Retain, Down])
}

/// Not expected here: the finite state machine error of the state (RFC 6608 §3).
fn unexpected(sent: Cell, confirm: Cell) -> [Cell; 8] {
    with_connection([sent, confirm, dropped(5, 3), suspended(5, 3)])
}

/// Stopped with Cease/2, where it would be graceful inside of Cease/9 (Event 2, RFC 8538 §4).
fn stopped() -> [Cell; 8] {
    [
        (Idle, vec![]),
        (Idle, vec![]),
        (Idle, vec![AbandonDial]),
        (Idle, vec![]),
        (Idle, vec![Note(C, 6, 2), Close(C), Failed]),
        (Idle, vec![Note(C, 6, 2), Close(C), Failed]),
        (Idle, vec![Note(C, 6, 2), Close(C), Down]),
        (Idle, vec![Note(C, 6, 9), Close(C), Down]),
    ]
}

pub(super) fn row(stimulus: Stimulus) -> [Cell; 8] {
    match stimulus {
        // Event 1.
        Stimulus::Start => {
            let [_, others @ ..] = ignored();
            let [left_alone, connect, active, sent, confirm, up, graceful] = others;
            [(Connect, vec![Dial]), left_alone, connect, active, sent, confirm, up, graceful]
        }
        Stimulus::Stop | Stimulus::Leave => stopped(),
        Stimulus::Abandon => [
            (Idle, vec![]),
            (Idle, vec![]),
            (Idle, vec![AbandonDial]),
            (Idle, vec![]),
            (Idle, vec![Close(C), Failed]),
            (Idle, vec![Close(C), Failed]),
            (Idle, vec![Close(C), Down]),
            (Idle, vec![Close(C), Down]),
        ],
        Stimulus::Reset => with_connection([refused(6, 4), refused(6, 4), dropped(6, 4), suspended(6, 4)]),
        // Event 8 after RFC 4486 §4.
        Stimulus::PrefixLimit => with_connection([
            (OpenSent, vec![]),
            (OpenConfirm, vec![]),
            (Idle, vec![Note(C, 6, 1), Close(C), Down]),
            (Idle, vec![Note(C, 6, 9), Close(C), Down]),
        ]),
        Stimulus::BfdSilent => ignored(),
        Stimulus::BfdAwaited | Stimulus::BfdUp | Stimulus::BfdDown | Stimulus::BfdDownKept => bfd(stimulus),
        Stimulus::AskAgain => stay([&[], &[], &[], &[AskRefresh(C)]]),
        Stimulus::DialNow => {
            let [idle, left_alone, _, _, sent, confirm, up, graceful] = ignored();
            let (connect, active) = ((Connect, vec![AbandonDial, Dial]), (Connect, vec![Dial]));
            [idle, left_alone, connect, active, sent, confirm, up, graceful]
        }
        Stimulus::Wrote | Stimulus::Blocked | Stimulus::TickEarly => ignored(),
        // Event 16; where no dial is under way it was abandoned.
        Stimulus::Connected => {
            let mut cells = ignored().map(|(state, _)| (state, vec![Close(O)]));
            cells[2] = (OpenSent, vec![Open(O)]);
            cells
        }
        // Event 18.
        Stimulus::DialFailed => {
            let mut cells = ignored();
            cells[2] = (Active, vec![Failed]);
            cells
        }
        // Event 17; §6.8 for a second one, RFC 4724 §5 for the last cell.
        Stimulus::Accepted => [
            (Idle, vec![Close(O)]),
            (Idle, vec![Note(O, 6, 5), Close(O)]),
            (OpenSent, vec![Open(O)]),
            (OpenSent, vec![Open(O)]),
            (OpenSent, vec![Open(O)]),
            (OpenConfirm, vec![Open(O)]),
            (Established, vec![Keepalive(C), Note(O, 6, 7), Close(O)]),
            (OpenSent, vec![Close(C), Retain, Down, Open(O)]),
        ],
        stimulus => message_or_tick(stimulus),
    }
}

/// RFC 5882 §4.2 and §4.3, RFC 9384 §3, RFC 8538 §4: who stopped stays so, whatever BFD says, and so does who is left alone.
fn bfd(stimulus: Stimulus) -> [Cell; 8] {
    let [idle, left_alone, _, active, sent, confirm, up, graceful] = ignored();
    if stimulus == Stimulus::BfdUp {
        let (connect, active) = ((Connect, vec![AbandonDial, Dial]), (Connect, vec![Dial]));
        return [idle, left_alone, connect, active, sent, confirm, up, graceful];
    }
    if stimulus == Stimulus::BfdAwaited {
        let out = || (Idle, vec![Note(C, 6, 5), Close(C), Failed]);
        let (connect, active) = ((Idle, vec![AbandonDial]), (Idle, vec![]));
        return [idle, left_alone, connect, active, out(), out(), up, graceful];
    }
    let connect = (Active, vec![AbandonDial]);
    let graceful = match stimulus {
        Stimulus::BfdDownKept => suspended(6, 10),
        _ => dropped(6, 9),
    };
    [idle, left_alone, connect, active, refused(6, 10), refused(6, 10), dropped(6, 10), graceful]
}

fn message_or_tick(stimulus: Stimulus) -> [Cell; 8] {
    let lost = |kinds: &[Kind]| (Active, kinds.to_vec());
    match stimulus {
        // Event 19.
        Stimulus::GoodOpen => unexpected((OpenConfirm, vec![Keepalive(C)]), refused(5, 2)),
        // Event 22.
        Stimulus::BadOpen => unexpected(refused(2, 2), refused(5, 2)),
        // Event 27.
        Stimulus::Update | Stimulus::EndOfRib => {
            let passed = || (Established, vec![Update]);
            with_connection([refused(5, 1), refused(5, 2), passed(), passed()])
        }
        // Event 25: never answered.
        Stimulus::Notification => with_connection([
            lost(&[Close(C), Failed]),
            lost(&[Close(C), Failed]),
            lost(&[Close(C), Down]),
            lost(&[Close(C), Retain, Down]),
        ]),
        Stimulus::HardReset => with_connection([
            lost(&[Close(C), Failed]),
            lost(&[Close(C), Failed]),
            lost(&[Close(C), Down]),
            lost(&[Close(C), Down]),
        ]),
        // Event 26.
        Stimulus::Keepalive => with_connection([
            refused(5, 1),
            (Established, vec![Up]),
            (Established, vec![]),
            (Established, vec![]),
        ]),
        // RFC 2918 §4; the markers of RFC 7313 §4 only where both speak it.
        Stimulus::RefreshAsked => refresh(&[Refresh], &[Refresh]),
        Stimulus::RefreshBegins => refresh(&[], &[RefreshBegins]),
        Stimulus::RefreshEnds => refresh(&[], &[RefreshEnds]),
        Stimulus::RefreshForeign => refresh(&[], &[]),
        // Event 21, here a message type nobody knows; 22 and 28 take the same way.
        Stimulus::Broken => with_connection([refused(1, 3), refused(1, 3), dropped(1, 3), suspended(1, 3)]),
        // Event 18.
        Stimulus::Lost => with_connection([
            lost(&[Close(C), Failed]),
            lost(&[Close(C), Failed]),
            lost(&[Close(C), Down]),
            lost(&[Close(C), Retain, Down]),
        ]),
        stimulus => tick(stimulus),
    }
}

fn refresh(up: &[Kind], graceful: &[Kind]) -> [Cell; 8] {
    let up = (Established, up.to_vec());
    with_connection([refused(5, 1), refused(5, 2), up, (Established, graceful.to_vec())])
}

/// Three seconds, half a minute, a minute, a hold time, a send hold time later.
fn tick(stimulus: Stimulus) -> [Cell; 8] {
    // Event 9, of a dial and of the pause after one. Whoever is left alone is so for a minute.
    let idle = (Idle, vec![]);
    let (connect, active) = ((Active, vec![AbandonDial, Failed]), (Connect, vec![Dial]));
    let left_alone = match stimulus {
        Stimulus::TickDial | Stimulus::TickKeepalive => idle.clone(),
        _ => (Connect, vec![Dial]),
    };
    let alive = |state| (state, vec![Keepalive(C)]);
    let [sent, confirm, up, graceful] = match stimulus {
        Stimulus::TickDial => {
            [(OpenSent, vec![]), (OpenConfirm, vec![]), (Established, vec![]), (Established, vec![])]
        }
        // Event 11.
        Stimulus::TickKeepalive => {
            [(OpenSent, vec![]), alive(OpenConfirm), alive(Established), alive(Established)]
        }
        // Event 10: before the OPEN the hold timer is a minute.
        Stimulus::TickMinute => [refused(4, 0), alive(OpenConfirm), alive(Established), alive(Established)],
        Stimulus::TickHold => [refused(4, 0), refused(4, 0), dropped(4, 0), suspended(4, 0)],
        // Event 29 (RFC 9687 §4.3); a session only has this timer.
        Stimulus::TickSendHold => [refused(4, 0), refused(4, 0), dropped(8, 0), suspended(8, 0)],
        other => unreachable!("{other:?} is no tick"),
    };
    [idle, left_alone, connect, active, sent, confirm, up, graceful]
}
