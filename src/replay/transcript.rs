//! Reads an untrusted transcript. Digests are expanded only on use: a short line may refer to large
//! bytes, and many lines to the same ones.

use super::{
    digests::{self, IN_ANSWERS, IN_EFFECTS, as_digest, byte_fields},
    lines::{End, FORMAT, Header, ReadBlob, ReadLine, Recorded, Verdict, split_check},
};
use crate::{
    answer, byte_order_mark,
    effect::{Answer, Denial, Effect, Failure, json},
    gate::At,
    printable::{Text, counted},
};
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::ops::Range;
use serde::Deserialize;
use serde_json::Value;

const CHANGED: &str = "changed after it was recorded";

/// The most grants of a run: each effect may be checked against each grant.
const MOST_GRANTS: usize = 10_000;

/// The most host functions of an embedder.
const MOST_FUNCTIONS: usize = 1_000;

/// An invalid transcript.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("line {line}: {problem}")]
#[non_exhaustive]
pub struct BadTranscript {
    /// The number of the line, counted from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub problem: Text,
}

/// A well-formed transcript.
#[derive(Clone, Debug)]
pub(super) struct Transcript {
    pub(super) header: Header,
    pub(super) end: End,
    text: String,
    effects: Vec<Line>,
    blobs: BTreeMap<String, Blob>,
}

/// Large bytes: the range of their line in the text, and their number.
#[derive(Clone, Debug)]
struct Blob {
    range: Range<usize>,
    bytes: u64,
}

/// The line of an effect.
#[derive(Clone, Debug)]
struct Line {
    /// The number of the line, counted from 1.
    number: usize,
    range: Range<usize>,
    untouched: bool,
}

impl Transcript {
    /// Reads and checks all lines.
    pub(super) fn read(mut bytes: Vec<u8>) -> Result<Transcript, BadTranscript> {
        if bytes.starts_with(byte_order_mark::MARK.as_bytes()) {
            bytes.drain(..byte_order_mark::MARK.len());
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error
                .as_bytes()
                .iter()
                .take(error.utf8_error().valid_up_to());
            let line = before.filter(|byte| **byte == b'\n').count() + 1;
            bad(line, "not UTF-8")
        })?;
        let mut reading = Reading::default();
        let mut start = 0;
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            let range = start..start + line.len();
            start = range.end + 1;
            reading
                .take(line, number, range)
                .map_err(|problem| bad(number, problem))?;
        }
        let last = text.split_terminator('\n').count();
        let Reading {
            header,
            end,
            effects,
            blobs,
        } = reading;
        let header = header.ok_or_else(|| bad(1, "missing header: the file is empty"))?;
        let end =
            end.ok_or_else(|| bad(last + 1, "missing last line: the recording was cut off"))?;
        Ok(Transcript {
            header,
            end,
            text,
            effects,
            blobs,
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.effects.len() as u64
    }

    /// Returns whether the check of an effect's line holds.
    pub(super) fn is_untouched(&self, index: u64) -> bool {
        self.line(index).is_none_or(|line| line.untouched)
    }

    fn line(&self, index: u64) -> Option<&Line> {
        self.effects.get(usize::try_from(index).ok()?)
    }

    /// The line of an effect, as in the file.
    pub(super) fn text_of(&self, index: u64) -> Option<&str> {
        self.text.get(self.line(index)?.range.clone())
    }

    /// Returns an effect with its reply, if the check of its line holds.
    pub(super) fn checked(&self, index: u64) -> Result<Recorded, BadTranscript> {
        let line = self.line(index).map_or(0, |line| line.number);
        if !self.is_untouched(index) {
            return Err(bad(line, CHANGED));
        }
        let recorded = self.effect(index).unwrap_or(Err("no such effect".into()));
        recorded.map_err(|problem| bad(line, problem))
    }

    /// Returns an effect with its reply.
    pub(super) fn effect(&self, index: u64) -> Option<Result<Recorded, String>> {
        let line = self.text_of(index)?;
        Some(read_line(line).and_then(|line| {
            expand(line, &mut |digest| {
                let blob = self.blobs.get(digest)?;
                let (body, _) = split_check(self.text.get(blob.range.clone())?)?;
                let blob: ReadBlob = serde_json::from_str(&body).ok()?;
                Some(blob.content)
            })
        }))
    }

    /// Returns an effect without its large bytes, if the check of its line holds.
    pub(super) fn compact(&self, index: u64) -> Result<Compact, BadTranscript> {
        let line = self.line(index).map_or(0, |line| line.number);
        if !self.is_untouched(index) {
            return Err(bad(line, CHANGED));
        }
        let read = self.text_of(index).ok_or("no such effect".into());
        let compact = read.and_then(read_line).and_then(|line| {
            let effect = line.effect.clone();
            let recorded = expand(line, &mut |_| Some(Value::String(String::new())))?;
            Ok(Compact { effect, recorded })
        });
        compact.map_err(|problem| bad(line, problem))
    }
}

/// An effect without its large bytes.
pub(super) struct Compact {
    /// The effect's JSON, with digests.
    pub(super) effect: Value,
    /// The effect and its reply, with empty texts in place of large bytes.
    pub(super) recorded: Recorded,
}

/// The lines read so far.
#[derive(Default)]
struct Reading {
    header: Option<Header>,
    end: Option<End>,
    effects: Vec<Line>,
    blobs: BTreeMap<String, Blob>,
}

impl Reading {
    fn take(&mut self, line: &str, number: usize, range: Range<usize>) -> Result<(), String> {
        if self.end.is_some() {
            return Err("more lines after the last line".into());
        }
        answer::check_text(line)?;
        let unchecked = "not a line of a transcript, which ends with a check";
        let (body, untouched) = split_check(line).ok_or(unchecked)?;
        let changed = || match untouched {
            true => Ok(()),
            false => Err(CHANGED.to_owned()),
        };
        if self.header.is_none() {
            self.header = Some(header(&body)?);
            return changed();
        }
        // The first field identifies the kind of line.
        if body.starts_with("{\"index\":") {
            let expected = self.effects.len() as u64;
            let redacted = self.header.as_ref().is_some_and(|header| header.redacted);
            check_effect(line, expected, &self.blobs, redacted)?;
            self.effects.push(Line {
                number,
                range,
                untouched,
            });
            return Ok(());
        }
        changed()?;
        if body.starts_with("{\"blob\":") {
            let blob: ReadBlob = parse(&body)?;
            let content =
                json::bytes::deserialize(blob.content).map_err(|error| error.to_string())?;
            if json::digest_text(&content) != blob.blob {
                return Err("the SHA-256 of the bytes differs".into());
            }
            let bytes = content.len() as u64;
            self.blobs.insert(blob.blob, Blob { range, bytes });
            return Ok(());
        }
        let end: End = parse(&body)?;
        let found = self.effects.len() as u64;
        if end.effects != found {
            let expected = end.effects;
            let expected = counted(expected, "effect");
            return Err(format!("expected {expected}, found {found}"));
        }
        self.end = Some(end);
        Ok(())
    }
}

fn header(body: &str) -> Result<Header, String> {
    #[derive(Deserialize)]
    struct Format {
        transcript: u32,
    }
    // Checked first, since another format may have other fields.
    let Format { transcript } = serde_json::from_str(body)
        .map_err(|error| format!("not the header of a transcript: {error}"))?;
    if transcript != FORMAT {
        return Err(format!(
            "unsupported format {transcript}; this version reads {FORMAT}: record again"
        ));
    }
    let header: Header = parse(body)?;
    for (what, found, limit) in [
        ("grants", header.grants.len(), MOST_GRANTS),
        ("real names of grants", header.pinned.len(), MOST_GRANTS),
        ("functions", header.functions.len(), MOST_FUNCTIONS),
    ] {
        if found > limit {
            return Err(format!("{found} {what} exceed the limit of {limit}"));
        }
    }
    Ok(header)
}

/// Checks the line of an effect without expanding its digests.
fn check_effect(
    line: &str,
    expected: u64,
    blobs: &BTreeMap<String, Blob>,
    redacted: bool,
) -> Result<(), String> {
    let mut read = read_line(line)?;
    if read.index != expected {
        let index = read.index;
        return Err(format!("effect index {index}, expected {expected}"));
    }
    let referred = byte_fields(&mut read.reply, &IN_ANSWERS)
        .into_iter()
        .filter_map(|field| blobs.get(as_digest(field.as_object()?)?));
    let referred = referred.map(|blob| blob.bytes).max().unwrap_or(0);
    let stand_in = &mut |digest: &str| blobs.get(digest).map(|_| Value::String(String::new()));
    let recorded = expand(read, stand_in)?;
    // The guest's budget covers the bytes that it requested; a longer reply would exceed it.
    let requested = most_bytes(&recorded.effect);
    let most = match redacted {
        // A secret may be shorter than what replaces it.
        true => requested
            .saturating_mul(16)
            .saturating_add(json::LARGE as u64),
        false => requested,
    };
    if referred > most {
        return Err(format!(
            "the reply holds {}, but the effect requested {requested}",
            counted(referred, "byte")
        ));
    }
    Ok(())
}

/// The most bytes in each part of the reply to an effect.
fn most_bytes(effect: &Effect) -> u64 {
    match effect {
        Effect::ReadAt { limit, .. } => *limit,
        Effect::Random { length } => (*length).into(),
        Effect::Exchange { receive, .. } => *receive,
        Effect::Http { body_limit, .. } => *body_limit,
        Effect::Run { output_limit, .. } => *output_limit,
        _ => 0,
    }
}

fn read_line(line: &str) -> Result<ReadLine, String> {
    let (body, _) = split_check(line).ok_or("missing check")?;
    parse(&body)
}

fn expand(
    mut line: ReadLine,
    blob: &mut dyn FnMut(&str) -> Option<Value>,
) -> Result<Recorded, String> {
    digests::restore(&mut line.effect, &IN_EFFECTS, blob)?;
    digests::restore(&mut line.reply, &IN_ANSWERS, blob)?;
    let wrong = |what: &str, error: serde_json::Error| format!("the {what}: {error}");
    let effect = Effect::deserialize(line.effect).map_err(|error| wrong("effect", error))?;
    let reply = match line.verdict {
        Verdict::Granted => Answer::deserialize(line.reply).map(Ok),
        Verdict::Denied => Denial::deserialize(line.reply).map(|denial| Err(denial.into())),
        Verdict::Failed => Failure::deserialize(line.reply).map(|failure| Err(failure.into())),
    };
    Ok(Recorded {
        at: At {
            phase: line.during,
            fuel: line.fuel,
        },
        effect,
        reply: reply.map_err(|error| wrong("reply", error))?,
    })
}

fn parse<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| {
        // The line number of the error is always 1, and misleading.
        let text = error.to_string();
        text.replace(" at line 1 column ", ", at column ")
    })
}

fn bad(line: usize, problem: impl Into<String>) -> BadTranscript {
    BadTranscript {
        line,
        problem: problem.into().into(),
    }
}
