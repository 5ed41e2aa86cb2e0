//! egress killed (SIGKILL) at every call it makes, started again: the same rows and the same objects as without.
//!
//! A call is a request to the API server that is no watch (lists, finalizer, Deployment, status, Events) or a transaction of
//! the northbound database. Each is met twice: before it arrives, and when it is carried out but not yet answered.

use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tests::egress::dump::{Dump, Fixture};
use tests::egress::northbound::Schema;
use tests::egress::process::{Egress, Settings};
use tests::egress::seed;
use tests::egress::trap::{Trap, When};
use tests::egress::wire::Wire;
use tests::egress::world::{LIMIT, World, gateway, gateway_path};
use tests::fault::{During, Fault, Result, ensure};
use tests::kube::{Proxy, User};
use tests::wait;

/// Nothing more comes after this long without a call.
const SILENCE: Duration = Duration::from_millis(250);

/// Between two looks at the calls.
const LOOK: Duration = Duration::from_millis(25);

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/gateway2";

struct Lane {
    world: World,
    settings: Settings,
    trap: Arc<Trap>,
    /// Rows with the gateway, and without it.
    rows: [Dump; 2],
    // They end before the world does, which they talk to.
    _wire: Wire,
    _proxy: Proxy,
}

/// A gateway with BFD, its pods there already; and away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Create,
    Delete,
}

impl Lane {
    fn start() -> Result<Self> {
        let world = World::start(Schema::Stock)?;
        let trap = Arc::new(Trap::default());
        let proxy = Proxy::start(&world.server, User::Admin)?;
        proxy.trap(&trap);
        let wire = Wire::start(&world.dir().join("wire.sock"), world.databases.nb().remote(), &trap)?;
        seed::vpc1(&world, seed::RELEASED)?;
        world.pods(&seed::GATEWAY2)?;
        seed::bfd_port(&world, false)?;
        let mut settings = world.settings(1)?;
        settings.kubeconfig = world.server.kubeconfig(User::Admin, Proxy::URL)?;
        settings.north = wire.remote();
        settings.arguments = vec!["--leader-elect=false".into(), "--custom-vpc-rows=policy".into()];
        let without = world.databases.nb().dump()?;
        let mut fixture = Fixture::read("gateway2-policy.txt", seed::base()?)?;
        fixture.next("vpc1")?;
        let (with, _) = fixture.next("gateway2")?;
        let rows = [with.clone(), without];
        Ok(Self { world, settings, trap, rows, _wire: wire, _proxy: proxy })
    }

    /// Starts egress with the trap set. The trap knows whom to kill before the first call: the program is stopped until then.
    fn egress(&self, at: Option<(usize, When)>) -> Result<Egress> {
        self.trap.set(at);
        let egress = Egress::start(self.world.server.netns(), &self.world.dir(), self.settings.clone())?;
        self.trap.aim(egress.pid());
        Ok(egress)
    }

    /// What is asked for, while nobody acts on it.
    fn ask(&self, act: Act) -> Result<()> {
        seed::bfd_port(&self.world, act == Act::Create)?;
        match act {
            Act::Create => self.world.api.create(&gateway("gateway2", &seed::gateway2())),
            Act::Delete => self.world.api.delete(&gateway_path("gateway2"), 0),
        }
    }

    /// Waits until all is as it should be and no call has come for a while, or the trap has sprung.
    fn settled(&self, egress: &mut Egress, act: Act) -> Result<()> {
        let wanted = &self.rows[usize::from(act == Act::Delete)];
        let settled = wait::until("all as wanted", LIMIT, || {
            if self.trap.sprung() {
                return Ok(());
            }
            egress.check_alive()?;
            self.silent()?;
            self.world.databases.nb().dump()?.is(wanted)?;
            self.objects(act)
        });
        settled.map(drop).map_err(|fault| Fault::new(format!("{fault}; {}", egress.state())))
    }

    fn silent(&self) -> Result<()> {
        let (before, mut waited) = (self.trap.calls().len(), Duration::ZERO);
        while waited < SILENCE {
            std::thread::sleep(LOOK);
            waited += LOOK;
            ensure(self.trap.calls().len() == before || self.trap.sprung(), || "calls go on".to_owned())?;
        }
        Ok(())
    }

    /// Fails unless the objects are as wanted: one finalizer, one Deployment, a status that says who is a next hop.
    fn objects(&self, act: Act) -> Result<()> {
        let there = self.world.gateway_now("gateway2");
        if act == Act::Delete {
            return ensure(there.is_err(), || "the gateway is there".to_owned());
        }
        let there = there?;
        let status = &there["status"];
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let mut told: Vec<_> = conditions
            .iter()
            .map(|one| format!("{}={}/{}", one["type"], one["status"], one["reason"]).replace('"', ""))
            .collect();
        // It is told once it was otherwise, which a run may have met or not.
        told.retain(|one| one != "Validated=True/ReconcileSuccess");
        told.sort();
        let said = json!([
            there["metadata"]["finalizers"],
            status["internalIPs"],
            status["workload"]["name"],
            status["router"],
            told
        ]);
        let wanted = json!([
            ["kubeovn.io/kube-ovn-controller"],
            ["192.168.0.3", "192.168.0.2"],
            "gateway2",
            "vpc1",
            ["Degraded=True/LastResort", "Init=Unknown/Processing", "Ready=False/Processing"]
        ]);
        ensure(said == wanted, || format!("objects: {said} instead of {wanted}"))?;
        self.world.api.get(DEPLOYMENT).map(drop)
    }

    /// One act with a kill at call `n`; the calls, when there were fewer.
    fn run(&self, act: Act, at: (usize, When)) -> Result<Option<Vec<String>>> {
        self.ask(act)?;
        let mut egress = self.egress(Some(at))?;
        self.settled(&mut egress, act)?;
        let sprung = self.trap.sprung();
        let calls = self.trap.calls();
        // Killed already, or now: nothing of it lives on, and it is reaped.
        egress.kill()?;
        if sprung {
            let mut again = self.egress(None)?;
            let after = calls.last().map(String::as_str).unwrap_or_default();
            self.settled(&mut again, act).during(format_args!("{act:?}, killed at call {at:?}, {after}"))?;
            again.kill()?;
        }
        if act == Act::Delete {
            // There is no garbage collector here.
            self.world.api.delete(DEPLOYMENT, 0)?;
        }
        Ok((!sprung).then_some(calls))
    }
}

/// Kills at call 1, 2, … of both acts until there are none left; prints how many there were.
fn every_call(when: When) -> Result<()> {
    let lane = Lane::start()?;
    let mut done: [Option<Vec<String>>; 2] = [None, None];
    for number in 1.. {
        for (act, done) in [Act::Create, Act::Delete].into_iter().zip(&mut done) {
            // Without the other act there would be nothing to do: it goes on, unharmed.
            let at = if done.is_some() { usize::MAX } else { number };
            let calls = lane.run(act, (at, when))?;
            if done.is_none() {
                *done = calls;
            }
        }
        ensure(number < 200, || "it never ends".to_owned())?;
        if let [Some(create), Some(delete)] = &done {
            // To the stream itself, which no test harness keeps back: the count belongs in the log of every run.
            writeln!(
                std::io::stderr(),
                "killed {when:?} each of {} calls of a creation, {} of a deletion",
                create.len(),
                delete.len()
            )?;
            println!("creation: {create:#?}\ndeletion: {delete:#?}");
            return kinds(create, delete);
        }
    }
    Ok(())
}

/// Fails unless the calls were of all the kinds that write.
fn kinds(create: &[String], delete: &[String]) -> Result<()> {
    let has = |calls: &[String], what: &str| {
        let there = calls.iter().any(|call| call.contains(what));
        ensure(there, || format!("no call {what:?} in {calls:?}"))
    };
    has(create, "transact")?;
    has(create, "deployments/gateway2")?;
    has(create, "vpc-egress-gateways/gateway2/status")?;
    has(create, "vpcs/vpc1/status")?;
    has(delete, "transact")?;
    has(delete, "PATCH /apis/kubeovn.io/v1/namespaces/default/vpc-egress-gateways/gateway2")
}

#[test]
fn killed_before_any_call_it_ends_in_the_same_rows() {
    every_call(When::Before).unwrap();
}

#[test]
fn killed_after_any_call_it_ends_in_the_same_rows() {
    every_call(When::After).unwrap();
}
