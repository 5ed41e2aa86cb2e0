//! Every event in every state against a table written by hand from RFC 4271 §8.2.2, RFC 4724 §5, RFC 6608,
//! RFC 9687 §4.3, RFC 5882 and RFC 9384. A missing cell or an event without a row does not compile, a row without its cells fails.

mod given;
#[path = "../lab/mod.rs"]
mod lab;
mod rows;

use std::time::Duration;

use bgp::Family;
use bgp::fsm::{Action, Bfd, ConnId, EndReason, Event, Peer, State};
use bgp::wire::{Context, Message, Notification, Open, Update};

use given::{GIVEN, Given, started};
use lab::{CONN, Lab, OTHER, asn, graceful, id, restarting, their_open};
use rows::row;

/// An action without what it carries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Dial,
    AbandonDial,
    Open(ConnId),
    Keepalive(ConnId),
    Note(ConnId, u8, u8),
    AskRefresh(ConnId),
    Close(ConnId),
    Up,
    /// An attempt ended.
    Failed,
    /// A session ended.
    Down,
    Refresh,
    RefreshBegins,
    RefreshEnds,
    Update,
    Retain,
    Purge,
}

impl Kind {
    fn of(action: &Action) -> Self {
        match action {
            Action::Dial => Self::Dial,
            Action::AbandonDial => Self::AbandonDial,
            Action::Send(conn, Message::Open(_)) => Self::Open(*conn),
            Action::Send(conn, Message::Keepalive) => Self::Keepalive(*conn),
            Action::Send(conn, Message::Notification(note)) => Self::Note(*conn, note.code, note.subcode),
            Action::Send(conn, Message::RouteRefresh { .. }) => Self::AskRefresh(*conn),
            Action::Send(_, Message::Update(_)) => unreachable!("routes are not the machine's"),
            Action::Close(conn) => Self::Close(*conn),
            Action::Up(_, _) => Self::Up,
            Action::Ended { was_up: false, .. } => Self::Failed,
            Action::Ended { was_up: true, .. } => Self::Down,
            Action::Refresh(_) => Self::Refresh,
            Action::RefreshBegins(_) => Self::RefreshBegins,
            Action::RefreshEnds(_) => Self::RefreshEnds,
            Action::Update(_) => Self::Update,
            Action::Retain { .. } => Self::Retain,
            Action::Purge(_) => Self::Purge,
        }
    }
}

/// Declares the rows and lists them all.
macro_rules! stimuli {
    ($($name:ident),+ $(,)?) => {
        /// What happens: an event, in as many forms as are told apart.
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum Stimulus { $($name),+ }
        const STIMULI: &[Stimulus] = &[$(Stimulus::$name),+];
    };
}

stimuli![
    Start,
    Stop,
    Leave,
    Abandon,
    Reset,
    PrefixLimit,
    BfdSilent,
    BfdAwaited,
    BfdUp,
    BfdDown,
    BfdDownKept,
    AskAgain,
    DialNow,
    Wrote,
    Blocked,
    Connected,
    DialFailed,
    Accepted,
    GoodOpen,
    BadOpen,
    Update,
    EndOfRib,
    Notification,
    HardReset,
    Keepalive,
    RefreshAsked,
    RefreshBegins,
    RefreshEnds,
    RefreshForeign,
    Broken,
    Lost,
    TickEarly,
    TickDial,
    TickKeepalive,
    TickMinute,
    TickHold,
    TickSendHold,
];

/// The rows of an event. Without a wildcard: a new event or message wants a row.
fn rows_of(event: &Event) -> &'static [Stimulus] {
    match event {
        Event::Start => &[Stimulus::Start],
        Event::Stop(_) => &[Stimulus::Stop],
        Event::Leave(_) => &[Stimulus::Leave],
        Event::Abandon => &[Stimulus::Abandon],
        Event::Reset(_) => &[Stimulus::Reset],
        Event::PrefixLimit { .. } => &[Stimulus::PrefixLimit],
        Event::Bfd(says) => match says {
            Bfd::Silent => &[Stimulus::BfdSilent],
            Bfd::Awaited => &[Stimulus::BfdAwaited],
            Bfd::Up => &[Stimulus::BfdUp],
            Bfd::Down { keep: false, .. } => &[Stimulus::BfdDown],
            Bfd::Down { keep: true, .. } => &[Stimulus::BfdDownKept],
        },
        Event::AskAgain => &[Stimulus::AskAgain],
        Event::DialNow => &[Stimulus::DialNow],
        Event::Wrote => &[Stimulus::Wrote],
        Event::Blocked => &[Stimulus::Blocked],
        Event::Connected(_) => &[Stimulus::Connected],
        Event::DialFailed(_) => &[Stimulus::DialFailed],
        Event::Accepted(_) => &[Stimulus::Accepted],
        Event::Received(_, message) => match message {
            Message::Open(_) => &[Stimulus::GoodOpen, Stimulus::BadOpen],
            Message::Update(_) => &[Stimulus::Update, Stimulus::EndOfRib],
            Message::Notification(_) => &[Stimulus::Notification, Stimulus::HardReset],
            Message::Keepalive => &[Stimulus::Keepalive],
            Message::RouteRefresh { .. } => {
                use Stimulus::{RefreshAsked, RefreshBegins, RefreshEnds, RefreshForeign};
                &[RefreshAsked, RefreshBegins, RefreshEnds, RefreshForeign]
            }
        },
        Event::Broken(_, _) => &[Stimulus::Broken],
        Event::Lost(_, _) => &[Stimulus::Lost],
        Event::Tick => {
            use Stimulus::{TickDial, TickEarly, TickHold, TickKeepalive, TickMinute, TickSendHold};
            &[TickEarly, TickDial, TickKeepalive, TickMinute, TickHold, TickSendHold]
        }
    }
}

impl Stimulus {
    fn event(self) -> Event {
        let heard = |message| Event::Received(CONN, message);
        let refresh = |family, subtype| heard(Message::RouteRefresh { family, subtype });
        match self {
            Self::Start => Event::Start,
            Self::Stop => Event::Stop(Notification::shutdown("")),
            Self::Leave => Event::Leave(Notification::shutdown("")),
            Self::Abandon => Event::Abandon,
            Self::Reset => Event::Reset(Notification::new(6, 4, &[])),
            Self::PrefixLimit => Event::PrefixLimit { family: Family::IPV4_UNICAST, limit: 10 },
            Self::BfdSilent => Event::Bfd(Bfd::Silent),
            Self::BfdAwaited => Event::Bfd(Bfd::Awaited),
            Self::BfdUp => Event::Bfd(Bfd::Up),
            Self::BfdDown => Event::Bfd(Bfd::Down { keep: false, hold: Some(Duration::from_secs(30)) }),
            Self::BfdDownKept => Event::Bfd(Bfd::Down { keep: true, hold: Some(Duration::from_secs(30)) }),
            Self::AskAgain => Event::AskAgain,
            Self::DialNow => Event::DialNow,
            Self::Wrote => Event::Wrote,
            Self::Blocked => Event::Blocked,
            Self::Connected => Event::Connected(OTHER),
            Self::DialFailed => Event::DialFailed("refused".to_owned()),
            Self::Accepted => Event::Accepted(OTHER),
            Self::GoodOpen => heard(Message::Open(their_open(90))),
            Self::BadOpen => {
                let open = Open::new(asn(65003), their_open(90).hold_time, id(2));
                heard(Message::Open(open))
            }
            Self::Update => {
                let withdrawn = vec!["10.0.0.0/8".parse().expect("a prefix")];
                heard(Message::Update(Update { withdrawn, ..Update::default() }))
            }
            Self::EndOfRib => heard(Message::Update(Update::default())),
            Self::Notification => heard(Message::Notification(Notification::shutdown(""))),
            Self::HardReset => heard(Message::Notification(Notification::new(6, 9, &[6, 2]))),
            Self::Keepalive => heard(Message::Keepalive),
            Self::RefreshAsked => refresh(Family::IPV4_UNICAST, 0),
            Self::RefreshBegins => refresh(Family::IPV4_UNICAST, 1),
            Self::RefreshEnds => refresh(Family::IPV4_UNICAST, 2),
            Self::RefreshForeign => refresh(Family::IPV6_UNICAST, 0),
            Self::Broken => {
                Event::Broken(CONN, Message::decode(&[0; 19], Context::default()).expect_err("type 0"))
            }
            Self::Lost => Event::Lost(CONN, "reset".to_owned()),
            Self::TickEarly
            | Self::TickDial
            | Self::TickKeepalive
            | Self::TickMinute
            | Self::TickHold
            | Self::TickSendHold => Event::Tick,
        }
    }

    /// Lets pass what has to pass before the event; nothing of it is an action that counts.
    fn prepare(self, lab: &mut Lab) {
        let seconds = match self {
            Self::TickDial => 3,
            Self::TickKeepalive => 30,
            Self::TickMinute => 60,
            Self::TickHold => 90,
            Self::TickSendHold => {
                lab.feed(Event::Blocked);
                // Seven and a half minutes in which the peer talks and does not listen.
                for _ in 0..15 {
                    lab.now += Duration::from_secs(30);
                    if lab.peer.state() == State::Established {
                        lab.hear(Message::Keepalive);
                    }
                }
                30
            }
            _ => 0,
        };
        lab.now += Duration::from_secs(seconds);
    }
}

#[test]
fn rfc4271_8_2_2_every_event_in_every_state() {
    let mut wrong = Vec::new();
    for stimulus in STIMULI {
        assert!(rows_of(&stimulus.event()).contains(stimulus), "{stimulus:?} is another event's");
        for (given, (state, kinds)) in GIVEN.into_iter().zip(row(*stimulus)) {
            let mut lab = given.lab();
            assert_eq!(lab.peer.state(), given.state());
            stimulus.prepare(&mut lab);
            let done: Vec<Kind> = lab.feed(stimulus.event()).iter().map(Kind::of).collect();
            if (lab.peer.state(), &done) != (state, &kinds) {
                let is = lab.peer.state();
                wrong.push(format!("{given:?}, {stimulus:?}: {is} {done:?}, not {state} {kinds:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rfc4724_4_2_the_restart_time_ends_in_every_state_and_moves_none() {
    let (conn, peer) = (ConnId(7), || their_open(0).with(graceful(0, 2, &[(Family::IPV4_UNICAST, 0x80)])));
    for given in [Given::Connect, Given::Active, Given::OpenSent, Given::OpenConfirm, Given::Established] {
        let mut lab = Lab { peer: Peer::new(restarting(false), 7), ..started() };
        lab.feed(Event::Start);
        for _ in 0..8 {
            lab.feed(Event::DialFailed("refused".to_owned())); // the longest pause, so that no dial comes between
            lab.tick();
        }
        lab.reconnect(CONN, peer());
        lab.feed(Event::Lost(CONN, "reset".to_owned()));
        let until = lab.now + Duration::from_secs(2);
        let open = Event::Received(conn, Message::Open(peer()));
        let steps = [Event::DialNow, Event::Connected(conn), open, Event::Received(conn, Message::Keepalive)];
        let count = match given {
            Given::Connect => 1,
            Given::OpenSent => 2,
            Given::OpenConfirm => 3,
            Given::Established => 4,
            Given::Idle | Given::LeftAlone | Given::Active | Given::Graceful => 0,
        };
        for event in steps.into_iter().take(count) {
            lab.feed(event);
        }
        assert_eq!(lab.peer.state(), given.state());
        let (waited, actions) = lab.tick();
        assert_eq!(actions, [Action::Purge(None)], "{given:?}");
        // Back, its End-of-RIB has three minutes.
        let stale = if count == 4 { Duration::from_secs(180) } else { Duration::from_secs(2) };
        assert_eq!((waited, lab.now), (stale, until - Duration::from_secs(2) + stale), "{given:?}");
        assert_eq!(lab.peer.state(), given.state());
    }
}

#[test]
fn rfc6608_3_an_unexpected_message_tells_its_type() {
    let mut lab = Given::OpenConfirm.lab();
    let actions = lab.hear(Message::Update(Update::default()));
    let note = Notification::new(5, 2, &[2]); // FSM error, in OpenConfirm, an UPDATE
    assert_eq!(actions, lab::ends_with(CONN, &note, false));
    assert!(matches!(&actions[2], Action::Ended { reason: EndReason::Sent(sent), .. } if *sent == note));
}
