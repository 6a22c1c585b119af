//! The file and the working directory of a command: resolved and judged.

use super::{
    file_error::FileError,
    judged::{both, judge_left},
    resolve::{Asked, FileSystem, Object, follow, join, resolve, text},
};
use crate::{
    effect::{Failure, Refusal},
    gate::{Checkpoint, Permit},
};
use alloc::vec::Vec;
use tollgate_abi::host::kinds;

/// The file of a command, judged by its real name. What is not granted is denied whether or not it
/// exists.
///
/// `in_path` looks a bare name up in `PATH`; `failed` is the error of a command that is not started.
pub(super) fn judged_command<F: FileSystem>(
    files: &F,
    asked: &str,
    working_directory: &str,
    in_path: impl FnOnce(&str) -> Result<Option<Vec<u8>>, F::Error>,
    failed: impl Fn(F::Error) -> Refusal,
    gate: &Checkpoint<'_>,
) -> Result<(Object<F::Handle>, Permit), Refusal> {
    let path = match asked.contains('/') {
        true => Ok(Some(join(working_directory.as_bytes(), asked.as_bytes()))),
        false => in_path(asked),
    };
    let follow = |path: Vec<u8>| follow(files, &path);
    match path.and_then(|path| path.map(follow).transpose()) {
        Ok(Some(resolved)) => {
            let permit = gate.command(&text(resolved.real()))?;
            Ok((resolved.into_object().map_err(failed)?, permit))
        }
        Ok(None) => {
            gate.command(asked)?;
            let message = format!("exec: {asked:?}: executable file not found in $PATH");
            Err(Failure::new(kinds::EXECUTION, "ENOENT", message).into())
        }
        Err(error) => {
            gate.command(asked)?;
            Err(failed(error))
        }
    }
}

/// The working directory of a command, which is judged after the command.
pub(super) fn judged_directory<F: FileSystem>(
    files: &F,
    asked: &str,
    gate: &Checkpoint<'_>,
) -> Result<Object<F::Handle>, Refusal> {
    let failed = |error: F::Error| {
        Refusal::from(Failure {
            kind: kinds::EXECUTION.into(),
            ..F::failure(&format!("chdir {asked}"), &error)
        })
    };
    let path = Asked::absolute(asked.as_bytes());
    let resolved = match resolve(files, &path, true) {
        Ok(found) => {
            let real = found.resolved.real();
            let left = judge_left(gate, &path, &found.left, real);
            both(left, || Ok(gate.directory(&text(real))?))?;
            found.resolved
        }
        Err(error) => {
            gate.directory(asked)?;
            return Err(failed(error));
        }
    };
    match resolved.into_object().map_err(failed)? {
        found if found.is_directory() => Ok(found),
        _ => Err(failed(FileError::NotADirectory.into())),
    }
}
