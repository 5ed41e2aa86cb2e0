//! Authenticated sessions: what is remembered of sequence numbers (RFC 5880 §6.7, §6.8.1). The windows are by hand; the
//! digests have vectors of their own.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod session_desk;

use bfd::State;
use bfd::engine::Limits;
use bfd::packet::{Auth, AuthKind, ControlPacket, Encoded, Key, sign};
use bfd::session::{Role, Settings};
use session_desk::{Desk, REMOTE, ms, packet, settings};

const KINDS: [AuthKind; 5] = [
    AuthKind::Simple,
    AuthKind::KeyedMd5,
    AuthKind::MeticulousKeyedMd5,
    AuthKind::KeyedSha1,
    AuthKind::MeticulousKeyedSha1,
];

fn auth(kind: AuthKind, secret: &str) -> Auth {
    Auth { kind, key_id: 7, key: Key::new(kind, secret.as_bytes()).unwrap() }
}

fn with(kind: AuthKind) -> Settings {
    Settings { auth: Some(auth(kind, "opensesame")), ..settings(1000, 1000, 3) }
}

/// The sequence number behind Auth Type, Len, Key ID and a reserved octet (RFC 5880 §4.3).
fn number(octets: &[u8]) -> u32 {
    u32::from_be_bytes(octets[28..32].try_into().unwrap())
}

struct Peer {
    desk: Desk,
    auth: Auth,
}

impl Peer {
    fn new(kind: AuthKind) -> Self {
        Self { desk: Desk::new(Role::Active, with(kind)), auth: auth(kind, "opensesame") }
    }

    /// Says something with that number; whether it was taken.
    fn say(&mut self, packet: &ControlPacket, number: u32) -> bool {
        self.octets(&sign(packet, &self.auth, number))
    }

    fn octets(&mut self, octets: &Encoded) -> bool {
        let before = (self.desk.status(), self.desk.engine.counters().auth);
        self.desk.octets(octets.as_bytes());
        let (status, refused) = (self.desk.status(), self.desk.engine.counters().auth);
        let taken = status.received > before.0.received;
        assert_eq!(refused - before.1, u64::from(!taken));
        if !taken {
            assert_eq!(status, before.0, "what is refused leaves no trace");
        }
        taken
    }
}

#[test]
fn rfc5880_6_8_6_with_authentication_in_use_nothing_else_is_taken_and_without_it_nothing_signed() {
    for kind in KINDS {
        let mut peer = Peer::new(kind);
        let down = packet(State::Down, None);
        assert!(!peer.octets(&down.encode()), "{kind:?}: no section");
        for other in KINDS.into_iter().filter(|other| *other != kind) {
            assert!(!peer.octets(&sign(&down, &auth(other, "opensesame"), 1)), "{kind:?}: {other:?}");
        }
        assert!(!peer.octets(&sign(&down, &auth(kind, "opensesamf"), 1)), "{kind:?}: another key");
        assert!(!peer.octets(&sign(&down, &Auth { key_id: 8, ..auth(kind, "opensesame") }, 1)), "{kind:?}");
        assert!(peer.say(&down, 1), "{kind:?}");
        peer.desk.set(settings(1000, 1000, 3));
        assert!(!peer.say(&down, 2), "{kind:?}: not in use any more");
    }
}

/// RFC 5880 §6.7.3 and §6.7.4: not before the last number, after it where meticulous, and not farther than 3 times the
/// multiplier, 3 here; the numbers are a circle.
#[test]
fn rfc5880_6_7_3_sequence_numbers_have_a_window() {
    for (kind, least) in [
        (AuthKind::KeyedMd5, 0),
        (AuthKind::KeyedSha1, 0),
        (AuthKind::MeticulousKeyedMd5, 1),
        (AuthKind::MeticulousKeyedSha1, 1),
    ] {
        for first in [0, 1000, u32::MAX - 4, u32::MAX] {
            for step in -3..=12_i32 {
                let mut peer = Peer::new(kind);
                assert!(peer.say(&packet(State::Down, None), first), "any number is the first");
                let next = first.wrapping_add_signed(step);
                let fits = (least..=9).contains(&step);
                assert_eq!(
                    peer.say(&packet(State::Down, None), next),
                    fits,
                    "{kind:?}: {first}, then {step:+}"
                );
                assert!(
                    peer.say(&packet(State::Down, None), if fits { next } else { first }.wrapping_add(9))
                );
            }
        }
    }
}

#[test]
fn who_has_no_key_cannot_set_the_number() {
    let mut peer = Peer::new(AuthKind::MeticulousKeyedSha1);
    let forged = sign(&packet(State::Down, None), &auth(AuthKind::MeticulousKeyedSha1, "guess"), 5_000_000);
    assert!(!peer.octets(&forged));
    assert!(peer.say(&packet(State::Down, None), 17));
    assert!(!peer.octets(&forged));
    assert!(peer.say(&packet(State::Down, None), 18));
}

/// RFC 5880 §6.8.1, bfd.AuthSeqKnown: a peer that restarted is heard again after twice the detection time, 3 s here.
#[test]
fn rfc5880_6_8_1_after_twice_the_detection_time_any_number_is_the_first_again() {
    let mut peer = Peer::new(AuthKind::MeticulousKeyedMd5);
    assert!(peer.say(&packet(State::Down, None), 4_000_000));
    peer.desk.run(ms(5999));
    assert!(!peer.say(&packet(State::Down, None), 3));
    peer.desk.run(ms(1));
    assert!(peer.say(&packet(State::Down, None), 3));
}

#[test]
fn another_key_begins_anew() {
    let mut peer = Peer::new(AuthKind::KeyedSha1);
    assert!(peer.say(&packet(State::Down, None), 4_000_000));
    peer.auth = auth(AuthKind::KeyedSha1, "new");
    peer.desk.set(Settings { auth: Some(peer.auth.clone()), ..with(AuthKind::KeyedSha1) });
    assert_eq!(peer.desk.sent.len(), 2, "Init, and the new key at once");
    assert!(peer.say(&packet(State::Down, None), 3));
}

/// RFC 5880 §6.7.3: meticulous numbers grow with every packet, the others when there is something new to say.
#[test]
fn rfc5880_6_7_3_numbers_we_send_grow() {
    for (kind, meticulous) in [(AuthKind::KeyedMd5, false), (AuthKind::MeticulousKeyedSha1, true)] {
        let mut peer = Peer::new(kind);
        peer.desk.run(ms(10_000));
        let numbers: Vec<u32> = peer.desk.raw.iter().map(|octets| number(octets)).collect();
        assert!(numbers.len() >= 9);
        for pair in numbers.windows(2) {
            assert_eq!(pair[1].wrapping_sub(pair[0]), u32::from(meticulous), "{kind:?}");
        }
        let last = *numbers.last().unwrap();
        peer.say(&packet(State::Down, None), 1);
        assert_eq!(number(peer.desk.raw.last().unwrap()), last.wrapping_add(1), "{kind:?}: Init is new");
    }
    let [one, other] = [1, 2].map(|seed| {
        let mut engine = bfd::engine::Engine::new(Limits::default(), seed);
        let mut out = Vec::new();
        let now = std::time::Instant::now();
        engine.open(now, session_desk::PATH, (Role::Active, with(AuthKind::KeyedSha1)), &mut out).unwrap();
        match &out[..] {
            [bfd::engine::Action::Transmit(_, encoded)] => number(encoded.as_bytes()),
            _ => panic!("an active session sends at once"),
        }
    });
    assert_ne!(one, other, "RFC 5880 §6.8.1: the first is random");
}

#[test]
fn a_passive_session_is_made_only_by_a_packet_with_the_key() {
    for kind in KINDS {
        let mut desk = Desk::bare(Limits::default());
        desk.engine.allow(REMOTE);
        desk.engine.set_passive(with(kind));
        let down = packet(State::Down, None);
        desk.octets(down.encode().as_bytes());
        desk.octets(sign(&down, &auth(kind, "guess"), 1).as_bytes());
        assert_eq!((desk.opened.len(), desk.engine.counters().auth), (0, 2), "{kind:?}");
        desk.octets(sign(&down, &auth(kind, "opensesame"), 1).as_bytes());
        assert_eq!((desk.opened.len(), desk.status().state), (1, State::Init), "{kind:?}");
        assert!(!format!("{:?}", desk.status()).contains("opensesame"));
    }
}

#[test]
fn two_ends_with_a_key_come_up() {
    for kind in KINDS {
        let mut one = Desk::new(Role::Active, with(kind));
        let mut other = Desk::new(Role::Active, with(kind));
        for _ in 0..10 {
            one.run(ms(1000));
            other.now = one.now;
            other.advance();
            for octets in std::mem::take(&mut one.raw) {
                other.octets(&octets);
            }
            for octets in std::mem::take(&mut other.raw) {
                one.octets(&octets);
            }
        }
        assert_eq!((one.status().state, other.status().state), (State::Up, State::Up), "{kind:?}");
    }
}
