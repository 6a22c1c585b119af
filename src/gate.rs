//! The checkpoint between plugins and the outside, and the only caller of a world: grants, then
//! the deadline, then the world. It knows nothing about wasm, and does nothing to the outside
//! itself.

use crate::{
    capability::{Capability, Wish},
    effect::{Answer, Denial, DenialReason, Effect, Failure, Handle, Need, Refusal, Reply},
    event::{Event, Observer},
    world::{Deadline, World},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tollgate_abi::host::kinds;

/// Fuel for each byte that crosses the boundary, beside what the guest burns to make it. A byte
/// is parsed, copied and often encoded; that work must not be free.
pub(crate) const FUEL_PER_BYTE: u64 = 1;

/// What a plugin may do, as decided when the runtime was built.
#[derive(Debug)]
pub(crate) struct Policy {
    /// What the operator wrote, and the real names behind it, pinned at that time.
    pub(crate) grants: Vec<Capability>,
    /// Where relative patterns begin.
    pub(crate) working_directory: String,
}

impl Policy {
    fn covers(&self, wish: &Wish) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.covers(wish, Some(&self.working_directory)))
    }
}

/// One instance's way to the outside.
pub(crate) struct Gate {
    plugin: Arc<str>,
    policy: Arc<Policy>,
    world: Box<dyn World>,
    deadline: Option<Deadline>,
    observer: Observer,
    opened: BTreeSet<Handle>,
}

impl Gate {
    pub(crate) fn new(
        plugin: Arc<str>,
        policy: Arc<Policy>,
        world: Box<dyn World>,
        deadline: Option<Deadline>,
        observer: Observer,
    ) -> Gate {
        Gate {
            plugin,
            policy,
            world,
            deadline,
            observer,
            opened: BTreeSet::new(),
        }
    }

    pub(crate) fn working_directory(&self) -> &str {
        &self.policy.working_directory
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Lets an effect happen, or says why not.
    pub(crate) fn pass(&mut self, effect: &Effect) -> Reply {
        let reply = self.judge_and_perform(effect);
        match (effect, &reply) {
            (_, Ok(Answer::Opened { handle, .. })) => {
                self.opened.insert(*handle);
            }
            (Effect::Close { handle }, Ok(_)) => {
                self.opened.remove(handle);
            }
            (_, Err(Refusal::Denied(denial))) => {
                self.observer
                    .tell(&self.plugin, &Event::Denied(denial.clone()));
            }
            _ => {}
        }
        reply
    }

    fn judge_and_perform(&mut self, effect: &Effect) -> Reply {
        if self.deadline.is_some_and(Deadline::passed) {
            return Err(timed_out().into());
        }
        if let Need::Opened(handle) = effect.need()
            && !self.opened.contains(&handle)
        {
            return Err(bad_handle().into());
        }
        if let Effect::Log(record) = effect {
            self.observer
                .tell(&self.plugin, &Event::Log(record.clone()));
            return Ok(Answer::Done);
        }
        let checkpoint = Checkpoint {
            plugin: &self.plugin,
            policy: &self.policy,
            effect,
            deadline: self.deadline,
        };
        self.world
            .perform(effect, &checkpoint)
            .map(|permitted| permitted.0)
    }
}

fn timed_out() -> Failure {
    Failure {
        kind: kinds::TIMEOUT,
        code: "ETIMEDOUT",
        message: "the deadline of the call has passed".into(),
    }
}

fn bad_handle() -> Failure {
    Failure {
        kind: kinds::FS,
        code: "EBADF",
        message: "no such open file".into(),
    }
}

/// What a world asks before it acts: it resolves a name to the object itself, has the object's
/// real name judged here, and then uses that same object.
pub struct Checkpoint<'a> {
    plugin: &'a str,
    policy: &'a Policy,
    effect: &'a Effect,
    deadline: Option<Deadline>,
}

/// Proof that the gate agreed. A world can answer only with one in hand.
#[derive(Debug)]
#[must_use]
pub struct Permit(());

/// An answer that came with a [`Permit`].
#[derive(Debug)]
pub struct Permitted(Answer);

impl Permit {
    /// The answer that this permit was for.
    pub fn answer(self, answer: Answer) -> Permitted {
        Permitted(answer)
    }
}

impl Checkpoint<'_> {
    /// Asks whether what the effect's path really leads to may be used: `real` is absolute, and
    /// no component of it is a symbolic link.
    ///
    /// # Errors
    ///
    /// The denial, if no grant covers it.
    pub fn real_name(&self, real: &str) -> Result<Permit, Denial> {
        let wish: fn(String) -> Wish = match self.effect.need() {
            Need::ReadName => Wish::Read,
            Need::Opened(_) | Need::Nothing => return Ok(Permit(())),
        };
        if self.policy.covers(&wish(real.to_owned())) {
            return Ok(Permit(()));
        }
        // The message speaks of the name the guest used: where it leads is not the guest's to know.
        let asked = wish(self.effect.path().unwrap_or(real).to_owned());
        let reason = if self.policy.grants.is_empty() {
            DenialReason::NoGrants
        } else if self.policy.covers(&asked) {
            DenialReason::LeadsOutside
        } else {
            DenialReason::NotCovered
        };
        Err(Denial {
            plugin: self.plugin.to_owned(),
            needs: asked.needed().to_string(),
            wish: asked.to_string(),
            reason,
        })
    }

    /// The permit for an effect on a file that is open already: the gate has looked.
    ///
    /// # Errors
    ///
    /// If the effect names something, which must go through [`real_name`](Self::real_name).
    pub fn opened(&self) -> Result<Permit, Failure> {
        match self.effect.need() {
            Need::Opened(_) | Need::Nothing => Ok(Permit(())),
            Need::ReadName => Err(Failure {
                kind: kinds::INTERNAL,
                code: "",
                message: "this world did not ask for the name it used".into(),
            }),
        }
    }

    /// The time left for the effect, if there is a limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(Deadline::remaining)
    }
}
