//! Answering a plugin's effects from a transcript, as long as they are those that were recorded.

use super::{
    divergence::{Divergence, differences},
    lines::{ENGINE, End, Kept, Outcome},
    redacted::Texts,
    transcript::Transcript,
};
use crate::{
    effect::{Effect, Failure, Reply},
    gate::{At, Journal, Phase},
};
use serde_json::Value;
use std::sync::Arc;
use tollgate_abi::host::kinds;

/// So many lines before the first difference are shown.
const SHOWN_BEFORE: u64 = 3;

/// A transcript that is being played.
pub(super) struct Player {
    transcript: Arc<Transcript>,
    texts: Texts,
    next: u64,
    /// The recording was interrupted, and all of it is played.
    ran_out: bool,
    divergence: Option<Divergence>,
}

impl Player {
    pub(super) fn new(transcript: Arc<Transcript>, texts: Texts) -> Player {
        Player {
            transcript,
            texts,
            next: 0,
            ran_out: false,
            divergence: None,
        }
    }

    /// The reply that was recorded, if this is the effect that was.
    fn play(&mut self, effect: &Effect, at: At) -> Result<Reply, Divergence> {
        let index = self.next;
        let actual = || told(index, at, &self.json(effect));
        let Some(kept) = self.transcript.effect(index) else {
            return Err(self.parted("the end of the run".to_owned(), actual()));
        };
        if !self.transcript.is_untouched(index) {
            let line = self.transcript.text_of(index).unwrap_or_default();
            return Err(self.parted(
                "the line as it was recorded".to_owned(),
                format!("a line that was changed since: {line}"),
            ));
        }
        let kept = kept.map_err(|problem| self.parted(problem, actual()))?;
        if kept.at != at || !self.is_same(&kept, effect) {
            let expected = told(index, kept.at, &Texts::plain(&kept.effect));
            return Err(self.parted(expected, actual()));
        }
        self.next += 1;
        Ok(kept.reply)
    }

    fn is_same(&self, kept: &Kept, effect: &Effect) -> bool {
        kept.effect == *effect
            || (self.transcript.header.redacted && Texts::plain(&kept.effect) == self.json(effect))
    }

    /// The effect as this plugin's redactor would have it recorded.
    fn json(&self, effect: &Effect) -> Value {
        self.texts.rewrite(effect, &effect.bytes()).0
    }

    /// A difference at the next effect.
    fn parted(&self, expected: String, actual: String) -> Divergence {
        let before = self.next.saturating_sub(SHOWN_BEFORE)..self.next;
        let before = before.filter_map(|index| self.transcript.text_of(index));
        Divergence {
            index: self.next,
            expected,
            actual,
            before: before.map(str::to_owned).collect(),
            notes: self.notes(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let header = &self.transcript.header;
        let mut notes = Vec::new();
        if header.engine != ENGINE {
            notes.push(format!(
                "it was recorded on {}, and this is {ENGINE}, whose fuel may differ",
                header.engine
            ));
        }
        if header.redacted {
            notes.push("it was redacted when it was recorded, and what was hidden is lost".into());
        }
        notes
    }

    /// Compares how the run ended with how the recorded one did. `module` is the digest of what
    /// was played.
    pub(super) fn end(mut self, end: &End, module: &str) -> Result<(), Box<Divergence>> {
        let recorded = &self.transcript.header.module;
        let another = (module != recorded)
            .then(|| format!("the recorded module has SHA-256 {recorded}, and this one {module}"));
        let parted = match self.divergence.take() {
            Some(divergence) => Some(divergence),
            None => self.compare(end),
        };
        let parted = parted.or_else(|| {
            let expected = format!("module {recorded}");
            another
                .is_some()
                .then(|| self.parted(expected, format!("module {module}, which did the same")))
        });
        match parted {
            Some(mut divergence) => {
                divergence.notes.extend(another);
                Err(Box::new(divergence))
            }
            None => Ok(()),
        }
    }

    fn compare(&self, end: &End) -> Option<Divergence> {
        let recorded = &self.transcript.end;
        if self.next < self.transcript.len() {
            let expected = self.transcript.text_of(self.next).unwrap_or_default();
            let ended = format!("the end of the run: {}", ended(&end.end));
            return Some(self.parted(expected.to_owned(), ended));
        }
        let stopped = recorded.end.is_interrupted();
        let mut pairs = Vec::new();
        if !stopped && recorded.end != end.end {
            if let (Outcome::Evidence(one), Outcome::Evidence(other)) = (&recorded.end, &end.end) {
                let places = differences(one, other).join("; ");
                return Some(self.parted(
                    format!("evidence {one}"),
                    format!("evidence with other content: {places}"),
                ));
            }
            pairs.push((ended(&recorded.end), ended(&end.end)));
        }
        let usage = |end: &End| {
            let (init, call) = (&end.initialization, &end.usage);
            match stopped {
                true => format!("fuel {} and {}", init.fuel, call.fuel),
                false => format!("initialization {init:?}, call {call:?}"),
            }
        };
        if usage(recorded) != usage(end) {
            pairs.push((usage(recorded), usage(end)));
        }
        if !stopped && recorded.memory != end.memory {
            let memory = |end: &End| match &end.memory {
                Some(digest) => format!("final memory {digest}"),
                None => "no memory".to_owned(),
            };
            pairs.push((memory(recorded), memory(end)));
        }
        if pairs.is_empty() {
            return None;
        }
        let (expected, actual): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        Some(self.parted(expected.join("; "), actual.join("; ")))
    }
}

impl Journal for Player {
    fn answer(&mut self, effect: &Effect, at: At) -> Option<Reply> {
        let stopped = self.transcript.end.end.is_interrupted();
        if stopped && self.next >= self.transcript.len() {
            self.ran_out = true;
        }
        if !self.is_over() {
            match self.play(effect, at) {
                Ok(reply) => return Some(reply),
                Err(divergence) => self.divergence = Some(divergence),
            }
        }
        // The guest is stopped before it can read this.
        Some(Err(Failure::new(
            kinds::INTERNAL,
            "",
            "the replay ends here",
        )
        .into()))
    }

    fn note(&mut self, _: &Effect, _: &Reply, _: At) {}

    fn is_over(&self) -> bool {
        self.ran_out || self.divergence.is_some()
    }
}

/// An effect as a difference shows it.
fn told(index: u64, at: At, effect: &Value) -> String {
    let during = match at.phase {
        Phase::Initialize => "initialize",
        Phase::Call => "call",
    };
    let fuel = at.fuel;
    format!("{{\"index\":{index},\"during\":\"{during}\",\"fuel\":{fuel},\"effect\":{effect}}}")
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Evidence(evidence) => format!("evidence {evidence}"),
        Outcome::Deadline(message) | Outcome::Cancelled(message) | Outcome::Error(message) => {
            format!("error {message:?}")
        }
    }
}
