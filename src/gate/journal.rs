//! Who is told of each effect and its reply, in order: a recording. A replay is asked instead of
//! the world, and of the grants: what was refused then is refused again.

use crate::effect::{Effect, Reply};
use std::sync::{Arc, Mutex};

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
