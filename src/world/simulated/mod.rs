//! A world in memory, the same every time: files, variables, clocks, chance, and answers written
//! beforehand for what is far away. Nothing here touches the operating system.

mod blocks;
mod build;
mod changes;
mod clock;
mod commands;
mod files;
mod json;
mod names;
mod network;
mod opened;
mod script;
mod shapes;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod tree;

use super::{
    World,
    links::MOST_MOVED,
    resolve::{FileSystem as _, join, text},
};
use crate::{
    effect::{Answer, Effect, Failure, Handle, Refusal},
    gate::{Checkpoint, Permitted},
};
use clock::{Chance, Time};
pub use json::SimulatedError;
use script::Script;
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};
use tollgate_abi::host::kinds;
use tree::{Inode, Tree};

/// A made-up world, the same in every run and on every machine.
///
/// * **Files, directories, symbolic and hard links**, with the rules and errors of Linux: what is
///   judged, answered and refused is what [`System`](super::System) would with such files on its
///   disk. Reading leaves the time of the last access as it is. New files are numbered in the order
///   in which they are made.
/// * **Variables**; only those of the world, none of the process.
/// * **Clocks** that stand still but for a fixed step at each reading, the length of each sleep
///   (which nobody waits for), and the time that answers say they took.
/// * **Random numbers** by SplitMix64 from a seed.
/// * **The network and commands** as far as addresses and answers are written for them. A name
///   without addresses does not exist, and who has no answer refuses the connection. The gate
///   judges names, addresses and commands as in the real world.
///
/// A world is built with the methods below, or read by [`from_json`](Simulated::from_json). Clones
/// share what they have in common until one of them changes, so that each call can have one:
///
/// ```
/// use std::net::IpAddr;
/// use tollgate::{Runtime, effect::CommandOutput, world::Simulated};
///
/// let address: IpAddr = "93.184.215.14".parse()?;
/// let uname = CommandOutput { stdout: b"6.1.0\n".to_vec(), ..CommandOutput::default() };
/// let world = Simulated::new()
///     .file("/etc/hosts", "127.0.0.1 localhost\n")
///     .variable("PATH", "/usr/bin")
///     .host("example.com", [address])
///     .http("https://example.com/", 200, "hello")?
///     .command("/usr/bin/uname", &["-r"], uname);
/// let runtime = Runtime::builder().world(move || world.clone()).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What a plugin writes is gone when its call is over: the next begins with the world as it was.
#[derive(Clone, Debug)]
pub struct Simulated {
    working_directory: Arc<str>,
    variables: Arc<BTreeMap<String, String>>,
    hosts: Arc<BTreeMap<String, Vec<IpAddr>>>,
    script: Script,
    clock: Time,
    chance: Chance,
    tree: Tree,
    opened: BTreeMap<Handle, Inode>,
    /// How many more names may be searched for links in moved directories.
    moves_left: u32,
}

impl World for Simulated {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        match effect {
            Effect::Exchange { .. }
            | Effect::Tls { .. }
            | Effect::Http { .. }
            | Effect::Lookup { .. }
            | Effect::Greet { .. } => return self.perform_on_network(effect, gate),
            Effect::Run { .. } => return self.run(effect, gate),
            _ => {}
        }
        if let Some(rule) = self.script.find(effect, None) {
            // Whatever is written here, first comes what the gate says.
            let mut rehearsal = self.clone();
            rehearsal.tree.frozen = true;
            let rehearsed = rehearsal.perform_on_names(effect, gate);
            self.moves_left = rehearsal.moves_left;
            if let Some(Err(Refusal::Denied(denial))) = rehearsed {
                return Err(denial.into());
            }
            let answer = self.script.take(rule).as_ref().clone()?;
            return Ok(gate.granted()?.answer(answer));
        }
        if let Some(reply) = self.perform_on_names(effect, gate) {
            return reply;
        }
        if let Some(answer) = self.perform_on_open(effect) {
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
            _ => {
                let message = "the simulated world has nothing to do with this effect";
                return Err(Failure::new(kinds::INTERNAL, "", message).into());
            }
        };
        Ok(gate.granted()?.answer(answer))
    }

    fn fork(&self) -> Option<Box<dyn World>> {
        Some(Box::new(Simulated {
            opened: BTreeMap::new(),
            moves_left: MOST_MOVED,
            ..self.clone()
        }))
    }

    fn real_name(&self, path: &str) -> Option<String> {
        let path = join(self.working_directory.as_bytes(), path.as_bytes());
        let found = self.tree.find(&path, true).ok()?;
        Some(text(&found.real).into_owned())
    }

    fn working_directory(&self) -> String {
        self.working_directory.to_string()
    }
}
