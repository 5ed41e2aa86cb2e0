//! A site with gateways, and who writes its rows: nobody but a hand, or the program under test beside an API server.

use super::gateway::{Environment, Failure, Gateway};
use super::outside::servers;
use super::rounds::{Outcome, during, users};
use super::server::ask_often;
use super::site::{BFD_PORT, CIDRS, Form, NODE, Site, by_hand};
use crate::egress::api::Api;
use crate::egress::objects;
use crate::egress::process::{Egress, Settings};
use crate::egress::topology::{DEFAULT_VPC, Subnet};
use crate::egress::world::{EXTERNAL, gateway, gateway_path};
use crate::fault::{During, Fault, Result, ensure};
use crate::kube::{ApiServer, URL, User};
use crate::topology::Topology;
use crate::wait;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long something may take to be as wanted; ovn-controller alone may need 5 s to say that a session is up.
const LIMIT: Duration = Duration::from_secs(30);

/// How often a failure is tried: where ovn-controller gets no processor, it may have taken the gateway for dead just before.
const ATTEMPTS: usize = 3;

/// The name of the VpcEgressGateway.
const NAME: &str = "gateway2";

/// Fields drop in this order.
#[derive(Debug)]
pub struct Lab {
    gateways: Vec<Gateway>,
    control: Option<Control>,
    site: Site,
    dir: tempfile::TempDir,
}

/// The program under test and what it needs.
#[derive(Debug)]
struct Control {
    egress: Egress,
    api: Arc<Api>,
    server: ApiServer,
    _segments: Topology,
}

impl Lab {
    /// Two gateways, with static routes by hand, which OVN gates without anybody's help.
    ///
    /// # Errors
    /// When a part does not come up.
    pub fn by_hand() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let site = Site::start(Form::Static, None, dir.path())?;
        site.port_by_hand()?;
        let mut lab = Self { gateways: Vec::new(), control: None, site, dir };
        lab.scale(2)?;
        Ok(lab)
    }

    /// Two gateways, with rows that egress writes.
    ///
    /// # Errors
    /// When a part does not come up.
    pub fn with_egress(form: Form) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let segments = Topology::new()?;
        let server = ApiServer::start(&segments)?;
        let file = dir.path().join("nad.yaml");
        std::fs::write(&file, objects::attachment_definition())?;
        server.kubectl(&["apply", "-f", &file.display().to_string()])?;
        server.kubectl(&["wait", "--for=condition=Established", "--all", "crd", "--timeout=10s"])?;
        let api = Api::start(&server)?;
        let site = Site::start(form, Some(Arc::clone(&api)), dir.path())?;
        wait::until("attachments are served", LIMIT, || api.put(&objects::attachment("eth1")))?;
        let (cidr, router) = ("172.17.0.0/16,fd00:17::/64", super::outside::ROUTER.join(","));
        site.topology.subnet(&Subnet { cidr, gateway: &router, ..EXTERNAL })?;
        if form == Form::Default {
            api.put(&objects::vpc(DEFAULT_VPC, Some(&BFD_PORT.join(","))))?;
        }
        let egress = run(form, &site, &server, dir.path())?;
        let control = Some(Control { egress, api, server, _segments: segments });
        let mut lab = Self { gateways: Vec::new(), control, site, dir };
        let outcome = lab.begin();
        outcome.map_err(|fault| lab.told(&fault))?;
        Ok(lab)
    }

    fn begin(&mut self) -> Result<()> {
        let control = self.control.as_mut().ok_or_else(|| Fault::new("no egress"))?;
        wait::until("egress is ready", LIMIT, || {
            control.egress.check_alive()?;
            control.egress.ready()
        })?;
        let bfd = json!({"enabled": true, "minTX": 100, "minRX": 100, "multiplier": 3});
        let policies =
            json!([{"snat": true, "subnets": ["subnet1"]}, {"snat": false, "subnets": ["subnet2"]}]);
        let spec = json!({"vpc": self.site.form().vpc(), "replicas": 2, "internalSubnet": "subnet1",
            "externalSubnet": EXTERNAL.name, "bfd": bfd, "policies": policies});
        control.api.put(&gateway(NAME, &spec))?;
        self.scale(2)
    }

    /// Adds gateways until there are so many.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn scale(&mut self, count: u8) -> Result<()> {
        let deployment = self.deployment(count)?;
        for number in 1..=count {
            if usize::from(number) <= self.gateways.len() {
                continue;
            }
            let environment = match &deployment {
                Some(deployment) => Environment::of(deployment, &super::site::internal(number))?,
                None => by_hand(number),
            };
            self.gateways.push(self.site.gateway(number, &environment, self.dir.path())?);
            if deployment.is_none() {
                self.site.rows_by_hand(number)?;
            }
        }
        if deployment.is_some() { self.site.topology.deployed(NAME) } else { Ok(()) }
    }

    /// The Deployment, asked for so many replicas.
    fn deployment(&self, count: u8) -> Result<Option<Value>> {
        let Some(control) = &self.control else { return Ok(None) };
        control.api.merge(&gateway_path(NAME), &json!({"spec": {"replicas": count}}))?;
        let path = format!("/apis/apps/v1/namespaces/default/deployments/{NAME}");
        let (deployment, _) = wait::until("the Deployment", LIMIT, || {
            let deployment = control.api.get(&path)?;
            let replicas = &deployment["spec"]["replicas"];
            ensure(replicas.as_u64() == Some(count.into()), || format!("{replicas} replicas"))?;
            Ok(deployment)
        })?;
        Ok(Some(deployment))
    }

    /// All gateways carry traffic in both families and protocols, masqueraded as their own; returns how long that took.
    ///
    /// # Errors
    /// Who is seen instead.
    pub fn spreads(&self) -> Result<Duration> {
        let mut longest = Duration::ZERO;
        for v6 in [false, true] {
            let to = servers(v6)?;
            let wanted = self.gateways.iter().map(|gateway| gateway.external(to[0]));
            let wanted = wanted.collect::<Result<BTreeSet<IpAddr>>>()?;
            let (_, took) = wait::until("every gateway is used", LIMIT, || {
                self.gateways.iter().try_for_each(|gateway| gateway.is_up(2))?;
                let seen = users(&self.site.client, &to)?;
                ensure(seen == wanted, || format!("{seen:?}, not {wanted:?}"))
            })?;
            longest = longest.max(took);
            let seen = ask_often(&self.site.client, to[0], 60)?;
            let clients: BTreeSet<_> = seen.keys().map(|seen| seen.client).collect();
            ensure(clients == wanted, || format!("TCP from {clients:?}, not {wanted:?}"))?;
        }
        Ok(longest)
    }

    /// What comes from the other subnet keeps its address, and answers find back.
    ///
    /// # Errors
    /// Who is seen instead.
    pub fn keeps_addresses(&self) -> Result<()> {
        for (v6, source) in [(false, "192.168.1.100"), (true, "fd00:9::100")] {
            let to = servers(v6)?;
            self.site.outside.route(CIDRS[1][usize::from(v6)], self.gateways[0].external(to[0])?)?;
            let seen = users(&self.site.plain, &to)?;
            ensure(seen == BTreeSet::from([source.parse()?]), || format!("{seen:?}, not {source}"))?;
        }
        Ok(())
    }

    /// Gateway `index` fails while flows run, and comes back; what each family's flows saw, and how long after it came back
    /// it was used again.
    ///
    /// # Errors
    /// When a flow stays on it, or it is not used again.
    pub fn fail_over(&mut self, index: usize, failure: Failure) -> Result<([Outcome; 2], Duration)> {
        for _ in 0..ATTEMPTS {
            let outcomes = during(&self.site.client, &mut self.gateways[index], failure)?;
            let again = wait::until("it is used again", LIMIT, || self.is_used(index));
            let ((), again) = again.during(format_args!("after {failure:?}"))?;
            if outcomes.iter().all(|outcome| outcome.flows.0 > 0) {
                return Ok((outcomes, again));
            }
        }
        Err(Fault::new(format!("{failure:?}: no flow was on the gateway, {ATTEMPTS} times")))
    }

    fn is_used(&self, index: usize) -> Result<()> {
        self.gateways[index].is_up(2)?;
        for v6 in [false, true] {
            let to = servers(v6)?;
            let wanted = self.gateways[index].external(to[0])?;
            let seen = users(&self.site.client, &to)?;
            ensure(seen.contains(&wanted), || format!("only {seen:?} are used"))?;
        }
        Ok(())
    }

    /// A fault, with what everybody says.
    #[must_use]
    pub fn told(&self, fault: &Fault) -> Fault {
        let gateways: Vec<_> = self.gateways.iter().map(Gateway::state).collect();
        let control = self.control.as_ref().map(|control| {
            let gateway = control.server.kubectl(&["get", "veg", "-o", "yaml"]);
            format!("{}\n{}", control.egress.state(), gateway.unwrap_or_else(|fault| fault.to_string()))
        });
        let control = control.unwrap_or_default();
        Fault::new(format!("{fault}\n{}\n{}\n{control}", self.site.state(), gateways.join("\n")))
    }
}

fn run(form: Form, site: &Site, server: &ApiServer, dir: &std::path::Path) -> Result<Egress> {
    let rows = if form == Form::Static { "static" } else { "policy" };
    let settings = Settings {
        kubeconfig: server.kubeconfig(User::Admin, URL)?,
        north: site.ovn.northbound(),
        south: site.ovn.southbound(),
        replica: 1,
        arguments: vec![format!("--custom-vpc-rows={rows}"), "--leader-elect=false".to_owned()],
    };
    site.ovn.sbctl(&["--bare", "--columns=hostname", "find", "Chassis", &format!("name={NODE}")])?;
    Egress::start(server.netns(), dir, settings)
}
