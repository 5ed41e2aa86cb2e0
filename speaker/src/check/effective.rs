//! The configuration as it counts, in the words of the file; secrets are only said to be set.

use std::io::{self, Write};

use bgp::Family;
use bgp::net::Hops;
use bgp::rib::Policy;
use serde_json::{Map, Value, json};

use crate::config::{BfdProfile, Config, Neighbor, bfd_method_name, community_text};

/// All of it.
pub(super) fn configuration(config: &Config) -> Value {
    json!({
        "node": config.node,
        "local-as": config.local_as.get(),
        "router-id": config.router_id.to_string(),
        "mode": format!("{:?}", config.mode),
        "source": format!("{:?}", config.source),
        "listen": config.listen,
        "bfd": { "listen": config.bfd.listen, "real-time-priority": config.bfd.real_time },
        "state-dir": config.state_dir,
        "allowed-sources": config.allowed_sources,
        "files": config.files,
        "neighbor": config.neighbors.iter().map(neighbor).collect::<Vec<_>>(),
    })
}

/// One neighbour, under the keys of the file; what is off or left to others is null.
fn neighbor(of: &Neighbor) -> Value {
    let (peer, session) = (&of.peer.0, &of.peer.0.session);
    let name = if peer.addr.is_unnumbered() { "interface" } else { "address" };
    let hops = |of: Hops| match of {
        Hops::Any => (None, None),
        Hops::AtMost(hops) => (Some(hops), None),
        Hops::Secured(hops) => (None, Some(hops)),
    };
    let (multihop, ttl_security) = hops(peer.dialing.hops);
    let mut all = Map::new();
    all.insert(name.to_owned(), peer.addr.to_string().into());
    let rest = json!({
        "description": some(&of.description),
        "as": session.peer_as.get(),
        "local-as": session.local_as.get(),
        "port": peer.dialing.remote.port(),
        "password": peer.password.as_ref().map(|_| "set"),
        "hold-time": format!("{}s", session.hold_time.seconds()),
        "families": session.families.iter().map(family).collect::<Vec<_>>(),
        "multihop": multihop,
        "ttl-security": ttl_security,
        "source": peer.dialing.local,
        "dial": session.dial,
        "listen": session.listen,
        "next-hop-ipv4": peer.next_hops.v4,
        "next-hop-ipv6": peer.next_hops.v6,
        "max-prefixes": peer.max_prefixes,
        "role": session.role.map(|role| role.role.name()),
        "role-strict": session.role.map(|role| role.strict),
        "graceful-restart": session.restart.is_some(),
        "graceful-restart-time": session.restart.map(|restart| format!("{}s", restart.time)),
        "long-lived-stale-time": session.restart.and_then(|one| one.long_lived).map(|time| format!("{time}s")),
        "extended-next-hop": session.extended_next_hop,
        "enabled": of.enabled,
        "bfd": of.bfd.as_ref().map(bfd),
        "shutdown-text": some(&of.shutdown_text),
    });
    for part in [rest, routes(&peer.policy)] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Value::Object(all)
}

fn bfd(of: &BfdProfile) -> Value {
    let settings = &of.settings;
    json!({
        "min-tx": format!("{:?}", settings.desired_min_tx.duration()),
        "min-rx": format!("{:?}", settings.required_min_rx.duration()),
        "multiplier": settings.detect_mult.get(),
        "multihop": of.hops == bfd::session::Hops::Multi,
        "min-ttl": settings.min_ttl,
        "strict": of.hold.is_none(),
        "hold-time": of.hold.map(|time| format!("{time:?}")),
        "auth": settings.auth.as_ref().map(|auth| bfd_method_name(auth.kind)),
        "auth-key-id": settings.auth.as_ref().map(|auth| auth.key_id),
        "auth-key": settings.auth.as_ref().map(|_| "set"),
    })
}

fn routes(policy: &Policy) -> Value {
    let octets = |community: &[u8; 8]| format!("0x{:016x}", u64::from_be_bytes(*community));
    let large = |[a, b, c]: &[u32; 3]| format!("{a}:{b}:{c}");
    json!({
        "communities": policy.communities.iter().map(|one| community_text(*one)).collect::<Vec<_>>(),
        "extended-communities": policy.extended_communities.iter().map(octets).collect::<Vec<_>>(),
        "large-communities": policy.large_communities.iter().map(large).collect::<Vec<_>>(),
        "med": policy.med,
        "local-pref": policy.local_pref,
        "prepend": policy.prepend,
        "graceful-shutdown": policy.graceful_shutdown,
    })
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn family(of: &Family) -> String {
    match *of {
        Family::IPV4_UNICAST => "ipv4".to_owned(),
        Family::IPV6_UNICAST => "ipv6".to_owned(),
        other => other.to_string(),
    }
}

/// For people: what is off or left to others is left out.
pub(super) fn print(config: &Config, out: &mut impl Write) -> io::Result<()> {
    let mut all = configuration(config);
    let neighbors = all.get_mut("neighbor").map(Value::take);
    writeln!(out, "Speaker")?;
    print_keys(&all, out)?;
    for one in neighbors.as_ref().and_then(Value::as_array).into_iter().flatten() {
        writeln!(out, "Neighbor")?;
        print_keys(one, out)?;
    }
    Ok(())
}

fn print_keys(of: &Value, out: &mut impl Write) -> io::Result<()> {
    print_below("", of, out)
}

fn print_below(table: &str, of: &Value, out: &mut impl Write) -> io::Result<()> {
    for (key, value) in of.as_object().into_iter().flatten() {
        let text = match value {
            Value::Object(_) => {
                print_below(&format!("{table}{key}."), value, out)?;
                continue;
            }
            Value::Null | Value::Bool(false) => continue,
            Value::Array(all) if all.is_empty() => continue,
            Value::String(text) if text.is_empty() => continue,
            Value::Number(number) if key == "prepend" && number.as_u64() == Some(0) => continue,
            Value::String(text) => text.escape_debug().to_string(),
            Value::Array(all) => {
                let all = all.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned));
                all.collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        };
        let key = format!("{table}{key}");
        writeln!(out, "  {key:<22} {text}")?;
    }
    Ok(())
}
