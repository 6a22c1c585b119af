//! Simulated commands: resolved and judged like real ones, and answered by scripted answers.

use super::{
    Simulated,
    network::beginning,
    tree::{Content, Node},
};
use crate::{
    effect::{Answer, CommandOutput, Effect, Failure, Refusal},
    gate::{Checkpoint, Permitted},
    world::{
        commands::{judged_command, judged_directory},
        file_error::FileError,
        resolve::{FileSystem as _, join, text},
    },
};
use alloc::vec::Vec;
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
        let failed = |error: FileError| {
            Refusal::from(Failure {
                kind: kinds::EXECUTION.into(),
                ..error.failure(&format!("fork/exec {command}"))
            })
        };
        let in_path = |name: &str| Ok(self.in_path(name));
        let working_directory = &self.working_directory;
        let (file, permit) = judged_command(
            &self.tree,
            command,
            working_directory,
            in_path,
            failed,
            gate,
        )?;
        if !is_program(self.tree.node(file.handle).map_err(failed)?) {
            return Err(failed(FileError::NotPermitted));
        }
        if let Some(directory) = directory {
            judged_directory(&self.tree, directory, gate)?;
        }
        if timeout.is_zero() {
            let message = format!("{command}: the time was up before it was started");
            return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", message).into());
        }
        let Some(rule) = self.script.find(effect, Some(&text(&file.real))) else {
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
}

/// Whether it is a regular file that somebody may execute.
fn is_program(node: &Node) -> bool {
    matches!(node.content, Content::File(_)) && node.mode & 0o111 != 0
}
