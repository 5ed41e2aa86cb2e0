//! What a gateway asks for, as the rows need it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::IpNet;
use kubeovn::{Selector, VpcEgressGateway};

use super::{Settings, bfd_port};
use crate::spec::{Reason, Refusal, Source, Spec};
use crate::view::{Cluster, Family, Network};

/// Timers of the pods' end, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timers {
    /// The least interval it sends at.
    pub min_tx: u32,
    /// The least interval it takes.
    pub min_rx: u32,
    /// How many packets may be missing.
    pub multiplier: u8,
}

/// Why something is not as asked for: a word and a sentence.
pub(super) type Why = (&'static str, String);

/// What a gateway asks for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Name of the VPC.
    pub vpc: Box<str>,
    /// Its logical router.
    pub router: Box<str>,
    /// Pods by selector.
    pub selectors: Vec<Selector>,
    /// The next hop on the client's node goes first.
    pub local: bool,
    /// BFD is asked for.
    pub bfd: Option<Timers>,
    /// BFD is asked for, but the VPC has no BFD port.
    pub deaf: Option<Why>,
    /// `NAMESPACE/NAME` of the external network.
    pub attachment: String,
    /// How many pods.
    pub replicas: usize,
    /// The whole specification; with BFD off where `deaf` says so.
    pub spec: Spec,
}

impl Request {
    /// What `gateway` asks for. A VPC without BFD port is no reason to refuse a gateway that has BFD on: whoever turned the
    /// port off would stop its traffic with that.
    ///
    /// # Errors
    /// What is wrong with the specification.
    pub(super) fn check(
        gateway: &Arc<VpcEgressGateway>,
        cluster: &Cluster,
        network: &Network,
        settings: &Settings,
    ) -> Result<Self, Refusal> {
        let of_port = |reason| matches!(reason, Reason::VpcBfdPortNotEnabled | Reason::InvalidBfdPort);
        let (spec, deaf) = match Spec::check(gateway, cluster, settings) {
            Ok(spec) => (spec, None),
            Err(refusal) if refusal.faults().all(|fault| of_port(fault.reason)) => {
                let mut without = VpcEgressGateway::clone(gateway);
                without.spec.bfd = None;
                let why = (refusal.reason().as_str(), refusal.to_string());
                (Spec::check(&without, cluster, settings)?, Some(why))
            }
            Err(refusal) => return Err(refusal),
        };
        let timers = spec.bfd.as_ref().map(|bfd| Timers {
            min_tx: bfd.min_tx,
            min_rx: bfd.min_rx,
            multiplier: bfd.multiplier,
        });
        let bfd = if deaf.is_some() { asked(gateway) } else { timers };
        let refused = |_: &Timers| bfd_port::check(cluster, network, settings, &spec.vpc).err();
        let deaf = deaf.or_else(|| bfd.as_ref().and_then(refused).map(|no| (no.reason, no.message)));
        Ok(Self {
            vpc: spec.vpc.clone(),
            router: spec.router.clone(),
            selectors: spec.selectors.clone(),
            local: spec.local,
            bfd,
            deaf,
            attachment: spec.attachment.to_string(),
            replicas: spec.pods.replicas.into(),
            spec,
        })
    }

    /// Sources of one family as an address set has them: networks without host bits, bare addresses bare.
    pub(super) fn addresses(&self, family: Family) -> BTreeSet<Box<str>> {
        let mine = self.served().filter(|source| source.family() == family);
        mine.map(|source| text(source.network, &source.written)).collect()
    }

    /// Sources of both families, as text and as a network.
    pub(super) fn prefixes(&self) -> Vec<(Box<str>, IpNet)> {
        self.served().map(|one| (text(one.network, &one.written), one.network)).collect()
    }

    /// Sources that are in the rows.
    fn served(&self) -> impl Iterator<Item = &Source> {
        self.spec.sources.iter().filter(|source| !self.turned_away(source.family()))
    }

    /// Sources that are left to ordinary routing.
    pub(super) fn left_out(&self) -> Vec<&str> {
        let all = self.spec.sources.iter().filter(|source| self.turned_away(source.family()));
        all.map(|source| &*source.written).collect()
    }

    /// Whether the pods take packets of a family on one side and have no way out for them on the other. Where their
    /// Subnet does not know the family at all, rows are as released.
    pub(super) fn turned_away(&self, family: Family) -> bool {
        self.spec.internal.gateway(family).is_some() && self.spec.external.gateway(family).is_none()
    }
}

fn text(network: IpNet, written: &str) -> Box<str> {
    if written.contains('/') { network.to_string().into() } else { network.addr().to_string().into() }
}

/// The timers an object asks for, which the check has found to be good.
fn asked(gateway: &VpcEgressGateway) -> Option<Timers> {
    let bfd = gateway.spec.bfd.as_ref()?;
    Some(Timers {
        min_tx: u32::try_from(bfd.min_tx.unwrap_or(1000)).ok()?,
        min_rx: u32::try_from(bfd.min_rx.unwrap_or(1000)).ok()?,
        multiplier: u8::try_from(bfd.multiplier.unwrap_or(3)).ok()?,
    })
}
