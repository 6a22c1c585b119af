//! What a command would do with its arguments: run code out of them, or not (reglet-abi 3.6.1,
//! with its recommended extensions). Which commands may run at all is the business of `exec`.

use std::fmt;

pub use super::environment::{allowed_env, env_allowed, env_never_allowed};
use super::interpreter;
use super::options::dangerous_option;
use super::wrapper::{self, MAX_STARTED, Started};

/// What kind of execution a command with its arguments is. All but `Safe` need a grant that names
/// the command literally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Nothing found that would run code out of the arguments.
    Safe,
    /// Arguments that often mean code (`-c`, `-e`, `--eval`), or options known to start programs.
    Suspicious,
    /// An interpreter given code, `python -c ...`.
    Interpreter,
    /// A shell given anything at all.
    Shell,
}

impl Class {
    /// One word: `safe`, `shell`, `interpreter` or `suspicious`.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Safe => "safe",
            Class::Suspicious => "suspicious",
            Class::Interpreter => "interpreter",
            Class::Shell => "shell",
        }
    }

    /// The words of a denial, `interpreter code execution` (reglet-abi 3.6.1).
    pub fn describe(self) -> &'static str {
        match self {
            Class::Safe => "safe",
            Class::Suspicious => "suspicious execution",
            Class::Interpreter => "interpreter code execution",
            Class::Shell => "shell",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What [`inspect`] finds out about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection<'a> {
    /// The most dangerous thing the command would do.
    pub class: Class,
    /// The commands that it would start in its turn, `ls` for `timeout 5 ls`.
    pub started: Vec<&'a str>,
}

/// The class of running `command`, a path or a bare name, with `args`.
///
/// A command that starts another (`env`, `xargs`, `sudo`, `find -exec`, `busybox`) has the class
/// of what it starts. Links are not seen from here: ask again with the real path.
pub fn classify(command: &str, args: &[String]) -> Class {
    inspect(command, args).class
}

/// Whether running `command` with `args` needs a grant that names it literally, not through `**`
/// or `DIR/*`.
pub fn needs_literal(command: &str, args: &[String]) -> bool {
    classify(command, args) != Class::Safe
}

/// [`classify`], with what is started on the way.
pub fn inspect<'a>(command: &'a str, args: &'a [String]) -> Inspection<'a> {
    let mut found = Inspection {
        class: Class::Safe,
        started: Vec::new(),
    };
    let mut open = vec![Started {
        command,
        args,
        more: false,
        guess: false,
    }];
    let mut looked_at: usize = 0;
    while let Some(run) = open.pop() {
        let (class, starts) = classify_one(&run);
        found.class = found.class.max(class);
        for started in starts {
            if looked_at >= MAX_STARTED {
                found.class = found.class.max(Class::Suspicious);
                return found;
            }
            // What is only guessed at counts for the class, not for what needs a grant.
            looked_at = looked_at.saturating_add(1);
            if !started.guess {
                found.started.push(started.command);
            }
            open.push(started);
        }
    }
    found
}

fn classify_one<'a>(run: &Started<'a>) -> (Class, Vec<Started<'a>>) {
    let name = program(run.command);
    let has_args = run.more || !run.args.is_empty();
    if has_args && interpreter::is_shell_name(&name) {
        return (Class::Shell, Vec::new());
    }
    if interpreter::is_given_code(&name, run.args) {
        return (Class::Interpreter, Vec::new());
    }
    let (mut class, starts) = wrapper::started(&name, run.args);
    if run.args.iter().any(|arg| is_suspicious(arg)) || dangerous_option(&name, run.args) {
        class = class.max(Class::Suspicious);
    }
    (class, starts)
}

/// Arguments that mean code often enough, whatever the command (row 10 of the table).
fn is_suspicious(arg: &str) -> bool {
    matches!(arg, "-c" | "-e" | "-E" | "-r" | "--eval" | "--command")
}

/// What comes after the last `/`.
pub fn base_name(command: &str) -> &str {
    command.rsplit('/').next().unwrap_or_default()
}

/// The name a command is known by: its base name in lower case (some file systems do not tell
/// cases apart) and without `.exe`.
fn program(command: &str) -> String {
    let name = base_name(command).to_ascii_lowercase();
    match name.strip_suffix(".exe") {
        Some(stem) => stem.to_owned(),
        None => name,
    }
}

/// Whether `command`, a path or a bare name, is a shell known by its name.
pub fn is_shell(command: &str) -> bool {
    interpreter::is_shell_name(&program(command))
}

/// Whether `command`, a path or a bare name, is an interpreter known by its name. Shells are not
/// counted.
pub fn is_interpreter(command: &str) -> bool {
    interpreter::is_interpreter_name(&program(command))
}

/// Whether `command` starts whatever its arguments say: `env`, `sudo`, `xargs`.
pub(super) fn is_wrapper(command: &str) -> bool {
    wrapper::is_wrapper_name(&program(command))
}

/// Whether a grant for `command` is a grant to run code.
pub(super) fn runs_code(command: &str) -> bool {
    is_shell(command) || is_interpreter(command)
}
