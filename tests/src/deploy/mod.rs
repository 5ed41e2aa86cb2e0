//! What operators are given in `deploy/`: rendered by the programs they use, kubectl and Helm.

mod object;

pub use object::{Object, differences, objects};

use crate::cache;
use crate::fault::{During, Fault, Result};
use crate::proc::run;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The Kubernetes that Helm is told it renders for; it knows none by itself.
const KUBERNETES: &str = "1.34.4";

/// What an installation has to say in any case.
pub const NEIGHBORS: [(&str, &str); 3] = [
    ("bgp.neighborAddresses", "{10.32.32.1,10.32.32.2}"),
    ("bgp.neighborAs", "65030"),
    ("bgp.clusterAs", "65000"),
];

/// The same as arguments.
pub const ARGUMENTS: [&str; 3] =
    ["--neighbor-address=10.32.32.1,10.32.32.2", "--neighbor-as=65030", "--cluster-as=65000"];

/// A file or directory of the repository.
#[must_use]
pub fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(below)
}

/// Files of the Prometheus operator's definitions.
///
/// # Errors
/// When `tests/setup.sh` has not put them there.
pub fn operator_definitions() -> Result<Vec<String>> {
    ["podmonitors", "prometheusrules"]
        .iter()
        .map(|kind| cache::program(&format!("prometheus-operator-0.85.0/{kind}.yaml")))
        .collect()
}

/// What `kubectl kustomize` makes of a directory.
///
/// # Errors
/// What kubectl says.
pub fn kustomize(dir: &Path) -> Result<String> {
    run(&[&cache::program("kube-1.34.4/kubectl")?, "kustomize", &dir.display().to_string()])
}

/// Writes an overlay as an operator does, of the base, these components and these further arguments, and renders it.
///
/// # Errors
/// What kubectl says.
pub fn overlay(dir: &Path, components: &[&str], arguments: &[&str]) -> Result<String> {
    // kustomize knows relative paths only.
    let depth = dir.canonicalize()?.components().count().saturating_sub(1);
    let root = path("deploy/kustomize").canonicalize()?;
    let root = format!("{}{}", "../".repeat(depth), root.display().to_string().trim_start_matches('/'));
    let mut text = format!("resources: [\"{root}/base\"]\ncomponents:\n");
    for component in components {
        let _ = writeln!(text, "- \"{root}/components/{component}\""); // a String takes everything
    }
    text.push_str("patches:\n- target: {kind: DaemonSet, name: kube-ovn-speaker}\n  patch: |-\n");
    for argument in arguments {
        let add = "    - {op: add, path: /spec/template/spec/containers/0/args/-, value:";
        let _ = writeln!(text, "{add} '{argument}'}}");
    }
    std::fs::write(dir.join("kustomization.yaml"), text)?;
    kustomize(dir).during(format_args!("{components:?}"))
}

/// What `helm template` makes of the chart, with these values, in this namespace.
///
/// # Errors
/// What Helm says.
pub fn template(namespace: &str, values: &[(&str, &str)]) -> Result<String> {
    let chart = path("deploy/charts/speaker").display().to_string();
    let helm = cache::program("helm-3.19.0/helm")?;
    let mut argv = vec![&helm, "template", "speaker", &chart, "-n", namespace, "--kube-version", KUBERNETES];
    let sets: Vec<_> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for set in &sets {
        argv.extend(["--set", set]);
    }
    run(&argv)
}

/// What Helm says against these values, given with those of [`NEIGHBORS`].
///
/// # Errors
/// When it has nothing against them.
pub fn refusal(values: &[(&str, &str)]) -> Result<String> {
    match template("kube-system", &[&NEIGHBORS[..], values].concat()) {
        Ok(_) => Err(Fault::new(format!("{values:?} are taken"))),
        Err(fault) => Ok(fault.to_string()),
    }
}
