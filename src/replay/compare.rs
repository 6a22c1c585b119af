//! Playing a recording of one plugin to another version of it: what it asks that the old one did
//! not, what it answers otherwise, and what it costs.

use super::{
    Replay, ReplayError,
    divergence::differences,
    redacted::Texts,
    transcript::{Folded, Transcript},
};
use crate::{
    effect::{Answer, Effect, Failure, Handle, Reply},
    gate::{At, Journal},
    lock::lock,
    plugin::Plugin,
    truncate::cut,
    world::handles,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};
use tollgate_abi::host::kinds;

/// How another version of a plugin did on a recorded run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// Effects that the recording has no reply to, as JSON, cut to 4 KiB each; at most 100. They
    /// failed for the plugin.
    pub new_effects: Vec<String>,
    /// Recorded effects that the plugin did not request, as JSON, cut to 4 KiB each; at most 100.
    pub missing_effects: Vec<String>,
    /// How many effects were asked more often than recorded, and answered as the last time.
    pub repeated_effects: u64,
    /// Where the answer differs, each as `path: recorded -> now`.
    pub answers: Vec<String>,
    /// Fuel of the recorded call, its initialisation included.
    pub fuel_before: u64,
    /// Fuel of the call now, its initialisation included.
    pub fuel_now: u64,
}

impl Comparison {
    /// Whether the new version asks and answers the same, for no more fuel.
    pub fn is_same(&self) -> bool {
        self.asks_the_same() && self.answers.is_empty() && self.fuel_now <= self.fuel_before
    }

    /// Whether it asks for what was recorded and nothing else.
    pub fn asks_the_same(&self) -> bool {
        self.new_effects.is_empty() && self.missing_effects.is_empty() && self.repeated_effects == 0
    }
}

impl Replay {
    /// Runs another version of the recorded plugin on the recorded config, and answers its effects
    /// from the transcript where they are equal to recorded ones, in whatever order they come.
    /// Nothing outside is touched. Log lines are not compared.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Limit`] as [`run`](Replay::run), and [`ReplayError::Bad`] if a line was
    /// changed after it was recorded.
    pub fn compare(&self, plugin: &Plugin) -> Result<Comparison, ReplayError> {
        let matcher = Matcher::new(self.transcript.clone())?;
        let matcher = Arc::new(Mutex::new(matcher));
        let end = self.play(plugin, matcher.clone())?.0;
        let recorded = &self.transcript.end;
        let mut matcher = lock(&matcher);
        let answers = differences(&recorded.end.json(), &end.end.json());
        let mut comparison = Comparison {
            missing_effects: matcher.left(),
            new_effects: std::mem::take(&mut matcher.asked_anew),
            repeated_effects: matcher.asked_again,
            answers,
            fuel_before: recorded.fuel(),
            fuel_now: end.fuel(),
        };
        Texts(plugin.parts().settings.observer.redactor.clone()).comparison(&mut comparison);
        Ok(comparison)
    }
}

/// Recorded replies by what was asked.
struct Matcher {
    transcript: Arc<Transcript>,
    /// For each question the effects that asked it and were not matched yet, and the last that was.
    questions: BTreeMap<String, Question>,
    /// The open files of the plugin that runs, each with the recorded effect that opened it.
    opened: BTreeMap<Handle, u64>,
    asked_anew: Vec<String>,
    asked_again: u64,
}

#[derive(Default)]
struct Question {
    waiting: VecDeque<u64>,
    last: Option<u64>,
}

/// The most new effects that are reported.
const MOST_TOLD: usize = 100;
/// The most bytes of one that are shown.
const MOST_BYTES: usize = 4096;

/// An effect as it is shown: its JSON, or the beginning of it.
fn shown(mut text: String) -> String {
    cut(&mut text, MOST_BYTES, "…");
    text
}

impl Matcher {
    fn new(transcript: Arc<Transcript>) -> Result<Matcher, ReplayError> {
        let mut questions = BTreeMap::<_, Question>::new();
        let mut opened = BTreeMap::new();
        for index in 0..transcript.len() {
            let Folded { asked, kept } = transcript.folded(index)?;
            if matches!(kept.effect, Effect::Log(_)) {
                continue;
            }
            let question = question(asked, &opened);
            questions
                .entry(question)
                .or_default()
                .waiting
                .push_back(index);
            match (&kept.effect, &kept.reply) {
                (Effect::Open { .. }, Ok(Answer::Opened { handle, .. })) => {
                    opened.insert(*handle, index);
                }
                (Effect::Close { handle }, _) => {
                    opened.remove(handle);
                }
                _ => {}
            }
        }
        Ok(Matcher {
            transcript,
            questions,
            opened: BTreeMap::new(),
            asked_anew: Vec::new(),
            asked_again: 0,
        })
    }

    /// The recorded effect that asked the same.
    fn find(&mut self, effect: &Effect) -> Option<u64> {
        let question = question(Texts::plain(effect), &self.opened);
        let question = self.questions.get_mut(&question)?;
        if let Some(index) = question.waiting.pop_front() {
            question.last = Some(index);
        } else {
            self.asked_again += 1;
        }
        question.last
    }

    /// What was recorded and not asked for.
    fn left(&self) -> Vec<String> {
        let mut left: Vec<u64> = self
            .questions
            .values()
            .flat_map(|q| q.waiting.clone())
            .collect();
        left.sort_unstable();
        let effects = left.into_iter().take(MOST_TOLD).filter_map(|index| {
            let folded = self.transcript.folded(index).ok()?;
            Some(shown(folded.asked.to_string()))
        });
        effects.collect()
    }

    fn reply(&mut self, effect: &Effect) -> Reply {
        let found = self.find(effect);
        let kept = found.and_then(|index| Some((index, self.transcript.checked(index).ok()?)));
        let Some((index, kept)) = kept else {
            if self.asked_anew.len() < MOST_TOLD {
                let asked = Texts::plain(effect).to_string();
                self.asked_anew.push(shown(asked));
            }
            let message = "the recording has no reply to this";
            return Err(Failure::new(kinds::INTERNAL, "", message).into());
        };
        match (effect, kept.reply) {
            (Effect::Open { .. }, Ok(Answer::Opened { stat, .. })) => {
                // Its own number, since another order of opening gives other numbers.
                let handle = handles::free(&self.opened)?;
                self.opened.insert(handle, index);
                Ok(Answer::Opened { handle, stat })
            }
            (Effect::Close { handle }, reply) => {
                self.opened.remove(handle);
                reply
            }
            (_, reply) => reply,
        }
    }
}

impl Journal for Matcher {
    fn answer(&mut self, effect: &Effect, _: At) -> Option<Reply> {
        Some(match effect {
            Effect::Log(_) => Ok(Answer::Done),
            effect => self.reply(effect),
        })
    }

    fn note(&mut self, _: &Effect, _: &Reply, _: At) {}

    fn is_over(&self) -> bool {
        false
    }
}

/// What an effect asks, by its JSON, with an open file named by the recorded effect that opened it.
fn question(mut effect: Value, opened: &BTreeMap<Handle, u64>) -> String {
    let kinds = effect.as_object_mut();
    let body = kinds.and_then(|kinds| kinds.values_mut().next());
    let handle = body.and_then(|body| body.get_mut("handle"));
    let opening = handle.and_then(|handle| {
        let number = std::mem::take(handle).as_u64()?;
        opened.get(&Handle::try_from(number).ok()?).copied()
    });
    format!("{opening:?} {effect}")
}
