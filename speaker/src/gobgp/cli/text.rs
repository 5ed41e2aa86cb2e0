//! Pieces of text: times as GoBGP writes them, addresses, and remote text made safe for a terminal.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// How long ago, or ahead, `then` is: `HH:MM:SS`, from a day on `<days>d HH:MM:SS`; the sign is lost, as in GoBGP.
pub(super) fn ago(then: i64, now: i64) -> String {
    let seconds = now.abs_diff(then);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match seconds / 86_400 {
        0 => clock,
        days => format!("{days}d {clock}"),
    }
}

/// A moment as RFC 3339 has it, in UTC and whole seconds.
pub(super) fn moment(seconds: i64) -> String {
    let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years that begin in March put the leap day last; an era is the 400 years after which the calendar repeats.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hours, minutes) = (clock / 3600, clock / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{:02}Z", clock % 60)
}

/// Text from the other side with control characters replaced: a neighbour chooses its host name, and a terminal obeys
/// escape sequences.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// An address in its usual form, an IPv6 one with its zone; `None` if it is none.
pub(super) fn address(text: &str) -> Option<String> {
    match text.split_once('%') {
        None => text.parse::<IpAddr>().ok().map(|addr| addr.to_string()),
        Some((addr, zone)) if !zone.is_empty() => {
            let addr: std::net::Ipv6Addr = addr.parse().ok()?;
            Some(format!("{addr}%{}", clean(zone)))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_ago() {
        assert_eq!(ago(1_000, 1_026), "00:00:26");
        assert_eq!(ago(0, 86_399), "23:59:59");
        assert_eq!(ago(0, 86_400), "1d 00:00:00");
        assert_eq!(ago(0, 93_784), "1d 02:03:04");
        assert_eq!(ago(0, 1_795_265_743), "20778d 13:35:43"); // a missing timestamp
        assert_eq!(ago(1_026, 1_000), "00:00:26"); // a clock ahead of ours
    }

    #[test]
    fn moments() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(moment(1_795_190_875), "2026-11-20T16:07:55Z");
        assert_eq!(moment(4_102_444_799), "2099-12-31T23:59:59Z");
    }

    #[test]
    fn remote_text_cannot_drive_the_terminal() {
        assert_eq!(clean("router-1"), "router-1");
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{9b}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn addresses() {
        assert_eq!(address("2001:DB8::0:1").as_deref(), Some("2001:db8::1"));
        assert_eq!(address("fe80::1%eth0").as_deref(), Some("fe80::1%eth0"));
        assert_eq!(address("10.0.0.1%eth0"), None);
        assert_eq!(address("invalid IP"), None);
    }
}
