//! Which Pod this process is in, if it is in one.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Where Kubernetes mounts the token of a Pod's ServiceAccount.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A larger file is no token.
const MAX_TOKEN: u64 = 64 << 10;

/// The Pod whose container this process runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl OwnPod {
    /// From `POD_NAMESPACE` and `POD_NAME`, else from the mounted token, which names the Pod it was made for: so
    /// manifests that set neither variable do.
    #[must_use]
    pub fn find() -> Option<Self> {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let given = || Some(Self { namespace: var("POD_NAMESPACE")?, name: var("POD_NAME")? });
        given().or_else(|| Self::of_token_file(Path::new(TOKEN)))
    }

    fn of_token_file(path: &Path) -> Option<Self> {
        if !fs::metadata(path).ok()?.is_file() {
            return None; // a pipe would keep us waiting for ever
        }
        let mut token = String::new();
        let read = File::open(path).ok()?.take(MAX_TOKEN + 1).read_to_string(&mut token).ok()?;
        u64::try_from(read)
            .is_ok_and(|read| read <= MAX_TOKEN)
            .then(|| Self::of_token(token.trim()))
            .flatten()
    }

    /// What the claims of a bound token say (`kubernetes.io`: `namespace`, `pod.name`). Nothing is verified: it is our
    /// own, and whoever could forge it could as well change our arguments.
    #[must_use]
    pub fn of_token(token: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(rename = "kubernetes.io")]
            kubernetes: Bound,
        }
        #[derive(Deserialize)]
        struct Bound {
            namespace: String,
            pod: Named,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
        }
        let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let Claims { kubernetes: Bound { namespace, pod } } = serde_json::from_slice(&payload).ok()?;
        Some(Self { namespace, name: pod.name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kubelet of Kubernetes 1.34 mounts, claim by claim, with a signature that is none. Encoded by `base64 -w0 | tr '+/' '-_' | tr -d =`.
    const BOUND: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJhdWQiOlsiaHR0cHM6Ly9rdWJlcm5ldGVzLmRlZmF1bHQuc3ZjIl0sImV4cCI6M\
        Tc5NTMwMDAwMCwiaWF0IjoxNzYzNzY0MDAwLCJpc3MiOiJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMiLCJqdGkiOiIwY\
        jFjIiwia3ViZXJuZXRlcy5pbyI6eyJuYW1lc3BhY2UiOiJrdWJlLXN5c3RlbSIsIm5vZGUiOnsibmFtZSI6Im4xIiwidWlkIjoiN\
        DFkMiJ9LCJwb2QiOnsibmFtZSI6Imt1YmUtb3ZuLXNwZWFrZXIteDdrMnAiLCJ1aWQiOiI5ZjNhIn0sInNlcnZpY2VhY2NvdW50I\
        jp7Im5hbWUiOiJrdWJlLW92bi1zcGVha2VyIiwidWlkIjoiYzBkZSJ9LCJ3YXJuYWZ0ZXIiOjE3NjM3Njc2MDd9LCJuYmYiOjE3N\
        jM3NjQwMDAsInN1YiI6InN5c3RlbTpzZXJ2aWNlYWNjb3VudDprdWJlLXN5c3RlbTprdWJlLW92bi1zcGVha2VyIn0.c2ln";

    /// What the Secret of a ServiceAccount held before Kubernetes 1.24: it names no Pod.
    const OF_A_SECRET: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJrdWJlcm5ldGVzL3NlcnZpY2VhY2NvdW50Iiwia3ViZXJuZXRlcy5pb\
        y9zZXJ2aWNlYWNjb3VudC9uYW1lc3BhY2UiOiJrdWJlLXN5c3RlbSIsImt1YmVybmV0ZXMuaW8vc2VydmljZWFjY291bnQvc2Vjc\
        mV0Lm5hbWUiOiJvdm4tdG9rZW4iLCJrdWJlcm5ldGVzLmlvL3NlcnZpY2VhY2NvdW50L3NlcnZpY2UtYWNjb3VudC5uYW1lIjoib\
        3ZuIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50Omt1YmUtc3lzdGVtOm92biJ9.c2ln";

    fn own(namespace: &str, name: &str) -> OwnPod {
        OwnPod { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn with_payload(payload: &[u8]) -> Option<OwnPod> {
        OwnPod::of_token(&format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn a_bound_token_names_its_pod_and_one_of_a_secret_does_not() {
        assert_eq!(OwnPod::of_token(BOUND), Some(own("kube-system", "kube-ovn-speaker-x7k2p")));
        assert_eq!(OwnPod::of_token(OF_A_SECRET), None);
    }

    #[test]
    fn what_is_no_token_names_no_pod() {
        for garbage in
            ["", ".", "..", "a.b", "e30.e30.", "e30.!!!.x", "e30.e30=.x", "\u{0}.\u{0}.\u{0}", "ä.ö.ü"]
        {
            assert_eq!(OwnPod::of_token(garbage), None, "{garbage:?}");
        }
        let payloads: [&[u8]; 8] = [
            b"",
            b"null",
            b"[]",
            b"{\"kubernetes.io\":null}",
            b"{\"kubernetes.io\":{\"namespace\":\"n\"}}",
            b"{\"kubernetes.io\":{\"namespace\":1,\"pod\":{\"name\":\"p\"}}}",
            b"{\"kubernetes.io\":{\"namespace\":\"n\",\"pod\":\"p\"}}",
            b"\xff\xfe",
        ];
        for payload in payloads {
            assert_eq!(with_payload(payload), None, "{payload:?}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(with_payload(deep.as_bytes()), None, "nested without end");
    }

    #[test]
    fn a_file_is_read_only_if_it_is_one_and_no_larger_than_a_token() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("token");
        assert_eq!(OwnPod::of_token_file(&path), None, "no file");
        fs::write(&path, format!("{BOUND}\n")).expect("written");
        assert_eq!(OwnPod::of_token_file(&path), Some(own("kube-system", "kube-ovn-speaker-x7k2p")));
        fs::write(&path, format!("{BOUND}{}", "\n".repeat(70_000))).expect("written");
        assert_eq!(OwnPod::of_token_file(&path), None, "too large");
        fs::write(&path, b"\xff\xff").expect("written");
        assert_eq!(OwnPod::of_token_file(&path), None, "no text");
        assert_eq!(OwnPod::of_token_file(dir.path()), None, "a directory");
        fs::remove_file(&path).expect("removed");
        let mode = rustix::fs::Mode::from_bits_truncate(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        let (to, found) = std::sync::mpsc::channel();
        std::thread::spawn(move || to.send(OwnPod::of_token_file(&path)));
        assert_eq!(found.recv_timeout(std::time::Duration::from_secs(10)), Ok(None), "a pipe");
        assert_eq!(OwnPod::of_token_file(Path::new("/dev/zero")), None, "a device");
    }
}
