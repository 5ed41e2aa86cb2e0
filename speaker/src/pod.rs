//! Which Pod this process is in, if it is in one.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Where Kubernetes mounts the token of a Pod's ServiceAccount.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// A larger file is no token.
const MAX_TOKEN: usize = 64 << 10;

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
        let token = std::fs::read_to_string(path).ok().filter(|token| token.len() <= MAX_TOKEN)?;
        Self::of_token(token.trim())
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
