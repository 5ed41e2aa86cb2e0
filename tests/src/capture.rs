//! A capture of one router's BGP traffic, and tshark as the judge of every message in it.
//!
//! Owns when a capture is complete and what counts as a fault. Judged strictly are messages from the
//! addresses under test; those of the routers are only counted.

use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::topology::ROUTER_LINK;
use crate::wait;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// UDP's discard port: a datagram to it ends the capture, see [`Capture::finish`].
const DISCARD: u16 = 9;

/// `PI_WARN` of tshark; `PI_ERROR` is larger, notes and chats are smaller.
const WARN: u64 = 0x0060_0000;

/// BGP message types (RFC 4271 §4.1).
pub const OPEN: u64 = 1;
/// See [`OPEN`].
pub const UPDATE: u64 = 2;
/// See [`OPEN`].
pub const NOTIFICATION: u64 = 3;
/// See [`OPEN`].
pub const KEEPALIVE: u64 = 4;
/// See [`OPEN`].
pub const ROUTE_REFRESH: u64 = 5;

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    dumpcap: Daemon,
    netns: Arc<Netns>,
    link: String,
    file: PathBuf,
}

/// One BGP message as tshark saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When it passed, since the Unix epoch.
    pub at: Duration,
    /// Who sent it.
    pub from: IpAddr,
    /// To whom.
    pub to: IpAddr,
    /// Its type, see [`OPEN`].
    pub kind: u64,
    /// Code and subcode of a NOTIFICATION.
    pub notification: Option<(u64, u64)>,
    /// The hold time an OPEN proposes, in seconds.
    pub hold_time: Option<u64>,
    /// The prefixes an UPDATE announces, of both families; one that neither announces nor withdraws any is an
    /// End-of-RIB (RFC 4724 §2).
    pub announced: BTreeSet<IpNet>,
    /// The prefixes an UPDATE withdraws.
    pub withdrawn: BTreeSet<IpNet>,
    /// The codes of the capabilities in an OPEN.
    pub capabilities: BTreeSet<u64>,
    /// The subtype of a ROUTE-REFRESH: 0 asks, 1 and 2 mark begin and end (RFC 7313 §3.2).
    pub refresh: Option<u64>,
    /// What the packet it came in had: its TTL or hop limit, and whether it was signed (TCP MD5, RFC 2385).
    pub packet: Packet,
}

/// What is looked at of a packet with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// TTL, or hop limit.
    pub ttl: Option<u64>,
    /// It has the option of TCP MD5.
    pub signed: bool,
}

/// What a finished capture holds.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The capture itself.
    pub file: PathBuf,
    /// All BGP messages of both sides, in order.
    pub messages: Vec<Message>,
    /// What is wrong with messages, and who sent them.
    pub faults: Vec<(IpAddr, String)>,
}

impl Capture {
    /// Starts it on a router's segment and returns once packets are being recorded.
    ///
    /// # Errors
    /// When dumpcap does not say within 10 s that it has opened its file.
    pub fn start(netns: &Arc<Netns>, file: &Path) -> Result<Self> {
        Self::on(netns, ROUTER_LINK, file)
    }

    /// [`Capture::start`] on another link.
    ///
    /// # Errors
    /// As there.
    pub fn on(netns: &Arc<Netns>, link: &str, file: &Path) -> Result<Self> {
        let filter =
            format!("tcp port 179 or udp port {DISCARD} or udp portrange 3784-3785 or udp port 4784");
        let path = file.display().to_string();
        let argv = ["dumpcap", "-i", link, "-P", "-q", "-s", "0", "-f", &filter, "-w", &path];
        let mut dumpcap = netns.spawn("dumpcap", &argv, &file.with_extension("out"))?;
        // It names the file only after it has opened the interface.
        wait::until("dumpcap captures", Duration::from_secs(10), || {
            dumpcap.check_alive()?;
            ensure(dumpcap.log().contains("File: "), || dumpcap.log_tail())
        })?;
        Ok(Self { dumpcap, netns: Arc::clone(netns), link: link.to_owned(), file: file.to_owned() })
    }

    /// Ends it and has its BGP judged.
    ///
    /// # Errors
    /// Those of [`Capture::end`], or tshark fails.
    pub fn finish(self) -> Result<Verdict> {
        judge(&self.end()?)
    }

    /// Ends it; returns the file.
    ///
    /// A last datagram with a word of its own goes out first: once that is in the file, so is everything
    /// before it. It goes to all nodes of the segment by multicast, so nothing has to answer for it.
    ///
    /// # Errors
    /// When that datagram does not arrive in the file, or packets were lost.
    pub fn end(mut self) -> Result<PathBuf> {
        let word = format!("end of {}", self.file.display());
        let link = self.netns.ip(&["-o", "link", "show", "dev", &self.link])?;
        let index = link.split(':').next().and_then(|index| index.parse().ok());
        let index: u32 = index.ok_or_else(|| Fault::new("no interface index"))?;
        wait::until("the last datagram is in the capture", Duration::from_secs(5), || {
            self.netns.enter(|| {
                let all_nodes = std::net::SocketAddrV6::new(
                    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
                    DISCARD,
                    0,
                    index,
                );
                UdpSocket::bind("[::]:0")?.send_to(word.as_bytes(), all_nodes)?;
                Ok(())
            })?;
            let bytes = std::fs::read(&self.file)?;
            ensure(bytes.windows(word.len()).any(|part| part == word.as_bytes()), || "not there".into())
        })?;
        self.dumpcap.terminate()?;
        let log = self.dumpcap.log();
        ensure(log.contains("/0 (pcap:0/dumpcap:0"), || format!("the capture has holes: {log}"))?;
        Ok(self.file)
    }
}

/// Has a capture file judged.
///
/// # Errors
/// When tshark fails or prints something else than expected.
pub fn judge(file: &Path) -> Result<Verdict> {
    let path = file.display().to_string();
    // `-2`: with one pass a segment in the middle of a message does not know yet that it belongs to one.
    let read = ["tshark", "-2", "-r", &path, "-T", "json", "--no-duplicate-keys", "-Y", "tcp.len > 0"];
    let reassemble = ["-o", "tcp.desegment_tcp_streams:TRUE", "-o", "bgp.desegment:TRUE"];
    let port = ["-d", "tcp.port==179,bgp"];
    let text = run(&[&read[..], &reassemble, &port].concat()).during("tshark")?;
    let frames: Value = serde_json::from_str(&text)?;
    let mut verdict = Verdict { file: file.to_owned(), ..Verdict::default() };
    for frame in frames.as_array().into_iter().flatten() {
        verdict.add(&frame["_source"]["layers"]).during(format_args!("frame {frame}"))?;
    }
    Ok(verdict)
}

impl Verdict {
    /// Fails unless at least `least` messages came from the addresses and nothing is wrong with any.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self, from: &[IpAddr], least: usize) -> Result<()> {
        let faults = self.faults.iter().filter(|(sender, _)| from.contains(sender));
        let faults: Vec<_> = faults.map(|(sender, fault)| format!("{sender}: {fault}")).collect();
        ensure(faults.is_empty(), || format!("bad BGP from the speaker: {}", faults.join("; ")))?;
        let judged = self.messages.iter().filter(|message| from.contains(&message.from)).count();
        ensure(judged >= least, || format!("only {judged} BGP messages from {from:?} were dissected"))?;
        let others = self.messages.len() - judged;
        println!("capture: {judged} messages judged, {others} of the routers, all dissected");
        Ok(())
    }

    /// Messages of one kind from one address, between two times.
    pub fn select(&self, from: IpAddr, kind: u64, span: (Duration, Duration)) -> Vec<&Message> {
        let inside = |message: &&Message| (span.0..span.1).contains(&message.at);
        let same = |message: &&Message| message.from == from && message.kind == kind;
        self.messages.iter().filter(same).filter(inside).collect()
    }

    fn add(&mut self, layers: &Value) -> Result<()> {
        let address = |v4, v6| layers["ip"][v4].as_str().or_else(|| layers["ipv6"][v6].as_str());
        let ends = address("ip.src", "ipv6.src").zip(address("ip.dst", "ipv6.dst"));
        let (from, to) = ends.ok_or_else(|| Fault::new("neither IPv4 nor IPv6"))?;
        let ends @ (from, _): (IpAddr, IpAddr) = (from.parse()?, to.parse()?);
        let at = layers["frame"]["frame.time_epoch"].as_str().and_then(|at| at.parse().ok());
        let at = Duration::from_secs_f64(at.ok_or_else(|| Fault::new("a frame without time"))?);
        if let Some(what) = layers.get("_ws.malformed") {
            self.faults.push((from, format!("malformed: {what}")));
        }
        let ttl = number(&layers["ip"]["ip.ttl"]).or_else(|| number(&layers["ipv6"]["ipv6.hlim"]));
        let packet = Packet { ttl, signed: !found(&layers["tcp"], "tcp.options.md5").is_empty() };
        let seen = (at, packet);
        match layers.get("bgp") {
            Some(Value::Array(messages)) => {
                for message in messages {
                    self.add_message(seen, ends, message);
                }
            }
            Some(message) => self.add_message(seen, ends, message),
            // Bytes of a stream that are no message, nor part of one, nor sent a second time: the
            // dissector lost its way, as after a marker that is not all ones.
            None if !is_segment(&layers["tcp"]) => {
                self.faults.push((from, format!("bytes that are no BGP message: {}", layers["tcp"])));
            }
            None => {}
        }
        Ok(())
    }

    fn add_message(
        &mut self,
        (at, packet): (Duration, Packet),
        (from, to): (IpAddr, IpAddr),
        message: &Value,
    ) {
        // Expert information is looked at below `bgp` only: what tshark says about TCP (retransmissions,
        // resets) or IP (TTL 1 of eBGP) tells of the lab, not of the messages.
        for expert in found(message, "_ws.expert") {
            for expert in expert.as_array().map_or(std::slice::from_ref(expert), Vec::as_slice) {
                let severity = number(&expert["_ws.expert.severity"]).unwrap_or(u64::MAX);
                if severity >= WARN {
                    self.faults.push((from, format!("expert: {}", expert["_ws.expert.message"])));
                }
            }
        }
        if !found(message, "_ws.malformed").is_empty() {
            self.faults.push((from, format!("malformed: {message}")));
        }
        let Some(kind) = number(&message["bgp.type"]) else {
            self.faults.push((from, format!("bytes that are no BGP message: {message}")));
            return;
        };
        let code = number(&message["bgp.notify.major_error"]);
        let minor = message.as_object().into_iter().flatten();
        let minor = minor.filter(|(name, _)| name.starts_with("bgp.notify.minor_error"));
        let notification = code.zip(minor.filter_map(|(_, value)| number(value)).next());
        let hold_time = number(&message["bgp.open.holdtime"]);
        let announced = prefixes(message, ["bgp.update.nlri", "bgp.update.path_attribute.mp_reach_nlri"]);
        let withdrawn =
            prefixes(message, ["bgp.update.withdrawn_routes", "bgp.update.path_attribute.mp_unreach_nlri"]);
        let codes = found(message, "bgp.cap.type");
        self.messages.push(Message {
            at,
            from,
            to,
            kind,
            notification,
            hold_time,
            announced,
            withdrawn,
            capabilities: codes.into_iter().filter_map(number).collect(),
            refresh: found(message, "bgp.route_refresh.subtype").into_iter().find_map(number),
            packet,
        });
    }
}

/// Now, on the clock the capture uses.
#[must_use]
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn is_segment(tcp: &Value) -> bool {
    let part = ["tcp.reassembled_in", "tcp.segment", "tcp.segments", "tcp.analysis.flags"];
    part.iter().any(|field| !found(tcp, field).is_empty())
}

fn number(value: &Value) -> Option<u64> {
    value.as_str().and_then(|text| text.parse().ok())
}

/// The prefixes listed below these names: each is the name of an object.
fn prefixes(message: &Value, names: [&str; 2]) -> BTreeSet<IpNet> {
    let lists = names.iter().flat_map(|name| found(message, name));
    lists.filter_map(Value::as_object).flatten().filter_map(|(name, _)| name.parse().ok()).collect()
}

/// All values under this name, at any depth.
fn found<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(field, inner)| if field == name { vec![inner] } else { found(inner, name) })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| found(item, name)).collect(),
        _ => Vec::new(),
    }
}
