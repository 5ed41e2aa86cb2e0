//! A whole session: a script of time, events and a peer's octets for one [`Peer`], its routes both ways, and a driver
//! that carries its actions out and holds them against what a driver may rely on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bgp::fsm::{Action, ConnId, Event, Negotiated, Peer, State};
use bgp::rib::{Learned, MemberId, NextHops, Rib, RouteAttrs, UpdateGroup};
use bgp::wire::notification::cease;
use bgp::wire::{Context, Message, Notification, next_frame};

use crate::script::Script;
use crate::{counters, digest, open};

/// The most operations of one script: what is beyond them is nothing new.
const LONGEST: usize = 400;

/// One TCP connection as the driver has it.
#[derive(Default)]
struct Stream {
    received: Vec<u8>,
    context: Context,
    broken: bool,
}

/// One peer and everything around it.
struct World {
    now: Instant,
    peer: Peer,
    rib: Rib,
    conns: BTreeMap<ConnId, Stream>,
    next_conn: u64,
    dialing: bool,
    up: Option<(ConnId, Box<Negotiated>, MemberId)>,
    learned: Option<Learned>,
    retained: bool,
}

/// The first octet is the configuration, the second the seed, the rest the script.
pub fn run(octets: &[u8]) {
    let mut script = Script(octets);
    let (flags, seed) = (script.octet(), script.octet());
    let mut rib = Rib::new();
    let attrs = RouteAttrs::new(Some(7), vec![65001 << 16]).expect("few");
    let prefixes = ["10.0.0.1/32", "10.0.0.2/32", "2001:db8::1/128"];
    rib.apply(prefixes.map(|one| (one.parse().expect("a prefix"), Some(&attrs))));
    rib.release();
    let mut world = World {
        now: Instant::now(),
        peer: Peer::new(open::config(flags), seed.into()),
        rib,
        conns: BTreeMap::new(),
        next_conn: 0,
        dialing: false,
        up: None,
        learned: None,
        retained: false,
    };
    for _ in 0..LONGEST {
        if script.is_over() {
            break;
        }
        world.operate(&mut script);
        world.check();
    }
    world.feed(Event::Stop(Notification::shutdown("bye")));
    assert!(
        world.conns.is_empty() && world.up.is_none() && !world.dialing,
        "a stopped peer has nothing left"
    );
    assert_eq!(world.peer.state(), State::Idle);
}

impl World {
    fn operate(&mut self, script: &mut Script<'_>) {
        let operation = script.octet() % 20;
        counters::OPERATIONS.count(operation);
        match operation {
            0 => self.feed(Event::Start),
            1 => self.feed(Event::Stop(Notification::shutdown("maintenance"))),
            2 => self.feed(Event::Reset(Notification::cease(cease::ADMIN_RESET, ""))),
            3 => self.feed(Event::AskAgain),
            4 => self.feed(Event::DialNow),
            5 | 6 => self.dialed(),
            7 => self.dial_failed(),
            8 | 9 => {
                let id = self.connection();
                self.feed(Event::Accepted(id));
            }
            10 => self.deliver_to(script, |script| script.octets().to_vec()),
            11 => self.deliver_to(script, |script| {
                let kind = script.octet();
                digest::framed(kind, script.octets()).unwrap_or_default()
            }),
            12 => {
                let peer_as = self.peer.config().peer_as;
                self.deliver_message(script, |script| script.open(peer_as));
            }
            13 => self.deliver_message(script, |script| script.message()),
            14 => self.pass(Duration::from_millis(u64::from(script.octet()).pow(2))),
            15 => {
                if let Some(id) = self.choose(script) {
                    self.conns.remove(&id);
                    self.feed(Event::Lost(id, "reset by the peer".to_owned()));
                }
            }
            16 => self.feed(if script.octet() & 1 == 0 { Event::Wrote } else { Event::Blocked }),
            17 => self.feed(Event::PrefixLimit { family: script.family(), limit: 10 }),
            18 => self.feed(match script.octet() & 1 {
                0 => Event::Abandon,
                _ => Event::Leave(Notification::shutdown("drained")),
            }),
            _ => self.change_routes(script.octet()),
        }
    }

    fn connection(&mut self) -> ConnId {
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        self.conns.insert(id, Stream::default());
        id
    }

    fn dialed(&mut self) {
        if std::mem::take(&mut self.dialing) {
            let id = self.connection();
            self.feed(Event::Connected(id));
        }
    }

    fn dial_failed(&mut self) {
        if std::mem::take(&mut self.dialing) {
            self.feed(Event::DialFailed("refused".to_owned()));
        }
    }

    fn choose(&self, script: &mut Script<'_>) -> Option<ConnId> {
        let at = usize::from(script.octet() & 1);
        self.conns.keys().nth(at).or_else(|| self.conns.keys().next()).copied()
    }

    fn deliver_message(&mut self, script: &mut Script<'_>, message: impl Fn(&mut Script<'_>) -> Message) {
        self.deliver_to(script, |script| message(script).encode(Context::default()).expect("short"));
    }

    /// Octets arrive on one connection and are cut into messages as long as it lives.
    fn deliver_to(&mut self, script: &mut Script<'_>, octets: impl FnOnce(&mut Script<'_>) -> Vec<u8>) {
        let Some(id) = self.choose(script) else { return };
        let octets = octets(script);
        if let Some(stream) = self.conns.get_mut(&id).filter(|stream| !stream.broken) {
            stream.received.extend(octets);
        }
        while let Some(stream) = self.conns.get_mut(&id).filter(|stream| !stream.broken) {
            let context = stream.context;
            match next_frame(&stream.received, context.max_message) {
                Ok(None) => {
                    assert!(
                        stream.received.len() < usize::from(context.max_message),
                        "a buffer without bound"
                    );
                    return;
                }
                Ok(Some(frame)) => {
                    let frame = frame.to_vec();
                    stream.received.drain(..frame.len());
                    match digest::message(&frame, context) {
                        Ok(message) => self.feed(Event::Received(id, message)),
                        Err(fault) => self.broken(id, fault),
                    }
                }
                Err(fault) => self.broken(id, fault.into()),
            }
        }
    }

    fn broken(&mut self, id: ConnId, fault: bgp::wire::Fault) {
        digest::fault(&fault);
        if let Some(stream) = self.conns.get_mut(&id) {
            stream.broken = true;
        }
        self.feed(Event::Broken(id, fault));
        assert!(!self.conns.contains_key(&id), "a connection with nothing to read any more stays open");
    }

    /// Time goes by; every deadline is met the moment it is due.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.peer.next_deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.feed(Event::Tick);
            let next = self.peer.next_deadline();
            assert!(next.is_none_or(|next| next > self.now), "a deadline that stays due");
        }
        self.now = until;
    }

    fn change_routes(&mut self, octet: u8) {
        let prefix = format!("10.1.0.{}/32", octet & 0x7f).parse().expect("a prefix");
        let attrs = RouteAttrs::default();
        self.rib.apply([(prefix, (octet & 0x80 == 0).then_some(&attrs))]);
        self.pull();
    }

    /// Writes what the peer lacks; a strict receiver takes all of it.
    fn pull(&mut self) {
        let Some((_, with, member)) = &self.up else { return };
        while let Some(batch) = self.rib.pull(*member) {
            for frame in &batch.frames {
                let octets: Vec<u8> = frame.0.iter().flatten().copied().collect();
                assert!(octets.len() <= usize::from(with.context.max_message));
                match Message::decode(&octets, with.context) {
                    Ok(Message::Update(update)) => assert_eq!(update.faults, []),
                    Ok(Message::RouteRefresh { subtype: 1 | 2, .. }) => assert!(with.enhanced_refresh),
                    other => panic!("not to be sent: {other:?}"),
                }
            }
        }
    }

    fn feed(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.peer.handle(self.now, event, &mut actions);
        assert!(actions.len() < 100, "more to do than one event can ask for");
        actions.into_iter().for_each(|action| self.act(action));
        counters::state(self.peer.state());
    }

    fn act(&mut self, action: Action) {
        let kind = match action {
            Action::Dial => {
                assert!(!std::mem::replace(&mut self.dialing, true), "two dials at once");
                0
            }
            Action::AbandonDial => {
                assert!(std::mem::replace(&mut self.dialing, false), "no dial to give up");
                1
            }
            Action::Send(id, message) => self.send(id, &message),
            Action::Close(id) => {
                self.conns.remove(&id);
                3
            }
            Action::Up(id, with) => self.come_up(id, with),
            Action::Ended { was_up, .. } => self.ended(was_up),
            Action::Refresh(family) => {
                let (_, with, member) = self.up.as_ref().expect("refresh without a session");
                assert!(with.families.contains(&family));
                self.rib.refresh(*member, family);
                self.pull();
                6
            }
            Action::RefreshBegins(family) => {
                self.learned.as_mut().expect("a session").begin_refresh(family);
                7
            }
            Action::RefreshEnds(family) => {
                self.learned.as_mut().expect("a session").end_refresh(family);
                8
            }
            Action::Update(update) => {
                assert!(self.up.is_some(), "an UPDATE without a session");
                self.learned.as_mut().expect("a session").update(self.now, &update);
                9
            }
            Action::Retain { .. } => {
                assert!(self.up.is_some(), "nothing to retain");
                self.retained = true;
                10
            }
            Action::Purge(family) => {
                if let Some(learned) = &mut self.learned {
                    learned.purge_stale(family);
                }
                11
            }
        };
        counters::ACTIONS.count(kind);
    }

    fn send(&mut self, id: ConnId, message: &Message) -> u8 {
        let stream = self.conns.get(&id).expect("sent on a connection that is gone");
        let octets = message.encode(stream.context).expect("what is to be sent can be");
        assert_eq!(Message::decode(&octets, stream.context).as_ref(), Ok(message));
        2
    }

    fn come_up(&mut self, id: ConnId, with: Box<Negotiated>) -> u8 {
        assert!(self.up.is_none(), "up twice");
        let ours = self.peer.config();
        assert!(with.families.iter().all(|family| ours.families.contains(family)));
        let hops = NextHops {
            v4: Some([192, 0, 2, 1].into()),
            v6: Some("2001:db8::ffff".parse().expect("an address")),
            link_local: None,
        };
        let of = (ours.local_as, ours.is_internal());
        let group = UpdateGroup {
            extended_next_hop: with.extended_next_hop,
            enhanced_refresh: with.enhanced_refresh,
            ..UpdateGroup::new(of, with.context, with.families.clone(), hops)
        };
        self.conns.get_mut(&id).expect("up on a connection that is gone").context = with.context;
        match &mut self.learned {
            Some(learned) => learned.resume(with.families.clone()),
            None => self.learned = Some(Learned::new(ours.local_as, with.families.clone(), self.now)),
        }
        self.up = Some((id, with, self.rib.join(group)));
        self.pull();
        4
    }

    fn ended(&mut self, was_up: bool) -> u8 {
        if was_up {
            let (_, _, member) = self.up.take().expect("the end of a session that was not up");
            self.rib.leave(member);
            match (std::mem::take(&mut self.retained), &mut self.learned) {
                (true, Some(learned)) => learned.retain_stale(),
                _ => self.learned = None,
            }
        }
        5
    }

    fn check(&self) {
        assert_eq!(
            self.peer.state() == State::Established,
            self.up.is_some(),
            "one knows of it, one does not"
        );
        assert!(self.conns.len() <= 2, "more than one connection each way");
        assert!(self.up.as_ref().is_none_or(|(id, ..)| self.conns.contains_key(id)), "up on nothing");
        assert!(self.dialing == (self.peer.state() == State::Connect) || !self.conns.is_empty());
        let learned = self
            .learned
            .iter()
            .flat_map(|learned| self.peer.config().families.iter().map(|f| learned.counts(*f)));
        learned.for_each(|counts| assert!(counts.accepted <= counts.received));
    }
}
