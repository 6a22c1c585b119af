//! The copy of this package that a plugin in Rust can keep: its manifest and the list of its files.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

/// The manifest: that of this package, without what only its own workspace has, tests and
/// documentation need.
pub fn manifest() -> String {
    let own = read("Cargo.toml");
    let workspace = read("../Cargo.toml");
    let mut text =
        "# The guest kit for plugins in Rust: a copy of the package tollgate-abi.\n\n".to_owned();
    let mut section = "";
    for line in own.lines() {
        if line.starts_with('[') {
            section = line;
        }
        match section {
            "[dev-dependencies]" | "[lints]" | "[package.metadata.docs.rs]" => continue,
            _ => {}
        }
        let key = line.split([' ', '.']).next().unwrap_or_default();
        match key {
            // Its files and pages are not in the copy, nor is the feature `kits`.
            "readme" | "include" | "kits" | "#" if section != "[dependencies]" => continue,
            _ if line.ends_with(".workspace = true") => {
                let value = inherited(&workspace, key);
                let _ = writeln!(text, "{key} = {value}");
            }
            _ => text += &format!("{line}\n"),
        }
        if line == "[package]" {
            text += "publish = false\n";
        }
    }
    // The tests of this package are in the copy as well, and need packages that plugins do not.
    text.truncate(text.trim_end().len());
    text + "\n\n[lib]\ntest = false\ndoctest = false\n\n[lints.rust]\n\
        unexpected_cfgs = { level = \"warn\", check-cfg = ['cfg(feature, values(\"kits\"))'] }\n"
}

/// The value of a key in `[workspace.package]`.
fn inherited<'a>(workspace: &'a str, key: &str) -> &'a str {
    let (_, section) = workspace.split_once("[workspace.package]").unwrap();
    let mut lines = section.lines();
    let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    value.unwrap_or_else(|| panic!("the workspace has no {key}"))
}

/// One row for each source file.
pub fn sources() -> String {
    let mut files = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rest = vec![source.clone()];
    while let Some(directory) = rest.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rest.push(path);
            } else {
                let name = path.strip_prefix(&source).unwrap().to_str().unwrap();
                files.insert(name.replace('\\', "/"));
            }
        }
    }
    // The list itself.
    assert!(files.remove("kits.rs"));
    let mut text = String::new();
    for file in files {
        let _ = writeln!(text, "    (\"src/{file}\", include_str!(\"{file}\")),");
    }
    text
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}
