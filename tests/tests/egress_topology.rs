//! The lab of the egress controller itself: the stand-in for kube-ovn-controller leaves the rows that the real one left,
//! and dumps and their differences are told as the reference tells them.

use std::sync::Arc;
use std::time::Duration;
use tests::egress::dump::Dump;
use tests::egress::northbound::{Databases, Schema};
use tests::egress::topology::Topology;
use tests::fault::Result;
use tests::netns::Netns;
use tests::wait;

fn base() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let netns = Arc::new(Netns::new("nb")?);
    let databases = Databases::start(&netns, &dir.path().join("ovn"), Schema::Newer)?;
    Topology::new(databases.nb().clone(), None, true).base()?;
    // northd says which ports to routers are up.
    let wanted = Dump::fixture("base.txt")?;
    wait::until("base rows", Duration::from_secs(10), || databases.nb().dump()?.is(&wanted))?;
    Ok(())
}

#[test]
fn the_stand_in_leaves_the_base_rows_of_the_reference() {
    base().unwrap();
}
