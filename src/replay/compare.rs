//! Compares a recorded run with another version of the plugin: effects, evidence and fuel.

use super::{
    Replay, ReplayError,
    divergence::differences,
    redacted::Texts,
    transcript::{Compact, Transcript},
};
use crate::{
    answer::cut,
    effect::{Answer, Effect, Failure, Handle, Reply},
    gate::{At, Journal},
    plugin::Plugin,
    sync::{Mutex, lock},
    world::handles,
};
use alloc::{
    collections::{BTreeMap, VecDeque},
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use serde_json::Value;
use tollgate_abi::host::kinds;

/// The differences between a recorded run and a run of another version of the plugin.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Requested effects without a recorded reply, as JSON, cut to 4 KiB each; at most 100. The
    /// plugin was answered with an error.
    pub new_effects: Vec<String>,
    /// Recorded effects that the plugin did not request, as JSON, cut to 4 KiB each; at most 100.
    pub missing_effects: Vec<String>,
    /// The number of effects requested more often than recorded. The last reply was repeated.
    pub repeated_effects: u64,
    /// The differences in the evidence, each as `path: recorded -> now`.
    pub answers: Vec<String>,
    /// Fuel of the recorded call, its initialisation included.
    pub fuel_before: u64,
    /// Fuel of the call now, its initialisation included.
    pub fuel_now: u64,
}

impl Comparison {
    /// Returns whether effects and evidence are the same, for no more fuel.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.has_same_effects() && self.answers.is_empty() && self.fuel_now <= self.fuel_before
    }

    /// Returns whether the recorded effects were requested, and no others.
    #[must_use]
    pub fn has_same_effects(&self) -> bool {
        self.new_effects.is_empty() && self.missing_effects.is_empty() && self.repeated_effects == 0
    }
}

impl Replay {
    /// Runs another version of the recorded plugin offline, with the recorded config. Replies come
    /// from equal effects in the transcript, in any order. Log lines are not compared.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Limit`] as [`run`](Replay::run), and [`ReplayError::Bad`] if the check of a
    /// line fails.
    pub fn compare(&self, plugin: &Plugin) -> Result<Comparison, ReplayError> {
        let matcher = Matcher::new(self.transcript.clone())?;
        let matcher = Arc::new(Mutex::new(matcher));
        let end = self.play(plugin, matcher.clone())?.0;
        let recorded = &self.transcript.end;
        let mut matcher = lock(&matcher);
        let answers = differences(&recorded.end.json(), &end.end.json());
        let mut comparison = Comparison {
            missing_effects: matcher.missing(),
            new_effects: core::mem::take(&mut matcher.new_effects),
            repeated_effects: matcher.repeated_effects,
            answers,
            fuel_before: recorded.fuel(),
            fuel_now: end.fuel(),
        };
        Texts(plugin.parts().settings.observer.redactor.clone()).comparison(&mut comparison);
        Ok(comparison)
    }
}

/// Finds the recorded reply to an effect.
struct Matcher {
    transcript: Arc<Transcript>,
    /// The recorded effects by [`key`].
    effects: BTreeMap<String, Equal>,
    /// The files that the plugin has open, each with the index of the recorded effect that opened it.
    opened: BTreeMap<Handle, u64>,
    new_effects: Vec<String>,
    repeated_effects: u64,
}

/// Recorded effects with the same key, by index.
#[derive(Default)]
struct Equal {
    unmatched: VecDeque<u64>,
    last_match: Option<u64>,
}

/// The most new and the most missing effects that are reported.
const MOST_EFFECTS: usize = 100;
/// The most bytes of an effect that are reported.
const MOST_BYTES: usize = 4096;

/// Shortens the JSON of an effect.
fn excerpt(mut text: String) -> String {
    cut(&mut text, MOST_BYTES, "…");
    text
}

impl Matcher {
    fn new(transcript: Arc<Transcript>) -> Result<Matcher, ReplayError> {
        let mut effects = BTreeMap::<_, Equal>::new();
        let mut opened = BTreeMap::new();
        for index in 0..transcript.len() {
            let Compact { effect, recorded } = transcript.compact(index)?;
            if matches!(recorded.effect, Effect::Log(_)) {
                continue;
            }
            let equal: &mut Equal = effects.entry(key(effect, &opened)).or_default();
            equal.unmatched.push_back(index);
            match (&recorded.effect, &recorded.reply) {
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
            effects,
            opened: BTreeMap::new(),
            new_effects: Vec::new(),
            repeated_effects: 0,
        })
    }

    /// Returns the index of an equal recorded effect.
    fn find(&mut self, effect: &Effect) -> Option<u64> {
        let key = key(Texts::plain(effect), &self.opened);
        let equal = self.effects.get_mut(&key)?;
        match equal.unmatched.pop_front() {
            Some(index) => equal.last_match = Some(index),
            None => self.repeated_effects += 1,
        }
        equal.last_match
    }

    /// The recorded effects that were not requested.
    fn missing(&self) -> Vec<String> {
        let unmatched = self.effects.values().flat_map(|equal| &equal.unmatched);
        let mut missing: Vec<u64> = unmatched.copied().collect();
        missing.sort_unstable();
        let effects = missing.into_iter().take(MOST_EFFECTS).filter_map(|index| {
            let compact = self.transcript.compact(index).ok()?;
            Some(excerpt(compact.effect.to_string()))
        });
        effects.collect()
    }

    fn reply(&mut self, effect: &Effect) -> Reply {
        let found = self.find(effect);
        let recorded = found.and_then(|index| Some((index, self.transcript.checked(index).ok()?)));
        let Some((index, recorded)) = recorded else {
            if self.new_effects.len() < MOST_EFFECTS {
                let effect = Texts::plain(effect).to_string();
                self.new_effects.push(excerpt(effect));
            }
            let message = "the transcript has no reply to this effect";
            return Err(Failure::new(kinds::INTERNAL, "", message).into());
        };
        match (effect, recorded.reply) {
            (Effect::Open { .. }, Ok(Answer::Opened { stat, .. })) => {
                // Files may be opened in another order than recorded, so handles differ.
                let handle = handles::free(&self.opened);
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

    fn called_from(&mut self, _: Vec<u32>) {}
}

/// The JSON of an effect, with the recorded effect that opened the file in place of its handle.
fn key(mut effect: Value, opened: &BTreeMap<Handle, u64>) -> String {
    let kinds = effect.as_object_mut();
    let body = kinds.and_then(|kinds| kinds.values_mut().next());
    let handle = body.and_then(|body| body.get_mut("handle"));
    let opening = handle.and_then(|handle| {
        let number = core::mem::take(handle).as_u64()?;
        opened.get(&Handle::try_from(number).ok()?).copied()
    });
    format!("{opening:?} {effect}")
}
