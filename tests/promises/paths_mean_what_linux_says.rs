//! A path leads a plugin where it leads a Linux program: through links and back out of them by `..`, past
//! missing names, with a slash at its end, from an open directory that was renamed. One table and one
//! generator drive the operating system itself, the real and the simulated world, which must agree. And what
//! is not granted is neither read, nor does an answer depend on it.
#![cfg(target_os = "linux")]

use crate::support::{self, place::Place, preview1, share};

use preview1::{CREAT, DIRECTORY, EXCL, FIRST, FOLLOW, READING, ROOT, SCRATCH, Script, WRITING};
use proptest::prelude::*;
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, Mode, OFlags, Timespec, Timestamps},
    io::Errno,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::symlink, path::Path};
use support::{Guest, ask, kind};
use tollgate::{Plugin, Runtime, world::Simulated};

/// One call of a program. Paths are relative to the directory of the test.
#[derive(Clone, Debug)]
enum Step {
    /// Opens, and reads if that is asked for, and closes.
    Open(String, OFlags),
    Stat(String),
    Lstat(String),
    ReadLink(String),
    /// Sets the times; whether a link at the end is followed.
    Times(String, bool),
    Mkdir(String),
    Rmdir(String),
    Unlink(String),
    Rename(String, String),
    Link(String, String),
    Symlink(&'static str, String),
    /// Opens a directory, which stays open; it is the first that does.
    Hold(String),
    /// Opens what the path leads to from the open directory.
    From(String, OFlags),
    StatFrom(String),
    MkdirFrom(String),
    RenameFrom(String, String),
}

use Step::*;

/// What comes of a step: an error number of preview 1, or the text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Fails(u16),
    Done,
    Text(String),
}

const READ: OFlags = OFlags::RDONLY;

/// The number that preview 1 has for an error of Linux.
fn number(error: Errno) -> u16 {
    match error {
        Errno::ACCESS => 2,
        Errno::BUSY => 10,
        Errno::EXIST => 20,
        Errno::INVAL => 28,
        Errno::ISDIR => 31,
        Errno::LOOP => 32,
        Errno::NAMETOOLONG => 37,
        Errno::NOENT => 44,
        Errno::NOTDIR => 54,
        Errno::NOTEMPTY => 55,
        Errno::PERM => 63,
        other => panic!("{other:?}"),
    }
}

/// A tree: `name/` is a directory, `name -> target` a link, and `name` a file that holds its name.
fn on_disk<'a>(root: &Path, tree: impl IntoIterator<Item = &'a str>) {
    for entry in tree {
        let (name, target) = entry.split_once(" -> ").unwrap_or((entry, ""));
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if !target.is_empty() {
            symlink(target.replace("ROOT", root.to_str().unwrap()), path).unwrap();
        } else if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::write(path, name).unwrap();
        }
    }
}

fn made_up<'a>(root: &str, tree: impl IntoIterator<Item = &'a str>) -> Simulated {
    tree.into_iter().fold(Simulated::new(), |world, entry| {
        let (name, target) = entry.split_once(" -> ").unwrap_or((entry, ""));
        let path = format!("{root}/{name}");
        match (target, path.strip_suffix('/')) {
            ("", None) => world.file(&path, name),
            ("", Some(directory)) => world.directory(directory),
            (target, _) => world.link(&path, &target.replace("ROOT", root)),
        }
    })
}

/// The operating system itself, in a directory of its own.
struct Reference {
    root: OwnedFd,
    held: Option<OwnedFd>,
}

impl Reference {
    fn new(root: &Path) -> Reference {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        Reference {
            root: rustix::fs::open(root, flags, Mode::empty()).unwrap(),
            held: None,
        }
    }

    fn end(&mut self, step: &Step) -> End {
        match self.perform(step) {
            Ok(Some(text)) => End::Text(text),
            Ok(None) => End::Done,
            Err(error) => End::Fails(number(error)),
        }
    }

    fn perform(&mut self, step: &Step) -> Result<Option<String>, Errno> {
        use rustix::fs;
        let root = &self.root;
        let held = || self.held.as_ref().expect("a directory is open");
        let all = Mode::from_raw_mode(0o777);
        let open = |at: &OwnedFd, path: &str, flags| {
            let opened = fs::openat(at, path, flags, Mode::from_raw_mode(0o666))?;
            let kind = fs::FileType::from_raw_mode(fs::fstat(&opened)?.st_mode);
            if flags.contains(OFlags::WRONLY) || kind != fs::FileType::RegularFile {
                return Ok(None);
            }
            let mut text = vec![0; 64];
            let read = rustix::io::read(&opened, &mut text)?;
            text.truncate(read);
            Ok(Some(String::from_utf8(text).unwrap()))
        };
        let no_follow = AtFlags::SYMLINK_NOFOLLOW;
        match step {
            Open(path, flags) => return open(root, path, *flags),
            From(path, flags) => return open(held(), path, *flags),
            Stat(path) => drop(fs::statat(root, path, AtFlags::empty())?),
            Lstat(path) => drop(fs::statat(root, path, no_follow)?),
            StatFrom(path) => drop(fs::statat(held(), path, AtFlags::empty())?),
            ReadLink(path) => {
                let target = fs::readlinkat(root, path, Vec::new())?;
                return Ok(Some(target.into_string().unwrap()));
            }
            Times(path, follow) => {
                let second = Timespec {
                    tv_sec: 1,
                    tv_nsec: 0,
                };
                let times = Timestamps {
                    last_access: second,
                    last_modification: second,
                };
                let flags = if *follow { AtFlags::empty() } else { no_follow };
                fs::utimensat(root, path, &times, flags)?;
            }
            Mkdir(path) => fs::mkdirat(root, path, all)?,
            MkdirFrom(path) => fs::mkdirat(held(), path, all)?,
            Rmdir(path) => fs::unlinkat(root, path, AtFlags::REMOVEDIR)?,
            Unlink(path) => fs::unlinkat(root, path, AtFlags::empty())?,
            Rename(from, to) => fs::renameat(root, from, root, to)?,
            RenameFrom(from, to) => fs::renameat(held(), from, root, to)?,
            Link(from, to) => fs::linkat(root, from, root, to, AtFlags::empty())?,
            Symlink(target, path) => fs::symlinkat(*target, root, path)?,
            Hold(path) => self.held = Some(fs::openat(root, path, READ, Mode::empty())?),
        }
        Ok(None)
    }
}

/// The steps as a plugin makes them, with what must come of each.
fn script(root: &str, grants: &[String], steps: &[(Step, End)]) -> Script {
    let mut script = Script::new(root);
    for grant in grants {
        script.grant(grant);
    }
    // The directory of the test, in which paths begin.
    let (path, len) = script.text(root.trim_start_matches('/'));
    let rights = [0, READING, READING];
    let open = [
        ROOT, FOLLOW, path, len, rights[0], rights[1], rights[2], 0, SCRATCH,
    ];
    script.expect("path_open", &open, 0);
    let (here, held, next) = (FIRST, FIRST + 1, SCRATCH);
    let mut is_held = false;
    for (step, end) in steps {
        let errno = match end {
            End::Fails(errno) => *errno,
            _ => 0,
        };
        let mut text = |path: &str| script.text(path);
        let (name, args) = match step {
            Open(path, flags) | From(path, flags) => {
                let at = if matches!(step, From(..)) { held } else { here };
                let (path, len) = text(path);
                let has = |flag, bit| if flags.contains(flag) { bit } else { 0 };
                let oflags = has(OFlags::CREATE, CREAT)
                    | has(OFlags::EXCL, EXCL)
                    | has(OFlags::DIRECTORY, DIRECTORY);
                let follow = if flags.contains(OFlags::NOFOLLOW) {
                    0
                } else {
                    FOLLOW
                };
                let rights = if flags.contains(OFlags::WRONLY) {
                    WRITING
                } else {
                    READING
                };
                (
                    "path_open",
                    vec![at, follow, path, len, oflags, rights, 0, 0, next],
                )
            }
            Hold(path) => {
                let (path, len) = text(path);
                (
                    "path_open",
                    vec![here, FOLLOW, path, len, DIRECTORY, READING, 0, 0, next],
                )
            }
            Stat(path) | Lstat(path) | StatFrom(path) => {
                let at = if matches!(step, StatFrom(_)) {
                    held
                } else {
                    here
                };
                let follow = if matches!(step, Lstat(_)) { 0 } else { FOLLOW };
                let (path, len) = text(path);
                ("path_filestat_get", vec![at, follow, path, len, next])
            }
            ReadLink(path) => {
                let (path, len) = text(path);
                ("path_readlink", vec![here, path, len, next + 16, 64, next])
            }
            Times(path, follow) => {
                let (path, len) = text(path);
                let second = 1_000_000_000;
                let args = vec![here, i64::from(*follow), path, len, second, second, 5];
                ("path_filestat_set_times", args)
            }
            Mkdir(path) | MkdirFrom(path) => {
                let at = if matches!(step, MkdirFrom(_)) {
                    held
                } else {
                    here
                };
                let (path, len) = text(path);
                ("path_create_directory", vec![at, path, len])
            }
            Rmdir(path) => {
                let (path, len) = text(path);
                ("path_remove_directory", vec![here, path, len])
            }
            Unlink(path) => {
                let (path, len) = text(path);
                ("path_unlink_file", vec![here, path, len])
            }
            Rename(from, to) | RenameFrom(from, to) => {
                let at = if matches!(step, RenameFrom(..)) {
                    held
                } else {
                    here
                };
                let ((from, from_len), (to, to_len)) = (text(from), text(to));
                ("path_rename", vec![at, from, from_len, here, to, to_len])
            }
            Link(from, to) => {
                let ((from, from_len), (to, to_len)) = (text(from), text(to));
                ("path_link", vec![here, 0, from, from_len, here, to, to_len])
            }
            Symlink(target, path) => {
                let ((target, target_len), (path, len)) = (text(target), text(path));
                ("path_symlink", vec![target, target_len, here, path, len])
            }
        };
        script.expect(name, &args, errno);
        let opened = if is_held { held + 1 } else { held };
        match (step, end) {
            (Hold(_), End::Done) => is_held = true,
            (ReadLink(_), End::Text(target)) => script.check(next + 16, target.as_bytes()),
            (Open(..) | From(..), End::Text(text)) => {
                let buffers = script.iovecs(&[(next + 16, 64)]);
                script.expect("fd_read", &[opened, buffers, 1, next], 0);
                script.check(next, &u32::try_from(text.len()).unwrap().to_le_bytes());
                script.check(next + 16, text.as_bytes());
                script.expect("fd_close", &[opened], 0);
            }
            (Open(..) | From(..), End::Done) => script.expect("fd_close", &[opened], 0),
            _ => {}
        }
    }
    script
}

fn all_granted(root: &str) -> Vec<String> {
    let operations = ["read", "write"].into_iter();
    let both = |operation| {
        [
            format!("fs:{operation}:{root}"),
            format!("fs:{operation}:{root}/**"),
        ]
    };
    operations.flat_map(both).collect()
}

/// Makes the steps in a tree: with the operating system, which says what must come of them, and then as a
/// plugin in the real world and in a simulated one. Everything at and below `granted` is granted, and `at` is
/// the directory below it in which paths begin.
fn compare(tree: &[&str], at: &str, steps: &[Step]) -> Result<Vec<End>, String> {
    let roots = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [reference, real] = roots
        .each_ref()
        .map(|root| root.path().canonicalize().unwrap());
    let mut ends = Vec::new();
    for root in [&reference, &real] {
        fs::create_dir_all(root.join(at)).unwrap();
        on_disk(&root.join(at), tree.iter().copied());
    }
    let mut system = Reference::new(&reference.join(at));
    for step in steps {
        ends.push(system.end(step));
    }
    let expected: Vec<(Step, End)> = steps.iter().cloned().zip(ends.iter().cloned()).collect();
    let granted = real.to_str().unwrap();
    let place = real.join(at);
    let place = place.to_str().unwrap().trim_end_matches('/');
    let prepared = || script(place, &all_granted(granted), &expected);
    let ran = |world: &str, ran: std::thread::Result<Result<_, tollgate::Error>>| match ran {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{world}: {}", error.report())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            Err(format!("{world}: {text}\n{tree:?}\n{expected:?}"))
        }
    };
    let world = made_up(place, tree.iter().copied());
    ran("real", std::panic::catch_unwind(|| prepared().try_run()))?;
    let simulated = std::panic::AssertUnwindSafe(|| {
        prepared().run_in(Runtime::builder().world(move || world.clone()))
    });
    ran("simulated", std::panic::catch_unwind(simulated))?;
    Ok(ends)
}

const TREE: [&str; 22] = [
    "a/x",
    "a/link -> ../b/c",
    "a/l -> x",
    "b/x",
    "b/c/",
    "d/",
    "full/y",
    "file",
    "to-file -> file",
    "to-dir -> d",
    "to-dir-slash -> d/",
    "to-file-slash -> file/",
    "dangling -> nowhere",
    "dangling-slash -> nowhere/",
    "dangling-dot -> nowhere/./",
    "deep-dangling -> none/none",
    "dangling-up -> none/../new",
    "up -> a/link/..",
    "loop -> loop",
    "absolute -> ROOT/a/link/../x",
    "m1/in",
    "m1/sub/deep",
];

fn path(path: &str) -> String {
    path.to_owned()
}

fn open(name: &str) -> Step {
    Open(path(name), READ)
}

fn create(name: &str) -> Step {
    Open(path(name), OFlags::CREATE | OFlags::WRONLY)
}

fn create_new(name: &str) -> Step {
    Open(path(name), OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY)
}

fn no_follow(name: &str) -> Step {
    Open(path(name), OFlags::NOFOLLOW)
}

fn directory(name: &str) -> Step {
    Open(path(name), OFlags::DIRECTORY)
}

fn rename(from: &str, to: &str) -> Step {
    Rename(path(from), path(to))
}

fn link(from: &str, to: &str) -> Step {
    Link(path(from), path(to))
}

/// What comes of the last of the steps, in words that a reader can check against a manual.
fn table() -> Vec<(Vec<Step>, &'static str)> {
    let one = |step: Step, end: &'static str| (vec![step], end);
    vec![
        // `..` leads to the parent of what the link leads to.
        one(open("a/link/../x"), "b/x"),
        one(open("a/link/../../a/x"), "a/x"),
        one(open("up/x"), "b/x"),
        one(open("absolute"), "b/x"),
        one(Stat(path("a/link/..")), "done"),
        one(create("a/link/../new"), "done"),
        (vec![create("a/link/../new"), open("b/new")], ""),
        (
            vec![Mkdir(path("a/link/../new")), Stat(path("b/new"))],
            "done",
        ),
        (vec![Unlink(path("a/link/../x")), open("a/x")], "a/x"),
        (vec![rename("a/link/../x", "b/c/x"), open("b/c/x")], "b/x"),
        // A missing name, and a file, is not left by `..`.
        one(open("missing/../a/x"), "ENOENT"),
        one(open("a/missing/../x"), "ENOENT"),
        one(create("missing/../new"), "ENOENT"),
        one(create("missing/.."), "ENOENT"),
        one(Mkdir(path("missing/../new")), "ENOENT"),
        one(open("file/../a/x"), "ENOTDIR"),
        one(create("file/../new"), "ENOTDIR"),
        one(open("dangling/../file"), "ENOENT"),
        one(open("loop/../file"), "ELOOP"),
        one(rename("file", "missing/../new"), "ENOENT"),
        // Links that lead to nothing.
        one(create_new("dangling"), "EEXIST"),
        (
            vec![create_new("dangling"), Stat(path("nowhere"))],
            "ENOENT",
        ),
        one(create_new("to-file"), "EEXIST"),
        one(create_new("loop"), "EEXIST"),
        one(create_new("new"), "done"),
        (vec![create("dangling"), open("nowhere")], ""),
        one(create("deep-dangling"), "ENOENT"),
        one(create("dangling-up"), "ENOENT"),
        one(create("dangling-slash"), "EISDIR"),
        one(create("dangling-dot"), "ENOENT"),
        one(create("loop"), "ELOOP"),
        one(Mkdir(path("dangling")), "EEXIST"),
        one(Mkdir(path("dangling/")), "EEXIST"),
        one(no_follow("to-file"), "ELOOP"),
        one(no_follow("dangling"), "ELOOP"),
        one(no_follow("to-dir/"), "done"),
        // A slash at the end: a directory or nothing.
        one(open("file/"), "ENOTDIR"),
        one(open("file/."), "ENOTDIR"),
        one(open("to-file/"), "ENOTDIR"),
        one(open("to-file-slash"), "ENOTDIR"),
        one(open("to-dir/"), "done"),
        one(Lstat(path("to-dir/")), "done"),
        one(Lstat(path("dangling/")), "ENOENT"),
        one(Stat(path("missing/")), "ENOENT"),
        one(directory("file"), "ENOTDIR"),
        one(directory("to-dir-slash"), "done"),
        one(create("new/"), "EISDIR"),
        one(create("file/"), "EISDIR"),
        one(create("d/"), "EISDIR"),
        one(create_new("file/"), "EISDIR"),
        one(create_new("d/"), "EISDIR"),
        one(create_new("d/../"), "EEXIST"),
        one(create("d/../"), "EISDIR"),
        one(create("to-dir/"), "EISDIR"),
        one(create("file/new/"), "ENOTDIR"),
        one(create("missing/new/"), "ENOENT"),
        one(create("new/."), "ENOENT"),
        one(create("d/."), "EISDIR"),
        one(create("d"), "EISDIR"),
        one(create_new("d"), "EEXIST"),
        one(ReadLink(path("to-dir/")), "EINVAL"),
        one(ReadLink(path("to-file/")), "ENOTDIR"),
        one(ReadLink(path("file")), "EINVAL"),
        one(ReadLink(path("a/l")), "x"),
        one(Times(path("a/x/"), true), "ENOTDIR"),
        one(Times(path("a/x"), true), "done"),
        one(Times(path("d/"), false), "done"),
        one(Times(path("dangling"), true), "ENOENT"),
        one(Times(path("a/l"), true), "done"),
        // Directories.
        one(Mkdir(path("new/")), "done"),
        one(Mkdir(path("new/.")), "ENOENT"),
        one(Mkdir(path("d/.")), "EEXIST"),
        one(Mkdir(path("d/..")), "EEXIST"),
        one(Mkdir(path(".")), "EEXIST"),
        one(Mkdir(path("/")), "EEXIST"),
        one(Mkdir(path("/..")), "EEXIST"),
        one(Mkdir(path("file/")), "EEXIST"),
        one(Mkdir(path("file/new")), "ENOTDIR"),
        one(Rmdir(path("d/.")), "EINVAL"),
        one(Rmdir(path("d/./")), "EINVAL"),
        one(Rmdir(path("d/..")), "ENOTEMPTY"),
        one(Rmdir(path("missing/.")), "ENOENT"),
        one(Rmdir(path("file/.")), "ENOTDIR"),
        one(Rmdir(path("d/")), "done"),
        one(Rmdir(path("file/")), "ENOTDIR"),
        one(Rmdir(path("to-dir/")), "ENOTDIR"),
        one(Rmdir(path("full")), "ENOTEMPTY"),
        one(Unlink(path("a/")), "EISDIR"),
        one(Unlink(path("a")), "EISDIR"),
        one(Unlink(path("a/.")), "EISDIR"),
        one(Unlink(path("a/..")), "EISDIR"),
        one(Unlink(path("file/")), "ENOTDIR"),
        one(Unlink(path("to-file/")), "ENOTDIR"),
        one(Unlink(path("to-dir/")), "ENOTDIR"),
        one(Unlink(path("missing/")), "ENOENT"),
        one(Unlink(path("to-dir")), "done"),
        one(Symlink("x", path("new/")), "ENOENT"),
        one(Symlink("x", path("d/")), "EEXIST"),
        one(Symlink("x", path("file/")), "EEXIST"),
        one(Symlink("x", path("d/.")), "EEXIST"),
        one(Symlink("x", path("missing/.")), "ENOENT"),
        one(Symlink("file", path("new")), "done"),
        // Two names.
        one(rename("file/", "new"), "ENOTDIR"),
        one(rename("file", "new/"), "ENOTDIR"),
        one(rename("to-dir/", "new"), "ENOTDIR"),
        one(rename("d/", "new"), "done"),
        one(rename("d", "new/"), "done"),
        one(rename("d/.", "new"), "EBUSY"),
        one(rename("d", "full/.."), "EBUSY"),
        one(rename("d", "full"), "ENOTEMPTY"),
        one(rename("d", "d/below"), "EINVAL"),
        one(rename("missing", "d/."), "EBUSY"),
        one(link("file", "new/"), "ENOENT"),
        one(link("file/", "new"), "ENOTDIR"),
        one(link("to-dir/", "new"), "EPERM"),
        one(link("d", "new"), "EPERM"),
        one(link("d/.", "new"), "EPERM"),
        one(link("d", "file"), "EEXIST"),
        one(link("file", "d/."), "EEXIST"),
        one(link("missing/", "new"), "ENOENT"),
        (vec![link("file", "d/new"), open("d/new")], "file"),
        // An open directory is the directory, whatever its name is.
        (vec![Hold(path("m1")), From(path("in"), READ)], "m1/in"),
        (
            vec![Hold(path("m1")), rename("m1", "m2"), From(path("in"), READ)],
            "m1/in",
        ),
        (
            vec![
                Hold(path("m1")),
                rename("m1", "m2"),
                Mkdir(path("m1")),
                create("m1/in"),
                From(path("in"), READ),
            ],
            "m1/in",
        ),
        (
            vec![
                Hold(path("m1")),
                rename("m1", "d/m"),
                From(path("../../file"), READ),
            ],
            "file",
        ),
        (
            vec![
                Hold(path("m1")),
                rename("m1", "m2"),
                MkdirFrom(path("made")),
                Stat(path("m2/made")),
            ],
            "done",
        ),
        (
            vec![
                Hold(path("m1")),
                rename("m1", "m2"),
                RenameFrom(path("sub/../in"), path("moved")),
                open("moved"),
            ],
            "m1/in",
        ),
        (
            vec![
                Hold(path("m1/sub")),
                rename("m1", "d/m"),
                From(path("../in"), READ),
            ],
            "m1/in",
        ),
        (
            vec![Hold(path("d")), Rmdir(path("d")), StatFrom(path("x"))],
            "ENOENT",
        ),
        (
            vec![Hold(path("d")), Rmdir(path("d")), MkdirFrom(path("x"))],
            "ENOENT",
        ),
        (vec![Hold(path("m1")), StatFrom(path("."))], "done"),
    ]
}

fn word(end: &End) -> &str {
    match end {
        End::Done => "done",
        End::Text(text) => text,
        End::Fails(2) => "EACCES",
        End::Fails(10) => "EBUSY",
        End::Fails(20) => "EEXIST",
        End::Fails(28) => "EINVAL",
        End::Fails(31) => "EISDIR",
        End::Fails(32) => "ELOOP",
        End::Fails(44) => "ENOENT",
        End::Fails(54) => "ENOTDIR",
        End::Fails(55) => "ENOTEMPTY",
        End::Fails(63) => "EPERM",
        End::Fails(other) => panic!("{other}"),
    }
}

#[test]
fn every_world_answers_as_linux_does() {
    let mut wrong = Vec::new();
    for (steps, expected) in table() {
        match compare(&TREE, "", &steps) {
            Ok(ends) if word(ends.last().unwrap()) == expected => {}
            Ok(ends) => wrong.push(format!("Linux says {ends:?} to {steps:?}, not {expected}")),
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The standard library cannot do this to a link.
#[cfg(feature = "exec")]
#[test]
fn the_times_of_a_link_are_its_own() {
    let steps = [
        Times(path("a/l"), false),
        Times(path("dangling"), false),
        Times(path("loop"), false),
    ];
    let ends = compare(&TREE, "", &steps).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ends, [End::Done, End::Done, End::Done]);
}

/// Names that trees and paths are made of: few, so that paths often lead somewhere.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NAMES[..])
}

/// A relative path as programs write it.
fn written(most: usize) -> impl Strategy<Value = String> {
    let part = prop_oneof![
        10 => name(),
        5 => Just(".."),
        1 => Just("."),
        1 => Just(""),
        1 => Just("none"),
    ];
    let first = prop_oneof![6 => name(), 1 => Just("..")];
    let rest = proptest::collection::vec(part, 0..most);
    let end = proptest::sample::select(&["", "", "", "", "/", "/."][..]);
    (first, rest, end).prop_map(|(first, rest, end)| {
        let parts: Vec<&str> = std::iter::once(first).chain(rest).collect();
        parts.join("/") + end
    })
}

/// Where something in a tree is: one to three names.
fn place_in_tree() -> impl Strategy<Value = String> {
    proptest::collection::vec(name(), 1..4).prop_map(|names| names.join("/"))
}

/// Directories, files and links that can all be there together.
fn tree() -> impl Strategy<Value = Vec<String>> {
    let link =
        (place_in_tree(), written(4)).prop_map(|(place, target)| format!("{place} -> {target}"));
    let entry = prop_oneof![
        2 => place_in_tree().prop_map(|place| place + "/"),
        2 => place_in_tree(),
        4 => link,
    ];
    proptest::collection::vec(entry, 4..16).prop_map(|entries| {
        let mut kept: Vec<String> = Vec::new();
        for entry in entries {
            let place = |entry: &str| {
                entry
                    .split(" -> ")
                    .next()
                    .unwrap()
                    .trim_end_matches('/')
                    .to_owned()
            };
            let is_in = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}/"));
            let new = place(&entry);
            let fits = kept.iter().all(|old| {
                let is_directory = old.ends_with('/') && !old.contains(" -> ");
                let is_new_directory = entry.ends_with('/') && !entry.contains(" -> ");
                let old = place(old);
                old != new
                    && (is_directory || !is_in(&new, &old))
                    && (is_new_directory || !is_in(&old, &new))
            });
            if fits {
                kept.push(entry);
            }
        }
        kept
    })
}

fn step() -> impl Strategy<Value = Step> {
    let flags = proptest::sample::select(vec![
        READ,
        READ,
        READ,
        OFlags::NOFOLLOW,
        OFlags::DIRECTORY,
        OFlags::CREATE | OFlags::WRONLY,
        OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY,
    ]);
    prop_oneof![
        6 => (written(5), flags).prop_map(|(path, flags)| Open(path, flags)),
        3 => written(5).prop_map(Stat),
        2 => written(5).prop_map(Lstat),
        1 => written(5).prop_map(ReadLink),
        2 => written(5).prop_map(Mkdir),
        1 => written(5).prop_map(Rmdir),
        1 => written(5).prop_map(Unlink),
    ]
}

/// Deep below what is granted, so that no path and no link in it leads out of that.
const DEEP: &str = "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28";

#[test]
fn any_path_in_any_tree_leads_where_linux_says() {
    let config = ProptestConfig {
        cases: share::tenth(400),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(tree in tree(), steps in proptest::collection::vec(step(), 20..40))| {
        let tree: Vec<&str> = tree.iter().map(String::as_str).collect();
        prop_assert_eq!(compare(&tree, DEEP, &steps).map(drop), Ok(()));
    });
}

/// A plugin that asks for files, in the real world and in a simulated one.
fn readers(place: &Place, world: &Simulated, grants: &[&str]) -> [Plugin; 2] {
    let root = place.path("");
    let world = world.clone();
    let mut builder = Runtime::builder().world(move || world.clone());
    for grant in grants {
        let grant = grant.replace("ROOT/", &root);
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    let simulated = Guest::relay("fs_read").load_in(&builder.build().unwrap());
    [place.plugin("fs_read", grants), simulated]
}

/// What a plugin learns from a reply.
fn told(reply: &Value) -> String {
    let error = &reply["error"];
    format!("{} {} {}", reply["content"], kind(reply), error["code"])
}

/// Whatever the path: what is read is in the directory that is granted, by the operating system's own
/// judgement. And what is beside that directory makes no difference to any answer.
#[test]
fn nothing_else_is_read_and_no_answer_depends_on_it() {
    let config = ProptestConfig {
        cases: share::tenth(300),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let beside = proptest::collection::vec(
        prop_oneof![
            place_in_tree(),
            place_in_tree().prop_map(|place| place + "/")
        ],
        0..8,
    );
    let tops = || proptest::sample::select(&["open", "open", "closed", "none", "."][..]);
    let path = (
        tops(),
        written(5),
        proptest::option::of((tops(), written(4))),
    )
        .prop_map(|(top, path, back)| match back {
            Some((again, more)) => format!("{top}/{path}/../../{again}/{more}"),
            None => format!("{top}/{path}"),
        });
    proptest!(config, |(
        tree in tree(),
        beside in beside,
        paths in proptest::collection::vec(path, 10..30),
    )| {
        // Links out of the open directory are the operator's, and lead to what is there in both trees.
        let open: Vec<String> = tree.iter().map(|entry| format!("open/{entry}")).collect();
        let mut closed: Vec<String> = Vec::new();
        for entry in &beside {
            let entry = format!("closed/{entry}");
            let is_in = |inner: &str, outer: &str| inner.starts_with(&format!("{}/", outer.trim_end_matches('/')));
            if closed.iter().all(|old| !is_in(&entry, old) && !is_in(old, &entry) && old.trim_end_matches('/') != entry.trim_end_matches('/')) {
                closed.push(entry);
            }
        }
        let all: Vec<&str> = ["open/", "closed/"]
            .into_iter()
            .chain(open.iter().chain(&closed).map(String::as_str))
            .collect();
        let without: Vec<&str> = ["open/"].into_iter().chain(open.iter().map(String::as_str)).collect();
        let place = Place { root: tempfile::tempdir().unwrap() };
        let root = place.path("");
        on_disk(Path::new(&root), all.iter().copied());
        let root = root.trim_end_matches('/');
        let grants = ["fs:read:ROOT/open/**"];
        let [real, simulated] = readers(&place, &made_up(root, all.iter().copied()), &grants);
        let [_, bare] = readers(&place, &made_up(root, without.iter().copied()), &grants);
        for path in paths {
            let request = json!({ "path": format!("{root}/{path}"), "encoding": "utf-8" });
            let reply = ask(&real, request.clone());
            prop_assert_eq!(told(&reply), told(&ask(&simulated, request.clone())), "{}", path);
            if kind(&reply) == "none" {
                let end = fs::canonicalize(format!("{root}/{}", path.trim_end_matches(['/', '.']))).unwrap();
                prop_assert!(end.starts_with(format!("{root}/open")), "{} reads {}", path, end.display());
            }
            if !tree.iter().any(|entry| entry.contains("..") && entry.contains(" -> ")) {
                prop_assert_eq!(told(&reply), told(&ask(&bare, request)), "{} without the rest", path);
            }
        }
    });
}

/// A grant with `..` grants what it leads to, and nothing else.
#[test]
fn grants_mean_what_linux_says() {
    const DENIED: &str = "\"\" capability \"EACCES\"";
    for (grants, path, expected) in [
        ("a/link/../x a/link", "a/link/../x", "\"b/x\" none null"),
        // That there is such a directory is granted, too.
        ("a/link/../x", "a/link/../x", DENIED),
        ("a/link/../x", "b/x", "\"b/x\" none null"),
        ("a/link/../x", "a/x", DENIED),
        ("a/link/../*", "b/x", "\"b/x\" none null"),
        ("a/link/../*", "a/x", DENIED),
        ("glob:ROOT/a/link/../{x,y}", "b/x", "\"b/x\" none null"),
        ("glob:ROOT/a/link/../{x,y}", "a/x", DENIED),
        ("up/x", "up/x", "\"b/x\" none null"),
        ("missing/../a/x", "a/x", DENIED),
        ("file/../a/x", "a/x", DENIED),
        ("full/../a/x", "a/x", "\"a/x\" none null"),
    ] {
        let place = Place {
            root: tempfile::tempdir().unwrap(),
        };
        let root = place.path("");
        on_disk(Path::new(&root), TREE);
        let grants = grants
            .split(' ')
            .map(|grant| match grant.starts_with("glob:") {
                true => format!("fs:read:{grant}"),
                false => format!("fs:read:ROOT/{grant}"),
            });
        let grants: Vec<String> = grants.collect();
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        let world = made_up(root.trim_end_matches('/'), TREE);
        for plugin in readers(&place, &world, &grants) {
            let path = format!("{root}{path}");
            let reply = ask(&plugin, json!({ "path": path, "encoding": "utf-8" }));
            assert_eq!(told(&reply), expected, "{grants:?} {path}: {reply}");
        }
    }
}
