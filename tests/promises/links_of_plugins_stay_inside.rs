//! No link that a plugin makes, moves or gives a second name leads out of what the plugin may read,
//! then or later: not after it is moved, not after a directory around it is moved, and not through
//! another link. The same holds on disk and in a simulated world.
#![cfg(target_os = "linux")]

use crate::support::preview1;

use preview1::{ACCES, ROOT, Script};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tollgate::{Runtime, world::Simulated};

/// One step of a plugin, and the number that must come of it.
#[derive(Clone, Copy)]
enum Step {
    /// Makes a link: its target, in which `ROOT` is the test's directory, and its name.
    Link(&'static str, &'static str, u16),
    Move(&'static str, &'static str, u16),
    Second(&'static str, &'static str, u16),
    Make(&'static str),
    Remove(&'static str),
}

use Step::{Link, Make, Move, Remove, Second};

/// What is there before the plugin comes: `name` is a file, `name/` a directory, `name -> target` a
/// link of the operator's.
const THERE: [&str; 13] = [
    "w/",
    "w/file",
    "w/deep/er/",
    "w/deep/er/f",
    "w/site/up -> ../../x",
    "w/plain/inner -> f",
    "w/plain/f",
    "w/held/out -> ROOT/secret",
    "w/out -> ROOT/secret/s",
    "secret/s",
    "data/s",
    "data/ext -> ../secret",
    "drop/",
];

/// All of `w` may be read and written, `data` only read, and `drop` only written.
fn grants(root: &str) -> Vec<String> {
    [
        "read:ROOT/w/**",
        "write:ROOT/w/**",
        "read:ROOT/data",
        "read:ROOT/data/*",
        "write:ROOT/drop/**",
    ]
    .map(|grant| format!("fs:{}", grant.replace("ROOT", root)))
    .to_vec()
}

fn disk() -> (TempDir, PathBuf) {
    let kept = tempfile::tempdir().unwrap();
    let root = kept.path().canonicalize().unwrap();
    for entry in THERE {
        let (name, target) = entry.split_once(" -> ").unwrap_or((entry, ""));
        let path = root.join(name);
        let directory = if name.ends_with('/') {
            &path
        } else {
            path.parent().unwrap()
        };
        fs::create_dir_all(directory).unwrap();
        if !target.is_empty() {
            symlink(target.replace("ROOT", root.to_str().unwrap()), path).unwrap();
        } else if !name.ends_with('/') {
            fs::write(path, "text").unwrap();
        }
    }
    (kept, root)
}

fn made_up(root: &str) -> Simulated {
    THERE.iter().fold(Simulated::new(), |world, entry| {
        let (name, target) = entry.split_once(" -> ").unwrap_or((entry, ""));
        let path = format!("{root}/{name}");
        match (target, path.strip_suffix('/')) {
            ("", None) => world.file(&path, "text"),
            ("", Some(directory)) => world.directory(directory),
            (target, _) => world.link(&path, &target.replace("ROOT", root)),
        }
    })
}

fn script(root: &str, steps: &[Step]) -> Script {
    let mut script = Script::new(root);
    grants(root).iter().for_each(|grant| script.grant(grant));
    for step in steps {
        let two = |script: &mut Script, from: &str, to: &str| (script.at(from), script.at(to));
        match *step {
            Link(target, name, errno) => {
                let (target, length) = script.text(&target.replace("ROOT", root));
                let (name, name_length) = script.at(name);
                script.expect(
                    "path_symlink",
                    &[target, length, ROOT, name, name_length],
                    errno,
                );
            }
            Move(from, to, errno) => {
                let ((from, from_length), (to, to_length)) = two(&mut script, from, to);
                script.expect(
                    "path_rename",
                    &[ROOT, from, from_length, ROOT, to, to_length],
                    errno,
                );
            }
            Second(from, to, errno) => {
                let ((from, from_length), (to, to_length)) = two(&mut script, from, to);
                script.expect(
                    "path_link",
                    &[ROOT, 0, from, from_length, ROOT, to, to_length],
                    errno,
                );
            }
            Make(name) => {
                let (name, length) = script.at(name);
                script.expect("path_create_directory", &[ROOT, name, length], 0);
            }
            Remove(name) => {
                let (name, length) = script.at(name);
                script.expect("path_remove_directory", &[ROOT, name, length], 0);
            }
        }
    }
    script
}

/// Runs the steps on the disk, sees that no link below `w` or `drop` leads where the plugin may not read but
/// those of the operator's, and runs them in the made-up world, too.
fn steps(steps: &[Step]) {
    let (_kept, root) = disk();
    let text = root.to_str().unwrap();
    script(text, steps).run();
    let mut directories = vec![root.join("w"), root.join("drop")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                assert!(
                    leads_inside(&path, &root),
                    "{} leads outside",
                    path.display()
                );
            } else if path.is_dir() {
                directories.push(path);
            }
        }
    }
    let world = made_up(text);
    let ran = script(text, steps).run_in(Runtime::builder().world(move || world.clone()));
    ran.unwrap_or_else(|error| panic!("made up: {error}"));
}

/// Whether a link of the plugin's (or one of the operator's, where that stood at first) leads inside.
fn leads_inside(link: &Path, root: &Path) -> bool {
    let name = link.strip_prefix(root).unwrap().to_str().unwrap();
    if THERE.iter().any(|entry| {
        entry
            .split_once(" -> ")
            .is_some_and(|(there, _)| there == name)
    }) {
        return true;
    }
    match link.canonicalize() {
        Ok(end) => {
            let data = root.join("data");
            end.starts_with(root.join("w")) || end == data || end.parent() == Some(&data)
        }
        // It dangles: where it stands, its target must not lead up.
        Err(_) => !fs::read_link(link)
            .unwrap()
            .to_str()
            .unwrap()
            .contains(".."),
    }
}

#[test]
fn links_to_neighbours_and_to_what_is_only_read_are_made_moved_and_doubled() {
    steps(&[
        Link("file", "w/near", 0),
        Link("none", "w/later", 0),
        Link("./deep/", "w/dir", 0),
        Link("ROOT/data/s", "w/far", 0),
        Link("ROOT/w/file", "w/absolute", 0),
        Move("w/near", "w/nearer", 0),
        Move("w/far", "w/deep/far", 0),
        Second("w/far", "w/deep/far", 44),
        Second("w/deep/far", "w/far", 0),
        Move("w/plain", "w/deep/plain", 0),
        Move("w/deep/er", "w/err", 0),
    ]);
}

#[test]
fn a_link_has_no_way_up() {
    steps(&[
        Link("../file", "w/deep/up", ACCES),
        Link("../../../x", "w/deep/er/up", ACCES),
        Link("er/../f", "w/deep/up", ACCES),
        Link("..", "w/deep/up", ACCES),
        Link("ROOT/w/../w/file", "w/up", ACCES),
        Link("ROOT/secret/s", "w/up", ACCES),
        Link("ROOT/data/none/../s", "w/up", ACCES),
    ]);
}

/// The examples of `planted_links`.
#[test]
fn a_link_that_was_fine_is_not_moved_to_where_it_is_not() {
    steps(&[
        Make("w/secret"),
        Link("../secret/s", "w/deep/l", ACCES),
        Move("w/site/up", "w/up", ACCES),
        Second("w/site/up", "w/up", ACCES),
        Move("w/out", "w/deep/out", ACCES),
        Second("w/out", "w/deep/out", ACCES),
    ]);
    // Where it then stands, its neighbour is not to be read.
    steps(&[
        Link("file", "w/l", 0),
        Move("w/l", "drop/l", ACCES),
        Second("w/l", "drop/l", ACCES),
    ]);
}

#[test]
fn a_directory_takes_no_link_along_that_the_plugin_could_not_have_made_there() {
    steps(&[
        Move("w/site", "w/deep/site", ACCES),
        Move("w/site", "w/place", ACCES),
        Move("w/held", "w/pub", ACCES),
        Make("w/around"),
        Move("w/plain", "w/around/plain", 0),
        Move("w/around", "w/about", 0),
    ]);
}

/// `a/b` was a file when the link was made; then `a` becomes a link, or a directory with a link in it.
#[test]
fn what_a_link_leads_through_cannot_be_exchanged_afterwards() {
    steps(&[
        Make("w/a"),
        Link("a/ext", "w/m", ACCES),
        Link("ROOT/w/a/ext", "w/m", ACCES),
        Remove("w/a"),
        Link("a/ext/s", "w/m", ACCES),
        Link("ROOT/data", "w/a", 0),
        Link("a/s", "w/m", ACCES),
        Link("a/ext/s", "w/m", ACCES),
        Link("a", "w/m", 0),
        Link("ROOT/data/ext", "w/n", ACCES),
    ]);
}

/// One instance makes links in a directory to what is beside them, and another moves the directory to where the
/// plugin may not read: no link is there afterwards, whichever of them was first.
#[test]
fn a_link_made_while_its_directory_is_moved_does_not_go_along() {
    let (_kept, root) = disk();
    let text = root.to_str().unwrap();
    let repeat = |times: usize, steps: &dyn Fn(&mut Script, usize)| {
        for round in 0..times {
            let mut script = script(text, &[]);
            (0..50).for_each(|step| steps(&mut script, round * 50 + step));
            script.run();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            repeat(40, &|script, _| {
                let (directory, length) = script.at("w/moved");
                let (link, link_length) = script.at("w/moved/link");
                let (target, target_length) = script.text("beside");
                script.step("path_create_directory", &[ROOT, directory, length]);
                script.step(
                    "path_symlink",
                    &[target, target_length, ROOT, link, link_length],
                );
                script.step("path_unlink_file", &[ROOT, link, link_length]);
            });
        });
        scope.spawn(|| {
            repeat(40, &|script, number| {
                let (from, from_length) = script.at("w/moved");
                let (to, to_length) = script.at(&format!("drop/{number}"));
                script.step(
                    "path_rename",
                    &[ROOT, from, from_length, ROOT, to, to_length],
                );
            });
        });
    });
    let mut moved = 0;
    for entry in fs::read_dir(root.join("drop")).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.join("link").is_symlink(), "{}", path.display());
        moved += 1;
    }
    assert!(moved > 0, "the race was never run");
}
