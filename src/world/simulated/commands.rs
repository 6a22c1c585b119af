//! Simulated commands: resolved and judged like real ones, and answered by scripted answers.

use super::{
    Simulated,
    network::beginning,
    tree::{Content, Node},
};
use crate::{
    effect::{Answer, CommandOutput, Effect, Failure, Refusal},
    gate::{Checkpoint, Permit, Permitted},
    world::{
        file_error::FileError,
        resolve::{FileSystem as _, join, resolve, text},
    },
};
use tollgate_abi::host::kinds;

/// The most directories of `PATH` in which a bare name is looked up.
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
            let message = "internal error: this effect runs no command";
            return Err(Failure::new(kinds::INTERNAL, "", message).into());
        };
        let (real, permit) = self.find_command(command, gate)?;
        if let Some(directory) = directory {
            self.check_directory(directory, gate)?;
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
        let answer = match &*self.script.take(rule) {
            Ok(Answer::Ran(output)) => {
                self.clock.pass(output.duration);
                let (stdout, stdout_cut) = beginning(&output.stdout, *output_limit);
                let (stderr, stderr_cut) = beginning(&output.stderr, *output_limit);
                Answer::Ran(CommandOutput {
                    exit_code: output.exit_code,
                    stdout,
                    stderr,
                    stdout_truncated: output.stdout_truncated || stdout_cut,
                    stderr_truncated: output.stderr_truncated || stderr_cut,
                    timed_out: output.timed_out,
                    duration: output.duration,
                })
            }
            Ok(other) => other.clone(),
            Err(failure) => return Err(failure.clone().into()),
        };
        Ok(permit.answer(answer))
    }

    /// The real name of a command's file. What is not granted is denied whether or not it exists.
    fn find_command(
        &self,
        asked: &str,
        gate: &Checkpoint<'_>,
    ) -> Result<(String, Permit), Refusal> {
        let failed = |error: FileError| failed(&format!("fork/exec {asked}"), error);
        let path = if asked.contains('/') {
            Some(join(self.working_directory.as_bytes(), asked.as_bytes()))
        } else {
            self.in_path(asked)
        };
        let Some(path) = path else {
            gate.command(asked)?;
            let message = format!("exec: {asked:?}: executable file not found in $PATH");
            return Err(Failure::new(kinds::EXECUTION, "ENOENT", message).into());
        };
        let resolved = resolve(&self.tree, &path, true).map_err(failed)?;
        let permit = gate.command(&text(resolved.real()))?;
        let found = resolved.into_object().map_err(failed)?;
        if !is_program(self.tree.node(found.handle).map_err(failed)?) {
            return Err(failed(FileError::NotPermitted));
        }
        Ok((text(&found.real).into_owned(), permit))
    }
    /// Looks a bare name up in the variable `PATH`. Entries that are not absolute are ignored.
    fn in_path(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.variables.get("PATH")?;
        path.split(':')
            .take(MOST_DIRECTORIES)
            .filter(|directory| directory.starts_with('/'))
            .map(|directory| join(directory.as_bytes(), name.as_bytes()))
            .find(|path| {
                let found = self.tree.find(path, true);
                let node = found.and_then(|found| self.tree.node(found.handle));
                node.is_ok_and(is_program)
            })
    }

    /// Checks the working directory of a command, which must be granted for reading.
    fn check_directory(&self, asked: &str, gate: &Checkpoint<'_>) -> Result<(), Refusal> {
        let failed = |error: FileError| failed(&format!("chdir {asked}"), error);
        let resolved = resolve(&self.tree, asked.as_bytes(), true).map_err(failed)?;
        gate.directory(&text(resolved.real()))?;
        match resolved.into_object().map_err(failed)?.is_directory() {
            true => Ok(()),
            false => Err(failed(FileError::NotADirectory)),
        }
    }
}

fn failed(what: &str, error: FileError) -> Refusal {
    Refusal::from(Failure {
        kind: kinds::EXECUTION.into(),
        ..error.failure(what)
    })
}

/// Whether it is a regular file that somebody may execute.
fn is_program(node: &Node) -> bool {
    matches!(node.content, Content::File(_)) && node.mode & 0o111 != 0
}
