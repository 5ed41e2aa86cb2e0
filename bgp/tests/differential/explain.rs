//! Differences that are known, each with the RFC section that says who is right. None of them is for us to change.

use bgp::wire::{AttrCause, AttrFault, Context, Fault, Message, UpdateFault, attr_code, next_frame};

use super::Reading;

/// Why the two differ, if that is known.
pub(super) fn difference(
    name: &str,
    frame: &[u8],
    context: Context,
    readings: (&Reading, &Reading),
) -> Option<&'static str> {
    match readings {
        (Reading::Understood(mine), Reading::Understood(theirs)) => content(name, mine, theirs),
        (Reading::Understood(mine), Reading::Complained(error) | Reading::Refused(error)) => {
            they_are_strict((name, frame), mine, error)
        }
        (_, Reading::Understood(_)) => match next_frame(frame, context.max_message) {
            Err(_) | Ok(None) => header(name),
            Ok(Some(cut)) if cut.len() != frame.len() => header(name),
            Ok(Some(_)) => match Message::decode(frame, context) {
                Err(fault) => we_refuse(name, &fault),
                Ok(Message::Update(update)) => {
                    update.faults.iter().find_map(|fault| we_complain(name, fault))
                }
                Ok(_) => None,
            },
        },
        _ => None,
    }
}

const PATH_IDENTIFIER: &str =
    "bgpkit takes a default route for a path identifier: RFC 7911 §3 asks for a capability first";

/// Whether it is a fact of a family other than the two of unicast.
fn is_foreign(fact: &str) -> bool {
    let mut words = fact.split(' ');
    let family = words.next().filter(|word| word.ends_with("reach")).and_then(|_| words.next());
    family.is_some_and(|family| {
        let is_pair = family.split('/').all(|part| part.parse::<u16>().is_ok());
        is_pair && !matches!(family, "1/1" | "2/1")
    })
}

fn has_default_route(facts: &[String]) -> bool {
    facts.iter().any(|fact| fact.ends_with(" 0.0.0.0/0") || fact.ends_with(" ::/0"))
}

/// Both take the message and read other things.
fn content(name: &str, mine: &[String], theirs: &[String]) -> Option<&'static str> {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|one| !those.contains(one)).cloned().collect()
    };
    let (missed, added) = (only(mine, theirs), only(theirs, mine));
    let all = |facts: &[String], words: &[&str]| {
        facts.iter().all(|fact| words.iter().any(|word| fact.starts_with(word)))
    };
    let routes = |facts: &[String]| all(facts, &["announce ", "withdraw ", "reach ", "unreach "]);
    match name {
        "netgauze" if added.is_empty() && all(&missed, &["as4-aggregator"]) => {
            Some("netgauze has no AS4_AGGREGATOR: RFC 6793 §3")
        }
        "bgpkit" if all(&missed, &["as4-path"]) && all(&added, &["as4-path"]) => {
            Some("confederation segments of AS4_PATH are left out: RFC 6793 §6")
        }
        "bgpkit" if routes(&missed) && routes(&added) && has_default_route(mine) => Some(PATH_IDENTIFIER),
        _ if all(&missed, &["reach ", "unreach "]) && all(&added, &["reach ", "unreach "]) => {
            let families = missed.iter().chain(&added).any(|fact| is_foreign(fact));
            families.then_some("a family we keep as octets: RFC 4760 §3 leaves it to who exchanges it")
        }
        _ => None,
    }
}

/// They see a fault where we see none: the text of their error says which.
fn they_are_strict((name, frame): (&str, &[u8]), mine: &[String], error: &str) -> Option<&'static str> {
    let known: [(&str, &'static str); 15] = [
        ("UndefinedAsPathSegmentType", "confederation segments are legal in a confederation: RFC 5065 §3"),
        ("RefreshMessageParsingError", "a family or subtype not known is ignored: RFC 2918 §4, RFC 7313 §5"),
        ("NotificationMessageParsingError", "a NOTIFICATION of any code ends the session: RFC 4271 §6"),
        ("InvalidBgpId", "an identifier is any number but zero: RFC 6286 §2.1"),
        ("UndefinedBgpErrorNotificationCode", "an error code younger than the other codec: RFC 9687 §4"),
        ("FqdnCapabilityError", "names of a host are octets: draft-walton-bgp-hostname-capability §4"),
        ("AddressTypeError", "a family that is not assigned is no error: RFC 5492 §3"),
        ("UndefinedParameterType { offset: 29, code: 255", "the extended form of parameters: RFC 9072 §2"),
        ("BgpRoleCapabilityError", "a role not assigned is no malformed OPEN: RFC 9234 §4.1"),
        ("_nlri: [2", "a multicast prefix is no malformed message: RFC 4271 §6.3"),
        ("InvalidExtendedMessageLength", "a capability not understood is ignored: RFC 5492 §3"),
        ("InvalidUnicastNetwork", "a multicast prefix is no malformed message: RFC 4271 §6.3"),
        ("InvalidIpv4UnicastNetwork", "a multicast prefix is no malformed message: RFC 4271 §6.3"),
        ("CapabilityError", "a capability not understood is ignored: RFC 5492 §3"),
        ("CommunitiesError", "a community of any type is eight octets: RFC 4360 §2"),
    ];
    if mine.iter().any(|fact| is_foreign(fact)) {
        return Some("a family we keep as octets: RFC 4760 §3 leaves it to who exchanges it");
    }
    if ["InvalidPartialFlagValue", "UnexpectedEof", "FlagsError"].iter().any(|word| error.contains(word))
        && has_odd_flags(frame)
    {
        return Some("of the flags only Optional and Transitive are judged: RFC 7606 §3c, RFC 4271 §4.3");
    }
    if name != "netgauze" {
        // Nothing but attributes that we do not read can have such values.
        if [
            "BIER",
            "BFD_DISCRIMINATOR",
            "SFP_ATTRIBUTE",
            "BGP_DOMAIN_PATH",
            "TUNNEL",
            "SID",
            "LINK",
            "ATTR_SET",
            "AIGP",
        ]
        .iter()
        .any(|word| error.contains(word))
        {
            return Some("an attribute not recognized is passed on unread: RFC 4271 §5");
        }
        let guessed = error.contains("MalformedNlri") || error.contains("NLRI");
        return (guessed && has_default_route(mine)).then_some(PATH_IDENTIFIER);
    }
    let multicast = |fact: &String| {
        let net = fact.rsplit(' ').next().unwrap_or_default().parse::<ipnet::IpNet>();
        net.is_ok_and(|net| net.addr().is_multicast())
    };
    if error.contains("UnexpectedEof") && mine.iter().any(multicast) {
        return Some("a multicast prefix is no malformed message: RFC 4271 §6.3");
    }
    if error.contains("UnexpectedEof") && mine.iter().any(|fact| fact.starts_with("extended-communities")) {
        return Some("a community of any type is eight octets: RFC 4360 §2");
    }
    known.iter().find(|(words, _)| error.contains(words)).map(|(_, why)| *why)
}

/// Whether an attribute has its Partial bit or an unused bit set.
fn has_odd_flags(frame: &[u8]) -> bool {
    let Some((withdrawn, rest)) = frame.get(19..).and_then(<[u8]>::split_first_chunk::<2>) else {
        return false;
    };
    let Some(rest) = rest.get(usize::from(u16::from_be_bytes(*withdrawn))..) else { return false };
    let Some((total, rest)) = rest.split_first_chunk::<2>() else { return false };
    let mut list = &rest[..rest.len().min(u16::from_be_bytes(*total).into())];
    while let [flags, _, len, after @ ..] = list {
        if flags & 0x2f != 0 {
            return true;
        }
        let (len, after) = match (flags & 0x10, after) {
            (0, after) => (usize::from(*len), after),
            (_, [low, after @ ..]) => (usize::from(u16::from_be_bytes([*len, *low])), after),
            (_, []) => return false,
        };
        list = after.get(len..).unwrap_or_default();
    }
    false
}

fn header(name: &str) -> Option<&'static str> {
    (name == "bgpkit").then_some("marker and lengths of the header are checked: RFC 4271 §6.1")
}

fn we_refuse(name: &str, fault: &Fault) -> Option<&'static str> {
    Some(match (name, fault) {
        (_, Fault::Header(_)) => return header(name),
        ("bgpkit", Fault::Open(_)) => "version, hold time, identifier, parameters are checked: RFC 4271 §6.2",
        ("bgpkit", Fault::RefreshLength { .. }) => "a ROUTE-REFRESH has four octets: RFC 7313 §5",
        (_, Fault::Update(UpdateFault::UnknownWellKnown { .. })) => {
            "an attribute not known, flagged well-known, ends the session: RFC 4271 §6.3"
        }
        (_, Fault::Update(UpdateFault::MultiprotocolTwice { .. })) => {
            "MP attributes stand once: RFC 7606 §3g"
        }
        (_, Fault::Update(UpdateFault::NoRoutes { fault, .. })) => return we_complain(name, fault),
        (_, Fault::Update(UpdateFault::Multiprotocol { .. })) => {
            "an MP attribute that cannot be parsed ends the session: RFC 7606 §5.3, §7.11"
        }
        _ => return None,
    })
}

fn we_complain(name: &str, fault: &AttrFault) -> Option<&'static str> {
    use attr_code::{AGGREGATOR, AS_PATH, AS4_AGGREGATOR, AS4_PATH, ATOMIC_AGGREGATE};
    Some(match (name, fault.cause, fault.code) {
        (_, AttrCause::Unwanted, _) => {
            "what is for iBGP or two-octet peers alone is discarded: RFC 7606 §7.5, §7.9, §7.10, RFC 6793 §4.1"
        }
        ("netgauze", AttrCause::Missing, _) => "mandatory attributes are asked for: RFC 7606 §3d",
        (_, AttrCause::Repeated, _) => "all but the first are discarded: RFC 7606 §3g",
        (_, AttrCause::Value, AS_PATH | AS4_PATH | AGGREGATOR | AS4_AGGREGATOR) => {
            "AS 0, empty and confederation segments are refused: RFC 7607 §2, RFC 7606 §7.2, RFC 5065 §5"
        }
        ("bgpkit", AttrCause::Length, AGGREGATOR) => "AS numbers have the width agreed on: RFC 7606 §7.7",
        (_, AttrCause::Length, AS4_AGGREGATOR) => "AS4_AGGREGATOR has eight octets: RFC 6793 §6",
        (_, AttrCause::Length, ATOMIC_AGGREGATE) => "ATOMIC_AGGREGATE has no octet: RFC 7606 §7.6",
        (_, AttrCause::Length, _) => "an empty list is malformed: RFC 7606 §7.8, §7.10, §7.14, RFC 8092 §6",
        ("bgpkit", AttrCause::Overrun, _) => "an attribute beyond the list withdraws the routes: RFC 7606 §4",
        _ => return None,
    })
}
