//! A whole OVN on one chassis, in a namespace of its own: databases, northd, controller and a switch with the userspace
//! datapath, so that no kernel module is needed and labs run beside each other.
//!
//! [`switch`] is Open vSwitch alone, [`Ovn`] what OVN puts on top of it, [`vpc`] the smallest network of a VPC with hosts
//! as namespaces, [`bfd`] BFD rows and what the southbound database says of them, [`chassis`] further chassis and the
//! network between them.

pub mod bfd;
pub mod chassis;
pub mod switch;
pub mod vpc;

use crate::fault::{Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::wait;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use switch::{Place, Switch};

/// How long a daemon of OVN may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The name of the one chassis.
pub const CHASSIS: &str = "chassis1";

/// A running OVN. Fields drop in this order: what uses a database ends before it.
#[derive(Debug)]
pub struct Ovn {
    controller: Option<Daemon>,
    _northd: Daemon,
    switch: Switch,
    _databases: [Daemon; 2],
    place: Place,
    chassis: &'static str,
}

impl Ovn {
    /// Starts it in this namespace with its databases, sockets and logs in `dir`, which is made.
    ///
    /// # Errors
    /// When one of its parts does not answer within 10 s, with the end of its log.
    pub fn start(netns: &Arc<Netns>, dir: &Path) -> Result<Self> {
        Self::start_as(CHASSIS, netns, dir)
    }

    /// [`Ovn::start`] with this name for the chassis and its host.
    ///
    /// # Errors
    /// As there.
    pub fn start_as(chassis: &'static str, netns: &Arc<Netns>, dir: &Path) -> Result<Self> {
        let place = Place::new(netns, dir)?;
        let databases = [
            place.database("nb", Path::new("/usr/share/ovn/ovn-nb.ovsschema"), "nb.sock")?,
            place.database("sb", Path::new("/usr/share/ovn/ovn-sb.ovsschema"), "sb.sock")?,
        ];
        let switch = Switch::in_place(place.clone())?;
        let southbound = format!("external-ids:ovn-remote=unix:{}", place.file("sb.sock"));
        let id = format!("external-ids:system-id={chassis}");
        let host = format!("external-ids:hostname={chassis}");
        let tunnel = ["external-ids:ovn-encap-type=geneve", "external-ids:ovn-encap-ip=127.0.0.1"];
        let datapath = "external-ids:ovn-bridge-datapath-type=netdev";
        switch.vsctl(&[
            "set",
            "Open_vSwitch",
            ".",
            &id,
            &host,
            &southbound,
            tunnel[0],
            tunnel[1],
            datapath,
        ])?;
        let (north, south) = (place.remote("nb.sock"), place.remote("sb.sock"));
        let northd = ["ovn-northd", "--ovnnb-db", &north, "--ovnsb-db", &south];
        let northd =
            place.spawn("northd", &[&northd[..], &["--unixctl", &place.file("northd.ctl")]].concat())?;
        let mut ovn =
            Self { controller: None, _northd: northd, switch, _databases: databases, place, chassis };
        ovn.start_controller()?;
        Ok(ovn)
    }

    /// Starts ovn-controller, after [`Ovn::kill_controller`], and waits for its integration bridge.
    ///
    /// # Errors
    /// When the bridge is not there within 10 s.
    pub fn start_controller(&mut self) -> Result<()> {
        let mut daemon =
            self.place.spawn("controller", &["ovn-controller", &self.place.remote("db.sock")])?;
        wait::until("ovn-controller makes br-int", START_LIMIT, || {
            daemon.check_alive()?;
            self.switch.vsctl(&["br-exists", "br-int"])?;
            let ours = format!("name={}", self.chassis);
            let chassis = self.sbctl(&["--bare", "--columns=name", "find", "Chassis", &ours])?;
            ensure(chassis.trim() == self.chassis, || format!("no chassis: {}", daemon.log_tail()))
        })?;
        self.controller = Some(daemon);
        Ok(())
    }

    /// Ends ovn-controller as a crash does.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_controller(&mut self) -> Result<()> {
        self.controller.take().ok_or_else(|| Fault::new("ovn-controller does not run"))?.kill()
    }

    /// `ovn-nbctl …`.
    ///
    /// # Errors
    /// What it says.
    pub fn nbctl(&self, args: &[&str]) -> Result<String> {
        run(&[&["ovn-nbctl", "--db", &self.place.remote("nb.sock")], args].concat())
    }

    /// `ovn-sbctl …`.
    ///
    /// # Errors
    /// What it says.
    pub fn sbctl(&self, args: &[&str]) -> Result<String> {
        run(&[&["ovn-sbctl", "--db", &self.place.remote("sb.sock")], args].concat())
    }

    /// How a client reaches the northbound database.
    #[must_use]
    pub fn northbound(&self) -> String {
        self.place.remote("nb.sock")
    }

    /// How a client reaches the southbound database.
    #[must_use]
    pub fn southbound(&self) -> String {
        self.place.remote("sb.sock")
    }

    /// Its switch.
    #[must_use]
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// The ends of the logs and the tables that matter, for messages.
    #[must_use]
    pub fn state(&self) -> String {
        let shown = [self.nbctl(&["show"]), self.sbctl(&["show"]), self.sbctl(&["list", "BFD"])];
        let shown = shown.into_iter().map(|text| text.unwrap_or_else(|fault| fault.to_string()));
        let logs = ["controller", "northd", "vswitchd"].map(|name| self.place.log_tail(name));
        shown.chain(logs).collect::<Vec<_>>().join("\n")
    }
}
