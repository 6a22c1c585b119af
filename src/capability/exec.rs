//! `exec:<commands>`: which commands a grant names. What a command would do with its arguments is
//! the business of `command`; nothing is run or looked up in `PATH` here.

use std::borrow::Cow;

use super::command;
use super::error::Flaw;
use super::glob::{Braces, Glob, Parts};
use super::name::GLOB;
use super::path;
use super::risk;

/// What a grant names.
///
/// A list, `ls,cat`, is a list when every item is a plain name or an absolute path, and one
/// literal name otherwise (reglet-abi 4.6). Shells and interpreters are refused in a list: each
/// needs a grant of its own, so that handing one out is never an item overlooked among others
/// (4.3, row 136).
#[derive(Clone, Debug)]
pub(super) enum ExecPattern {
    /// `**`: every command.
    Any,
    /// `DIR/*`: the files directly in a directory. Never the root (row 131).
    Dir(String),
    /// These commands, literally.
    Names(Vec<String>),
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
        if text == "**" {
            return Ok((ExecPattern::Any, text.to_owned()));
        }
        if let Some(dir) = text.strip_suffix("/*") {
            if dir.contains('*') {
                return Err(star(text));
            }
            let dir = clean(&format!("{dir}/x"), None)
                .and_then(|file| parent(&file).map(str::to_owned))
                .filter(|dir| dir != "/")
                .ok_or_else(|| Flaw::new(0, "no commands lie directly in the root"))?;
            let canonical = format!("{dir}/*");
            return Ok((ExecPattern::Dir(dir), canonical));
        }
        if text.contains('*') {
            return Err(star(text));
        }
        if let Some(name) = text.split_once(':').and_then(|_| risk::interpreter(text)) {
            return Err(Flaw::new(name.len(), "arguments are not part of a grant")
                .hint(format!("write exec:{name}")));
        }
        let items: Vec<&str> = text.split(',').map(str::trim).collect();
        let plain =
            |item: &&str| !item.is_empty() && (item.starts_with('/') || !item.contains('/'));
        let items = match items.len() > 1 && items.iter().all(plain) {
            true => items,
            false => vec![text],
        };
        let mut names: Vec<String> = Vec::new();
        for item in &items {
            let name = clean(item, None)
                .ok_or_else(|| Flaw::new(0, "this is a directory, not a command"))?;
            if items.len() > 1 && command::runs_code(&name) {
                let at = text.find(item).unwrap_or(0);
                return Err(
                    Flaw::new(at, "a shell or interpreter in a list of commands")
                        .hint(format!("grant it on its own: exec:{name}")),
                );
            }
            if !names.iter().any(|known| *known == name) {
                names.push(name.into_owned());
            }
        }
        let canonical = names.join(",");
        Ok((ExecPattern::Names(names), canonical))
    }

    /// Whether running `given` with `args` is covered, where `real` is the file that would run.
    ///
    /// What runs code out of its arguments, under either name, needs a grant that names the
    /// command literally, and a wrapper (`env`, `timeout`) under a wildcard needs what it starts
    /// to be covered too.
    pub(super) fn covers(
        &self,
        given: &str,
        real: &str,
        args: &[String],
        cwd: Option<&str>,
    ) -> bool {
        // A bare name stands for itself: the host's `PATH` decides what it is (row 124). A path
        // does not: it may be a link to something else.
        let named = self.names(real, cwd) || (!given.contains('/') && self.names(given, cwd));
        if !named {
            return false;
        }
        if matches!(self, ExecPattern::Names(_)) {
            return true;
        }
        [given, real].into_iter().all(|command| {
            let run = command::inspect(command, args);
            run.class == command::Class::Safe
                && run.started.iter().all(|started| self.names(started, cwd))
        })
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
            // A relative glob has no directory of its own to be joined to.
            ExecPattern::Glob(glob) => {
                glob.matches(&command)
                    || clean(given, None).is_some_and(|given| glob.matches(&given))
            }
        }
    }
}

fn star(text: &str) -> Flaw {
    Flaw::new(
        text.find('*').unwrap_or(0),
        "a `*` in the name of a command",
    )
    .hint("commands are named exactly, as DIR/* or as **")
}

/// The form in which commands are compared: a bare name as it is, an absolute path cleaned, a
/// relative one joined to `cwd` or else beginning with `./` or `../`.
///
/// `None` for what names no file: the empty text, a path that ends in `/`, `.` or `..`, a NUL
/// byte (rows 122, 140).
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
    let mut parts: Vec<&str> = Vec::new();
    for part in command.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    let relative = parts.join("/");
    Some(Cow::Owned(if relative.starts_with("../") {
        relative
    } else {
        format!("./{relative}")
    }))
}

/// The directory a cleaned command lies in; `None` for a bare name.
pub(super) fn parent(command: &str) -> Option<&str> {
    match command.rfind('/')? {
        0 => Some("/"),
        slash => command.get(..slash),
    }
}
