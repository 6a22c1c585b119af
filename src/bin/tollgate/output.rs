//! All printing. Each function writes whole lines and escapes every unprintable character, so that
//! no text from a plugin, a file or an argument can control a terminal or begin a line.

use crate::{
    Exit, Failure,
    args::Format,
    manual,
    table::{self, Row},
    terminal::{self, Stream, Style},
};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    fmt::{self, Display},
    io::{self, BufWriter, Write as _},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};
use tollgate::{
    Event, Evidence, Limits, NamedLimit, Usage,
    abi::{ErrorDetail, Timestamp},
    printable::{self, Text, counted, is_unprintable, write_printable},
};

/// The most bytes of one line of text.
const LINE: usize = 64 << 10;

/// Writes one line to standard error, and ignores errors: there is nowhere to report them.
pub fn say(line: fmt::Arguments<'_>) {
    say_in(Style::Plain, line);
}

/// The same on a terminal, in place of the line before.
pub fn say_over(line: fmt::Arguments<'_>) {
    let line = one_line(line);
    let line = line.trim_end();
    let _ = write!(io::stderr().lock(), "\r{line}\x1B[K");
}

/// The same in a style.
fn say_in(style: Style, line: fmt::Arguments<'_>) {
    let line = styled(style, Stream::Error, &one_line(line));
    terminal::beside_bar(|| {
        let _ = io::stderr().lock().write_all(line.as_bytes());
    });
}

/// A line in a style, which ends before the newline.
fn styled(style: Style, stream: Stream, line: &str) -> String {
    let (begin, end) = style.marks(stream);
    format!("{begin}{}{end}\n", line.trim_end_matches('\n'))
}

/// Formats one line, with its newline.
fn one_line(text: impl Display) -> String {
    let mut line = String::new();
    // Writing to a string does not fail; a failing `Display` ends the line.
    let _ = write_printable(&mut line, text, LINE);
    line.push('\n');
    line
}

/// Prints an error to standard error.
pub fn complain(message: impl Display) {
    say_in(Style::Error, format_args!("tollgate: {message}"));
}

/// Prints a denial or another warning to standard error, unless only errors are printed.
pub fn warn(message: impl Display) {
    if !terminal::is_quiet() {
        say_in(Style::Warning, format_args!("tollgate: {message}"));
    }
}

/// Prints what is worth knowing to standard error, unless only errors are printed.
pub fn note(message: impl Display) {
    if !terminal::is_quiet() {
        say(format_args!("tollgate: note: {message}"));
    }
}

/// Prints a failure. Only the message begins at the margin.
pub fn report_failure(failure: &Failure) {
    if failure.message.is_empty() {
        return;
    }
    complain(&failure.message);
    for line in &failure.details {
        let margin = if line.starts_with(' ') { "" } else { "    " };
        say(format_args!("{margin}{line}"));
    }
}

/// Prints a value as JSON.
pub fn print(value: &impl Serialize, format: Format) -> Result<Exit, Failure> {
    if let Format::Table = format {
        let mut rows = Vec::new();
        table::add(
            &mut rows,
            "",
            &serde_json::to_value(value).unwrap_or_default(),
        );
        return print_table(&rows);
    }
    let mut out = Escaping {
        out: BufWriter::new(io::stdout().lock()),
        keeps_lines: matches!(format, Format::Pretty),
    };
    let written = match format {
        Format::Json | Format::Table => serde_json::to_writer(&mut out, value),
        Format::Pretty => serde_json::to_writer_pretty(&mut out, value),
    };
    match written {
        Err(error) if !error.is_io() => Err(Failure::new(Exit::PluginFailed, error.to_string())),
        written => printed(written.map_err(io::Error::from).and_then(|()| out.end())),
    }
}

/// Evidence as it is printed: without what it does not have.
#[derive(Serialize)]
struct PrintedEvidence<'a> {
    status: bool,
    error: &'a Option<ErrorDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    data: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_word: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: &'a Option<Map<String, Value>>,
}

impl PrintedEvidence<'_> {
    /// The rows of a table: first the status and the error, last what the plugin observed.
    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add = |path: &str, value: Value| table::add(&mut rows, path, &value);
        let status = if self.status { "passed" } else { "failed" };
        add("status", status.into());
        if let Some(error) = self.error {
            add("error", serde_json::to_value(error).unwrap_or_default());
        }
        for (name, value) in [
            ("message", self.message.as_deref()),
            ("timestamp", self.timestamp),
            ("raw", self.raw.as_deref()),
        ] {
            if let Some(value) = value {
                add(name, value.into());
            }
        }
        for (name, value) in self.data {
            table::add(&mut rows, &format!("data.{name}"), value);
        }
        rows
    }
}

impl<'a> From<&'a Evidence> for PrintedEvidence<'a> {
    fn from(evidence: &'a Evidence) -> PrintedEvidence<'a> {
        // A plugin without a clock leaves its timestamp at this value.
        let has_time = evidence.timestamp != Timestamp::default();
        PrintedEvidence {
            status: evidence.status,
            error: &evidence.error,
            timestamp: has_time.then_some(evidence.timestamp.as_str()),
            data: &evidence.data,
            raw: &evidence.raw,
            status_word: &evidence.status_word,
            message: &evidence.message,
            metadata: &evidence.metadata,
        }
    }
}

/// Prints evidence, without a timestamp and raw text that it does not have.
pub fn print_evidence(evidence: &Evidence, format: Format) -> Result<Exit, Failure> {
    let evidence = PrintedEvidence::from(evidence);
    match format {
        Format::Json | Format::Pretty => print(&evidence, format),
        // Its status and error come first.
        Format::Table => print_table(&evidence.rows()),
    }
}

/// Evidence as one line of JSON.
pub fn evidence_json(evidence: &Evidence) -> String {
    serde_json::to_string(&PrintedEvidence::from(evidence)).unwrap_or_default()
}

/// Prints what came of many runs to standard error, unless only errors are printed.
pub fn summary(line: fmt::Arguments<'_>) {
    if !terminal::is_quiet() {
        say(format_args!("tollgate: {line}"));
    }
}

fn print_table(rows: &[Row]) -> Result<Exit, Failure> {
    for line in table::lines(rows) {
        print_line(line)?;
    }
    Ok(Exit::Success)
}

/// Prints JSON text as one line.
pub fn print_json(text: &str) -> Result<Exit, Failure> {
    let mut out = Escaping {
        out: BufWriter::new(io::stdout().lock()),
        keeps_lines: false,
    };
    printed(out.write_all(text.as_bytes()).and_then(|()| out.end()))
}

/// The most bytes that are escaped at once.
const PIECE: usize = 8 << 10;

/// Escapes JSON piece by piece: it may be large, and memory may be scarce.
struct Escaping<W> {
    out: W,
    /// Whether newlines stay; JSON strings contain none.
    keeps_lines: bool,
}

impl<W: io::Write> Escaping<W> {
    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text;
        while !rest.is_empty() {
            let mut ends = (0..=rest.len().min(PIECE)).rev();
            let end = ends.find(|end| rest.is_char_boundary(*end));
            let (piece, more) = rest.split_at(end.unwrap_or(rest.len()));
            self.out.write_all(printable::json(piece).as_bytes())?;
            rest = more;
        }
        Ok(())
    }

    /// Ends the last line.
    fn end(mut self) -> io::Result<()> {
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

impl<W: io::Write> io::Write for Escaping<W> {
    /// Accepts whole characters only, as `serde_json` writes them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        if self.keeps_lines {
            for line in text.split_inclusive('\n') {
                self.text(line.trim_end_matches('\n'))?;
                if line.ends_with('\n') {
                    self.out.write_all(b"\n")?;
                }
            }
        } else {
            self.text(text)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Prints one line of text.
pub fn print_line(line: impl Display) -> Result<Exit, Failure> {
    print_line_in(Style::Plain, line)
}

/// Prints one line of text in a style.
pub fn print_line_in(style: Style, line: impl Display) -> Result<Exit, Failure> {
    let line = styled(style, Stream::Output, &one_line(line));
    printed(io::stdout().lock().write_all(line.as_bytes()))
}

/// Prints text of our own as it is, several lines of it.
pub fn print_text(text: &[u8]) -> Result<Exit, Failure> {
    printed(io::stdout().lock().write_all(text))
}

fn printed(written: io::Result<()>) -> Result<Exit, Failure> {
    match written {
        Ok(()) => Ok(Exit::Success),
        // As with `head`, whoever read the output has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::PipeClosed, ""))
        }
        Err(error) => Err(Failure::new(
            Exit::BadInput,
            format!("standard output: {error}"),
        )),
    }
}

/// The most denials of which a batch remembers that they were printed.
const MOST_ONCE: usize = 10_000;

/// The denials that were printed.
#[derive(Default)]
pub struct Once(Mutex<BTreeSet<String>>);

impl Once {
    /// Whether this is to be printed: anything but a denial that was printed before.
    pub fn is_first(&self, event: &Event) -> bool {
        let Event::Denied(denial) = event else {
            return true;
        };
        let mut printed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = denial.to_string();
        printed.len() < MOST_ONCE && printed.insert(text)
    }
}

/// Prints logs and denials to standard error, so that standard output holds only the evidence.
pub fn print_event(plugin: &str, event: &Event) {
    match event {
        Event::Log(record) if !terminal::logs(record.level) => {}
        Event::Log(record) => say_in(Style::Dim, format_args!("[{plugin}] {record}")),
        Event::Denied(denial) => {
            let grants: Vec<&str> = denial.grants().map(Text::as_str).collect();
            match grants.as_slice() {
                // No grant can allow it; the denial says why.
                [] => warn(denial),
                grants => warn(format_args!(
                    "denied {}; {}",
                    denial.request,
                    suggestion(grants)
                )),
            }
        }
        Event::LimitReached {
            name: "Limits::open_files",
            limit,
        } => warn(format_args!(
            "limit reached: Limits::open_files ({limit}); the plugin can open no more files at once"
        )),
        Event::LimitReached { name, limit } => warn(format_args!(
            "limit reached: {name} ({limit}); further messages of this kind are only counted"
        )),
        Event::Omitted(omitted) => {
            for (count, what) in [
                (omitted.log_lines, "more log line"),
                (omitted.repeated_denials, "repeated denial"),
                (omitted.denials, "more denied request"),
                (omitted.granted, "more granted request"),
            ] {
                if count > 0 {
                    warn(format_args!("not shown: {}", counted(count, what)));
                }
            }
        }
        Event::UnoptimisedEngine => warn(
            "the engine was built without optimisation, and plugins take 20 to 100 times as long; build with --release",
        ),
        _ => {}
    }
}

/// Prints every limit with its default, for `help limits`.
pub fn print_limits() -> ExitCode {
    let limits = Limits::default().list();
    let width = |length: fn(&NamedLimit) -> usize, title: &str| {
        limits.iter().map(length).fold(title.len(), usize::max)
    };
    let (name, unit, value) = ("NAME", "UNIT", "DEFAULT");
    let first = width(|limit| limit.name.len(), name);
    let second = width(|limit| limit.unit.len(), unit);
    let third = width(|limit| limit.value.len(), value);
    let row = |name: &str, unit: &str, value: &str, meaning: &str| {
        print_line(format_args!(
            "{name:first$}  {unit:second$}  {value:third$}  {meaning}"
        ))
    };
    let rows = || {
        print_line(
            "The limits of a call, for --limit NAME=VALUE. A value is a number such as 1000, 1e9, 5G or",
        )?;
        print_line(
            "64MiB, a time such as 500ms, 5s or 2min, or `none` where there can be no limit. The limits of",
        )?;
        print_line(
            "a module are checked when it is loaded. The command line has a deadline of 60 s by default.",
        )?;
        print_line("")?;
        row(name, unit, value, "MEANING")?;
        for limit in &limits {
            row(&limit.name, limit.unit, &limit.value, &limit.meaning)?;
        }
        Ok::<Exit, Failure>(Exit::Success)
    };
    rows().unwrap_or_else(|failure| failure.exit).into()
}

/// Prints the resources that a call used.
pub fn usage(usage: &Usage) {
    let json = serde_json::to_string(usage).unwrap_or_default();
    say(format_args!("usage: {json}"));
}

/// Suggests how to grant what was denied: all of it, since nothing less is enough.
fn suggestion(grants: &[&str]) -> String {
    let words: Option<Vec<String>> = grants.iter().map(|grant| shell_word(grant)).collect();
    match words {
        Some(words) => format!("allow it with --grant {}", words.join(" --grant ")),
        None => {
            let noun = if grants.len() == 1 { "grant" } else { "grants" };
            format!(
                "it needs the {noun} {}, in a grants file",
                grants.join(", ")
            )
        }
    }
}

/// Returns a printable word that a POSIX shell reads as this text. `None` if there is none: no word
/// holds NUL, and a word with other unprintable characters cannot end in a newline.
pub fn shell_word(text: &str) -> Option<String> {
    if !text.contains(is_unprintable) {
        return Some(format!("'{}'", text.replace('\'', r"'\''")));
    }
    // Command substitution strips newlines at the end.
    if text.contains('\0') || text.ends_with('\n') {
        return None;
    }
    let mut word = String::from("\"$(printf -- '");
    for character in text.chars() {
        match character {
            '%' => word.push_str("%%"),
            '\\' => word.push_str(r"\\"),
            '\'' => word.push_str(r"\047"),
            // Within double quotes, an interactive shell expands it from its history.
            '!' => word.push_str(r"\041"),
            character if is_unprintable(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    word.push_str(&format!("\\{byte:03o}"));
                }
            }
            character => word.push(character),
        }
    }
    word.push_str("')\"");
    Some(word)
}

/// Prints an error in the arguments, or the requested help.
pub fn explain_arguments(mut error: clap::Error) -> ExitCode {
    // The message quotes arguments; a newline in one must not begin a line of the message.
    let repeated: Vec<(ContextKind, ContextValue)> = error
        .context()
        .map(|(kind, value)| (kind, escaped(kind, value)))
        .collect();
    for (kind, value) in repeated {
        error.insert(kind, value);
    }
    if error.kind() == ErrorKind::DisplayVersion {
        let printed = manual::version()
            .iter()
            .try_for_each(|line| print_line(line).map(drop));
        return printed
            .err()
            .map_or(Exit::Success, |failure| failure.exit)
            .into();
    }
    let text = error.render().to_string();
    for line in text.trim_end().split('\n') {
        if error.use_stderr() {
            say(format_args!("{line}"));
        } else if let Err(failure) = print_line(line) {
            return failure.exit.into();
        }
    }
    match error.exit_code() {
        0 => Exit::Success.into(),
        _ => Exit::BadInput.into(),
    }
}

fn escaped(kind: ContextKind, value: &ContextValue) -> ContextValue {
    let line = |text: &dyn Display| one_line(text).trim_end().to_owned();
    match value {
        ContextValue::String(text) => ContextValue::String(line(text)),
        ContextValue::Strings(all) => {
            ContextValue::Strings(all.iter().map(|text| line(text)).collect())
        }
        // The usage is our own text, and has several lines.
        value if kind == ContextKind::Usage => value.clone(),
        ContextValue::StyledStr(text) => ContextValue::StyledStr(line(text).into()),
        ContextValue::StyledStrs(all) => {
            ContextValue::StyledStrs(all.iter().map(|text| line(text).into()).collect())
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    /// Text of characters that are special to a shell, to `printf` or to a terminal.
    fn odd_text() -> impl Strategy<Value = String> {
        let odd = prop_oneof![
            any::<char>(),
            (1u32..0x100).prop_map(|code| char::from_u32(code).unwrap()),
            prop::sample::select(
                "'\"\\$`%!*?[~# \n\r\t\u{1b}\u{9b}\u{202e}0189;&|"
                    .chars()
                    .collect::<Vec<_>>()
            ),
        ];
        proptest::collection::vec(odd, 0..40).prop_map(|all| all.into_iter().collect())
    }

    fn read_by_shell(word: &str) -> Vec<u8> {
        let script = format!("printf %s {word}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.stderr.is_empty(), "{word}: {output:?}");
        output.stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn a_shell_reads_a_word_as_the_text_it_was_made_of(text in odd_text()) {
            match shell_word(&text) {
                Some(word) => {
                    prop_assert!(!word.contains(is_unprintable), "{word:?}");
                    prop_assert_eq!(read_by_shell(&word), text.into_bytes());
                }
                None => prop_assert!(text.contains('\0') || text.ends_with('\n')),
            }
        }
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_whatever_it_is_made_of(text in odd_text(), times in 1..3000usize) {
            let line = one_line(text.repeat(times));
            let (body, end) = line.split_at(line.len() - 1);
            prop_assert_eq!(end, "\n");
            prop_assert!(!body.contains(is_unprintable), "{body:?}");
            prop_assert!(body.len() <= 10 * LINE);
        }
    }

    #[test]
    fn plain_words_are_quoted_plainly() {
        assert_eq!(
            shell_word("fs:read:/a b"),
            Some("'fs:read:/a b'".to_owned())
        );
        assert_eq!(shell_word("it's"), Some(r"'it'\''s'".to_owned()));
        assert_eq!(
            shell_word("a\u{1b}[2J%'"),
            Some(r#""$(printf -- 'a\033[2J%%\047')""#.to_owned())
        );
        assert_eq!(
            shell_word("\u{9b}!!"),
            Some(r#""$(printf -- '\302\233\041\041')""#.to_owned())
        );
        assert_eq!(shell_word("a\n"), None);
        assert_eq!(shell_word("a\0b\n"), None);
    }
}
