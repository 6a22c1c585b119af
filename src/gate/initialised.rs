//! What is left at the gate when a plugin has been initialised, and is there again for each call
//! of an instance that was not initialised itself.

use super::{Checkpoint, Gate, Permitted};
use crate::{
    effect::{Effect, Failure, Refusal},
    limits::Interrupt,
    world::World,
};
use tollgate_abi::host::kinds;

/// What initialisation leaves behind. Effects that it had happened once, and are not repeated.
pub(crate) struct Initialised {
    /// Where the world stood, if it can go on from there more than once.
    world: Option<Box<dyn World>>,
}

impl Initialised {
    /// The world of the next call, if it is not simply a new one.
    pub(crate) fn world(&self) -> Option<Box<dyn World>> {
        self.world.as_ref()?.fork()
    }
}

impl Gate {
    /// What initialisation left behind; `None` if files are open.
    pub(crate) fn initialised(&self) -> Option<Initialised> {
        let world = self.opened.is_empty().then(|| self.world.fork())?;
        Some(Initialised { world })
    }

    /// Lets nothing pass any more, and closes what is open.
    pub(crate) fn close(&mut self) {
        self.world = Box::new(Nowhere);
        self.opened.clear();
        self.withheld.clear();
        self.journal = None;
    }

    /// Another call begins in the same instance, which something else may interrupt.
    pub(crate) fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}

/// The world of an instance that is not being called.
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
