//! BFD of OVN's ovn-controller (rows of the northbound database) and of `ovs-vswitchd` (settings of an interface).

use super::Ovn;
use super::switch::Switch;
use crate::fault::{Fault, Result, ensure};
use std::collections::BTreeMap;

/// The timers of one end, in milliseconds, and its multiplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Desired between two packets that it sends.
    pub min_tx: u32,
    /// Required between two that it gets.
    pub min_rx: u32,
    /// Detection multiplier.
    pub multiplier: u8,
}

impl Ovn {
    /// Has the VPC's router speak BFD with a gateway, and route `prefix` by it; the row sleeps unless a route needs it.
    ///
    /// # Errors
    /// What `ovn-nbctl` says.
    pub fn watch(&self, gateway: &str, prefix: &str, timers: Timers) -> Result<()> {
        let to = format!("dst_ip=\"{gateway}\"");
        let [tx, rx, multiplier] = columns(timers);
        let row = self.nbctl(&["create", "BFD", "logical_port=bfd@vpc1", &to, &tx, &rx, &multiplier])?;
        self.nbctl(&[&format!("--bfd={}", row.trim()), "lr-route-add", "vpc1", prefix, gateway])?;
        Ok(())
    }

    /// Other timers, at run time.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn watch_with(&self, gateway: &str, timers: Timers) -> Result<()> {
        let row = self.row("BFD", &format!("dst_ip=\"{gateway}\""))?;
        let [tx, rx, multiplier] = columns(timers);
        self.nbctl(&["set", "BFD", &row, &tx, &rx, &multiplier]).map(drop)
    }

    /// Takes the row from its route, so that it goes to sleep (`admin_down`), or puts it back.
    ///
    /// # Errors
    /// When there is no such row or route.
    pub fn use_watch(&self, gateway: &str, prefix: &str, used: bool) -> Result<()> {
        let table = "Logical_Router_Static_Route";
        let route = self.row(table, &format!("ip_prefix=\"{prefix}\""))?;
        if used {
            let row = self.row("BFD", &format!("dst_ip=\"{gateway}\""))?;
            return self.nbctl(&["set", table, &route, &format!("bfd={row}")]).map(drop);
        }
        self.nbctl(&["clear", table, &route, "bfd"]).map(drop)
    }

    pub(super) fn row(&self, table: &str, which: &str) -> Result<String> {
        let row = self.nbctl(&["--bare", "--columns=_uuid", "find", table, which])?;
        ensure(!row.trim().is_empty(), || format!("no row {which} in {table}"))?;
        Ok(row.trim().to_owned())
    }

    /// Fails if the southbound database says that the session with a gateway is up. One that hears "down" may show "init".
    ///
    /// # Errors
    /// When it does, or has no such row.
    pub fn bfd_is_not_up(&self, gateway: &str) -> Result<()> {
        let row = format!("dst_ip=\"{gateway}\"");
        let said = self.sbctl(&["--bare", "--columns=status", "find", "BFD", &row])?;
        ensure(["down", "init", "admin_down"].contains(&said.trim()), || {
            format!("BFD with {gateway} is {said:?}")
        })
    }

    /// Fails unless the southbound database says this of the session with a gateway: `up`, `down`, `init`, `admin_down`.
    ///
    /// # Errors
    /// What it says instead.
    pub fn bfd_is(&self, gateway: &str, status: &str) -> Result<()> {
        let row = format!("dst_ip=\"{gateway}\"");
        let said = self.sbctl(&["--bare", "--columns=status", "find", "BFD", &row])?;
        ensure(said.trim() == status, || format!("BFD with {gateway} is {:?}, not {status}", said.trim()))
    }
}

pub(super) fn columns(timers: Timers) -> [String; 3] {
    let Timers { min_tx, min_rx, multiplier } = timers;
    [format!("min_tx={min_tx}"), format!("min_rx={min_rx}"), format!("detect_mult={multiplier}")]
}

impl Switch {
    /// Has `ovs-vswitchd` speak BFD on an interface, with these settings (`bfd:…` of ovs-vswitchd.conf.db(5)).
    ///
    /// # Errors
    /// What `ovs-vsctl` says.
    pub fn set_bfd(&self, port: &str, settings: &[&str]) -> Result<()> {
        let settings: Vec<String> = settings.iter().map(|setting| format!("bfd:{setting}")).collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        self.vsctl(&[&["set", "Interface", port], &settings[..]].concat()).map(drop)
    }

    /// What `ovs-appctl bfd/show` says of an interface, by the words before its colons.
    ///
    /// # Errors
    /// When it says nothing.
    pub fn bfd(&self, port: &str) -> Result<BTreeMap<String, String>> {
        let text = self.appctl(&["bfd/show", port])?;
        let pairs = text.lines().filter_map(|line| line.trim().split_once(':'));
        let pairs: BTreeMap<_, _> =
            pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        if pairs.is_empty() { Err(Fault::new(format!("no BFD on {port}: {text:?}"))) } else { Ok(pairs) }
    }

    /// Fails unless `bfd/show` says this.
    ///
    /// # Errors
    /// What it says instead.
    pub fn bfd_says(&self, port: &str, what: &[(&str, &str)]) -> Result<()> {
        let said = self.bfd(port)?;
        let holds = what.iter().all(|(name, value)| said.get(*name).is_some_and(|said| said == value));
        ensure(holds, || format!("BFD on {port}: not {what:?} but {said:?}"))
    }
}
