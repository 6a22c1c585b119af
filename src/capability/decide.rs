//! Whether a grant allows a request, with the reason. For the command line and for tests; the gate
//! calls `Capability::covers`.

use super::command::family;
use super::path::{self, Resolve};
use super::{Capability, Request, address, exec::is_own_name};
use crate::printable::Text;
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
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
    /// What decides too and is not known before the request is made, such as the addresses of a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Text>,
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
        unknown: None,
    }
}

/// Whether a plugin with these grants may do what it requests, as the gate decides: one of them must allow the
/// request, and an address that is blocked needs the grant that opens it.
///
/// `resolve` and `cwd` as in [`explain`]. What is not known here is in [`Decision::unknown`].
pub fn explain_all(
    grants: &[Capability],
    request: &Request,
    cwd: Option<&str>,
    resolve: Resolve<'_>,
) -> Decision {
    let mut decisions = grants
        .iter()
        .map(|grant| explain(grant, request, cwd, resolve));
    let Some(first) = decisions.next() else {
        return Decision {
            allowed: false,
            reason: format!("nothing is granted, and {request} is requested").into(),
            malformed: false,
            unknown: None,
        };
    };
    let decision = match first.allowed {
        true => first,
        false => decisions.find(|decision| decision.allowed).unwrap_or(first),
    };
    if !decision.allowed {
        return decision;
    }
    if let Some(directory) = left_unknown(grants, request, cwd, resolve) {
        let reason = format!(
            "{}; but the path leaves {directory}, which needs a grant too",
            decision.reason
        );
        return Decision {
            allowed: false,
            reason: reason.into(),
            ..decision
        };
    }
    let Some(address) = request.address() else {
        return Decision {
            unknown: unknown(request),
            ..decision
        };
    };
    let verdict = address::judge(address);
    let opens = |word| {
        let word = Request::Address(word);
        grants.iter().any(|grant| grant.covers(&word, cwd))
    };
    if verdict.opened_by(opens) {
        return decision;
    }
    Decision {
        allowed: false,
        reason: format!(
            "{}; but it leads to {}",
            decision.reason,
            verdict.refusal(address)
        )
        .into(),
        ..decision
    }
}

/// The real name that a path has or would have.
fn real_name(path: &str, cwd: Option<&str>, resolve: Resolve<'_>) -> Option<String> {
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
}

/// The first directory that a path leaves by `..` and that the plugin may not know of, as at the gate.
fn left_unknown(
    grants: &[Capability],
    request: &Request,
    cwd: Option<&str>,
    resolve: Resolve<'_>,
) -> Option<String> {
    let (Request::Read(path) | Request::Write(path)) = request else {
        return None;
    };
    let whole = match (path.starts_with('/'), cwd) {
        (false, Some(cwd)) => format!("{cwd}/{path}"),
        _ => path.clone(),
    };
    let end = real_name(&whole, cwd, resolve)?;
    let grants: Vec<Capability> = grants
        .iter()
        .filter_map(|grant| grant.resolved(resolve, cwd))
        .flat_map(|grant| {
            let pinned = grant.pinned(resolve, cwd);
            core::iter::once(grant).chain(pinned)
        })
        .collect();
    let is_known = |directory: &str| {
        let requests = [
            Request::Read(directory.to_owned()),
            Request::Write(directory.to_owned()),
        ];
        let rest = end.strip_prefix(directory.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            || grants.iter().any(|grant| {
                requests.iter().any(|request| grant.covers(request, cwd))
                    || grant.covers_names_in(directory, cwd)
                    || grant.is_at_or_below(directory, cwd)
            })
    };
    let mut before = String::new();
    for name in whole.split('/').filter(|name| !name.is_empty()) {
        if name == ".." && !before.is_empty() {
            let real = real_name(&before, cwd, resolve)?;
            if !is_known(&real) {
                return Some(real);
            }
        }
        before.push('/');
        before.push_str(name);
    }
    None
}

/// What decides about a request and is not known before it is made.
fn unknown(request: &Request) -> Option<Text> {
    let what = match request {
        Request::Connect {
            host: Some(host), ..
        } => format!("the addresses of {host}"),
        Request::Url(url) => format!("the addresses of the host of {url}"),
        Request::Connect { host: None, .. } => "the address".to_owned(),
        _ => return None,
    };
    Some(
        format!("{what}: a blocked one also needs network:outbound:loopback, private or metadata")
            .into(),
    )
}

/// Whether a command is requested by its file's own name, in whatever directory: a grant of the file is enough.
fn is_same_program(request: &Request, real: &Request) -> bool {
    match (request, real) {
        (Request::Exec { command: given, .. }, Request::Exec { command: real, .. }) => {
            is_own_name(given, real)
        }
        _ => false,
    }
}

/// Decides whether `grant` allows `request`; see [`decide_resolved`].
pub fn explain(
    grant: &Capability,
    request: &Request,
    cwd: Option<&str>,
    resolve: Resolve<'_>,
) -> Decision {
    let real = |path: &str| real_name(path, cwd, resolve);
    let Some(grant) = &grant.resolved(resolve, cwd) else {
        return Decision {
            allowed: false,
            reason: format!("{grant} leads through something that does not exist").into(),
            malformed: false,
            unknown: None,
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
    // Both the requested name and the real file must be granted, as at the gate.
    let requested = grant.covers(request, cwd)
        || is_same_program(request, &real_request) && grant.covers(&real_request, cwd);
    let covering =
        core::iter::once(grant)
            .chain(&pinned)
            .find(|grant| match (request, &real_request) {
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
        unknown: None,
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
