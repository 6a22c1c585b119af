//! The state of the gate after a plugin is initialised, which each call begins with.

use super::{Checkpoint, Gate, Permitted, World};
use crate::{
    effect::{Effect, Failure, Refusal},
    limits::{Deadline, Limits},
};
use tollgate_abi::host::kinds;

/// The state after initialisation, whose effects are not repeated.
pub(crate) struct Initialised {
    /// The world in that state, if it can be copied.
    world: Option<Box<dyn World>>,
}

impl Initialised {
    /// The world of the next call, if it is not simply a new one.
    pub(crate) fn world(&self) -> Option<Box<dyn World>> {
        self.world.as_ref()?.fork()
    }
}

impl Gate {
    /// The state after initialisation; `None` if files are open.
    pub(crate) fn initialised(&self) -> Option<Initialised> {
        let world = self.opened.is_empty().then(|| self.world.fork())?;
        Some(Initialised { world })
    }

    /// The same gate with the world in the state after initialisation.
    pub(crate) fn beginning_at(self, initialised: &Initialised) -> Gate {
        Gate {
            world: initialised.world().unwrap_or(self.world),
            ..self
        }
    }

    /// Lets nothing pass any more, and closes what is open.
    pub(crate) fn close(&mut self) {
        self.world = Box::new(Nowhere);
        self.opened.clear();
        self.withheld.clear();
        self.journal = None;
    }

    /// Restarts the deadline for another call in the same instance.
    pub(crate) fn restart_deadline(&mut self, limits: &Limits) {
        self.deadline = limits.deadline.map(Deadline::after);
    }
}

/// The world of an instance between two calls.
struct Nowhere;

impl World for Nowhere {
    fn perform(&mut self, _: &Effect, _: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let message = "nothing happens between two calls";
        Err(Failure::new(kinds::INTERNAL, "", message).into())
    }

    fn real_name(&self, _path: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/".into()
    }
}
