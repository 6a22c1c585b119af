//! Answers a plugin's effects from a transcript, as long as they equal the recorded ones.

use super::{
    Tolerance,
    divergence::{Divergence, differences},
    lines::{End, Recorded, RunResult},
    redacted::Texts,
    transcript::Transcript,
};
use crate::{
    effect::{Effect, Failure, Reply},
    gate::{At, Journal, Phase},
    module::engine_name,
};
use alloc::{borrow::ToOwned, boxed::Box, string::String, sync::Arc, vec::Vec};
use serde_json::Value;
use tollgate_abi::host::kinds;

/// The number of lines shown before the first difference.
const SHOWN_BEFORE: u64 = 3;

/// A transcript that is being played.
pub(super) struct Player {
    transcript: Arc<Transcript>,
    texts: Texts,
    tolerance: Tolerance,
    next: u64,
    /// The recorded run was interrupted, and all of its effects are played.
    at_interruption: bool,
    divergence: Option<Divergence>,
}

impl Player {
    pub(super) fn new(transcript: Arc<Transcript>, texts: Texts, tolerance: Tolerance) -> Player {
        Player {
            transcript,
            texts,
            tolerance,
            next: 0,
            at_interruption: false,
            divergence: None,
        }
    }

    /// Returns the recorded reply, if the effect equals the recorded one.
    fn play(&mut self, effect: &Effect, at: At) -> Result<Reply, Divergence> {
        let index = self.next;
        let actual = || effect_text(index, at, &self.json(effect));
        let Some(recorded) = self.transcript.effect(index) else {
            return Err(self.diverge("the end of the run".to_owned(), actual()));
        };
        if !self.transcript.is_untouched(index) {
            let line = self.transcript.text_of(index).unwrap_or_default();
            return Err(self.diverge(
                "the recorded line".to_owned(),
                format!("a line that was changed after recording: {line}"),
            ));
        }
        let recorded = recorded.map_err(|problem| self.diverge(problem, actual()))?;
        let is_now = match self.tolerance {
            Tolerance::Exact => recorded.at == at,
            Tolerance::Behavior => recorded.at.phase == at.phase,
        };
        if !is_now || !self.is_same(&recorded, effect) {
            let expected = effect_text(index, recorded.at, &Texts::plain(&recorded.effect));
            return Err(self.diverge(expected, actual()));
        }
        self.next += 1;
        Ok(recorded.reply)
    }

    fn is_same(&self, recorded: &Recorded, effect: &Effect) -> bool {
        recorded.effect == *effect
            || (self.transcript.header.redacted
                && Texts::plain(&recorded.effect) == self.json(effect))
    }

    /// The index of the next effect.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The effect as JSON, redacted like a recording of this plugin.
    pub(super) fn json(&self, effect: &Effect) -> Value {
        self.texts.rewrite(effect, &effect.bytes()).0
    }

    /// Builds the difference at the next effect.
    fn diverge(&self, expected: String, actual: String) -> Divergence {
        let before = self.next.saturating_sub(SHOWN_BEFORE)..self.next;
        let before = before.filter_map(|index| self.transcript.text_of(index));
        Divergence {
            index: self.next,
            expected,
            actual,
            before: before.map(str::to_owned).collect(),
            notes: self.notes(),
            backtrace: None,
        }
    }

    fn notes(&self) -> Vec<String> {
        let header = &self.transcript.header;
        let mut notes = Vec::new();
        if header.engine != engine_name() {
            notes.push(format!(
                "recorded on {}, replayed on {}: fuel may differ",
                header.engine,
                engine_name()
            ));
        }
        if header.redacted {
            notes.push("the transcript is redacted, so hidden values are lost".into());
        }
        notes
    }

    /// Compares the ends of both runs. `module` is the digest of the module that was replayed.
    pub(super) fn end(mut self, end: &End, module: &str) -> Result<(), Box<Divergence>> {
        let recorded = &self.transcript.header.module;
        let another = (module != recorded)
            .then(|| format!("the recorded module has SHA-256 {recorded}, this one {module}"));
        let divergence = match self.divergence.take() {
            Some(divergence) => Some(divergence),
            None => self.compare(end),
        };
        let is_exact = self.tolerance == Tolerance::Exact;
        let divergence = divergence.or_else(|| {
            let expected = format!("module {recorded}");
            (is_exact && another.is_some()).then(|| {
                self.diverge(
                    expected,
                    format!("module {module}, with the same behaviour"),
                )
            })
        });
        match divergence {
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
            return Some(self.diverge(expected.to_owned(), ended));
        }
        let stopped = recorded.end.is_interrupted();
        let mut pairs = Vec::new();
        if !stopped && recorded.end != end.end {
            if let (RunResult::Evidence(one), RunResult::Evidence(other)) =
                (&recorded.end, &end.end)
            {
                let places = differences(one, other).join("; ");
                return Some(self.diverge(
                    format!("evidence {one}"),
                    format!("different evidence: {places}"),
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
        let is_exact = self.tolerance == Tolerance::Exact;
        if is_exact && usage(recorded) != usage(end) {
            pairs.push((usage(recorded), usage(end)));
        }
        if is_exact && !stopped && recorded.memory != end.memory {
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
        Some(self.diverge(expected.join("; "), actual.join("; ")))
    }
}

impl Journal for Player {
    fn answer(&mut self, effect: &Effect, at: At) -> Option<Reply> {
        let stopped = self.transcript.end.end.is_interrupted();
        if stopped && self.next >= self.transcript.len() {
            self.at_interruption = true;
        }
        if !self.is_over() {
            match self.play(effect, at) {
                Ok(reply) => return Some(reply),
                Err(divergence) => self.divergence = Some(divergence),
            }
        }
        // The guest is stopped before it reads this.
        Some(Err(Failure::new(
            kinds::INTERNAL,
            "",
            "the replay has ended",
        )
        .into()))
    }

    fn note(&mut self, _: &Effect, _: &Reply, _: At) {}

    fn is_over(&self) -> bool {
        self.at_interruption || self.divergence.is_some()
    }

    fn called_from(&mut self, _: Vec<u32>) {}
}

/// Formats an effect like the line of a transcript.
fn effect_text(index: u64, at: At, effect: &Value) -> String {
    let during = match at.phase {
        Phase::Initialize => "initialize",
        Phase::Call => "call",
    };
    let fuel = at.fuel;
    format!("{{\"index\":{index},\"during\":\"{during}\",\"fuel\":{fuel},\"effect\":{effect}}}")
}

fn ended(outcome: &RunResult) -> String {
    match outcome {
        RunResult::Evidence(evidence) => format!("evidence {evidence}"),
        RunResult::Deadline(message)
        | RunResult::Cancelled(message)
        | RunResult::Error(message) => {
            format!("error {message:?}")
        }
    }
}
