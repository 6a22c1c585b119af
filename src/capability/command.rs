//! Which programs can be made to run code or other programs: they need a grant that names them
//! literally, whatever their arguments are. Decided by name, from the table in `programs`; whether
//! a grant names a command is for `exec`.

use std::fmt;

pub use super::environment::{env_allowed, env_allowed_freely, env_never_allowed};
use super::programs::{BEGINNINGS, TABLE};

/// What makes a program able to run code or other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// `sh`, `bash`, `pwsh`.
    Shell,
    /// `python3`, `awk`, `sed`, `latex`: its input is code.
    Interpreter,
    /// `env`, `xargs`, `find`, `sudo`: starts the program that its arguments name.
    Launcher,
    /// `vim`, `less`, `man`.
    Editor,
    /// `gdb`, `strace`, `perf`.
    Debugger,
    /// `gcc`, `make`, `git`, `pytest`.
    BuildTool,
    /// `apt`, `pip`, `npm`.
    PackageManager,
    /// `systemctl`, `docker`, `crontab`, `busybox`.
    System,
    /// `ssh`, `rsync`, `mail`, `wget`.
    Remote,
    /// `psql`, `sqlite3`.
    Database,
    /// `tar`, `zip`, `gzip`.
    Archiver,
    /// `cp`, `dd`, `curl`: can bring a program under a name that is granted.
    Writer,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 12] = [
        Family::Shell,
        Family::Interpreter,
        Family::Launcher,
        Family::Editor,
        Family::Debugger,
        Family::BuildTool,
        Family::PackageManager,
        Family::System,
        Family::Remote,
        Family::Database,
        Family::Archiver,
        Family::Writer,
    ];

    /// One word, for programs: `shell`, `build_tool`.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Shell => "shell",
            Family::Interpreter => "interpreter",
            Family::Launcher => "launcher",
            Family::Editor => "editor",
            Family::Debugger => "debugger",
            Family::BuildTool => "build_tool",
            Family::PackageManager => "package_manager",
            Family::System => "system",
            Family::Remote => "remote",
            Family::Database => "database",
            Family::Archiver => "archiver",
            Family::Writer => "writer",
        }
    }

    /// With its article, for sentences: `a shell`, `an editor or pager`.
    pub fn describe(self) -> &'static str {
        match self {
            Family::Shell => "a shell",
            Family::Interpreter => "an interpreter",
            Family::Launcher => "a program that starts other programs",
            Family::Editor => "an editor or pager",
            Family::Debugger => "a debugger or tracer",
            Family::BuildTool => "a compiler, a build tool or version control",
            Family::PackageManager => "a package manager",
            Family::System => "a program that manages services, jobs or containers",
            Family::Remote => "a network program that starts other programs",
            Family::Database => "a database or its shell",
            Family::Archiver => "an archiver",
            Family::Writer => "a program that writes files, and so programs",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The family of `command`, a path or a bare name; `None` for a program that is not in the table.
///
/// A program in the table can be made to run code or other programs, and is allowed by a grant
/// that names it literally only. One that is not in the table may do so as well: the table cannot
/// be complete. Links are not resolved: check the real path as well.
///
/// Names are compared without regard to case, `.exe` and whatever else follows a dot
/// (`vim.basic`), versions (`python3.11`, `gcc-12`), builds (`bash-static`), targets before and
/// behind them (`x86_64-linux-gnu-gcc`, `socat-x86_64`) and the `g` or `gnu` of GNU's programs beside a
/// system's own (`gtar`).
///
/// ```
/// # use tollgate::capability::command::{Family, family};
/// assert_eq!(family("/usr/bin/Python3.11"), Some(Family::Interpreter));
/// assert_eq!(family("ls"), None);
/// ```
pub fn family(command: &str) -> Option<Family> {
    let name = folded(base_name(command));
    let name = name.trim_start_matches(['-', '.', ' ']);
    let stem = name.split(['.', ' ', ':']).next().unwrap_or_default();
    [name, stem]
        .into_iter()
        .flat_map(|name| [name, without_build(name), without_machine(name)])
        .flat_map(|name| [name, without_version_part(name), without_version(name)])
        .find_map(|name| {
            let mut names = std::iter::once(name)
                .chain(["gnu", "g", "uu_"].map(|maker| name.strip_prefix(maker).unwrap_or(name)))
                .chain(without_target(name));
            names.find_map(in_table)
        })
}

/// What packages put behind the name of a program that they build in another way.
const BUILDS: [&str; 66] = [
    "any",
    "athena",
    "beta",
    "bin",
    "canary",
    "classic",
    "cli",
    "compat",
    "console",
    "coverage",
    "cur",
    "dbg",
    "debug",
    "devel",
    "development",
    "edge",
    "esp",
    "extras",
    "full",
    "gnome",
    "gtk",
    "gtk2",
    "gtk3",
    "gtk4",
    "huge",
    "im6",
    "im7",
    "intel64",
    "kde",
    "ldap",
    "lite",
    "lts",
    "lucid",
    "minimal",
    "motif",
    "mri",
    "native",
    "next",
    "nightly",
    "nogil",
    "nopie",
    "nox",
    "openbsd",
    "orig",
    "patched",
    "pgtk",
    "preview",
    "qt",
    "qt5",
    "qt6",
    "real",
    "release",
    "rs",
    "small",
    "snapshot",
    "stable",
    "staging",
    "standalone",
    "static",
    "tiny",
    "traditional",
    "unstable",
    "unstripped",
    "unwrapped",
    "wrapped",
    "x11",
];

/// What packages put behind the name of a program for the machine that it is built for, beside [`TARGETS`].
const MACHINES: [&str; 11] = [
    "android", "arm64", "darwin", "freebsd", "linux", "macos", "openbsd", "unknown", "win32",
    "win64", "x64",
];

fn without_build(name: &str) -> &str {
    match name.rsplit_once(['-', '_']) {
        Some((name, build)) if BUILDS.contains(&build) => name,
        _ => name,
    }
}

/// `name` without the machine behind it: `toybox-aarch64`, `socat_linux_amd64`.
fn without_machine(name: &str) -> &str {
    let machine = name.match_indices(['-', '_']).find(|(at, _)| {
        let rest = name.get(at.saturating_add(1)..).unwrap_or_default();
        let mut known = TARGETS.iter().chain(&MACHINES);
        known.any(|known| rest.starts_with(known))
    });
    machine.and_then(|(at, _)| name.get(..at)).unwrap_or(name)
}

fn in_table(name: &str) -> Option<Family> {
    TABLE
        .iter()
        .find(|(_, names)| names.binary_search(&name).is_ok())
        .map(|(family, _)| *family)
        .or_else(|| {
            let suite = BEGINNINGS
                .iter()
                .find(|(beginning, _)| name.starts_with(beginning));
            suite.map(|(_, family)| *family)
        })
}

/// What some file systems take for the same name: without regard to case, and to characters that
/// are not shown (HFS+ ignores them).
fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}'))
        // Both ways: some letters have the upper case of another one.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// `name` without a last part that is a version, where the name itself ends in a digit: `d8-12`.
fn without_version_part(name: &str) -> &str {
    match name.rsplit_once(['-', '_']) {
        Some((name, part)) if part.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// `name` without a version behind it: `gcc-12`, `perl5`, and `python3t` or `python3dm`, where
/// letters mark the build.
fn without_version(name: &str) -> &str {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let build = name.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let letters = name.len().saturating_sub(build.len());
    let is_build = build.ends_with(|c: char| c.is_ascii_digit()) && letters <= 2;
    let name = if is_build { build } else { name };
    name.trim_end_matches(digits)
}

/// Beginnings of the first part of a target (`x86_64-linux-gnu`), and of other marks of who built
/// a program (`gnu-sed`, `musl-gcc`).
const TARGETS: [&str; 36] = [
    "aarch64",
    "alpha",
    "amd64",
    "arm",
    "avr",
    "bpf",
    "bsd",
    "gnu",
    "heirloom",
    "hppa",
    "i386",
    "i486",
    "i586",
    "i686",
    "ia64",
    "inetutils",
    "llvm",
    "loongarch",
    "m68k",
    "microblaze",
    "mingw",
    "mips",
    "musl",
    "netkit",
    "nios2",
    "or1k",
    "original",
    "powerpc",
    "ppc",
    "riscv",
    "s390",
    "sh4",
    "sparc",
    "wasm",
    "x86",
    "xtensa",
];

/// More parts than any target has, with the name of a program behind it.
const MAX_TARGET_PARTS: usize = 8;

/// What may be the program behind a target: each rest after a `-`.
fn without_target(name: &str) -> impl Iterator<Item = &str> {
    let has_target = TARGETS.iter().any(|target| name.starts_with(target));
    name.match_indices('-')
        .take(MAX_TARGET_PARTS)
        .filter(move |_| has_target)
        .filter_map(move |(at, _)| name.get(at.saturating_add(1)..))
}

/// What comes after the last `/`.
pub fn base_name(command: &str) -> &str {
    command.rsplit('/').next().unwrap_or_default()
}

/// Whether `command`, a path or a bare name, is a shell known by its name.
pub fn is_shell(command: &str) -> bool {
    family(command) == Some(Family::Shell)
}

/// Whether `command`, a path or a bare name, is an interpreter known by its name. Shells are not
/// counted.
pub fn is_interpreter(command: &str) -> bool {
    family(command) == Some(Family::Interpreter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_each_program_once() {
        let mut all = std::collections::BTreeMap::new();
        for (family, names) in TABLE {
            assert!(names.is_sorted(), "{family}");
            for name in *names {
                assert_eq!(all.insert(*name, family), None, "{name} is there twice");
                assert!(
                    !name.is_empty() && !name.contains(['.', '/', ' ']),
                    "{name}"
                );
                assert_eq!(folded(name), *name);
            }
        }
        assert!(BEGINNINGS.is_sorted());
        for family in Family::ALL {
            assert!(TABLE.iter().any(|(own, _)| *own == family), "{family}");
        }
    }

    #[test]
    fn every_spelling_of_a_listed_name_is_found() {
        for (family, names) in TABLE {
            for name in *names {
                for spelling in [
                    name.to_string(),
                    format!("/usr/local/bin/{name}"),
                    name.to_uppercase(),
                    format!("{name}.exe"),
                    format!("{name}.real"),
                    format!("{name}-12"),
                    format!("{name}5.36.0"),
                    format!("{name}-1.2.3-x86_64-linux-gnu"),
                    format!("-{name}"),
                    format!("x86_64-linux-gnu-{name}"),
                    format!("{name}-static"),
                    format!("g{name}"),
                    format!("gnu{name}"),
                    format!("arm-none-eabi-{name}-12.2"),
                ] {
                    // Where the name ends in a digit, the beginning of the version is ambiguous.
                    if name.ends_with(|c: char| c.is_ascii_digit()) && spelling.contains("5.36.0") {
                        continue;
                    }
                    let found = super::family(&spelling);
                    assert!(found.is_some(), "{spelling}");
                    if spelling.eq_ignore_ascii_case(name) {
                        assert_eq!(found, Some(*family), "{spelling}");
                    }
                }
            }
        }
    }
}
