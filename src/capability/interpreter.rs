//! Shells and interpreters, and the arguments that hand them code.
//! Programs that start another program are in `wrapper` and `options`.

const SHELLS: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "zsh",
    "ksh",
    "csh",
    "tcsh",
    "fish", // reglet-abi 3.6.1
    "ash",
    "hush",
    "rbash",
    "rksh",
    "rzsh",
    "mksh",
    "lksh",
    "oksh",
    "pdksh",
    "yash",
    "posh",
    "osh",
    "ysh",
    "elvish",
    "xonsh",
    "nu",
    "nushell",
    "rc",
    "es",
    "pwsh",
    "powershell",
    "cmd",
    "jsh",
    "git-shell",
];

const AWKS: &[&str] = &[
    "awk",
    "gawk",
    "mawk",
    "nawk",
    "igawk",
    "original-awk",
    "goawk",
    "bwk",
];

struct Interpreter {
    names: &'static [&'static str],
    /// Letters of short options that are followed by code, also in a cluster (`-ne`).
    code: &'static str,
    /// Letters of short options that are followed by a value: the rest of the argument or the
    /// next one.
    value: &'static str,
    /// Long options that are followed by code.
    long: &'static [&'static str],
    /// First arguments that are followed by code.
    verbs: &'static [&'static str],
}

const fn interpreter(
    names: &'static [&'static str],
    code: &'static str,
    value: &'static str,
    long: &'static [&'static str],
) -> Interpreter {
    Interpreter {
        names,
        code,
        value,
        long,
        verbs: &[],
    }
}

const EVAL: &[&str] = &["--eval"];

const INTERPRETERS: &[Interpreter] = &[
    interpreter(
        &[
            "python",
            "pypy",
            "ipython",
            "jython",
            "micropython",
            "graalpy",
        ],
        "c",
        "mWXQ",
        &["--command"],
    ),
    // A module named by -M or -m is code: -MPOSIX;system(...)
    interpreter(&["perl", "raku", "rakudo"], "eEMm", "IFDVx", &[]),
    interpreter(
        &["ruby", "irb", "jruby", "mruby", "truffleruby"],
        "e",
        "IrCEFKTWx",
        &[],
    ),
    Interpreter {
        names: &["node", "nodejs", "deno", "bun", "qjs", "d8"],
        code: "ep",
        value: "rC",
        long: &["--eval", "--print"],
        verbs: &["eval"],
    },
    interpreter(
        &["php", "php-cgi", "php-cli", "hhvm"],
        "rBRE",
        "cdfFgtzS",
        &[
            "--run",
            "--process-begin",
            "--process-code",
            "--process-end",
        ],
    ),
    interpreter(&["lua", "luajit", "texlua", "luau"], "e", "lW", &[]),
    interpreter(&["tclsh", "wish", "expect", "jimsh"], "c", "f", &[]),
    interpreter(
        &["r", "rscript", "littler", "julia"],
        "eE",
        "LpfHg",
        &["--eval", "--print"],
    ),
    interpreter(
        &["groovy", "scala", "clojure", "clj", "bb", "jshell"],
        "e",
        "",
        EVAL,
    ),
    interpreter(
        &["elixir", "iex", "mix", "erl"],
        "e",
        "r",
        &["--eval", "--rpc-eval", "-eval"],
    ),
    interpreter(
        &["guile", "racket", "ocaml", "ghc", "osascript"],
        "ce",
        "lL",
        EVAL,
    ),
    interpreter(
        &["sbcl", "clisp", "emacs", "gforth", "swipl"],
        "exg",
        "lfLM",
        EVAL,
    ),
];

/// Whether `name`, a base name in lower case, is a shell's. A version may follow: `zsh-5.9`.
pub(super) fn is_shell_name(name: &str) -> bool {
    // A login shell is started under its name with a dash before it.
    let name = name.strip_prefix('-').unwrap_or(name);
    SHELLS.contains(&name) || SHELLS.contains(&stem(name))
}

pub(super) fn is_interpreter_name(name: &str) -> bool {
    find(name).is_some() || AWKS.contains(&stem(name))
}

/// `name` without a version behind it: `python3.13` and `ruby-3.2` become `python` and `ruby`.
fn stem(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if stem.len() == name.len() {
        name
    } else {
        stem.strip_suffix('-').unwrap_or(stem)
    }
}

fn find(name: &str) -> Option<&'static Interpreter> {
    let stem = stem(name);
    INTERPRETERS
        .iter()
        .find(|known| known.names.contains(&name) || known.names.contains(&stem))
}

/// Whether `args` hand code to the interpreter `name`.
pub(super) fn is_given_code(name: &str, args: &[String]) -> bool {
    if AWKS.contains(&stem(name)) {
        return args.iter().any(|arg| is_awk_code(arg));
    }
    find(name).is_some_and(|known| known.is_given_code(args))
}

/// The longest argument taken for a cluster of short options once a file was named. Behind the
/// file arguments are the script's own, and a word with one dash is then more likely than code.
const SHORT_CLUSTER: usize = 5;

impl Interpreter {
    fn is_given_code(&self, args: &[String]) -> bool {
        args.first()
            .is_some_and(|first| self.verbs.contains(&first.as_str()))
            || args.iter().any(|arg| self.is_code_flag(arg))
            || self.has_code_cluster(args)
    }

    /// The flag alone or as `flag=value`, wherever it stands.
    fn is_code_flag(&self, arg: &str) -> bool {
        let flag = arg.split_once('=').map_or(arg, |(flag, _)| flag);
        let mut letters = flag.strip_prefix('-').unwrap_or_default().chars();
        self.long.contains(&flag)
            || matches!((letters.next(), letters.next()), (Some(c), None) if self.code.contains(c))
    }

    fn has_code_cluster(&self, args: &[String]) -> bool {
        let mut file_named = false;
        let mut rest = args.iter().peekable();
        while let Some(arg) = rest.next() {
            let Some(letters) = arg.strip_prefix('-').filter(|_| !arg.starts_with("--")) else {
                file_named |= !arg.starts_with('-');
                continue;
            };
            if file_named && arg.len() > SHORT_CLUSTER {
                continue;
            }
            match self.read_cluster(letters) {
                Cluster::Code => return true,
                Cluster::ValueNext => {
                    rest.next_if(|value| !value.starts_with('-'));
                }
                Cluster::Other => {}
            }
        }
        false
    }

    fn read_cluster(&self, letters: &str) -> Cluster {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            if self.code.contains(letter) {
                return Cluster::Code;
            }
            if self.value.contains(letter) {
                return if rest.as_str().is_empty() {
                    Cluster::ValueNext
                } else {
                    Cluster::Other
                };
            }
            if !letter.is_ascii_alphanumeric() {
                return Cluster::Other;
            }
        }
        Cluster::Other
    }
}

enum Cluster {
    Code,
    ValueNext,
    Other,
}

/// An awk program that runs before or after all input, or that reaches out: `system(...)`, a
/// pipe, `getline`, an extension.
fn is_awk_code(arg: &str) -> bool {
    let program = arg.trim();
    let block = ["BEGIN", "END"].iter().any(|word| {
        program
            .strip_prefix(word)
            .is_some_and(|rest| rest.trim_start().starts_with('{'))
    });
    let pipe = program.match_indices('|').any(|(at, _)| {
        let behind = program
            .get(at.saturating_add(1)..)
            .unwrap_or_default()
            .trim_start();
        behind.starts_with(['"', '&']) || behind.starts_with("getline")
    });
    let call = program.match_indices("system").any(|(at, word)| {
        let behind = program
            .get(at.saturating_add(word.len())..)
            .unwrap_or_default();
        behind.trim_start().starts_with('(')
    });
    block || pipe || call || program.contains("getline") || program.contains("@load")
}
