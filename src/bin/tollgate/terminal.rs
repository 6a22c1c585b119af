//! What is printed to standard error, and in which colours: set once from the arguments, read wherever
//! something is printed. And the bar of a batch, which must not be torn by other lines.

use clap::{ArgAction, Args as ClapArgs, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    env,
    io::{self, IsTerminal as _},
    sync::OnceLock,
};
use tollgate::effect::LogLevel;

#[derive(ClapArgs, Clone, Copy, Debug)]
pub struct TerminalArgs {
    /// Print only errors to standard error: no notes, no denials and no log lines
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Also print what plugins log for debugging
    #[arg(long, short, global = true, action = ArgAction::SetTrue)]
    verbose: bool,
    /// The least severe log lines of plugins that are printed [default: info]
    #[arg(long, global = true, value_enum, value_name = "LEVEL")]
    log_level: Option<Level>,
    /// When to colour what is printed. `auto` is on a terminal, unless the variable NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    color: When,
}

/// The severity of log lines, and none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

static CHOSEN: OnceLock<TerminalArgs> = OnceLock::new();

impl TerminalArgs {
    /// What holds before the arguments are read.
    const DEFAULT: TerminalArgs = TerminalArgs {
        quiet: false,
        verbose: false,
        log_level: None,
        color: When::Auto,
    };

    /// Sets what holds from now on.
    pub fn choose(self) {
        let _ = CHOSEN.set(self);
    }

    fn logs(self, level: LogLevel) -> bool {
        let least = self.log_level.unwrap_or(match (self.quiet, self.verbose) {
            (true, _) => Level::Off,
            (false, true) => Level::Debug,
            (false, false) => Level::Info,
        });
        let level = match level {
            LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            _ => Level::Error,
        };
        level >= least
    }
}

fn chosen() -> TerminalArgs {
    CHOSEN.get().copied().unwrap_or(TerminalArgs::DEFAULT)
}

/// Whether log lines of this severity are printed.
pub fn logs(level: LogLevel) -> bool {
    chosen().logs(level)
}

/// Whether nothing but errors is printed.
pub fn is_quiet() -> bool {
    chosen().quiet
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    /// Red, for errors.
    Error,
    /// Yellow, for denials and warnings.
    Warning,
    /// Dim, for log lines.
    Dim,
}

/// Where a line goes.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    Output,
    Error,
}

impl Style {
    /// What begins and ends a line in this style; nothing without colours.
    pub fn marks(self, stream: Stream) -> (&'static str, &'static str) {
        let begin = match self {
            Style::Plain => return ("", ""),
            Style::Error => "\u{1b}[31m",
            Style::Warning => "\u{1b}[33m",
            Style::Dim => "\u{1b}[2m",
        };
        match is_coloured(stream) {
            true => (begin, "\u{1b}[0m"),
            false => ("", ""),
        }
    }
}

fn is_coloured(stream: Stream) -> bool {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    match chosen().color {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let is_terminal = match stream {
                Stream::Output => io::stdout().is_terminal(),
                Stream::Error => io::stderr().is_terminal(),
            };
            is_terminal && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|it| it != "dumb")
        }
    }
}

static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// The bar of a batch: on a terminal only, and unless only errors are printed.
pub struct Bar(());

impl Bar {
    /// Of a file with so many bytes, or of an input whose size is not known.
    pub fn new(size: Option<u64>) -> Bar {
        if io::stderr().is_terminal() && !is_quiet() {
            let bar = match size {
                Some(size) => ProgressBar::new(size),
                None => ProgressBar::new_spinner(),
            };
            let template = match size {
                Some(_) => "{wide_bar} {percent}% {eta} left",
                None => "{spinner} {bytes} of configs, {elapsed}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            let _ = BAR.set(bar);
        }
        Bar(())
    }

    /// So many more bytes of the input are done.
    pub fn advance(&self, bytes: u64) {
        if let Some(bar) = BAR.get() {
            bar.inc(bytes);
        }
    }

    /// Prints something to a terminal while the bar is not there.
    pub fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        beside_bar(print)
    }

    /// Removes it.
    pub fn end(&self) {
        if let Some(bar) = BAR.get() {
            bar.finish_and_clear();
        }
    }
}

/// Prints something while the bar, if there is one, is not on the terminal.
pub fn beside_bar<T>(print: impl FnOnce() -> T) -> T {
    match BAR.get() {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}
