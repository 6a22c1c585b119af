//! One question, answered with a reason: would this grant allow this request? For the command
//! line and for tests; the gate asks `Capability::covers` with what it has parsed once.

use super::command::family;
use super::{Capability, Request, path};
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

/// A function that tells the real path of what exists; `None` for what does not. It is also asked
/// for the bare name of a command, whose real path is that of the file which the `PATH` of the host
/// leads to.
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
    let request: Request = match format!("{kind}:{requested}").parse() {
        Ok(request) => request,
        Err(error) => return malformed(format!("the request is none: {error}")),
    };
    explain(&grant, &request, cwd, resolve)
}

fn malformed(reason: String) -> Decision {
    Decision {
        allowed: false,
        reason: reason.into(),
        malformed: true,
    }
}

/// Whether `grant` allows `request`, with the reason; see [`decide_resolved`].
pub fn explain(
    grant: &Capability,
    request: &Request,
    cwd: Option<&str>,
    resolve: Resolve<'_>,
) -> Decision {
    let real = |path: &str| {
        let path = path::absolute(path, cwd)?;
        path::real(&path, resolve)
    };
    let (seen, held) = match request {
        Request::Read(path) => (real(path).map(Request::Read), true),
        Request::Write(path) => (real(path).map(Request::Write), true),
        Request::Exec { command, args } => {
            let real = match command.contains('/') {
                true => real(command).filter(|_| cwd.is_some() || command.starts_with('/')),
                false => resolve(command),
            };
            (
                real.map(|command| Request::Exec {
                    command,
                    args: args.clone(),
                }),
                true,
            )
        }
        _ => (None, false),
    };
    let seen = seen.unwrap_or_else(|| request.clone());
    let pinned = match held {
        true => grant.pinned(resolve, cwd),
        false => Vec::new(),
    };
    let requested = grant.covers(request, cwd);
    let covering = std::iter::once(grant)
        .chain(&pinned)
        .find(|grant| match (request, &seen) {
            // The name asked for must be granted, and the file that it is; see the gate.
            (Request::Exec { command: given, .. }, Request::Exec { command, args }) => {
                grant.covers_exec(given, command, args, cwd) && requested
            }
            _ => grant.covers(&seen, cwd) || lists(grant, &seen, cwd, resolve),
        });
    let followed = if seen == *request {
        String::new()
    } else {
        format!(" (really {seen})")
    };
    let allowed = covering.is_some();
    let reason = match covering {
        Some(covering) if covering == grant => format!("{grant} covers {request}{followed}"),
        Some(covering) => format!("{grant}, which is {covering}, covers {request}{followed}"),
        None => denial(grant, &pinned, request, &seen, cwd, &followed),
    };
    Decision {
        allowed,
        reason: reason.into(),
        malformed: false,
    }
}

/// Whether the request is to read a directory of which the grant covers each name, as the gate
/// allows it.
fn lists(grant: &Capability, request: &Request, cwd: Option<&str>, resolve: Resolve<'_>) -> bool {
    let Request::Read(path) = request else {
        return false;
    };
    // Only in a directory is there a `.`, which is the directory itself.
    grant.covers_names_in(path, cwd)
        && resolve(&format!("{path}/.")).is_some_and(|real| real == *path)
}

fn denial(
    grant: &Capability,
    pinned: &[Capability],
    request: &Request,
    seen: &Request,
    cwd: Option<&str>,
    followed: &str,
) -> String {
    let what = format!("{grant} does not cover {request}{followed}");
    match request {
        Request::Read(path) | Request::Write(path) if !path.starts_with('/') && cwd.is_none() => {
            return format!("{what}: a relative path needs a working directory");
        }
        Request::Exec { command, .. } => {
            let real = match seen {
                Request::Exec { command, .. } => command,
                _ => command,
            };
            let by_file = |grant: &Capability| grant.names_command(command, real, cwd);
            let named = by_file(grant) || pinned.iter().any(by_file);
            if named && grant.names_command(command, command, cwd) {
                return format!("{what}: {}", refused_command(grant, request, command, real));
            }
        }
        _ => {}
    }
    let asked = match request {
        // A bare name is granted by its name.
        Request::Exec { command, .. } if !command.contains('/') => request,
        _ => seen,
    };
    match asked.needed() {
        Some(needed) => format!("{what}; {needed} would"),
        None => format!("{what}; nothing would"),
    }
}

/// Why a grant that names a command does not cover it.
fn refused_command(grant: &Capability, request: &Request, command: &str, real: &str) -> String {
    let literal = request.needed().map(|needed| needed.to_string());
    if grant.names_arguments() {
        let exact = request
            .needed_with_arguments()
            .map(|grant| grant.to_string());
        return match exact.or(literal) {
            Some(needed) => format!("it is granted with other arguments; {needed} would"),
            None => "it is granted with other arguments".to_owned(),
        };
    }
    match family(command).or_else(|| family(real)) {
        Some(family) => format!(
            "{} requires '{}' literally (prevents arbitrary code execution)",
            family.describe(),
            literal.unwrap_or_default()
        ),
        None => "the file that it leads to is not granted".to_owned(),
    }
}
