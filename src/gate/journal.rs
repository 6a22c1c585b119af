//! The order of effects and their replies. A recording notes each; a replay answers each, in place
//! of the grants and the world: what was refused is refused again.

use crate::{
    effect::{Answer, Effect, Failure, Refusal, Reply},
    sync::{Mutex, lock},
};
use alloc::{sync::Arc, vec::Vec};
use serde::Serialize;
use tollgate_abi::host::kinds;

/// When an effect happened: during which of an instance's calls, and how much fuel that call had
/// burnt when the guest called the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) phase: Phase,
    pub(crate) fuel: u64,
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// The start function and `_initialize`, which leave the state that a call begins with.
    #[default]
    Initialize,
    /// A call.
    Call,
}

/// A recording or a replay of the effects of an instance.
pub(crate) trait Journal: Send {
    /// The recorded reply to an effect; `None` lets it happen in the world.
    fn answer(&mut self, effect: &Effect, at: At) -> Option<Reply>;

    /// Notes the reply to an effect that happened in the world.
    fn note(&mut self, effect: &Effect, reply: &Reply, at: At);

    /// Whether the guest must be stopped.
    fn is_over(&self) -> bool;

    /// From where the guest calls the host next: the offsets of its calls, the innermost first. Only guests with
    /// instruments for that say so.
    fn called_from(&mut self, running: Vec<u32>);
}

/// A journal that an instance writes and its owner reads.
pub(crate) type SharedJournal = Arc<Mutex<dyn Journal>>;

/// The effects of a run that may be repeated: of an initialisation, for recordings of calls that begin in its
/// state, or of a call, to look into it once more.
#[derive(Default)]
pub(crate) struct NotedEffects {
    entries: Vec<(Effect, Reply, At)>,
    size: usize,
}

/// The most bytes that are kept. A recording repeats an initialisation of more.
const MOST_NOTED: usize = 4 << 20;

impl NotedEffects {
    /// All of it, in order; `None` if it was too much.
    pub(crate) fn entries(&self) -> Option<&[(Effect, Reply, At)]> {
        (self.size <= MOST_NOTED).then_some(&self.entries)
    }
}

impl Journal for NotedEffects {
    fn answer(&mut self, _: &Effect, _: At) -> Option<Reply> {
        None
    }

    fn note(&mut self, effect: &Effect, reply: &Reply, at: At) {
        if self.size > MOST_NOTED {
            return;
        }
        self.size = self.size.saturating_add(size(effect, reply));
        if self.size <= MOST_NOTED {
            self.entries.push((effect.clone(), reply.clone(), at));
        } else {
            self.entries = Vec::new();
        }
    }

    fn is_over(&self) -> bool {
        false
    }

    fn called_from(&mut self, _: Vec<u32>) {}
}

/// Notes the effects of a run that may be looked into once more, beside the journal that it has.
pub(crate) struct Noting {
    journal: Option<SharedJournal>,
    noted: NotedEffects,
}

impl Noting {
    pub(crate) fn new(journal: Option<SharedJournal>) -> Noting {
        Noting {
            journal,
            noted: NotedEffects::default(),
        }
    }

    /// Has the same effects answered in the same way; `None` if they were too many.
    pub(crate) fn repeat(&mut self) -> Option<Repeat> {
        self.noted.entries()?;
        let noted = core::mem::take(&mut self.noted);
        Some(Repeat {
            left: noted.entries.into_iter(),
            is_over: false,
        })
    }
}

impl Journal for Noting {
    fn answer(&mut self, effect: &Effect, at: At) -> Option<Reply> {
        let journal = self.journal.clone()?;
        let mut journal = lock(&journal);
        let reply = journal.answer(effect, at)?;
        // What is over ends at this effect, also when it is repeated.
        if !journal.is_over() {
            self.noted.note(effect, &reply, at);
        }
        Some(reply)
    }

    fn note(&mut self, effect: &Effect, reply: &Reply, at: At) {
        if let Some(journal) = &self.journal {
            lock(journal).note(effect, reply, at);
        }
        self.noted.note(effect, reply, at);
    }

    fn is_over(&self) -> bool {
        self.journal
            .as_ref()
            .is_some_and(|journal| lock(journal).is_over())
    }

    fn called_from(&mut self, running: Vec<u32>) {
        if let Some(journal) = &self.journal {
            lock(journal).called_from(running);
        }
    }
}

/// Answers the effects of a run as they were answered before, and ends with the last one.
pub(crate) struct Repeat {
    left: alloc::vec::IntoIter<(Effect, Reply, At)>,
    is_over: bool,
}

impl Journal for Repeat {
    fn answer(&mut self, effect: &Effect, _: At) -> Option<Reply> {
        let next = self.left.next().filter(|(noted, _, _)| noted == effect);
        Some(match next {
            Some((_, reply, _)) => reply,
            None => {
                self.is_over = true;
                // The guest is stopped before it reads this.
                Err(Failure::new(kinds::INTERNAL, "", "the run has ended").into())
            }
        })
    }

    fn note(&mut self, _: &Effect, _: &Reply, _: At) {}

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn called_from(&mut self, _: Vec<u32>) {}
}

/// At least as many bytes as an effect and its reply take in memory. They are written as JSON, so that
/// no field is missed.
fn size(effect: &Effect, reply: &Reply) -> usize {
    let carried = |all: Vec<&[u8]>| all.iter().map(|bytes| bytes.len()).sum::<usize>();
    let answered = reply.as_ref().map(Answer::bytes).unwrap_or_default();
    // Large ones are written as a digest, and not at all where they alone are too many.
    let bytes = carried(effect.bytes()).saturating_add(carried(answered));
    if bytes > MOST_NOTED {
        return bytes;
    }
    let written = match reply {
        Ok(answer) => json_bytes(answer),
        Err(Refusal::Denied(denial)) => json_bytes(denial),
        Err(Refusal::Failed(failure)) => json_bytes(failure),
    };
    let is_tree = matches!(effect, Effect::Custom { .. });
    let weight = if is_tree { TREE_BYTES } else { LIST_BYTES };
    let texts = json_bytes(effect).saturating_add(written);
    let texts = texts.saturating_mul(weight);
    ENTRY_BYTES.saturating_add(bytes).saturating_add(texts)
}

/// An entry without what it owns.
const ENTRY_BYTES: usize = 512;
/// An empty text in a list takes 24 bytes, and 3 as JSON.
const LIST_BYTES: usize = 8;
/// A number in a list of JSON values takes 32 bytes, and 2 as JSON; a short key far more.
const TREE_BYTES: usize = 32;

/// How many bytes this has as JSON.
fn json_bytes(value: &impl Serialize) -> usize {
    // What has no JSON cannot be recorded.
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Failure, LogLevel, LogRecord, LogSource};
    use serde_json::json;
    use tollgate_abi::host::LogAttr;

    /// Effects with more text than is kept, each in another place.
    fn heavy() -> Vec<Effect> {
        let text = "x".repeat(MOST_NOTED / 4);
        let record = LogRecord {
            level: LogLevel::Info,
            source: LogSource::Log,
            message: String::new(),
            attrs: vec![LogAttr {
                key: text.clone(),
                kind: String::new(),
                value: String::new(),
            }],
        };
        vec![
            Effect::RemoveFile { path: text.clone() },
            Effect::Rename {
                from: String::new(),
                to: text.clone(),
            },
            Effect::Variable { name: text.clone() },
            Effect::Run {
                command: String::new(),
                args: vec![text.clone()],
                directory: None,
                environment: Vec::new(),
                timeout: Default::default(),
                output_limit: 0,
            },
            Effect::Run {
                command: String::new(),
                args: vec![String::new(); MOST_NOTED / 64],
                directory: None,
                environment: Vec::new(),
                timeout: Default::default(),
                output_limit: 0,
            },
            Effect::Custom {
                kind: String::new(),
                function: String::new(),
                request: json!({ &text: 1 }),
            },
            Effect::Custom {
                kind: String::new(),
                function: String::new(),
                request: json!(vec![0; MOST_NOTED / 64]),
            },
            Effect::Log(record),
        ]
    }

    #[test]
    fn an_initialisation_is_kept_up_to_a_number_of_bytes_whatever_they_are() {
        for effect in heavy() {
            let mut noted = NotedEffects::default();
            for _ in 0..8 {
                noted.note(&effect, &Ok(Answer::Done), At::default());
            }
            assert!(
                noted.entries().is_none() && noted.entries.is_empty(),
                "{}",
                {
                    let mut text = format!("{effect:?}");
                    text.truncate(100);
                    text
                }
            );
        }
        let long = Failure::new("fs", "", "x".repeat(MOST_NOTED / 4));
        let mut noted = NotedEffects::default();
        for _ in 0..8 {
            let reply = Err(long.clone().into());
            noted.note(&Effect::Variables, &reply, At::default());
        }
        assert!(noted.entries().is_none());
    }

    #[test]
    fn an_ordinary_initialisation_is_kept_whole() {
        let mut noted = NotedEffects::default();
        for number in 0..500 {
            let name = format!("NAME_{number}");
            let reply = Ok(Answer::Variable(Some("value".to_owned())));
            noted.note(&Effect::Variable { name }, &reply, At::default());
        }
        assert_eq!(noted.entries().map(<[_]>::len), Some(500));
    }
}
