//! Resolving the paths of an effect and having the gate judge their real names. A name is judged
//! before the caller learns whether something has it, so a plugin learns only what its grants cover.

use super::resolve::{Entry, FileSystem, Object, Resolved, entry, resolve, text};
use crate::{
    effect::Refusal,
    gate::{Checkpoint, Permit, RealName},
};

/// Asks the gate for these real names, one for each path of the effect, and whether each is a
/// directory.
pub(super) fn judge(gate: &Checkpoint<'_>, real: &[(&[u8], bool)]) -> Result<Permit, Refusal> {
    let texts: Vec<_> = real.iter().map(|(path, _)| text(path)).collect();
    let names: Vec<_> = texts
        .iter()
        .zip(real)
        .map(|(path, (_, directory))| RealName {
            path,
            directory: *directory,
        })
        .collect();
    Ok(gate.real_names(&names)?)
}

/// What the path of an effect leads to, judged.
pub(super) fn judged<F: FileSystem>(
    files: &F,
    path: &str,
    follow: bool,
    gate: &Checkpoint<'_>,
) -> Result<(Resolved<F>, Permit), Refusal> {
    let resolved = resolve(files, path.as_bytes(), follow);
    let resolved = resolved.map_err(|error| F::failure(path, &error))?;
    let permit = judge(gate, &[(resolved.real(), resolved.is_directory())])?;
    Ok((resolved, permit))
}

/// The object that the path of an effect leads to, judged.
pub(super) fn judged_object<F: FileSystem>(
    files: &F,
    path: &str,
    follow: bool,
    gate: &Checkpoint<'_>,
) -> Result<(Object<F::Handle>, Permit), Refusal> {
    let (resolved, permit) = judged(files, path, follow, gate)?;
    let object = resolved.into_object();
    Ok((object.map_err(|error| F::failure(path, &error))?, permit))
}

/// The name that an effect creates, removes or replaces, judged.
pub(super) fn judged_entry<F: FileSystem>(
    files: &F,
    path: &str,
    gate: &Checkpoint<'_>,
) -> Result<(Entry<F::Handle>, Permit), Refusal> {
    let entry = entry(files, path.as_bytes());
    let permit = judge(
        gate,
        &[(&entry_name(files, entry.as_ref().ok(), path)?, false)],
    )?;
    Ok((entry.map_err(|error| F::failure(path, &error))?, permit))
}

/// The real name of an entry. Without one, because the directory does not exist, the name that it
/// would have.
pub(super) fn entry_name<F: FileSystem>(
    files: &F,
    entry: Option<&Entry<F::Handle>>,
    path: &str,
) -> Result<Vec<u8>, Refusal> {
    if let Some(entry) = entry {
        return Ok(entry.real.clone());
    }
    let resolved = resolve(files, path.as_bytes(), false);
    let resolved = resolved.map_err(|error| F::failure(path, &error))?;
    Ok(resolved.real().to_vec())
}
