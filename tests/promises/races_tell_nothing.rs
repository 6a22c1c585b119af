//! While another process changes names all the time, what a plugin reads, learns or changes lies within
//! its grants. Exchanges of plain links are in `files_are_read_only_where_granted.rs`.
#![cfg(target_os = "linux")]

use crate::support;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    os::{fd::AsRawFd as _, unix::fs::symlink},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};
use support::{Guest, data, place::Place};
use tollgate::{Config, Plugin, Runtime};

/// What a plugin asks at most, and at least.
const MOST: usize = 100_000;
const LEAST: usize = 2_000;

/// What is granted and what is not, each with the same names in it. `open/way` is what is exchanged.
fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for (directory, word) in [("open/way", "inside"), ("closed", "secret")] {
        fs::create_dir_all(path(directory).join("list")).unwrap();
        fs::write(path(directory).join("file"), word).unwrap();
        fs::write(
            path(directory).join("size"),
            word.repeat(word.len() + usize::from(word == "secret")),
        )
        .unwrap();
        fs::write(path(directory).join("list").join(word), "").unwrap();
        symlink(word, path(directory).join("link")).unwrap();
    }
    fs::write(path("open/a.txt"), "inside").unwrap();
    symlink("../closed", path("open/other")).unwrap();
    Place { root }
}

const GRANTS: [&str; 4] = [
    "fs:read:ROOT/open/**",
    "fs:read:ROOT/open",
    "fs:write:ROOT/open/**",
    "fs:write:ROOT/open",
];

fn exchange(place: &Place, one: &str, other: &str) {
    let (one, other) = (place.path(one), place.path(other));
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// A directory and a link to one that is not granted.
fn exchanged_and_back(place: &Place) {
    exchange(place, "open/way", "open/other");
    exchange(place, "open/way", "open/other");
}

/// Asks while somebody changes the names, until the answer was both ways, and many times over.
fn race(mut change: impl FnMut() + Send, mut ask: impl FnMut() -> bool) {
    let done = AtomicBool::new(false);
    let mut seen = [0, 0];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                change();
            }
        });
        // Also when an assertion of `ask` fails, or the scope would wait for ever.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        for round in 0..MOST {
            seen[usize::from(ask())] += 1;
            if round >= LEAST && seen.iter().all(|times| *times > 100) {
                break;
            }
        }
    });
    println!("{} refused, {} answered", seen[0], seen[1]);
    assert!(
        seen.iter().all(|times| *times > 0),
        "the race was never run: {seen:?}"
    );
}

/// A guest that does one thing by preview 1 to a fixed path, and answers with the error number and
/// six letters that tell what it saw.
fn by_preview_1(place: &Place, path: &str, does: &str) -> Plugin {
    let path = place.path(path);
    let answer = r#"{"status":true,"data":{"errno":"00","saw":"nothin"}}"#;
    let (errno, saw) = (answer.find("00").unwrap(), answer.find("nothin").unwrap());
    let (length, flags) = (path.len(), 0x0FFF_FFFF);
    let open = |oflags: u32, rights: u32, then: &str| {
        format!(
            "(local.set $errno (call $path_open (i32.const 3) (i32.const 1) (i32.const 8192)
               (i32.const {length}) (i32.const {oflags}) (i64.const {rights}) (i64.const {flags})
               (i32.const 0) (i32.const 1024)))
             (if (i32.eqz (local.get $errno)) (then {then}
               (drop (call $fd_close (i32.load (i32.const 1024))))))"
        )
    };
    let at = format!("(i32.const 8192) (i32.const {length})");
    let saw_at = 512 + saw;
    let does = match does {
        "read" => open(0, 2, "(drop (call $fd_read (i32.load (i32.const 1024)) (i32.const 640) (i32.const 1) (i32.const 1028)))"),
        "write" => open(
            1,
            64,
            "(drop (call $fd_write (i32.load (i32.const 1024)) (i32.const 648) (i32.const 1) (i32.const 1028)))",
        ),
        "truncate" => open(9, 64, ""),
        // The third entry, behind those for the directory itself and its parent.
        "list" => open(
            2,
            2,
            &format!(
                "(drop (call $fd_readdir (i32.load (i32.const 1024)) (i32.const 2048)
                   (i32.const 512) (i64.const 2) (i32.const 1028)))
                 (memory.copy (i32.const {saw_at}) (i32.const 2072) (i32.const 6))"
            ),
        ),
        "size" => format!(
            "(local.set $errno (call $path_filestat_get (i32.const 3) (i32.const 1) {at} (i32.const 1024)))
             (if (i64.eq (i64.load (i32.const 1056)) (i64.const 36))
               (then (memory.copy (i32.const {saw_at}) (i32.const 656) (i32.const 6))))
             (if (i64.eq (i64.load (i32.const 1056)) (i64.const 42))
               (then (memory.copy (i32.const {saw_at}) (i32.const 662) (i32.const 6))))"
        ),
        "link" => format!(
            "(local.set $errno (call $path_readlink (i32.const 3) {at} (i32.const {saw_at}) (i32.const 6) (i32.const 1024)))"
        ),
        "make" => format!("(local.set $errno (call $path_create_directory (i32.const 3) {at}))"),
        "remove" => format!("(local.set $errno (call $path_unlink_file (i32.const 3) {at}))"),
        "date" => format!(
            "(local.set $errno (call $path_filestat_set_times (i32.const 3) (i32.const 1) {at} (i64.const 0) (i64.const 0) (i32.const 4)))"
        ),
        other => panic!("{other}"),
    };
    let iovec = |at: usize, len: u32| {
        [u32::try_from(at).unwrap().to_le_bytes(), len.to_le_bytes()].concat()
    };
    let import = |name: &str, params: &str| {
        format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {params}) (result i32)))"
        )
    };
    let imports = [
        import("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
        import("path_filestat_get", "i32 i32 i32 i32 i32"),
        import("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32"),
        import("path_readlink", "i32 i32 i32 i32 i32 i32"),
        import("path_create_directory", "i32 i32 i32"),
        import("path_unlink_file", "i32 i32 i32"),
        import("fd_read", "i32 i32 i32 i32"),
        import("fd_write", "i32 i32 i32 i32"),
        import("fd_readdir", "i32 i32 i32 i64 i32"),
        import("fd_close", "i32"),
    ];
    let guest = Guest {
        imports: Box::leak(imports.concat().into_boxed_str()),
        observe: format!(
            "(local $errno i32)
             {does}
             (i32.store8 (i32.const {}) (i32.add (i32.const 48) (i32.div_u (local.get $errno) (i32.const 10))))
             (i32.store8 (i32.const {}) (i32.add (i32.const 48) (i32.rem_u (local.get $errno) (i32.const 10))))
             (call $pack (i32.const 512) (i32.const {}))",
            512 + errno,
            513 + errno,
            answer.len()
        ),
        more: [
            data(512, answer),
            data(640, iovec(saw_at, 6)),
            data(648, iovec(656, 6)),
            data(656, "insidesecret"),
            data(8192, path),
        ]
        .concat(),
        ..Guest::default()
    };
    let grants = GRANTS.map(|grant| grant.replace("ROOT/", &place.path("")));
    let builder = grants.iter().fold(Runtime::builder(), |builder, grant| {
        builder.grant("odd", grant.parse().unwrap())
    });
    guest.load_in(&builder.build().unwrap())
}

/// What preview 1 answered: nothing but `inside`, or an error.
fn saw_inside(plugin: &Plugin) -> bool {
    let seen = plugin.observe(&Config::new()).unwrap().evidence;
    let (errno, saw) = (&seen.data["errno"], &seen.data["saw"]);
    let told = (errno.as_str().unwrap(), saw.as_str().unwrap());
    // Denied, or gone when its name was read back.
    assert!(
        matches!(told, ("00", "inside") | ("02" | "44", "nothin")),
        "{told:?}"
    );
    errno == "00"
}

/// The same by the host function, which is asked to read.
fn read_inside(plugin: &Plugin, request: &Value) -> bool {
    let reply = support::ask(plugin, request.clone());
    let refused = refused(&reply);
    assert!(refused || reply["content"] == "inside", "{reply}");
    !refused
}

fn refused(reply: &Value) -> bool {
    let code = reply["error"]["code"].as_str();
    assert!(matches!(code, None | Some("EACCES" | "ENOENT")), "{reply}");
    code.is_some()
}

#[test]
fn a_directory_exchanged_for_a_link_tells_nothing_by_the_host_functions() {
    let place = place();
    for (function, name, key, inside) in [
        ("fs_read", "file", "content", json!("aW5zaWRl")),
        ("fs_stat", "size", "size", json!(36)),
        ("fs_stat", "link", "target", json!("inside")),
        (
            "fs_list",
            "list",
            "entries",
            json!([{"name": "inside", "kind": "file"}]),
        ),
    ] {
        let plugin = place.plugin(function, &GRANTS);
        let path = place.path(&format!("open/way/{name}"));
        let request = json!({"path": path, "no_follow": name == "link"});
        race(
            || exchanged_and_back(&place),
            || {
                let reply = support::ask(&plugin, request.clone());
                let refused = refused(&reply);
                assert!(
                    refused || reply[key] == inside,
                    "{function} {name}: {reply}"
                );
                !refused
            },
        );
    }
}

#[test]
fn a_directory_exchanged_for_a_link_tells_nothing_by_preview_1() {
    let place = place();
    for (does, name) in [
        ("read", "file"),
        ("size", "size"),
        ("link", "link"),
        ("list", "list"),
    ] {
        let plugin = by_preview_1(&place, &format!("open/way/{name}"), does);
        race(|| exchanged_and_back(&place), || saw_inside(&plugin));
    }
}

/// A link that leads upwards leads elsewhere when the directory that it is in is elsewhere.
#[test]
fn a_directory_moved_out_and_back_tells_nothing() {
    let place = place();
    fs::create_dir_all(place.path("open/sub/deep")).unwrap();
    fs::write(place.path("closed/a.txt"), "secret").unwrap();
    symlink("../../a.txt", place.path("open/sub/deep/near")).unwrap();
    let change = || {
        for (from, to) in [("open/sub", "closed/sub"), ("closed/sub", "open/sub")] {
            fs::rename(place.path(from), place.path(to)).unwrap();
        }
    };
    let plugin = place.plugin("fs_read", &GRANTS);
    let request = json!({"path": place.path("open/sub/deep/near"), "encoding": "utf-8"});
    race(change, || read_inside(&plugin, &request));
    let plugin = by_preview_1(&place, "open/sub/deep/near", "read");
    race(change, || saw_inside(&plugin));
}

#[test]
fn a_second_name_exchanged_for_a_link_tells_nothing() {
    let place = place();
    fs::hard_link(place.path("open/a.txt"), place.path("open/f")).unwrap();
    symlink("../closed/file", place.path("open/g")).unwrap();
    let plugin = place.plugin("fs_read", &GRANTS);
    let request = json!({"path": place.path("open/f"), "encoding": "utf-8"});
    let change = || exchange(&place, "open/f", "open/g");
    race(change, || read_inside(&plugin, &request));
    let plugin = by_preview_1(&place, "open/f", "read");
    race(change, || saw_inside(&plugin));
}

/// Names and contents of what is not granted.
fn closed(place: &Place) -> BTreeSet<(String, Vec<u8>)> {
    let entries = fs::read_dir(place.path("closed")).unwrap();
    let one = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let dated = entry.metadata().unwrap().modified().unwrap();
        let content = fs::read(entry.path()).unwrap_or_default();
        (format!("{name} {dated:?}"), content)
    };
    entries.map(one).collect()
}

#[test]
fn nothing_outside_is_changed_meanwhile() {
    let place = place();
    let before = closed(&place);
    let change = || exchanged_and_back(&place);
    // The directory itself, whatever its name is at the moment.
    let directory = fs::File::open(place.path("open/way")).unwrap();
    let way = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    for mode in ["replace", "append", "create"] {
        let plugin = place.plugin("fs_write", &GRANTS);
        let mut number = 0;
        race(change, || {
            number += 1;
            let name = if mode == "create" {
                format!("new{number}")
            } else {
                "file".to_owned()
            };
            let path = place.path(&format!("open/way/{name}"));
            let request =
                json!({"path": path, "content": "inside", "encoding": "utf-8", "mode": mode});
            !refused(&support::ask(&plugin, request))
        });
        assert!(closed(&place) == before, "{mode}");
    }
    for (does, name) in [
        ("write", "file"),
        ("truncate", "file"),
        ("date", "file"),
        ("make", "made"),
        ("remove", "file"),
    ] {
        let plugin = by_preview_1(&place, &format!("open/way/{name}"), does);
        race(change, || {
            // What it made or removed is so only once.
            match does {
                "make" => drop(fs::remove_dir(way.join(name))),
                "remove" => fs::write(way.join(name), "inside").unwrap(),
                _ => {}
            }
            let seen = plugin.observe(&Config::new()).unwrap().evidence;
            seen.data["errno"] == "00"
        });
        assert!(closed(&place) == before, "{does}");
    }
}
