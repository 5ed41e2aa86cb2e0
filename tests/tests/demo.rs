//! `speaker demo` as the README promises it: to its summary, as anybody.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// `nobody` on Debian.
const NOBODY: u32 = 65534;

#[test]
fn the_demo_runs_to_its_summary_as_nobody() {
    // A copy, for nobody may not be let into the directory of the build.
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = dir.path().join("speaker");
    std::fs::copy(tests::speaker::binary().unwrap(), &program).unwrap();
    let output = Command::new("timeout")
        .args(["-k", "1", "60", &program.display().to_string(), "demo"])
        .current_dir("/")
        .env_clear()
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {text} {}", output.status, String::from_utf8_lossy(&output.stderr));
    for step in ["everything announced", "annotation removed", "Pod moved", "Service deleted"] {
        let line = text.lines().rfind(|line| line.starts_with(step)).unwrap_or_default();
        assert_eq!(line.matches(" ms").count(), 2, "{step}: a latency at each router in {line:?} of\n{text}");
    }
    // Both routers hold both paths of the Cluster Subnet; the moved Pod's route comes from its new node alone.
    let last =
        |prefix: &str| text.lines().rfind(|line| line.starts_with(prefix)).unwrap_or_default().to_owned();
    assert_eq!(last("10.16.0.0/16").matches("node-a + node-b").count(), 2, "{text}");
    let moved = last("10.17.0.10/32");
    assert!(moved.matches("node-b").count() == 2 && !moved.contains("node-a"), "{text}");
}
