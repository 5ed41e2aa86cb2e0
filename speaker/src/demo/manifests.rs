//! The manifests of `configs/demo/`, built in, and a copy of them to edit.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../configs/demo/", $name)))),*]
    };
}

const FILES: [(&str, &str); 7] = built_in![
    "subnet-web.yaml",
    "subnet-db.yaml",
    "subnet-backend.yaml",
    "pod-db-0.yaml",
    "pod-db-1.yaml",
    "pod-api.yaml",
    "service-shop.yaml",
];

/// A directory of manifests that goes away with the demo.
pub(super) struct Manifests {
    dir: TempDir,
}

impl Manifests {
    pub(super) fn copy() -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("speaker-demo-").tempdir()?;
        for (name, text) in FILES {
            fs::write(dir.path().join(name), text)?;
        }
        Ok(Self { dir })
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Rewrites a file as an editor would save it; returns the moment the new one took its place.
    pub(super) fn edit(&self, name: &str, change: impl Fn(&str) -> String) -> io::Result<Instant> {
        let path = self.dir.path().join(name);
        let before = fs::read_to_string(&path)?;
        let after = change(&before);
        if after == before {
            return Err(io::Error::other(format!("{name}: nothing to edit")));
        }
        let draft = self.dir.path().join(format!(".{name}.new"));
        fs::write(&draft, after)?;
        let at = Instant::now();
        fs::rename(draft, path)?;
        Ok(at)
    }

    /// Deletes a file.
    pub(super) fn delete(&self, name: &str) -> io::Result<Instant> {
        let at = Instant::now();
        fs::remove_file(self.dir.path().join(name))?;
        Ok(at)
    }
}
