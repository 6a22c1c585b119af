//! Reading a transcript without trusting it. Nothing that it holds is unfolded before it is asked
//! for: a short line may name large bytes, and many lines the same ones.

use super::lines::{End, FORMAT, Header, Kept, ReadBlob, ReadLine, Verdict, split_check};
use crate::{
    effect::{Answer, Denial, Effect, Failure, json},
    gate::At,
    printable::Text,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::Range};

const CHANGED: &str = "it was changed after it was recorded";

/// A transcript that cannot be used, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BadTranscript {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Text,
}

/// A transcript, read and found to be well formed.
#[derive(Clone, Debug)]
pub(super) struct Transcript {
    pub(super) header: Header,
    pub(super) end: End,
    text: String,
    effects: Vec<Line>,
    blobs: BTreeMap<String, Range<usize>>,
}

/// Where in the text the line of an effect is.
#[derive(Clone, Debug)]
struct Line {
    /// Which line, counted from 1.
    number: usize,
    range: Range<usize>,
    untouched: bool,
}

impl Transcript {
    /// Reads all lines and finds what is wrong with any.
    pub(super) fn read(bytes: Vec<u8>) -> Result<Transcript, BadTranscript> {
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
        let header = header.ok_or_else(|| bad(1, "there is no header: the file is empty"))?;
        let end = end.ok_or_else(|| {
            bad(
                last + 1,
                "the last line is missing: the recording was cut off",
            )
        })?;
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

    /// Whether an effect's line is as it was recorded.
    pub(super) fn is_untouched(&self, index: u64) -> bool {
        self.line(index).is_none_or(|line| line.untouched)
    }

    fn line(&self, index: u64) -> Option<&Line> {
        self.effects.get(usize::try_from(index).ok()?)
    }

    /// The line of an effect as it stands in the file.
    pub(super) fn text_of(&self, index: u64) -> Option<&str> {
        self.text.get(self.line(index)?.range.clone())
    }

    /// An effect with its reply, if it is as it was recorded.
    pub(super) fn checked(&self, index: u64) -> Result<Kept, BadTranscript> {
        let line = self.line(index).map_or(0, |line| line.number);
        if !self.is_untouched(index) {
            return Err(bad(line, CHANGED));
        }
        let kept = self
            .effect(index)
            .unwrap_or(Err("there is no such effect".into()));
        kept.map_err(|problem| bad(line, problem))
    }

    /// An effect with its reply, unfolded.
    pub(super) fn effect(&self, index: u64) -> Option<Result<Kept, String>> {
        let line = self.text_of(index)?;
        Some(kept(line, &mut |digest| {
            let range = self.blobs.get(digest)?;
            let (body, _) = split_check(self.text.get(range.clone())?)?;
            let blob: ReadBlob = serde_json::from_str(&body).ok()?;
            Some(blob.content)
        }))
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    header: Option<Header>,
    end: Option<End>,
    effects: Vec<Line>,
    blobs: BTreeMap<String, Range<usize>>,
}

impl Reading {
    fn take(&mut self, line: &str, number: usize, range: Range<usize>) -> Result<(), String> {
        if self.end.is_some() {
            return Err("there is more after the last line".into());
        }
        let unchecked = "it is no line of a transcript, which ends in a check";
        let (body, untouched) = split_check(line).ok_or(unchecked)?;
        let changed = || match untouched {
            true => Ok(()),
            false => Err(CHANGED.to_owned()),
        };
        if self.header.is_none() {
            self.header = Some(header(&body)?);
            return changed();
        }
        // Told apart by the first field that every such line has.
        if body.starts_with("{\"index\":") {
            let expected = self.effects.len() as u64;
            check_effect(line, expected, &self.blobs)?;
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
                return Err("its bytes have another SHA-256 than it says".into());
            }
            self.blobs.insert(blob.blob, range);
            return Ok(());
        }
        let end: End = parse(&body)?;
        let found = self.effects.len() as u64;
        if end.effects != found {
            let told = end.effects;
            return Err(format!("it ends {told} effects, but {found} are here"));
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
    // First of all, since another format may have other fields.
    let Format { transcript } = serde_json::from_str(body)
        .map_err(|error| format!("no header of a transcript: {error}"))?;
    if transcript != FORMAT {
        return Err(format!(
            "its format is {transcript}, and this version reads {FORMAT}: record it again"
        ));
    }
    parse(body)
}

/// Checks the line of an effect without unfolding what it names.
fn check_effect(
    line: &str,
    expected: u64,
    blobs: &BTreeMap<String, Range<usize>>,
) -> Result<(), String> {
    let read = read_line(line)?;
    if read.index != expected {
        let index = read.index;
        return Err(format!(
            "the effect has the number {index}, and {expected} was to come"
        ));
    }
    let stand_in = &mut |digest: &str| blobs.get(digest).map(|_| Value::String(String::new()));
    unfold(read, stand_in).map(drop)
}

fn kept(line: &str, blob: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Kept, String> {
    unfold(read_line(line)?, blob)
}

fn read_line(line: &str) -> Result<ReadLine, String> {
    let (body, _) = split_check(line).ok_or("it has no check")?;
    parse(&body)
}

fn unfold(mut line: ReadLine, blob: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Kept, String> {
    put_back(&mut line.effect, blob)?;
    put_back(&mut line.reply, blob)?;
    let wrong = |what: &str, error: serde_json::Error| format!("the {what}: {error}");
    let effect = Effect::deserialize(line.effect).map_err(|error| wrong("effect", error))?;
    let reply = match line.verdict {
        Verdict::Granted => Answer::deserialize(line.reply).map(Ok),
        Verdict::Denied => Denial::deserialize(line.reply).map(|denial| Err(denial.into())),
        Verdict::Failed => Failure::deserialize(line.reply).map(|failure| Err(failure.into())),
    };
    Ok(Kept {
        at: At {
            phase: line.during,
            fuel: line.fuel,
        },
        effect,
        reply: reply.map_err(|error| wrong("reply", error))?,
    })
}

/// Replaces each digest by the bytes it stands for.
fn put_back(value: &mut Value, blob: &mut dyn FnMut(&str) -> Option<Value>) -> Result<(), String> {
    match value {
        Value::Object(fields) => {
            if let Some(digest) = as_digest(fields) {
                let content = blob(digest);
                *value = content
                    .ok_or_else(|| format!("no line before it holds the bytes of {digest}"))?;
                return Ok(());
            }
            for (name, field) in fields {
                // What guests and embedders wrote there may look like anything.
                if name != "custom" && name != "json" {
                    put_back(field, blob)?;
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_back(item, blob)),
        _ => Ok(()),
    }
}

pub(super) fn as_digest(fields: &Map<String, Value>) -> Option<&str> {
    match fields.get("sha256") {
        Some(Value::String(digest)) if fields.len() == 1 => Some(digest),
        _ => None,
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| {
        // Every line is one line: its own number is told already.
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
