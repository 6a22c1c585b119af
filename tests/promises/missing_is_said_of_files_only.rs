//! "Does not exist" comes only from the file system: not from a missing or fake `/proc`, and not from a
//! file that is being replaced. Needs root, for processes without `/proc`.
#![cfg(all(target_os = "linux", feature = "cli"))]

use crate::support;

use serde_json::json;
use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering},
};
use support::{Guest, ask};
use tempfile::TempDir;
use tollgate::Runtime;

const TOLLGATE: &str = env!("CARGO_BIN_EXE_tollgate");

/// A root directory with the command line, all that it is linked with, a plugin and a file to look at.
fn root() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let put = |from: &str, to: &str| {
        let to = root.path().join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    put(TOLLGATE, "tollgate");
    put(
        concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/file/file.wasm"),
        "file.wasm",
    );
    let linked = Command::new("ldd").arg(TOLLGATE).output().unwrap();
    let linked = String::from_utf8(linked.stdout).unwrap();
    for library in linked
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        put(library, library);
    }
    fs::create_dir(root.path().join("etc")).unwrap();
    fs::write(root.path().join("etc/hostname"), "here\n").unwrap();
    root
}

/// What a plugin says of a file, in a mount namespace of its own with this root, after `prepare`.
fn observe(root: &Path, prepare: &str, path: &str) -> (Output, String) {
    let config = json!({"path": path}).to_string();
    let script = format!(
        "set -e; cd '{}'; {prepare}\nexec chroot . /tollgate observe /file.wasm --grant 'fs:read:/etc/*' --config '{config}'",
        root.display()
    );
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output, said)
}

#[test]
fn without_proc_nothing_is_said_to_be_missing() {
    if support::needs::needs("root").is_none() {
        return;
    }
    let root = root();
    fs::create_dir(root.path().join("proc")).unwrap();
    let real = "mount -t proc proc proc 2>/dev/null || mount --bind /proc proc";
    let (output, said) = observe(root.path(), real, "/etc/hostname");
    assert!(
        output.status.success() && said.contains(r#""exists":true"#),
        "{said}"
    );
    let (_, said) = observe(root.path(), real, "/etc/none");
    assert!(said.contains(r#""exists":false"#), "{said}");

    // As another directory may look that somebody has put there.
    let fake = root.path().join("fake/self/fd");
    fs::create_dir_all(&fake).unwrap();
    for number in 0..64 {
        symlink("/etc/hostname", fake.join(number.to_string())).unwrap();
    }
    for prepare in [
        "",
        "mount --bind fake proc",
        "mount -t tmpfs none proc; mkdir -p proc/self/fd",
    ] {
        for path in ["/etc/hostname", "/etc/none"] {
            let (_, said) = observe(root.path(), prepare, path);
            assert!(
                !said.contains("exists\":false") && !said.contains("ENOENT"),
                "{prepare}: {said}"
            );
            assert!(said.contains("mount procfs at /proc"), "{prepare}: {said}");
        }
    }
}

#[test]
fn a_file_that_is_replaced_all_the_time_is_always_there() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let (file, new) = (root.join("file"), root.join("new"));
    fs::write(&file, "text").unwrap();
    let done = AtomicBool::new(false);
    let replies: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::write(&new, "text").unwrap();
                fs::rename(&new, &file).unwrap();
            }
        });
        let runtime = Runtime::builder()
            .grant(
                "odd",
                format!("fs:read:{}/*", root.display()).parse().unwrap(),
            )
            .build()
            .unwrap();
        let plugin = Guest::relay("fs_stat").load_in(&runtime);
        let replies = (0..20_000).map(|_| ask(&plugin, json!({"path": file})));
        let replies = replies.filter(|reply| reply["kind"] != "file").collect();
        done.store(true, Ordering::Relaxed);
        replies
    });
    for reply in &replies {
        assert_eq!(reply["error"]["code"], "EACCES", "{reply}");
    }
}
