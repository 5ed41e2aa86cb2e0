//! What was reached, printed when the process exits: a run that never saw an attribute has proved nothing about it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bgp::fsm::State;
use bgp::wire::{Capability, Message, Reaction};

/// How often each octet value was met in one place.
pub struct Counter {
    name: &'static str,
    met: [AtomicU64; 256],
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self { name, met: [const { AtomicU64::new(0) }; 256] }
    }

    /// One more.
    pub fn count(&self, value: u8) {
        self.met[usize::from(value)].fetch_add(1, Relaxed);
    }

    fn print(&self) {
        let met = self.met.iter().enumerate().map(|(value, met)| (value, met.load(Relaxed)));
        let met: Vec<String> =
            met.filter(|(_, met)| *met > 0).map(|(value, met)| format!("{value}:{met}")).collect();
        if !met.is_empty() {
            eprintln!("reached {} ({} different): {}", self.name, met.len(), met.join(" "));
        }
    }
}

/// Types of messages that decoded.
pub static MESSAGES: Counter = Counter::new("message types");
/// Codes of attributes that decoded.
pub static ATTRIBUTES: Counter = Counter::new("attribute codes");
/// Codes of attributes that were broken, and ignored for it.
pub static DISCARDED: Counter = Counter::new("attribute codes discarded");
/// Codes of attributes that were broken, and withdrew the routes.
pub static WITHDRAWN: Counter = Counter::new("attribute codes treated as withdraw");
/// Codes of capabilities that decoded as what they are.
pub static CAPABILITIES: Counter = Counter::new("capability codes");
/// Error codes times 16 and subcodes of NOTIFICATIONs that faults ask for.
pub static FAULTS: Counter = Counter::new("faults (code * 16 + subcode)");
/// States of the session: 0 Idle to 5 Established.
pub static STATES: Counter = Counter::new("states");
/// Operations of session scripts.
pub static OPERATIONS: Counter = Counter::new("script operations");
/// Kinds of actions of the state machine.
pub static ACTIONS: Counter = Counter::new("actions");

/// States in BFD packets that decoded: 0 AdminDown to 3 Up.
pub static BFD_STATES: Counter = Counter::new("BFD states in packets");
/// Flags of BFD packets that decoded, as on the wire.
pub static BFD_FLAGS: Counter = Counter::new("BFD flags");
/// Reasons for which a datagram is no BFD packet, in the order of the checks.
pub static BFD_MALFORMED: Counter = Counter::new("BFD refusals");
/// Types of BFD authentication sections, times 2; odd ones verified.
pub static BFD_AUTH: Counter = Counter::new("BFD authentication (type * 2 + verified)");
/// Operations of BFD scripts.
pub static BFD_OPERATIONS: Counter = Counter::new("BFD operations");
/// Kinds of actions of the BFD engine.
pub static BFD_ACTIONS: Counter = Counter::new("BFD actions");
/// Changes of a BFD session's state, from times 4 and to.
pub static BFD_CHANGES: Counter = Counter::new("BFD changes (from * 4 + to)");
/// Why they happened.
pub static BFD_REASONS: Counter = Counter::new("BFD reasons");
/// What a BFD engine refused: invalid, TTL, unknown, authentication, no room.
pub static BFD_REFUSED: Counter = Counter::new("BFD refused");
/// Operations of OVSDB scripts.
pub static OVN_OPERATIONS: Counter = Counter::new("OVSDB operations");
/// Kinds of actions of the OVSDB client: connect, disconnect, send, transaction done, failed, changed.
pub static OVN_ACTIONS: Counter = Counter::new("OVSDB actions");
/// How an OVSDB client stands: 1 connecting, 2 connected, 4 synced.
pub static OVN_STATES: Counter = Counter::new("OVSDB states");

/// Counts why a datagram is no BFD packet.
pub fn malformed(malformed: &bfd::packet::Malformed) {
    use bfd::packet::Malformed;
    BFD_MALFORMED.count(match malformed {
        Malformed::Short { .. } => 0,
        Malformed::Version { .. } => 1,
        Malformed::TooShort { .. } => 2,
        Malformed::TooLong { .. } => 3,
        Malformed::AuthLength { .. } => 4,
        Malformed::Multiplier => 5,
        Malformed::Multipoint { .. } => 6,
        Malformed::MyDiscriminator => 7,
        Malformed::YourDiscriminator { .. } => 8,
    });
}

/// Counts a decoded message and what is in it.
pub fn message(message: &Message) {
    MESSAGES.count(message.kind());
    match message {
        Message::Open(open) => {
            let known = |one: &&Capability| !matches!(one, Capability::Unknown { .. });
            open.capabilities.iter().filter(known).for_each(|one| CAPABILITIES.count(one.code()));
        }
        Message::Update(update) => {
            update.attrs.iter().for_each(|attr| ATTRIBUTES.count(attr.code()));
            for fault in &update.faults {
                match fault.reaction {
                    Reaction::Discard => DISCARDED.count(fault.code),
                    Reaction::TreatAsWithdraw => WITHDRAWN.count(fault.code),
                }
            }
        }
        _ => {}
    }
}

/// Counts the state a session is in.
pub fn state(state: State) {
    STATES.count(match state {
        State::Idle => 0,
        State::Connect => 1,
        State::Active => 2,
        State::OpenSent => 3,
        State::OpenConfirm => 4,
        State::Established => 5,
    });
}

extern "C" fn print_all() {
    let all = [
        &MESSAGES,
        &ATTRIBUTES,
        &DISCARDED,
        &WITHDRAWN,
        &CAPABILITIES,
        &FAULTS,
        &STATES,
        &OPERATIONS,
        &ACTIONS,
        &BFD_STATES,
        &BFD_FLAGS,
        &BFD_MALFORMED,
        &BFD_AUTH,
        &BFD_OPERATIONS,
        &BFD_ACTIONS,
        &BFD_CHANGES,
        &BFD_REASONS,
        &BFD_REFUSED,
        &OVN_OPERATIONS,
        &OVN_ACTIONS,
        &OVN_STATES,
    ];
    all.into_iter().for_each(Counter::print);
}

/// Prints all counters when the fuzzer is done.
pub fn print_at_exit() {
    unsafe extern "C" {
        fn atexit(callback: extern "C" fn()) -> i32;
    }
    // SAFETY: the callback touches nothing but statics and the standard error stream.
    unsafe { atexit(print_all) };
}
