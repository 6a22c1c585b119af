//! The variables that a command gets: harmless ones and granted ones. The others are left out, as
//! plugins of other hosts expect, and each is reported as denied.

use super::Gate;
use crate::{
    capability::{Request, command},
    effect::{Effect, Need},
};
use alloc::{borrow::ToOwned, collections::BTreeSet, string::String, vec::Vec};

impl Gate {
    /// The same effect without the variables that it may not set; `None` if it may set them all.
    ///
    /// This comes before the journal, so that a recording holds what the world gets, and before the
    /// world, so that no world can forget it.
    pub(super) fn without_ungranted_variables(&self, effect: &Effect) -> Option<Effect> {
        // First of all: what other effects need is not free to compute.
        let Effect::Run { .. } = effect else {
            return None;
        };
        let Need::Run { environment, .. } = effect.need() else {
            return None;
        };
        let granted = |name: &str| self.policy.covers(&Request::Env(name.to_owned()));
        let mut refused = BTreeSet::new();
        let mut allow = |(name, value): &(String, String)| {
            let allowed = command::env_allowed(name, value, granted);
            if !allowed {
                if refused.insert(name.clone()) {
                    self.report_variable(name);
                }
            } else if !command::env_allowed_freely(name, value) {
                self.reports
                    .granted(&self.plugin, &Request::Env(name.to_owned()));
            }
            allowed
        };
        let allowed: Vec<bool> = environment.iter().map(&mut allow).collect();
        if allowed.iter().all(|allowed| *allowed) {
            return None;
        }
        let mut permitted = effect.clone();
        if let Effect::Run { environment, .. } = &mut permitted {
            let mut allowed = allowed.into_iter();
            environment.retain(|_| allowed.next() == Some(true));
        }
        Some(permitted)
    }

    fn report_variable(&self, name: &str) {
        let mut denial = self
            .policy
            .denial(&self.plugin, &Request::Env(name.to_owned()));
        if command::env_never_allowed(name) {
            denial = denial.with_grants([]);
        }
        self.reports.denied(&self.plugin, &denial);
    }
}
