//! `docs/interop.md`, written from what ran.

use super::absent::{Absent, absent};
use super::feature::Feature;
use super::rows::ROWS;
use crate::fault::{During, Result, ensure};
use crate::router::Kind;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The cells that ran and passed.
pub(super) type Cells = BTreeSet<(Feature, Kind)>;

const HEAD: &str = "# Interoperability

Written from a run of `make interop` by `make interop-table`; a run fails when this file says something else. A cell says
`pass` only when its lab ran in that run: the speaker and one router in network namespaces, every message judged by
tshark, the outcome by the router's own table or log (ExaBGP keeps no table: its log of updates). The last column says
what was tried beside it and did not work, as it must not. BFD has a page of its own: `docs/interop-bfd.md`.

";

/// Compares the table of a whole run with the committed file, or writes it with `INTEROP_TABLE=write`.
///
/// # Errors
/// When they differ, or a cell neither ran nor is told to be absent.
pub(super) fn compare_or_write(passed: &Cells) -> Result<()> {
    let text = render(passed)?;
    let path = path();
    if std::env::var("INTEROP_TABLE").is_ok_and(|word| word == "write") {
        return std::fs::write(&path, text).during(path.display());
    }
    let committed = std::fs::read_to_string(&path).during(path.display())?;
    ensure(committed == text, || {
        let new = text.lines().filter(|line| !committed.lines().any(|old| old == *line));
        let new: Vec<_> = new.collect();
        format!(
            "docs/interop.md is not what this run made, see `make interop-table`; new:\n{}",
            new.join("\n")
        )
    })
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs").join("interop.md")
}

fn render(passed: &Cells) -> Result<String> {
    let mut reasons: Vec<Absent> = Vec::new();
    let mut out = HEAD.to_owned();
    let names = Kind::ALL.map(|kind| Ok(format!("{} {}", kind.label(), kind.version()?)));
    let names = names.into_iter().collect::<Result<Vec<_>>>()?;
    let _ = writeln!(
        out,
        "| | {} | judged by | must not work |\n|---|{}---|---|",
        names.join(" | "),
        "---|".repeat(4)
    );
    for (feature, [name, judged, control]) in ROWS {
        let cells = Kind::ALL.map(|kind| cell(passed, feature, kind, &mut reasons));
        let cells = cells.into_iter().collect::<Result<Vec<_>>>()?;
        let _ = writeln!(out, "| {name} | {} | {judged} | {control} |", cells.join(" | "));
    }
    out.push_str("\nn/a, in the router's own words (documentation, source or issue tracker):\n\n");
    for (number, Absent { quote, link }) in (1..).zip(&reasons) {
        let _ = writeln!(out, "{number}. \u{201c}{quote}\u{201d} <{link}>");
    }
    Ok(out)
}

/// `pass`, or `n/a` with the number of its reason.
fn cell(passed: &Cells, feature: Feature, kind: Kind, reasons: &mut Vec<Absent>) -> Result<String> {
    let Some(reason) = absent(kind, feature) else {
        let ran = passed.contains(&(feature, kind));
        ensure(ran, || format!("{feature:?} with {kind:?} did not run"))?;
        return Ok("pass".to_owned());
    };
    ensure(!passed.contains(&(feature, kind)), || format!("{feature:?} with {kind:?} is not absent"))?;
    let index = reasons.iter().position(|known| *known == reason).unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    });
    Ok(format!("n/a ({})", index + 1))
}

#[test]
fn a_cell_that_did_not_run_makes_no_table() {
    let all = ROWS.iter().flat_map(|(feature, _)| Kind::ALL.map(|kind| (*feature, kind)));
    let mut cells: Cells = all.filter(|(feature, kind)| absent(*kind, *feature).is_none()).collect();
    assert!(render(&cells).is_ok_and(|text| text.contains("| pass |")));
    cells.remove(&(Feature::Ipv4, Kind::Bird));
    assert!(render(&cells).unwrap_err().to_string().contains("did not run"));
}
