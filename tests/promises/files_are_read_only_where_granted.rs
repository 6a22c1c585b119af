//! A file is read only through a grant that covers the real path that its name leads to.
//!
//! On Windows making links needs a privilege; `windows_paths_are_denied_by_default` has its files.
#![cfg(unix)]

use crate::support;

use serde_json::json;
use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{Arc, Mutex},
};
use support::{Guest, ask, kind, place::Place};
use tollgate::{Config, Event, Limits, Runtime, world::System};

/// A granted part, a secret beside it, and links between them.
fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir_all(path("open/sub")).unwrap();
    fs::create_dir_all(path("closed")).unwrap();
    fs::write(path("open/a.txt"), "hello").unwrap();
    fs::write(path("open/sub/b.txt"), "below").unwrap();
    fs::write(path("closed/secret"), "secret").unwrap();
    symlink(path("closed/secret"), path("open/leak")).unwrap();
    symlink("../closed", path("open/leakdir")).unwrap();
    symlink("a.txt", path("open/inner")).unwrap();
    symlink(path("closed/nothing"), path("open/dangling")).unwrap();
    symlink("loop", path("open/loop")).unwrap();
    symlink(path("open"), path("alias")).unwrap();
    Place { root }
}

#[test]
fn a_granted_file_is_read() {
    let place = place();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    let path = place.path("open/a.txt");
    let reply = ask(&plugin, json!({"path": path}));
    assert_eq!(
        reply,
        json!({"content": "aGVsbG8=", "encoding": "base64", "size": 5})
    );
    let reply = ask(
        &plugin,
        json!({"path": path, "encoding": "utf-8", "offset": 1, "limit": 3}),
    );
    assert_eq!(
        reply,
        json!({"content": "ell", "encoding": "utf-8", "size": 5, "truncated": true})
    );
    assert_eq!(
        ask(&plugin, json!({"path": path, "offset": 99}))["content"],
        ""
    );
    // A relative path starts at the working directory.
    assert_eq!(
        ask(&plugin, json!({"path": "open/sub/../a.txt"}))["content"],
        "aGVsbG8="
    );
    // A link that stays inside is as good as its target.
    assert_eq!(
        ask(&plugin, json!({"path": place.path("open/inner")}))["content"],
        "aGVsbG8="
    );
    // So is the same directory by another name.
    assert_eq!(
        ask(&plugin, json!({"path": place.path("alias/a.txt")}))["content"],
        "aGVsbG8="
    );
}

#[test]
fn what_leads_out_is_denied() {
    let place = place();
    for function in ["fs_read", "fs_stat"] {
        let plugin = place.plugin(function, &["fs:read:ROOT/open/**"]);
        for name in [
            "closed/secret",
            "closed/missing",
            "open/../closed/secret",
            "open/leak",
            "open/leakdir/secret",
            "open/leakdir/missing",
            "open/dangling",
            "open/sub/../../closed/secret",
            "alias/../closed/secret",
            "closed",
        ] {
            let reply = ask(&plugin, json!({"path": place.path(name)}));
            assert_eq!(kind(&reply), "capability", "{function} {name}: {reply}");
            assert_eq!(reply["error"]["code"], "EACCES");
            let text = reply.to_string();
            assert!(!text.contains("c2VjcmV0"), "{name}: {text}");
        }
        for tricky in [
            "/proc/self/root/etc/passwd",
            "/proc/self/environ",
            "/dev/null",
        ] {
            assert_eq!(
                kind(&ask(&plugin, json!({"path": tricky}))),
                "capability",
                "{tricky}"
            );
        }
        // The way to what is granted can be seen, and not read.
        let root = ask(&plugin, json!({"path": "/"}));
        match function {
            "fs_stat" => assert_eq!(
                (&root["kind"], &root["mode"]),
                (&json!("directory"), &json!(0))
            ),
            _ => assert_eq!(kind(&root), "capability"),
        }
    }
}

#[test]
fn the_denial_names_plugin_request_and_grant() {
    let place = place();
    let path = place.path("closed/secret");
    let without = place.plugin("fs_read", &[]);
    let message = ask(&without, json!({"path": path}))["error"]["message"].to_string();
    for part in [
        "permission denied: no capabilities granted to plugin odd".to_owned(),
        format!("asked for fs:read:{path}"),
        format!("the grant fs:read:{path} would allow it"),
    ] {
        assert!(message.contains(&part), "{message}");
    }
    let other = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    let message = ask(&other, json!({"path": path}))["error"]["message"].to_string();
    assert!(
        message.contains(&format!("capability denied: fs:read:{path}")),
        "{message}"
    );
    // Where a link leads is not the guest's to know.
    let message =
        ask(&other, json!({"path": place.path("open/leak")}))["error"]["message"].to_string();
    assert!(
        message.contains("symbolic link") && !message.contains("closed"),
        "{message}"
    );
}

#[test]
fn following_the_advice_of_a_denial_helps() {
    let place = place();
    for name in ["closed/secret", "open/leak", "alias/a.txt"] {
        let path = place.path(name);
        let plugin = place.plugin("fs_read", &[&format!("fs:read:{path}")]);
        assert_eq!(kind(&ask(&plugin, json!({"path": path}))), "none", "{name}");
    }
}

#[test]
fn a_grant_naming_a_link_covers_the_target_of_that_day() {
    let place = place();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/leak"]);
    let leak = json!({"path": place.path("open/leak")});
    assert_eq!(ask(&plugin, leak.clone())["content"], "c2VjcmV0");
    fs::write(place.path("closed/other"), "other").unwrap();
    fs::remove_file(place.path("open/leak")).unwrap();
    symlink(place.path("closed/other"), place.path("open/leak")).unwrap();
    assert_eq!(kind(&ask(&plugin, leak)), "capability");
}

#[test]
fn what_is_granted_and_missing_is_not_found() {
    let place = place();
    for function in ["fs_read", "fs_stat"] {
        let plugin = place.plugin(function, &["fs:read:ROOT/open/**"]);
        for (name, code, not_found) in [
            ("open/missing", "ENOENT", true),
            ("open/missing/deeper", "ENOENT", true),
            ("open/a.txt/deeper", "ENOTDIR", false),
            ("open/loop", "ELOOP", false),
        ] {
            let reply = ask(&plugin, json!({"path": place.path(name)}));
            assert_eq!(
                (kind(&reply), &reply["error"]["code"]),
                ("fs", &json!(code)),
                "{name}"
            );
            assert_eq!(
                reply["error"]["is_not_found"] == json!(true),
                not_found,
                "{name}"
            );
        }
        let long = format!("open/{}", "x".repeat(300));
        let reply = ask(&plugin, json!({"path": place.path(&long)}));
        assert_eq!(reply["error"]["code"], "ENAMETOOLONG");
    }
}

#[test]
fn stat_tells_what_it_is() {
    let place = place();
    let plugin = place.plugin("fs_stat", &["fs:read:ROOT/open/**"]);
    let file = ask(&plugin, json!({"path": place.path("open/a.txt")}));
    assert_eq!((&file["kind"], &file["size"]), (&json!("file"), &json!(5)));
    assert!(file["modified"].as_str().unwrap().starts_with("20"));
    let directory = ask(&plugin, json!({"path": place.path("open")}));
    assert_eq!(directory["kind"], "directory");
    let link = ask(
        &plugin,
        json!({"path": place.path("open/inner"), "no_follow": true}),
    );
    assert_eq!(
        (&link["kind"], &link["target"]),
        (&json!("symlink"), &json!("a.txt"))
    );
    // The link itself lies inside, and reading it follows nothing.
    let leak = ask(
        &plugin,
        json!({"path": place.path("open/leak"), "no_follow": true}),
    );
    assert_eq!(leak["kind"], "symlink");
}

#[test]
fn only_regular_files_are_read() {
    let place = place();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**", "fs:read:/dev/**"]);
    let reply = ask(&plugin, json!({"path": place.path("open/sub")}));
    assert_eq!(reply["error"]["code"], "EISDIR");
    for device in ["/dev/zero", "/dev/full"] {
        let reply = ask(&plugin, json!({"path": device}));
        assert_eq!(
            (kind(&reply), &reply["error"]["code"]),
            ("capability", &json!("EACCES")),
            "{device}"
        );
    }
    // It never waits and has no content.
    assert_eq!(ask(&plugin, json!({"path": "/dev/null"}))["content"], "");
    let fifo = place.path("open/fifo");
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(made.success());
    // Opening a FIFO would wait for a writer for ever.
    assert_eq!(
        ask(&plugin, json!({"path": fifo}))["error"]["code"],
        "EACCES"
    );
}

#[test]
fn requests_that_make_no_sense_are_refused_in_words() {
    let place = place();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    for (request, expected, part) in [
        (json!({}), "config", "path cannot be empty"),
        (json!({"path": "a\u{0}b"}), "config", "NUL"),
        (
            json!({"path": "x", "encoding": "rot13"}),
            "config",
            "unknown encoding",
        ),
        (
            json!({"path": 7}),
            "internal",
            "failed to unmarshal fs_read request",
        ),
        (
            json!({"path": "x", "context": {"Canceled": true}}),
            "timeout",
            "canceled",
        ),
    ] {
        let reply = ask(&plugin, request.clone());
        assert_eq!(kind(&reply), expected, "{request}: {reply}");
        assert!(
            reply["error"]["message"].as_str().unwrap().contains(part),
            "{reply}"
        );
    }
    fs::write(place.path("open/binary"), b"ab\xFF").unwrap();
    let binary = json!({"path": place.path("open/binary"), "encoding": "utf-8"});
    let reply = ask(&plugin, binary);
    assert!(
        reply["error"]["message"]
            .as_str()
            .unwrap()
            .contains("from byte 2"),
        "{reply}"
    );
}

#[test]
fn a_reply_is_capped_and_says_so() {
    let place = place();
    let limits = Limits {
        reply_bytes: 4,
        ..Limits::default()
    };
    let plugin = place.plugin_with("fs_read", &["fs:read:ROOT/open/**"], limits);
    for limit in [0, 100] {
        let reply = ask(
            &plugin,
            json!({"path": place.path("open/a.txt"), "limit": limit}),
        );
        assert_eq!(reply["content"], "aGVsbA==");
        assert_eq!(reply["truncated"], true);
    }
}

#[test]
fn bytes_that_cross_are_counted_and_cost_fuel() {
    let place = place();
    fs::write(place.path("open/small"), vec![b'x'; 300]).unwrap();
    fs::write(place.path("open/large"), vec![b'x'; 30_000]).unwrap();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    let usage = |name: &str| {
        let config = Config::new().set("path", place.path(name));
        plugin.observe(&config).unwrap().usage
    };
    let (small, large) = (usage("open/small"), usage("open/large"));
    assert_eq!(small.host_calls, 1);
    let (more_in, more_fuel) = (large.bytes_in - small.bytes_in, large.fuel - small.fuel);
    assert!((39_000..41_000).contains(&more_in), "{more_in}");
    assert!(more_fuel >= more_in, "{more_fuel}");
}

#[test]
fn denials_reach_the_operator() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let runtime = Runtime::builder()
        .on_event(move |plugin, event| {
            if let Event::Denied(denial) = event {
                sink.lock()
                    .unwrap()
                    .push((plugin.to_owned(), denial.needs.as_str().to_owned()));
            }
        })
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_read").load_in(&runtime);
    ask(&plugin, json!({"path": "/etc/shadow"}));
    assert_eq!(
        *told.lock().unwrap(),
        [("odd".to_owned(), "fs:read:/etc/shadow".to_owned())]
    );
}

#[test]
fn a_link_swapped_all_the_time_never_leaks() {
    let place = place();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    let (link, next) = (place.path("open/swap"), place.path("open/next"));
    let targets = [place.path("open/a.txt"), place.path("closed/secret")];
    let swap = |target: &str| {
        let _ = fs::remove_file(&next);
        symlink(target, &next).unwrap();
        fs::rename(&next, &link).unwrap();
    };
    swap(&targets[0]);
    let done = std::sync::atomic::AtomicBool::new(false);
    let (mut read, mut denied) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                targets.iter().for_each(|target| swap(target));
            }
        });
        // Until both sides of the race were seen, and many times over.
        for round in 0..200_000 {
            let reply = ask(&plugin, json!({"path": link}));
            match kind(&reply) {
                "none" => {
                    assert_eq!(reply["content"], "aGVsbG8=");
                    read += 1;
                }
                "capability" => denied += 1,
                // The name was read back just after the link was replaced.
                _ => assert_eq!(reply["error"]["code"], "ENOENT", "{reply}"),
            }
            if round >= 2_000 && read > 100 && denied > 100 {
                break;
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(
        read > 0 && denied > 0,
        "the race was never run: {read} read, {denied} denied"
    );
}

#[test]
fn f5_every_call_is_checked_when_it_is_made() {
    let place = place();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/*.txt"]);
    for (name, expected) in [
        ("open/a.txt", "none"),
        ("open/sub/b.txt", "capability"),
        ("open/a.txt", "none"),
    ] {
        let reply = ask(&plugin, json!({"path": place.path(name)}));
        assert_eq!(kind(&reply), expected, "{name}");
    }
}

#[test]
fn f6_links_are_not_followed_out_of_what_is_granted() {
    let place = place();
    let absolute = place.path("closed/secret");
    for (name, target) in [("up", "../closed/secret"), ("far", absolute.as_str())] {
        symlink(target, place.path(&format!("open/{name}"))).unwrap();
        for function in ["fs_read", "fs_stat"] {
            let plugin = place.plugin(function, &["fs:read:ROOT/open/**"]);
            let reply = ask(
                &plugin,
                json!({"path": place.path(&format!("open/{name}"))}),
            );
            assert_eq!(kind(&reply), "capability", "{function} {name}");
        }
    }
}

#[test]
fn f11_a_grant_in_a_missing_directory_is_reported() {
    let place = place();
    let base = place.path("");
    let builder = Runtime::builder().world(move || System::at(Path::new(&base)).unwrap());
    let grants = [
        "fs:read:ROOT/open/**",
        "fs:read:ROOT/nowhere/**",
        "fs:write:ROOT/open/new.txt",
        "fs:write:ROOT/no/such/new.txt",
        "fs:read:open/*",
        "fs:read:gone/*",
        "network:outbound:80",
    ];
    let granted = grants.iter().fold(builder, |builder, grant| {
        let grant = grant.replace("ROOT/", &place.path(""));
        builder.grant("odd", grant.parse().unwrap())
    });
    let runtime = granted.build().unwrap();
    let missing: Vec<String> = runtime
        .missing_directories()
        .iter()
        .map(|(_, grant)| grant.to_string())
        .collect();
    assert_eq!(
        missing,
        [
            format!("fs:read:{}nowhere/**", place.path("")),
            format!("fs:write:{}no/such/new.txt", place.path("")),
            "fs:read:gone/*".to_owned(),
        ]
    );
}

/// Each name of a path costs the host a look; nobody may have it look half a million times.
#[test]
fn a_path_longer_than_any_system_takes_is_denied_at_once() {
    let place = place();
    let grant = format!("fs:read:{}", place.path("open/**"));
    let runtime = Runtime::builder().grant("odd", grant.parse().unwrap());
    let guest = Guest {
        memory: "(memory (export \"memory\") 64)",
        ..Guest::relay("fs_stat")
    };
    let plugin = guest.load_in(&runtime.build().unwrap());
    let start = std::time::Instant::now();
    let long = "/a".repeat(500_000);
    let reply = ask(&plugin, json!({"path": place.path(&format!("open{long}"))}));
    assert_eq!(kind(&reply), "capability");
    let took = start.elapsed();
    assert!(took.as_secs() < 20, "{took:?}");
}

/// Not even how it fails: the link leads to a loop, to a name, or to nothing.
#[test]
fn a_loop_outside_is_denied_like_anything_else_there() {
    let place = place();
    symlink("loop", place.path("closed/loop")).unwrap();
    symlink(place.path("closed/loop"), place.path("open/leakloop")).unwrap();
    for function in ["fs_read", "fs_stat", "fs_list"] {
        let plugin = place.plugin(function, &["fs:read:ROOT/open/**"]);
        for name in [
            "closed/loop",
            "closed/loop/x",
            "open/leakdir/loop",
            "open/leakloop",
        ] {
            let reply = ask(&plugin, json!({"path": place.path(name)}));
            assert_eq!(kind(&reply), "capability", "{function} {name}: {reply}");
        }
        // Inside it is told as what it is.
        let reply = ask(&plugin, json!({"path": place.path("open/loop")}));
        assert_eq!(reply["error"]["code"], "ELOOP", "{function}: {reply}");
    }
}

/// A reply that says only why there is none would be a way to have the host work for nothing.
#[test]
fn what_was_read_for_nothing_costs_fuel_too() {
    let place = place();
    fs::write(place.path("open/binary"), vec![0xFF; 1 << 20]).unwrap();
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    let request = json!({"path": place.path("open/binary"), "encoding": "utf-8"});
    let (fuel, reply) = support::cost(&plugin, request);
    assert_eq!(kind(&reply), "validation");
    assert!(fuel >= 1 << 20, "{fuel}");

    for number in 0..200 {
        fs::write(place.path(&format!("open/sub/{number:0200}")), "").unwrap();
    }
    let limits = Limits {
        reply_bytes: 100,
        ..Limits::default()
    };
    let plugin = place.plugin_with("fs_list", &["fs:read:ROOT/open/**"], limits);
    let (fuel, reply) = support::cost(&plugin, json!({"path": place.path("open/sub")}));
    assert_eq!(reply["truncated"], true);
    assert!(fuel >= 200 * 200, "{fuel}");
}
