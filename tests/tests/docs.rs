//! The documents name only files and targets that exist.

use std::path::Path;

/// Documents whose paths in backticks and links are checked.
const DOCUMENTS: [&str; 18] = [
    "README.md",
    "ARCHITECTURE.md",
    "docs/cli.md",
    "docs/config.md",
    "docs/benchmarks.md",
    "docs/deploy.md",
    "docs/egress.md",
    "docs/egress-bfd.md",
    "docs/egress-cli.md",
    "docs/egress-metrics.md",
    "docs/fuzzing.md",
    "docs/interop.md",
    "docs/interop-bfd.md",
    "docs/lab.md",
    "docs/metrics.md",
    "docs/migration.md",
    "docs/performance.md",
    "docs/sidecar.md",
];
/// A backticked word that starts like this is a path of the repository.
const ROOMS: [&str; 11] = [
    "bfd/",
    "bgp/",
    "endpoint/",
    "sidecar/",
    "kubeovn/",
    "speaker/",
    "tests/",
    "configs/",
    "deploy/",
    "docs/",
    ".ci/",
];

fn read(name: &str) -> (std::path::PathBuf, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above");
    (root.to_owned(), std::fs::read_to_string(root.join(name)).expect("a document"))
}

#[test]
fn every_path_named_in_the_documents_exists() {
    let mut checked = 0;
    for document in DOCUMENTS {
        let (root, text) = read(document);
        let quoted = text.split('`').skip(1).step_by(2);
        let quoted = quoted.filter(|word| ROOMS.iter().any(|room| word.starts_with(room)));
        let quoted = quoted.filter_map(|command| command.split_whitespace().next());
        // A link is read from where its document stands; the network is not asked.
        let beside = root.join(document).parent().expect("a file stands in a directory").to_owned();
        let linked = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let linked = linked.filter(|link| !link.is_empty() && !link.starts_with("https://"));
        let paths = quoted.map(|path| root.join(path)).chain(linked.map(|link| beside.join(link)));
        for path in paths {
            assert!(path.exists(), "{document} names {}, which does not exist", path.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} paths found: is the check looking at anything?");
}

#[test]
fn every_make_target_named_in_the_readme_exists() {
    let (_, makefile) = read("Makefile");
    let (_, readme) = read("README.md");
    for line in readme.lines().filter_map(|line| line.strip_prefix("make ")) {
        let target = line.split_whitespace().next().unwrap_or_default();
        assert!(makefile.contains(&format!("\n{target}:")), "README.md says `make {target}`");
    }
}

#[test]
fn every_file_and_test_named_beside_an_rfc_exists() {
    let (root, text) = read("docs/rfc.md");
    let (mut files, mut tests) = (0, 0);
    for word in text.split('`').skip(1).step_by(2).filter(|word| word.contains(".rs")) {
        let (file, test) = word.split_once("::").unwrap_or((word, ""));
        let places = [root.join("bgp").join(file), root.join(file)];
        let place = places.iter().find(|path| path.exists());
        let place = place.unwrap_or_else(|| panic!("docs/rfc.md names {file}, which does not exist"));
        files += 1;
        if !test.is_empty() {
            let code = std::fs::read_to_string(place).expect("a file");
            assert!(code.contains(&format!("fn {test}(")), "docs/rfc.md names {word}: no such test");
            tests += 1;
        }
    }
    assert!(
        files > 80 && tests > 25,
        "only {files} files and {tests} tests found: is the check looking at anything?"
    );
}
