//! Both databases, and which objects a change of theirs touches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ovn::net::{Client, Link, Options, Tls};
use tracing::{info, warn};

use super::touched::{Contents, touched};
use super::{network, northbound, southbound};
use crate::source::{Marks, Store};
use crate::subject::Subject;
use crate::view::Network;

/// After the copies were read, they rest so many times as long as that took: reading never costs more than a fraction of
/// a core, however fast the databases change.
const REST: u32 = 4;

/// Where the databases are.
#[derive(Clone, Debug)]
pub struct Places {
    /// Northbound.
    pub northbound: Vec<Box<str>>,
    /// Southbound.
    pub southbound: Vec<Box<str>>,
    /// Certificates for `ssl:`.
    pub tls: Option<Tls>,
}

/// How the links to both databases are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Northbound.
    pub northbound: Link,
    /// Southbound.
    pub southbound: Link,
}

/// Both databases. Clones share the connections.
#[derive(Clone)]
pub struct Databases {
    /// Northbound: read and written.
    pub northbound: Client,
    /// Southbound: read.
    pub southbound: Client,
    vendor: Box<str>,
    /// What they said when they were both complete for the last time; `None`: they never were.
    network: Arc<Mutex<Option<Read>>>,
    /// Something was written since.
    written: Arc<AtomicBool>,
}

/// What was read, and of which generations of the copies.
#[derive(Clone)]
struct Read {
    generations: [u64; 2],
    network: Arc<Network>,
    contents: Arc<Contents>,
}

impl Databases {
    /// Starts connecting. Needs a tokio runtime.
    #[must_use]
    pub fn start(places: Places, vendor: &str) -> Self {
        let options = |remotes, database: &str, monitor, leader_only| Options {
            remotes,
            database: database.into(),
            monitor,
            leader_only,
            tls: places.tls.clone(),
        };
        Self {
            northbound: Client::start(options(
                places.northbound.clone(),
                "OVN_Northbound",
                northbound(vendor),
                true,
            )),
            southbound: Client::start(options(
                places.southbound.clone(),
                "OVN_Southbound",
                southbound(),
                false,
            )),
            vendor: vendor.into(),
            network: Arc::default(),
            written: Arc::default(),
        }
    }

    /// How the links are.
    #[must_use]
    pub fn linked(&self) -> Linked {
        Linked { northbound: self.northbound.link(), southbound: self.southbound.link() }
    }

    /// What they say, as of the last look, or now if something was written since; `None` before both were complete once.
    /// What changes meanwhile marks those it is about.
    #[must_use]
    pub fn read(&self) -> Option<Arc<Network>> {
        if self.written.load(Ordering::Acquire) {
            return self.read_now();
        }
        self.read_last().or_else(|| self.read_now())
    }

    /// What they say now.
    #[must_use]
    pub fn read_now(&self) -> Option<Arc<Network>> {
        self.look().map(|read| read.network)
    }

    /// We wrote: what was read is old.
    pub fn written(&self) {
        self.written.store(true, Ordering::Release);
    }

    fn look(&self) -> Option<Read> {
        let mut known = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let linked = self.linked();
        if known.is_none() && (linked.northbound != Link::Synced || linked.southbound != Link::Synced) {
            return None;
        }
        self.written.store(false, Ordering::Release);
        // Read before the copies: what changes meanwhile is read once more, not missed.
        let generations = [&self.northbound, &self.southbound].map(|client| *client.changes().borrow());
        if let Some(read) = known.as_ref().filter(|read| read.generations == generations) {
            return Some(read.clone());
        }
        let (network, contents) =
            self.northbound.read(|nb| self.southbound.read(|sb| network(nb, sb, &self.vendor)));
        let read = Read { generations, network: Arc::new(network), contents: Arc::new(contents) };
        *known = Some(read.clone());
        Some(read)
    }

    /// What they said when they were read last.
    #[must_use]
    pub fn read_last(&self) -> Option<Arc<Network>> {
        self.network
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|read| Arc::clone(&read.network))
    }

    /// Owners of rows, also of those whose object is gone.
    #[must_use]
    pub fn owners(&self) -> Vec<Subject> {
        let read = self.network.lock().unwrap_or_else(PoisonError::into_inner).clone();
        read.map(|read| owners(&read, &self.vendor)).unwrap_or_default()
    }

    /// Marks what a change touches, for ever.
    pub async fn follow(self, store: Store, marks: Arc<Marks>) {
        let (mut northbound, mut southbound) = (self.northbound.changes(), self.southbound.changes());
        let (mut told, mut known): (Option<Linked>, Option<Read>) = (None, None);
        loop {
            let linked = self.linked();
            let again = told.as_ref() != Some(&linked);
            if again {
                tell("northbound", &linked.northbound);
                tell("southbound", &linked.southbound);
                told = Some(linked);
            }
            let begin = Instant::now();
            if let Some(read) = self.look() {
                match known.as_ref().filter(|_| !again) {
                    Some(old) => {
                        let [old, new] = [old, &read].map(|read| (&*read.network, &*read.contents));
                        marks.add(touched(old, new, &store));
                    }
                    // What could not be written while the link was down need not wait longer.
                    None => {
                        marks.add(store.keys());
                        marks.add(owners(&read, &self.vendor));
                    }
                }
                known = Some(read);
            }
            // What changes meanwhile is seen together.
            tokio::time::sleep(begin.elapsed() * REST).await;
            let gone = tokio::select! {
                changed = northbound.changed() => changed.is_err(),
                changed = southbound.changed() => changed.is_err(),
            };
            if gone {
                return std::future::pending().await; // the clients ended, and with them the process
            }
        }
    }
}

/// Owners of rows, also of those whose object is gone.
fn owners(read: &Read, vendor: &str) -> Vec<Subject> {
    let gateways = read.network.owned.keys().cloned().map(Subject::Gateway);
    gateways.chain(read.contents.vpcs(vendor).into_iter().map(Subject::Vpc)).collect()
}

fn tell(database: &str, link: &Link) {
    match link {
        Link::Synced => info!(database, "connected, the copy is complete"),
        Link::Down(why) if why.is_empty() => info!(database, "connecting"),
        Link::Down(why) => warn!(database, %why, "no connection; what is known stays in force"),
    }
}
