//! Simulated commands: found and judged as real ones are, and answered as written beforehand.

use super::{
    Simulated,
    names::{self, Look},
    network::cut,
    tree::{Content, Node},
};
use crate::{
    effect::{Answer, Effect, Failure, Refusal},
    gate::{Checkpoint, Permit, Permitted},
    world::file_error::FileError,
};
use tollgate_abi::host::kinds;

/// A bare name is looked up in so many directories; no system has more in its `PATH`.
const MOST_DIRECTORIES: usize = 256;

impl Simulated {
    /// Runs a command, which must be an executable file.
    pub(super) fn run(
        &mut self,
        effect: &Effect,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let Effect::Run {
            command,
            directory,
            timeout,
            output_limit,
            ..
        } = effect
        else {
            return Err(Failure::new(kinds::INTERNAL, "", "this is no command").into());
        };
        let (real, permit) = self.find_command(command, gate)?;
        if let Some(directory) = directory {
            self.find_directory(directory, gate)?;
        }
        if timeout.is_zero() {
            let message = format!("{command}: the time was up before it was started");
            return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", message).into());
        }
        let Some(rule) = self.script.find(effect, Some(&real)) else {
            let message = format!(
                "fork/exec {command}: the simulated world has no answer for it with these arguments"
            );
            return Err(Failure::new(kinds::EXECUTION, "ENOEXEC", message).into());
        };
        let mut answer = self.script.give(rule)?;
        if let Answer::Ran(ran) = &mut answer {
            ran.stdout_truncated |= cut(&mut ran.stdout, *output_limit);
            ran.stderr_truncated |= cut(&mut ran.stderr, *output_limit);
            self.clock.pass(ran.duration);
        }
        Ok(permit.answer(answer))
    }

    /// The file that a command is, by its real name. What is not granted is denied whether or not
    /// it exists.
    fn find_command(
        &self,
        asked: &str,
        gate: &Checkpoint<'_>,
    ) -> Result<(String, Permit), Refusal> {
        let not_started = |error: FileError| {
            Refusal::from(Failure {
                kind: kinds::EXECUTION.into(),
                ..error.failure(&format!("fork/exec {asked}"))
            })
        };
        let path = if asked.contains('/') {
            names::join(&self.working_directory, asked)
        } else if let Some(path) = self.in_path(asked) {
            path
        } else {
            gate.command(asked)?;
            let message = format!("exec: {asked:?}: executable file not found in $PATH");
            return Err(Failure::new(kinds::EXECUTION, "ENOENT", message).into());
        };
        match names::look(&self.tree, &path, true) {
            Look::Found(found) => {
                let permit = gate.command(&found.real)?;
                let node = self.tree.node(found.inode).map_err(not_started)?;
                if !is_program(node) {
                    return Err(not_started(FileError::NotPermitted));
                }
                Ok((found.real, permit))
            }
            Look::Vacant(entry) => {
                gate.command(&entry.real)?;
                Err(not_started(FileError::Missing))
            }
            Look::Nowhere(place, error) => {
                gate.command(&place)?;
                Err(not_started(error))
            }
        }
    }

    /// Looks a bare name up in the variable `PATH`. Entries that are not absolute mean nothing.
    fn in_path(&self, name: &str) -> Option<String> {
        let path = self.variables.get("PATH")?;
        path.split(':')
            .take(MOST_DIRECTORIES)
            .filter(|directory| directory.starts_with('/'))
            .map(|directory| names::join(directory, name))
            .find(|path| {
                let found = names::find(&self.tree, path, true);
                let node = found.and_then(|found| self.tree.node(found.inode));
                node.is_ok_and(is_program)
            })
    }

    /// The working directory, which must be granted for reading.
    fn find_directory(&self, asked: &str, gate: &Checkpoint<'_>) -> Result<(), Refusal> {
        let error = match names::look(&self.tree, asked, true) {
            Look::Found(found) => {
                gate.directory(&found.real)?;
                if self.tree.node(found.inode).is_ok_and(Node::is_directory) {
                    return Ok(());
                }
                FileError::NotADirectory
            }
            Look::Vacant(entry) => {
                gate.directory(&entry.real)?;
                FileError::Missing
            }
            Look::Nowhere(place, error) => {
                gate.directory(&place)?;
                error
            }
        };
        Err(Refusal::from(Failure {
            kind: kinds::EXECUTION.into(),
            ..error.failure(&format!("chdir {asked}"))
        }))
    }
}

/// A regular file that somebody may execute.
fn is_program(node: &Node) -> bool {
    matches!(node.content, Content::File(_)) && node.mode & 0o111 != 0
}
