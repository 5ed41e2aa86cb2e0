//! Bandwidths: whole Mbit/s out of what Kube-OVN takes.

use kubeovn::Limit;

/// Most that can be asked for, Mbit/s: Kube-OVN counts bit/s in 63 bits.
const MOST: u64 = 9_223_372_036_854;

/// What a bandwidth must be.
pub(super) const RULE: &str =
    "must be Mbit/s as a whole number up to 9223372036854, or bit/s as a number with M, Mi, G or Gi";

/// Mbit/s, rounded up; `None`: it is none.
pub(super) fn mbit(limit: &Limit) -> Option<u64> {
    let value = match limit {
        Limit::Number(number) => u64::try_from(*number).ok()?,
        Limit::Text(text) => text_mbit(text)?,
    };
    (value <= MOST).then_some(value)
}

fn text_mbit(text: &str) -> Option<u64> {
    let unit: &[(&str, u128)] = &[("Mi", 1 << 20), ("Gi", 1 << 30), ("M", 1_000_000), ("G", 1_000_000_000)];
    let Some((number, bits)) = unit.iter().find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, *bits)))
    else {
        return digits(text).and_then(|value| u64::try_from(value).ok());
    };
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    if whole.is_empty() && fraction.is_none() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { digits(whole)? };
    let fraction = fraction.unwrap_or("0");
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    // value = (whole * scale + fraction) / scale, in `bits`; then up to the next whole million.
    let scaled = whole.checked_mul(scale)?.checked_add(digits(fraction)?)?.checked_mul(bits)?;
    u64::try_from(scaled.div_ceil(scale.checked_mul(1_000_000)?)).ok()
}

/// A number of digits alone, at most eighteen so that nothing above overflows for want of a bound.
fn digits(text: &str) -> Option<u128> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|one| one.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
