//! The environment variables that the manifests of kube-ovn set.

use std::net::IpAddr;

use crate::pod::OwnPod;

/// The process environment, as far as it counts; `NODE_NAME` is the default of its flag.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `POD_IPS`.
    pub pod_ips: Option<String>,
    /// `POD_IP`.
    pub pod_ip: Option<String>,
    /// `GATEWAY_NAME`.
    pub gateway_name: Option<String>,
    /// Which Pod this is, if it is one.
    pub pod: Option<OwnPod>,
}

impl Environment {
    /// That of this process; what is empty is not there.
    #[must_use]
    pub fn read() -> Self {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (pod_ips, pod_ip, gateway_name) = (var("POD_IPS"), var("POD_IP"), var("GATEWAY_NAME"));
        Self { pod_ips, pod_ip, gateway_name, pod: OwnPod::find() }
    }

    /// One address, or two of different families; any other shape counts as no address, as upstream has it.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let text = self.pod_ips.as_ref().or(self.pod_ip.as_ref());
        let parsed: Option<Vec<IpAddr>> =
            text.map(|text| text.split(',').map(|one| one.trim().parse().ok()).collect()).unwrap_or_default();
        match parsed.as_deref() {
            Some([one]) => vec![*one],
            Some([one, two]) if one.is_ipv4() != two.is_ipv4() => vec![*one, *two],
            _ => Vec::new(),
        }
    }
}
