//! Reading a transcript without trusting it. Nothing that it holds is unfolded before it is asked
//! for: a short line may name large bytes, and many lines the same ones.

use super::{
    digests::{self, ANSWERED, ASKED, as_digest, byte_fields},
    lines::{End, FORMAT, Header, Kept, ReadBlob, ReadLine, Verdict, split_check},
};
use crate::{
    answer,
    effect::{Answer, Denial, Effect, Failure, json},
    gate::At,
    printable::Text,
};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, ops::Range};

const CHANGED: &str = "it was changed after it was recorded";

/// The most grants of a run: each may be compared with each effect.
const MOST_GRANTS: usize = 10_000;

/// The most functions of an embedder's.
const MOST_FUNCTIONS: usize = 1_000;

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
    blobs: BTreeMap<String, Blob>,
}

/// Large bytes: where in the text their line is, and how many they are.
#[derive(Clone, Debug)]
struct Blob {
    range: Range<usize>,
    bytes: u64,
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
        Some(read_line(line).and_then(|line| {
            unfold(line, &mut |digest| {
                let blob = self.blobs.get(digest)?;
                let (body, _) = split_check(self.text.get(blob.range.clone())?)?;
                let blob: ReadBlob = serde_json::from_str(&body).ok()?;
                Some(blob.content)
            })
        }))
    }

    /// What an effect asked, in which large bytes are digests still, if it is as it was recorded.
    pub(super) fn folded(&self, index: u64) -> Result<Folded, BadTranscript> {
        let line = self.line(index).map_or(0, |line| line.number);
        if !self.is_untouched(index) {
            return Err(bad(line, CHANGED));
        }
        let read = self.text_of(index).ok_or("there is no such effect".into());
        let folded = read.and_then(read_line).and_then(|line| {
            let asked = line.effect.clone();
            let kept = unfold(line, &mut |_| Some(Value::String(String::new())))?;
            Ok(Folded { asked, kept })
        });
        folded.map_err(|problem| bad(line, problem))
    }
}

/// An effect whose large bytes are where they were.
pub(super) struct Folded {
    /// The effect's JSON.
    pub(super) asked: Value,
    /// The same and its reply, with nothing in place of large bytes.
    pub(super) kept: Kept,
}

/// What was read so far.
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
            return Err("there is more after the last line".into());
        }
        answer::check_text(line)?;
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
                return Err("its bytes have another SHA-256 than it says".into());
            }
            let bytes = content.len() as u64;
            self.blobs.insert(blob.blob, Blob { range, bytes });
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
    let header: Header = parse(body)?;
    for (what, found, limit) in [
        ("grants", header.grants.len(), MOST_GRANTS),
        ("real names of grants", header.pinned.len(), MOST_GRANTS),
        ("functions", header.functions.len(), MOST_FUNCTIONS),
    ] {
        if found > limit {
            return Err(format!(
                "it has {found} {what}, more than the limit of {limit}"
            ));
        }
    }
    Ok(header)
}

/// Checks the line of an effect without unfolding what it names.
fn check_effect(
    line: &str,
    expected: u64,
    blobs: &BTreeMap<String, Blob>,
    redacted: bool,
) -> Result<(), String> {
    let mut read = read_line(line)?;
    if read.index != expected {
        let index = read.index;
        return Err(format!(
            "the effect has the number {index}, and {expected} was to come"
        ));
    }
    let named = byte_fields(&mut read.reply, &ANSWERED)
        .into_iter()
        .filter_map(|field| blobs.get(as_digest(field.as_object()?)?));
    let named = named.map(|blob| blob.bytes).max().unwrap_or(0);
    let stand_in = &mut |digest: &str| blobs.get(digest).map(|_| Value::String(String::new()));
    let kept = unfold(read, stand_in)?;
    // A guest pays for what it asks: a reply of more would be work that nobody pays for.
    let asked = most_bytes(&kept.effect);
    let most = match redacted {
        // A secret may be shorter than what replaces it.
        true => asked.saturating_mul(16).saturating_add(json::LARGE as u64),
        false => asked,
    };
    if named > most {
        return Err(format!(
            "the reply holds {named} bytes, and the effect asked for {asked}"
        ));
    }
    Ok(())
}

/// How many bytes each part of the reply to an effect may hold.
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
    let (body, _) = split_check(line).ok_or("it has no check")?;
    parse(&body)
}

fn unfold(mut line: ReadLine, blob: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Kept, String> {
    digests::put_back(&mut line.effect, &ASKED, blob)?;
    digests::put_back(&mut line.reply, &ANSWERED, blob)?;
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
