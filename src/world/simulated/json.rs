//! Reading a simulated world from JSON.

use super::{Simulated, Special, build::check_length, script};
use crate::{
    byte_order_mark,
    effect::{Failure, json},
    printable::Text,
    room::{self, MAX_VALUES},
};
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;
use tollgate_abi::rfc3339::Moment;

/// The most files, directories and links. Each takes half a kilobyte of memory for as little as two
/// bytes of a path.
const MOST_FILES: usize = 30_000;

/// The longest target of a link in bytes, as on Linux.
const MAX_TARGET: usize = 4095;

/// The most bytes of names and values of variables, which a plugin can read repeatedly.
const MOST_VARIABLE_BYTES: usize = 128 << 10;

/// The most addresses of a host; a connection tries all of them.
const MOST_ADDRESSES: usize = 256;

/// The most sets of fields in the patterns for one kind of effect; an effect is looked up in each.
const MOST_SHAPES: usize = 256;

/// Why a description of a simulated world is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
#[non_exhaustive]
pub struct SimulatedError {
    /// Where it is invalid, such as `line 3 column 14` or `answers[0].when`.
    pub place: Text,
    /// What is invalid there.
    pub problem: Text,
}

fn error(place: impl Into<Text>, problem: impl Into<Text>) -> SimulatedError {
    SimulatedError {
        place: place.into(),
        problem: problem.into(),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Written {
    seed: u64,
    random: Option<Bytes>,
    start: Option<Start>,
    /// In nanoseconds.
    step: Option<u64>,
    room: Option<u64>,
    working_directory: Option<String>,
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, File>,
    hosts: BTreeMap<String, Vec<IpAddr>>,
    answers: Vec<WrittenAnswer>,
}

#[derive(Deserialize)]
struct Start(#[serde(with = "json::moment")] Moment);

#[derive(Deserialize)]
struct Bytes(#[serde(with = "json::bytes")] Vec<u8>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAnswer {
    when: Value,
    answer: Option<Value>,
    fail: Option<Failure>,
    #[serde(default)]
    once: bool,
}

/// A file, as its text or as an object.
struct File(Described);

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Described {
    content: Option<Bytes>,
    directory: bool,
    link: Option<String>,
    same_as: Option<String>,
    special: Option<Special>,
    mode: Option<String>,
    uid: u32,
    gid: u32,
    modified: Option<Start>,
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<File, D::Error> {
        struct TextOrObject;

        impl<'de> Visitor<'de> for TextOrObject {
            type Value = File;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file's text, or an object that describes a file")
            }

            fn visit_str<E>(self, text: &str) -> Result<File, E> {
                Ok(File(Described {
                    content: Some(Bytes(text.as_bytes().to_vec())),
                    ..Described::default()
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<File, A::Error> {
                Described::deserialize(MapAccessDeserializer::new(map)).map(File)
            }
        }

        from.deserialize_any(TextOrObject)
    }
}

impl Simulated {
    /// Reads a world from JSON. Every property is optional; an unknown property is an error.
    ///
    /// ```
    /// use tollgate::world::Simulated;
    ///
    /// let world = Simulated::from_json(r#"{
    ///   "seed": 7,
    ///   "random": { "base64": "3q2+7w==" },
    ///   "start": "2030-01-01T00:00:00Z",
    ///   "step": 1000000,
    ///   "room": 1048576,
    ///   "working_directory": "/work",
    ///   "variables": { "HOME": "/root", "PATH": "/usr/bin:/bin" },
    ///   "files": {
    ///     "/etc/hostname": "here\n",
    ///     "/etc/key": { "content": { "base64": "AP8=" }, "mode": "0400", "uid": 1000, "gid": 1000 },
    ///     "/srv": { "directory": true, "mode": "0700", "modified": "2029-12-31T00:00:00Z" },
    ///     "/etc/name": { "link": "hostname" },
    ///     "/dev/null": { "special": "null" },
    ///     "/etc/again": { "same_as": "/etc/hostname" }
    ///   },
    ///   "hosts": { "example.com": ["93.184.215.14"] },
    ///   "answers": [
    ///     { "when": { "http": { "method": "GET", "url": "https://example.com/" } },
    ///       "answer": { "fetched": { "status": 200, "body": "hello", "took": 5000000 } } },
    ///     { "when": { "exchange": { "host": "example.com", "port": 25 } },
    ///       "answer": { "exchanged": { "received": "220 hello\r\n" } }, "once": true },
    ///     { "when": { "run": { "command": "/usr/bin/uname", "args": ["-r"] } },
    ///       "answer": { "ran": { "exit_code": 0, "stdout": "6.1.0\n" } } },
    ///     { "when": { "write_file": { "path": "/srv/log" } },
    ///       "fail": { "kind": "fs", "code": "EIO", "message": "/srv/log: the disk is old" } }
    ///   ]
    /// }"#)?;
    /// # Ok::<(), tollgate::world::SimulatedError>(())
    /// ```
    ///
    /// * `step` (in nanoseconds) and the other settings mean the same as the methods of the same
    ///   name and have the same defaults; `working_directory` is [`at`](Self::at).
    /// * A file is its text, or an object with exactly one of `content` (text, or an object with
    ///   `base64`), `directory` (`true`), `link` (its target), `same_as` (the path of an existing
    ///   file, for a hard link) and `special` (`null`, `character_device`, `block_device`, `socket`
    ///   or `fifo`, see [`Special`]). `mode` is octal. Missing directories are created.
    /// * An answer is for the effects that match `when`: the kind of effect, with any of its fields,
    ///   in the form of transcripts (which do not distinguish bytes from 4096 on). The first match
    ///   is used; one with `once` only for one request. `answer` is for `http`, `exchange`, `tls`,
    ///   `greet`, `lookup`, `run` and `custom`, and most of its fields are optional; `fail` is for
    ///   every effect but `variables`.
    /// * The limits are 30 000 files, directories and links; 4095 bytes for a path or the target of
    ///   a link; 128 KiB of variables; 256 addresses for each host; and 256 different sets of fields
    ///   in the patterns for one kind of effect.
    ///
    /// # Errors
    ///
    /// What is invalid in the text, and where.
    pub fn from_json(text: &str) -> Result<Simulated, SimulatedError> {
        let text = byte_order_mark::skip(text);
        // The parser would accept a list of the fields in their order.
        if text.trim_start().starts_with('[') {
            return Err(error(
                "line 1 column 1",
                "a world must be an object, not a list",
            ));
        }
        check_memory(text).map_err(|problem| error("the text", problem))?;
        let written: Written = serde_json::from_str(text).map_err(|problem| {
            let place = format!("line {} column {}", problem.line(), problem.column());
            let said = problem.to_string();
            let said = said.strip_suffix(&format!(" at {place}")).unwrap_or(&said);
            error(place.as_str(), said)
        })?;
        let mut world = Simulated::new().seed(written.seed);
        if let Some(Bytes(bytes)) = written.random {
            world = world.random(bytes);
        }
        if let Some(start) = written.start {
            world = world.start(start.0);
        }
        if let Some(step) = written.step {
            world = world.step(core::time::Duration::from_nanos(step));
        }
        if let Some(directory) = &written.working_directory {
            if !directory.starts_with('/') {
                return Err(error("working_directory", "must begin with a slash"));
            }
            check_length(directory).map_err(|problem| error("working_directory", problem))?;
            world = world.at(directory);
        }
        let variables = written.variables.iter();
        let bytes: usize = variables
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > MOST_VARIABLE_BYTES {
            let problem = format!("{bytes} bytes exceed the limit of {MOST_VARIABLE_BYTES}");
            return Err(error("variables", problem));
        }
        for (name, value) in &written.variables {
            world = world.variable(name, value);
        }
        let (second_names, files): (Vec<_>, Vec<_>) = written
            .files
            .into_iter()
            .partition(|(_, File(file))| file.same_as.is_some());
        for (path, File(file)) in files.into_iter().chain(second_names) {
            let place = format!("files[{path:?}]");
            world = put(world, &path, file).map_err(|problem| error(place, problem))?;
            if world.tree.len() > MOST_FILES {
                let problem = format!("more than {MOST_FILES} files, directories and links");
                return Err(error("files", problem));
            }
        }
        for (name, addresses) in written.hosts {
            let place = || format!("hosts[{name:?}]");
            if addresses.len() > MOST_ADDRESSES {
                let problem = format!("a host has at most {MOST_ADDRESSES} addresses");
                return Err(error(place(), problem));
            }
            world
                .give_addresses(&name, addresses)
                .map_err(|problem| error(place(), problem))?;
        }
        for (index, answer) in written.answers.into_iter().enumerate() {
            let place = format!("answers[{index}]");
            world = add_answer(world, &place, answer)?;
            if world.tree.len() > MOST_FILES {
                let problem = format!("more than {MOST_FILES} files, directories and links");
                return Err(error(place, problem));
            }
            if world.script.most_shapes() > MOST_SHAPES {
                let problem =
                    format!("more than {MOST_SHAPES} sets of fields in patterns of one kind");
                return Err(error(place, problem));
            }
        }
        if let Some(room) = written.room {
            world = world.room(room);
        }
        Ok(world)
    }
}

/// Checks that the text can be read in the memory that there is.
fn check_memory(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    // The first count is quick and too high, the second exact.
    if room::most_values(bytes) > MAX_VALUES && room::values(bytes) > MAX_VALUES {
        return Err(format!("more than {MAX_VALUES} JSON values"));
    }
    room::check_reading(bytes).map_err(|_| "the host has no memory to read it".to_owned())
}

fn put(world: Simulated, path: &str, file: Described) -> Result<Simulated, String> {
    let Described {
        content,
        directory,
        link,
        same_as,
        special,
        mode,
        uid,
        gid,
        modified,
    } = file;
    world.may_be_put(path, directory)?;
    let is_second_name = same_as.is_some();
    let world = match (content, directory, link, same_as, special) {
        (Some(Bytes(content)), false, None, None, None) => world.file(path, content),
        (None, true, None, None, None) => world.directory(path),
        (None, false, Some(target), None, None) if target.len() > MAX_TARGET => {
            return Err(format!(
                "the target of a link has at most {MAX_TARGET} bytes"
            ));
        }
        (None, false, Some(target), None, None) => world.link(path, &target),
        (None, false, None, None, Some(special)) => world.special(path, special),
        (None, false, None, Some(existing), None) => {
            let linked = world.hard_link(path, &existing);
            if !linked.has(path) {
                return Err(format!("there is no file {existing:?}"));
            }
            linked
        }
        _ => {
            return Err(
                "must have exactly one of `content`, `directory`, `link`, `same_as` and `special`"
                    .to_owned(),
            );
        }
    };
    if is_second_name {
        return match (mode, uid, gid, modified) {
            (None, 0, 0, None) => Ok(world),
            _ => Err("a hard link has no mode, owner and time of its own".to_owned()),
        };
    }
    let world = world.owner(path, uid, gid);
    let world = match mode {
        Some(text) => match u32::from_str_radix(&text, 8) {
            Ok(mode @ 0..=0o7777) => world.mode(path, mode),
            _ => {
                return Err(format!(
                    "invalid mode {text:?}; expected octal digits such as \"0644\""
                ));
            }
        },
        None => world,
    };
    Ok(match modified {
        Some(moment) => world.modified(path, moment.0),
        None => world,
    })
}

fn add_answer(
    world: Simulated,
    place: &str,
    written: WrittenAnswer,
) -> Result<Simulated, SimulatedError> {
    let outcome = match (written.answer, written.fail) {
        (Some(answer), None) => Ok(script::read_answer(answer)
            .map_err(|problem| error(format!("{place}.answer"), problem))?),
        (None, Some(failure)) => Err(failure),
        _ => return Err(error(place, "must have exactly one of `answer` and `fail`")),
    };
    world
        .add_answer(written.when, outcome, written.once)
        .map_err(|problem| error(format!("{place}.when"), problem))
}

impl SimulatedError {
    /// A problem with a pattern that was passed to a method.
    pub(super) fn in_pattern(problem: String) -> SimulatedError {
        error("the pattern", problem)
    }
}
