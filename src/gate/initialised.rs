//! The state of the gate after a plugin is initialised, which each call begins with.

use super::{Gate, World, world::Nowhere};
use crate::limits::Interrupt;
use alloc::boxed::Box;

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

    /// Lets nothing pass any more, and closes what is open.
    pub(crate) fn close(&mut self) {
        self.world = Box::new(Nowhere("nothing happens between two calls"));
        self.opened.clear();
        self.changeable.clear();
        self.journal = None;
    }

    /// Replaces what can interrupt the call, for another call in the same instance.
    pub(crate) fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }
}
