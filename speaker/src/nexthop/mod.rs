//! What each neighbour is told to send traffic to: the source address the kernel uses towards it, or of a neighbour
//! that is named with its link, the addresses of that link. And who is at the other end of a link.
//!
//! Asked once per neighbour at the start and again at every change of routes, rules, addresses or links that
//! rtnetlink reports. A lookup that fails keeps the last good answer: the session may well outlive the moment. While there
//! never was a good one nothing is announced to the neighbour, and [`Troubles`] says why.

mod kernel;
mod onlink;
mod sources;
mod troubles;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::net::PeerAddr;
use bgp::rib::NextHops;
use tokio::sync::mpsc;
use tracing::{info, warn};

use kernel::{Kernel, NoSource, Source};
pub use onlink::neighbors_on_link;
pub use sources::{Sources, Substitution};
pub use troubles::{Trouble, Troubles};

/// When the kernel did not answer, it is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Between two looks, at least and at most: well below what a routing daemon needs to move a route and back.
const PAUSE: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(5)];

/// How many times longer than a look the pause after it is, within [`PAUSE`].
const REST: u32 = 4;

/// A neighbour to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// Its name.
    pub addr: PeerAddr,
    /// It is one hop away: a route through a gateway does not count.
    pub on_link: bool,
}

/// The way to a neighbour changed: another source, none any more, or one again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The neighbour.
    pub neighbor: PeerAddr,
    /// What it is to be told; the last good ones while there is no way.
    pub next_hops: NextHops,
}

/// Next hops cannot be followed: the system refused a netlink socket.
#[derive(Debug, thiserror::Error)]
#[error("cannot ask the kernel for routes: {0}")]
pub struct StartError(#[from] io::Error);

/// What the kernel last said about one neighbour.
#[derive(Debug, Default)]
struct Known {
    on_link: bool,
    source: Option<Source>,
    failing: Option<NoSource>,
    /// Since there was a way last, it was told that a list forbids the one there is.
    forbidden: bool,
}

/// Follows the kernel's routes to a set of neighbours.
pub struct Tracker {
    kernel: Kernel,
    sources: Sources,
    known: HashMap<PeerAddr, Known>,
    troubles: Arc<Troubles>,
}

impl Tracker {
    /// Opens the netlink sockets and asks for each neighbour once; the returned future then reports changes, and
    /// `troubles` says where there is no way. A neighbour without a source that is allowed is one of those, and no error.
    ///
    /// # Errors
    /// The system refused a netlink socket.
    pub async fn start(
        neighbors: &[Neighbor],
        sources: Sources,
        troubles: Arc<Troubles>,
        changes: mpsc::Sender<Change>,
    ) -> Result<(HashMap<PeerAddr, NextHops>, impl Future<Output = ()> + Send + use<>), StartError> {
        let known = |one: &Neighbor| (one.addr, Known { on_link: one.on_link, ..Known::default() });
        let known: HashMap<_, _> = neighbors.iter().map(known).collect();
        troubles.retain(|neighbor| known.contains_key(neighbor));
        let mut tracker = Self { kernel: Kernel::open(&kernel::ROUTES)?, sources, known, troubles };
        let (_, again) = tracker.refresh().await;
        let first =
            tracker.known.iter().map(|(neighbor, known)| (*neighbor, next_hops(known.source))).collect();
        Ok((first, tracker.follow(again, changes)))
    }

    async fn follow(mut self, mut again: bool, to: mpsc::Sender<Change>) {
        loop {
            tokio::select! {
                () = self.kernel.changed() => {}
                () = tokio::time::sleep(ASK_AGAIN), if again => {}
            }
            let begun = Instant::now();
            let (changes, silent) = self.refresh().await;
            let [least, most] = PAUSE;
            let pause = begun.elapsed().saturating_mul(REST).clamp(least, most);
            again = silent;
            for change in changes {
                if to.send(change).await.is_err() {
                    return;
                }
            }
            // The first event is answered at once, one right behind it soon; a flood of them, as a routing daemon causes
            // one, by looks that leave most of the time to others.
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks for every neighbour; returns the changes, and whether an answer is still owed.
    async fn refresh(&mut self) -> (Vec<Change>, bool) {
        let (mut changes, mut silent) = (Vec::new(), false);
        for (neighbor, known) in &mut self.known {
            let answer = self.kernel.source_towards(*neighbor, known.on_link).await;
            silent |= matches!(answer, Err(NoSource::Silent));
            let news =
                known.learn(*neighbor, answer.and_then(|source| self.sources.judge(*neighbor, source)));
            self.troubles.set(*neighbor, known.trouble());
            if news {
                changes.push(Change { neighbor: *neighbor, next_hops: next_hops(known.source) });
            }
        }
        (changes, silent)
    }
}

impl Known {
    /// Takes the kernel's answer; returns whether anything is different. Each turn of events is logged once: route
    /// events may come by the thousand while the route is away.
    fn learn(&mut self, neighbor: PeerAddr, answer: Result<Source, NoSource>) -> bool {
        match answer {
            Ok(source) => {
                let before = self.source.replace(source);
                let back = self.failing.take().is_some();
                self.forbidden = false;
                if before != Some(source) {
                    let from = before.map(|before| tracing::field::display(before.addr));
                    info!(%neighbor, from, to = %source.addr, "next hop towards the neighbour");
                } else if back {
                    info!(%neighbor, to = %source.addr, "the neighbour has a route again");
                }
                back || before != Some(source)
            }
            Err(cause) => {
                let news = self.failing.is_none();
                // A route that came but leaves from the wrong address is the operator's to mend: told though there was
                // no way before either.
                let forbidden = matches!(cause, NoSource::NotAllowed { .. }) && !self.forbidden;
                self.forbidden |= forbidden;
                match self.source {
                    _ if !news && !forbidden => {}
                    Some(kept) => {
                        warn!(%neighbor, kept = %kept.addr, %cause, "no way to the neighbour, its next hop is kept")
                    }
                    None => {
                        warn!(%neighbor, %cause, "no way to the neighbour, nothing is announced to it yet")
                    }
                }
                self.failing = Some(cause);
                news
            }
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        let kept = self.source.map(|source| source.addr);
        self.failing.as_ref().map(|cause| Trouble { cause: cause.to_string(), kept })
    }
}

/// The family of the source is the neighbour's: its other family is not announced over that session, but for IPv4
/// over IPv6 where the two agree on it (RFC 8950).
fn next_hops(source: Option<Source>) -> NextHops {
    let Some(Source { addr, link_local }) = source else { return NextHops::default() };
    match addr {
        IpAddr::V4(v4) => NextHops { v4: Some(v4), v6: None, link_local: None },
        IpAddr::V6(v6) => NextHops { v4: None, v6: Some(v6), link_local },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Source {
        Source { addr: text.parse().expect("an address"), link_local: None }
    }

    #[test]
    fn a_failed_lookup_keeps_the_last_good_source_and_tells_of_each_turn_once() {
        let (neighbor, mut known) = ("10.0.0.1".parse().expect("a name"), Known::default());
        assert!(known.learn(neighbor, Err(NoSource::None)), "no way at the start");
        assert!(known.learn(neighbor, Ok(from("10.0.0.11"))));
        assert!(!known.learn(neighbor, Ok(from("10.0.0.11"))), "the same again is nothing new");
        assert!(known.learn(neighbor, Err(NoSource::None)));
        assert_eq!(known.source, Some(from("10.0.0.11")));
        assert!(!known.learn(neighbor, Err(NoSource::Tentative)), "still away");
        assert!(known.learn(neighbor, Ok(from("10.0.0.11"))), "back: it may be dialed at once");
        assert!(known.learn(neighbor, Ok(from("10.0.0.12"))));
    }

    #[test]
    fn a_trouble_says_why_and_what_is_kept() {
        let (neighbor, mut known) = ("10.0.0.1".parse().expect("a name"), Known::default());
        assert_eq!(known.trouble(), None);
        known.learn(neighbor, Err(NoSource::None));
        let trouble = |cause: &str, kept: Option<&str>| {
            Some(Trouble {
                cause: cause.to_owned(),
                kept: kept.map(|addr| addr.parse().expect("an address")),
            })
        };
        assert_eq!(known.trouble(), trouble("the kernel's route has no source address", None));
        let flag = "--allowed-source-addresses";
        known.learn(neighbor, Err(NoSource::NotAllowed { addr: from("10.0.0.7").addr, flag }));
        let cause = "the kernel's source address 10.0.0.7 is not listed in --allowed-source-addresses";
        assert_eq!(known.trouble(), trouble(cause, None), "the latest cause counts");
        known.learn(neighbor, Ok(from("10.0.0.11")));
        assert_eq!(known.trouble(), None);
        known.learn(neighbor, Err(NoSource::NotAllowed { addr: from("10.0.0.7").addr, flag }));
        assert_eq!(known.trouble(), trouble(cause, Some("10.0.0.11")));
    }

    #[tokio::test]
    async fn without_an_allowed_source_a_speaker_starts_and_says_what_is_missing() {
        let loopback = Neighbor { addr: "127.0.0.98".parse().expect("a name"), on_link: false };
        let allowed = vec!["10.255.255.1".parse().expect("an address")];
        let sources = Sources { allowed, ..Sources::default() };
        let (troubles, (changes, _news)) = (Arc::<Troubles>::default(), mpsc::channel(4));
        let gone = "127.0.0.97".parse().expect("a name");
        troubles
            .set(gone, Some(Trouble { cause: "of one that is configured no more".to_owned(), kept: None }));
        let started = Tracker::start(&[loopback], sources, Arc::clone(&troubles), changes).await;
        let (first, _tracker) = started.expect("a kernel");
        assert_eq!(first[&loopback.addr], NextHops::default(), "no address of ours may be told");
        let all: Vec<_> = troubles.all().into_iter().collect();
        let cause = "the kernel's source address 127.0.0.1 is not listed in --allowed-source-addresses";
        assert_eq!(all, [(loopback.addr, Trouble { cause: cause.to_owned(), kept: None })]);
    }
}
