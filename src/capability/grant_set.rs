//! The structured form of grants in the v2 interface (reglet-abi 1.2.4), read into capabilities.
//! It is a form of input only: matching, comparing and display are those of capabilities.

use serde::{Deserialize, Deserializer};

use super::Capability;
use super::arguments::is_plain;
use super::braces::expand;
use super::error::{CapabilityError, Flaw};
use super::exec;
use super::glob::is_wild;
use super::name::GLOB;
use super::network::parse_range;

/// Grants in structured form: `{"network": {"rules": [{"hosts": [...], "ports": [...]}]}, ...}`.
///
/// Every key is optional and `null` means the same as no key; unknown keys are errors. Patterns
/// are globs in which `*` and `?` stop at `/`, `**` spans and `{a,b}` is a choice; hosts are
/// compared without regard to case, and their stars cross dots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// Keys of a store. No host function exists for it; embedders may offer one of kind `kv`.
    #[serde(deserialize_with = "or_default")]
    pub kv: Rules<KvRule>,
}

/// A list of rules, of which one must match alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
pub struct EnvRule {
    /// Globs over names.
    #[serde(deserialize_with = "or_default")]
    pub vars: Vec<String>,
}

/// Commands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecRule {
    /// Globs over bare names and absolute paths.
    #[serde(deserialize_with = "or_default")]
    pub commands: Vec<String>,
}

/// Keys, for one operation or both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl GrantSet {
    /// The same grants as capabilities, in the order written, each once.
    ///
    /// Keys of a store become capabilities of kind `kv`, whose wishes have the values `read:<key>`
    /// and `write:<key>`.
    ///
    /// # Errors
    ///
    /// [`CapabilityError`] for a bad glob, a port that is none (`abc`, `-1`), and a network rule
    /// without hosts or without ports, which would match nothing.
    pub fn capabilities(&self) -> Result<Vec<Capability>, CapabilityError> {
        let mut found = Found(Vec::new());
        for rule in &self.network.rules {
            rule.read_into(&mut found)?;
        }
        for rule in &self.fs.rules {
            for (kind, globs) in [("fs:read:", &rule.read), ("fs:write:", &rule.write)] {
                for glob in globs {
                    found.add_all(kind, glob, |glob| glob.to_owned())?;
                }
            }
        }
        for glob in &self.env.vars {
            found.add_all("env:", glob, |glob| match glob {
                "**" => "*".to_owned(),
                glob => as_name(glob),
            })?;
        }
        for glob in &self.exec.commands {
            found.add_all("exec:", glob, as_command)?;
        }
        for rule in &self.kv.rules {
            let operations: &[&str] = match rule.op {
                KvOperation::Read => &["read"],
                KvOperation::Write => &["write"],
                KvOperation::ReadWrite => &["read", "write"],
            };
            for glob in &rule.keys {
                for operation in operations {
                    found.add_all("kv:", glob, |glob| match is_wild(glob) {
                        true => format!("{GLOB}{operation}:{glob}"),
                        false => format!("{operation}:{glob}"),
                    })?;
                }
            }
        }
        Ok(found.0)
    }
}

struct Found(Vec<Capability>);

impl Found {
    fn add(&mut self, text: &str) -> Result<(), CapabilityError> {
        let capability = text.parse()?;
        if !self.0.contains(&capability) {
            self.0.push(capability);
        }
        Ok(())
    }

    /// Adds a capability for each choice of braces in `glob`, written as `grammar` says.
    fn add_all(
        &mut self,
        kind: &str,
        glob: &str,
        grammar: impl Fn(&str) -> String,
    ) -> Result<(), CapabilityError> {
        if glob.is_empty() {
            return Err(Flaw::new(kind.len(), "an empty pattern").of(kind));
        }
        for choice in
            expand(glob).map_err(|flaw| flaw.shifted(kind.len()).of(&format!("{kind}{glob}")))?
        {
            self.add(&format!("{kind}{}", grammar(&choice)))?;
        }
        Ok(())
    }
}

/// A glob over names in the grammar of variables: as it is where that grammar says the same.
fn as_name(glob: &str) -> String {
    let stem = glob.strip_suffix('*').unwrap_or(glob);
    if is_wild(stem) {
        format!("{GLOB}{glob}")
    } else {
        glob.to_owned()
    }
}

/// A glob over commands in the grammar of commands, where that says the same. This form has no
/// arguments: a space is a character of the name.
fn as_command(glob: &str) -> String {
    match glob.strip_suffix("/*") {
        Some(dir) if dir.starts_with('/') && !is_wild(dir) && is_plain(dir) => glob.to_owned(),
        None if glob == "**" => glob.to_owned(),
        None if !is_wild(glob) => exec::literal(glob),
        _ => format!("{GLOB}{glob}"),
    }
}

impl NetworkRule {
    fn read_into(&self, found: &mut Found) -> Result<(), CapabilityError> {
        let direction = "network:outbound:";
        if self.hosts.is_empty() || self.ports.is_empty() {
            return Err(
                Flaw::new(direction.len(), "a rule without hosts or without ports")
                    .hint("write \"*\" for any")
                    .of(direction),
            );
        }
        let mut ports = Vec::new();
        for port in &self.ports {
            // Checked one by one: joined, "80,private" would slip in as two items.
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
            found.add_all(direction, host, |host| match host {
                // Without a host part, so that it also covers a wish that names no host.
                "*" | "**" => ports.clone(),
                host if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{ports}"),
                host => format!("{host}:{ports}"),
            })?;
        }
        Ok(())
    }
}
