//! The lab of the egress controller itself: the stand-in for kube-ovn-controller leaves the rows that the real one left,
//! and dumps and their differences are told as the reference tells them.

use std::sync::Arc;
use std::time::Duration;
use tests::egress::dump::{Difference, Dump, Fixture};
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

/// Two dumps and what is between them, written by hand in the form of the reference.
const BEFORE: &str = "\
<HA_Chassis bfd@vpc1: node1>
    chassis_name          = \"node1\"
    priority              = 99
<Logical_Router_Policy r: 29100 ip4.src == $a>
    match                 = \"ip4.src == $a\"
    nexthops              = \"10.16.0.2\"
    priority              = 29100
<Port_Group g>
    external_ids          = {af=\"4\", vendor=\"kube-ovn\"}
    name                  = \"g\"
<Port_Group gone>
    name                  = \"gone\"
    ports                 = [<Logical_Switch_Port a.b>, <Logical_Switch_Port c.d>]
";

const CHANGES: &str = "\
== ADDED
<Logical_Router_Port p>
    mac                   = \"MAC\"
    name                  = \"p\"
== REMOVED
<Port_Group gone>
    name                  = \"gone\"
    ports                 = [<Logical_Switch_Port a.b>, <Logical_Switch_Port c.d>]
== CHANGED
<HA_Chassis bfd@vpc1: node1>
    priority                99 -> 100
<Logical_Router_Policy r: 29100 ip4.src == $a>
    nexthops                added [\"10.16.0.3\"] removed []
<Port_Group g>
    external_ids            added [af=\"6\"] removed [af=\"4\"]
    ports                   (default) -> <Logical_Switch_Port a.b>
";

const AFTER: &str = "\
<HA_Chassis bfd@vpc1: node1>
    chassis_name          = \"node1\"
    priority              = 100
<Logical_Router_Policy r: 29100 ip4.src == $a>
    match                 = \"ip4.src == $a\"
    nexthops              = [\"10.16.0.2\", \"10.16.0.3\"]
    priority              = 29100
<Logical_Router_Port p>
    mac                   = \"9a:87:75:c0:46:fd\"
    name                  = \"p\"
<Port_Group g>
    external_ids          = {af=\"6\", vendor=\"kube-ovn\"}
    name                  = \"g\"
    ports                 = <Logical_Switch_Port a.b>
";

#[test]
fn differences_are_told_as_the_reference_tells_them() {
    let [before, after] = [BEFORE, AFTER].map(|text| Dump::parse(text).unwrap());
    assert_eq!(before.to_string(), BEFORE);
    assert_eq!(after.to_string(), AFTER.replace("9a:87:75:c0:46:fd", "MAC"));
    assert_eq!(Difference::between(&before, &after).to_string(), CHANGES);
    assert!(after.is(&after).is_ok());
    assert!(after.is(&before).unwrap_err().to_string().contains("99 -> 100"));
}

#[test]
fn a_fixture_goes_from_step_to_step_and_takes_only_what_was_there() {
    let before = Dump::parse(BEFORE).unwrap();
    let wanted = Dump::parse(AFTER).unwrap();
    let text = format!("# a remark\n######## one\n# ours: nothing\n{CHANGES}== PRINTED get veg\nNAME\ng\n");
    let mut fixture = Fixture::parse(&text, before.clone()).unwrap();
    let (after, step) = fixture.next("one").unwrap();
    assert_eq!(*after, wanted);
    assert_eq!(step.printed, [("get veg".to_owned(), "NAME\ng".to_owned())]);
    assert!(fixture.next("two").is_err());
    for [right, wrong] in
        [["99 -> 100", "98 -> 100"], ["removed [af=\"4\"]", "removed [af=\"5\"]"], ["c.d", "e.f"]]
    {
        let text = text.replacen(right, wrong, 1);
        assert!(Fixture::parse(&text, before.clone()).unwrap().next("one").is_err(), "{wrong}");
    }
}
