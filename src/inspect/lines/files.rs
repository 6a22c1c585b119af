//! The source files: names that are short and the same on every machine where they can be, and embedded texts.

use super::budget::{Budget, Stop};
use crate::room::push;
use alloc::collections::BTreeMap;

/// Stands for no file.
pub(super) const NO_FILE: u32 = u32::MAX;

/// The longest name, in bytes. Others count as unknown.
const LONGEST_NAME: usize = 4096;

/// The source files, by number.
#[derive(Default)]
pub(super) struct Files {
    names: Vec<Box<str>>,
    numbers: BTreeMap<Box<str>, u32>,
    sources: BTreeMap<u32, Box<str>>,
}

impl Files {
    /// The number of a file, which is added if it is new.
    pub(super) fn add(&mut self, name: &str, budget: &mut Budget) -> Result<u32, Stop> {
        budget.spend(name.len())?;
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        if name.len() > LONGEST_NAME {
            return Ok(NO_FILE);
        }
        let number = u32::try_from(self.names.len()).map_err(|_| Stop::Exhausted)?;
        budget.keep(name)?;
        budget.keep(name)?;
        push(&mut self.names, name.into())?;
        self.numbers.insert(name.into(), number);
        Ok(number)
    }

    /// Keeps the text of a file. The first text of a file counts.
    pub(super) fn add_source(
        &mut self,
        number: u32,
        text: &[u8],
        budget: &mut Budget,
    ) -> Result<(), Stop> {
        budget.spend(text.len())?;
        if !self.sources.contains_key(&number)
            && let Ok(text) = str::from_utf8(text)
        {
            budget.keep(text)?;
            self.sources.insert(number, text.into());
        }
        Ok(())
    }

    pub(super) fn name(&self, number: u32) -> Option<&str> {
        self.names.get(number as usize).map(|name| &**name)
    }

    pub(super) fn source(&self, name: &str) -> Option<&str> {
        let number = self.numbers.get(name)?;
        self.sources.get(number).map(|text| &**text)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

/// The name of a file, made of the directory in which the compiler ran, the directory in which the file is, which
/// may be relative to the first, and its name there, which may be a path as well. It is relative to the first
/// if the file lies below that.
pub(super) fn file_name(compiled_in: &str, directory: &str, name: &str) -> String {
    let path = match directory {
        _ if is_absolute(name) => name.to_owned(),
        "" => name.to_owned(),
        directory => format!("{directory}/{name}"),
    };
    let path = simplified(&path);
    let base = simplified(compiled_in);
    let below = path
        .strip_prefix(&base)
        .and_then(|rest| rest.strip_prefix(['/', '\\']));
    match below {
        Some(below) if is_absolute(compiled_in) && !below.is_empty() => below.to_owned(),
        _ => path,
    }
}

fn is_absolute(path: &str) -> bool {
    let windows = || {
        let mut letters = path.chars();
        let drive = letters
            .next()
            .is_some_and(|letter| letter.is_ascii_alphabetic());
        drive && letters.next() == Some(':') && letters.next().is_some_and(is_slash)
    };
    path.starts_with(is_slash) || windows()
}

fn is_slash(character: char) -> bool {
    matches!(character, '/' | '\\')
}

/// The path without `.`, and without `..` where it takes back a name.
fn simplified(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, "" | "..")) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_where_they_can_be() {
        for (compiled_in, directory, name, expected) in [
            ("/build", "", "a.c", "a.c"),
            ("/build", "/build", "a.c", "a.c"),
            ("/build", "/build", "./sub/../a.c", "a.c"),
            ("/build", "sub", "a.c", "sub/a.c"),
            ("/build", "/build/sub", "a.c", "sub/a.c"),
            ("/build/", "/build//sub/.", "a.c", "sub/a.c"),
            ("/build", "/builder", "a.c", "/builder/a.c"),
            ("/build", "/usr/include", "a.h", "/usr/include/a.h"),
            ("/build", "..", "a.c", "../a.c"),
            ("/build", "/elsewhere", "/build/b.c", "b.c"),
            (".", "", "./a.c", "a.c"),
            (".", ".", "a.c", "a.c"),
            (".", "/usr/include", "a.h", "/usr/include/a.h"),
            ("", "", "a.c", "a.c"),
            (r"C:\work", r"C:\work", "a.c", "a.c"),
            (r"C:\work", "", r"C:\work\sub\a.c", r"sub\a.c"),
            (r"C:\work", "", r"D:\a.c", r"D:\a.c"),
            ("/", "/", "a.c", "a.c"),
        ] {
            assert_eq!(
                file_name(compiled_in, directory, name),
                expected,
                "{compiled_in} {directory} {name}"
            );
        }
    }
}
