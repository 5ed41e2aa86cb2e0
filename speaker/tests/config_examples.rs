//! The examples in `configs/` and the list of keys in `docs/config.md`, held against what the program reads.

use std::path::Path;

use clap::Parser;
use speaker::cli::Cli;
use speaker::config::{Config, Environment};

const FLAGS: [&str; 4] = ["speaker", "--cluster-as=65000", "--node-name=n1", "--manifests=/m"];

fn resolve(path: &Path, more: &[&str]) -> Result<Config, String> {
    let path = path.display().to_string();
    let cli = Cli::try_parse_from([&FLAGS[..], &["--config", path.as_str()], more].concat()).expect("flags");
    let environment = Environment { pod_ip: Some("10.0.0.7".into()), ..Environment::default() };
    Config::resolve(&cli.run, &environment).map_err(|problems| problems.to_string())
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Each file of `configs/` is taken without a warning, beside the flags that its head names.
#[test]
fn the_examples_are_valid() {
    let mut seen = 0;
    for entry in std::fs::read_dir(repository("configs")).expect("examples") {
        let path = entry.expect("entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).expect("example");
        let flags: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .flat_map(|line| line.split_whitespace().filter(|word| word.starts_with("--neighbor")))
            .collect();
        let dir = tempfile::tempdir().expect("directory");
        std::fs::create_dir(dir.path().join("secrets")).expect("made");
        for key in ["tor-1", "tor-2"] {
            std::fs::write(dir.path().join("secrets").join(key), "a key\n").expect("written");
        }
        let copy = dir.path().join("speaker.toml");
        std::fs::write(&copy, &text).expect("written");
        let config = resolve(&copy, &flags).unwrap_or_else(|lines| panic!("{}: {lines:#?}", path.display()));
        assert!(
            config.neighbors.len() >= 2 && config.warnings.is_empty(),
            "{}: {:?}",
            path.display(),
            config.warnings
        );
    }
    assert!(seen >= 3, "{seen} examples");
}

/// The list of keys in the documentation, the example with all of them, and the reader agree.
#[test]
fn every_key_is_documented_and_in_the_example() {
    let read = |path: &str| std::fs::read_to_string(repository(path)).expect("a file of ours");
    let (docs, example) = (read("docs/config.md"), read("configs/all-keys.toml"));
    let readers =
        ["given.rs", "mod.rs"].map(|file| read(&format!("speaker/src/config/file/{file}"))).concat();
    let keys: Vec<&str> = readers
        .split("section.read")
        .chain(readers.split("top.read"))
        .skip(1)
        .chain(readers.split("section.take").skip(1))
        .filter_map(|rest| rest.split('"').nth(1).filter(|_| rest.starts_with(['(', '_'])))
        .filter(|key| !key.is_empty() && key.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-'))
        .collect();
    assert!(keys.len() >= 30, "{keys:?}");
    let tables = read("speaker/src/config/file/bfd.rs");
    let below = tables.split("bfd.read").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let below: Vec<&str> = below.collect();
    assert!(below.len() == 13, "{below:?}");
    for key in keys.into_iter().chain(below) {
        assert!(docs.contains(&format!("| `{key}`")), "{key} is not documented");
        assert!(example.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key} is in no example");
    }
}
