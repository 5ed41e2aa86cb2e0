//! What the API server wrote down about its clients: the proof of which rights a client uses.

use super::{ApiServer, User};
use crate::fault::{Fault, Result};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every request of a ServiceAccount is logged when its answer starts and when it is complete; no other.
pub(super) const POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ['system:serviceaccounts']
- level: None
";

/// A verb and what it was used on: `pods`, `subnets.kubeovn.io`, or the path where that is no resource.
pub type Request = (String, String);

/// A user's requests of one outcome.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// Requests that were allowed.
    pub allowed: BTreeSet<Request>,
    /// Requests that were refused (403).
    pub refused: BTreeSet<Request>,
}

impl ApiServer {
    /// Empties the audit log: [`ApiServer::requests`] then tells of what comes after.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget_requests(&self) -> Result<()> {
        // The API server appends to it: what it writes next is at the beginning.
        Ok(std::fs::File::create(self.dir().join("audit.log")).map(drop)?)
    }

    /// What `user` has asked for so far, or since [`ApiServer::forget_requests`], by the audit log.
    ///
    /// # Errors
    /// When the log is not there or a whole line of it is not JSON.
    pub fn requests(&self, user: User) -> Result<Requests> {
        let mut seen = Requests::default();
        let log = std::fs::read_to_string(self.dir().join("audit.log"))?;
        // The last line may be half written.
        for line in log.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let event: Value = serde_json::from_str(line)?;
            if event["user"]["username"] != user.name() {
                continue;
            }
            let (request, code) =
                request(&event).ok_or_else(|| Fault::new(format!("not understood: {line}")))?;
            if code == 403 {
                seen.refused.insert(request)
            } else {
                seen.allowed.insert(request)
            };
        }
        Ok(seen)
    }
}

/// The request of one entry, and the HTTP status it was answered with.
fn request(event: &Value) -> Option<(Request, u64)> {
    let verb = event["verb"].as_str()?.to_owned();
    let object = &event["objectRef"];
    let what = match (object["resource"].as_str(), object["apiGroup"].as_str()) {
        (Some(resource), None) => resource.to_owned(),
        (Some(resource), Some(group)) => format!("{resource}.{group}"),
        (None, _) => event["requestURI"].as_str()?.to_owned(),
    };
    Some(((verb, what), event["responseStatus"]["code"].as_u64()?))
}
