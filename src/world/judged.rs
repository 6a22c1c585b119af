//! Resolving the paths of an effect and having the gate judge their real names. A name is judged
//! before the caller learns whether something has it, so a plugin learns only what its grants cover.

use super::file_error::FileError;
use super::resolve::{
    Asked, Entry, FileSystem, Left, Object, Placed, Resolved, place, resolve, text,
};
use crate::{
    effect::Refusal,
    gate::{Checkpoint, Permit, RealName},
};
use alloc::vec::Vec;

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

/// Asks the gate for the directories that a path to `end` leaves by `..`, in the path's order: what the
/// answer is may depend on those before it only.
pub(super) fn judge_left(
    gate: &Checkpoint<'_>,
    asked: &Asked<'_>,
    left: &[Left],
    end: &[u8],
) -> Result<(), Refusal> {
    let mut judged = Ok(());
    for directory in left {
        let (real, end) = (text(&directory.real), text(end));
        judged = both(judged, || {
            Ok(gate.left_directory(&asked.shown_to(directory), &real, &end)?)
        });
    }
    judged
}

/// The judgements of two parts of one effect. If both are denials, the guest gets the first, and all that
/// the effect needs is reported to the operator.
pub(super) fn both<T>(
    first: Result<(), Refusal>,
    second: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    match (first, second) {
        (Ok(()), second) => second(),
        (Err(Refusal::Denied(denial)), second) => Err(match second() {
            Err(Refusal::Denied(other)) => denial.and(&other),
            _ => denial,
        }
        .into()),
        (Err(failure), _) => Err(failure),
    }
}

/// What is denied by its name, and would never be opened: the operator sees that no grant helps.
fn never_opened<F: FileSystem>(
    gate: &Checkpoint<'_>,
    resolved: &Resolved<F>,
    refusal: Refusal,
) -> Refusal {
    match (refusal, resolved) {
        (Refusal::Denied(denial), Resolved::Object(object)) => {
            let advice = gate.never_opened(object.kind, &text(&object.real));
            match advice {
                Some(advice) => denial.with_advice(advice).into(),
                None => denial.into(),
            }
        }
        (refusal, _) => refusal,
    }
}

/// What the path of an effect leads to, judged.
pub(super) fn judged<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
    follow: bool,
    gate: &Checkpoint<'_>,
) -> Result<(Resolved<F>, Permit), Refusal> {
    let found = resolve(files, asked, follow);
    let found = found.map_err(|error| F::failure(&asked.shown(), &error))?;
    let resolved = found.resolved;
    let left = judge_left(gate, asked, &found.left, resolved.real());
    let permit = both(left, || {
        let judged = judge(gate, &[(resolved.real(), resolved.is_directory())]);
        judged.map_err(|refusal| never_opened(gate, &resolved, refusal))
    })?;
    Ok((resolved, permit))
}

/// The object that the path of an effect leads to, judged.
pub(super) fn judged_object<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
    follow: bool,
    gate: &Checkpoint<'_>,
) -> Result<(Object<F::Handle>, Permit), Refusal> {
    let (resolved, permit) = judged(files, asked, follow, gate)?;
    let object = resolved.into_object();
    Ok((
        object.map_err(|error| F::failure(&asked.shown(), &error))?,
        permit,
    ))
}

/// The name that an effect creates, removes or replaces, judged.
pub(super) fn judged_entry<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
    gate: &Checkpoint<'_>,
) -> Result<(Entry<F::Handle>, Permit), Refusal> {
    let (placed, left) = placed(files, asked, gate)?;
    judge_placed(asked, placed, left, gate)
}

/// The name of a directory to be made, judged. That the root exists needs no grant.
pub(super) fn judged_new_directory<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
    gate: &Checkpoint<'_>,
) -> Result<(Entry<F::Handle>, Permit), Refusal> {
    let (placed, left) = placed(files, asked, gate)?;
    if matches!(&placed, Placed::Entry(entry) if entry.real == b"/") {
        left?;
        return Err(F::failure(&asked.shown(), &FileError::Exists.into()).into());
    }
    judge_placed(asked, placed, left, gate)
}

fn judge_placed<F: FileSystem>(
    asked: &Asked<'_>,
    placed: Placed<F>,
    left: Result<(), Refusal>,
    gate: &Checkpoint<'_>,
) -> Result<(Entry<F::Handle>, Permit), Refusal> {
    let permit = both(left, || judge(gate, &[(placed.real(), false)]))?;
    let entry = placed.into_entry();
    Ok((
        entry.map_err(|error| F::failure(&asked.shown(), &error))?,
        permit,
    ))
}

/// Where the last part of a path is, and the judgement of the directories that the path leaves. The name
/// itself is not judged.
pub(super) fn placed<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
    gate: &Checkpoint<'_>,
) -> Result<(Placed<F>, Result<(), Refusal>), Refusal> {
    let found = place(files, asked);
    let (placed, left) = found.map_err(|error| F::failure(&asked.shown(), &error))?;
    let left = judge_left(gate, asked, &left, placed.real());
    Ok((placed, left))
}
