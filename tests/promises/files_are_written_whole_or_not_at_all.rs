//! Listing and writing: only where granted, by the real path, and without losing old content when a
//! write fails.
//!
//! On Windows making links needs a privilege; `windows_paths_are_denied_by_default` has its files.
#![cfg(unix)]

use crate::support;

use serde_json::{Value, json};
use std::{fs, os::unix::fs::symlink};
use support::{ask, kind, place::Place};

fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir_all(path("open/sub")).unwrap();
    fs::create_dir_all(path("closed")).unwrap();
    fs::write(path("open/a.txt"), "old").unwrap();
    fs::write(path("closed/secret"), "secret").unwrap();
    symlink(path("closed/secret"), path("open/leak")).unwrap();
    symlink(path("closed/new"), path("open/dangling")).unwrap();
    symlink(path("closed"), path("open/leakdir")).unwrap();
    symlink("a.txt", path("open/inner")).unwrap();
    Place { root }
}

impl Place {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every file and its content, to see that nothing changed.
    fn everything(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for directory in ["open", "closed", "open/sub"] {
            for entry in fs::read_dir(self.path(directory)).unwrap() {
                let entry = entry.unwrap();
                let content = match entry.file_type().unwrap().is_file() {
                    true => String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned(),
                    false => String::new(),
                };
                all.push((entry.path().to_str().unwrap().to_owned(), content));
            }
        }
        all.sort();
        all
    }
}

fn text(path: String, content: &str) -> Value {
    json!({"path": path, "content": content, "encoding": "utf-8"})
}

#[test]
fn a_file_is_replaced_created_and_appended() {
    let place = place();
    let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/**"]);
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(place.path("open/a.txt"), fs::Permissions::from_mode(0o640)).unwrap();

    let reply = ask(&plugin, text(place.path("open/a.txt"), "new content"));
    assert_eq!(reply, json!({"written": 11}));
    assert_eq!(place.read("open/a.txt"), "new content");
    let mode = fs::metadata(place.path("open/a.txt"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640, "the mode stays");

    let mut append = text(place.path("open/a.txt"), "!");
    append["mode"] = json!("append");
    ask(&plugin, append.clone());
    ask(&plugin, append);
    assert_eq!(place.read("open/a.txt"), "new content!!");

    // A link inside is followed, and stays a link.
    ask(&plugin, text(place.path("open/inner"), "through"));
    assert_eq!(place.read("open/a.txt"), "through");
    assert!(
        fs::symlink_metadata(place.path("open/inner"))
            .unwrap()
            .is_symlink()
    );

    for mode in ["replace", "append", "create"] {
        let path = place.path(&format!("open/sub/{mode}"));
        let reply = ask(
            &plugin,
            json!({"path": path, "content": "AAH/", "mode": mode}),
        );
        assert_eq!(reply, json!({"written": 3}));
        assert_eq!(fs::read(path).unwrap(), [0, 1, 255]);
    }
    let leftovers = place
        .everything()
        .into_iter()
        .filter(|(name, _)| name.contains(".tollgate"));
    assert_eq!(leftovers.count(), 0);
}

/// The system lets only root give files away.
#[test]
fn a_replaced_file_keeps_its_owner_group_and_mode() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    if support::needs::needs("root").is_none() {
        return;
    }
    let place = place();
    let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/**"]);
    let path = place.path("open/a.txt");
    for (owner, mode) in [(1234, 0o640), (0, 0o4751), (4321, 0o6600)] {
        chown(&path, Some(owner), Some(owner + 1)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let reply = ask(&plugin, text(path.clone(), "new"));
        assert_eq!(reply, json!({"written": 3}));
        let kept = fs::metadata(&path).unwrap();
        let told = (kept.uid(), kept.gid(), kept.mode() & 0o7777);
        assert_eq!(told, (owner, owner + 1, mode));
        assert_eq!(place.read("open/a.txt"), "new");
    }
}

#[test]
fn a_write_that_fails_changes_nothing() {
    let place = place();
    let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/**"]);
    let before = place.everything();
    for (request, expected) in [
        (
            json!({"path": place.path("open/a.txt"), "content": "!!"}),
            "config",
        ),
        (
            json!({"path": place.path("open/a.txt"), "content": "", "mode": "erase"}),
            "config",
        ),
        (
            json!({"path": place.path("open/a.txt"), "content": "", "mode": "create"}),
            "fs",
        ),
        (text(place.path("open/sub"), "x"), "fs"),
        (text(place.path("open/no/such/directory"), "x"), "fs"),
        (text(place.path("open/a.txt/below"), "x"), "fs"),
        (text(String::new(), "x"), "config"),
    ] {
        let reply = ask(&plugin, request.clone());
        assert_eq!(kind(&reply), expected, "{request}: {reply}");
    }
    assert_eq!(place.everything(), before);
}

#[test]
fn what_leads_out_is_not_written() {
    let place = place();
    let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/**", "fs:read:ROOT/**"]);
    let before = place.everything();
    for name in [
        "closed/secret",
        "closed/new",
        "open/leak",
        "open/dangling",
        "open/leakdir/new",
        "open/leakdir/secret",
        "open/../closed/new",
        "open/leakdir/no/such",
    ] {
        for mode in ["replace", "append", "create"] {
            let mut request = text(place.path(name), "x");
            request["mode"] = json!(mode);
            let reply = ask(&plugin, request);
            assert_eq!(kind(&reply), "capability", "{name} {mode}: {reply}");
        }
    }
    assert_eq!(place.everything(), before);
}

#[test]
fn reading_and_writing_are_two_grants() {
    let place = place();
    let reader = ["fs:read:ROOT/open/**"];
    let writer = ["fs:write:ROOT/open/**"];
    let path = place.path("open/a.txt");
    assert_eq!(
        kind(&ask(
            &place.plugin("fs_write", &reader),
            text(path.clone(), "x")
        )),
        "capability"
    );
    for function in ["fs_read", "fs_stat"] {
        let reply = ask(&place.plugin(function, &writer), json!({"path": path}));
        assert_eq!(kind(&reply), "capability", "{function}");
    }
    assert_eq!(place.read("open/a.txt"), "old");
}

#[test]
fn a_grant_for_one_file_lets_it_be_replaced_and_nothing_beside_it() {
    let place = place();
    let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/a.txt"]);
    assert_eq!(
        kind(&ask(&plugin, text(place.path("open/a.txt"), "x"))),
        "none"
    );
    assert_eq!(
        kind(&ask(&plugin, text(place.path("open/b.txt"), "x"))),
        "capability"
    );
    assert_eq!(place.read("open/a.txt"), "x");
}

#[test]
fn a_directory_is_listed_where_its_names_are_granted() {
    let place = place();
    let names = |reply: &Value| -> Vec<String> {
        let entries = reply["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for grant in [
        "fs:read:ROOT/open/**",
        "fs:read:ROOT/open/*",
        "fs:read:ROOT/open",
    ] {
        let plugin = place.plugin("fs_list", &[grant]);
        let reply = ask(&plugin, json!({"path": place.path("open")}));
        assert_eq!(
            names(&reply),
            ["a.txt", "dangling", "inner", "leak", "leakdir", "sub"],
            "{grant}"
        );
        assert_eq!(reply["entries"][0]["kind"], "file");
        assert_eq!(reply["entries"][1]["kind"], "symlink");
        assert_eq!(reply["entries"][5]["kind"], "directory");
        for outside in ["closed", "open/leakdir", "open/..", ""] {
            let reply = ask(&plugin, json!({"path": place.path(outside)}));
            assert_eq!(kind(&reply), "capability", "{grant} {outside}");
        }
    }
    let narrow = place.plugin("fs_list", &["fs:read:ROOT/open/*.txt"]);
    assert_eq!(
        kind(&ask(&narrow, json!({"path": place.path("open")}))),
        "capability"
    );
    let plugin = place.plugin("fs_list", &["fs:read:ROOT/open/**"]);
    let reply = ask(&plugin, json!({"path": place.path("open/a.txt")}));
    assert_eq!(reply["error"]["code"], "ENOTDIR");
}

/// The new content is as private as the old from its first byte on.
#[test]
fn a_private_file_is_never_readable_for_others_while_it_is_replaced() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::atomic::{AtomicBool, Ordering};
    let place = place();
    fs::set_permissions(place.path("open/a.txt"), fs::Permissions::from_mode(0o600)).unwrap();
    let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/**"]);
    let directory = place.path("open");
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                for entry in fs::read_dir(&directory).unwrap().flatten() {
                    let new = entry.file_name().to_string_lossy().starts_with(".tollgate");
                    if let Ok(metadata) = entry.metadata()
                        && new
                        && metadata.len() > 0
                    {
                        seen |= metadata.permissions().mode() & 0o077;
                    }
                }
            }
            seen
        });
        for _ in 0..20 {
            let request = json!({"path": place.path("open/a.txt"), "content": "x".repeat(300_000),
                "encoding": "utf-8"});
            assert_eq!(kind(&ask(&plugin, request)), "none");
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert_eq!(seen, 0, "{seen:o}");
}

/// Several begin the same file at once: whoever comes second appends to what the first made.
#[test]
fn what_is_appended_at_once_is_all_there() {
    let place = place();
    let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/**"]);
    for round in 0..200 {
        let name = format!("open/log{round}");
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut append = text(place.path(&name), "line\n");
                    append["mode"] = json!("append");
                    start.wait();
                    let reply = ask(&plugin, append);
                    assert_eq!(reply, json!({"written": 5}));
                });
            }
        });
        assert_eq!(place.read(&name), "line\n".repeat(4));
    }
}
