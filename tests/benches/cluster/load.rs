//! The cluster: filled with Pods, listed and watched by bare clients, one Pod flipped.

use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::{AsyncBufReadExt, FutureExt, StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind, Request};
use serde_json::{Value, json};
use tests::fault::{During, Fault, Result};

use crate::sink::Sink;

/// Requests in flight while the cluster is filled.
const AT_ONCE: usize = 24;

pub(crate) struct Cluster {
    client: Client,
    pods: Api<Pod>,
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::new(error.to_string())
}

/// About what the API server of a cluster holds for a running Pod, managed fields included.
fn pod(index: u32) -> Value {
    let [_, high, middle, low] = index.to_be_bytes();
    json!({
        "metadata": {
            "name": format!("load-{index}"),
            "labels": {"app": "load", "pod-template-hash": "5d4f8c7b9d"},
            "annotations": {
                "ovn.kubernetes.io/allocated": "true",
                "ovn.kubernetes.io/bgp": "true",
                "ovn.kubernetes.io/cidr": "10.0.0.0/8",
                "ovn.kubernetes.io/gateway": "10.0.0.1",
                "ovn.kubernetes.io/ip_address": format!("10.{}.{middle}.{low}", 64 + high),
                "ovn.kubernetes.io/logical_router": "ovn-cluster",
                "ovn.kubernetes.io/logical_switch": "ovn-default",
                "ovn.kubernetes.io/mac_address": format!("00:00:00:{high:02x}:{middle:02x}:{low:02x}"),
                "ovn.kubernetes.io/pod_nic_type": "veth-pair",
                "ovn.kubernetes.io/routed": "true",
            },
        },
        "spec": {
            "nodeName": format!("n{}", index % 100),
            "containers": [{
                "name": "main", "image": "registry.example/team/service:v1.2.3",
                "env": [{"name": "POD_NAME", "value": format!("load-{index}")}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            }],
        },
    })
}

impl Cluster {
    pub(crate) async fn connect(kubeconfig: &Path) -> Result<Self> {
        let read = Kubeconfig::read_from(kubeconfig).map_err(fault)?;
        let config =
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.map_err(fault)?;
        let client = Client::try_from(config).map_err(fault)?;
        Ok(Self { pods: Api::namespaced(client.clone(), "default"), client })
    }

    /// One Subnet and so many annotated Pods.
    pub(crate) async fn fill(&self, count: u32) -> Result<()> {
        let kind = GroupVersionKind::gvk("kubeovn.io", "v1", "Subnet");
        let resource = ApiResource::from_gvk_with_plural(&kind, "subnets");
        let subnets: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let mut subnet = DynamicObject::new("ovn-default", &resource);
        subnet.data = json!({"spec": {"cidrBlock": "10.0.0.0/8"}});
        subnets.create(&PostParams::default(), &subnet).await.map_err(fault)?;
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let params = PatchParams::default();
        subnets.patch_status("ovn-default", &params, &Patch::Merge(ready)).await.map_err(fault)?;
        let created = stream::iter(0..count).map(|index| async move {
            let pod: Pod = serde_json::from_value(pod(index))?;
            self.pods.create(&PostParams::default(), &pod).await.map_err(fault).during(index)
        });
        created.buffer_unordered(AT_ONCE).try_for_each(|_| async { Ok(()) }).await
    }

    /// Reads all Pods page by page and throws the text away.
    pub(crate) async fn bare_list(&self) -> Result<Duration> {
        let began = Instant::now();
        let mut params = ListParams::default().limit(500).fields("spec.hostNetwork=false");
        loop {
            let request = Request::new("/api/v1/pods").list(&params).map_err(fault)?;
            let text = self.client.request_text(request).await.map_err(fault)?;
            // `metadata` of the list comes first.
            let token = text.split_once(r#""continue":""#).and_then(|(_, rest)| rest.split_once('"'));
            let token = token.map(|(token, _)| token.to_owned());
            match token {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(began.elapsed()),
            }
        }
    }

    /// Flips one Pod's annotation; for each flip, how much later than a bare watch the router knew, in ms.
    pub(crate) async fn flips(&self, count: usize, sink: &mut Sink) -> Result<Vec<f64>> {
        let version = self.pods.list_metadata(&ListParams::default().limit(1)).await.map_err(fault)?;
        let version = version.metadata.resource_version.unwrap_or_default();
        let params = WatchParams::default();
        let request = Request::new("/api/v1/pods").watch(&params, &version).map_err(fault)?;
        let mut lines = pin!(self.client.request_stream(request).await.map_err(fault)?.lines());
        let mut delays = Vec::with_capacity(count);
        for flip in 0..count {
            let value = if flip % 2 == 0 { "false" } else { "true" };
            let patch = json!({"metadata": {"annotations": {"ovn.kubernetes.io/bgp": value}}});
            let patched = async {
                let params = PatchParams::default();
                self.pods.patch_metadata("load-7", &params, &Patch::Merge(patch)).await.map_err(fault)
            };
            let seen = async {
                lines.next().await.ok_or_else(|| Fault::new("the watch ended"))??;
                Ok::<_, Fault>(Instant::now())
            };
            let (patched, seen, learned) = tokio::join!(patched, seen, sink.next());
            patched?;
            let (seen, learned) = (seen?, learned?);
            let late = learned.saturating_duration_since(seen).as_secs_f64();
            let early = seen.saturating_duration_since(learned).as_secs_f64();
            delays.push((late - early) * 1000.0);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(delays)
    }

    /// Changes one Pod after the other, so many a second, each change one prefix at the router; waits until the router
    /// has seen them all.
    pub(crate) async fn churn(&self, rate: u32, seconds: u32, sink: &mut Sink) -> Result<()> {
        let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
        let changes = rate * seconds;
        let patching = async {
            let mut made = stream::FuturesUnordered::new();
            for change in 0..changes {
                tick.tick().await;
                let value = if change < changes / 2 { "false" } else { "true" };
                let name = format!("load-{}", change % (changes / 2));
                let patch = json!({"metadata": {"annotations": {"ovn.kubernetes.io/bgp": value}}});
                made.push(async move {
                    let params = PatchParams::default();
                    self.pods.patch_metadata(&name, &params, &Patch::Merge(patch)).await.map_err(fault)
                });
                // Those under way go on while the next is waited for.
                while let Some(Some(done)) = made.next().now_or_never() {
                    done?;
                }
            }
            while let Some(done) = made.next().await {
                done?;
            }
            Ok::<_, Fault>(())
        };
        let seeing = async {
            for _ in 0..changes {
                sink.change().await?;
            }
            Ok::<_, Fault>(())
        };
        tokio::try_join!(patching, seeing).map(drop)
    }
}
