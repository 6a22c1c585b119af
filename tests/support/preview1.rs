//! The numbers of preview 1, and places for scripts to work in.

use super::place::named;
pub use super::script::*;
use std::fs;
use tempfile::TempDir;
use tollgate::{Runtime, RuntimeBuilder, world::Simulated};

pub const ACCES: u16 = 2;
pub const BADF: u16 = 8;
pub const EXIST: u16 = 20;
pub const FAULT: u16 = 21;
pub const FBIG: u16 = 22;
pub const ILSEQ: u16 = 25;
pub const INVAL: u16 = 28;
pub const ISDIR: u16 = 31;
pub const LOOP: u16 = 32;
pub const MFILE: u16 = 33;
pub const NAMETOOLONG: u16 = 37;
pub const NOENT: u16 = 44;
pub const NOSPC: u16 = 51;
pub const NOTDIR: u16 = 54;
pub const NOTEMPTY: u16 = 55;
pub const NOTSOCK: u16 = 57;
pub const NOTSUP: u16 = 58;
pub const SPIPE: u16 = 70;

pub const ROOT: i64 = 3;
/// The number that the first thing to be opened gets.
pub const FIRST: i64 = 4;
/// Outside every memory of these tests.
pub const NOWHERE: i64 = 0xFFFF_FF00;
/// Base rights as the Go runtime sends them.
pub const READING: i64 = 0x0FF7_FEBE;
pub const WRITING: i64 = 0x0FFF_BFFD;
pub const BOTH: i64 = 0x0FFF_FFFF;
pub const CREAT: i64 = 1;
pub const DIRECTORY: i64 = 2;
pub const EXCL: i64 = 4;
pub const TRUNC: i64 = 8;
pub const APPEND: i64 = 1;
pub const FOLLOW: i64 = 1;

/// A directory with a file, and a script that may do everything there.
pub fn place() -> (TempDir, Script) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    fs::write(path.join("file"), "0123456789").unwrap();
    let path = named(&path);
    let mut script = Script::new(&path);
    for grant in ["read", "write"] {
        script.grant(&format!("fs:{grant}:{path}"));
        script.grant(&format!("fs:{grant}:{path}/**"));
    }
    (directory, script)
}

/// The same, but nothing may be written.
pub fn readable() -> (TempDir, Script) {
    let (directory, mut script) = place();
    script.grants.retain(|grant| grant.starts_with("fs:read:"));
    (directory, script)
}

/// Runs the same steps on the operating system and in a simulated world, in a directory with these
/// files (with the content `0123456789`) and directories (which end in `/`). `@` in a grant is the
/// directory.
///
/// Returns what was reported, as JSON with `@` for the directory: the same in both.
pub fn in_both_worlds(names: &[&str], grants: &[&str], steps: impl Fn(&mut Script)) -> Vec<String> {
    in_both_worlds_with(names, grants, |builder| builder, steps)
}

/// The same with further options for the runtime.
pub fn in_both_worlds_with(
    names: &[&str],
    grants: &[&str],
    options: impl Fn(RuntimeBuilder) -> RuntimeBuilder,
    steps: impl Fn(&mut Script),
) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    let mut world = Simulated::new()
        .directory("/place")
        .at(&named(&std::env::current_dir().unwrap()));
    for name in names {
        match name.strip_suffix('/') {
            Some(name) => {
                fs::create_dir(root.join(name)).unwrap();
                world = world.directory(&format!("/place/{name}"));
            }
            None => {
                fs::write(root.join(name), "0123456789").unwrap();
                world = world.file(&format!("/place/{name}"), "0123456789");
            }
        }
    }
    let run = |root: &str, builder: RuntimeBuilder| {
        let mut script = Script::new(root);
        for grant in grants {
            script.grant(&grant.replace('@', root));
        }
        steps(&mut script);
        let events = script.watch(options(builder));
        let events = events.unwrap_or_else(|error| panic!("{root}: {}", error.report()));
        let text = |event| serde_json::to_string(event).unwrap().replace(root, "@");
        events.iter().map(text).collect::<Vec<_>>()
    };
    let real = run(&named(&root), Runtime::builder());
    let simulated = run("/place", Runtime::builder().world(move || world.clone()));
    assert_eq!(real, simulated);
    real
}
