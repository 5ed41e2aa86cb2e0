//! The source of objects, and what carries its changes to the engine.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{RunError, Running};
use crate::config::{Config, Mode, Source};
use crate::events::Recorder;
use crate::intent::Keeper;
use crate::plan::Settings;
use crate::source::kubernetes::{self, Access};
use crate::source::manifests;

/// Batches of a source that may wait: the first list of a large cluster must not pile up in memory.
const BATCHES: usize = 16;

impl Running {
    pub(super) async fn start_source(
        &mut self,
        config: &Config,
        settings: &Settings,
    ) -> Result<(), RunError> {
        let (to, mut batches) = mpsc::channel(BATCHES);
        match &config.source {
            Source::Manifests(dir) => {
                let watch = manifests::watch(dir, to)
                    .map_err(|cause| RunError::Manifests { dir: dir.clone(), cause })?;
                self.tasks.spawn(async move {
                    watch.await;
                    "the manifests watch"
                });
            }
            Source::Cluster { kubeconfig } => {
                let access = Access::open(kubeconfig.as_deref()).await?;
                self.access = Some(access.clone());
                if config.events {
                    self.start_events(config, access.clone());
                }
                let stages = Arc::clone(self.announcer.stages());
                let watch = kubernetes::watch(access, kubernetes::selections(settings), to, stages);
                self.tasks.spawn(async move {
                    watch.await;
                    "a watch of the API server"
                });
            }
        }
        self.intent = Keeper::new(config).map(Arc::new);
        if let Some(keeper) = self.intent.clone() {
            let announcer = Arc::clone(&self.announcer);
            self.tasks.spawn(async move {
                keeper.run(announcer).await;
                "the keeper of what is wanted"
            });
        }
        let announcer = Arc::clone(&self.announcer);
        self.tasks.spawn(async move {
            while let Some(batch) = batches.recv().await {
                announcer.handle(batch);
            }
            "the announcer"
        });
        Ok(())
    }

    /// Before the first object is looked at, so that no notice goes untold.
    fn start_events(&mut self, config: &Config, access: Access) {
        let (recorder, telling) = Recorder::new(access, config.node.clone(), config.pod.clone());
        self.announcer.tell(recorder);
        self.tasks.spawn(async move {
            telling.await;
            "the recorder of Events"
        });
    }
}

pub(super) fn settings(config: &Config) -> Settings {
    match &config.mode {
        Mode::Node { announce_cluster_ip, local_only } => Settings::Node {
            name: config.node.as_str().into(),
            announce_cluster_ip: *announce_cluster_ip,
            local_only: *local_only,
        },
        Mode::NatGateway { gateway } => Settings::NatGateway { name: gateway.as_deref().map(Arc::from) },
    }
}
