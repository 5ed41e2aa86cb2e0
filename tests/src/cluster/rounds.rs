//! What a DaemonSet lives through, each a [`Step`] that any manifest has to survive.

use super::site::{BOTH, NONE, ONLY_N1, ONLY_N2, SOON};
use super::{CLUSTER, LOCAL, Site, Step};
use crate::fault::{During, Fault, Result, ensure};
use crate::topology::{cut, mend};
use crate::wait;
use std::time::Duration;

const DAEMON_SET: &str = "daemonset/kube-ovn-speaker";

/// From the word to a speaker of every node anew; Pods go one after the other.
const ROLLOUT: Duration = Duration::from_secs(60);

/// From what was done to a node until its routes are gone, on a busy machine: the kubelet tells the speaker.
const LEAVING: Duration = Duration::from_secs(5);

impl Site {
    /// Labels the nodes one after the other, on which a manifest was applied, and has the routes of each appear.
    ///
    /// # Errors
    /// The step that failed.
    pub fn appear(&self) -> Result<Vec<Step>> {
        // Nothing of it runs on a node without the label.
        self.settle(NONE, SOON).during("no node has the label")?;
        let first = self.step("Node n1 is given the label", || {
            self.label("n1", true)?;
            self.settle(ONLY_N1, SOON)
        })?;
        let second = self.step("Node n2 is given the label", || {
            self.label("n2", true)?;
            self.settle(BOTH, SOON)
        })?;
        // Without routes probes were lost, or no loss later on would mean anything.
        let seen = first.loss.values().all(|loss| loss.lost > 0);
        ensure(seen, || format!("probes arrived before there was a route: {first}"))?;
        // What was there goes on while something is added.
        second.nothing_lost(LOCAL)?;
        self.rolled_out(2)?;
        Ok(vec![first, second])
    }

    /// The commands operators run inside the container, and `kubectl logs`.
    ///
    /// # Errors
    /// The command that failed, or what it did not say.
    pub fn tools(&self) -> Result<()> {
        let neighbors = self.exec("n1", &["gobgp", "neighbor"])?;
        let up = neighbors.matches("Establ").count();
        ensure(up == 4, || format!("gobgp neighbor: {up} of 4 sessions\n{neighbors}"))?;
        let commands: [&[&str]; 2] =
            [&["gobgp", "neighbor", "10.0.1.1", "adj-out"], &["speaker", "neighbor", "10.0.1.1", "adj-out"]];
        for command in commands {
            let said = self.exec("n1", command).during(command.join(" "))?;
            println!("kubectl exec … {}\n{said}", command.join(" "));
            let all = ["10.18.0.7/32", "10.17.0.5/32"].iter().all(|prefix| said.contains(prefix));
            ensure(all, || format!("{}: not both prefixes in {said}", command.join(" ")))?;
        }
        let logs = self.logs("n1", false)?;
        ensure(logs.contains("session is up") || logs.contains("stablished"), || {
            format!("kubectl logs: no session in {logs}")
        })
    }

    /// `kubectl rollout restart`, until every speaker is another one and all it announced is fresh.
    ///
    /// # Errors
    /// When that is not so within a minute.
    pub fn rollout_restart(&self, name: &str) -> Result<Step> {
        let mut step = self.step(name, || {
            self.cluster.kubectl(&["-n", "kube-system", "rollout", "restart", DAEMON_SET])?;
            self.rolled_out(2)?;
            self.settle(BOTH, SOON)
        })?;
        step.started = Some(self.started("n1")?);
        Ok(step)
    }

    /// Takes the label from n1: its speaker is to leave, whatever is agreed about restarts. Gives it back afterwards.
    ///
    /// # Errors
    /// When n1's routes are not gone within 5 s, or a probe to what n2 announces as well was lost.
    pub fn lose_label(&self, text: &str) -> Result<Step> {
        let step = self.step("The label is taken from node n1", || {
            self.label("n1", false)?;
            self.settle(ONLY_N2, LEAVING)
        })?;
        self.told(text)?;
        step.nothing_lost(CLUSTER)?;
        self.gone("n1")?;
        self.label("n1", true)?;
        self.settle(BOTH, SOON)?;
        Ok(step)
    }

    /// Marks n2 as being drained and deletes its speaker's Pod: it leaves. The DaemonSet puts another one in its place.
    ///
    /// # Errors
    /// When the routers were not told, or n2 is not back.
    pub fn drain(&self, text: &str) -> Result<Step> {
        self.cluster.kubectl(&["annotate", "node", "n2", "bgp.kubeovn.io/drain="])?;
        let pod = self.speaker("n2")?;
        let step = self.step("Node n2 is being drained, and its Pod deleted", || {
            self.cluster.kubectl(&["-n", "kube-system", "delete", "pod", &pod, "--wait=false"])?;
            wait::until("n2 leaves", LEAVING, || self.told(text))?;
            self.rolled_out(2)?;
            self.settle(BOTH, SOON)
        })?;
        self.cluster.kubectl(&["annotate", "node", "n2", "bgp.kubeovn.io/drain-"])?;
        step.nothing_lost(LOCAL)?;
        Ok(step)
    }

    /// The kubelet of n1 ends and stays away until the node counts as lost; the speaker goes on, and so do its routes.
    ///
    /// # Errors
    /// When anything is lost or changes.
    pub fn without_kubelet(&mut self) -> Result<Step> {
        self.cluster.nodes[0].kill_kubelet()?;
        let status = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
        let step = self.step("The kubelet of n1 is stopped", || {
            wait::until("n1 counts as lost", SOON, || {
                let ready = self.cluster.kubectl(&["get", "node", "n1", "-o", status])?;
                ensure(ready == "Unknown", || format!("Ready is {ready}"))
            })?;
            std::thread::sleep(Duration::from_secs(2));
            self.settle(BOTH, Duration::ZERO)
        })?;
        self.cluster.nodes[0].start_kubelet()?;
        step.nothing_lost(CLUSTER)?;
        step.nothing_lost(LOCAL)?;
        wait::until("n1 is ready again", SOON, || {
            let ready = self.cluster.kubectl(&["get", "node", "n1", "-o", status])?;
            ensure(ready == "True", || format!("Ready is {ready}"))
        })?;
        Ok(step)
    }

    /// Deletes the DaemonSet: every speaker leaves.
    ///
    /// # Errors
    /// When routes are left after 5 s.
    pub fn delete(&self, text: &str) -> Result<Step> {
        let step = self.step("The DaemonSet is deleted", || {
            self.cluster.kubectl(&["-n", "kube-system", "delete", DAEMON_SET, "--wait=false"])?;
            self.settle(NONE, LEAVING)
        })?;
        self.told(text)?;
        ["n1", "n2"].iter().try_for_each(|node| self.gone(node))?;
        ["n1", "n2"].iter().try_for_each(|node| self.label(node, false))?;
        Ok(step)
    }

    /// Cuts n1 off from r1 without a word, until r1 has noticed; then mends the link.
    ///
    /// # Errors
    /// When r1 does not notice within `limit`, or r2 does.
    pub fn cut_link(&self, name: &str, limit: Duration) -> Result<Step> {
        let node = &self.topology.nodes[0];
        let r1_lost = || {
            let held = self.routers[0].routes()?;
            let from_n1 = held
                .values()
                .flatten()
                .any(|(_, peer)| ["10.0.1.11", "fd00:1::11"].contains(&&*peer.to_string()));
            ensure(!from_n1, || format!("r1 holds {held:?}"))
        };
        let step = self.step(name, || {
            cut(node, 1)?;
            wait::until("r1 has lost n1", limit, r1_lost).map(drop)
        });
        mend(node, 1)?;
        let step = step?;
        self.settle(BOTH, ROLLOUT).during("the link is mended")?;
        Ok(step)
    }

    /// n1 loses its power: nobody says anything any more.
    ///
    /// # Errors
    /// When the routers have not noticed within `limit`.
    pub fn power_off(&mut self, name: &str, limit: Duration) -> Result<Step> {
        let links = self.topology.nodes[0].clone();
        let mut node = self.cluster.nodes.remove(0);
        let step = self.step(name, || {
            ["eth1", "eth2", "eth9"]
                .iter()
                .try_for_each(|link| links.ip(&["link", "set", link, "down"]).map(drop))?;
            node.power_off()?;
            self.settle(ONLY_N2, limit)
        });
        self.cluster.nodes.insert(0, node);
        step
    }

    /// Waits until the speakers of so many nodes are what the DaemonSet says, and ready.
    ///
    /// # Errors
    /// When they are not within a minute.
    pub fn rolled_out(&self, nodes: u64) -> Result<()> {
        wait::until("the DaemonSet is rolled out", ROLLOUT, || {
            let set = self.cluster.kubectl(&["-n", "kube-system", "get", DAEMON_SET, "-o", "json"])?;
            let set: serde_json::Value = serde_json::from_str(&set)?;
            let status = &set["status"];
            let current = status["observedGeneration"] == set["metadata"]["generation"];
            let all = ["desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"];
            let all = all.iter().all(|field| status[field].as_u64() == Some(nodes));
            let pods = self.pods()?.len();
            ensure(current && all && u64::try_from(pods).is_ok_and(|pods| pods == nodes), || {
                format!("{status}, {pods} Pods")
            })
        })?;
        Ok(())
    }

    /// Fails unless a router was told this, in the text of a NOTIFICATION.
    fn told(&self, text: &str) -> Result<()> {
        self.routers.iter().try_for_each(|router| router.says(text))
    }

    /// Waits until no speaker runs on a node, so that the next one is not mistaken for it.
    fn gone(&self, node: &str) -> Result<()> {
        wait::until("the Pod is gone", SOON, || {
            let left = self.pods()?.into_iter().filter(|(_, on)| on == node).count();
            ensure(left == 0, || format!("{left} on {node}"))
        })?;
        Ok(())
    }

    /// All Pods of the DaemonSet, those that are ending as well, and their nodes.
    fn pods(&self) -> Result<Vec<(String, String)>> {
        let get = ["-n", "kube-system", "get", "pod", "-l", "app=kube-ovn-speaker", "-o", "json"];
        let pods: serde_json::Value = serde_json::from_str(&self.cluster.kubectl(&get)?)?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let items = pods["items"].as_array().ok_or_else(|| Fault::new("no list of Pods"))?;
        Ok(items.iter().map(|pod| (text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"]))).collect())
    }
}
