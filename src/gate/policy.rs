//! What one plugin may do, as decided when the runtime was built.

use crate::{
    capability::{Capability, Wish},
    effect::{Denial, DenialReason},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Says whether a grant's pattern covers what a plugin wishes of a kind of the embedder's.
pub(crate) type Matcher = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

pub(crate) struct Policy {
    /// What the operator wrote, and the real names behind it, pinned at that time.
    pub(crate) grants: Vec<Capability>,
    /// Where relative patterns begin.
    pub(crate) working_directory: String,
    /// The embedder's own rules, by kind.
    pub(crate) matchers: Arc<BTreeMap<String, Matcher>>,
}

impl Policy {
    pub(crate) fn covers(&self, wish: &Wish) -> bool {
        if let Wish::Custom { kind, value } = wish
            && let Some(matcher) = self.matchers.get(kind)
        {
            let mut of_kind = self.grants.iter().filter(|grant| grant.kind() == kind);
            return of_kind.any(|grant| matcher(grant.pattern(), value));
        }
        self.grants
            .iter()
            .any(|grant| grant.covers(wish, Some(&self.working_directory)))
    }

    pub(crate) fn covers_names_in(&self, directory: &str) -> bool {
        let cwd = Some(self.working_directory.as_str());
        self.grants
            .iter()
            .any(|grant| grant.covers_names_in(directory, cwd))
    }

    pub(crate) fn covers_exec(&self, given: &str, real: &str, args: &[String]) -> bool {
        let cwd = Some(self.working_directory.as_str());
        self.grants
            .iter()
            .any(|grant| grant.covers_exec(given, real, args, cwd))
    }

    /// The denial of a wish that nothing covers.
    pub(crate) fn denial(&self, plugin: &str, wish: &Wish) -> Denial {
        Denial {
            plugin: plugin.to_owned(),
            wish: wish.to_string(),
            needs: wish
                .needed()
                .map(|grant| grant.to_string())
                .unwrap_or_default(),
            reason: if self.grants.is_empty() {
                DenialReason::NoGrants
            } else {
                DenialReason::NotCovered
            },
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}
