//! The figures, out of two captures and what `ip -ts monitor route` printed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::bfd::packet::{DOWN, EXPIRED, Packet, UP, read};
use tests::capture::{Message, NOTIFICATION, judge};
use tests::fault::{During, Fault, Result};

use crate::{ROUTER, SPEAKER};

/// What the speaker announces, by family, as the kernel writes it.
pub(crate) const ROUTES: [[&str; 4]; 2] = [
    ["10.16.0.0/16", "10.17.0.5", "10.18.0.7", "10.96.0.10"],
    ["fd00:10:16::/112", "fd00:10:17::5", "fd00:10:18::7", "fd00:10:96::a"],
];

/// When a path was cut, when it was mended, when all was as before.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) from: Duration,
    pub(crate) mended: Duration,
    pub(crate) until: Duration,
}

/// All samples in milliseconds, one of each family for each cut.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) cuts: usize,
    /// Speaker and FRR: from the last packet heard to BFD Down, and to the Cease.
    down: [Vec<f64>; 2],
    cease: [Vec<f64>; 2],
    /// From BFD Up to the last route.
    back: Vec<f64>,
}

/// What was captured at one end.
struct End {
    packets: Vec<Packet>,
    messages: Vec<Message>,
}

impl Figures {
    /// Adds those of a batch: the captures of the speaker's end and of the router's.
    pub(crate) fn add(&mut self, files: &[PathBuf; 2], routes: &str, cuts: &[Cut]) -> Result<()> {
        let ends: Vec<End> = files.iter().map(|file| End::read(file)).collect::<Result<_>>()?;
        let added: Vec<(Duration, &str)> = routes.lines().filter_map(added).collect();
        for cut in cuts {
            self.cuts += 1;
            for family in 0..2 {
                let (ours, theirs): (IpAddr, IpAddr) = (SPEAKER[family].parse()?, ROUTER[family].parse()?);
                for (side, (own, other)) in [(ours, theirs), (theirs, ours)].into_iter().enumerate() {
                    let step = format!("cut {}, {own}", self.cuts);
                    let (down, cease) = ends[side].noticed(*cut, own, other).during(step)?;
                    self.down[side].push(down);
                    self.cease[side].push(cease);
                }
                let up = ends[1].up(*cut, ours, theirs)?;
                let here =
                    |(at, route): &&(Duration, &str)| ROUTES[family].contains(route) && *at > cut.mended;
                let last =
                    added.iter().filter(here).filter(|(at, _)| *at < cut.until).map(|(at, _)| *at).max();
                let last =
                    last.ok_or_else(|| Fault::new(format!("cut {}: no route came back", self.cuts)))?;
                self.back.push(millis(last.saturating_sub(up)));
            }
        }
        Ok(())
    }

    /// In short, to see that it goes on.
    pub(crate) fn line(&self) -> String {
        format!(
            "speaker down p50 {:.1} ms, FRR {:.1} ms",
            quantile(&self.down[0], 50),
            quantile(&self.down[1], 50)
        )
    }

    /// The table of `docs/benchmarks.md`.
    pub(crate) fn print(&self) {
        println!("| {} cuts, IPv4 and IPv6 in each | p50 | p95 | max |\n|---|---|---|---|", self.cuts);
        let rows = [
            ("speaker: last packet heard → BFD Down", &self.down[0]),
            ("speaker: last packet heard → Cease", &self.cease[0]),
            ("FRR: last packet heard → BFD Down", &self.down[1]),
            ("FRR: last packet heard → Cease", &self.cease[1]),
            ("mended: BFD Up → last route in FRR's kernel", &self.back),
        ];
        for (what, samples) in rows {
            let [p50, p95, max] = [50, 95, 100].map(|share| quantile(samples, share));
            println!("| {what} | {p50:.1} ms | {p95:.1} ms | {max:.1} ms |");
        }
    }
}

impl End {
    fn read(file: &Path) -> Result<Self> {
        Ok(Self { packets: read(file)?, messages: judge(file)?.messages })
    }

    /// How long after the last packet that arrived this end said Down, and Cease.
    fn noticed(&self, cut: Cut, own: IpAddr, other: IpAddr) -> Result<(f64, f64)> {
        let during = |at: Duration| (cut.from..cut.mended).contains(&at);
        let down = self.packets.iter().find(|packet| {
            let expired = (packet.state, packet.diagnostic) == (DOWN, EXPIRED);
            packet.from == own && during(packet.at) && expired
        });
        let down = down.ok_or_else(|| Fault::new("no Down because of the detection time"))?;
        let heard = self.packets.iter().rfind(|packet| packet.from == other && packet.at < down.at);
        let heard = heard.ok_or_else(|| Fault::new("nothing was ever heard"))?;
        let cease = self
            .messages
            .iter()
            .find(|message| message.from == own && message.kind == NOTIFICATION && during(message.at));
        let cease = cease.ok_or_else(|| Fault::new("no NOTIFICATION"))?;
        Ok((millis(down.at.saturating_sub(heard.at)), millis(cease.at.saturating_sub(heard.at))))
    }

    /// When the first of both ends said Up again.
    fn up(&self, cut: Cut, ours: IpAddr, theirs: IpAddr) -> Result<Duration> {
        let mut after = self.packets.iter().filter(|packet| packet.at > cut.mended && packet.state == UP);
        let up = after.find(|packet| [ours, theirs].contains(&packet.from));
        up.map(|packet| packet.at).ok_or_else(|| Fault::new("never Up again"))
    }
}

/// `[2026-11-21T16:17:49.123456] 10.17.0.5 via …`: when, and what; nothing for a route that went.
fn added(line: &str) -> Option<(Duration, &str)> {
    let (stamp, rest) = line.strip_prefix('[')?.split_once("] ")?;
    if rest.starts_with("Deleted") {
        return None;
    }
    let route = rest.split_whitespace().find(|word| word.contains(['.', ':']))?;
    Some((epoch(stamp)?, route))
}

/// `2026-11-21T16:17:49.123456`, UTC, since the Unix epoch.
fn epoch(stamp: &str) -> Option<Duration> {
    let (date, time) = stamp.split_once('T')?;
    let numbers = |text: &str, by: char| {
        text.split(by).map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>()
    };
    let [year, month, day] = numbers(date, '-')?[..] else { return None };
    let (clock, micros) = time.split_once('.')?;
    let [hour, minute, second] = numbers(clock, ':')?[..] else { return None };
    // Days since 1970, counting years from March so that the leap day is the last.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros.parse().ok()?))
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// The sample that so many percent do not exceed.
fn quantile(samples: &[f64], share: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() * share).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
