//! Programs that are harmless but for some options, which make them start a program of the
//! caller's choice. Programs that always start another are in `wrapper`.

struct Options {
    names: &'static [&'static str],
    /// Beginnings of short options.
    short: &'static [&'static str],
    /// Long options; what is cut short but still unambiguous counts, as programs take it too.
    long: &'static [&'static str],
}

const DANGEROUS: &[Options] = &[
    Options {
        names: &["tar", "gtar", "bsdtar", "star"],
        short: &["-I", "-F"],
        long: &[
            "--to-command",
            "--checkpoint-action",
            "--use-compress-program",
            "--info-script",
            "--new-volume-script",
            "--rsh-command",
            "--rmt-command",
        ],
    },
    Options {
        names: &["rsync"],
        short: &["-e"],
        long: &["--rsh", "--rsync-path"],
    },
    Options {
        names: &["ssh", "scp", "sftp"],
        short: &["-o", "-F", "-S", "-D"],
        long: &[],
    },
    Options {
        names: &["git"],
        short: &["-c"],
        long: &[
            "--config-env",
            "--exec-path",
            "--upload-pack",
            "--receive-pack",
            "--exec",
        ],
    },
    Options {
        names: &["sort"],
        short: &[],
        long: &["--compress-program"],
    },
    Options {
        names: &["split"],
        short: &[],
        long: &["--filter"],
    },
    Options {
        names: &["zip"],
        short: &["-TT"],
        long: &["--unzip-command"],
    },
    Options {
        names: &["su", "runuser", "script"],
        short: &["-c"],
        long: &["--command", "--session-command"],
    },
    Options {
        names: &["make", "gmake"],
        short: &["-E"],
        long: &["--eval"],
    },
    Options {
        names: &["gdb", "lldb"],
        short: &["-ex", "-o", "-iex", "-x"],
        long: &["--eval-command", "--ex", "--command", "--source"],
    },
    Options {
        names: &["vi", "vim", "nvim", "ex", "view", "ed"],
        short: &["-c", "-S", "+"],
        long: &["--cmd"],
    },
    Options {
        names: &["man"],
        short: &["-P", "-H"],
        long: &["--pager", "--html"],
    },
    Options {
        names: &["tcpdump"],
        short: &["-z"],
        long: &[],
    },
];

/// Whether `name` is given an option that makes it start a program of the caller's choice.
pub(super) fn dangerous_option(name: &str, args: &[String]) -> bool {
    if name == "sed" || name == "gsed" {
        return sed_scripts(args).into_iter().any(is_sed_code);
    }
    DANGEROUS
        .iter()
        .filter(|known| known.names.contains(&name))
        .any(|known| {
            args.iter().any(|arg| {
                let flag = arg.split_once('=').map_or(arg.as_str(), |(flag, _)| flag);
                known.short.iter().any(|short| arg.starts_with(short))
                    || known.long.iter().any(|long| is_cut_of(flag, long))
            })
        })
}

/// Whether `flag` is the long option `long`, perhaps cut short.
fn is_cut_of(flag: &str, long: &str) -> bool {
    flag.len() > "--x".len() && long.starts_with(flag)
}

/// The scripts among the arguments of sed: those given as options, or else the first that is no
/// option. What follows `-e` alone is suspicious in any case.
fn sed_scripts(args: &[String]) -> Vec<&str> {
    let mut scripts = Vec::new();
    let mut first = None;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let option = arg
            .strip_prefix("--expression=")
            .or_else(|| arg.strip_prefix("-e"));
        match option {
            Some(script) => scripts.push(script),
            // The line length, which is no script.
            None if arg == "-l" => drop(rest.next()),
            None if arg.starts_with('-') => {}
            None if first.is_none() => first = Some(arg.as_str()),
            None => {}
        }
    }
    scripts.extend(first);
    scripts
}

/// Whether a sed script has an `e` command or an `e` flag of `s`. Only its shape is looked at: a
/// script with such letters elsewhere may be taken for one.
fn is_sed_code(script: &str) -> bool {
    script.split([';', '\n', '{', '}']).any(|command| {
        let command = command.trim_start_matches(|c: char| {
            c.is_ascii_digit() || c.is_whitespace() || matches!(c, ',' | '$' | '!' | '~' | '+')
        });
        // `/re/e`, `s/a/b/e`: an `e` among the last letters behind a delimiter.
        let flags = command.trim_end();
        let tail = flags.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
        let tail = flags.get(tail.len()..).unwrap_or_default();
        let behind_delimiter = tail.len() < flags.len()
            && (command.starts_with(['s', '/', '\\']))
            && tail.len() <= 6
            && tail.contains('e')
            && tail
                .chars()
                .all(|c| c.is_ascii_digit() || "gpiIemMw".contains(c));
        let command_e = command == "e" || command.starts_with("e ");
        command_e || behind_delimiter
    })
}
