//! Rows written by hand: what OVN alone does with static routes that it gates itself, without a control loop.

use super::site::{BFD_PORT, CIDRS, Form, Site, internal};
use crate::fault::{Result, ensure};

impl Site {
    /// The BFD port of the VPC.
    ///
    /// # Errors
    /// What `ovn-nbctl` says, or when the form is not that of static routes.
    pub fn port_by_hand(&self) -> Result<()> {
        ensure(self.form() == Form::Static, || "by hand there are static routes only".to_owned())?;
        self.ovn.pin_bfd_port(1, BFD_PORT)
    }

    /// Gateway `number`: in each family a BFD row, and for each subnet a route by source.
    ///
    /// # Errors
    /// What `ovn-nbctl` says.
    pub fn rows_by_hand(&self, number: u8) -> Result<()> {
        for (family, hop) in internal(number).split(',').enumerate() {
            let row = [&format!("dst_ip=\"{hop}\""), "min_tx=100", "min_rx=100", "detect_mult=3"];
            let row = self.ovn.nbctl(&[&["create", "BFD", "logical_port=bfd@vpc1"], &row[..]].concat())?;
            let session = format!("--bfd={}", row.trim());
            for cidr in CIDRS {
                let route =
                    ["--ecmp", "--policy=src-ip", &session, "lr-route-add", "vpc1", cidr[family], hop];
                self.ovn.nbctl(&route)?;
            }
        }
        Ok(())
    }
}
