//! The manifests under test: the one operators have, with our image, and ours.

use super::{IMAGE, root};
use crate::fault::{During, Fault, Result, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What is said to every speaker of the lab, in whichever manifest.
const NEIGHBORS: [&str; 4] = [
    "--neighbor-address=10.0.1.1,10.0.2.1",
    "--neighbor-ipv6-address=fd00:1::1,fd00:2::1",
    "--neighbor-as=65001",
    "--cluster-as=65000",
];

/// A memory limit for the speaker, as little as any manifest asks for.
const LIMIT: &str = "300Mi";

/// The DaemonSet that Kube-OVN publishes with our image, a memory limit, and these arguments after its own.
///
/// # Errors
/// When it cannot be read.
pub fn published(arguments: &[&str]) -> Result<String> {
    let path = root().join("tests/lab/cluster/published.yaml");
    let text = std::fs::read_to_string(&path).during(path.display())?;
    let last = "        - --log_file_max_size=200\n";
    let asks = format!("            memory: {LIMIT}\n");
    ensure(text.contains(last) && text.contains(&asks), || {
        format!("{last:?} or {asks:?} is no longer in it")
    })?;
    let more: String = arguments.iter().map(|argument| format!("        - {argument}\n")).collect();
    let limited = format!("{asks}          limits:\n            memory: {LIMIT}\n");
    Ok(text.replace("IMAGE", IMAGE).replace(last, &format!("{last}{more}")).replace(&asks, &limited))
}

/// Writes an overlay over `deploy/kustomize/base` with these components into `dir`, as an operator does, with the lab's
/// neighbours, a memory limit and these arguments; returns the directory, for `kubectl apply -k`.
///
/// # Errors
/// When it cannot be written.
pub fn overlay(dir: &Path, components: &[&str], arguments: &[&str]) -> Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    // kustomize takes no absolute paths.
    let (from, to) = (dir.canonicalize()?, root().join("deploy/kustomize").canonicalize()?);
    let up = "../".repeat(from.components().count() - 1);
    let to = to.strip_prefix("/").map_err(|_| Fault::new("not below the root"))?.display().to_string();
    let mut text = format!("resources: [{up}{to}/base]\n");
    if !components.is_empty() {
        text.push_str("components:\n");
    }
    for component in components {
        let _ = writeln!(text, "- {up}{to}/components/{component}");
    }
    text.push_str("patches:\n- target: {kind: DaemonSet}\n  patch: |-\n");
    for argument in NEIGHBORS.iter().chain(arguments) {
        let at = "/spec/template/spec/containers/0/args/-";
        let _ = writeln!(text, "    - {{op: add, path: {at}, value: \"{argument}\"}}");
    }
    let at = "/spec/template/spec/containers/0/resources/limits";
    let _ = writeln!(text, "    - {{op: add, path: {at}, value: {{memory: {LIMIT}}}}}");
    std::fs::write(dir.join("kustomization.yaml"), text)?;
    Ok(dir.to_owned())
}
