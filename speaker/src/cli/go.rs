//! Values as Go's `pflag` writes them, for the command lines of existing manifests.

use std::time::Duration;

/// `90s`, `1m30s`, `1.5h`, `100ms`: digits with a unit each, as Go's `time.ParseDuration` has it; no bare number
/// but `0`.
///
/// # Errors
/// A sentence that names the rule.
pub fn duration(text: &str) -> Result<Duration, String> {
    let rule = || format!("{text:?} is no duration: write a number with a unit, e.g. 90s, 1m30s or 500ms");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(rule)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(rule()),
        };
        let number: f64 = number.parse().map_err(|_| rule())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| rule())?;
        total = total.checked_add(part).ok_or_else(rule)?;
        rest = tail;
    }
    if text.is_empty() { Err(rule()) } else { Ok(total) }
}

/// `true`, `false` and the other spellings of Go's `strconv.ParseBool`.
///
/// # Errors
/// A sentence that names the rule.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// A 32-bit number, `0x` and octal `0` prefixes included.
///
/// # Errors
/// A sentence that names the rule.
pub fn number(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(&text[1..], 8),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text:?} is no whole number from 0 to 4294967295"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["90", "", "s", "1x", "1m3", "-3s", "1..5s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_take_go_prefixes() {
        assert_eq!((number("65000"), number("0xffff"), number("017")), (Ok(65000), Ok(65535), Ok(15)));
        assert!(number("1.5").is_err() && number("4294967296").is_err() && number("-1").is_err());
    }
}
