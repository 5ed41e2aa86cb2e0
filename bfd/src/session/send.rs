//! What goes out, and when (RFC 5880 §6.8.7).

use super::{Action, Role, Session, Turn, timing};
use crate::packet::ControlPacket;
use crate::types::{Micros, State};

impl Session {
    /// Lets what is due happen: a periodic packet goes out. `true`: the session has outlived its peer and goes away.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.linger.is_some_and(|at| at <= turn.now) {
            return true;
        }
        if let Some(due) = self.next_send
            && due <= turn.now
        {
            if self.state == State::Up {
                self.timing.change(self.pace(), turn.now);
            }
            self.transmit(false, turn);
            self.sent = Some(turn.now);
            self.schedule(due, turn);
        }
        false
    }

    /// Sends at once, out of turn: something has changed (RFC 5880 §6.8.7).
    pub(super) fn send(&mut self, turn: &mut Turn<'_>) {
        if !self.may_speak() {
            return;
        }
        self.transmit(false, turn);
        self.sent = Some(turn.now);
        self.next_send = None;
        self.reschedule(turn);
    }

    /// Answers a poll, whatever the timers say (RFC 5880 §6.8.7); they are not touched. One answer to a packet, so that
    /// a flood is never made larger.
    pub(super) fn answer(&mut self, turn: &mut Turn<'_>) {
        if self.may_speak() {
            self.transmit(true, turn);
        }
    }

    /// Brings the next periodic packet into line with the interval: sooner if that became shorter, at once if it would
    /// have been due, later if it became longer.
    pub(super) fn reschedule(&mut self, turn: &mut Turn<'_>) {
        if !self.is_periodic() {
            self.next_send = None;
        } else if self.next_send.is_none() || self.interval != self.transmit_interval() {
            match self.sent {
                Some(sent) => self.schedule(sent, turn),
                None => self.next_send = Some(turn.now),
            }
        }
    }

    /// The next periodic packet, an interval after `from`.
    fn schedule(&mut self, from: super::Moment, turn: &mut Turn<'_>) {
        if !self.is_periodic() {
            self.next_send = None;
            return;
        }
        self.interval = self.transmit_interval();
        let sent = self.sent.unwrap_or(from);
        // Nothing is made up for: after one that was late by the width of the jitter or more the next is counted from
        // when it went out, or it and those of all other sessions would come after 75 % to the nanosecond.
        let from = if turn.now.0.saturating_sub(from.0) < self.interval / 4 { from } else { sent };
        let random = |count| turn.rng.u64(0..count);
        let next = timing::next_send((from, sent), self.interval, self.settings.detect_mult, random);
        self.next_send = Some(next.max(turn.now));
    }

    /// In nanoseconds, before jitter: the slower of what both ends want (RFC 5880 §6.8.2).
    pub(super) fn transmit_interval(&self) -> u64 {
        // A microsecond at least, or time would not pass between two packets.
        let Micros(micros) = self.timing.used().tx.max(self.remote.required_min_rx).max(Micros(1));
        u64::from(micros) * 1000
    }

    /// Whether anything may be sent at all.
    fn may_speak(&self) -> bool {
        let nobody = self.role == Role::Passive && self.remote.discriminator.is_none();
        !self.suspended && !nobody
    }

    /// Whether packets are sent at intervals (RFC 5880 §6.8.7): not if the other end wants none, nor while it is in
    /// demand mode, unless we poll.
    pub(super) fn is_periodic(&self) -> bool {
        let both_up = self.state == State::Up && self.remote.state == State::Up;
        let demand = self.remote.demand && both_up && !self.timing.polling();
        self.may_speak() && self.remote.required_min_rx.0 != 0 && !demand
    }

    /// Makes the packet and hands it out. P and F are never set together (RFC 5880 §6.5).
    fn transmit(&mut self, fin: bool, turn: &mut Turn<'_>) {
        let told = self.timing.told();
        let poll = self.timing.polling() && !fin;
        if poll {
            self.timing.polled(turn.now);
        }
        let packet = ControlPacket {
            diagnostic: self.diagnostic,
            state: self.state,
            poll,
            fin,
            control_plane_independent: self.settings.control_plane_independent,
            demand: false,
            detect_mult: self.settings.detect_mult,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            desired_min_tx: told.tx,
            required_min_rx: told.rx,
            required_min_echo_rx: Micros(0), // echo packets are not looped back
        };
        self.transmitted += 1;
        let encoded = self.auth.seal(&packet, self.settings.auth.as_ref());
        turn.out.push(Action::Transmit(self.id, encoded));
    }
}
