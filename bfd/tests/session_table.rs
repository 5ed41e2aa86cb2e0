//! Every local state against every packet and every event, by hand from RFC 5880 §6.8.4, §6.8.6, §6.8.16 and §6.8.18.
//! The tables are matches without `_`: a cell that is missing does not compile.

mod session_desk;

use bfd::engine::Control;
use bfd::session::Reason;
use bfd::{DetectMult, Diagnostic, State};
use session_desk::{Desk, micros, ms, packet, settings};

const STATES: [State; 4] = [State::AdminDown, State::Down, State::Init, State::Up];

/// The state afterwards, and why: `None` is no change.
fn after_packet(local: State, received: State) -> Option<(State, Diagnostic, Reason)> {
    let shake = |to| Some((to, Diagnostic(0), Reason::Handshake));
    match local {
        State::AdminDown => match received {
            State::AdminDown | State::Down | State::Init | State::Up => None,
        },
        State::Down => match received {
            State::Down => shake(State::Init),
            State::Init => shake(State::Up),
            State::AdminDown | State::Up => None,
        },
        State::Init => match received {
            State::AdminDown => Some((State::Down, Diagnostic(3), Reason::NeighborAdminDown)),
            State::Down => None,
            State::Init | State::Up => shake(State::Up),
        },
        State::Up => match received {
            State::AdminDown => Some((State::Down, Diagnostic(3), Reason::NeighborAdminDown)),
            State::Down => Some((State::Down, Diagnostic(3), Reason::NeighborDown)),
            State::Init | State::Up => None,
        },
    }
}

/// With P an answer with F comes at once, without it only a change is told; nothing else. P, F, D and C do not decide
/// about states.
#[test]
fn rfc5880_6_8_6_every_state_and_every_packet() {
    for local in STATES {
        for received in STATES {
            for bits in 0..16_u8 {
                let [poll, fin, demand, independent] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
                let mut desk = Desk::in_state(local, settings(1000, 1000, 3));
                let mut said = packet(received, desk.ours());
                (said.poll, said.fin, said.demand, said.control_plane_independent) =
                    (poll, fin, demand, independent);
                said.diagnostic = Diagnostic(31);
                said.detect_mult = DetectMult::new(5).unwrap();
                said.desired_min_tx = micros(1500);
                desk.hear(said);

                let cell = format!("{local} hears {received}, bits {bits:04b}");
                let expected = after_packet(local, received);
                let change = desk.changes.first().map(|(_, change)| *change);
                let seen = change.map(|change| (change.to, change.diagnostic, change.reason));
                assert_eq!(seen, expected, "{cell}");
                assert!(change.is_none_or(|change| change.from == local), "{cell}");
                assert!(change.is_none_or(|change| change.remote_independent == independent), "{cell}");
                let state = expected.map_or(local, |(to, ..)| to);
                let status = desk.status();
                assert_eq!(status.state, state, "{cell}");

                let answers = poll && local != State::AdminDown;
                assert_eq!(desk.sent.len(), usize::from(answers || expected.is_some()), "{cell}");
                for (_, out) in &desk.sent {
                    assert_eq!((out.state, out.poll, out.fin), (state, false, answers), "{cell}");
                    assert!(!out.demand, "{cell}");
                }
                assert_eq!(status.remote_state, received, "{cell}: remembered in every state");
                assert_eq!(status.remote_diagnostic, Diagnostic(31), "{cell}");
                assert_eq!(status.remote_discriminator.unwrap().get(), 99, "{cell}");
                assert_eq!(status.detection_time, ms(5 * 1500), "{cell}: RFC 5880 §6.8.4");
            }
        }
    }
}

/// RFC 5880 §6.8.6: A without authentication in use and M are discarded, whatever the state.
#[test]
fn rfc5880_6_8_6_bits_that_discard_a_packet() {
    for local in STATES {
        for received in STATES {
            for (bit, longer) in [(0x04, 3), (0x01, 0)] {
                let mut desk = Desk::in_state(local, settings(1000, 1000, 3));
                let before = desk.status();
                let mut octets = packet(received, desk.ours()).encode().as_bytes().to_vec();
                octets[1] |= bit;
                octets.extend_from_slice(&[1, 3, 0][..longer]); // a simple password of no octets
                octets[3] = u8::try_from(octets.len()).unwrap();
                desk.octets(&octets);
                assert_eq!(desk.status(), before, "{local} hears {received}, bit {bit:#x}");
                assert!(desk.sent.is_empty() && desk.changes.is_empty());
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Expiry,
    ForceDown,
    ForceAdminDown,
    ForceUp,
    Release,
    Suspend,
    Resume,
    Activate,
    SetIntervals,
    SetMultiplier,
}

const EVENTS: [Event; 10] = [
    Event::Expiry,
    Event::ForceDown,
    Event::ForceAdminDown,
    Event::ForceUp,
    Event::Release,
    Event::Suspend,
    Event::Resume,
    Event::Activate,
    Event::SetIntervals,
    Event::SetMultiplier,
];

/// The state afterwards, the diagnostic that goes with a change, and whether something is said at once.
fn after_event(local: State, event: Event) -> (State, Option<u8>, bool) {
    let stays = (local, None, false);
    let told = (local, None, true);
    match event {
        Event::Expiry => match local {
            State::AdminDown | State::Down => stays, // RFC 5880 §6.8.4: "Init or Up"
            State::Init | State::Up => (State::Down, Some(1), true),
        },
        Event::ForceDown => match local {
            State::Down => told, // held from now on, with a diagnostic
            State::AdminDown | State::Init | State::Up => (State::Down, Some(5), true),
        },
        Event::ForceAdminDown => match local {
            State::AdminDown => told,
            State::Down | State::Init | State::Up => (State::AdminDown, Some(7), true),
        },
        Event::ForceUp => match local {
            State::AdminDown | State::Down | State::Init | State::Up => stays, // only the peer can do that
        },
        Event::Release => match local {
            State::AdminDown => (State::Down, Some(0), true), // RFC 5880 §6.8.16; forced there by `in_state`
            State::Down | State::Init | State::Up => stays,   // nothing was held
        },
        Event::Suspend | Event::Resume | Event::Activate => match local {
            State::AdminDown | State::Down | State::Init | State::Up => stays,
        },
        Event::SetIntervals | Event::SetMultiplier => match local {
            State::AdminDown | State::Down | State::Init | State::Up => told,
        },
    }
}

#[test]
fn every_state_and_every_event() {
    for local in STATES {
        for event in EVENTS {
            let mut desk = Desk::in_state(local, settings(2000, 1000, 3));
            let before = desk.now;
            match event {
                Event::Expiry => {
                    let silence = desk.status().detection_time;
                    desk.now += silence;
                    let mut out = Vec::new();
                    // Just before, nothing; periodic packets are of no interest here.
                    desk.engine.advance(desk.now - ms(1), &mut out);
                    assert_eq!(desk.status().state, local);
                    assert!(desk.status().remote_discriminator.is_some());
                    desk.advance();
                    assert_eq!(desk.status().remote_discriminator, None, "RFC 5880 §6.8.1, in every state");
                    desk.sent.retain(|(at, _)| *at == before + silence);
                }
                Event::ForceDown => desk.control(Control::Force(State::Down, Diagnostic::PATH_DOWN)),
                Event::ForceAdminDown => {
                    desk.control(Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN));
                }
                Event::ForceUp => desk.control(Control::Force(State::Up, Diagnostic::NONE)),
                Event::Release => desk.control(Control::Release),
                Event::Suspend => desk.control(Control::Suspend),
                Event::Resume => desk.control(Control::Resume),
                Event::Activate => desk.control(Control::Activate),
                Event::SetIntervals => desk.set(settings(3000, 1500, 3)),
                Event::SetMultiplier => desk.set(settings(2000, 1000, 4)),
            }
            let (state, diagnostic, says) = after_event(local, event);
            let cell = format!("{event:?} in {local}");
            assert_eq!(desk.status().state, state, "{cell}");
            let change =
                desk.changes.first().map(|(_, change)| (change.from, change.to, change.diagnostic.0));
            assert_eq!(change, diagnostic.map(|diagnostic| (local, state, diagnostic)), "{cell}");
            assert_eq!(desk.sent.len(), usize::from(says), "{cell}");
            assert!(desk.sent.iter().all(|(_, out)| out.state == state && !out.fin), "{cell}");
        }
    }
}
