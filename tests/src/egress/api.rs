//! A client of the API server for tests: objects as JSON, each call waited for, no process started for it.

use crate::fault::{During, Fault, Result};
use crate::kube::{ApiServer, URL, User};
use crate::netns::Netns;
use hyper::Request;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// For one call.
const LIMIT: Duration = Duration::from_secs(20);

type Job = (Request<Vec<u8>>, mpsc::Sender<Result<Value>>);

/// It ends when dropped.
#[derive(Debug)]
pub struct Api {
    jobs: Mutex<mpsc::Sender<Job>>,
}

/// Where objects of a kind are, and whether in namespaces.
const KINDS: [(&str, &str, bool); 11] = [
    ("Deployment", "deployments", true),
    ("IP", "ips", false),
    ("Lease", "leases", true),
    ("Namespace", "namespaces", false),
    ("NetworkAttachmentDefinition", "network-attachment-definitions", true),
    ("Node", "nodes", false),
    ("Pod", "pods", true),
    ("Subnet", "subnets", false),
    ("Vip", "vips", false),
    ("Vpc", "vpcs", false),
    ("VpcEgressGateway", "vpc-egress-gateways", true),
];

impl Api {
    /// Starts its thread inside the API server's namespace; it may do everything.
    ///
    /// # Errors
    /// When the credentials cannot be written.
    pub fn start(server: &ApiServer) -> Result<Arc<Self>> {
        let config = server.kubeconfig(User::Admin, URL)?;
        let netns = Arc::clone(server.netns());
        let (jobs, queue) = mpsc::channel();
        std::thread::spawn(move || serve(&netns, &config, queue));
        Ok(Arc::new(Self { jobs: Mutex::new(jobs) }))
    }

    /// Makes an object or changes the one there is (server-side apply); its status, if it has one, in a second call.
    ///
    /// # Errors
    /// What the API server says.
    pub fn put(&self, object: &Value) -> Result<()> {
        let mut spec = object.clone();
        let status = spec.as_object_mut().and_then(|fields| fields.remove("status"));
        let query = format!("{}?fieldManager=lab&force=true", path(object)?);
        self.call("PATCH", &query, "application/apply-patch+yaml", &spec)?;
        if status.is_some() { self.status(object) } else { Ok(()) }
    }

    /// Merges the status of this object into that of the one there is.
    ///
    /// # Errors
    /// What the API server says.
    pub fn status(&self, object: &Value) -> Result<()> {
        self.merge(&format!("{}/status", path(object)?), &json!({"status": object["status"]})).map(drop)
    }

    /// Merges `patch` into the object at `path`.
    ///
    /// # Errors
    /// What the API server says.
    pub fn merge(&self, path: &str, patch: &Value) -> Result<Value> {
        self.call("PATCH", path, "application/merge-patch+json", patch)
    }

    /// Makes an object that must not be there, and its status as [`Api::put`] does.
    ///
    /// # Errors
    /// What the API server says.
    pub fn create(&self, object: &Value) -> Result<()> {
        let path = path(object)?;
        let (collection, _) = path.rsplit_once('/').unwrap_or_default();
        self.call("POST", collection, "application/json", object)?;
        if object["status"].is_null() { Ok(()) } else { self.status(object) }
    }

    /// The object or list at `path`.
    ///
    /// # Errors
    /// What the API server says.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", path, "application/json", &Value::Null)
    }

    /// Deletes the object at `path` with this grace, in seconds.
    ///
    /// # Errors
    /// What the API server says.
    pub fn delete(&self, path: &str, grace: u32) -> Result<()> {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace});
        self.call("DELETE", path, "application/json", &options).map(drop)
    }

    fn call(&self, method: &str, path: &str, kind: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder().method(method).uri(path).header("content-type", kind).body(body);
        let request = request.map_err(|error| Fault::new(format!("{method} {path}: {error}")))?;
        let (sender, answer) = mpsc::channel();
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.send((request, sender));
        drop(jobs);
        sent.map_err(|_| Fault::new("the client's thread has ended"))?;
        let answer = answer.recv_timeout(LIMIT).map_err(|error| Fault::new(error.to_string()));
        answer.and_then(|answer| answer).during(format_args!("{method} {path}"))
    }
}

/// The path of an object, by what it says of itself.
///
/// # Errors
/// When its kind is not known here.
pub fn path(object: &Value) -> Result<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let known = KINDS.iter().find(|(name, ..)| *name == kind);
    let (_, plural, namespaced) = known.ok_or_else(|| Fault::new(format!("no kind {kind:?} here")))?;
    let root = if version.contains('/') { "/apis/" } else { "/api/" };
    let name = text(&object["metadata"]["name"]);
    let namespace = match (namespaced, object["metadata"]["namespace"].as_str()) {
        (true, Some(namespace)) => format!("namespaces/{namespace}/"),
        (true, None) => "namespaces/default/".to_owned(),
        (false, _) => String::new(),
    };
    Ok(format!("{root}{version}/{namespace}{plural}/{name}"))
}

fn serve(netns: &Netns, config: &Path, queue: mpsc::Receiver<Job>) {
    let served = netns.enter(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(client(config))?;
        while let Ok((request, answer)) = queue.recv() {
            let said = runtime.block_on(client.request::<Value>(request));
            // Whoever asked may have given up.
            let _ = answer.send(said.map_err(|error| Fault::new(error.to_string())));
        }
        Ok(())
    });
    if let Err(fault) = served {
        eprintln!("the lab's client of the API server ended: {fault}");
    }
}

async fn client(config: &Path) -> Result<Client> {
    let bad = |error: &dyn std::error::Error| Fault::new(format!("the lab's client: {error}"));
    let config = Kubeconfig::read_from(config).map_err(|error| bad(&error))?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await.map_err(|error| bad(&error))?;
    Client::try_from(config).map_err(|error| bad(&error))
}
