//! Whether a grant allows a request, with the reason. For the command line and for tests; the gate
//! calls `Capability::covers`.

use super::command::family;
use super::path::{self, Resolve};
use super::{Capability, Request};
use crate::printable::Text;
use serde::Serialize;

/// The result of [`decide`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// Whether the grant allows the request.
    pub allowed: bool,
    /// The reason, in one sentence.
    pub reason: Text,
    /// Whether one of the two texts is invalid, which denies.
    pub malformed: bool,
}

/// Decides whether the grant `kind:granted` allows the request `kind:requested`.
///
/// Relative paths count from `cwd`; an empty `cwd` is the same as none. Links are not followed; see
/// [`decide_resolved`].
#[must_use]
pub fn decide(kind: &str, requested: &str, granted: &str, cwd: Option<&str>) -> Decision {
    // Without links, a path is its own real path.
    decide_resolved(kind, requested, granted, cwd, &|path| Some(path.to_owned()))
}

/// [`decide`] for a file system with links. The request is matched by its real path, or that of its
/// deepest existing ancestor; the grant also allows the target of its own link.
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
        Err(error) => return malformed(format!("invalid grant: {error}")),
    };
    let request: Request = match format!("{kind}:{requested}").parse() {
        Ok(request) => request,
        Err(error) => return malformed(format!("invalid request: {error}")),
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

/// Decides whether `grant` allows `request`; see [`decide_resolved`].
pub fn explain(
    grant: &Capability,
    request: &Request,
    cwd: Option<&str>,
    resolve: Resolve<'_>,
) -> Decision {
    let real = |path: &str| {
        let whole = match (path.starts_with('/'), cwd) {
            (false, Some(cwd)) => format!("{cwd}/{path}"),
            _ => path.to_owned(),
        };
        let cleaned = path::absolute(path, cwd)?;
        // Of what exists, `..` leads to the parent of what the path before it leads to.
        let by_dots = whole
            .contains("..")
            .then(|| path::resolved(&whole, resolve));
        by_dots.flatten().or_else(|| path::real(&cleaned, resolve))
    };
    let Some(grant) = &grant.resolved(resolve, cwd) else {
        return Decision {
            allowed: false,
            reason: format!("{grant} leads through something that does not exist").into(),
            malformed: false,
        };
    };
    let real_request = match request {
        Request::Read(path) => real(path).map(Request::Read),
        Request::Write(path) => real(path).map(Request::Write),
        Request::Exec { command, args } => {
            let real = match command.contains('/') {
                true => real(command).filter(|_| cwd.is_some() || command.starts_with('/')),
                false => resolve(command),
            };
            real.map(|command| Request::Exec {
                command,
                args: args.clone(),
            })
        }
        _ => None,
    };
    let real_request = real_request.unwrap_or_else(|| request.clone());
    let pinned = grant.pinned(resolve, cwd);
    let requested = grant.covers(request, cwd);
    let covering =
        std::iter::once(grant)
            .chain(&pinned)
            .find(|grant| match (request, &real_request) {
                // Both the requested name and the real file must be granted, as at the gate.
                (Request::Exec { command: given, .. }, Request::Exec { command, args }) => {
                    grant.covers_exec(given, command, args, cwd) && requested
                }
                _ => grant.covers(&real_request, cwd) || lists(grant, &real_request, cwd, resolve),
            });
    let followed = if real_request == *request {
        String::new()
    } else {
        format!(" (resolved to {real_request})")
    };
    let allowed = covering.is_some();
    let reason = match covering {
        Some(covering) if covering == grant => format!("{grant} allows {request}{followed}"),
        Some(covering) => {
            format!("{grant} (resolved to {covering}) allows {request}{followed}")
        }
        None => denial(grant, &pinned, request, &real_request, cwd, &followed),
    };
    Decision {
        allowed,
        reason: reason.into(),
        malformed: false,
    }
}

/// Whether the request reads a directory of which the grant allows each name, as at the gate.
fn lists(grant: &Capability, request: &Request, cwd: Option<&str>, resolve: Resolve<'_>) -> bool {
    let Request::Read(path) = request else {
        return false;
    };
    // Only a directory has a `.`, which is the directory itself.
    grant.covers_names_in(path, cwd)
        && resolve(&format!("{path}/.")).is_some_and(|real| real == *path)
}

fn denial(
    grant: &Capability,
    pinned: &[Capability],
    request: &Request,
    real_request: &Request,
    cwd: Option<&str>,
    followed: &str,
) -> String {
    let what = format!("{grant} does not allow {request}{followed}");
    match request {
        Request::Read(path) | Request::Write(path) if !path.starts_with('/') && cwd.is_none() => {
            return format!("{what}: a relative path needs a working directory");
        }
        Request::Exec { command, .. } => {
            let real = match real_request {
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
    let ungranted = match request {
        // A bare name is granted by name.
        Request::Exec { command, .. } if !command.contains('/') => request,
        _ => real_request,
    };
    match ungranted.needed() {
        Some(needed) => format!("{what}; it needs the grant {needed}"),
        None => format!("{what}; no grant can"),
    }
}

/// Why a grant that names a command does not allow it.
fn refused_command(grant: &Capability, request: &Request, command: &str, real: &str) -> String {
    let literal = request.needed().map(|needed| needed.to_string());
    if grant.names_arguments() {
        let exact = request
            .needed_with_arguments()
            .map(|grant| grant.to_string());
        return match exact.or(literal) {
            Some(needed) => {
                format!("it is granted with other arguments; it needs the grant {needed}")
            }
            None => "it is granted with other arguments".to_owned(),
        };
    }
    match family(command).or_else(|| family(real)) {
        Some(family) => format!(
            "{} requires '{}' literally (prevents arbitrary code execution)",
            family.describe(),
            literal.unwrap_or_default()
        ),
        None => "the real file is not granted".to_owned(),
    }
}
