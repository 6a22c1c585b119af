//! What performs the effects that pass the gate.

use super::{Checkpoint, Permitted};
use crate::effect::{Effect, Refusal};

/// Performs effects. Each instance of a plugin gets a world of its own.
pub trait World: Send + Sync {
    /// Performs one effect, and checks the names that it resolves with the gate.
    ///
    /// # Errors
    ///
    /// The gate's denial, or why the world could not do it.
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal>;

    /// An independent copy of this world in its present state, without open files. It is taken after
    /// a plugin is initialised, and from that copy for each call: a world with a clock or a seed of
    /// its own returns one, so that a call sees what it would see after an initialisation of its own.
    /// The default is `None`: each call gets a new world.
    fn fork(&self) -> Option<Box<dyn World>> {
        None
    }

    /// The real name of a path in this world: absolute, with no symbolic link in it; `None` if there
    /// is no such path. Called when a runtime is built, to pin the files that its grants name.
    fn real_name(&self, path: &str) -> Option<String>;

    /// Where relative paths and patterns begin; absolute.
    fn working_directory(&self) -> String;
}
