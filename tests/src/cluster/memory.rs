//! A container that is out of memory: the kernel kills the largest process of its control group.

use super::site::{BOTH, SOON};
use super::{Site, Step};
use crate::fault::{During, Fault, Result, ensure};
use crate::wait;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file system in memory, which counts against whoever writes.
const FILE: &str = "/run/lab-memory";

impl Site {
    /// Uses up the memory limit of the speaker's container on n1 from inside its control group: the kernel kills the
    /// speaker, the kubelet starts it again, and Kubernetes has it down as OOMKilled.
    ///
    /// # Errors
    /// When it was not killed for that, or is not back.
    pub fn out_of_memory(&self, name: &str) -> Result<Step> {
        let before = self.container("n1")?;
        let group = self.memory_group(&before.id)?;
        // Which file it is depends on the version of control groups.
        let files =
            ["memory.limit_in_bytes", "memory.max"].map(|file| std::fs::read_to_string(group.join(file)));
        let limit = files.into_iter().flatten().next().unwrap_or_default();
        let limit: u64 = limit.trim().parse().map_err(|_| Fault::new(format!("a limit of {limit:?}")))?;
        // The writer itself is exempt; it fails once nobody is left to kill.
        let megabytes = limit / (1 << 20) + 8;
        ensure(megabytes < 2048, || format!("the container's limit is {limit}"))?;
        let script = format!(
            "echo $$ >{}/cgroup.procs; echo -1000 >/proc/self/oom_score_adj; \
             dd if=/dev/zero of={FILE} bs=1M count={megabytes} 2>/dev/null; rm -f {FILE}",
            group.display()
        );
        let machine = self.cluster.nodes[0].machine();
        let mut step = self.step(name, || {
            machine.exec(&["sh", "-c", &script])?;
            wait::until("the container was killed and is back", SOON, || {
                let now = self.container("n1")?;
                ensure(now.restarts == before.restarts + 1 && now.ready, || format!("{now:?}"))?;
                ensure(now.ended == "OOMKilled", || format!("it ended as {:?}", now.ended))
            })?;
            self.rolled_out(2)?;
            self.settle(BOTH, SOON)
        })?;
        step.started = Some(self.started("n1")?);
        Ok(step)
    }

    /// The control group of a container, by its id.
    fn memory_group(&self, id: &str) -> Result<PathBuf> {
        let root = Path::new("/sys/fs/cgroup/memory").join(self.cluster.nodes[0].machine().cgroup());
        find(&root, id)
            .ok_or_else(|| Fault::new(format!("no control group for {id} below {}", root.display())))
    }

    fn container(&self, node: &str) -> Result<Container> {
        let pod = self.speaker(node)?;
        let pod: Value = serde_json::from_str(&self.cluster.kubectl(&[
            "-n",
            "kube-system",
            "get",
            "pod",
            &pod,
            "-o",
            "json",
        ])?)?;
        let status = &pod["status"]["containerStatuses"][0];
        let id = status["containerID"].as_str().and_then(|id| id.strip_prefix("containerd://"));
        let ended = status["lastState"]["terminated"]["reason"].as_str().unwrap_or_default();
        Ok(Container {
            id: id.ok_or_else(|| Fault::new(format!("no container in {status}"))).during(node)?.to_owned(),
            restarts: status["restartCount"].as_u64().unwrap_or_default(),
            ready: status["ready"] == true,
            ended: ended.to_owned(),
        })
    }
}

/// What Kubernetes says of a container.
#[derive(Debug)]
struct Container {
    id: String,
    restarts: u64,
    ready: bool,
    /// Why the one before it ended.
    ended: String,
}

/// The directory whose name holds `name`, at any depth.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let below = std::fs::read_dir(dir).ok()?.flatten();
    let dirs: Vec<_> = below.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    let own = |path: &&PathBuf| path.file_name().is_some_and(|last| last.to_string_lossy().contains(name));
    dirs.iter().find(own).cloned().or_else(|| dirs.iter().find_map(|path| find(path, name)))
}
