//! One value: where it comes from, and what is wrong with it.

use std::net::SocketAddr;

use super::{Environment, Metrics, Problems};
use crate::address::Address;

/// A text and the flag or variable it was given by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'static str,
    pub(crate) text: &'a str,
}

impl<'a> Field<'a> {
    /// The flag, else the variable.
    pub(crate) fn choose(
        flag: (&'static str, Option<&'a str>),
        variable: (&'static str, Option<&'a str>),
    ) -> Option<Self> {
        [flag, variable].into_iter().find_map(|(name, text)| Some(Field { name, text: text? }))
    }
}

/// A whole number from the first to the last; an empty variable is as good as none, as it always was.
pub(crate) fn number(field: Field<'_>, (first, last): (u32, u32), problems: &mut Problems) -> Option<u32> {
    if field.text.is_empty() && !field.name.starts_with("--") {
        return None;
    }
    match field.text.trim().parse() {
        Ok(number) if (first..=last).contains(&number) => Some(number),
        _ => {
            problems.add(field, &format!("must be a whole number from {first} to {last}"));
            None
        }
    }
}

/// Addresses, each once; `None` if neither the flag nor the variable is there.
pub(crate) fn list(
    (flag, values): (&'static str, &[String]),
    (variable, environment): (&'static str, &Environment),
    problems: &mut Problems,
) -> Option<Vec<Address>> {
    let texts: Vec<Field<'_>> = match environment.get(variable) {
        _ if !values.is_empty() => values.iter().map(|text| Field { name: flag, text }).collect(),
        Some(list) => list.split(',').map(|text| Field { name: variable, text }).collect(),
        None => return None,
    };
    let mut addresses = Vec::with_capacity(texts.len());
    for field in texts {
        match Address::parse(field.text.trim()) {
            Some(address) if addresses.contains(&address) => {}
            Some(address) => addresses.push(address),
            None if field.text.contains('/') => {
                problems.add(field, "must be an IP address without a mask");
            }
            None if field.text.trim().is_empty() => problems.add(field, "must be an IP address, not nothing"),
            None => problems.add(field, "must be an IP address"),
        }
    }
    Some(addresses)
}

/// Where commands are taken.
pub(crate) fn control(values: &[String], problems: &mut Problems) -> Vec<SocketAddr> {
    let mut addresses = Vec::with_capacity(values.len());
    for text in values {
        match text.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => problems.add(Field { name: "--control", text }, "must be IP:PORT or [IPv6]:PORT"),
        }
    }
    addresses
}

/// Where metrics are served; nothing: nowhere.
pub(crate) fn metrics(field: Field<'_>, problems: &mut Problems) -> Option<Metrics> {
    let text = field.text.trim();
    if text.is_empty() {
        return None;
    }
    let port = text.strip_prefix(':').and_then(|port| port.parse().ok()).map(Metrics::Port);
    let found = port.or_else(|| text.parse().ok().map(Metrics::On));
    if found.is_none() {
        problems.add(field, "must be :PORT, IP:PORT or [IPv6]:PORT");
    }
    found
}
