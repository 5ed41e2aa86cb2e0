//! Open vSwitch with the userspace datapath: one database, one `ovs-vswitchd`.

use super::START_LIMIT;
use crate::fault::{Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::wait;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the daemons of a switch, or of an OVN, live.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) netns: Arc<Netns>,
    dir: PathBuf,
}

impl Place {
    pub(super) fn new(netns: &Arc<Netns>, dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { netns: Arc::clone(netns), dir: dir.to_owned() })
    }

    /// A file of the directory, as text for a command line.
    pub(super) fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// A socket of the directory, as the programs of Open vSwitch want it.
    pub(super) fn remote(&self, socket: &str) -> String {
        format!("unix:{}", self.file(socket))
    }

    /// A daemon that keeps to the directory. Not every one can be told so by options: ovn-controller cannot.
    pub(super) fn spawn(&self, name: &str, argv: &[&str]) -> Result<Daemon> {
        let home = ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVN_RUNDIR", "OVN_LOGDIR", "OVN_DBDIR"];
        let home: Vec<String> = home.iter().map(|name| format!("{name}={}", self.dir.display())).collect();
        let home: Vec<&str> = home.iter().map(String::as_str).collect();
        let argv = [&["env"], &home[..], argv].concat();
        self.netns.spawn(name, &argv, &self.dir.join(format!("{name}.out")))
    }

    /// An ovsdb-server with an empty database of this schema, once it answers.
    pub(super) fn database(&self, name: &str, schema: &Path, socket: &str) -> Result<Daemon> {
        let database = self.file(&format!("{name}.db"));
        run(&["ovsdb-tool", "create", &database, &schema.display().to_string()])?;
        let (remote, control) =
            (format!("--remote=punix:{}", self.file(socket)), self.file(&format!("{name}.ctl")));
        let mut daemon =
            self.spawn(name, &["ovsdb-server", &database, &remote, &format!("--unixctl={control}")])?;
        wait::until(&format!("the database {name}"), START_LIMIT, || {
            daemon.check_alive()?;
            run(&["ovsdb-client", "list-dbs", &self.remote(socket)]).map(drop)
        })?;
        Ok(daemon)
    }

    /// The end of what a daemon printed.
    pub(super) fn log_tail(&self, name: &str) -> String {
        let log = std::fs::read_to_string(self.dir.join(format!("{name}.out"))).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        format!("log of {name}:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
    }
}

/// A running switch, in a namespace of its own: its bridges are links there.
#[derive(Debug)]
pub struct Switch {
    vswitchd: Option<Daemon>,
    _database: Daemon,
    place: Place,
}

impl Switch {
    /// Starts one with its database, sockets and logs in `dir`, which is made.
    ///
    /// # Errors
    /// When it does not answer within 10 s.
    pub fn start(netns: &Arc<Netns>, dir: &Path) -> Result<Self> {
        Self::in_place(Place::new(netns, dir)?)
    }

    pub(super) fn in_place(place: Place) -> Result<Self> {
        let schema = Path::new("/usr/share/openvswitch/vswitch.ovsschema");
        let database = place.database("conf", schema, "db.sock")?;
        let mut switch = Self { vswitchd: None, _database: database, place };
        switch.vsctl(&["--no-wait", "init"])?;
        switch.start_daemon()?;
        Ok(switch)
    }

    /// Starts `ovs-vswitchd`, after [`Switch::kill_daemon`].
    ///
    /// # Errors
    /// When it does not answer within 10 s.
    pub fn start_daemon(&mut self) -> Result<()> {
        let control = format!("--unixctl={}", self.place.file("vs.ctl"));
        let mut daemon =
            self.place.spawn("vswitchd", &["ovs-vswitchd", &self.place.remote("db.sock"), &control])?;
        wait::until("ovs-vswitchd", START_LIMIT, || {
            daemon.check_alive()?;
            self.appctl(&["version"]).map(drop)
        })?;
        self.vswitchd = Some(daemon);
        Ok(())
    }

    /// Ends `ovs-vswitchd` as a crash does.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_daemon(&mut self) -> Result<()> {
        self.vswitchd.take().ok_or_else(|| Fault::new("ovs-vswitchd does not run"))?.kill()
    }

    /// `ovs-vsctl …`, which waits until the switch has done it.
    ///
    /// # Errors
    /// What it says.
    pub fn vsctl(&self, args: &[&str]) -> Result<String> {
        run(&[&["ovs-vsctl", "--timeout=15", "--db", &self.place.remote("db.sock")], args].concat())
    }

    /// `ovs-appctl …` of the switch.
    ///
    /// # Errors
    /// What it says.
    pub fn appctl(&self, args: &[&str]) -> Result<String> {
        run(&[&["ovs-appctl", "-t", &self.place.file("vs.ctl")], args].concat())
    }

    /// Cables a namespace to a bridge: `eth0` there, a port of this name here.
    ///
    /// # Errors
    /// What `ip`, `ethtool` or `ovs-vsctl` says.
    pub fn plug(&self, bridge: &str, port: &str, host: &Netns) -> Result<()> {
        let pair = ["link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.name()];
        self.place.netns.ip(&pair)?;
        self.place.netns.ip(&["link", "set", port, "up"])?;
        host.ip(&["link", "set", "eth0", "up"])?;
        // The userspace datapath does not finish the checksums that a veth leaves open.
        self.place.netns.exec(&["ethtool", "-K", port, "tx", "off"])?;
        host.exec(&["ethtool", "-K", "eth0", "tx", "off"])?;
        self.vsctl(&["add-port", bridge, port])?;
        let number = self.vsctl(&["get", "Interface", port, "ofport"])?;
        ensure(!number.trim().starts_with('-'), || format!("port {port} is {number}"))
    }

    /// Cables a namespace, at 10.0.3.2, to a port of the bridge `br0`, made for it, whose BFD comes from 10.0.3.1. Nothing
    /// has that address, so the namespace is told its MAC.
    ///
    /// # Errors
    /// What `ip` or `ovs-vsctl` says.
    pub fn tunnel_end(&self, port: &str, host: &Netns) -> Result<()> {
        let (near, far) = ("02:00:00:00:03:01", "02:00:00:00:03:02");
        self.vsctl(&["add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev"])?;
        self.plug("br0", port, host)?;
        host.ip(&["link", "set", "eth0", "address", far])?;
        host.ip(&["address", "add", "10.0.3.2/24", "dev", "eth0"])?;
        host.ip(&["neighbor", "add", "10.0.3.1", "lladdr", near, "dev", "eth0"])?;
        let addresses = ["bfd_src_ip=10.0.3.1", "bfd_dst_ip=10.0.3.2"];
        // "local" is what it sends, "remote" what it takes.
        let macs = [("local_src", near), ("local_dst", far), ("remote_dst", near)];
        let macs = macs.map(|(which, mac)| format!("bfd_{which}_mac=\"{mac}\""));
        let macs: Vec<&str> = macs.iter().map(String::as_str).collect();
        self.set_bfd(port, &[&addresses[..], &macs].concat())
    }
}
