//! What one plugin may do, as decided when the runtime was built.

use super::{CustomRequest, HostFunctions};
use crate::{
    capability::{Capability, Request, is_own_name},
    effect::{Denial, DenialReason},
    printable::Text,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::fmt;

pub(crate) struct Policy {
    /// What the operator wrote, and the real names behind it, pinned at that time.
    pub(crate) grants: Vec<Capability>,
    /// How many of the grants were written; the others were pinned.
    pub(crate) written: usize,
    /// Where relative patterns begin.
    pub(crate) working_directory: String,
    /// The embedder's own functions and rules.
    pub(crate) host_functions: Arc<HostFunctions>,
}

impl Policy {
    pub(crate) fn new(
        written: &[Capability],
        pinned: &[Capability],
        working_directory: String,
        host_functions: Arc<HostFunctions>,
    ) -> Policy {
        Policy {
            grants: [written, pinned].concat(),
            written: written.len(),
            working_directory,
            host_functions,
        }
    }

    /// What the operator wrote.
    pub(crate) fn written(&self) -> &[Capability] {
        self.grants.get(..self.written).unwrap_or_default()
    }

    /// The real names behind it.
    pub(crate) fn pinned(&self) -> &[Capability] {
        self.grants.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn covers(&self, request: &Request) -> bool {
        Capability::any_covers(&self.grants, request, Some(&self.working_directory))
    }

    /// Whether the embedder's function may be called: by the embedder's rule for the kind, or without
    /// a rule by a pattern that allows the function's name, which `by_name` requests.
    pub(crate) fn covers_custom(
        &self,
        by_name: &Request,
        kind: &str,
        request: CustomRequest<'_>,
    ) -> bool {
        self.grants
            .iter()
            .filter(|grant| grant.kind() == kind)
            .any(|grant| {
                self.host_functions
                    .covers(kind, grant.pattern(), request)
                    .unwrap_or_else(|| grant.covers(by_name, None))
            })
    }

    /// Whether the request is granted for everything below its path.
    pub(crate) fn covers_all_below(&self, request: &Request) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.covers_all_below(request, Some(&self.working_directory)))
    }

    /// Whether the request is granted for something below its path.
    pub(crate) fn covers_below(&self, request: &Request) -> bool {
        let cwd = Some(self.working_directory.as_str());
        self.grants
            .iter()
            .any(|grant| grant.covers_below(request, cwd))
    }

    pub(crate) fn covers_names_in(&self, directory: &str) -> bool {
        let cwd = Some(self.working_directory.as_str());
        self.grants
            .iter()
            .any(|grant| grant.covers_names_in(directory, cwd))
    }

    /// Whether a plugin may learn that a directory exists: it may use the directory or names in it, or
    /// the directory leads to something that is granted.
    pub(crate) fn may_know_of_directory(&self, directory: &str) -> bool {
        let cwd = Some(self.working_directory.as_str());
        self.covers(&Request::Read(directory.to_owned()))
            || self.covers(&Request::Write(directory.to_owned()))
            || self.covers_names_in(directory)
            || self
                .grants
                .iter()
                .any(|grant| grant.is_at_or_below(directory, cwd))
    }

    /// Whether the command that is written `given` and is the file `real` may run. Both the name and
    /// the file must be granted, so that no link leads elsewhere; a grant of the file counts for the file's own
    /// name. What a granted name led to when the runtime was built counts as granted for the file only.
    pub(crate) fn covers_exec(&self, given: &str, real: &str, args: &[String]) -> bool {
        self.covers_exec_by(given, real, args, |_| true)
    }

    /// The same, by grants of the command with any arguments.
    pub(crate) fn covers_exec_freely(&self, given: &str, real: &str, args: &[String]) -> bool {
        self.covers_exec_by(given, real, args, |grant| !grant.names_arguments())
    }

    fn covers_exec_by(
        &self,
        given: &str,
        real: &str,
        args: &[String],
        counts: fn(&&Capability) -> bool,
    ) -> bool {
        let cwd = Some(self.working_directory.as_str());
        let request = Request::Exec {
            command: given.to_owned(),
            args: args.to_vec(),
        };
        let by_file = Request::Exec {
            command: real.to_owned(),
            args: args.to_vec(),
        };
        let mut written = self.written().iter().filter(counts);
        let mut all = self.grants.iter().filter(counts);
        let is_own_name = is_own_name(given, real);
        written
            .any(|grant| grant.covers(&request, cwd) || is_own_name && grant.covers(&by_file, cwd))
            && all.any(|grant| grant.covers_exec(given, real, args, cwd))
    }

    /// Whether a grant names the command `given`, which is the file `real`, for certain arguments
    /// only; and whether any grant names it at all, whatever its arguments.
    pub(crate) fn names_command(&self, given: &str, real: &str) -> (bool, bool) {
        let cwd = Some(self.working_directory.as_str());
        let is_own_name = is_own_name(given, real);
        let by_name = |grant: &&Capability| {
            grant.names_command(given, given, cwd)
                || is_own_name && grant.names_command(real, real, cwd)
        };
        let mut written = self.written().iter().filter(by_name).peekable();
        let named = written.peek().is_some()
            && self
                .grants
                .iter()
                .any(|grant| grant.names_command(given, real, cwd));
        (named && written.any(Capability::names_arguments), named)
    }

    /// The grant of certain arguments, if any, that covers this command.
    pub(crate) fn covering_arguments(&self, request: &Request) -> Option<&Capability> {
        let cwd = Some(self.working_directory.as_str());
        let mut limited = self
            .written()
            .iter()
            .filter(|grant| grant.names_arguments());
        limited.find(|grant| grant.covers(request, cwd))
    }

    /// The grant to suggest for a file that nothing covers.
    pub(crate) fn needed_next_time(&self, request: &Request) -> Option<Capability> {
        request.needed_next_time(&self.grants, Some(&self.working_directory))
    }

    /// The denial of a request that nothing covers.
    pub(crate) fn denial(&self, plugin: &str, request: &Request) -> Denial {
        Denial {
            plugin: plugin.into(),
            request: request.to_string().into(),
            needs: Text::default(),
            also: Vec::new(),
            for_operator: None,
            reason: if self.grants.is_empty() {
                DenialReason::NoGrants
            } else {
                DenialReason::NotCovered
            },
        }
        .with_grants(texts(request.needed_together()))
    }
}

/// The texts of grants.
pub(super) fn texts(grants: Vec<Capability>) -> impl Iterator<Item = Text> {
    grants.into_iter().map(|grant| grant.to_string().into())
}

/// The request that a call of the embedder's function is.
pub(super) fn custom_request(kind: &str, function: &str) -> Request {
    // The module is where the function is linked from, not what it does.
    let name = function.rsplit('.').next().unwrap_or(function);
    Request::Custom {
        kind: kind.to_owned(),
        value: name.to_owned(),
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}
