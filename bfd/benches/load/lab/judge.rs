//! What our side declared, against what was really sent to it.

use std::time::Duration;

use super::child::Process;
use super::{Load, nanos};

/// A session left Up, as our side told it; times are of the clock all share.
#[derive(Clone, Debug)]
pub(crate) struct Down {
    pub(crate) peer: usize,
    pub(crate) reason: String,
    pub(crate) told: u64,
    pub(crate) heard: u64,
}

/// Everything our side told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Sessions that came Up, each time.
    pub(crate) ups: usize,
    pub(crate) downs: Vec<Down>,
    /// Up to when, and how long.
    stalls: Vec<(u64, u64)>,
}

impl Told {
    pub(crate) fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        match words[0] {
            "changed" if words[3] == "Up" => self.ups += 1,
            "changed" if words[2] == "Up" => self.downs.push(Down {
                peer: usize::try_from(number(1)).expect("few"),
                reason: words[4].to_owned(),
                told: number(5),
                heard: number(6),
            }),
            "stalled" => self.stalls.push((number(1), number(2))),
            _ => {}
        }
    }

    /// How much time between the two our side counted as lost.
    pub(crate) fn lost(&self, from: u64, to: u64) -> u64 {
        let overlap =
            |(at, late): &(u64, u64)| (*at).min(to).saturating_sub(at.saturating_sub(*late).max(from));
        self.stalls.iter().map(overlap).sum()
    }

    pub(crate) fn stalls(&self) -> usize {
        self.stalls.len()
    }
}

/// Asks a process and takes its answer's numbers; `others` gets the lines that are no answer.
pub(crate) fn ask(process: &mut Process, question: &str, mut others: impl FnMut(&str)) -> Vec<u64> {
    process.say(question);
    let word = question.split(' ').next().unwrap_or("");
    loop {
        let line = process.line(Duration::from_secs(30)).unwrap_or_else(|| panic!("no answer to {question}"));
        match line.strip_prefix(word).filter(|rest| rest.starts_with(' ')) {
            Some(rest) => {
                return rest.split_whitespace().map(|word| word.parse().expect("a number")).collect();
            }
            None => others(&line),
        }
    }
}

/// Whether the wire justifies that a session which was not silenced went down: its peer's next packet after the last
/// one heard was not sent before the detection time was over.
pub(crate) fn is_justified(peers: &mut Process, down: &Down, load: Load) -> bool {
    if down.reason != "Expired" {
        return false; // the peers never say Down of themselves
    }
    let answer = ask(peers, &format!("gap {} {}", down.peer, down.heard), |_| {});
    answer[1] >= down.heard + nanos(load.detection())
}

/// How a silence was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// From the end of the call that sent the peer's last packet until our side told it, less the time lost.
    pub(crate) after: Duration,
    pub(crate) is_late: bool,
    /// Before the detection time was over at all.
    pub(crate) is_early: bool,
}

/// When a peer that fell silent was declared down; `None`: not yet.
pub(crate) fn found(peers: &mut Process, told: &Told, peer: usize, load: Load) -> Option<Found> {
    let sent = ask(peers, &format!("last {peer}"), |_| {});
    let (before, last) = (sent[0], sent[1]);
    let down = told.downs.iter().find(|down| down.peer == peer && down.told >= last)?;
    let after = (down.told - last).saturating_sub(told.lost(last, down.told));
    let bound = load.detection() + load.interval;
    // Our side has the kernel's word for when it came, by another clock. Their distance is read wrong by as much as the
    // reader is interrupted between the two: up to 0.34 ms were seen on a machine with five times the work it can do.
    const APART: u64 = 500_000;
    let is_early = down.told + APART < before + nanos(load.detection());
    if is_early {
        eprintln!("too early: {down:?}, the last packet was sent from {before} to {last}");
    }
    Some(Found { after: Duration::from_nanos(after), is_late: after > nanos(bound), is_early })
}
