//! `exec:<commands>`: which commands a grant names, and with which arguments. Which programs must
//! be named literally is decided in `command`. This module runs nothing and does not search `PATH`.

use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeSet,
    string::String,
    vec::Vec,
};

use super::arguments::{self, Arguments};
use super::command::{self, Family};
use super::error::Flaw;
use super::glob::{Braces, Glob, Parts};
use super::name::GLOB;
use super::path;
use super::risk;

/// The commands that a grant names.
///
/// A text with commas is a list if every item is a plain name or an absolute path, and otherwise one
/// literal name. Programs that can run code are an error in a list: each needs a separate grant, so
/// that it is not overlooked.
#[derive(Clone, Debug)]
pub(super) enum ExecPattern {
    /// `**`: every command.
    Any,
    /// `DIR/*`: the files directly in a directory, which is not the root.
    Dir(String),
    /// These commands, literally, with any arguments.
    Names(Vec<String>),
    /// This command, literally, with these arguments.
    Command(String, Arguments),
    /// `glob:...`, from the structured v2 form.
    Glob(Glob),
}

const MAX_COMMAND: usize = 4096;

impl ExecPattern {
    /// The pattern and its canonical text.
    pub(super) fn parse(text: &str) -> Result<(ExecPattern, String), Flaw> {
        if text.is_empty() {
            return Err(Flaw::new(0, "the command is empty"));
        }
        if let Some(at) = text.find('\0') {
            return Err(Flaw::new(at, "a command cannot contain a NUL byte"));
        }
        if let Some(glob) = text.strip_prefix(GLOB) {
            let glob = Glob::parse(glob, Parts::OfText, Braces::Choices)
                .map_err(|flaw| flaw.shifted(GLOB.len()))?;
            return Ok((ExecPattern::Glob(glob), text.to_owned()));
        }
        if let Some(items) = list(text) {
            return parse_list(text, &items);
        }
        let mut words = arguments::words(text)?.into_iter();
        let Some(command) = words.next() else {
            return Err(Flaw::new(0, "the command is empty"));
        };
        let words: Vec<_> = words.collect();
        let name = command.text.as_str();
        if !command.quoted {
            if let Some(wildcard) = parse_wildcard(name).map_err(|flaw| flaw.shifted(command.at))? {
                if let Some(first) = words.first() {
                    return Err(Flaw::new(first.at, "a wildcard takes no arguments")
                        .hint("name the program: exec:/DIR/PROGRAM ARGUMENTS"));
                }
                return Ok(wildcard);
            }
            if let (Some((interpreter, code)), Some(_)) =
                (name.split_once(':'), risk::interpreter(name))
            {
                let at = command.at.saturating_add(interpreter.len());
                return Err(Flaw::new(at, "arguments follow a space")
                    .hint(format!("write exec:{interpreter} {code}")));
            }
            if let (Some(comma), Some(_)) = (name.find(','), words.first()) {
                return Err(Flaw::new(
                    command.at.saturating_add(comma),
                    "a list of commands takes no arguments",
                )
                .hint("grant each command with its arguments on its own"));
            }
        }
        let name = clean(name, None)
            .ok_or_else(|| Flaw::new(command.at, "this is a directory, not a command"))?
            .into_owned();
        let arguments = Arguments::parse(words)?;
        let mut canonical = literal(&name);
        if arguments.are_unset() || arguments.allow_all() {
            return Ok((ExecPattern::Names(vec![name]), canonical));
        }
        arguments.write(&mut canonical);
        Ok((ExecPattern::Command(name, arguments), canonical))
    }

    /// Whether running `given` with `args` is allowed. `real` is the file that would run.
    ///
    /// If either is the name of a program that can run code, the grant must name it literally.
    pub(super) fn covers(
        &self,
        given: &str,
        real: &str,
        args: &[String],
        cwd: Option<&str>,
    ) -> bool {
        let allowed = match self {
            ExecPattern::Names(_) => true,
            ExecPattern::Command(_, arguments) => arguments.matches(args),
            ExecPattern::Any | ExecPattern::Dir(_) | ExecPattern::Glob(_) => {
                command::family(given).is_none() && command::family(real).is_none()
            }
        };
        allowed && self.names_file(given, real, cwd)
    }

    /// Whether the grant names the command `given`, which is the file `real`, with any arguments and
    /// whether or not it can run code.
    pub(super) fn names_file(&self, given: &str, real: &str, cwd: Option<&str>) -> bool {
        // A bare name is granted by name: the host's `PATH` decides which file it is. A path must be
        // granted as the real path: it may be a link.
        self.names(real, cwd) || (!given.contains('/') && self.names(given, cwd))
    }

    /// The first program that this names literally and that can run code, with its family.
    pub(super) fn listed_program(&self) -> Option<(&str, Family)> {
        let names = match self {
            ExecPattern::Names(names) => names.as_slice(),
            ExecPattern::Command(name, _) => core::slice::from_ref(name),
            ExecPattern::Any | ExecPattern::Dir(_) | ExecPattern::Glob(_) => return None,
        };
        let mut names = names.iter().map(String::as_str);
        names.find_map(|name| command::family(name).map(|family| (name, family)))
    }

    /// Whether the grant names the command `given`, whatever its arguments.
    fn names(&self, given: &str, cwd: Option<&str>) -> bool {
        let Some(command) = clean(given, cwd) else {
            return false;
        };
        let same = |own: &str, other: &str| {
            own == other || (own.starts_with('.') && clean(own, cwd).as_deref() == Some(other))
        };
        match self {
            ExecPattern::Any => true,
            ExecPattern::Dir(dir) => parent(&command).is_some_and(|parent| {
                parent == dir
                    || (dir.starts_with('.')
                        && cwd.and_then(|_| path::absolute(dir, cwd)).as_deref() == Some(parent))
            }),
            ExecPattern::Names(names) => names.iter().any(|name| same(name, &command)),
            ExecPattern::Command(name, _) => same(name, &command),
            // A relative glob cannot be joined to a directory.
            ExecPattern::Glob(glob) => {
                glob.matches(&command)
                    || clean(given, None).is_some_and(|given| glob.matches(&given))
            }
        }
    }
}

/// Whether `given` is the name of the file `real` itself, in whatever directory, and not that of a link with
/// another name: some programs do what their name says.
pub(crate) fn is_own_name(given: &str, real: &str) -> bool {
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
    last(given) == last(real)
}

/// The items of a list of commands; `None` if the text is not one.
fn list(text: &str) -> Option<Vec<&str>> {
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_item = |item: &&str| {
        (item.starts_with('/') || !item.contains('/'))
            && (arguments::is_plain(item) || item.contains('*') && !item.contains([' ', '"']))
    };
    (items.len() > 1 && items.iter().all(is_item)).then_some(items)
}

fn parse_list(text: &str, items: &[&str]) -> Result<(ExecPattern, String), Flaw> {
    if text.contains('*') {
        return Err(star(text));
    }
    let mut names: Vec<String> = Vec::new();
    let mut known = BTreeSet::new();
    let mut rest = text;
    for item in items {
        rest = rest.trim_start_matches([',', ' ']);
        let at = text.len().saturating_sub(rest.len());
        rest = rest.strip_prefix(item).unwrap_or(rest).trim_start();
        let name =
            clean(item, None).ok_or_else(|| Flaw::new(at, "this is a directory, not a command"))?;
        if let Some(family) = command::family(&name) {
            let problem = format!("{} in a list of commands", family.describe());
            let hint = format!("grant it on its own: exec:{}", literal(&name));
            return Err(Flaw::new(at, problem).hint(hint));
        }
        if known.insert(name.clone()) {
            names.push(name.into_owned());
        }
    }
    // A list that repeats one name is that name.
    let canonical = match names.as_slice() {
        [name] => literal(name),
        names => names.join(","),
    };
    Ok((ExecPattern::Names(names), canonical))
}

/// Parses `**` and `DIR/*`.
fn parse_wildcard(text: &str) -> Result<Option<(ExecPattern, String)>, Flaw> {
    if text == "**" {
        return Ok(Some((ExecPattern::Any, text.to_owned())));
    }
    let Some(dir) = text.strip_suffix("/*").filter(|dir| !dir.contains('*')) else {
        return match text.contains('*') {
            true => Err(star(text)),
            false => Ok(None),
        };
    };
    let dir = clean(&format!("{dir}/x"), None)
        .and_then(|file| parent(&file).map(str::to_owned))
        .filter(|dir| dir != "/")
        .ok_or_else(|| Flaw::new(0, "there are no commands directly in the root directory"))?;
    let canonical = format!("{dir}/*");
    Ok(Some((ExecPattern::Dir(dir), canonical)))
}

fn star(text: &str) -> Flaw {
    Flaw::new(
        text.find('*').unwrap_or(0),
        "a `*` in the name of a command",
    )
    .hint("commands are named exactly, as DIR/* or as **; a name with a `*` or a space in it is written in quotes")
}

/// The text of a grant that names `name` literally: in quotes if it would otherwise be a wildcard or
/// a list.
pub(super) fn literal(name: &str) -> String {
    let mut text = String::new();
    let is_ambiguous = name.contains(',')
        || name.starts_with(GLOB)
        || (name.contains(':') && risk::interpreter(name).is_some());
    match is_ambiguous {
        true => arguments::write_quoted(name, &mut text),
        false => arguments::write_word(name, &mut text),
    }
    text
}

/// The form in which commands are compared: a bare name unchanged, an absolute path cleaned, a
/// relative one joined to `cwd`, or without `cwd` beginning with `./` or `../`.
///
/// `None` for a text that does not name a file: the empty text, a path that ends in `/`, `.` or `..`,
/// and a text with a NUL byte.
pub(super) fn clean<'a>(command: &'a str, cwd: Option<&str>) -> Option<Cow<'a, str>> {
    let last = command.rsplit('/').next().unwrap_or_default();
    if matches!(last, "" | "." | "..") || command.contains('\0') || command.len() > MAX_COMMAND {
        return None;
    }
    if !command.contains('/') {
        return Some(Cow::Borrowed(command));
    }
    if let Some(path) = path::absolute(command, cwd) {
        return Some(path);
    }
    let (up, names) = path::names(command, |_, _| {});
    let base = match up {
        0 => "./".to_owned(),
        up => "../".repeat(up),
    };
    Some(Cow::Owned(base + &names.join("/")))
}

/// The directory of a cleaned command; `None` for a bare name.
pub(super) fn parent(command: &str) -> Option<&str> {
    match command.rfind('/')? {
        0 => Some("/"),
        slash => command.get(..slash),
    }
}
