//! Credentials that change: a bound token that is revoked, and an authority that is replaced.

use super::lab::{BACK, Site, Way, start, world};
use super::outage::follows;
use super::table::{WEB, WITHOUT_WEB, WORLD, tables, withdrawn_were};
use crate::fault::{During, Result, ensure};
use crate::kube::{URL, User};
use crate::router::Kind;
use crate::scenario::lab::{Lab, conclude};
use crate::wait;
use std::path::PathBuf;
use std::time::Duration;

/// How long a refusal lasts: several tries of a speaker.
const SPAN: Duration = Duration::from_secs(5);

/// n1 has a real token, bound to a Secret, and both it and the authority's certificate lie where it only sees them
/// change when it is refused. No route is withdrawn, and what changed meanwhile follows.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn credentials(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Direct)?,
        |lab| {
            lab.source.api.create("world", &world())?;
            std::fs::create_dir_all(lab.directory(1))?;
            std::fs::create_dir_all(elsewhere(lab))?;
            bound(lab, "first")?;
            let kubeconfig = format!("--kubeconfig={}", kubeconfig(lab)?.display());
            lab.start_speakers_with([&[&kubeconfig], &[]])?;
            lab.converge(&tables(WORLD)?).during("start")?;
            revoked(lab).during("token revoked")?;
            replaced(lab).during("authority replaced")
        },
        |(), verdicts| withdrawn_were(verdicts, [&WEB, &WEB]),
    )
}

/// The Secret goes and with it the token; the API server is started anew, as it remembers tokens and runs watches on.
fn revoked(lab: &mut Lab<Site>) -> Result<()> {
    let api = &mut lab.source.api;
    api.kubectl(&["delete", "secret", "first", "-n", "kube-system"])?;
    api.kill_apiserver()?;
    api.start_apiserver()?;
    wait::until("n1 is refused", BACK, || told(lab, "401 Unauthorized"))?;
    lab.source.api.kubectl(&["annotate", "--overwrite", "pod", "web", "ovn.kubernetes.io/bgp=false"])?;
    std::thread::sleep(SPAN);
    bound(lab, "second")?;
    lab.become_within(&tables(WITHOUT_WEB)?, BACK).during("a new token")?;
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=true", WORLD, BACK)
}

/// Whoever knows the old authority alone does not believe the server any more.
fn replaced(lab: &mut Lab<Site>) -> Result<()> {
    lab.source.api.kill_apiserver()?;
    lab.source.api.renew_authority()?;
    lab.source.api.start_apiserver()?;
    wait::until("n1 does not believe it", BACK, || told(lab, "certificate"))?;
    std::thread::sleep(SPAN);
    lab.tables_are(&tables(WORLD)?)?;
    copy_authority(lab)?;
    // n2 reads the file itself, as it is there.
    follows(lab, BACK)
}

fn told(lab: &Lab<Site>, what: &str) -> Result<()> {
    let log = std::fs::read_to_string(lab.directory(1).join("speaker.log"))?;
    ensure(log.contains(what), || format!("it does not tell of {what:?}"))
}

fn elsewhere(lab: &Lab<Site>) -> PathBuf {
    lab.topology.dir().join("elsewhere")
}

/// A token of the speakers' ServiceAccount that lives as long as this Secret, with a line end behind.
fn bound(lab: &Lab<Site>, secret: &str) -> Result<()> {
    let (kubectl, namespace) = (|args: &[&str]| lab.source.api.kubectl(args), "--namespace=kube-system");
    kubectl(&["create", "secret", "generic", secret, namespace])?;
    let name = format!("--bound-object-name={secret}");
    let token =
        kubectl(&["create", "token", "kube-ovn-speaker", namespace, "--bound-object-kind=Secret", &name])?;
    std::fs::write(elsewhere(lab).join("token"), format!("{}\n", token.trim()))?;
    Ok(())
}

fn copy_authority(lab: &Lab<Site>) -> Result<()> {
    std::fs::copy(lab.source.api.authority(), elsewhere(lab).join("ca.crt"))?;
    Ok(())
}

/// Both files by links that lead out of their directory, which nobody watches.
fn kubeconfig(lab: &Lab<Site>) -> Result<PathBuf> {
    copy_authority(lab)?;
    for name in ["token", "ca.crt"] {
        std::os::unix::fs::symlink(elsewhere(lab).join(name), lab.directory(1).join(name))?;
    }
    let path = lab.directory(1).join("kubeconfig");
    let text = format!(
        r#"{{"apiVersion": "v1", "kind": "Config", "current-context": "lab",
 "clusters": [{{"name": "lab", "cluster": {{"server": "{URL}", "certificate-authority": "ca.crt"}}}}],
 "users": [{{"name": "lab", "user": {{"tokenFile": "token"}}}}],
 "contexts": [{{"name": "lab", "context": {{"cluster": "lab", "user": "lab"}}}}]}}
"#
    );
    std::fs::write(&path, text)?;
    Ok(path)
}
