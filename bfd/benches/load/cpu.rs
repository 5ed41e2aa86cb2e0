//! CPU time of 100 sessions at 10 ms and at 50 ms: ours beside FRR's bfdd and BIRD under the same peers, one after the
//! other. The peers are in a network namespace of their own behind a veth pair, as daemons listen on all addresses. Root.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::lab::child::Process;
use crate::lab::judge::ask;
use crate::lab::{Load, Net};

const MS: Duration = Duration::from_millis(1);

/// Who answers the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Ours,
    Frr,
    Bird,
}

/// Measures for so long each. Returns whether ours stays within its budget.
pub(crate) fn compare(time: Duration) -> bool {
    if !rustix::process::geteuid().is_root() {
        println!("\nCPU beside FRR and BIRD: needs root");
        return true;
    }
    let far = Far::new();
    let mut within = true;
    println!(
        "\nCPU, {} s each; `gap` is the longest time between two packets to one peer, ms",
        time.as_secs()
    );
    println!(
        "{:16} {:>6} {:>8} {:>8} {:>10} {:>8} {:>9}",
        "", "", "% core", "x ours", "packets/s", "gap", "too long"
    );
    for (interval, budget) in [(10 * MS, 6.0), (50 * MS, 2.0)] {
        let load = Load { sessions: 100, interval, mult: 3, net: Net::Link };
        let mut ours = None;
        for subject in [Subject::Ours, Subject::Frr, Subject::Bird] {
            let (cpu, heard) = measure(subject, load, (&far, time));
            let ratio = cpu / *ours.get_or_insert(cpu);
            println!(
                "100 x {:<10} {:>6} {cpu:>8.1} {ratio:>8.1} {:>10.0} {:>8.1} {:>9}",
                format!("{} ms", interval.as_millis()),
                format!("{subject:?}"),
                heard[3] as f64 / time.as_secs_f64(),
                Duration::from_nanos(heard[0]).as_secs_f64() * 1e3,
                heard[1],
            );
            if subject == Subject::Ours && cpu > budget {
                println!("  FAILED: more than {budget} % of a core");
                within = false;
            }
        }
    }
    within
}

/// One subject: per cent of a core, and what the peers heard.
fn measure(subject: Subject, load: Load, (far, time): (&Far, Duration)) -> (f64, Vec<u64>) {
    let words = |what: &str| [vec![what.to_owned()], load.words().to_vec()].concat();
    let wrapper = ["nsenter", &far.net, "chrt", "-f", "10"];
    let mut peers = Process::helper(&wrapper, &words("peers"));
    assert_eq!(peers.line(Duration::from_secs(10)).as_deref(), Some("ready"));
    let folder = Folder::new();
    let (_zebra, daemon) = match subject {
        Subject::Ours => (None, Process::helper(&[], &words("ours"))),
        Subject::Frr => {
            let (zebra, bfdd) = frr(&folder, load);
            (Some(zebra), bfdd)
        }
        Subject::Bird => (None, bird(&folder, load)),
    };
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let up = ask(&mut peers, "up", |_| {})[0];
        if up == u64::try_from(load.sessions).unwrap_or(0) {
            break;
        }
        assert!(Instant::now() < end, "{subject:?}: {up} of {} sessions came up", load.sessions);
        std::thread::sleep(100 * MS);
    }
    std::thread::sleep(Duration::from_secs(2)); // poll sequences are over
    peers.say("mark");
    let (before, began) = (daemon.cpu(), Instant::now());
    std::thread::sleep(time);
    let cpu = (daemon.cpu() - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    (cpu, ask(&mut peers, "heard", |_| {}))
}

/// FRR's bfdd, and zebra, which tells it the links.
fn frr(folder: &Folder, load: Load) -> (Process, Process) {
    let interval = load.interval.as_millis();
    let mut conf = "bfd\n".to_owned();
    for peer in 0..load.sessions {
        let (remote, local) = (load.net.peer(peer), load.net.ours());
        writeln!(conf, " peer {remote} local-address {local} interface bfd0").unwrap();
        writeln!(conf, "  receive-interval {interval}\n  transmit-interval {interval}\n exit").unwrap();
    }
    let path = |name: &str| folder.0.join(name).display().to_string();
    let conf = folder.file("frr.conf", &conf);
    let daemon = |name: &str, more: &[&str]| {
        let mut command = Command::new(format!("/usr/lib/frr/{name}"));
        command.args(["-z", &path("zebra.sock"), "-i", &path(&format!("{name}.pid")), "-P", "0"]);
        Process::start(command.args(["--vty_socket", &path("")]).args(more))
    };
    let zebra = daemon("zebra", &[]);
    std::thread::sleep(Duration::from_secs(1));
    (zebra, daemon("bfdd", &["--bfdctl", &path("bfdd.ctl"), "-f", &conf]))
}

fn bird(folder: &Folder, load: Load) -> Process {
    let interval = load.interval.as_millis();
    let mut conf =
        "log \"/dev/null\" all;\nrouter id 1.1.1.1;\nprotocol device {}\nprotocol bfd {\n".to_owned();
    writeln!(conf, " interface \"bfd0\" {{ interval {interval} ms; multiplier {}; }};", load.mult).unwrap();
    for peer in 0..load.sessions {
        writeln!(conf, " neighbor {} dev \"bfd0\" local {};", load.net.peer(peer), load.net.ours()).unwrap();
    }
    let conf = folder.file("bird.conf", &(conf + "}\n"));
    let control = folder.0.join("bird.ctl").display().to_string();
    Process::start(Command::new("bird").args(["-f", "-c", &conf, "-s", &control]))
}

/// A folder that daemons of other users may write to, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("bfd-load-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The peers' namespace, which is there as long as a process in it, with all of their addresses.
struct Far {
    _holder: Process,
    net: String,
}

impl Far {
    fn new() -> Self {
        let holder =
            Process::start(Command::new("unshare").args(["-n", "sh", "-c", "echo in; exec sleep 100000"]));
        assert_eq!(holder.line(Duration::from_secs(5)).as_deref(), Some("in"));
        let net = format!("--net=/proc/{}/ns/net", holder.pid());
        let ip = |words: &str| assert!(Command::new("ip").args(words.split(' ')).status().unwrap().success());
        let there = |words: &str| {
            let status = Command::new("nsenter").arg(&net).arg("ip").args(words.split(' ')).status();
            assert!(status.unwrap().success(), "{words}");
        };
        ip(&format!("link add bfd0 type veth peer name bfd1 netns {}", holder.pid()));
        ip("link set bfd0 up");
        ip(&format!("addr add {}/16 dev bfd0", Net::Link.ours()));
        there("link set lo up");
        there("link set bfd1 up");
        there("addr add 10.66.255.2/16 dev bfd1");
        // Any address of these is the peers' own.
        there("route add local 10.66.0.0/17 dev lo");
        Self { _holder: holder, net }
    }
}
