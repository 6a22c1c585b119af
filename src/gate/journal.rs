//! Who is told of each effect and its reply, in order: a recording. A replay is asked instead of
//! the world, and of the grants: what was refused then is refused again.

use crate::effect::{Answer, Effect, Refusal, Reply};
use serde::Serialize;
use std::{
    io,
    sync::{Arc, Mutex},
};

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

/// Something that keeps, or has kept, the effects of an instance.
pub(crate) trait Journal: Send {
    /// The reply to an effect, from whoever kept it; `None` lets it happen in the world.
    fn answer(&mut self, effect: &Effect, at: At) -> Option<Reply>;

    /// What came of an effect that happened in the world.
    fn note(&mut self, effect: &Effect, reply: &Reply, at: At);

    /// Whether there is no sense in going on: the guest is stopped then.
    fn is_over(&self) -> bool;
}

/// A journal that its maker keeps a hand on while an instance writes it.
pub(crate) type SharedJournal = Arc<Mutex<dyn Journal>>;

/// The effects of an initialisation, for the recordings of calls that begin with its state.
#[derive(Default)]
pub(crate) struct Noted {
    entries: Vec<(Effect, Reply, At)>,
    size: usize,
}

/// So much is kept of an initialisation that does much; a recording repeats it then.
const MOST_NOTED: usize = 1 << 20;

impl Noted {
    /// All of it, in order; `None` if it was too much.
    pub(crate) fn entries(&self) -> Option<&[(Effect, Reply, At)]> {
        (self.size <= MOST_NOTED).then_some(&self.entries)
    }
}

impl Journal for Noted {
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
}

/// About how many bytes an effect and its reply take.
fn size(effect: &Effect, reply: &Reply) -> usize {
    let asked = effect.bytes();
    let answered = reply.as_ref().map(Answer::bytes).unwrap_or_default();
    let bytes: usize = asked.iter().chain(&answered).map(|bytes| bytes.len()).sum();
    // Paths, arguments, requests, names of files: as long as their JSON.
    let texts = match reply {
        Ok(answer) => written(answer),
        Err(Refusal::Denied(denial)) => written(denial),
        Err(Refusal::Failed(failure)) => written(failure),
    };
    512 + bytes + written(effect) + texts
}

/// How many bytes of JSON something is.
fn written(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What has no JSON ends where it has none.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_initialisation_is_bounded_by_all_of_its_texts() {
        let mut noted = Noted::default();
        let path = "x".repeat(1 << 16);
        let effect = Effect::ReadLink { path: path.clone() };
        let reply = Ok(Answer::Target(path));
        for _ in 0..7 {
            noted.note(&effect, &reply, At::default());
        }
        assert_eq!(noted.entries().map(<[_]>::len), Some(7));
        noted.note(&effect, &reply, At::default());
        assert!(noted.entries().is_none() && noted.entries.capacity() == 0);
    }
}
