//! The keys of one lab's API server, made by openssl: an authority, a server certificate, a signing key.

use crate::fault::{During, Result};
use crate::proc::run;
use std::path::{Path, PathBuf};

/// All addresses the API server is reached at.
const NAMES: &str =
    "subjectAltName=IP:127.0.0.1,IP:::1,IP:10.0.9.1,IP:fd00:9::1,IP:10.96.0.1,DNS:kubernetes.default.svc";

/// Where the files are.
#[derive(Debug)]
pub(super) struct Pki {
    dir: PathBuf,
}

impl Pki {
    /// Makes all of them in `dir`, in some tens of milliseconds.
    ///
    /// # Errors
    /// What openssl says.
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let pki = Self { dir: dir.to_owned() };
        std::fs::write(dir.join("names"), NAMES)?;
        pki.renew_authority()?;
        let signing = pki.file("sa.key");
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", &signing])?;
        openssl(&["ec", "-in", &signing, "-pubout", "-out", &pki.file("sa.pub")])?;
        Ok(pki)
    }

    /// A new authority, and the certificates that it signs; keys of tokens stay.
    pub(super) fn renew_authority(&self) -> Result<()> {
        let (ca_key, ca) = (self.file("ca.key"), self.file("ca.crt"));
        let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let own = ["-x509", "-days", "30", "-subj", "/CN=lab-ca", "-keyout", &ca_key, "-out", &ca];
        openssl(&[&["req"], &new[..], &own].concat())?;
        // The second one is what the API server shows to kubelets, for logs and exec.
        let subjects = [
            ("apiserver", "/CN=kube-apiserver"),
            ("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
        ];
        for (name, subject) in subjects {
            let [key, request, certificate] =
                ["key", "csr", "crt"].map(|kind| self.file(&format!("{name}.{kind}")));
            let ask = ["-subj", subject, "-keyout", &key, "-out", &request];
            openssl(&[&["req"], &new[..], &ask].concat())?;
            let issue =
                ["-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial", "-days", "30", "-out", &certificate];
            let names = self.file("names");
            openssl(&[&["x509", "-req", "-in", &request, "-extfile", &names], &issue[..]].concat())?;
        }
        Ok(())
    }

    /// A file of it, as text for a command line.
    pub(super) fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

fn openssl(args: &[&str]) -> Result<()> {
    run(&[&["openssl"], args].concat()).during("the lab's keys")?;
    Ok(())
}
