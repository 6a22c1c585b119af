//! The simulated file system and the one of Linux return the same for any sequence of effects.

use super::Simulated;
use crate::{
    effect::{
        Answer, Effect, FileKind, Handle, OpenOptions, Reply, SetTime, Stat, Times, WriteMode,
    },
    gate::{Gate, HostFunctions, Observer, Policy},
    limits::Limits,
    world::{
        System, World,
        resolve::{follow, text},
    },
};
use proptest::prelude::*;
use std::{fs, os::unix::fs::symlink, path::Path, sync::Arc};
use tollgate_abi::rfc3339::Moment;

/// The names that paths are made of.
const NAMES: [&str; 12] = [
    "a", "b", "c", "d", "f", "x", "link", "up", "out", "loop", "none", "end",
];

fn gate(world: impl World + 'static, grants: &[String]) -> Gate {
    let policy = Policy {
        grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
        written: grants.len(),
        working_directory: world.working_directory(),
        host_functions: Arc::<HostFunctions>::default(),
    };
    Gate::new(
        "plugin".into(),
        Arc::new(policy),
        Box::new(world),
        &Limits::default(),
        crate::limits::Interrupt::default(),
        Observer::default(),
    )
}

/// The same directory twice: on the disk, and simulated. Only `a` and `b` are granted, and the files
/// of `c` for writing.
fn worlds(root: &Path) -> [Gate; 2] {
    let real = root.to_str().unwrap();
    let mut simulated = Simulated::new().at(real);
    for directory in ["a/d/d", "b", "c/d"] {
        fs::create_dir_all(root.join(directory)).unwrap();
        simulated = simulated.directory(directory);
    }
    for file in ["a/f", "a/d/f", "b/f", "c/f"] {
        fs::write(root.join(file), file).unwrap();
        simulated = simulated.file(file, file);
    }
    for (link, target) in LINKS {
        let target = &target.replace("ROOT", real);
        symlink(target, root.join(link)).unwrap();
        simulated = simulated.link(link, target);
    }
    let grants = [
        format!("fs:read:{real}/a"),
        format!("fs:read:{real}/a/**"),
        format!("fs:write:{real}/a/**"),
        format!("fs:read:{real}/b/**"),
        format!("fs:write:{real}/b/**"),
        format!("fs:write:{real}/c/*"),
    ];
    [
        gate(System::at(root).unwrap(), &grants),
        gate(simulated, &grants),
    ]
}

#[test]
fn a_directory_whose_links_cannot_be_checked_is_not_moved() {
    let world = Simulated::new()
        .link("/a/d/closed/e/link", "/secret")
        .mode("/a/d/closed", 0o600);
    let mut gate = gate(
        world,
        &["fs:read:/a/**".to_owned(), "fs:write:/a/**".to_owned()],
    );
    let rename = Effect::Rename {
        from: "/a/d".to_owned(),
        to: "/a/e".to_owned(),
    };
    let refused = format!("{:?}", gate.pass(&rename));
    assert!(refused.contains("EACCES"), "{refused}");
}

#[test]
fn missing_objects_have_the_name_of_their_existing_ancestor() {
    let world = Simulated::new()
        .directory("/elsewhere/target")
        .link("/link", "elsewhere/target")
        .link("/dangling", "link/./no");
    for (path, expected) in [
        ("/link/no", "/elsewhere/target/no"),
        ("/link/../no/x", "/elsewhere/no/x"),
        ("/link/no/../../x", "/elsewhere/x"),
        ("/no/./x//y/", "/no/x/y"),
        ("/dangling/x", "/elsewhere/target/no/x"),
    ] {
        let resolved = follow(&world.tree, path.as_bytes()).unwrap();
        assert_eq!(text(resolved.real()), expected, "{path}");
    }
}

#[test]
fn a_replaced_file_keeps_its_owner_group_and_mode() {
    let world = Simulated::new()
        .file("/file", "old")
        .owner("/file", 12, 34)
        .mode("/file", 0o640);
    let mut gate = gate(
        world,
        &["fs:read:/**".to_owned(), "fs:write:/**".to_owned()],
    );
    let path = || "/file".to_owned();
    let content = b"new".to_vec();
    let write = Effect::WriteFile {
        path: path(),
        content,
        mode: WriteMode::Replace,
    };
    assert_eq!(gate.pass(&write), Ok(Answer::Written(3)));
    let Ok(Answer::Stat(stat)) = gate.pass(&Effect::Stat {
        path: path(),
        follow: false,
    }) else {
        panic!("it is there");
    };
    assert_eq!(
        (stat.uid, stat.gid, stat.mode, stat.size),
        (12, 34, 0o640, 3)
    );
}

/// What both must return alike: no inode, time or owner, and of directories no size.
fn comparable(reply: Reply) -> Reply {
    let plain = |stat: Stat| {
        let is_directory = stat.kind == FileKind::Directory;
        let size = if is_directory { 0 } else { stat.size };
        let links = if is_directory { 0 } else { stat.links };
        Stat {
            size,
            links,
            inode: 0,
            device: 0,
            uid: 0,
            gid: 0,
            accessed: Moment::default(),
            modified: Moment::default(),
            changed: Moment::default(),
            ..stat
        }
    };
    Ok(match reply? {
        Answer::Stat(stat) => Answer::Stat(plain(stat)),
        Answer::Opened { handle, stat } => Answer::Opened {
            handle,
            stat: plain(stat),
        },
        Answer::Entries(mut entries) => {
            for entry in &mut entries {
                entry.inode = 0;
            }
            Answer::Entries(entries)
        }
        other => other,
    })
}

/// An absolute path of up to five names, most often of few, to be put below the root, as a guest can
/// write it.
fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        10 => Just("..".to_owned()),
        40 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        1 => Just("n".repeat(255)),
        1 => Just("n".repeat(256)),
        1 => Just("zero\0".to_owned()),
    ];
    let top = proptest::sample::select(&["a", "a", "a", "b", "b", "c"][..]);
    let end = proptest::sample::select(&["", "", "", "", "/", "/."][..]);
    (top, proptest::collection::vec(name, 0..4), end).prop_map(|(top, names, end)| {
        let names = names.iter().map(|name| format!("/{name}"));
        format!("/{top}{}{end}", names.collect::<String>())
    })
}

/// Where the paths of an effect begin: most often at the root.
fn start() -> impl Strategy<Value = Option<(Handle, String)>> {
    let rest = path().prop_map(|path| {
        let names = path.splitn(3, '/').nth(2);
        names
            .filter(|names| !names.is_empty())
            .unwrap_or(".")
            .to_owned()
    });
    proptest::option::weighted(0.2, (0..2 as Handle, rest))
}

fn target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        4 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just(String::new()),
    ];
    prop_oneof![
        8 => proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.join("/")),
        2 => path().prop_map(|path| format!("ROOT{path}")),
        1 => Just(String::new()),
        1 => Just("n/".repeat(2048)),
    ]
}

fn options() -> impl Strategy<Value = OpenOptions> {
    let rarely = || prop::bool::weighted(0.2);
    let flags = (prop::bool::ANY, prop::bool::ANY, prop::bool::ANY);
    (flags, rarely(), rarely(), rarely(), rarely()).prop_map(
        |((read, write, create), exclusive, truncate, directory, no_follow)| OpenOptions {
            read,
            write,
            create,
            exclusive,
            truncate,
            directory,
            no_follow,
        },
    )
}

fn effect() -> impl Strategy<Value = Effect> {
    let handle = || 0..2 as Handle;
    // Files that exist from the start, so that many of the following effects succeed.
    let there = proptest::sample::select(&["/a/f", "/a/link", "/a/d", "/b/f"][..]);
    let opened = prop_oneof![there.prop_map(str::to_owned), path()];
    let times = || {
        Just(Times {
            accessed: None,
            modified: Some(SetTime::Now),
        })
    };
    let content = || proptest::collection::vec(any::<u8>(), 0..20);
    let mode = proptest::sample::select(
        &[WriteMode::Replace, WriteMode::CreateNew, WriteMode::Append][..],
    );
    let offset = || prop_oneof![9 => 0..30_u64, 1 => Just(u64::MAX), 1 => Just(1 << 63)];
    prop_oneof![
        8 => (opened, options()).prop_map(|(path, options)| Effect::Open { path, options }),
        1 => handle().prop_map(|handle| Effect::Close { handle }),
        2 => (handle(), offset(), 0..30_u64).prop_map(|(handle, offset, limit)| {
            Effect::ReadAt { handle, offset, limit }
        }),
        2 => (handle(), proptest::option::of(0..30_u64), content()).prop_map(
            |(handle, offset, bytes)| Effect::WriteAt { handle, offset, bytes }
        ),
        1 => (handle(), 0..30_u64).prop_map(|(handle, size)| Effect::SetSize { handle, size }),
        1 => handle().prop_map(|handle| Effect::StatOpen { handle }),
        1 => handle().prop_map(|handle| Effect::Sync { handle }),
        1 => handle().prop_map(|handle| Effect::List { handle }),
        1 => (handle(), times()).prop_map(|(handle, times)| Effect::SetTimesOpen { handle, times }),
        2 => (path(), any::<bool>()).prop_map(|(path, follow)| Effect::Stat { path, follow }),
        1 => path().prop_map(|path| Effect::ReadLink { path }),
        1 => (path(), any::<bool>(), times()).prop_map(|(path, follow, times)| {
            // Without `exec`, the system's times of a link itself cannot be set.
            let follow = follow || cfg!(not(feature = "exec"));
            Effect::SetTimes { path, follow, times }
        }),
        3 => (path(), content(), mode).prop_map(|(path, content, mode)| {
            Effect::WriteFile { path, content, mode }
        }),
        3 => path().prop_map(|path| Effect::MakeDirectory { path }),
        2 => path().prop_map(|path| Effect::RemoveDirectory { path }),
        2 => path().prop_map(|path| Effect::RemoveFile { path }),
        4 => (path(), path()).prop_map(|(from, to)| Effect::Rename { from, to }),
        2 => (path(), path()).prop_map(|(from, to)| Effect::HardLink { from, to }),
        3 => (path(), target()).prop_map(|(path, target)| Effect::Symlink {
            path,
            target,
            leads_to: String::new(),
        }),
    ]
}

/// The effect below the root.
fn below(effect: &Effect, root: &str) -> Effect {
    let mut effect = effect.clone();
    let put = |path: &mut String| path.insert_str(0, root);
    match &mut effect {
        Effect::Open { path, .. }
        | Effect::Stat { path, .. }
        | Effect::ReadLink { path }
        | Effect::SetTimes { path, .. }
        | Effect::WriteFile { path, .. }
        | Effect::MakeDirectory { path }
        | Effect::RemoveDirectory { path }
        | Effect::RemoveFile { path } => put(path),
        Effect::Rename { from, to } | Effect::HardLink { from, to } => {
            put(from);
            put(to);
        }
        Effect::Symlink {
            path,
            target,
            leads_to,
        } => {
            put(path);
            *target = target.replace("ROOT", root);
            let parent = path.rsplit_once('/').unwrap().0;
            *leads_to = super::names::absolute(parent, target);
        }
        _ => {}
    }
    effect
}

/// The links that exist from the start.
const LINKS: [(&str, &str); 12] = [
    ("a/link", "f"),
    ("a/up", ".."),
    ("a/end", "d/"),
    ("a/d/end", "../f/"),
    ("a/loop", "loop"),
    ("a/out", "../c"),
    ("a/none", "../c/none"),
    ("b/up", "../a/up/c/"),
    ("b/link", "ROOT/b"),
    ("b/none", "../a/x"),
    ("c/out", "../a"),
    ("c/link", "./f"),
];

/// Checks that every link that did not exist from the start leads to something that may be read.
fn no_link_leads_outside(root: &Path) {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                directories.push(path);
                continue;
            }
            let Ok(target) = fs::read_link(&path) else {
                continue;
            };
            let target = target
                .to_str()
                .unwrap()
                .replace(root.to_str().unwrap(), "ROOT");
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            if LINKS.contains(&(name, target.as_str())) {
                continue;
            }
            assert!(
                !target.split('/').any(|name| name == ".."),
                "{name} -> {target}"
            );
            if let Ok(end) = path.canonicalize() {
                let end = end.strip_prefix(root).unwrap();
                let readable = end.starts_with("a") || end.starts_with("b");
                assert!(readable, "{name} -> {target} leads to {}", end.display());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::share::tenth(200)))]

    #[test]
    fn files_answer_as_those_of_linux(
        effects in proptest::collection::vec((effect(), [start(), start()]), 10..60),
    ) {
        let kept = tempfile::tempdir().unwrap();
        let root = kept.path().canonicalize().unwrap();
        let [mut real, mut simulated] = worlds(&root);
        let root = root.to_str().unwrap();
        for (effect, starts) in effects {
            let effect = below(&effect, root);
            let starts = starts.each_ref().map(|start| {
                start.as_ref().map(|(handle, rest)| (*handle, rest.as_str()))
            });
            prop_assert_eq!(
                comparable(real.pass_from(starts, &effect)),
                comparable(simulated.pass_from(starts, &effect)),
                "{:?} {:?}",
                effect,
                starts
            );
        }
        no_link_leads_outside(Path::new(root));
        // Afterwards the same things have the same names.
        let mut paths = vec![format!("{root}/a"), format!("{root}/b")];
        while let Some(path) = paths.pop() {
            let effect = Effect::Stat { path: path.clone(), follow: false };
            let found = comparable(real.pass(&effect));
            prop_assert_eq!(&found, &comparable(simulated.pass(&effect)), "{:?}", effect);
            if matches!(found, Ok(Answer::Stat(stat)) if stat.kind == FileKind::Directory) {
                paths.extend(NAMES.iter().map(|name| format!("{path}/{name}")));
            }
        }
    }
}
