//! Real ovsdb-servers for tests: each in a directory of its own, ended by its pid.
#![allow(clippy::unwrap_used, reason = "test support")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ovn::net::{Client, Options, Tls};
use ovn::{Link, Operation, Replica, Row, Uuid, Value, Watched};
use tempfile::TempDir;

/// The northbound schema of the distribution.
pub(crate) const SCHEMA: &str = "/usr/share/ovn/ovn-nb.ovsschema";

/// How long anything may take that should take a moment.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A running ovsdb-server.
pub(crate) struct Server {
    child: Child,
    directory: PathBuf,
    name: String,
    arguments: Vec<String>,
}

impl Server {
    /// A server of `directory/NAME.db`, listening on `directory/NAME.sock`.
    pub(crate) fn start(directory: &Path, name: &str, arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|one| (*one).to_owned()).collect();
        let child = spawn(directory, name, &arguments);
        Self { child, directory: directory.into(), name: name.into(), arguments }
    }

    /// What to connect to.
    pub(crate) fn remote(&self) -> Box<str> {
        format!("unix:{}", self.directory.join(format!("{}.sock", self.name)).display()).into()
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it and starts it again on the same file.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.directory, &self.name, &self.arguments);
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What a command of ovs-appctl answers.
    pub(crate) fn control(&self, command: &[&str]) -> String {
        let control = self.directory.join(format!("{}.ctl", self.name));
        let output = Command::new("ovs-appctl").arg("-t").arg(control).args(command).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(directory: &Path, name: &str, arguments: &[String]) -> Child {
    let path = |end: &str| directory.join(format!("{name}.{end}"));
    let _ = std::fs::remove_file(path("sock"));
    let child = Command::new("ovsdb-server")
        .arg("-vconsole:off")
        .arg("--log-file=/dev/null")
        .arg(format!("--unixctl={}", path("ctl").display()))
        .arg(format!("--remote=punix:{}", path("sock").display()))
        .args(arguments)
        .arg(path("db"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + LONG;
    while !path("sock").exists() {
        assert!(Instant::now() < deadline, "ovsdb-server {name} did not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Runs a program that must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A file in a directory, as text for an argument.
pub(crate) fn file(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

/// A standalone server of an empty database of this schema.
pub(crate) fn standalone(schema: &str) -> (TempDir, Server) {
    let directory = TempDir::new().unwrap();
    run("ovsdb-tool", &["create", &file(directory.path(), "nb.db"), schema]);
    let server = Server::start(directory.path(), "nb", &[]);
    (directory, server)
}

/// Tables and columns that the tests watch; two are of newer schemas than the distribution's.
pub(crate) const WATCHED: &[(&str, &[&str])] = &[
    ("Logical_Router", &["name", "policies", "static_routes", "external_ids", "options"]),
    ("Logical_Router_Policy", &["priority", "match", "action", "nexthops", "external_ids", "bfd_sessions"]),
    ("Logical_Router_Static_Route", &["ip_prefix", "nexthop", "bfd", "selection_fields"]),
    ("BFD", &["logical_port", "dst_ip", "min_tx", "status", "external_ids"]),
    ("Address_Set", &["name", "addresses", "external_ids"]),
    ("No_Such_Table", &["name"]),
];

/// Options of a client of these servers.
pub(crate) fn options(remotes: &[Box<str>], tls: Option<Tls>) -> Options {
    let monitor =
        WATCHED.iter().map(|(table, columns)| Watched { table, columns, only: Vec::new() }).collect();
    Options { remotes: remotes.to_vec(), database: "OVN_Northbound".into(), monitor, leader_only: true, tls }
}

/// Waits until the replica and the link look like this.
pub(crate) async fn until(client: &Client, what: &str, holds: impl Fn(&Replica, &Link) -> bool) {
    let mut changes = client.changes();
    let wait = async {
        loop {
            changes.borrow_and_update();
            let link = client.link();
            if client.read(|replica| holds(replica, &link)) {
                return;
            }
            // Counters change without a mark.
            let _ = tokio::time::timeout(Duration::from_millis(10), changes.changed()).await;
        }
    };
    let held = tokio::time::timeout(LONG, wait).await;
    assert!(held.is_ok(), "{what}: not in {LONG:?}; {:?}, {:?}", client.link(), client.counters());
}

/// Waits until the copy is complete.
pub(crate) async fn synced(client: &Client) {
    until(client, "synced", |_, link| *link == Link::Synced).await;
}

/// Columns of a row.
pub(crate) fn row(columns: &[(&str, Value)]) -> Row {
    columns.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()
}

/// An insert.
pub(crate) fn insert(table: &str, name: Option<&str>, columns: &[(&str, Value)]) -> Operation {
    Operation::Insert { table: table.into(), row: row(columns), name: name.map(Into::into), uuid: None }
}

/// The rows of a table that hold this in a column.
pub(crate) fn found(replica: &Replica, table: &str, column: &str, value: &Value) -> Vec<Uuid> {
    let rows = replica.rows(table).filter(|(_, row)| row.get(column) == Some(value));
    rows.map(|(uuid, _)| uuid).collect()
}
