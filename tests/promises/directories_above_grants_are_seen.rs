//! A directory that leads to something granted can be examined, as programs examine each name of a
//! path: that it exists and is a directory, and nothing else. It cannot be opened or listed, and what
//! is beside it stays unknown.

use crate::support::{self, Guest, preview1};

use preview1::*;
use serde_json::json;
use tollgate::{Runtime, world::Simulated};

/// A directory of which nothing else is known.
fn only_a_directory() -> Vec<u8> {
    [&[0; 16][..], &[3], &[0; 47]].concat()
}

fn stat(script: &mut Script, name: &str, errno: u16) {
    let (path, len) = script.at(name);
    for follow in [0, FOLLOW] {
        let args = [ROOT, follow, path, len, SCRATCH];
        script.expect("path_filestat_get", &args, errno);
        if errno == 0 {
            script.check(SCRATCH, &only_a_directory());
        }
    }
}

#[test]
fn only_the_directories_on_the_way_to_a_granted_path_are_seen() {
    let names = [
        "data/",
        "data/deep/",
        "data/deep/app.db",
        "data/other/",
        "data/file",
    ];
    for grant in [
        "fs:read:@/data/deep/app.db",
        "fs:write:@/data/deep/app.db",
        "fs:read:@/data/deep/*.db",
        "fs:read:@/data/deep/**/x",
        "fs:read:glob:@/data/{deep,none}/x",
    ] {
        let seen = in_both_worlds(&names, &[grant], |script| {
            script.expect("fd_filestat_get", &[ROOT, SCRATCH], 0);
            script.check(SCRATCH, &only_a_directory());
            stat(script, "data", 0);
            stat(script, "data/deep", 0);
            stat(script, "data/deep/../deep", 0);
            // Not its neighbours, nor what is missing or no directory.
            for name in [
                "data/other",
                "data/file",
                "data/none",
                "none",
                "data/deep/none",
            ] {
                stat(script, name, ACCES);
            }
            // Nothing else may be done with them.
            script.open("data", DIRECTORY, READING, 0, ACCES);
            script.open("data", 0, 0, 0, ACCES);
            let (path, len) = script.at("data/deep");
            script.expect("path_unlink_file", &[ROOT, path, len], ACCES);
            script.expect("path_remove_directory", &[ROOT, path, len], ACCES);
            script.expect("path_create_directory", &[ROOT, path, len], ACCES);
            script.expect(
                "path_readlink",
                &[ROOT, path, len, SCRATCH, 64, SCRATCH],
                ACCES,
            );
            let times = [ROOT, 1, path, len, 0, 0, 1];
            script.expect("path_filestat_set_times", &times, ACCES);
            script.expect("fd_readdir", &[ROOT, SCRATCH + 64, 512, 0, SCRATCH], ACCES);
        });
        assert!(
            seen.iter().all(|event| !event.contains("@/data\\\"")),
            "{seen:?}"
        );
    }
}

/// A name that is granted is examined as before, and a grant of something else shows nothing.
#[test]
fn what_is_granted_is_seen_whole_and_what_is_not_above_a_grant_is_not() {
    in_both_worlds(
        &["data/", "data/x"],
        &["fs:read:@/data", "fs:read:@/data/x"],
        |script| {
            let (path, len) = script.at("data");
            script.expect("path_filestat_get", &[ROOT, 0, path, len, SCRATCH], 0);
            script.check(SCRATCH + 16, &[3]);
            script.open("data", DIRECTORY, READING, 0, 0);
        },
    );
    in_both_worlds(
        &["data/", "data/x/"],
        &["env:HOME", "fs:read:@/data"],
        |script| {
            stat(script, "data/x", ACCES);
        },
    );
    // A directory that may be written is granted, not above a grant.
    in_both_worlds(&["data/", "data/x/"], &["fs:write:@/data/**"], |script| {
        stat(script, "data", ACCES);
        stat(script, "data/x", ACCES);
        stat(script, "", 0);
    });
    let grants = ["fs:write:@/data/**", "fs:read:@/data/x/y"];
    in_both_worlds(&["data/", "data/x/", "data/y/"], &grants, |script| {
        stat(script, "data", 0);
        stat(script, "data/x", 0);
        stat(script, "data/y", ACCES);
    });
    // Without any grant of files there is no way to one, not even the root.
    in_both_worlds(&["data/"], &["env:HOME"], |script| {
        script.expect("fd_filestat_get", &[ROOT, SCRATCH], ACCES);
    });
}

/// A link is not on the way, wherever it leads: it must be granted by its name.
#[cfg(unix)]
#[test]
fn a_link_to_a_directory_above_a_grant_stays_unknown() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("data")).unwrap();
    std::os::unix::fs::symlink("data", root.join("link")).unwrap();
    let mut script = Script::new(root.to_str().unwrap());
    script.grant(&format!("fs:read:{}/data/x", root.display()));
    stat(&mut script, "link", ACCES);
    stat(&mut script, "data", 0);
    script.run();
    let world = Simulated::new()
        .directory("/place/data")
        .link("/place/link", "data");
    let mut script = Script::new("/place");
    script.grant("fs:read:/place/data/x");
    stat(&mut script, "link", ACCES);
    stat(&mut script, "data", 0);
    script
        .run_in(Runtime::builder().world(move || world.clone()))
        .unwrap();
}

/// The JSON interface gives the same answers.
#[test]
fn fs_stat_says_that_there_is_a_directory() {
    let world = Simulated::new()
        .file("/data/app.db", "")
        .file("/data/own", "");
    let runtime = Runtime::builder()
        .world(move || world.clone())
        .grant("odd", "fs:read:/data/app.db".parse().unwrap())
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_stat").load_in(&runtime);
    let reply = support::ask(&plugin, json!({"path": "/data"}));
    assert_eq!(reply["kind"], "directory", "{reply}");
    for field in ["size", "mode", "uid", "gid"] {
        assert!(reply[field].as_u64().unwrap_or(0) == 0, "{reply}");
    }
    let reply = support::ask(&plugin, json!({"path": "/data/own"}));
    assert_eq!(reply["error"]["code"], "EACCES", "{reply}");
}
