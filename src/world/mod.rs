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

pub use crate::gate::World;
