//! The structured form of grants in the v2 interface, converted to capabilities. It is only an input
//! form: matching, comparing and display are those of capabilities.

use serde::{Deserialize, Deserializer};

use alloc::{
    borrow::ToOwned,
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};

use super::Capability;
use super::arguments::is_plain;
use super::error::{CapabilityError, Flaw};
use super::exec;
use super::glob::is_wild_with_braces;
use super::name::GLOB;
use super::network::parse_range;
use super::tally::{Tally, TooManyCapabilities};

/// Grants in structured form: `{"network": {"rules": [{"hosts": [...], "ports": [...]}]}, ...}`.
///
/// Every key is optional and `null` is the same as no key; unknown keys are errors. Patterns are globs
/// in which `*` and `?` stop at `/`, `**` matches any number of parts and `{a,b}` is a choice. Hosts
/// are compared without regard to case, and their stars match dots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantSet {
    /// Hosts and ports.
    #[serde(deserialize_with = "or_default")]
    pub network: Rules<NetworkRule>,
    /// Paths.
    #[serde(deserialize_with = "or_default")]
    pub fs: Rules<FsRule>,
    /// Variables.
    #[serde(deserialize_with = "or_default")]
    pub env: EnvRule,
    /// Commands.
    #[serde(deserialize_with = "or_default")]
    pub exec: ExecRule,
    /// Keys of a store, as the kind `kv`. It is used only by host functions of the embedder.
    #[serde(deserialize_with = "or_default")]
    pub kv: Rules<KvRule>,
}

/// A list of rules. One rule must allow the whole request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Rules<T> {
    /// The rules.
    #[serde(
        deserialize_with = "or_default",
        bound(deserialize = "T: Deserialize<'de>")
    )]
    pub rules: Vec<T>,
}

impl<T> Default for Rules<T> {
    fn default() -> Rules<T> {
        Rules { rules: Vec::new() }
    }
}

/// One of the hosts on one of the ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NetworkRule {
    /// Globs over host names.
    #[serde(deserialize_with = "or_default")]
    pub hosts: Vec<String>,
    /// Ports, ranges `a-b`, or `*`.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<String>,
}

/// Paths that may be read and paths that may be written; writing does not imply reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FsRule {
    /// Globs over paths.
    #[serde(deserialize_with = "or_default")]
    pub read: Vec<String>,
    /// Globs over paths.
    #[serde(deserialize_with = "or_default")]
    pub write: Vec<String>,
}

/// Variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EnvRule {
    /// Globs over names.
    #[serde(deserialize_with = "or_default")]
    pub vars: Vec<String>,
}

/// Commands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExecRule {
    /// Globs over bare names and absolute paths.
    #[serde(deserialize_with = "or_default")]
    pub commands: Vec<String>,
}

/// Keys, for one operation or both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KvRule {
    /// What may be done.
    pub op: KvOperation,
    /// Globs over keys.
    #[serde(default, deserialize_with = "or_default")]
    pub keys: Vec<String>,
}

/// What may be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KvOperation {
    /// Read it.
    Read,
    /// Write it.
    Write,
    /// Both.
    ReadWrite,
}

/// Plugins written in Go send `null` for an empty list.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A [`GrantSet`] cannot be converted to capabilities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantSetError {
    /// A pattern is invalid.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
    /// There are too many patterns.
    #[error(transparent)]
    TooMany(#[from] TooManyCapabilities),
}

impl GrantSet {
    /// Converts the grants to capabilities, in the same order, each once. A glob is one capability,
    /// however many choices it has.
    ///
    /// Keys of a store become capabilities of the kind `kv`, whose requests have the values
    /// `read:<key>` and `write:<key>`.
    ///
    /// # Errors
    ///
    /// [`GrantSetError`] for an invalid glob or port (`abc`, `-1`), for a network rule without hosts
    /// or without ports, which would match nothing, and for more capabilities than one plugin may
    /// declare.
    pub fn capabilities(&self) -> Result<Vec<Capability>, GrantSetError> {
        let mut tally = Tally::of_plugin();
        self.count(&mut tally);
        tally.check()?;
        Ok(self.read()?)
    }

    /// Counts the capabilities that [`read`](Self::read) would return, without parsing them.
    pub(super) fn count(&self, tally: &mut Tally) {
        for rule in &self.network.rules {
            // Each host has all the ports.
            let ports = rule.ports.iter().map(|port| port.len().saturating_add(1));
            let ports = ports.fold(0, usize::saturating_add);
            rule.hosts.iter().for_each(|host| tally.add(host, ports));
        }
        let files = self.fs.rules.iter();
        files
            .flat_map(|rule| rule.read.iter().chain(&rule.write))
            .chain(&self.env.vars)
            .chain(&self.exec.commands)
            .for_each(|glob| tally.add(glob, 0));
        for rule in &self.kv.rules {
            for glob in &rule.keys {
                rule.op.words().iter().for_each(|_| tally.add(glob, 0));
            }
        }
    }

    pub(super) fn read(&self) -> Result<Vec<Capability>, CapabilityError> {
        let mut list = CapabilityList::default();
        for rule in &self.network.rules {
            rule.read_into(&mut list)?;
        }
        for rule in &self.fs.rules {
            for (kind, globs) in [("fs:read:", &rule.read), ("fs:write:", &rule.write)] {
                for glob in globs {
                    list.add(kind, glob, format!("{GLOB}{glob}"))?;
                }
            }
        }
        for glob in &self.env.vars {
            let name = match glob.as_str() {
                "**" => "*".to_owned(),
                glob => as_name(glob),
            };
            list.add("env:", glob, name)?;
        }
        for glob in &self.exec.commands {
            list.add("exec:", glob, as_command(glob))?;
        }
        for rule in &self.kv.rules {
            for glob in &rule.keys {
                for operation in rule.op.words() {
                    let key = match is_wild_with_braces(glob) {
                        true => format!("{GLOB}{operation}:{glob}"),
                        false => format!("{operation}:{glob}"),
                    };
                    list.add("kv:", glob, key)?;
                }
            }
        }
        Ok(list.capabilities)
    }
}

impl KvOperation {
    fn words(self) -> &'static [&'static str] {
        match self {
            KvOperation::Read => &["read"],
            KvOperation::Write => &["write"],
            KvOperation::ReadWrite => &["read", "write"],
        }
    }
}

#[derive(Default)]
struct CapabilityList {
    capabilities: Vec<Capability>,
    /// Their texts, to find repeated ones.
    known: BTreeSet<String>,
}

impl CapabilityList {
    /// Adds the capability with this `pattern`. `glob` is how it is written in the set.
    fn add(&mut self, kind: &str, glob: &str, pattern: String) -> Result<(), CapabilityError> {
        let text = format!("{kind}{glob}");
        if glob.is_empty() {
            return Err(Flaw::new(kind.len(), "the pattern is empty").of(kind));
        }
        if let Some(at) = glob.find('\\') {
            return Err(Flaw::new(at, "a backslash is not an escape character here")
                .hint("write [[], [*], [?] or [{] for the character itself")
                .shifted(kind.len())
                .of(&text));
        }
        let capability: Capability = format!("{kind}{pattern}").parse()?;
        if self.known.insert(capability.to_string()) {
            self.capabilities.push(capability);
        }
        Ok(())
    }
}

/// A glob over names in the grammar of variables: unchanged if it has the same meaning there.
fn as_name(glob: &str) -> String {
    let stem = glob.strip_suffix('*').unwrap_or(glob);
    if is_wild_with_braces(stem) {
        format!("{GLOB}{glob}")
    } else {
        glob.to_owned()
    }
}

/// A glob over commands in the grammar of commands: unchanged if it has the same meaning there. This
/// form has no arguments: a space is a character of the name.
fn as_command(glob: &str) -> String {
    match glob.strip_suffix("/*") {
        Some(dir) if dir.starts_with('/') && !is_wild_with_braces(dir) && is_plain(dir) => {
            glob.to_owned()
        }
        None if glob == "**" => glob.to_owned(),
        None if !is_wild_with_braces(glob) => exec::literal(glob),
        _ => format!("{GLOB}{glob}"),
    }
}

impl NetworkRule {
    fn read_into(&self, list: &mut CapabilityList) -> Result<(), CapabilityError> {
        let direction = "network:outbound:";
        if self.hosts.is_empty() || self.ports.is_empty() {
            return Err(
                Flaw::new(direction.len(), "a network rule needs hosts and ports")
                    .hint("write \"*\" for any")
                    .of(direction),
            );
        }
        let mut ports = Vec::new();
        for port in &self.ports {
            // Checked one by one: in a joined list, "80,private" would be two items.
            if port != "*" {
                parse_range(port).map_err(|flaw| {
                    flaw.shifted(direction.len())
                        .of(&format!("{direction}{port}"))
                })?;
            }
            ports.push(port.as_str());
        }
        let ports = if ports.contains(&"*") {
            "*".to_owned()
        } else {
            ports.join(",")
        };
        for host in &self.hosts {
            let pattern = match host.as_str() {
                // Without a host part, so that it also allows a request without a host.
                "*" | "**" => ports.clone(),
                host if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{ports}"),
                host => format!("{host}:{ports}"),
            };
            list.add(direction, host, pattern)?;
        }
        Ok(())
    }
}
