//! A proxy between a speaker and the API server that spoils answers on demand.
//!
//! Plain HTTP towards the speaker; TLS towards the API server, as the user it was started for, since clients need not
//! send tokens in the clear. Runs on a thread of its own inside the API server's namespace. Without a rule it changes nothing.

mod answer;
mod rules;

pub use rules::{Break, Cut, Seen};

use super::{ApiServer, URL, User};
use crate::egress::trap::Trap;
use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::wait;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rules::Rules;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const ADDRESS: &str = "10.0.9.1:8001";

/// It ends when dropped; connections through it end with it.
#[derive(Debug)]
pub struct Proxy {
    rules: Arc<Rules>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    netns: Arc<Netns>,
}

impl Proxy {
    /// Where a client finds it.
    pub const URL: &str = "http://10.0.9.1:8001";

    /// Starts it beside the API server; all that pass through it are `user`.
    ///
    /// # Errors
    /// When it does not listen within some seconds.
    pub fn start(api: &ApiServer, user: User) -> Result<Self> {
        let rules = Arc::new(Rules::default());
        let (stop, stopped) = oneshot::channel();
        let (netns, theirs) = (Arc::clone(api.netns()), Arc::clone(&rules));
        let config = api.kubeconfig(user, URL)?;
        let thread = std::thread::spawn(move || {
            let served = netns.enter(move || serve_until(stopped, &config, &theirs));
            if let Err(fault) = served {
                eprintln!("the proxy ended: {fault}");
            }
        });
        let proxy = Self { rules, stop: Some(stop), thread: Some(thread), netns: Arc::clone(api.netns()) };
        proxy.refuse(false)?;
        Ok(proxy)
    }

    /// Spoils the next `times` answers to the given page (from 1) of a list of `resource` (its plural).
    pub fn break_list(&self, resource: &str, page: usize, how: Break, times: usize) {
        self.rules.break_list(resource, page, how, times);
    }

    /// Forgets what [`Proxy::break_list`] was told about lists of `resource`.
    pub fn mend_list(&self, resource: &str) {
        self.rules.mend_list(resource);
    }

    /// Replaces the page size that clients ask for, so that a handful of objects has several pages.
    pub fn limit_pages(&self, objects: usize) {
        self.rules.limit_pages(objects);
    }

    /// Ends all watches that now run.
    pub fn cut_watches(&self, how: Cut) {
        self.rules.cut_watches(how);
    }

    /// Answers the next `times` watches of `resource` with an ERROR event in the stream: 410, Expired.
    pub fn expire_watches(&self, resource: &str, times: usize) {
        self.rules.expire_watches(resource, times);
    }

    /// Every request but watches is a call of whom this trap is set for.
    pub fn trap(&self, trap: &Arc<Trap>) {
        // A second one would be told of nothing.
        let _ = self.rules.trap.set(Arc::clone(trap));
    }

    /// While held, nothing moves and nobody is told: connections stand, requests stay without an answer.
    pub fn hold(&self, held: bool) {
        self.rules.held.send_replace(held);
    }

    /// While refused, connections are reset, new ones refused.
    ///
    /// # Errors
    /// When it does not take effect within some seconds.
    pub fn refuse(&self, refused: bool) -> Result<()> {
        self.rules.refused.send_replace(refused);
        wait::until("the proxy's socket", Duration::from_secs(5), || {
            ensure(listens(&self.netns)? != refused, || format!("not as wanted: refused = {refused}"))
        })?;
        Ok(())
    }

    /// What has passed so far: how often `seen` was the case for `resource`.
    #[must_use]
    pub fn count(&self, resource: &str, seen: Seen) -> usize {
        self.rules.count(resource, seen)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Dropping the sender is the signal.
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, has been printed.
            let _ = thread.join();
        }
    }
}

fn listens(netns: &Netns) -> Result<bool> {
    Ok(!netns.exec(&["ss", "-Hltn", "sport = :8001"])?.trim().is_empty())
}

/// Serves until `stopped` resolves, on a runtime of this thread: it is the one inside the namespace.
fn serve_until(stopped: oneshot::Receiver<()>, config: &Path, rules: &Arc<Rules>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let upstream = client(config).await?;
        tokio::select! {
            served = serve(&upstream, rules) => served,
            _ = stopped => Ok(()),
        }
    })
}

async fn client(config: &Path) -> Result<Client> {
    let bad = |error: &dyn std::error::Error| Fault::new(format!("the proxy's client: {error}"));
    let config = Kubeconfig::read_from(config).map_err(|error| bad(&error))?;
    let options = KubeConfigOptions::default();
    let mut config =
        kube::Config::from_custom_kubeconfig(config, &options).await.map_err(|error| bad(&error))?;
    // A failure is passed on as it is.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| bad(&error))
}

async fn serve(upstream: &Client, rules: &Arc<Rules>) -> Result<()> {
    let mut refused = rules.refused.subscribe();
    loop {
        // The sender lives as long as the rules do.
        let _ = refused.wait_for(|refused| !refused).await;
        let listener = TcpListener::bind(ADDRESS).await.during(ADDRESS)?;
        // Dropped with all its tasks, and so all connections, when refusing begins.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    let (upstream, rules) = (upstream.clone(), Arc::clone(rules));
                    connections.spawn(async move {
                        let service = service_fn(|request: hyper::Request<Incoming>| {
                            answer::answer(&upstream, &rules, request)
                        });
                        let http = hyper::server::conn::http1::Builder::new();
                        // A client that went away, or that was cut off on purpose.
                        let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                Some(_) = connections.join_next() => {}
                _ = refused.wait_for(|refused| *refused) => break,
            }
        }
    }
}

/// What the proxy passes on: the bytes of a body as they come.
type Chunk = Result<Bytes>;
