//! A plugin built by the Go compiler reads, lists, writes and removes files with the standard library,
//! within its grants. Beyond them it gets "permission denied".

use crate::support::{
    go,
    place::{named, on_this_system},
    share::tenth,
};

use go::*;
use serde_json::json;
use std::{fs, path::Path};
use tollgate::{Runtime, abi::sha256};

#[test]
fn files_are_read_examined_and_hashed() {
    let (_kept, path) = directory();
    let plugin = reader(&path);
    let file = format!("{path}/a.txt");
    let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let seen = data(&plugin, json!({"op": "read", "path": file}));
    assert_eq!(
        seen,
        json!({"size": 6, "head": "hello\n", "sha256": sha256})
    );
    let seen = data(&plugin, json!({"op": "stat", "path": file}));
    assert_eq!((&seen["size"], &seen["dir"]), (&json!(6), &json!(false)));
    let modified = Path::new(&file).metadata().unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(seen["modified"], modified.as_secs());
    let seen = data(&plugin, json!({"op": "stat", "path": path}));
    assert_eq!(seen["dir"], true);
}

#[test]
fn a_missing_file_is_missing_and_a_denied_one_is_not() {
    let (_kept, path) = directory();
    let (_other, outside) = directory();
    let plugin = reader(&path);
    let missing = data(
        &plugin,
        json!({"op": "observe", "path": format!("{path}/none")}),
    );
    assert_eq!(missing, json!({"exists": false}));
    for op in ["observe", "read", "stat", "lstat", "list", "readlink"] {
        for file in ["a.txt", "none"] {
            let message = refusal(
                &plugin,
                json!({"op": op, "path": format!("{outside}/{file}")}),
            );
            assert!(message.ends_with("Permission denied"), "{op}: {message}");
        }
    }
}

#[test]
fn without_any_grant_the_answer_is_permission_denied() {
    let message = refusal(
        &load(Runtime::builder()),
        json!({"op": "observe", "path": "/etc/hosts"}),
    );
    assert_eq!(message, "lstat /etc/hosts: Permission denied");
}

/// D3-05: the Go runtime takes a preopened directory for a prefix of a string.
#[test]
fn a_directory_with_a_longer_name_is_another_directory() {
    let (_kept, path) = directory();
    let (granted, sibling) = (format!("{path}/fs"), format!("{path}/fs2"));
    for directory in [&granted, &sibling] {
        fs::create_dir(on_this_system(directory)).unwrap();
        fs::write(on_this_system(&format!("{directory}/x")), "x").unwrap();
    }
    let plugin = reader(&granted);
    data(
        &plugin,
        json!({"op": "read", "path": format!("{granted}/x")}),
    );
    let message = refusal(
        &plugin,
        json!({"op": "read", "path": format!("{sibling}/x")}),
    );
    assert_eq!(message, format!("open {sibling}/x: Permission denied"));
}

/// D3-01 and D3-02.
#[cfg(unix)]
#[test]
fn links_are_followed_as_far_as_the_grants_go() {
    use std::os::unix::fs::symlink;
    let (_kept, path) = directory();
    let (_other, outside) = directory();
    symlink("a.txt", format!("{path}/inside")).unwrap();
    symlink(format!("{outside}/a.txt"), format!("{path}/file")).unwrap();
    symlink(&outside, format!("{path}/directory")).unwrap();
    let plugin = reader(&path);

    let seen = data(
        &plugin,
        json!({"op": "observe", "path": format!("{path}/inside")}),
    );
    assert_eq!(
        (&seen["head"], &seen["link"]),
        (&json!("hello\n"), &json!(true))
    );
    let target = data(
        &plugin,
        json!({"op": "readlink", "path": format!("{path}/inside")}),
    );
    assert_eq!(target["target"], "a.txt");

    for (op, name) in [
        ("read", "file"),
        ("stat", "file"),
        ("observe", "file"),
        ("list", "directory"),
        ("read", "directory/a.txt"),
        ("lstat", "directory/a.txt"),
    ] {
        let message = refusal(&plugin, json!({"op": op, "path": format!("{path}/{name}")}));
        assert!(
            message.ends_with("Permission denied"),
            "{op} {name}: {message}"
        );
    }
    let link = data(
        &plugin,
        json!({"op": "lstat", "path": format!("{path}/file")}),
    );
    assert!(link["mode"].as_str().unwrap().starts_with('L'), "{link}");
}

/// D3-03 and D3-04, in the words of a Go program.
#[test]
fn nothing_is_written_without_a_grant_for_writing() {
    let (_kept, path) = directory();
    let plugin = reader(&path);
    let file = format!("{path}/a.txt");
    for config in [
        json!({"op": "write", "path": file, "content": "no"}),
        json!({"op": "write", "path": format!("{path}/new"), "content": "no"}),
        json!({"op": "append", "path": file, "content": "no"}),
        json!({"op": "edit", "path": file}),
        json!({"op": "mkdir", "path": format!("{path}/new")}),
        json!({"op": "rename", "path": file, "to": format!("{path}/b.txt")}),
        json!({"op": "remove", "path": file}),
        json!({"op": "chtimes", "path": file, "amount": 1}),
        json!({"op": "symlink", "path": format!("{path}/link"), "to": "a.txt"}),
    ] {
        let message = refusal(&plugin, config.clone());
        assert!(
            message.ends_with("Permission denied"),
            "{config}: {message}"
        );
    }
    assert_eq!(
        fs::read_to_string(on_this_system(&file)).unwrap(),
        "hello\n"
    );
    assert_eq!(fs::read_dir(on_this_system(&path)).unwrap().count(), 1);
}

#[test]
fn files_and_directories_are_made_changed_and_removed() {
    let (_kept, path) = directory();
    let plugin = writer(&path);
    let at = |name: &str| format!("{path}/{name}");
    data(
        &plugin,
        json!({"op": "write", "path": at("w"), "content": "one"}),
    );
    data(
        &plugin,
        json!({"op": "append", "path": at("w"), "content": "two"}),
    );
    assert_eq!(
        fs::read_to_string(on_this_system(&at("w"))).unwrap(),
        "onetwo"
    );
    let seen = data(&plugin, json!({"op": "edit", "path": at("e")}));
    assert_eq!(seen, json!({"part": "1ab4", "content": "01ab456x8"}));
    data(&plugin, json!({"op": "mkdir", "path": at("d/e/f")}));
    data(
        &plugin,
        json!({"op": "rename", "path": at("w"), "to": at("d/e/w")}),
    );
    data(
        &plugin,
        json!({"op": "chtimes", "path": at("d/e/w"), "amount": 1_000_000}),
    );
    let stat = data(&plugin, json!({"op": "stat", "path": at("d/e/w")}));
    assert_eq!(stat["modified"], 1_000_000);
    let seen = data(&plugin, json!({"op": "walk", "path": at("d")}));
    assert_eq!(seen["seen"], json!(["", "/e", "/e/f", "/e/w"]));
    let message = refusal(&plugin, json!({"op": "remove", "path": at("d")}));
    assert!(message.ends_with("Directory not empty"), "{message}");
    data(&plugin, json!({"op": "remove-all", "path": at("d")}));
    data(&plugin, json!({"op": "remove", "path": at("e")}));
    let left = data(&plugin, json!({"op": "list", "path": path}));
    assert_eq!(left["names"], json!(["a.txt"]));
}

#[cfg(unix)]
#[test]
fn symbolic_links_lead_only_where_reading_is_granted() {
    let (_kept, path) = directory();
    let plugin = writer(&path);
    let link = format!("{path}/link");
    data(
        &plugin,
        json!({"op": "symlink", "path": link, "to": "a.txt"}),
    );
    assert_eq!(fs::read_to_string(&link).unwrap(), "hello\n");
    let out = format!("{path}/out");
    let message = refusal(
        &plugin,
        json!({"op": "symlink", "path": out, "to": "/etc/hosts"}),
    );
    assert!(message.ends_with("Permission denied"), "{message}");
    assert!(fs::symlink_metadata(&out).is_err());
}

#[test]
fn large_files_come_through_whole() {
    let (_kept, path) = directory();
    let big = format!("{path}/big");
    let content = vec![b'x'; usize::try_from(tenth(20)).unwrap() << 20];
    fs::write(on_this_system(&big), &content).unwrap();
    let seen = data(&reader(&path), json!({"op": "read", "path": big}));
    assert_eq!(seen["size"], content.len());
    let digest = sha256::hex(&sha256::digest(&content));
    assert_eq!(seen["sha256"], digest);
}

#[test]
fn a_directory_of_5_000_entries_is_listed() {
    let (_kept, path) = directory();
    let many = format!("{path}/many");
    fs::create_dir(on_this_system(&many)).unwrap();
    for number in 0..5000 {
        fs::write(on_this_system(&format!("{many}/entry-{number:04}")), "").unwrap();
    }
    let seen = data(&reader(&path), json!({"op": "list", "path": many}));
    assert_eq!(
        seen,
        json!({"count": 5000, "first": "entry-0000", "last": "entry-4999"})
    );
}

#[test]
fn relative_paths_begin_where_relative_grants_do() {
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    // Go examines the directory before it tells its name.
    let directory = format!("fs:read:{}", named(&here));
    let plugin = granted(&["fs:read:Cargo.toml".into(), directory]);
    let seen = data(&plugin, json!({"op": "cwd"}));
    assert_eq!(seen["directory"], named(&here));
    data(&plugin, json!({"op": "read", "path": "Cargo.toml"}));
    data(&plugin, json!({"op": "read", "path": "src/../Cargo.toml"}));
    let message = refusal(&plugin, json!({"op": "read", "path": "Cargo.lock"}));
    assert_eq!(message, "open Cargo.lock: Permission denied");
}
