//! A cluster as the egress controller sees it: a real API server, real databases of OVN with `ovn-northd`, the stand-ins
//! for everybody else, and the program itself.

use super::api::Api;
use super::dump::{Dump, Fixture};
use super::northbound::{Databases, Schema};
use super::objects;
use super::pods::Pod;
use super::process::{Egress, Settings};
use super::seed;
use super::topology::{Flavour, NODES, Subnet, Topology};
use crate::fault::{During, Fault, Result, ensure};
use crate::kube::{ApiServer, URL, User};
use crate::topology::Topology as Site;
use crate::wait;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long rows may take to be as wanted.
pub const LIMIT: Duration = Duration::from_secs(20);

/// How long they are then looked at whether they stay.
const STAYS: Duration = Duration::from_millis(300);

/// The external network of the seeds.
pub const EXTERNAL: Subnet<'static> = Subnet {
    name: "macvlan1",
    vpc: "",
    cidr: "172.17.0.0/16",
    gateway: "172.17.0.1",
    provider: "eth1.default",
    flavour: Flavour::Released,
};

/// What runs. Fields drop in this order: the program before what it talks to.
#[derive(Debug)]
pub struct World {
    /// The programs under test, by number; a test may start more.
    pub egress: Vec<Egress>,
    /// The stand-in for kube-ovn-controller, kubelet and CNI.
    pub topology: Topology,
    /// A client of the API server.
    pub api: Arc<Api>,
    /// The databases.
    pub databases: Databases,
    /// The API server.
    pub server: ApiServer,
    site: Site,
}

impl World {
    /// Starts everything but egress: two nodes with a chassis each, the default VPC, the external network.
    ///
    /// # Errors
    /// When a part does not come up.
    pub fn start(schema: Schema) -> Result<Self> {
        Self::with_members(schema, 1)
    }

    /// The same with the northbound database on a cluster of so many servers, unless it is one.
    ///
    /// # Errors
    /// As there.
    pub fn with_members(schema: Schema, members: usize) -> Result<Self> {
        let site = Site::new()?;
        let server = ApiServer::start(&site)?;
        let file = site.dir().join("nad.yaml");
        std::fs::write(&file, objects::attachment_definition())?;
        server.kubectl(&["apply", "-f", &file.display().to_string()])?;
        server.kubectl(&["wait", "--for=condition=Established", "--all", "crd", "--timeout=10s"])?;
        let databases = Databases::with_members(server.netns(), &site.dir().join("ovn"), schema, members)?;
        for node in NODES {
            databases.chassis(node.name, node.address)?;
        }
        let api = Api::start(&server)?;
        let newer = schema == Schema::Newer;
        let topology = Topology::new(databases.nb().clone(), Some(Arc::clone(&api)), newer);
        topology.base()?;
        topology.subnet(&EXTERNAL)?;
        wait::until("attachments are served", LIMIT, || api.put(&objects::attachment("eth1")))?;
        Ok(Self { egress: Vec::new(), topology, api, databases, server, site })
    }

    /// Starts egress with these arguments beside where things are; it has started once it is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    pub fn run(&mut self, arguments: &[&str]) -> Result<()> {
        self.egress = vec![self.replica(1, arguments)?];
        self.ready()
    }

    /// Starts an egress of this number.
    ///
    /// # Errors
    /// When there is no binary to start.
    pub fn replica(&self, number: u16, arguments: &[&str]) -> Result<Egress> {
        let mut settings = self.settings(number)?;
        settings.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Egress::start(self.server.netns(), self.site.dir(), settings)
    }

    /// What a program needs to find everything.
    ///
    /// # Errors
    /// When the credentials cannot be written.
    pub fn settings(&self, replica: u16) -> Result<Settings> {
        Ok(Settings {
            kubeconfig: self.server.kubeconfig(User::Admin, URL)?,
            north: self.databases.nb().remote().to_owned(),
            south: self.databases.southbound(),
            replica,
            arguments: Vec::new(),
        })
    }

    /// A directory of this world's own.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.site.dir().to_owned()
    }

    /// Waits until the first program is ready.
    ///
    /// # Errors
    /// When it is not within the limit.
    pub fn ready(&mut self) -> Result<()> {
        let egress = self.egress.first_mut().ok_or_else(|| Fault::new("no egress"))?;
        let said = wait::until("egress is ready", LIMIT, || {
            egress.check_alive()?;
            egress.ready()
        });
        said.map(drop).map_err(|fault| Fault::new(format!("{fault}; {}", egress.state())))
    }

    /// Makes or changes a gateway of the group kubeovn.io and the namespace `default`.
    ///
    /// # Errors
    /// What the API server says.
    pub fn gateway(&self, name: &str, spec: &Value) -> Result<()> {
        self.api.put(&gateway(name, spec))
    }

    /// Merges a change into a gateway.
    ///
    /// # Errors
    /// What the API server says.
    pub fn change(&self, name: &str, spec: &Value) -> Result<()> {
        self.api.merge(&gateway_path(name), &json!({"spec": spec})).map(drop)
    }

    /// A gateway as it is.
    ///
    /// # Errors
    /// What the API server says.
    pub fn gateway_now(&self, name: &str) -> Result<Value> {
        self.api.get(&gateway_path(name))
    }

    /// Waits for a condition of a gateway: type, status, reason (empty: any); the gateway then.
    ///
    /// # Errors
    /// The conditions it has instead.
    pub fn condition(&self, name: &str, wanted: [&str; 3]) -> Result<Value> {
        let waited = wait::until(name, LIMIT, || {
            let object = self.gateway_now(name)?;
            has_condition(&object, wanted).map(|()| object)
        });
        waited.map(|(object, _)| object).map_err(|fault| self.told(&fault))
    }

    /// Makes Pods with their ports, bound to the chassis of their nodes.
    ///
    /// # Errors
    /// What the databases or the API server say.
    pub fn pods(&self, pods: &[Pod<'_>]) -> Result<()> {
        for pod in pods {
            self.topology.pod(pod)?;
            self.databases.bind(&pod.port(), pod.node)?;
        }
        Ok(())
    }

    /// Waits for the Deployment of a gateway with so many replicas, then says that it is done.
    ///
    /// # Errors
    /// When it is not there within the limit.
    pub fn deployed(&self, name: &str, replicas: i64) -> Result<()> {
        let path = format!("/apis/apps/v1/namespaces/default/deployments/{name}");
        let there = wait::until(&format!("Deployment {name}"), LIMIT, || {
            let there = self.api.get(&path)?;
            let said = &there["spec"]["replicas"];
            ensure(said.as_i64() == Some(replicas), || format!("{said} replicas, not {replicas}"))
        });
        there.map_err(|fault| self.told(&fault))?;
        self.topology.deployed(name)
    }

    /// Waits until the database is as the next step of a fixture says, looks whether it stays so, and compares what is
    /// printed.
    ///
    /// # Errors
    /// The difference, with the end of the log.
    pub fn step(&self, fixture: &mut Fixture, title: &str) -> Result<()> {
        let (wanted, step) = fixture.next(title)?;
        self.settles(wanted).during(title)?;
        for (command, wanted) in &step.printed {
            let printed = wait::until(command, LIMIT, || self.prints(command, wanted));
            printed.map_err(|fault| self.told(&fault)).during(title)?;
        }
        Ok(())
    }

    /// Waits until the database holds this, and looks whether it stays so.
    ///
    /// # Errors
    /// The difference, with the end of the log.
    pub fn settles(&self, wanted: &Dump) -> Result<()> {
        let is = || self.databases.nb().dump()?.is(wanted);
        let reached = wait::until("rows", LIMIT, is);
        reached.and_then(|_| wait::stays("rows", STAYS, is)).map_err(|fault| self.told(&fault))
    }

    /// Compares a table of kubectl's, but for the column AGE and the widths.
    fn prints(&self, command: &str, wanted: &str) -> Result<()> {
        let text = self.server.kubectl(&command.split(' ').collect::<Vec<_>>())?;
        let column = text.lines().next().and_then(|head| head.find("AGE")).unwrap_or(usize::MAX);
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let said: Vec<_> = text.lines().map(|line| cells(line.get(..column).unwrap_or(line))).collect();
        let wanted_cells: Vec<_> = wanted.lines().map(cells).collect();
        ensure(said == wanted_cells, || format!("printed:\n{text}instead of:\n{wanted}"))
    }

    /// Makes gateway2 of the seed with its pods, and follows the fixture until its sessions are up.
    ///
    /// # Errors
    /// The difference, with the end of the log.
    pub fn gateway2(&self, fixture: &mut Fixture) -> Result<()> {
        self.gateway("gateway2", &seed::gateway2())?;
        self.deployed("gateway2", 2)?;
        self.pods(&seed::GATEWAY2)?;
        self.deployed("gateway2", 2)?;
        self.step(fixture, "gateway2")?;
        self.sessions(&["192.168.0.2", "192.168.0.3"], "up")?;
        self.step(fixture, "sessions up")
    }

    /// Sessions with these peers are up, or not: what `ovn-controller` says.
    ///
    /// # Errors
    /// When there is no such session.
    pub fn sessions(&self, peers: &[&str], status: &str) -> Result<()> {
        peers
            .iter()
            .try_for_each(|peer| self.databases.session(peer, status))
            .map_err(|fault| self.told(&fault))
    }

    /// Sent transactions of the first program.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn transactions(&self) -> Result<f64> {
        self.egress.first().ok_or_else(|| Fault::new("no egress"))?.metric("egress_nb_transactions_total")
    }

    /// A fault, with the logs of those who may be at fault.
    #[must_use]
    pub fn told(&self, fault: &Fault) -> Fault {
        let logs: Vec<_> = self.egress.iter().map(Egress::state).collect();
        Fault::new(format!("{fault}\n{}", logs.join("\n")))
    }
}

/// Fails unless a gateway, as it is, has this condition: type, status, reason (empty: any).
///
/// # Errors
/// The conditions it has.
pub fn has_condition(object: &Value, [kind, status, reason]: [&str; 3]) -> Result<()> {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let is = |one: &Value| {
        one["type"] == kind && one["status"] == status && (reason.is_empty() || one["reason"] == reason)
    };
    ensure(all.iter().any(is), || format!("no {kind}={status} {reason} among {}", json!(all)))
}

/// A gateway of the group kubeovn.io and the namespace `default`.
#[must_use]
pub fn gateway(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "kubeovn.io/v1", "kind": "VpcEgressGateway",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec})
}

/// Where it is.
#[must_use]
pub fn gateway_path(name: &str) -> String {
    format!("/apis/kubeovn.io/v1/namespaces/default/vpc-egress-gateways/{name}")
}
