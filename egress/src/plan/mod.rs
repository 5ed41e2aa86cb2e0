//! Pure decisions: what one object wants in the northbound database, in Kubernetes and in its own status.

use kubeovn::{VpcEgressGatewayStatus, VpcStatus};

use crate::rows::Row;
use crate::view::{Cluster, Name, Network};

/// How rows of custom VPCs are written (`--custom-vpc-rows`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Policies where a kube-ovn-controller is alive or static routes cannot say it, static routes otherwise.
    #[default]
    Auto,
    /// Static routes by source.
    Static,
    /// Router policies.
    Policy,
}

/// What is the same for all objects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// API group that is served.
    pub group: Box<str>,
    /// Name of the default VPC.
    pub default_vpc: Box<str>,
    /// Form of rows in custom VPCs.
    pub form: Form,
    /// Image of gateway pods that name none.
    pub image: Box<str>,
}

/// What one gateway wants.
#[derive(Clone, Debug, Default)]
pub struct GatewayPlan {
    /// All rows it wants; those it has beside them go. `None`: rows stay as they are, since the object cannot be followed.
    pub rows: Option<Vec<Row>>,
    /// Rows were gone when this is true: the finalizer may go.
    pub release: bool,
    /// The Deployment to have; `None`: leave the one there is.
    pub deployment: Option<k8s_openapi::api::apps::v1::Deployment>,
    /// The status to have. Times of conditions are empty: who writes keeps the old ones where nothing changed.
    pub status: VpcEgressGatewayStatus,
    /// What is to be told as Events: type, reason, message.
    pub notices: Vec<Notice>,
    /// Its pods and what became of each.
    pub members: Vec<Member>,
}

/// A future Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `Warning`, otherwise `Normal`.
    pub warning: bool,
    /// A word for programs.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// A pod of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The pod.
    pub pod: Name,
    /// Whether it is a next hop.
    pub used: bool,
    /// Why, or why not.
    pub reason: String,
}

/// What one VPC wants: its BFD ports.
#[derive(Clone, Debug, Default)]
pub struct VpcPlan {
    /// As [`GatewayPlan::rows`].
    pub rows: Option<Vec<Row>>,
    /// `status.bfdPort` and conditions to have; other fields are not written.
    pub status: VpcStatus,
    /// What is to be told as Events.
    pub notices: Vec<Notice>,
}

/// What is in `world` for the gateway `name`; it may be gone or going.
#[must_use]
pub fn gateway(_cluster: &Cluster, _network: &Network, _settings: &Settings, _name: &Name) -> GatewayPlan {
    GatewayPlan::default()
}

/// What is in `world` for the VPC `name`.
#[must_use]
pub fn vpc(_cluster: &Cluster, _network: &Network, _settings: &Settings, _name: &str) -> VpcPlan {
    VpcPlan::default()
}
