//! A world in memory, the same every time: files, variables, clocks, chance, and answers written
//! beforehand for what is far away. Nothing here touches the operating system.

mod build;
mod changes;
mod clock;
mod files;
mod names;
mod opened;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod tree;

use super::World;
use crate::{
    effect::{Answer, Effect, Failure, Handle, Refusal},
    gate::{Checkpoint, Permitted},
};
use clock::{Chance, Time};
use std::{collections::BTreeMap, sync::Arc};
use tollgate_abi::host::kinds;
use tree::{Inode, Tree};

/// A made-up world.
#[derive(Clone, Debug)]
pub struct Simulated {
    working_directory: Arc<str>,
    variables: Arc<BTreeMap<String, String>>,
    clock: Time,
    chance: Chance,
    tree: Tree,
    opened: BTreeMap<Handle, Inode>,
}

impl World for Simulated {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        if let Some(reply) = self.at_names(effect, gate) {
            return reply;
        }
        if let Some(answer) = self.at_open(effect) {
            return Ok(gate.granted()?.answer(answer?));
        }
        let answer = match effect {
            Effect::Variable { name } => Answer::Variable(self.variables.get(name).cloned()),
            Effect::Variables => {
                let granted = self
                    .variables
                    .iter()
                    .filter(|(name, _)| gate.may_tell(name));
                Answer::Variables(granted.map(|(n, v)| (n.clone(), v.clone())).collect())
            }
            Effect::Now { clock } => Answer::Time(self.clock.read(*clock)),
            Effect::Sleep { duration } => {
                self.clock.pass(*duration);
                Answer::Done
            }
            Effect::Random { length } => Answer::Bytes(self.chance.bytes(*length)),
            Effect::Custom { .. } => return Ok(gate.embedder()?),
            _ => {
                let message = "the simulated world has nothing to do with this effect";
                return Err(Failure::new(kinds::INTERNAL, "", message).into());
            }
        };
        Ok(gate.granted()?.answer(answer))
    }

    fn real_name(&self, path: &str) -> Option<String> {
        let path = names::join(&self.working_directory, path);
        let found = names::find(&self.tree, &path, true).ok()?;
        Some(found.real)
    }

    fn working_directory(&self) -> String {
        self.working_directory.to_string()
    }
}
