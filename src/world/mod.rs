//! Where effects happen. A world does, or pretends to do, what passed the gate; it knows nothing
//! about plugins, wasm or grants, except that it asks the gate about the real name of what it
//! found before it uses it.

mod deterministic_init;
mod file_error;
pub(crate) mod handles;
mod reach;
mod simulated;
mod system;

pub(crate) use deterministic_init::DeterministicInit;
pub use simulated::{Simulated, SimulatedError};
pub use system::System;

use crate::{
    effect::{Effect, Refusal},
    gate::{Checkpoint, Permitted},
};

/// Something that can make effects happen. Each instance of a plugin gets its own.
pub trait World: Send + Sync {
    /// Makes one effect happen, asking the gate about names on the way.
    ///
    /// # Errors
    ///
    /// The gate's denial, or why the world could not do it.
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal>;

    /// Another world that goes on from where this one stands, with no file open, and independently
    /// of it. It is asked when a plugin is initialised, and then for each call that follows: a
    /// world with a clock or a seed of its own answers, so that a call sees what it would have
    /// seen had it been initialised itself. The default is `None`, which gives each call a world
    /// of its own made anew.
    fn fork(&self) -> Option<Box<dyn World>> {
        None
    }

    /// The real name of a path in this world: absolute, with no symbolic link in it. Used once,
    /// when a runtime is built, to pin what its grants name. `None` if there is no such path.
    fn real_name(&self, path: &str) -> Option<String>;

    /// Where relative paths and patterns begin; absolute.
    fn working_directory(&self) -> String;
}
