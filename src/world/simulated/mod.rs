//! A simulated world in memory, the same every time: files, variables, clocks, random numbers, and
//! scripted answers for commands and the network. Nothing here touches the operating system.

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
    World, granted_variables,
    links::MOST_MOVED,
    resolve::{FileSystem as _, join, text},
};
use crate::{
    effect::{Answer, Effect, Failure, Handle, Refusal},
    gate::{Checkpoint, Permitted},
};
use alloc::{
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use clock::{Generator, Time};
use core::net::IpAddr;
pub use json::SimulatedError;
use script::Script;
use tollgate_abi::host::kinds;
pub use tree::Special;
use tree::{Inode, Tree};

/// A simulated world, the same in every run and on every machine.
///
/// * **Files, directories, symbolic and hard links** with the rules and errors of Linux, as
///   [`System`](super::System) has them. Reading does not change the time of the last access. Inode
///   numbers count up in the order in which files are created.
/// * **Variables** of the world only, not of the process.
/// * **Clocks** that advance by a fixed step at each reading, by the length of each sleep (which
///   takes no real time), and by the durations that answers state.
/// * **Random numbers** by SplitMix64 from a seed.
/// * **The network and commands** by configured addresses and scripted answers. A host name without
///   addresses does not exist, and an address without an answer refuses the connection. The gate
///   judges names, addresses and commands as in the real world.
///
/// A world is built with the methods below, or read by [`from_json`](Simulated::from_json). Clones
/// share their content until one of them changes, so each call can have a clone:
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
/// What a plugin writes is discarded after the call; the next call begins with the original world.
#[derive(Clone, Debug)]
pub struct Simulated {
    working_directory: Arc<str>,
    variables: Arc<BTreeMap<String, String>>,
    hosts: Arc<BTreeMap<String, Vec<IpAddr>>>,
    script: Script,
    clock: Time,
    random: Generator,
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
            // The gate must judge the names first, also if the scripted answer replaces the effect.
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
            Effect::Variables => granted_variables(&self.variables, gate),
            Effect::Now { clock } => Answer::Time(self.clock.read(*clock)),
            Effect::Sleep { duration } => {
                self.clock.pass(*duration);
                Answer::Done
            }
            Effect::Random { length } => Answer::Bytes(self.random.bytes(*length)),
            _ => {
                let message = "internal error: the simulated world does not perform this effect";
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
