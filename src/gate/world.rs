//! What performs the effects that pass the gate.

use super::{Checkpoint, Permitted};
use crate::effect::{Effect, Failure, Refusal};
use alloc::{borrow::ToOwned, boxed::Box, string::String};
use tollgate_abi::host::kinds;

/// Performs effects. Each instance of a plugin has its own world.
pub trait World: Send + Sync {
    /// Performs one effect after the gate has judged the real names and addresses that it uses.
    ///
    /// # Errors
    ///
    /// The gate's denial, or why the effect failed.
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal>;

    /// An independent copy of this world in its present state, without its open files.
    ///
    /// It is called once after a plugin is initialised, and on that copy for each call. A world with
    /// a clock or a seed of its own returns a copy, so that a call sees what it would see if it
    /// initialised the plugin itself. With `None`, the default, each call gets a new world.
    fn fork(&self) -> Option<Box<dyn World>> {
        None
    }

    /// The real name of a path: absolute and without symbolic links; `None` if it does not exist. It
    /// is used once, when a runtime is built, for the paths in grants.
    fn real_name(&self, path: &str) -> Option<String>;

    /// The absolute path where relative paths and patterns begin.
    fn working_directory(&self) -> String;
}

/// A world that fails every effect with this message: nothing may reach a world where it stands.
pub(crate) struct Nowhere(pub(crate) &'static str);

impl World for Nowhere {
    fn perform(&mut self, _: &Effect, _: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        Err(Failure::new(kinds::INTERNAL, "", self.0).into())
    }

    fn real_name(&self, _: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/".to_owned()
    }
}
