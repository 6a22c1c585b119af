//! Where effects happen. A world performs, or simulates, the effects that pass the gate. It depends on
//! no plugin, wasm or grants; before it uses what it found, it has the gate judge the real name.

#[cfg(all(test, feature = "system"))]
mod advice_tests;
mod commands;
mod deterministic_init;
mod file_error;
pub(crate) mod handles;
mod judged;
mod links;
mod reach;
mod resolve;
mod simulated;
#[cfg(feature = "system")]
mod system;

pub(crate) use deterministic_init::DeterministicInit;
pub use simulated::{Simulated, SimulatedError, Special};
#[cfg(feature = "system")]
pub use system::System;

pub use crate::gate::World;

use crate::{effect::Answer, gate::Checkpoint};
use alloc::{collections::BTreeMap, string::String};

/// The variables that a plugin may read, of all in the world.
fn granted_variables(all: &BTreeMap<String, String>, gate: &Checkpoint<'_>) -> Answer {
    let granted = all.iter().filter(|(name, _)| gate.may_tell(name));
    Answer::Variables(granted.map(|(n, v)| (n.clone(), v.clone())).collect())
}
