//! Programs that start another program named by their arguments: what they would start.
//! What that program is, is the business of `command`.

use super::command::Class;

/// How many commands within commands are looked at. A chain that is longer hides something.
pub(super) const MAX_STARTED: usize = 32;

/// A command within a command.
pub(super) struct Started<'a> {
    pub(super) command: &'a str,
    pub(super) args: &'a [String],
    /// Whether it is given further arguments that are not known here.
    pub(super) more: bool,
    /// Whether it is a guess: what stands before it may be the command instead.
    pub(super) guess: bool,
}

struct Wrapper {
    names: &'static [&'static str],
    /// Short options followed by a value in the next argument, and long ones likewise.
    value: &'static [&'static str],
    /// How many arguments stand between the options and the command.
    operands: usize,
    /// Whether it hands the command arguments of its own finding.
    more: bool,
    /// Whether it hands the command to a shell.
    shell: bool,
}

const fn wrapper(
    names: &'static [&'static str],
    value: &'static [&'static str],
    operands: usize,
) -> Wrapper {
    Wrapper {
        names,
        value,
        operands,
        more: false,
        shell: false,
    }
}

const WRAPPERS: &[Wrapper] = &[
    wrapper(&["busybox", "toybox"], &[], 0),
    wrapper(
        &[
            "nohup",
            "setsid",
            "command",
            "exec",
            "builtin",
            "setarch",
            "linux32",
            "linux64",
            "fakeroot",
            "catchsegv",
            "valgrind",
        ],
        &[],
        0,
    ),
    wrapper(&["env"], &["-u", "--unset", "-C", "--chdir"], 0),
    wrapper(&["nice"], &["-n", "--adjustment"], 0),
    wrapper(&["ionice"], &["-c", "--class", "-n", "--classdata"], 0),
    wrapper(&["chrt"], &["-T", "-P", "-D"], 1),
    wrapper(&["taskset"], &[], 1),
    wrapper(
        &["timeout", "gtimeout"],
        &["-s", "--signal", "-k", "--kill-after"],
        1,
    ),
    wrapper(&["time", "gtime"], &["-f", "--format", "-o", "--output"], 0),
    wrapper(
        &["stdbuf"],
        &["-i", "-o", "-e", "--input", "--output", "--error"],
        0,
    ),
    wrapper(
        &["sudo", "doas"],
        &[
            "-u",
            "--user",
            "-g",
            "--group",
            "-h",
            "--host",
            "-p",
            "--prompt",
            "-C",
            "-D",
            "-R",
            "-T",
            "-U",
            "-r",
            "-t",
            "--chdir",
            "--chroot",
            "--close-from",
        ],
        0,
    ),
    wrapper(&["chroot"], &[], 1),
    wrapper(
        &["unshare", "nsenter"],
        &["-t", "-S", "-G", "-R", "-w", "--target"],
        0,
    ),
    wrapper(
        &["setpriv", "prlimit", "systemd-run", "capsh"],
        &["-p", "-u", "--unit"],
        0,
    ),
    wrapper(
        &["flock"],
        &["-w", "-E", "--timeout", "--conflict-exit-code"],
        1,
    ),
    wrapper(
        &["strace", "ltrace"],
        &["-e", "-o", "-p", "-s", "-u", "-E", "-a", "-P"],
        0,
    ),
    wrapper(
        &["ssh"],
        &[
            "-B", "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O",
            "-o", "-p", "-Q", "-R", "-S", "-W", "-w",
        ],
        1,
    ),
    wrapper(
        &["ld.so"],
        &["--library-path", "--preload", "--argv0", "--audit"],
        0,
    ),
    Wrapper {
        names: &["xargs", "gxargs", "parallel"],
        value: &[
            "-I",
            "-n",
            "-P",
            "-d",
            "-L",
            "-s",
            "-a",
            "-E",
            "-j",
            "--max-args",
            "--max-procs",
            "--delimiter",
            "--arg-file",
            "--jobs",
            "--replace",
        ],
        operands: 0,
        more: true,
        shell: false,
    },
    Wrapper {
        names: &["watch", "entr"],
        value: &["-n", "--interval"],
        operands: 0,
        more: false,
        shell: true,
    },
];

fn find(name: &str) -> Option<&'static Wrapper> {
    let name = if name.starts_with("ld-") && name.contains(".so") {
        "ld.so"
    } else {
        name
    };
    WRAPPERS.iter().find(|known| known.names.contains(&name))
}

pub(super) fn is_wrapper_name(name: &str) -> bool {
    find(name).is_some() || is_find(name)
}

fn is_find(name: &str) -> bool {
    matches!(name, "find" | "gfind" | "fd" | "fdfind")
}

/// What `name` would start with these arguments, and what it does by itself.
pub(super) fn started<'a>(name: &str, args: &'a [String]) -> (Class, Vec<Started<'a>>) {
    if is_find(name) {
        return (Class::Safe, found_commands(args));
    }
    let Some(known) = find(name) else {
        return (Class::Safe, Vec::new());
    };
    // Options that make a command out of a string, or start a shell.
    let option_class = |arg: &str| match name {
        "env" if arg.starts_with("--split") || has_letter(arg, 'S') => Class::Suspicious,
        "sudo" if matches!(arg, "--shell" | "--login") => Class::Shell,
        "sudo" if has_letter(arg, 's') || has_letter(arg, 'i') => Class::Shell,
        "doas" if has_letter(arg, 's') => Class::Shell,
        _ => Class::Safe,
    };
    let mut class = Class::Safe;
    let mut operands = known.operands;
    // Whether an option was seen that may take the next argument as its value after all.
    let mut in_doubt = false;
    let mut rest = args;
    while let Some((arg, behind)) = rest.split_first() {
        let is_option = arg.len() > 1 && arg.starts_with('-');
        if is_option {
            class = class.max(option_class(arg));
        }
        let assigns = matches!(name, "env" | "sudo" | "doas") && arg.contains('=');
        rest = if is_option && known.value.contains(&arg.as_str()) {
            behind.get(1..).unwrap_or_default()
        } else if is_option || assigns || arg == "-" {
            in_doubt |= is_option && arg != "--" && !arg.contains('=');
            behind
        } else if operands > 0 {
            operands = operands.saturating_sub(1);
            behind
        } else {
            let class = if known.shell { Class::Shell } else { class };
            let run = |command, args, guess| Started {
                command,
                args,
                more: known.more,
                guess,
            };
            let mut starts = vec![run(arg, behind, false)];
            if in_doubt && let Some((next, behind)) = behind.split_first() {
                starts.push(run(next, behind, true));
            }
            return (class, starts);
        };
    }
    (class, Vec::new())
}

/// Whether `arg` is a cluster of short options with `letter` in it.
fn has_letter(arg: &str, letter: char) -> bool {
    arg.strip_prefix('-').is_some_and(|letters| {
        let cluster = letters.split(|c: char| !c.is_ascii_alphanumeric()).next();
        !letters.starts_with('-') && cluster.is_some_and(|cluster| cluster.contains(letter))
    })
}

/// The commands behind `-exec` and its like, each up to `;` or `+`.
fn found_commands(args: &[String]) -> Vec<Started<'_>> {
    let mut found = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        let starts = matches!(
            arg.as_str(),
            "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X" | "--exec" | "--exec-batch"
        );
        let behind = args.get(at.saturating_add(1)..).unwrap_or_default();
        // Each looks for its end, so without a limit many would cost their number squared.
        if found.len() > MAX_STARTED {
            break;
        }
        if let Some((command, rest)) = behind.split_first().filter(|_| starts) {
            let end = rest
                .iter()
                .position(|arg| arg == ";" || arg == "+")
                .unwrap_or(rest.len());
            let args = rest.get(..end).unwrap_or_default();
            found.push(Started {
                command,
                args,
                more: true,
                guess: false,
            });
        }
    }
    found
}
