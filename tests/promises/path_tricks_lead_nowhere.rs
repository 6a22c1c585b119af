//! However a path is written, through host functions and preview 1 it leads to a granted file or to
//! nothing. What counts is what a link, a magic link of the kernel or a second name leads to. Races are
//! in `races_tell_nothing.rs`.
#![cfg(target_os = "linux")]

use crate::support::{self, preview1};

use preview1::{
    ACCES, CREAT, FIRST, ILSEQ, INVAL, NAMETOOLONG, NOENT, NOTDIR, READING, ROOT, SCRATCH, Script,
    TRUNC, WRITING,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::{fd::AsRawFd as _, unix::fs::symlink},
    path::Path,
};
use support::{ask, kind, place::Place};

/// What reading a path comes to. All that is granted holds six bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Read(&'static str),
    /// The answer to whatever is not granted, be it there or not.
    Denied,
    /// What is granted has its own errors: the code of the host functions, the number of preview 1.
    Fails(&'static str, u16),
}

use End::{Denied, Fails, Read};

const IN: End = Read("inside");
const MISSING: End = Fails("ENOENT", NOENT);
const TOO_LONG: End = Fails("ENAMETOOLONG", NAMETOOLONG);

/// A granted directory, and beside it all that its name could be mistaken for.
fn place() -> Place {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for directory in [
        "open/sub",
        "open/...",
        "closed",
        "OPEN",
        "open.",
        "open ",
        "open\\sub",
    ] {
        fs::create_dir_all(path(directory)).unwrap();
    }
    for name in [
        "open/a.txt",
        "open/sub/b.txt",
        "open/.../c",
        "open/..\\closed\\secret",
    ] {
        fs::write(path(name), "inside").unwrap();
    }
    fs::write(path("open/UPPER"), "UPPERS").unwrap();
    fs::write(path("open/upper"), "lowers").unwrap();
    for name in [
        "closed/secret",
        "OPEN/a.txt",
        "open./a.txt",
        "open /a.txt",
        "open\\a.txt",
        "open\\sub/b.txt",
        "openly",
    ] {
        fs::write(path(name), "secret").unwrap();
    }
    Place { root }
}

/// `open/` and then so often the same, and then the end.
fn repeated(part: &str, times: usize, end: &str) -> String {
    format!("open/{}{end}", part.repeat(times))
}

/// Paths under the directory of the test, and what comes of them at each door, where Go programs
/// (whose paths the host functions take) clean a path before they ask, and C programs do not.
fn tricks(place: &Place) -> Vec<(String, End, End)> {
    let both = |path: &str, end| (place.path(path), end, end);
    let apart = |path: &str, host, wasi| (place.path(path), host, wasi);
    // As much as a path may have, what the test's directory takes of it included.
    let room = 4096 - place.path("open/a.txt").len();
    let filled = |part: &str, more: usize| repeated(part, (room + more) / part.len(), "a.txt");
    vec![
        both("open/a.txt", IN),
        // Letter case: other names.
        both("OPEN/a.txt", Denied),
        both("Open/a.txt", Denied),
        both("open/A.TXT", MISSING),
        both("open/UPPER", Read("UPPERS")),
        both("open/upper", Read("lowers")),
        both("open/Upper", MISSING),
        // Dots and blanks at the end: other names, too.
        both("open./a.txt", Denied),
        both("open /a.txt", Denied),
        both("open/a.txt.", MISSING),
        both("open/a.txt...", MISSING),
        both("open/a.txt ", MISSING),
        both("open/.../c", IN),
        both("open/.../closed/secret", MISSING),
        both("open/.. /closed/secret", MISSING),
        both("open/..;/closed/secret", MISSING),
        both("open/a.txt:stream", MISSING),
        both("open/a.txt::$DATA", MISSING),
        // Slashes.
        apart("open/a.txt/", IN, Fails("", NOTDIR)),
        apart("open/a.txt//.", IN, Fails("", NOTDIR)),
        both("open/a.txt/..", Fails("ENOTDIR", NOTDIR)),
        both("open/a.txt/../a.txt", Fails("ENOTDIR", NOTDIR)),
        both("open/none/../a.txt", MISSING),
        // Whether there is such a directory is not to be learned.
        both("closed/../open/a.txt", Denied),
        both("closed/none/../../open/a.txt", Denied),
        both("none/../open/a.txt", Denied),
        both("open//a.txt", IN),
        both("open/.//.//sub//..//a.txt", IN),
        both("closed//secret", Denied),
        both("closed/secret/", Denied),
        both("closed/secret/.", Denied),
        both("open//..//closed//secret", Denied),
        both("openly", Denied),
        both("open/../openly", Denied),
        // Backslashes are letters.
        both("open\\a.txt", Denied),
        both("open\\sub/b.txt", Denied),
        both("open\\..\\closed\\secret", Denied),
        both("open/..\\closed\\secret", IN),
        both("open/sub\\b.txt", MISSING),
        // What some programs unpack.
        both("open/%2e%2e/closed/secret", MISSING),
        both("open/..%2fclosed%2fsecret", MISSING),
        both("open/\u{ff0e}\u{ff0e}/closed/secret", MISSING),
        both("open/\u{2025}/closed/secret", MISSING),
        both("open/.\u{200b}./closed/secret", MISSING),
        both("open\u{2215}..\u{2215}closed\u{2215}secret", Denied),
        both("open/~/../../closed/secret", Denied),
        both("open/$HOME", MISSING),
        both("open/`id`", MISSING),
        both("open/*", MISSING),
        both("open/\u{1b}[2J", MISSING),
        both("open/\n", MISSING),
        // Long ones.
        (
            place.path(&format!("open/{}", "x".repeat(255))),
            MISSING,
            MISSING,
        ),
        (
            place.path(&format!("open/{}", "x".repeat(256))),
            TOO_LONG,
            TOO_LONG,
        ),
        (
            place.path(&format!("open/{}", "\u{e9}".repeat(128))),
            TOO_LONG,
            TOO_LONG,
        ),
        (
            place.path(&format!("open/{}", "x".repeat(4096))),
            Denied,
            TOO_LONG,
        ),
        (
            place.path(&format!("closed/{}", "x".repeat(256))),
            Denied,
            Denied,
        ),
        (
            place.path(&format!("closed/{}", "x".repeat(4096))),
            Denied,
            TOO_LONG,
        ),
        (place.path(&filled("./", 0)), IN, IN),
        (place.path(&filled("./", 3)), IN, TOO_LONG),
        (place.path(&filled("sub/../", 0)), IN, IN),
        (place.path(&filled("/", 0)), IN, IN),
        (place.path(&filled("/", 9000)), IN, TOO_LONG),
        (
            place.path(&repeated("sub/../", 300, "../closed/secret")),
            Denied,
            Denied,
        ),
        (
            place.path(&repeated("../open/", 300, "../closed/secret")),
            Denied,
            Denied,
        ),
        (
            place.path(&repeated("../", 900, "etc/passwd")),
            Denied,
            Denied,
        ),
    ]
}

/// What the host function answers to a path.
fn by_the_host_function(place: &Place, path: &str) -> (End, Value) {
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    let reply = ask(&plugin, json!({"path": path, "encoding": "utf-8"}));
    let end = match (kind(&reply), reply["error"]["code"].as_str()) {
        ("none", _) => ["inside", "UPPERS", "lowers"]
            .into_iter()
            .find(|text| reply["content"] == *text)
            .map(Read),
        ("capability", Some("EACCES")) => Some(Denied),
        ("fs", Some(code)) => ["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG"]
            .into_iter()
            .find(|known| *known == code)
            .map(|code| Fails(code, 0)),
        _ => None,
    };
    let end = end.unwrap_or_else(|| panic!("{path}: {reply}"));
    (end, reply)
}

#[test]
fn the_host_function_reads_what_is_granted_however_it_is_called() {
    let place = place();
    for (path, expected, _) in tricks(&place) {
        let (end, reply) = by_the_host_function(&place, &path);
        let same = match (end, expected) {
            (Fails(code, _), Fails(expected, _)) => code == expected,
            (end, expected) => end == expected,
        };
        assert!(same, "{path:?} must be {expected:?}: {reply}");
        assert!(!reply.to_string().contains("secret\""), "{path:?}: {reply}");
    }
}

/// Opens a path of whatever length, and reads what is opened.
fn open(script: &mut Script, path: &[u8], end: End) {
    let (at, len) = script.raw(path);
    let args = [ROOT, 1, at, len, 0, READING, 0, 0, SCRATCH];
    let errno = match end {
        Read(_) | Fails(_, 0) => 0,
        Denied => ACCES,
        Fails(_, errno) => errno,
    };
    script.expect("path_open", &args, errno);
    if let Read(text) = end {
        let buffers = script.iovecs(&[(SCRATCH + 16, 6)]);
        script.expect("fd_read", &[FIRST, buffers, 1, SCRATCH], 0);
        script.check(SCRATCH + 16, text.as_bytes());
    }
    if errno == 0 {
        script.expect("fd_close", &[FIRST], 0);
    }
}

fn script(place: &Place, grants: &[&str]) -> Script {
    let root = place.path("");
    let root = root.trim_end_matches('/');
    let mut script = Script::new(root);
    for grant in grants {
        script.grant(&grant.replace("ROOT", root));
    }
    script
}

#[test]
fn preview_1_opens_what_is_granted_however_it_is_called() {
    let place = place();
    let mut script = script(&place, &["fs:read:ROOT/open/**", "fs:read:ROOT/open"]);
    for (path, _, expected) in tricks(&place) {
        open(&mut script, path.as_bytes(), expected);
    }
    // What is not even text for a host function.
    for (odd, errno) in [
        (&b"a\0b"[..], INVAL),
        (b"\0", INVAL),
        (b"open/a.txt\0", INVAL),
        (b"\xff\xfe", ILSEQ),
        (b"\xc0\xae\xc0\xae/closed/secret", ILSEQ),
        (b"\xed\xa0\x80", ILSEQ),
        (b"", NOENT),
    ] {
        open(&mut script, odd, Fails("", errno));
    }
    script.run();
}

/// Every file outside of what is granted, with its content.
fn outside(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(directory: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap().to_owned();
            if path.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(name, target.to_str().unwrap().into());
            } else if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                walk(&path, found);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, &mut found);
    let open = format!("{}/open/", root.to_str().unwrap());
    found.retain(|name, _| !name.starts_with(&open));
    found
}

/// Also what links in the granted directory lead to.
fn with_links(place: &Place) {
    symlink("../closed", place.path("open/away")).unwrap();
    symlink("../closed/secret", place.path("open/leak")).unwrap();
    symlink("../closed/new", place.path("open/dangling")).unwrap();
    symlink("/proc/self/cwd", place.path("open/cwd")).unwrap();
}

#[test]
fn nothing_outside_is_written_made_moved_or_removed() {
    let place = place();
    with_links(&place);
    let root = place.root.path().canonicalize().unwrap();
    let before = outside(&root);
    let mut paths: Vec<String> = tricks(&place).into_iter().map(|(path, ..)| path).collect();
    for name in [
        "away/secret",
        "away/new",
        "leak",
        "dangling",
        "cwd/new",
        "away/..",
        "leak/..",
    ] {
        paths.push(place.path(&format!("open/{name}")));
    }
    let grants = ["fs:read:ROOT/open/**", "fs:write:ROOT/open/**"];
    let write = place.plugin("fs_write", &grants);
    for path in &paths {
        for mode in ["create", "append", "replace"] {
            let request =
                json!({"path": path, "content": "changed", "encoding": "utf-8", "mode": mode});
            ask(&write, request);
            assert!(outside(&root) == before, "fs_write {mode} {path}");
        }
    }
    for path in &paths {
        // Whatever comes of each step: what counts is what it left.
        let mut script = script(&place, &grants);
        let (at, len) = script.text(path);
        let (file, file_len) = script.at("open/file");
        let bytes = script.bytes(b"changed");
        let buffers = script.iovecs(&[(bytes, 7)]);
        for oflags in [CREAT, TRUNC, CREAT | TRUNC] {
            script.step(
                "path_open",
                &[ROOT, 1, at, len, oflags, WRITING, 0, 0, SCRATCH],
            );
            script.step("fd_write", &[FIRST, buffers, 1, SCRATCH]);
            script.step("fd_close", &[FIRST]);
        }
        script.step("path_filestat_set_times", &[ROOT, 1, at, len, 0, 0, 10]);
        script.step("path_create_directory", &[ROOT, at, len]);
        script.step("path_symlink", &[file, file_len, ROOT, at, len]);
        script.step("path_link", &[ROOT, 0, file, file_len, ROOT, at, len]);
        script.step("path_rename", &[ROOT, file, file_len, ROOT, at, len]);
        script.step("path_rename", &[ROOT, at, len, ROOT, file, file_len]);
        script.step("path_unlink_file", &[ROOT, at, len]);
        script.step("path_remove_directory", &[ROOT, at, len]);
        script.run();
        assert!(outside(&root) == before, "{path}");
    }
}

/// Links that the kernel makes up lead to real files, which have real names.
#[test]
fn magic_links_are_what_they_lead_to() {
    let place = place();
    let secret = File::open(place.path("closed/secret")).unwrap();
    let inside = File::open(place.path("open/a.txt")).unwrap();
    let removed = |name: &str| {
        fs::write(place.path(name), "secret").unwrap();
        let file = File::open(place.path(name)).unwrap();
        fs::remove_file(place.path(name)).unwrap();
        file
    };
    let (gone, gone_inside) = (removed("closed/gone"), removed("open/gone"));
    // The kernel calls the removed file so; this one only has its name.
    fs::write(place.path("open/gone (deleted)"), "inside").unwrap();
    let (pipe, _kept) = std::io::pipe().unwrap();
    let me = std::process::id();
    let root = place.path("");
    let fd = |file: &File| file.as_raw_fd();
    let mut rows: Vec<(String, End)> = vec![
        (format!("/proc/self/root{root}open/a.txt"), IN),
        (format!("/proc/self/root{root}closed/secret"), Denied),
        (format!("/proc/{me}/root{root}closed/secret"), Denied),
        (
            format!("/proc/self/task/{me}/root{root}closed/secret"),
            Denied,
        ),
        ("/proc/self/root/etc/passwd".into(), Denied),
        ("/proc/self/cwd/Cargo.toml".into(), Denied),
        ("/proc/self/exe".into(), Denied),
    ];
    for directory in [
        "/proc/self/fd",
        "/proc/thread-self/fd",
        "/dev/fd",
        &format!("/proc/{me}/fd"),
    ] {
        rows.push((format!("{directory}/{}", fd(&secret)), Denied));
        rows.push((format!("{directory}/{}", fd(&inside)), IN));
        rows.push((format!("{directory}/{}", fd(&gone)), Denied));
        rows.push((format!("{directory}/{}", fd(&gone_inside)), MISSING));
    }
    // The same behind links of the plugin's own.
    for (name, target) in [
        ("root", "/proc/self/root"),
        ("cwd", "/proc/self/cwd"),
        ("fd", "/dev/fd"),
    ] {
        symlink(target, place.path(&format!("open/{name}"))).unwrap();
    }
    rows.extend([
        (format!("{root}open/root{root}open/a.txt"), IN),
        (format!("{root}open/root{root}closed/secret"), Denied),
        (format!("{root}open/cwd/Cargo.toml"), Denied),
        (format!("{root}open/fd/{}", fd(&secret)), Denied),
        (format!("{root}open/fd/{}", fd(&inside)), IN),
        (format!("{root}open/fd/{}", fd(&gone)), Denied),
        (format!("{root}open/fd/{}", fd(&gone_inside)), MISSING),
    ]);
    // Whoever may read all that the kernel tells of processes may not read what its links lead to.
    for grants in [
        &["fs:read:ROOT/open/**"][..],
        &["fs:read:ROOT/open/**", "fs:read:/proc/**"],
        &[
            "fs:read:ROOT/open/**",
            "fs:read:/proc/**",
            "fs:read:/dev/**",
        ],
    ] {
        let plugin = place.plugin("fs_read", grants);
        let mut script = script(&place, grants);
        for (path, expected) in &rows {
            let reply = ask(&plugin, json!({"path": path, "encoding": "utf-8"}));
            match expected {
                Read(text) => assert_eq!(reply["content"], *text, "{path}: {reply}"),
                Denied => assert_eq!(kind(&reply), "capability", "{path}: {reply}"),
                Fails(code, _) => assert_eq!(reply["error"]["code"], *code, "{path}: {reply}"),
            }
            open(&mut script, path.as_bytes(), *expected);
        }
        script.run();
    }
    // And what is no link there is denied like all else.
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**"]);
    let mut script = script(&place, &["fs:read:ROOT/open/**"]);
    for path in [
        "/proc/self/environ",
        "/proc/self/mem",
        "/proc/self/nothing",
        "/proc/1/root/etc/passwd",
        "/dev/stdin",
        "/dev/fd/0",
        "/dev/fd/99999",
        &format!("/dev/fd/{}", pipe.as_raw_fd()),
    ] {
        let reply = ask(&plugin, json!({"path": path}));
        assert_eq!(kind(&reply), "capability", "{path}: {reply}");
        open(&mut script, path.as_bytes(), Denied);
    }
    script.run();
    // The descriptors that the host itself uses meanwhile are no way either.
    let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/**", "fs:read:/proc/**"]);
    for number in 0..64 {
        let reply = ask(
            &plugin,
            json!({"path": format!("/proc/self/fd/{number}"), "encoding": "utf-8"}),
        );
        assert_ne!(reply["content"], "secret", "{number}");
    }
}

/// A second name for a file is made only where both names are granted; who made one by other means
/// has granted the file.
#[test]
fn hard_links_are_made_only_inside() {
    let place = place();
    with_links(&place);
    let root = place.root.path().canonicalize().unwrap();
    let before = outside(&root);
    let grants = ["fs:read:ROOT/open/**", "fs:write:ROOT/open/**"];
    let mut script = script(&place, &grants);
    let mut link = |from: &str, to: &str, errno| {
        let ((from, from_len), (to, to_len)) = (script.at(from), script.at(to));
        script.expect(
            "path_link",
            &[ROOT, 0, from, from_len, ROOT, to, to_len],
            errno,
        );
    };
    link("closed/secret", "open/stolen", ACCES);
    link("closed/none", "open/stolen", ACCES);
    link("open/../closed/secret", "open/stolen", ACCES);
    link("open/away/secret", "open/stolen", ACCES);
    link("OPEN/a.txt", "open/stolen", ACCES);
    link("open/a.txt", "closed/new", ACCES);
    link("open/a.txt", "open/away/new", ACCES);
    link("open/a.txt", "open/second", 0);
    // A link is doubled as if it were made there: only to what may be read.
    link("open/leak", "open/leak2", ACCES);
    link("open/dangling", "open/leak2", ACCES);
    script.open("open/second", 0, READING, 0, 0);
    script.run();
    assert!(outside(&root) == before);
    assert!(!Path::new(&place.path("open/stolen")).exists());

    fs::hard_link(place.path("closed/secret"), place.path("open/given")).unwrap();
    let plugin = place.plugin("fs_read", &grants);
    let reply = ask(
        &plugin,
        json!({"path": place.path("open/given"), "encoding": "utf-8"}),
    );
    assert_eq!(reply["content"], "secret");
    let reply = ask(&plugin, json!({"path": place.path("closed/secret")}));
    assert_eq!(kind(&reply), "capability");
}
