//! The capabilities that an operator grants to each plugin, and how they are read from a file. Whether
//! a grant allows a request is decided in `granted`.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::granted::WrittenCapability;
use super::tally::Tally;
use super::{BUILT_IN_KINDS, Capability, GrantSet, Request};
use crate::printable::{Printable, Text};

/// The grants of an operator: for each plugin name its capabilities, in the given order, each once.
///
/// The JSON form is an object from plugin names to lists of capabilities, each `"kind:pattern"` or
/// `{"kind": ..., "pattern": ...}`, or to a [`GrantSet`]. Errors name the plugin and the entry. For the
/// limits see [`TooManyCapabilities`](super::TooManyCapabilities).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    plugins: BTreeMap<String, Vec<Capability>>,
}

/// A grant of a kind that is neither built in nor registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("plugin \"{plugin}\" is granted {capability}, but no host function uses the kind `{kind}`")]
#[non_exhaustive]
pub struct UnknownKind {
    /// The plugin with the grant.
    pub plugin: Text,
    /// The kind.
    pub kind: Text,
    /// The text of the grant.
    pub capability: Text,
}

impl Grants {
    /// No grants.
    #[must_use]
    pub fn new() -> Grants {
        Grants::default()
    }

    /// Grants `capability` to `plugin`. Returns `false` if the plugin has it already.
    pub fn grant(&mut self, plugin: impl Into<String>, capability: Capability) -> bool {
        let held = self.plugins.entry(plugin.into()).or_default();
        let new = !held.contains(&capability);
        if new {
            held.push(capability);
        }
        new
    }

    /// Returns the grants of `plugin`; empty for an unknown name.
    #[must_use]
    pub fn for_plugin(&self, plugin: &str) -> &[Capability] {
        self.plugins.get(plugin).map_or(&[], Vec::as_slice)
    }

    /// Returns the names that have an entry, sorted. An entry may be empty.
    pub fn plugins(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    /// Returns the first grant of `plugin` that allows `request`; see [`Capability::covers`].
    #[must_use]
    pub fn covering(
        &self,
        plugin: &str,
        request: &Request,
        cwd: Option<&str>,
    ) -> Option<&Capability> {
        self.for_plugin(plugin)
            .iter()
            .find(|capability| capability.covers(request, cwd))
    }

    /// Whether no plugin has a grant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plugins.values().all(Vec::is_empty)
    }

    /// Returns the grants of both: these first, then those that only `other` has.
    #[must_use]
    pub fn union(&self, other: &Grants) -> Grants {
        let mut union = self.clone();
        for (plugin, held) in &other.plugins {
            let own = union.plugins.entry(plugin.clone()).or_default();
            own.extend(held.iter().cloned());
            deduplicate(own);
        }
        union
    }

    /// Returns the grants that `other` does not have, by equality. Plugins without any are left out.
    #[must_use]
    pub fn difference(&self, other: &Grants) -> Grants {
        let left = self.plugins.iter().filter_map(|(plugin, held)| {
            let theirs: BTreeSet<&Capability> = other.for_plugin(plugin).iter().collect();
            let left: Vec<_> = held
                .iter()
                .filter(|own| !theirs.contains(own))
                .cloned()
                .collect();
            (!left.is_empty()).then(|| (plugin.clone(), left))
        });
        Grants {
            plugins: left.collect(),
        }
    }

    /// Whether this has every grant of `other`, by equality.
    #[must_use]
    pub fn contains(&self, other: &Grants) -> bool {
        other.difference(self).is_empty()
    }

    /// Drops repeated capabilities and keeps the first of each. Only [`extend`](Self::extend) can add
    /// repeated ones.
    pub fn deduplicate(&mut self) {
        self.plugins.values_mut().for_each(deduplicate);
    }

    /// Adds an entry for `plugin`, if there is none, and appends these capabilities, also repeated
    /// ones.
    pub fn extend(
        &mut self,
        plugin: impl Into<String>,
        capabilities: impl IntoIterator<Item = Capability>,
    ) {
        self.plugins
            .entry(plugin.into())
            .or_default()
            .extend(capabilities);
    }

    /// Checks that every granted kind is built in or one of `custom`, the kinds that the embedder has
    /// registered. A grant of another kind would have no effect.
    ///
    /// # Errors
    ///
    /// [`UnknownKind`] for the first grant of another kind.
    pub fn check_kinds(&self, custom: &[&str]) -> Result<(), UnknownKind> {
        for (plugin, held) in &self.plugins {
            for capability in held {
                let kind = capability.kind();
                if !BUILT_IN_KINDS.contains(&kind) && !custom.contains(&kind) {
                    return Err(UnknownKind {
                        plugin: plugin.clone().into(),
                        kind: kind.to_owned().into(),
                        capability: capability.to_string().into(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn deduplicate(held: &mut Vec<Capability>) {
    let mut seen = BTreeSet::new();
    held.retain(|capability| seen.insert(capability.clone()));
}

impl Serialize for Grants {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.plugins.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Grants {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Grants, D::Error> {
        deserializer.deserialize_map(GrantsVisitor)
    }
}

struct GrantsVisitor;

impl<'de> Visitor<'de> for GrantsVisitor {
    type Value = Grants;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from plugin names to their grants")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Grants, A::Error> {
        let mut plugins = BTreeMap::new();
        let mut tally = Tally::of_file();
        while let Some(plugin) = map.next_key::<String>()? {
            let held = map.next_value_seed(PluginSeed {
                plugin: &plugin,
                tally: &mut tally,
            })?;
            if plugins.contains_key(&plugin) {
                // Otherwise the first entry would be dropped.
                return Err(A::Error::custom(format!("plugin {plugin:?} appears twice")));
            }
            plugins.insert(plugin, held);
        }
        Ok(Grants { plugins })
    }
}

/// Reads the grants of one plugin, in either form.
struct PluginSeed<'a> {
    plugin: &'a str,
    /// The count of the file so far.
    tally: &'a mut Tally,
}

impl<'de> DeserializeSeed<'de> for PluginSeed<'_> {
    type Value = Vec<Capability>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PluginSeed<'_> {
    type Value = Vec<Capability>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a list of capabilities or a grant set for plugin {:?}",
            self.plugin
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let PluginSeed { plugin, tally } = self;
        let mut held = Vec::new();
        for entry in 1_usize.. {
            let place = |error: &dyn fmt::Display| {
                A::Error::custom(format!("plugin {plugin:?}, entry {entry}: {error}"))
            };
            let written: WrittenCapability = match list.next_element() {
                Ok(None) => break,
                Ok(Some(written)) => written,
                Err(error) => return Err(place(&error)),
            };
            written.count(tally);
            if tally.check().is_err() {
                // Count the rest, for the error message.
                while list.next_element::<IgnoredAny>()?.is_some() {
                    tally.add("", 0);
                }
                break;
            }
            held.push(written.read().map_err(|error| place(&error))?);
        }
        check(plugin, tally)?;
        deduplicate(&mut held);
        Ok(held)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let PluginSeed { plugin, tally } = self;
        let place =
            |error: &dyn fmt::Display| A::Error::custom(format!("plugin {plugin:?}: {error}"));
        // Errors of the JSON parser repeat keys of the file.
        let set = GrantSet::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            .map_err(|error| place(&Printable(error)))?;
        set.count(tally);
        check(plugin, tally)?;
        set.read().map_err(|error| place(&error))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }
}

fn check<E: Error>(plugin: &str, tally: &Tally) -> Result<(), E> {
    tally
        .check()
        .map_err(|error| E::custom(format!("grants up to plugin {plugin:?}: {error}")))
}
