//! Paths: as text against a resolver that works the other way round, and on a real file system
//! against what the operating system itself says that they lead to.

use crate::{
    driver::{self, Arg, Call, DATA, JSON, WASI},
    input::Input,
    run::{checked, limits, runtime},
    world::Seen,
};
use serde_json::{Value, json};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};
use tollgate::{
    Config, ModuleCache, Plugin, Runtime, RuntimeBuilder, capability::path, effect::Effect,
    world::Simulated,
};

/// Any text as a path, through both dialects: the effect carries the path that is meant.
pub fn paths(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(5000)]);
    let request = json!({ "path": text }).to_string();
    let stat = JSON
        .iter()
        .position(|function| function.name == "fs_stat")
        .unwrap_or(0);
    let examine = WASI
        .iter()
        .position(|(name, _)| *name == "path_filestat_get");
    let at = |offset: usize| u64::from(DATA) + offset as u64;
    let calls = [
        Call {
            function: stat,
            args: vec![Arg::Number(at(0) << 32 | request.len() as u64)],
        },
        Call {
            function: JSON.len() + 1 + examine.unwrap_or(0),
            args: [3, 1, at(request.len()), text.len() as u64, 0x400]
                .map(Arg::Number)
                .to_vec(),
        },
    ];
    let memory = [request.as_bytes(), text.as_bytes()].concat();
    let seen = Seen::default();
    let module = driver::plugin(&calls, &memory);
    let plugin = runtime(&[], &seen).load("fuzzed", &module);
    let _ = checked(
        plugin
            .expect("the driver is a plugin")
            .observe(&Config::new()),
    );

    let mut expected = Vec::new();
    if !text.is_empty() && !text.contains('\0') {
        expected.push(without_end(&in_order("/data/work", &text, true)));
        if text.len() <= 4096 {
            expected.push(in_order("/", &text, false));
        }
        // As text, the path is the same as the capabilities take it.
        let own = path::absolute(&text, Some("/data/work"));
        assert_eq!(own, Some(resolved("/", &expected[0]).into()));
        assert_eq!(own, Some(resolved("/data/work", &text).into()));
    }
    let found = seen.lock().expect("no other thread");
    let found: Vec<&str> = found
        .iter()
        .map(|effect| match effect {
            Effect::Stat { path, .. } => path.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, expected, "{text:?}");
}

/// The absolute path with everything that decides where it leads. Without links in `base`, `..` at the
/// beginning of a relative path leads there by name.
fn in_order(base: &str, path: &str, base_is_real: bool) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    let mut all: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    let is_absolute = path.starts_with('/');
    if is_absolute {
        all.clear();
    }
    if is_absolute || base_is_real || all.is_empty() {
        all.truncate(all.len().saturating_sub(up));
        all.extend(&parts[up..]);
    } else {
        all.extend(&parts);
    }
    let last = path.split('/').rfind(|part| !part.is_empty());
    let end = match last {
        _ if all.is_empty() => "/",
        Some(".") => "/.",
        _ if path.ends_with('/') => "/",
        _ => "",
    };
    all.iter()
        .map(|part| format!("/{part}"))
        .collect::<String>()
        + end
}

fn without_end(path: &str) -> String {
    let named = path.strip_suffix("/.").unwrap_or(path);
    match named.strip_suffix('/').unwrap_or(named) {
        "" => "/".to_owned(),
        named => named.to_owned(),
    }
}

/// The absolute path without `.`, `..` and `//`: from the end to the beginning, each `..` skipping
/// a name before it.
fn resolved(base: &str, path: &str) -> String {
    let whole = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{base}/{path}"),
    };
    let mut skip = 0;
    let mut resolved = String::new();
    for part in whole.rsplit('/') {
        match part {
            "" | "." => {}
            ".." => skip += 1,
            _ if skip > 0 => skip -= 1,
            name => resolved = format!("/{name}{resolved}"),
        }
    }
    if resolved.is_empty() {
        "/".to_owned()
    } else {
        resolved
    }
}

/// Names of a directory full of links, on the operating system: what is told is what the system
/// says is there, and never of what lies outside the grant.
pub fn linked_paths(data: &[u8]) {
    let place = &*PLACE;
    let mut input = Input(data);
    let follow = input.byte() % 2 == 0;
    let names = (0..input.byte() % 8).map(|_| format!("/{}", input.choose(NAMES)));
    let asked = format!("{}/in{}", place.root, names.collect::<String>());
    let request = json!({"path": asked, "no_follow": !follow});
    let config = Config::try_from(request).expect("it is an object");
    let ask = |plugin: &Plugin| {
        let seen = checked(plugin.observe(&config)).expect("the relay answers");
        Value::Object(seen.evidence.data)
    };
    let told = ask(&place.stat);
    // The same directory in memory is told the same of, but for owners and times, and for what
    // this machine has elsewhere.
    let simulated = ask(&place.simulated);
    let is_same = ["kind", "size", "target"]
        .iter()
        .all(|key| told[key] == simulated[key])
        && ["type", "code"]
            .iter()
            .all(|key| told["error"][key] == simulated["error"][key]);
    assert!(is_same, "{asked}: {told} and simulated {simulated}");
    let error = told["error"]["type"].as_str();

    let named = PathBuf::from(without_end(&in_order("/", &asked, true)));
    if leaves_what_is_closed(&named, &place.root) {
        assert_eq!(error, Some("capability"), "{asked}: {told}");
        return;
    }
    match real(&named, follow) {
        Ok(real) => {
            let open = Path::new(&place.root).join("in");
            if real != open && open.starts_with(&real) && error.is_none() {
                // Above what is granted: that it is a directory, and no more.
                let zeros = ["size", "mode", "uid", "gid"].map(|key| told[key] == 0);
                assert!(told["kind"] == "directory" && zeros == [true; 4], "{told}");
                return;
            }
            let inside = real.starts_with(&open);
            let expected = if inside { None } else { Some("capability") };
            assert_eq!(error, expected, "{asked} is {real:?}: {told}");
            if inside {
                let metadata = fs::symlink_metadata(&real).expect("it is there");
                let kind = match metadata.file_type() {
                    kind if kind.is_dir() => "directory",
                    kind if kind.is_symlink() => "symlink",
                    _ => "file",
                };
                assert_eq!(told["kind"], kind, "{asked}: {told}");
                assert_eq!(told["size"], metadata.len(), "{asked}: {told}");
            }
        }
        Err(_) => assert!(error.is_some(), "{asked} leads nowhere: {told}"),
    }
}

/// Whether `..` leaves a directory that the plugin may not know of, so that the answer would tell whether
/// it exists: neither granted, nor above what is granted.
fn leaves_what_is_closed(named: &Path, root: &str) -> bool {
    let open = Path::new(root).join("in");
    let parts: Vec<_> = named.iter().collect();
    let left = (1..parts.len()).filter(|at| parts[*at] == ".." && parts[at - 1] != "..");
    left.map(|at| parts[..at].iter().collect::<PathBuf>())
        .map_while(|directory| directory.canonicalize().ok())
        .any(|real| !real.starts_with(&open) && !open.starts_with(&real))
}

/// What the operating system says a path leads to.
fn real(named: &Path, follow: bool) -> io::Result<PathBuf> {
    let whole = named.canonicalize();
    match (named.parent(), named.file_name()) {
        (Some(parent), Some(name)) if !follow => {
            let entry = parent.canonicalize()?.join(name);
            fs::symlink_metadata(&entry)?;
            Ok(entry)
        }
        _ => whole,
    }
}

const NAMES: &[&str] = &[
    "out", "a", "d", "b", "up", "abs", "loop", "gone", "etc", "self", "secret", "..", ".", "",
    "passwd", "far", "é", "back", "in",
];

struct Place {
    root: String,
    stat: Plugin,
    simulated: Plugin,
    _directory: tempfile::TempDir,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let root = directory.path().canonicalize().expect("it is there");
    build(&root).expect("links can be made");
    let root = root.to_str().expect("it has a plain name").to_owned();
    let relay = wat::parse_str(RELAY).expect("the relay is a module");
    let load = |builder: RuntimeBuilder| {
        let grant = format!("fs:read:{root}/in/**").parse().expect("a grant");
        let runtime = builder
            .limits(limits())
            .module_cache(ModuleCache::new())
            .grant("fuzzed", grant)
            .build();
        let runtime = runtime.expect("these options can be");
        runtime
            .load("fuzzed", &relay)
            .expect("the relay is a plugin")
    };
    let twin = twin(&root);
    Place {
        stat: load(Runtime::builder()),
        simulated: load(Runtime::builder().world(move || twin.clone())),
        root,
        _directory: directory,
    }
});

/// The same files and links in memory.
fn twin(root: &str) -> Simulated {
    let at = |name: &str| format!("{root}/{name}");
    let files = [
        ("in/a", "aa"),
        ("in/d/b", "bbb"),
        ("in/é", "é"),
        ("out/secret", "secret"),
    ];
    let files = files
        .iter()
        .fold(Simulated::new(), |world, (name, content)| {
            world.file(&at(name), *content)
        });
    let out = at("out");
    let links = [
        ("in/d/up", ".."),
        ("in/out", "../out"),
        ("in/abs", out.as_str()),
        ("in/loop", "loop"),
        ("in/gone", "nothing/here"),
        ("in/etc", "/etc"),
        ("in/self", "/proc/self"),
        ("in/far", "d/../d/up/d"),
        ("out/back", "../in"),
    ];
    let world = links
        .iter()
        .fold(files, |world, (name, target)| world.link(&at(name), target));
    world.file("/etc/passwd", "").directory("/proc/self")
}

fn build(root: &Path) -> io::Result<()> {
    use std::os::unix::fs::symlink;
    fs::create_dir_all(root.join("in/d"))?;
    fs::create_dir(root.join("out"))?;
    fs::write(root.join("in/a"), "aa")?;
    fs::write(root.join("in/d/b"), "bbb")?;
    fs::write(root.join("in/é"), "é")?;
    fs::write(root.join("out/secret"), "secret")?;
    symlink("..", root.join("in/d/up"))?;
    symlink("../out", root.join("in/out"))?;
    symlink(root.join("out"), root.join("in/abs"))?;
    symlink("loop", root.join("in/loop"))?;
    symlink("nothing/here", root.join("in/gone"))?;
    symlink("/etc", root.join("in/etc"))?;
    symlink("/proc/self", root.join("in/self"))?;
    symlink("d/../d/up/d", root.join("in/far"))?;
    symlink("../in", root.join("out/back"))
}

/// Gives its config to `fs_stat` and answers with the reply as data.
const RELAY: &str = r#"(module
    (import "reglet_host" "fs_stat" (func $ask (param i64) (result i64)))
    (memory (export "memory") 8)
    (global $free (mut i32) (i32.const 0x20000))
    (data (i32.const 512) "{\"status\":true,\"data\":")
    (func $pack (param $ptr i32) (param $len i32) (result i64)
      (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
              (i64.extend_i32_u (local.get $len))))
    (func (export "allocate") (param $size i32) (result i32)
      (global.get $free)
      (global.set $free (i32.add (global.get $free) (local.get $size))))
    (func (export "describe") (result i64) (i64.const 0))
    (func (export "observe") (param $config i32) (param $len i32) (result i64)
      (local $reply i64) (local $at i32) (local $size i32)
      (local.set $reply (call $ask (call $pack (local.get $config) (local.get $len))))
      (local.set $at (i32.wrap_i64 (i64.shr_u (local.get $reply) (i64.const 32))))
      (local.set $size (i32.wrap_i64 (local.get $reply)))
      (memory.copy (i32.const 1024) (i32.const 512) (i32.const 22))
      (memory.copy (i32.const 1046) (local.get $at) (local.get $size))
      (i32.store8 (i32.add (i32.const 1046) (local.get $size)) (i32.const 125))
      (call $pack (i32.const 1024) (i32.add (i32.const 23) (local.get $size)))))"#;
