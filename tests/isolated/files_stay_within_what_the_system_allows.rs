//! A file size limit of the process (`RLIMIT_FSIZE`) does not end the process when a plugin writes past
//! it. A process without free descriptors does not report existing files as missing. A directory with
//! more names than the limit is refused.
#![cfg(target_os = "linux")]

use crate::{
    hostile,
    support::{self, preview1},
};

use hostile::child::{self, ATTACK};
use preview1::{BOTH, DIRECTORY, FBIG, FIRST, MFILE, READING, SCRATCH, Script};
use rustix::process::Resource;
use serde_json::{Value, json};
use std::fs::{self, File};
use support::{Guest, ask, cost};
use tollgate::Runtime;

/// The most bytes that a file of the child process may have.
const LARGEST: u64 = 1000;

#[test]
fn a_file_past_the_limit_of_the_process_is_an_answer_and_no_signal() {
    let ended = child::run(module_path!(), "files", &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ended.outcome, json!(["EFBIG", "EFBIG", "none"]));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn the_task() {
    child::perform(ATTACK, |name, _| {
        match name {
            "descriptors" => return without_descriptors(),
            "greedy" => return greedy(),
            _ => {}
        }
        child::limit(Resource::Fsize, LARGEST);
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let root = root.to_str().unwrap();
        fs::write(format!("{root}/file"), "x".repeat(900)).unwrap();

        let mut script = Script::new(root);
        script.grant(&format!("fs:read:{root}/**"));
        script.grant(&format!("fs:write:{root}/**"));
        script.open("file", 0, BOTH, 0, 0);
        let bytes = script.bytes(&[b'y'; 200]);
        let buffers = script.iovecs(&[(bytes, 200)]);
        script.expect("fd_pwrite", &[FIRST, buffers, 1, 900, SCRATCH], FBIG);
        script.expect("fd_pwrite", &[FIRST, buffers, 1, 1 << 40, SCRATCH], FBIG);
        script.expect("fd_filestat_set_size", &[FIRST, 1001], FBIG);
        script.expect("fd_allocate", &[FIRST, 0, 1001], FBIG);
        script.expect("fd_pwrite", &[FIRST, buffers, 1, 800, SCRATCH], 0);
        script.run();

        written(root).into()
    });
}

#[test]
fn a_process_without_descriptors_says_so_and_not_that_files_are_missing() {
    let ended =
        child::run(module_path!(), "descriptors", &[]).unwrap_or_else(|error| panic!("{error}"));
    let (outcome, replies) = (&ended.outcome, ended.outcome["replies"].as_array().unwrap());
    assert!(!replies.is_empty());
    for reply in replies {
        assert_eq!(reply[1], "EMFILE", "{reply}");
    }
    for other in outcome["others"].as_array().unwrap() {
        let error = &other[1]["error"];
        assert!(
            error.is_object() && error["is_not_found"] != true,
            "{other}"
        );
    }
    assert_eq!(outcome["after"], "there");
}

#[test]
fn one_plugin_cannot_hold_all_descriptors_of_the_process() {
    let ended = child::run(module_path!(), "greedy", &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ended.outcome, json!({"left": true}));
}

/// A plugin may hold a quarter of what the process may have.
fn greedy() -> Value {
    child::limit(Resource::Nofile, 100);
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let root = root.to_str().unwrap();
    fs::write(format!("{root}/file"), "there").unwrap();
    let mut script = Script::new(root);
    script.grant(&format!("fs:read:{root}/**"));
    for _ in 0..25 {
        script.open("file", 0, READING, 0, 0);
    }
    script.open("file", 0, READING, 0, MFILE);
    script.open("", DIRECTORY, READING, 0, MFILE);
    script.expect("fd_close", &[FIRST], 0);
    script.open("file", 0, READING, 0, 0);
    script.run();
    // They were given back when the call was over, and the host had some left all the time.
    let mut script = Script::new(root);
    script.grant(&format!("fs:read:{root}/**"));
    for _ in 0..25 {
        script.open("file", 0, READING, 0, 0);
    }
    script.run();
    json!({"left": File::open("/dev/null").is_ok()})
}

/// What a process hears that has as many files open as it may have, and what once it has fewer.
fn without_descriptors() -> Value {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let root = root.to_str().unwrap();
    fs::write(format!("{root}/file"), "there").unwrap();
    let everything = [
        format!("fs:read:{root}/**"),
        format!("fs:read:{root}"),
        format!("fs:write:{root}/**"),
        "exec:/bin/ls".to_owned(),
        "network:outbound:*".to_owned(),
        "network:outbound:loopback".to_owned(),
    ];
    let mut builder = Runtime::builder();
    for grant in &everything {
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    let plugin = |function| Guest::relay(function).load_in(&builder.clone().build().unwrap());
    let file = format!("{root}/file");
    let files = [
        ("fs_read", json!({"path": file})),
        ("fs_read", json!({"path": format!("{root}/none")})),
        ("fs_stat", json!({"path": file})),
        ("fs_stat", json!({"path": "/etc/none"})),
        ("fs_list", json!({"path": root})),
        ("fs_write", json!({"path": file, "content": ""})),
        (
            "fs_write",
            json!({"path": format!("{root}/new"), "content": ""}),
        ),
    ]
    .map(|(function, request)| (function, plugin(function), request));
    let others = [
        ("exec_run", json!({"command": "/bin/ls"})),
        ("tcp_connect", json!({"host": "127.0.0.1", "port": "1"})),
        ("dns_lookup", json!({"hostname": "localhost", "type": "A"})),
        (
            "http_request",
            json!({"method": "GET", "url": "http://127.0.0.1:1/"}),
        ),
    ]
    .map(|(function, request)| (function, plugin(function), request));
    let mut script = Script::new(root);
    everything.iter().for_each(|grant| script.grant(grant));
    script.open("file", 0, READING, 0, MFILE);
    script.open("none", 0, READING, 0, MFILE);

    let answers = |asked: &[(&str, tollgate::Plugin, Value)]| -> Vec<Value> {
        let answer = |(function, plugin, request): &(&str, _, Value)| {
            let reply = ask(plugin, request.clone());
            json!([function, reply])
        };
        asked.iter().map(answer).collect()
    };
    // A resolver that could never read its own files says that there is no such host.
    answers(&others);

    let mut held = Vec::new();
    child::limit(Resource::Nofile, 100);
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    script.run();
    let replies: Vec<Value> = answers(&files)
        .into_iter()
        .map(|reply| json!([reply[0], reply[1]["error"]["code"]]))
        .collect();
    let others = answers(&others);
    drop(held);
    let after = ask(&files[0].1, json!({"path": file, "encoding": "utf-8"}));
    json!({"replies": replies, "others": others, "after": after["content"]})
}

/// How whole files are written that are too large, appended to too much, and just small enough.
fn written(root: &str) -> Vec<Value> {
    let runtime = Runtime::builder()
        .grant("odd", format!("fs:write:{root}/**").parse().unwrap())
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_write").load_in(&runtime);
    let write = |name: &str, mode: &str, size: usize| {
        let path = format!("{root}/{name}");
        let request =
            json!({"path": path, "content": "z".repeat(size), "encoding": "utf-8", "mode": mode});
        let reply = ask(&plugin, request);
        reply["error"]["code"].as_str().unwrap_or("none").into()
    };
    let replies = vec![
        write("new", "replace", 1001),
        write("file", "append", 1),
        write("new", "replace", 1000),
    ];
    let names = fs::read_dir(root).unwrap().count();
    assert_eq!(names, 2, "nothing is left of what failed");
    replies
}

#[test]
fn a_directory_of_too_many_names_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let root = root.to_str().unwrap();
    // Names of few files, since files take much longer to make. A file has at most 65 000 names on ext4.
    for number in 0..=100_000 {
        let name = format!("{root}/{number}");
        match number % 50_000 {
            0 => drop(File::create(name).unwrap()),
            within => fs::hard_link(format!("{root}/{}", number - within), name).unwrap(),
        }
    }
    let runtime = Runtime::builder()
        .grant("odd", format!("fs:read:{root}/**").parse().unwrap())
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_list").load_in(&runtime);
    let (fuel, reply) = cost(&plugin, json!({"path": root}));
    assert_eq!(reply["error"]["code"], "ENOMEM", "{reply}");
    // All that were looked at are paid for, whether or not anything came of it.
    assert!(fuel > 64 * 100_000, "{fuel}");
    let few = format!("{root}/few");
    fs::create_dir(&few).unwrap();
    let (none, _) = cost(&plugin, json!({"path": few}));
    for number in 0..1000 {
        File::create(format!("{few}/{number}")).unwrap();
    }
    let (thousand, _) = cost(&plugin, json!({"path": few}));
    assert!(thousand - none > 64 * 900, "{none} {thousand}");
    fs::remove_dir_all(few).unwrap();
    // One less can be listed, as far as a reply has room for it.
    fs::remove_file(format!("{root}/0")).unwrap();
    let outcome = plugin.observe(&tollgate::Config::new().set("path", root));
    let told = outcome.map_or_else(|error| error.report(), |seen| format!("{seen:?}"));
    assert!(!told.contains("ENOMEM"), "{told}");
}
