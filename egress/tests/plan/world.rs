//! A world to plan in: the objects of the reference's manifests, as plain values.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use egress::plan::{self, Form, GatewayPlan, Settings, VpcPlan};
use egress::rows::Row;
use egress::view::{Cluster, Deployment, Name, Network, Node, Pod, Router, Session};
use kubeovn::{Subnet, Vpc, VpcEgressGateway};

/// What there is.
#[derive(Clone)]
pub struct World {
    pub cluster: Cluster,
    pub network: Network,
    pub settings: Settings,
}

/// An object from YAML.
pub fn object<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
    serde_saphyr::from_str(yaml).unwrap()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

impl World {
    /// Two nodes, the default VPC and its Subnet, the external Subnet `macvlan1`: seed 001 before its first gateway.
    pub fn new() -> Self {
        let settings = Settings {
            group: "kubeovn.io".into(),
            default_vpc: "ovn-cluster".into(),
            form: Form::Auto,
            image: "egress:test".into(),
        };
        let mut world = Self { cluster: Cluster::default(), network: Network::default(), settings };
        for node in ["node1", "node2"] {
            world.node(node, true);
        }
        world.vpc(
            "ovn-cluster",
            "status: {router: ovn-cluster, default: true, defaultLogicalSwitch: ovn-default}",
        );
        world.subnet(
            "ovn-default",
            "{cidrBlock: 10.16.0.0/16, gateway: 10.16.0.1, vpc: ovn-cluster, provider: ovn}",
        );
        world.subnet("macvlan1", "{cidrBlock: 172.17.0.0/16, gateway: 172.17.0.1, provider: eth1.default}");
        let router = Router {
            default_route: [true, false],
            connected: vec!["10.16.0.1/16".into(), "100.64.0.1/16".into()],
            ..Router::default()
        };
        world.network.routers.insert("ovn-cluster".into(), router);
        world
    }

    /// With seed 001's `vpc1`: a BFD port at 10.255.255.255, Subnet `subnet1`, and no route but for connected ones.
    pub fn with_vpc1() -> Self {
        let mut world = Self::new();
        world.vpc1("{enabled: true, ip: 10.255.255.255}");
        world
            .subnet("subnet1", "{cidrBlock: 192.168.0.0/24, gateway: 192.168.0.1, vpc: vpc1, provider: ovn}");
        let router = Router { connected: vec!["192.168.0.1/24".into()], ..Router::default() };
        world.network.routers.insert("vpc1".into(), router);
        world
    }

    /// `subnet1` and `macvlan1` in both families.
    pub fn dual(&mut self) {
        let spec = "{cidrBlock: '192.168.0.0/24,fd60::/64', gateway: '192.168.0.1,fd60::1', vpc: vpc1, provider: ovn}";
        self.subnet("subnet1", spec);
        let spec =
            "{cidrBlock: '172.17.0.0/16,fd17::/64', gateway: '172.17.0.1,fd17::1', provider: eth1.default}";
        self.subnet("macvlan1", spec);
    }

    /// Gives a pod an address of the other family on both sides.
    pub fn second_family(&mut self, pod: &str, address: &str) {
        self.edit_pod(pod, |pod| {
            pod.addresses.push(ip(address));
            pod.attached.insert("default/eth1".into(), vec![ip("172.17.0.11"), ip("fd17::11")]);
        });
    }

    pub fn vpc1(&mut self, bfd_port: &str) {
        self.vpc("vpc1", &format!("spec: {{bfdPort: {bfd_port}}}\nstatus: {{router: vpc1}}"));
    }

    /// A node, its chassis of the same name, and the annotation of its port.
    pub fn node(&mut self, name: &str, ready: bool) {
        let labels = BTreeMap::from([("kubernetes.io/hostname".to_owned(), name.to_owned())]);
        let node = Node { labels, port_name: format!("node-{name}").into(), ready };
        self.cluster.nodes.insert(name.into(), Arc::new(node));
        self.network.chassis.insert(name.into(), name.into());
    }

    pub fn vpc(&mut self, name: &str, rest: &str) {
        let spec = if rest.contains("spec:") { "" } else { "spec: {}\n" };
        let yaml =
            format!("apiVersion: kubeovn.io/v1\nkind: Vpc\nmetadata: {{name: {name}}}\n{spec}{rest}\n");
        self.cluster.vpcs.insert(name.into(), Arc::new(object::<Vpc>(&yaml)));
    }

    pub fn subnet(&mut self, name: &str, spec: &str) {
        let yaml =
            format!("apiVersion: kubeovn.io/v1\nkind: Subnet\nmetadata: {{name: {name}}}\nspec: {spec}\n");
        self.cluster.subnets.insert(name.into(), Arc::new(object::<Subnet>(&yaml)));
    }

    /// A gateway in `default`.
    pub fn gateway(&mut self, name: &str, spec: &str) {
        let yaml = format!(
            "apiVersion: kubeovn.io/v1\nkind: VpcEgressGateway\nmetadata: {{name: {name}, namespace: default, \
             uid: u, generation: 1}}\nspec: {spec}\n"
        );
        let object: VpcEgressGateway = object(&yaml);
        self.cluster.gateways.insert(Name::new("default", name), Arc::new(object));
    }

    pub fn edit(&mut self, name: &str, change: impl FnOnce(&mut VpcEgressGateway)) {
        let slot = self.cluster.gateways.get_mut(&Name::new("default", name)).unwrap();
        change(Arc::make_mut(slot));
    }

    /// A pod of a gateway, running and ready, with an external address.
    pub fn pod(&mut self, gateway: &str, name: &str, node: &str, addresses: &[&str]) {
        let labels = [("app", "vpc-egress-gateway"), ("ovn.kubernetes.io/vpc-egress-gateway", gateway)];
        let pod = Pod {
            labels: labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            node: node.into(),
            running: true,
            ready: true,
            addresses: addresses.iter().map(|one| ip(one)).collect(),
            attached: BTreeMap::from([("default/eth1".into(), outside(addresses))]),
            allocated: true,
            ..Pod::default()
        };
        self.cluster.pods.insert(Name::new("default", name), Arc::new(pod));
    }

    pub fn edit_pod(&mut self, name: &str, change: impl FnOnce(&mut Pod)) {
        change(Arc::make_mut(self.cluster.pods.get_mut(&Name::new("default", name)).unwrap()));
    }

    /// A Deployment whose rollout is over.
    pub fn deployed(&mut self, name: &str, replicas: i32) {
        let wanted = self.plan(name).deployment.and_then(|one| one.metadata.annotations).unwrap_or_default();
        let one = Deployment {
            hash: wanted
                .get("ovn.kubernetes.io/generate-hash")
                .map(|hash| hash.as_str().into())
                .unwrap_or_default(),
            replicas,
            generation: 1,
            observed: 1,
            counts: [replicas; 3],
            ..Deployment::default()
        };
        self.cluster.deployments.insert(Name::new("default", name), Arc::new(one));
    }

    pub fn session(&mut self, port: &str, peer: &str, state: Session) {
        self.network.sessions.insert((port.into(), ip(peer)), state);
    }

    pub fn plan(&self, name: &str) -> GatewayPlan {
        plan::gateway(&self.cluster, &self.network, &self.settings, &Name::new("default", name))
    }

    pub fn plan_vpc(&self, name: &str) -> VpcPlan {
        plan::vpc(&self.cluster, &self.network, &self.settings, name)
    }

    /// The rows of a gateway that is followed, as text, sorted.
    pub fn rows(&self, name: &str) -> Vec<String> {
        let plan = self.plan(name);
        lines(&plan.rows.unwrap_or_else(|| panic!("not followed: {:?}", plan.status.conditions)))
    }

    /// As after an apply: the status is stored, and the rows are there.
    pub fn settle(&mut self, name: &str) {
        let plan = self.plan(name);
        if let Some(rows) = plan.rows {
            let keys = rows.iter().map(Row::key).collect();
            self.network.contents.insert(Name::new("default", name), rows);
            self.network.owned.insert(Name::new("default", name), keys);
        }
        self.edit(name, |object| object.status = Some(plan.status));
    }
}

/// Addresses in the external network, of the same families.
fn outside(addresses: &[&str]) -> Vec<IpAddr> {
    let one = |text: &&str| if text.contains(':') { ip("fd17::11") } else { ip("172.17.0.11") };
    addresses.iter().map(one).collect()
}

/// Rows as text, sorted.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let mut all: Vec<String> = rows.iter().map(ToString::to_string).collect();
    all.sort();
    all
}

/// Fails with both lists one below the other.
pub fn same(got: &[String], want: &[&str]) {
    let mut want: Vec<String> = want.iter().map(|line| (*line).to_owned()).collect();
    want.sort();
    assert_eq!(got, want, "\ngot\n  {}\nwant\n  {}\n", got.join("\n  "), want.join("\n  "));
}
