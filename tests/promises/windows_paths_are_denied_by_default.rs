//! A path on Windows names a file below a drive, and nothing else whatever is granted: no device, stream, network
//! share or file of a slightly different name. The judgement is text, and is tested on every system; real files are
//! tested on Windows (`tests/systems.sh x86_64-pc-windows-gnu`).

use tollgate::capability::windows::{NoWindowsName, name_of_path, path_of_name};

/// Paths that Windows, or most programs there, take for something else.
const TRICKS: &[&str] = &[
    "ROOT/a.txt:stream",
    "ROOT/a.txt::$DATA",
    "ROOT:stream/a.txt",
    "ROOT/sub:$I30:$INDEX_ALLOCATION/a.txt",
    "ROOT/a.txt.",
    "ROOT/a.txt ",
    "ROOT/a.txt...",
    "ROOT/sub./a.txt",
    "ROOT/sub /a.txt",
    "ROOT/.../a.txt",
    "ROOT\\a.txt",
    "ROOT/sub\\..\\a.txt",
    "ROOT/*",
    "ROOT/a?txt",
    "ROOT/CON",
    "ROOT/con.txt",
    "ROOT/NUL",
    "ROOT/nul .txt",
    "ROOT/AUX/a.txt",
    "ROOT/PRN",
    "ROOT/COM1",
    "ROOT/com9.tar.gz",
    "ROOT/LPT¹",
    "ROOT/CONIN$",
    "//server/share/a.txt",
    "/UNC/server/share/a.txt",
    "\\\\server\\share\\a.txt",
    "//?/ROOT/a.txt",
    "//./COM1",
    "/?\\C:\\a.txt",
    "/??/C:/a.txt",
    "/Volume{4c1b02c1-d990-11dc-99ae-806e6f6e6963}/a.txt",
    "/PhysicalDrive0",
    "/a.txt",
    "/c/a.txt",
    "/CC:/a.txt",
    "/C:a.txt",
];

#[test]
fn no_trick_is_passed_to_the_system() {
    for trick in TRICKS {
        let path = trick.replace("ROOT", "/C:/data");
        assert!(name_of_path(&path).is_err(), "{path}");
    }
    // Names that only resemble them.
    for name in ["console", "com10", "nul_", "a b", "a..b", ".a", "lpt", "é"] {
        let path = format!("/C:/data/{name}");
        let expected = format!("\\\\?\\C:\\data\\{name}");
        assert_eq!(name_of_path(&path), Ok(expected));
    }
}

/// Whatever a path is made of: it is refused, or is a name of a drive's file that has this path and no other.
#[test]
fn a_path_and_its_name_are_one_to_one() {
    let parts = [
        "C:", "d:", "a", "B.txt", "..", ".", "", "CON", "x:y", "a.", " ", "\\", "?", "UNC", "~1",
    ];
    let mut accepted = 0;
    for number in 0..parts.len().pow(4) {
        let mut rest = number;
        let path: String = (0..4)
            .map(|_| {
                let part = parts[rest % parts.len()];
                rest /= parts.len();
                format!("/{part}")
            })
            .collect();
        match name_of_path(&path) {
            Ok(name) => {
                accepted += 1;
                let file = name.strip_prefix("\\\\?\\").unwrap();
                assert_eq!(file.matches(':').count(), 1, "{path}");
                assert_eq!(file.find(':'), Some(1), "{path}");
                assert!(!file.contains(['/', '?']), "{path}");
                let real = path_of_name(&name).unwrap();
                assert_eq!(name_of_path(&real), Ok(name), "{path}");
            }
            Err(refused) => assert!(matches!(
                refused,
                NoWindowsName::Drive
                    | NoWindowsName::Character(_)
                    | NoWindowsName::End
                    | NoWindowsName::Device
            )),
        }
    }
    assert!(accepted > 100, "{accepted}");
}

#[cfg(windows)]
mod real_files {
    use super::TRICKS;
    use crate::support::{Guest, ask, kind};
    use serde_json::json;
    use std::{fs, path::PathBuf};
    use tollgate::{Plugin, Runtime, capability::windows::path_of_name, world::System};

    struct Place {
        kept: tempfile::TempDir,
        /// As grants and plugins name it.
        root: String,
    }

    impl Place {
        fn new() -> Place {
            let kept = tempfile::tempdir().unwrap();
            let real = kept.path().canonicalize().unwrap();
            fs::create_dir_all(real.join("open/sub")).unwrap();
            fs::create_dir_all(real.join("closed")).unwrap();
            fs::write(real.join("open/a.txt"), "hello").unwrap();
            fs::write(real.join("open/Mixed.txt"), "hello").unwrap();
            fs::write(real.join("closed/secret.txt"), "secret").unwrap();
            let root = path_of_name(real.to_str().unwrap()).unwrap();
            Place { kept, root }
        }

        fn host(&self, name: &str) -> PathBuf {
            self.kept.path().join(name)
        }

        fn plugin(&self, function: &str, grants: &[&str]) -> Plugin {
            let base = self.kept.path().to_owned();
            let mut builder = Runtime::builder().world(move || System::at(&base).unwrap());
            for grant in grants {
                let grant = grant.replace("ROOT", &self.root);
                builder = builder.grant("odd", grant.parse().unwrap());
            }
            Guest::relay(function).load_in(&builder.build().unwrap())
        }
    }

    #[test]
    fn a_granted_file_is_read_by_its_path_below_the_drive() {
        let place = Place::new();
        for grants in [
            ["fs:read:ROOT/open/**"],
            ["fs:read:open/*.txt"],
            ["fs:read:**"],
        ] {
            let plugin = place.plugin("fs_read", &grants);
            for path in [
                format!("{}/open/a.txt", place.root),
                "open/a.txt".to_owned(),
                "open/sub/../a.txt".to_owned(),
            ] {
                if path.contains("..") && grants[0].ends_with(".txt") {
                    continue;
                }
                let reply = ask(&plugin, json!({ "path": path }));
                assert_eq!(reply["content"], "aGVsbG8=", "{path}: {reply}");
            }
        }
    }

    #[test]
    fn what_is_not_granted_is_denied_whether_or_not_it_is_there() {
        let place = Place::new();
        for function in ["fs_read", "fs_stat"] {
            let plugin = place.plugin(function, &["fs:read:ROOT/open/**"]);
            for name in [
                "closed/secret.txt",
                "closed/missing",
                "open/../closed/secret.txt",
                "closed",
            ] {
                let reply = ask(&plugin, json!({ "path": format!("{}/{name}", place.root) }));
                assert_eq!(kind(&reply), "capability", "{function} {name}: {reply}");
            }
        }
        let plugin = place.plugin("fs_write", &["fs:read:ROOT/open/**"]);
        let reply = ask(
            &plugin,
            json!({ "path": format!("{}/open/new", place.root), "content": "eA==" }),
        );
        assert_eq!(kind(&reply), "capability", "{reply}");
    }

    /// Names are compared with those on the disk, and a grant in other letters allows less.
    #[test]
    fn letters_count_as_they_are_on_the_disk() {
        let place = Place::new();
        let path = |name: &str| json!({ "path": format!("{}/open/{name}", place.root) });
        let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/Mixed.*"]);
        assert_eq!(ask(&plugin, path("MIXED.TXT"))["content"], "aGVsbG8=");
        assert_eq!(kind(&ask(&plugin, path("A.TXT"))), "capability");
        let plugin = place.plugin("fs_read", &["fs:read:ROOT/open/M*.TXT"]);
        assert_eq!(kind(&ask(&plugin, path("MIXED.TXT"))), "capability");
    }

    #[test]
    fn no_trick_reads_or_writes_anything_whatever_is_granted() {
        let place = Place::new();
        let listing = |directory: &str| {
            let names = fs::read_dir(place.host(directory)).unwrap();
            let mut names: Vec<_> = names.map(|name| name.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = (listing("."), listing("open"), listing("open/sub"));
        let root = format!("{}/open", place.root);
        for (function, grant) in [
            ("fs_read", "fs:read:**"),
            ("fs_stat", "fs:read:**"),
            ("fs_list", "fs:read:**"),
            ("fs_write", "fs:write:**"),
        ] {
            let plugin = place.plugin(function, &[grant]);
            for trick in TRICKS {
                let path = trick.replace("ROOT", &root);
                let reply = ask(&plugin, json!({ "path": path, "content": "eA==" }));
                assert_ne!(kind(&reply), "none", "{function} {path}: {reply}");
            }
        }
        assert_eq!(before, (listing("."), listing("open"), listing("open/sub")));
        assert_eq!(
            fs::read_to_string(place.host("open/a.txt")).unwrap(),
            "hello"
        );
    }

    #[test]
    fn files_are_written_whole_where_granted() {
        let place = Place::new();
        let plugin = place.plugin("fs_write", &["fs:write:ROOT/open/**"]);
        for content in ["eA==", "eHk="] {
            let request = json!({ "path": "open/sub/new.txt", "content": content });
            let reply = ask(&plugin, request);
            assert_eq!(kind(&reply), "none", "{reply}");
        }
        assert_eq!(
            fs::read_to_string(place.host("open/sub/new.txt")).unwrap(),
            "xy"
        );
        let names = fs::read_dir(place.host("open/sub")).unwrap();
        assert_eq!(names.count(), 1);
    }

    /// Programs go down from the root.
    #[test]
    fn the_directory_of_all_drives_is_examined_and_not_listed() {
        let place = Place::new();
        let plugin = place.plugin("fs_stat", &["fs:read:ROOT/open/**"]);
        let root = ask(&plugin, json!({ "path": "/" }));
        assert_eq!(root["kind"], "directory", "{root}");
        let plugin = place.plugin("fs_list", &["fs:read:**"]);
        let reply = ask(&plugin, json!({ "path": "/" }));
        assert_ne!(kind(&reply), "none", "{reply}");
    }
}
