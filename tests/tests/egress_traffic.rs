//! Traffic of a VPC through several egress gateways that run the real sidecar, on one chassis of a real OVN: it is spread
//! over all of them, masqueraded where it should be, and moves off one that dies.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use tests::egress::traffic::gateway::{Failure, Gateway};
use tests::egress::traffic::outside::servers;
use tests::egress::traffic::rounds::{fail_over, users};
use tests::egress::traffic::server::ask_often;
use tests::egress::traffic::site::{CIDRS, Form, Site, by_hand};
use tests::fault::{During, Fault, Result, ensure};
use tests::wait;

const LIMIT: Duration = Duration::from_secs(20);

/// Detection is 0.3 s at 100 ms × 3; loose, for a busy machine.
const GAP: Duration = Duration::from_secs(2);

struct Lab {
    gateways: Vec<Gateway>,
    site: Site,
    dir: tempfile::TempDir,
}

impl Lab {
    /// Static routes by hand, which OVN gates without anybody's help.
    fn by_hand() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let site = Site::start(Form::Static, None, dir.path())?;
        site.port_by_hand()?;
        let mut lab = Self { gateways: Vec::new(), site, dir };
        lab.add(1)?;
        lab.add(2)?;
        Ok(lab)
    }

    fn add(&mut self, number: u8) -> Result<()> {
        self.gateways.push(self.site.gateway(number, &by_hand(number), self.dir.path())?);
        self.site.rows_by_hand(number)
    }

    /// All gateways carry traffic, and none is seen that is not masqueraded.
    fn spreads(&self) -> Result<()> {
        for v6 in [false, true] {
            let to = servers(v6)?;
            let wanted = self.gateways.iter().map(|gateway| gateway.external(to[0]));
            let wanted = wanted.collect::<Result<BTreeSet<IpAddr>>>()?;
            wait::until("every gateway is used", LIMIT, || {
                self.gateways.iter().try_for_each(|gateway| gateway.is_up(2))?;
                let seen = users(&self.site.client, &to)?;
                ensure(seen == wanted, || format!("{seen:?}, not {wanted:?}"))
            })?;
            let seen = ask_often(&self.site.client, to[0], 60)?;
            let clients: BTreeSet<_> = seen.keys().map(|seen| seen.client).collect();
            ensure(clients == wanted, || format!("TCP from {clients:?}, not {wanted:?}"))?;
        }
        Ok(())
    }

    /// What comes from the other subnet keeps its address.
    fn keeps_addresses(&self) -> Result<()> {
        for (v6, source) in [(false, "192.168.1.100"), (true, "fd00:9::100")] {
            let to = servers(v6)?;
            self.site.outside.route(CIDRS[1][usize::from(v6)], self.gateways[0].external(to[0])?)?;
            let seen = users(&self.site.plain, &to)?;
            ensure(seen == BTreeSet::from([source.parse()?]), || format!("{seen:?}, not {source}"))?;
        }
        Ok(())
    }

    fn fails_over(&mut self) -> Result<()> {
        for failure in [Failure::Responder, Failure::Link, Failure::Stopped] {
            for v6 in [false, true] {
                let outcome =
                    fail_over(&self.site.client, &mut self.gateways, usize::from(v6), (failure, v6))?;
                println!("{failure:?} {}: {outcome:?}", if v6 { "IPv6" } else { "IPv4" });
                ensure(outcome.gap < GAP, || format!("{failure:?}: {outcome:?}"))?;
            }
        }
        Ok(())
    }
}

fn through(lab: &mut Lab) -> Result<()> {
    lab.spreads().during("two gateways")?;
    lab.keeps_addresses()?;
    lab.fails_over()?;
    lab.add(3)?;
    lab.spreads().during("three gateways")
}

fn with_state<T>(outcome: Result<T>, lab: &Lab) -> Result<T> {
    outcome.map_err(|fault| {
        let gateways: Vec<_> = lab.gateways.iter().map(Gateway::state).collect();
        Fault::new(format!("{fault}\n{}\n{}", lab.site.state(), gateways.join("\n")))
    })
}

#[test]
fn static_routes_by_hand() {
    let mut lab = Lab::by_hand().unwrap();
    let outcome = through(&mut lab);
    with_state(outcome, &lab).unwrap();
}
