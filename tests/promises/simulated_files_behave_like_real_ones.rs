//! Files of a simulated world behave like files on a Linux disk, for plugins in every language:
//! existing plugins run in both, and each reply is compared. Unit tests in the crate compare arbitrary
//! sequences of effects.

use crate::support::{self, go};

use serde_json::{Value, json};
use support::Guest;
use tollgate::{
    Config, Plugin, Runtime,
    abi::rfc3339::{self, Moment},
    world::{Simulated, World},
};

/// A plugin in a simulated world, which may read and write everything.
fn relay(function: &str, world: &Simulated) -> Plugin {
    let world = world.clone();
    let runtime = Runtime::builder()
        .world(move || world.clone())
        .grant("odd", "fs:read:/**".parse().unwrap())
        .grant("odd", "fs:write:/**".parse().unwrap())
        .build()
        .unwrap();
    Guest::relay(function).load_in(&runtime)
}

fn ask(function: &str, world: &Simulated, request: Value) -> Value {
    support::ask(&relay(function, world), request)
}

fn code(reply: &Value) -> &str {
    reply["error"]["code"].as_str().unwrap_or("none")
}

#[cfg(target_os = "linux")]
mod at_once {
    use super::*;
    use std::{fs, os::unix::fs::symlink, path::Path};
    use tollgate::{
        effect::{Answer, Effect, FileKind, Refusal, Stat},
        gate::{Checkpoint, Permitted},
        world::System,
    };

    /// The disk, with a made-up world beside it that must say the same of every file.
    struct Both {
        real: System,
        simulated: Simulated,
    }

    impl World for Both {
        fn perform(
            &mut self,
            effect: &Effect,
            gate: &Checkpoint<'_>,
        ) -> Result<Permitted, Refusal> {
            let reply = self.real.perform(effect, gate);
            let is_of_files = !matches!(
                effect,
                Effect::Now { .. }
                    | Effect::Random { .. }
                    | Effect::Sleep { .. }
                    | Effect::Variables
            );
            if is_of_files {
                let simulated = self.simulated.perform(effect, gate);
                assert_eq!(told(&reply), told(&simulated), "{effect:?}");
            }
            reply
        }

        fn real_name(&self, path: &str) -> Option<String> {
            let name = self.real.real_name(path);
            assert_eq!(name, self.simulated.real_name(path), "{path}");
            name
        }

        fn working_directory(&self) -> String {
            self.real.working_directory()
        }
    }

    /// A reply without what no two file systems have in common: numbers, times and owners, and how
    /// large directories are.
    fn told(reply: &Result<Permitted, Refusal>) -> String {
        let plain = |stat: &Stat| {
            let size = match stat.kind {
                FileKind::Directory => 0,
                _ => stat.size,
            };
            format!("{:?} {size} {:o} {:?}", stat.kind, stat.mode, stat.target)
        };
        let permitted = match reply {
            Ok(permitted) => permitted,
            Err(refusal) => return format!("{refusal:?}"),
        };
        match permitted.as_answer() {
            Answer::Stat(stat) => plain(stat),
            Answer::Opened { handle, stat } => format!("{handle} {}", plain(stat)),
            Answer::Entries(entries) => {
                let entries = entries.iter().map(|entry| (&entry.name, entry.kind));
                format!("{:?}", entries.collect::<Vec<_>>())
            }
            other => format!("{other:?}"),
        }
    }

    fn both(root: &Path) -> impl Fn() -> Both + Send + Sync + 'static {
        let real = root.to_str().unwrap();
        fs::create_dir_all(root.join("deep/er")).unwrap();
        fs::write(root.join("text"), "some text").unwrap();
        fs::write(root.join("deep/er/empty"), "").unwrap();
        symlink("text", root.join("link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("/", root.join("root")).unwrap();
        let simulated = Simulated::new()
            .at(real)
            .file("text", "some text")
            .file("deep/er/empty", "")
            .link("link", "text")
            .link("dangling", "nowhere")
            .link("root", "/");
        let root = root.to_owned();
        move || Both {
            real: System::at(&root).unwrap(),
            simulated: simulated.clone(),
        }
    }

    /// What each step leaves is gone from the made-up world with the instance, so every plugin does
    /// all it does in one call, or begins from the same files.
    #[test]
    fn for_a_go_plugin() {
        for (op, path, to) in [
            ("read", "text", ""),
            ("read", "nothing", ""),
            ("observe", "link", ""),
            ("observe", "dangling", ""),
            ("observe", "root/etc/hosts", ""),
            ("list", "", ""),
            ("walk", "", ""),
            ("stat", "deep", ""),
            ("lstat", "link", ""),
            ("readlink", "link", ""),
            ("readlink", "text", ""),
            ("write", "new", ""),
            ("write", "text", ""),
            ("write", "dangling", ""),
            ("append", "link", ""),
            ("edit", "text", ""),
            ("mkdir", "deep/er/and/deeper", ""),
            ("mkdir", "text/below", ""),
            ("rename", "text", "deep/text"),
            ("rename", "deep", "deep/er/below"),
            ("rename", "text", "deep"),
            ("remove", "text", ""),
            ("remove", "deep", ""),
            ("remove-all", "deep", ""),
            ("symlink", "another", "deep/er"),
            ("chtimes", "link", ""),
        ] {
            let kept = tempfile::tempdir().unwrap();
            let root = kept.path().canonicalize().unwrap();
            let absolute = |name: &str| root.join(name).to_str().unwrap().to_owned();
            let mut builder = Runtime::builder().world(both(&root));
            for grant in ["read", "write"] {
                let root = root.display();
                builder = builder
                    .grant("go", format!("fs:{grant}:{root}").parse().unwrap())
                    .grant("go", format!("fs:{grant}:{root}/**").parse().unwrap());
            }
            let config = json!({
                "op": op, "path": absolute(path), "to": absolute(to), "content": "new", "amount": 7,
            });
            go::ask(&go::load(builder), config);
        }
    }

    #[test]
    fn for_a_c_and_an_assemblyscript_plugin() {
        let c: &[u8] = include_bytes!("../../fixtures/c-file/c-file.wasm");
        let assemblyscript: &[u8] = include_bytes!("../../fixtures/as-file/as-file.wasm");
        for (wasm, op, path) in [
            (c, "read", "text"),
            (c, "read", "none"),
            (c, "list", "deep"),
            (c, "write", "text"),
            (c, "write", "new"),
            (assemblyscript, "read", "link"),
            (assemblyscript, "read", "none"),
            (assemblyscript, "read", "deep"),
        ] {
            let kept = tempfile::tempdir().unwrap();
            let root = kept.path().canonicalize().unwrap();
            let grant = |verb: &str| format!("fs:{verb}:{}/**", root.display()).parse().unwrap();
            let runtime = Runtime::builder()
                .world(both(&root))
                .grant("plugin", grant("read"))
                .grant("plugin", grant("write"))
                .build()
                .unwrap();
            let plugin = runtime.load("plugin", wasm).unwrap();
            let path = root.join(path).to_str().unwrap().to_owned();
            let config = Config::new()
                .set("op", op)
                .set("path", path)
                .set("content", "more");
            plugin.observe(&config).unwrap();
        }
    }
}

/// Who asks owns everything, so the owner's bits decide.
#[test]
fn permission_bits_are_honoured() {
    let world = Simulated::new()
        .file("/secret", "x")
        .mode("/secret", 0o277)
        .file("/fixed", "x")
        .mode("/fixed", 0o444)
        .file("/closed/file", "x")
        .mode("/closed", 0o677)
        .file("/still/file", "x")
        .mode("/still", 0o577)
        .file("/blind/file", "x")
        .mode("/blind", 0o377);
    let read = |path: &str| ask("fs_read", &world, json!({"path": path}));
    assert_eq!(code(&read("/secret")), "EACCES");
    assert_eq!(code(&read("/fixed")), "none");
    assert_eq!(code(&read("/closed/file")), "EACCES");
    assert_eq!(code(&read("/closed/none")), "EACCES");
    assert_eq!(code(&read("/blind/file")), "none");
    let list = |path: &str| ask("fs_list", &world, json!({"path": path}));
    assert_eq!(code(&list("/blind")), "EACCES");
    assert_eq!(code(&list("/still")), "none");
    let write = |path: &str, mode: &str| {
        let request = json!({"path": path, "content": "eQ==", "mode": mode});
        ask("fs_write", &world, request)
    };
    assert_eq!(code(&write("/fixed", "append")), "EACCES");
    // A new file takes the place of the old one, which the directory allows.
    assert_eq!(code(&write("/fixed", "replace")), "none");
    assert_eq!(code(&write("/still/file", "replace")), "EACCES");
    assert_eq!(code(&write("/still/new", "create")), "EACCES");
    let stat = ask("fs_stat", &world, json!({"path": "/secret"}));
    assert_eq!(stat["mode"], 0o277);
}

#[test]
fn what_a_world_says_of_a_file_is_told() {
    let moment = rfc3339::parse("2001-02-03T04:05:06.5Z").unwrap();
    let world = Simulated::new()
        .start(Moment {
            seconds: 9,
            nanos: 0,
        })
        .file("/a", "four")
        .owner("/a", 12, 34)
        .modified("/a", moment)
        .hard_link("/b", "/a")
        .link("/c", "a");
    let stat = |path: &str, no_follow: bool| {
        ask(
            "fs_stat",
            &world,
            json!({"path": path, "no_follow": no_follow}),
        )
    };
    for path in ["/a", "/b", "/c"] {
        let found = stat(path, false);
        assert_eq!((&found["uid"], &found["gid"]), (&json!(12), &json!(34)));
        assert_eq!(found["modified"], "2001-02-03T04:05:06.5Z");
    }
    let link = stat("/c", true);
    assert_eq!(
        (&link["kind"], &link["target"]),
        (&json!("symlink"), &json!("a"))
    );
    assert_eq!(link["modified"], "1970-01-01T00:00:09Z");
}

#[test]
fn every_call_begins_with_the_world_as_it_was() {
    let world = Simulated::new().file("/file", "old");
    let plugin = go_in(&world);
    let size = |config: Value| go::data(&plugin, config)["size"].clone();
    go::data(
        &plugin,
        json!({"op": "append", "path": "/file", "content": "er"}),
    );
    go::data(
        &plugin,
        json!({"op": "write", "path": "/new", "content": "x"}),
    );
    assert_eq!(size(json!({"op": "stat", "path": "/file"})), 3);
    let seen = go::data(&plugin, json!({"op": "observe", "path": "/new"}));
    assert_eq!(seen, json!({"exists": false}));
}

fn go_in(world: &Simulated) -> Plugin {
    let world = world.clone();
    let everything = |verb: &str| format!("fs:{verb}:/**").parse().unwrap();
    go::load(
        Runtime::builder()
            .world(move || world.clone())
            .grant("go", everything("read"))
            .grant("go", everything("write")),
    )
}

#[test]
fn a_world_takes_no_more_than_it_has_room_for() {
    let world = Simulated::new().file("/big", vec![0; 100_000]).room(10_000);
    let write = |path: &str, length: usize| {
        let content = tollgate::abi::base64::encode(&vec![b'x'; length]);
        let request = json!({"path": path, "content": content, "mode": "replace"});
        ask("fs_write", &world, request)
    };
    assert_eq!(code(&write("/new", 9_000)), "none");
    assert_eq!(code(&write("/new", 10_000)), "ENOSPC");
    assert_eq!(code(&write("/big", 50_000)), "ENOSPC");
}

#[test]
fn later_pieces_of_a_world_make_earlier_ones_give_way() {
    let world = Simulated::new()
        .at("/home/me")
        .file("/a", "1")
        .file("/a/b", "2")
        .file("c", "3")
        .file("../you/d", "4")
        .directory("/a")
        .link("/home/me/c", "/a/b")
        .hard_link("/none", "/missing")
        .hard_link("/none", "/a")
        .mode("/missing", 0);
    assert_eq!(world.working_directory(), "/home/me");
    assert_eq!(world.real_name("c").as_deref(), Some("/a/b"));
    assert_eq!(
        world.real_name("/home/you/d").as_deref(),
        Some("/home/you/d")
    );
    assert_eq!(world.real_name("/none"), None);
    assert_eq!(world.real_name("/a/b/c"), None);
    let read = ask("fs_read", &world, json!({"path": "c", "encoding": "utf-8"}));
    assert_eq!(read["content"], "2");
}
