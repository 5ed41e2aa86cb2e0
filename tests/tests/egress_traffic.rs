//! Traffic of a VPC through several egress gateways that run the real sidecar, on one chassis of a real OVN: it is spread
//! over all of them, masqueraded where it should be, and moves off one that dies.

use std::time::Duration;
use tests::egress::traffic::gateway::Failure;
use tests::egress::traffic::lab::Lab;
use tests::egress::traffic::site::Form;
use tests::fault::{During, Result, ensure};

/// Detection is 0.3 s at 100 ms × 3. Loose: where ovn-controller gets no processor, it takes live gateways for dead, too.
const GAP: Duration = Duration::from_secs(5);

fn through(lab: &mut Lab) -> Result<()> {
    println!("two gateways used after {:?}", lab.spreads().during("two gateways")?);
    lab.keeps_addresses()?;
    for failure in [Failure::Responder, Failure::Link, Failure::Stopped] {
        for index in [0, 1] {
            let (outcomes, again) = lab.fail_over(index, failure)?;
            println!("{failure:?}: {outcomes:?}, used again after {again:?}");
            ensure(outcomes.iter().all(|outcome| outcome.gap < GAP), || {
                format!("{failure:?}: {outcomes:?}")
            })?;
        }
    }
    lab.scale(3)?;
    println!("three gateways used after {:?}", lab.spreads().during("three gateways")?);
    Ok(())
}

fn with_egress(form: Form) -> Result<()> {
    let mut lab = Lab::with_egress(form)?;
    through(&mut lab).map_err(|fault| lab.told(&fault))
}

/// What OVN does alone: nobody gates its routes but itself.
#[test]
fn static_routes_by_hand() {
    let mut lab = Lab::by_hand().unwrap();
    through(&mut lab).map_err(|fault| lab.told(&fault)).unwrap();
}

#[test]
fn policies_in_the_default_vpc() {
    with_egress(Form::Default).unwrap();
}

#[test]
fn static_routes_in_a_custom_vpc() {
    with_egress(Form::Static).unwrap();
}

#[test]
fn policies_in_a_custom_vpc() {
    with_egress(Form::Policy).unwrap();
}
