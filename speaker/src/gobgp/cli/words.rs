//! Command words as cobra takes them: whole, or shortened as long as only one fits.

/// The command that `word` means.
pub(super) fn pick<'a>(word: &str, commands: &[&'a str]) -> Option<&'a str> {
    if let Some(exact) = commands.iter().find(|command| **command == word) {
        return Some(exact);
    }
    let mut fitting = commands.iter().filter(|command| command.starts_with(word));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// What cobra says of a word that no command of `parent` fits, similar ones included.
pub(super) fn unknown(word: &str, parent: &str, commands: &[&str]) -> String {
    let typed = word.to_lowercase();
    let near = |command: &&&str| command.starts_with(&typed) || distance(&typed, command) <= 2;
    let similar: String =
        commands.iter().filter(near).map(|command| format!("\t{command}\n")).collect::<Vec<_>>().concat();
    let said = format!("unknown command {word:?} for {parent:?}");
    if similar.is_empty() { said } else { format!("{said}\n\nDid you mean this?\n{similar}") }
}

/// Levenshtein's: how many characters to insert, delete or change.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    // A long word is far from every command anyway.
    for (done, letter) in from.chars().take(32).enumerate() {
        let mut diagonal = row[0];
        row[0] = done + 1;
        for (column, other) in to.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEWS: [&str; 5] = ["adj-in", "adj-out", "softreset", "softresetin", "disable"];

    #[test]
    fn a_word_may_be_shortened_while_it_is_unambiguous() {
        assert_eq!(pick("adj-o", &VIEWS), Some("adj-out"));
        assert_eq!(pick("d", &VIEWS), Some("disable"));
        assert_eq!(pick("adj", &VIEWS), None);
        assert_eq!(pick("softreset", &VIEWS), Some("softreset")); // exact, though another begins so
        assert_eq!(pick("softreseti", &VIEWS), Some("softresetin"));
        assert_eq!(pick("xyz", &VIEWS), None);
    }

    #[test]
    fn an_unknown_word_is_answered_with_similar_ones() {
        assert_eq!(unknown("xyz", "", &VIEWS), "unknown command \"xyz\" for \"\"");
        assert_eq!(
            unknown("adj", "", &VIEWS),
            "unknown command \"adj\" for \"\"\n\nDid you mean this?\n\tadj-in\n\tadj-out\n"
        );
        assert_eq!(
            unknown("m", "gobgp", &["global", "monitor", "mrt", "rpki", "bmp"]),
            "unknown command \"m\" for \"gobgp\"\n\nDid you mean this?\n\tmonitor\n\tmrt\n\tbmp\n"
        );
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "bmp"), 3);
        assert_eq!(distance("m", "bmp"), 2);
        assert_eq!(distance("adjin", "adj-in"), 1);
        assert_eq!(distance("reset", "reset"), 0);
    }
}
