//! A lab with an API server: how its speakers are started, and the objects most scenarios begin with.

use super::table::tables;
use crate::fault::{During, Fault, Result};
use crate::kube::objects::{pod, service, subnet};
use crate::kube::{ApiServer, Proxy, URL, User};
use crate::router::Kind;
use crate::scenario::lab::{self, Lab};
use crate::speaker::{Extra, Mode, Speaker};
use crate::topology::Topology;
use std::path::PathBuf;
use std::time::Duration;

/// The hold time a speaker proposes unless told otherwise, in seconds.
const HOLD: u16 = 90;

/// From `kubectl` to the routers' tables, on a machine where several labs run.
pub(super) const SOON: Duration = Duration::from_secs(5);

/// From the end of an outage of the API server: speakers ask again every 5 s at the latest.
pub(super) const BACK: Duration = Duration::from_secs(20);

/// Whether n1 reaches the API server through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Direct,
    Proxied,
}

/// Where the speakers read objects from.
pub(super) struct Site {
    // The proxy runs in the API server's namespace.
    pub(super) proxy: Option<Proxy>,
    pub(super) api: ApiServer,
    user: User,
}

/// A lab whose API server holds the definitions and no object, with the rights of `user` granted.
pub(super) fn start(kind: Kind, user: User, way: Way) -> Result<Lab<Site>> {
    let topology = Topology::new()?;
    let api = ApiServer::start(&topology)?;
    api.grant(user)?;
    let proxy = if way == Way::Proxied { Some(Proxy::start(&api, user)?) } else { None };
    let setup = lab::Setup { kind, mode: Mode::Dial, router_asn: 65001, hold: HOLD };
    Lab::without_speakers(setup, topology, Site { proxy, api, user })
}

impl Lab<Site> {
    pub(super) fn start_speakers(&mut self) -> Result<()> {
        self.start_speakers_with([&[], &[]])
    }

    /// The same, each with arguments of its own.
    pub(super) fn start_speakers_with(&mut self, more: [&[&str]; 2]) -> Result<()> {
        self.speakers = vec![self.deployed(1, more[0])?, self.deployed(2, more[1])?];
        Ok(())
    }

    /// Starts the speaker of node `n<host>` anew; the old one, if it still runs, is killed.
    pub(super) fn start_deployed(&mut self, host: u8, more: &[&str]) -> Result<()> {
        self.speakers[usize::from(host) - 1].kill()?;
        self.speakers[usize::from(host) - 1] = self.deployed(host, more)?;
        Ok(())
    }

    /// Its directory, where its log is and whatever it keeps.
    pub(super) fn directory(&self, host: u8) -> PathBuf {
        self.topology.dir().join(format!("n{host}"))
    }

    /// A later argument beats an earlier one.
    fn deployed(&self, host: u8, more: &[&str]) -> Result<Speaker> {
        let Site { proxy, api, user } = &self.source;
        let proxied = host == 1 && proxy.is_some();
        let kubeconfig = api.kubeconfig(*user, if proxied { Proxy::URL } else { URL })?;
        let gateway = [format!("GATEWAY_NAME=gw{host}")];
        let (usual, environment) = match user {
            User::Gateway => ("--nat-gw-mode", &gateway[..]),
            _ => ("--announce-cluster-ip=true", &[][..]),
        };
        let arguments = [&[usual], more].concat();
        let extra = Extra { arguments: &arguments, environment };
        let dir = self.directory(host);
        Speaker::deployed(&self.topology.nodes[usize::from(host) - 1], host, &dir, &kubeconfig, extra)
    }

    pub(super) fn proxy(&self) -> Result<&Proxy> {
        self.source.proxy.as_ref().ok_or_else(|| Fault::new("this lab has no proxy"))
    }

    /// `kubectl` with these words, then the tables within `limit`.
    pub(super) fn kubectl_then(&self, words: &str, table: &str, limit: Duration) -> Result<()> {
        self.source.api.kubectl(&words.split(' ').collect::<Vec<_>>())?;
        self.become_within(&tables(table)?, limit).during(format_args!("kubectl {words}")).map(drop)
    }

    /// Makes the world, starts the speakers and waits for the tables.
    pub(super) fn begin(&mut self) -> Result<()> {
        self.source.api.create("world", &world())?;
        self.start_speakers()?;
        self.converge(&tables(super::table::WORLD)?).during("start")
    }
}

/// One object for each way to be announced.
pub(super) fn world() -> Vec<String> {
    vec![
        subnet("ovn-cluster-sub", "10.16.0.0/16,fd00:10:16::/112", Some("cluster")),
        subnet("local-sub", "10.17.0.0/16,fd00:10:17::/112", Some("local")),
        subnet("plain-sub", "10.18.0.0/16,fd00:10:18::/112", None),
        pod("on-n1", "n1", "local-sub", "10.17.0.5,fd00:10:17::5", None),
        pod("on-n2", "n2", "local-sub", "10.17.0.6,fd00:10:17::6", None),
        pod("silent", "n1", "plain-sub", "10.18.0.8,fd00:10:18::8", None),
        pod("web", "n1", "plain-sub", "10.18.0.7,fd00:10:18::7", Some("true")),
        service("shop", "0.10", "a", Some("true")),
        service("silent", "0.11", "b", None),
    ]
}
