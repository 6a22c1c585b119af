//! One question, answered with a reason: would this grant allow this request? For the command
//! line and for tests; the gate asks `Capability::covers` with what it has parsed once.

use super::{Capability, Wish, path};
use crate::printable::Text;

/// The answer of [`decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the grant allows the request.
    pub allowed: bool,
    /// Why, in one sentence.
    pub reason: Text,
    /// Whether one of the two texts could not be read, which denies.
    pub malformed: bool,
}

/// A function that tells the real path of what exists; `None` for what does not.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Whether a grant of `kind` and pattern `granted` allows a request of the same kind,
/// `requested`: the decision table of reglet-abi 4.3, column "recommended".
///
/// Relative paths count from `cwd`; an empty one is none. Links are not followed; see
/// [`decide_resolved`].
pub fn decide(kind: &str, requested: &str, granted: &str, cwd: Option<&str>) -> Decision {
    // A path without links is its own real path.
    decide_resolved(kind, requested, granted, cwd, &|path| Some(path.to_owned()))
}

/// [`decide`] where there are links: the request is judged by its real path, or that of its
/// deepest existing ancestor, and the grant covers its own target too.
pub fn decide_resolved(
    kind: &str,
    requested: &str,
    granted: &str,
    cwd: Option<&str>,
    resolve: Resolve<'_>,
) -> Decision {
    let cwd = cwd.filter(|cwd| !cwd.is_empty());
    let grant: Capability = match format!("{kind}:{granted}").parse() {
        Ok(grant) => grant,
        Err(error) => return malformed(format!("the grant is none: {error}")),
    };
    let wish: Wish = match format!("{kind}:{requested}").parse() {
        Ok(wish) => wish,
        Err(error) => return malformed(format!("the request is none: {error}")),
    };
    explain(&grant, &wish, cwd, resolve)
}

fn malformed(reason: String) -> Decision {
    Decision {
        allowed: false,
        reason: reason.into(),
        malformed: true,
    }
}

/// Whether `grant` allows `wish`, with the reason; see [`decide_resolved`].
pub fn explain(
    grant: &Capability,
    wish: &Wish,
    cwd: Option<&str>,
    resolve: Resolve<'_>,
) -> Decision {
    let real = |path: &str| {
        let path = path::absolute(path, cwd)?;
        path::real(&path, resolve)
    };
    let (seen, held) = match wish {
        Wish::Read(path) => (real(path).map(Wish::Read), true),
        Wish::Write(path) => (real(path).map(Wish::Write), true),
        Wish::Exec { command, args } if command.contains('/') => {
            let real = real(command).filter(|_| cwd.is_some() || command.starts_with('/'));
            (
                real.map(|command| Wish::Exec {
                    command,
                    args: args.clone(),
                }),
                true,
            )
        }
        _ => (None, false),
    };
    let seen = seen.unwrap_or_else(|| wish.clone());
    let pinned = grant.pinned(resolve, cwd).filter(|_| held);
    let wished = grant.covers(wish, cwd);
    let covering = [Some(grant), pinned.as_ref()]
        .into_iter()
        .flatten()
        .find(|grant| match (wish, &seen) {
            // The name asked for must be granted, and the file that it is; see the gate.
            (Wish::Exec { command: given, .. }, Wish::Exec { command, args }) => {
                grant.covers_exec(given, command, args, cwd) && wished
            }
            _ => grant.covers(&seen, cwd),
        });
    let followed = if seen == *wish {
        String::new()
    } else {
        format!(" (really {seen})")
    };
    let allowed = covering.is_some();
    let reason = match covering {
        Some(covering) if covering == grant => format!("{grant} covers {wish}{followed}"),
        Some(covering) => format!("{grant}, which is {covering}, covers {wish}{followed}"),
        None => denial(grant, wish, &seen, cwd, &followed),
    };
    Decision {
        allowed,
        reason: reason.into(),
        malformed: false,
    }
}

fn denial(
    grant: &Capability,
    wish: &Wish,
    seen: &Wish,
    cwd: Option<&str>,
    followed: &str,
) -> String {
    let what = format!("{grant} does not cover {wish}{followed}");
    match wish {
        Wish::Read(path) | Wish::Write(path) if !path.starts_with('/') && cwd.is_none() => {
            return format!("{what}: a relative path needs a working directory");
        }
        Wish::Exec { command, args } => {
            let class = super::command::classify(command, args);
            if class != super::command::Class::Safe {
                return format!(
                    "{what}: {} requires 'exec:{command}' literally (prevents arbitrary code \
                     execution)",
                    class.describe()
                );
            }
        }
        _ => {}
    }
    match seen.needed() {
        Some(needed) => format!("{what}; {needed} would"),
        None => format!("{what}; nothing would"),
    }
}
