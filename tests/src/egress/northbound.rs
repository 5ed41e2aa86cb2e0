//! The databases of an OVN with its `ovn-northd`, without a chassis: what `ovn-controller` would do is done by hand
//! (chassis are registered, ports bound, BFD sessions said to be up), so that a test decides when it happens.

use super::dump::Dump;
pub use super::schema::Schema;
use super::schema::of_schema;
use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::wait;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a daemon of OVN may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(15);

/// A client of a northbound database.
#[derive(Clone, Debug)]
pub struct Nb {
    remote: String,
}

impl Nb {
    /// The database at `unix:PATH`.
    #[must_use]
    pub fn at(remote: String) -> Self {
        Self { remote }
    }

    /// Where it is.
    #[must_use]
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// Carries out operations of RFC 7047 in one transaction.
    ///
    /// # Errors
    /// What the database says.
    pub fn transact(&self, operations: &[Value]) -> Result<()> {
        transact(&self.remote, "OVN_Northbound", operations)
    }

    /// `ovn-nbctl …`.
    ///
    /// # Errors
    /// What it says.
    pub fn ctl(&self, args: &[&str]) -> Result<String> {
        run(&[&["ovn-nbctl", "--db", &self.remote], args].concat())
    }

    /// All of it.
    ///
    /// # Errors
    /// What `ovsdb-client` says.
    pub fn dump(&self) -> Result<Dump> {
        Dump::of(&self.remote)
    }
}

fn transact(remote: &str, database: &str, operations: &[Value]) -> Result<()> {
    let ask = Value::Array([&[json!(database)], operations].concat());
    let text = run(&["ovsdb-client", "transact", remote, &ask.to_string()])?;
    let answer: Value = serde_json::from_str(&text)?;
    let failed = answer.as_array().is_none_or(|all| all.iter().any(|one| !one["error"].is_null()));
    ensure(!failed, || format!("{answer} to {ask}"))
}

/// Running databases. Fields drop in this order: what uses a database ends before it.
#[derive(Debug)]
pub struct Databases {
    northd: Option<Daemon>,
    south: Daemon,
    north: Vec<Option<Daemon>>,
    nb: Nb,
    dir: PathBuf,
    netns: Arc<Netns>,
}

impl Databases {
    /// Starts them with files, sockets and logs in `dir`, which is made.
    ///
    /// # Errors
    /// When one does not answer within 15 s, with the end of its log.
    pub fn start(netns: &Arc<Netns>, dir: &Path, schema: Schema) -> Result<Self> {
        Self::with_members(netns, dir, schema, 1)
    }

    /// The same with the northbound database on a cluster of so many servers, unless it is one.
    ///
    /// # Errors
    /// As there.
    pub fn with_members(netns: &Arc<Netns>, dir: &Path, schema: Schema, members: usize) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let stock = Path::new("/usr/share/ovn");
        let changed = dir.join("nb.ovsschema");
        std::fs::write(&changed, of_schema(&stock.join("ovn-nb.ovsschema"), schema)?)?;
        let mut north = Vec::new();
        let names: Vec<_> = (1..=members).map(member).collect();
        for name in &names {
            let database = dir.join(format!("{name}.db"));
            match (members, &names[0]) {
                (1, _) => create(&database, &changed)?,
                (_, first) => clustered(dir, name, (first != name).then_some(first), &changed)?,
            }
            north.push(Some(server(netns, dir, name)?));
            run(&[
                "ovsdb-client",
                "--timeout=15",
                "wait",
                &remote(dir, name),
                "OVN_Northbound",
                "connected",
            ])?;
        }
        create(&dir.join("sb.db"), &stock.join("ovn-sb.ovsschema"))?;
        let south = server(netns, dir, "sb")?;
        let nb = Nb::at(names.iter().map(|name| remote(dir, name)).collect::<Vec<_>>().join(","));
        let (dir, netns) = (dir.to_owned(), Arc::clone(netns));
        let mut databases = Self { northd: None, south, north, nb, dir, netns };
        databases.start_northd()?;
        Ok(databases)
    }

    /// Starts `ovn-northd`; it makes the southbound database follow.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_northd(&mut self) -> Result<()> {
        let (north, south) = (self.nb.remote.clone(), remote(&self.dir, "sb"));
        let control = format!("--unixctl={}", self.dir.join("northd.ctl").display());
        let argv = ["ovn-northd", "--ovnnb-db", &north, "--ovnsb-db", &south, &control];
        self.northd = Some(spawn(&self.netns, &self.dir, "northd", &argv)?);
        Ok(())
    }

    /// The northbound database.
    #[must_use]
    pub fn nb(&self) -> &Nb {
        &self.nb
    }

    /// Where the southbound database is.
    #[must_use]
    pub fn southbound(&self) -> String {
        remote(&self.dir, "sb")
    }

    /// Ends a northbound server, by its number from 0, as a crash does.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_north(&mut self, member: usize) -> Result<()> {
        let there = self.north.get_mut(member).and_then(Option::take);
        there.ok_or_else(|| Fault::new("no northbound server"))?.kill()
    }

    /// Starts it again, with the data it had.
    ///
    /// # Errors
    /// When it does not answer within 15 s.
    pub fn start_north(&mut self, at: usize) -> Result<()> {
        let started = server(&self.netns, &self.dir, &member(at + 1))?;
        let there = self.north.get_mut(at).filter(|there| there.is_none());
        *there.ok_or_else(|| Fault::new("the northbound server runs"))? = Some(started);
        Ok(())
    }

    /// The member of the cluster that leads.
    ///
    /// # Errors
    /// When none does within 15 s.
    pub fn leader(&self) -> Result<usize> {
        let leads = |at: &usize| {
            let control = self.dir.join(format!("{}.ctl", member(at + 1))).display().to_string();
            let status = run(&["ovs-appctl", "-t", &control, "cluster/status", "OVN_Northbound"]);
            status.is_ok_and(|status| status.contains("Role: leader"))
        };
        let running = || (0..self.north.len()).filter(|at| self.north[*at].is_some());
        let (leader, _) = wait::until("a leader of the cluster", START_LIMIT, || {
            running().find(leads).ok_or_else(|| Fault::new("none"))
        })?;
        Ok(leader)
    }

    /// Registers a chassis on a host of the same name, as its `ovn-controller` would.
    ///
    /// # Errors
    /// What `ovn-sbctl` says.
    pub fn chassis(&self, name: &str, address: &str) -> Result<()> {
        self.sbctl(&["--may-exist", "chassis-add", name, "geneve", address])?;
        self.sbctl(&["set", "Chassis", name, &format!("hostname={name}")]).map(drop)
    }

    /// Binds a logical port to a chassis, as `ovn-controller` would where the interface is; `ovn-northd` may be about to
    /// make it.
    ///
    /// # Errors
    /// When there is no such port within 15 s.
    pub fn bind(&self, port: &str, chassis: &str) -> Result<()> {
        let bound = || self.sbctl(&["--may-exist", "lsp-bind", port, chassis]);
        wait::until(&format!("port {port} in the southbound database"), START_LIMIT, bound)?;
        Ok(())
    }

    /// Says what becomes of the session with `peer`, as `ovn-controller` would: `up` or `down`. The row is there once
    /// `ovn-northd` has seen it.
    ///
    /// # Errors
    /// When there is no such session within 15 s.
    pub fn session(&self, peer: &str, status: &str) -> Result<()> {
        let which = format!("dst_ip=\"{peer}\"");
        wait::until(&format!("session with {peer}"), START_LIMIT, || {
            // One that is told to sleep says nothing.
            let row =
                self.sbctl(&["--bare", "--columns=_uuid", "find", "BFD", &which, "status!=admin_down"])?;
            let all = || self.sbctl(&["list", "BFD"]).unwrap_or_default();
            ensure(!row.trim().is_empty(), || format!("no row that is awake: {}", all()))?;
            self.sbctl(&["set", "BFD", row.trim(), &format!("status={status}")])
        })?;
        Ok(())
    }

    /// `ovn-sbctl …`.
    ///
    /// # Errors
    /// What it says.
    pub fn sbctl(&self, args: &[&str]) -> Result<String> {
        run(&[&["ovn-sbctl", "--db", &remote(&self.dir, "sb")], args].concat())
    }

    /// The ends of the logs, for messages.
    #[must_use]
    pub fn state(&self) -> String {
        let others = [self.northd.as_ref(), Some(&self.south)];
        let daemons = others.into_iter().chain(self.north.iter().map(Option::as_ref));
        daemons.flatten().map(Daemon::log_tail).collect::<Vec<_>>().join("\n")
    }
}

/// The files of a northbound server.
fn member(number: usize) -> String {
    format!("nb{number}")
}

/// The file of a member of a cluster: the first one, or one that joins it.
fn clustered(dir: &Path, name: &str, first: Option<&String>, schema: &Path) -> Result<()> {
    let database = dir.join(format!("{name}.db")).display().to_string();
    let address = |name: &str| format!("unix:{}", dir.join(format!("{name}.raft")).display());
    let schema = schema.display().to_string();
    match first {
        None => run(&["ovsdb-tool", "create-cluster", &database, &schema, &address(name)]),
        Some(first) => {
            let words = ["ovsdb-tool", "join-cluster", &database, "OVN_Northbound"];
            run(&[&words[..], &[&address(name), &address(first)]].concat())
        }
    }
    .map(drop)
}

fn remote(dir: &Path, name: &str) -> String {
    format!("unix:{}", dir.join(format!("{name}.sock")).display())
}

fn create(database: &Path, schema: &Path) -> Result<()> {
    run(&["ovsdb-tool", "create", &database.display().to_string(), &schema.display().to_string()]).map(drop)
}

fn server(netns: &Netns, dir: &Path, name: &str) -> Result<Daemon> {
    let path = |kind: &str| dir.join(format!("{name}.{kind}")).display().to_string();
    let (listen, control) =
        (format!("--remote=punix:{}", path("sock")), format!("--unixctl={}", path("ctl")));
    let mut daemon = spawn(netns, dir, name, &["ovsdb-server", &path("db"), &listen, &control])?;
    wait::until(&format!("the database {name}"), START_LIMIT, || {
        daemon.check_alive()?;
        run(&["ovsdb-client", "list-dbs", &remote(dir, name)]).map(drop)
    })?;
    Ok(daemon)
}

fn spawn(netns: &Netns, dir: &Path, name: &str, argv: &[&str]) -> Result<Daemon> {
    let home = ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVN_RUNDIR", "OVN_LOGDIR", "OVN_DBDIR"];
    let home: Vec<String> = home.iter().map(|name| format!("{name}={}", dir.display())).collect();
    let home: Vec<&str> = home.iter().map(String::as_str).collect();
    let log = dir.join(format!("{name}.out"));
    netns.spawn(name, &[&["env"], &home[..], argv].concat(), &log).during(name)
}
