//! Two engines and a liar: a script of openings, packets, lost time and an administrator's wishes, on a virtual clock.

use std::time::Duration;

use bfd::engine::Control;
use bfd::packet::ControlPacket;
use bfd::session::{Hops, Path, Role, Settings};
use bfd::{DetectMult, Diagnostic, Discriminator, Micros, State};

use super::world::{SIDES, World, address};
use crate::counters;
use crate::script::Script;

/// The most operations of one script: what is beyond them is nothing new.
const LONGEST: usize = 300;

/// Intervals of ours, µs: the longest, usual ones, none at all.
const INTERVALS: [u32; 8] = [1_000_000, 10_000, 50_000, 100_000, 300_000, 3_300, u32::MAX, 0];

/// The first octet is the seed, the rest the script.
pub fn run(octets: &[u8]) {
    let mut script = Script(octets);
    let mut world = World::new(script.octet());
    for _ in 0..LONGEST {
        if script.is_over() || world.is_tired() {
            break;
        }
        operate(&mut world, &mut script);
        world.check();
    }
    world.goodbye();
}

fn operate(world: &mut World, script: &mut Script<'_>) {
    let octet = script.octet();
    let (operation, side) = (octet % 16, usize::from(octet >> 4) % SIDES);
    counters::BFD_OPERATIONS.count(operation);
    match operation {
        0 => {
            let (path, role) = (path(script, side), role(script.octet()));
            world.open(side, path, (role, settings(script)));
        }
        1 => {
            // A pair, one end of it perhaps passive.
            let (path, roles) = (path(script, side), script.octet());
            let settings = settings(script);
            let back =
                Path { local: Some(path.remote), remote: path.local.unwrap_or(address(side, 0)), ..path };
            world.open(side, path, (role(roles), settings.clone()));
            world.open(1 - side, back, (role(roles >> 1), settings));
        }
        2 => world.close(side, script.octet()),
        3 => {
            let which = script.octet();
            world.set(side, which, settings(script));
        }
        4 => {
            let (which, what) = (script.octet(), control(script));
            world.control(side, which, what);
        }
        5 => {
            let octet = script.octet();
            world.allow(side, address(1 - side, octet & 3), octet & 4 == 0);
        }
        6 => world.set_passive(side, settings(script)),
        7 | 8 => {
            let (which, change) = (script.octet(), (script.octet(), script.octet()));
            world.deliver(which, change);
        }
        9 => {
            let (from, octets) = (script.octet(), script.octets());
            world.inject(side, from, octets);
        }
        10 => {
            let which = script.octet();
            lie(world, (side, which), script);
        }
        11 => world.lose(script.octet()),
        12 => world.stall(side, Duration::from_millis(u64::from(script.octet()).pow(2) / 16)),
        // Time goes by; packets get through, or do not.
        13 | 14 => world.pass(Duration::from_micros(u64::from(script.octet()).pow(2) * 200), true),
        _ => world.pass(Duration::from_micros(u64::from(script.octet()).pow(2) * 200), false),
    }
}

/// A packet that a session takes for its peer's, with whatever an octet asks for in it.
fn lie(world: &mut World, (side, which): (usize, u8), script: &mut Script<'_>) {
    let (flags, more, mult) = (script.octet(), script.octet(), script.octet());
    let state = [State::AdminDown, State::Down, State::Init, State::Up][usize::from(flags >> 6)];
    let interval =
        |octet: u8| Micros(*[1, 50_000, 1_000_000, u32::MAX, 0].get(usize::from(octet) % 5).unwrap_or(&0));
    let packet = ControlPacket {
        diagnostic: Diagnostic(mult & 0x1f),
        state,
        poll: flags & 0x20 != 0,
        fin: flags & 0x10 != 0,
        control_plane_independent: flags & 8 != 0,
        demand: flags & 4 != 0,
        detect_mult: DetectMult::new(mult).unwrap_or(DetectMult::DEFAULT),
        my_discriminator: Discriminator::new(1 + u32::from(more >> 6))
            .unwrap_or_else(|| unreachable!("not zero")),
        your_discriminator: None,
        desired_min_tx: interval(more),
        required_min_rx: interval(more >> 3),
        required_min_echo_rx: interval(flags),
    };
    world.lie(side, which, (packet, flags & 3));
}

fn role(octet: u8) -> Role {
    if octet & 1 == 0 { Role::Active } else { Role::Passive }
}

fn path(script: &mut Script<'_>, side: usize) -> Path {
    let octet = script.octet();
    Path {
        hops: if octet & 0x10 == 0 { Hops::Single } else { Hops::Multi },
        local: (octet & 0x20 == 0).then(|| address(side, octet & 3)),
        remote: address(1 - side, octet >> 2 & 3),
        interface: u32::from(octet >> 6 & 1),
    }
}

fn settings(script: &mut Script<'_>) -> Settings {
    let (octet, flags) = (script.octet(), script.octet());
    let interval = |bits: u8| Micros(INTERVALS[usize::from(bits & 7)]);
    Settings {
        desired_min_tx: interval(octet),
        required_min_rx: interval(octet >> 3),
        detect_mult: [1, 2, 3, 255].map(DetectMult::new)[usize::from(octet >> 6)]
            .unwrap_or(DetectMult::DEFAULT),
        control_plane_independent: flags & 1 != 0,
        min_ttl: if flags & 2 == 0 { 255 } else { 254 },
        stable_discriminator: flags & 4 != 0,
        auth: (flags & 8 != 0).then(|| super::auth(flags >> 4 & 7, 1, b"between us")).flatten(),
    }
}

fn control(script: &mut Script<'_>) -> Control {
    let octet = script.octet();
    let state = [State::AdminDown, State::Down, State::Init, State::Up][usize::from(octet >> 3 & 3)];
    match octet & 7 {
        0 => Control::Release,
        1 => Control::Suspend,
        2 => Control::Resume,
        3 => Control::Activate,
        _ => Control::Force(state, Diagnostic(octet >> 5)),
    }
}
