//! Who holds what: the capabilities an operator gave each plugin, as a list one can compare.

use std::collections::BTreeMap;

use super::{Capability, Wish};

/// The grants of an operator: for each plugin name the capabilities it holds, in the order given,
/// each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    plugins: BTreeMap<String, Vec<Capability>>,
}

impl Grants {
    /// No grants for anybody.
    pub fn new() -> Grants {
        Grants::default()
    }

    /// Grants `capability` to `plugin`; false if it holds it already.
    pub fn grant(&mut self, plugin: impl Into<String>, capability: Capability) -> bool {
        let held = self.plugins.entry(plugin.into()).or_default();
        let new = !held.contains(&capability);
        if new {
            held.push(capability);
        }
        new
    }

    /// What `plugin` holds; empty for an unknown name.
    pub fn for_plugin(&self, plugin: &str) -> &[Capability] {
        self.plugins.get(plugin).map_or(&[], Vec::as_slice)
    }

    /// The names that have an entry, sorted. An entry may be empty.
    pub fn plugins(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    /// The first capability of `plugin` that covers `wish`; see [`Capability::covers`].
    pub fn covering(&self, plugin: &str, wish: &Wish, cwd: Option<&str>) -> Option<&Capability> {
        self.for_plugin(plugin)
            .iter()
            .find(|capability| capability.covers(wish, cwd))
    }

    /// Whether nobody holds anything.
    pub fn is_empty(&self) -> bool {
        self.plugins.values().all(Vec::is_empty)
    }
}
