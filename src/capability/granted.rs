//! The capability: one grant, parsed once and matched with every request. Each kind has its grammar
//! in a module of its own.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::command::Family;
use super::error::{CapabilityError, Flaw};
use super::exec::ExecPattern;
use super::fs::{FsOperation, PathGlob};
use super::name::NamePattern;
use super::network::NetworkPattern;
use super::tally::Tally;
use super::url::Url;
use super::{BUILT_IN_KINDS, MAX_TEXT, Request, check_custom_kind};

/// One thing a plugin may do, parsed and validated: `fs:read:/etc/**`, `network:outbound:443`.
///
/// Displays as its canonical text, `kind:pattern`, which parses to an equal capability. Equality and
/// order are those of that text.
///
/// ```
/// # use tollgate::capability::{Capability, Request};
/// let grant: Capability = "fs:read:/var/log/*.log".parse()?;
/// assert!(grant.covers(&Request::Read("/var/log/app.log".into()), None));
/// assert!(!grant.covers(&Request::Write("/var/log/app.log".into()), None));
/// # Ok::<(), tollgate::capability::CapabilityError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Capability {
    text: String,
    /// The length of the kind, which ends before the first colon.
    kind: usize,
    pub(super) pattern: GrantPattern,
}

#[derive(Clone, Debug)]
pub(super) enum GrantPattern {
    Read(PathGlob),
    Write(PathGlob),
    Network(NetworkPattern),
    Env(NamePattern),
    Exec(ExecPattern),
    Custom(NamePattern),
}

impl Capability {
    /// Returns the kind: `fs`, `network`, `env`, `exec`, or a kind of the embedder.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text.get(..self.kind).unwrap_or_default()
    }

    /// Returns the pattern, in the grammar of the kind: `read:/etc/**`.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.text
            .get(self.kind.saturating_add(1)..)
            .unwrap_or_default()
    }

    /// Whether the kind is one of the embedder. Parsing accepts every well-formed kind;
    /// [`Grants::check_kinds`] checks whether it is registered.
    ///
    /// [`Grants::check_kinds`]: super::Grants::check_kinds
    #[must_use]
    pub fn is_custom(&self) -> bool {
        !BUILT_IN_KINDS.contains(&self.kind())
    }

    /// Whether this grant allows `request`. Relative paths in either count from `cwd`, an absolute
    /// path; without it they are never allowed.
    ///
    /// Links are not resolved: a path in `request` must be the real one. For a command that is
    /// requested by another name than its real path see [`covers_exec`](Self::covers_exec).
    #[must_use]
    pub fn covers(&self, request: &Request, cwd: Option<&str>) -> bool {
        match (&self.pattern, request) {
            (GrantPattern::Read(glob), Request::Read(path)) => glob.matches(path, cwd),
            (GrantPattern::Write(glob), Request::Write(path)) => glob.matches(path, cwd),
            (GrantPattern::Network(pattern), Request::Connect { host, port }) => {
                pattern.covers_connect(host.as_deref(), *port)
            }
            (GrantPattern::Network(pattern), Request::Listen { port }) => {
                pattern.covers_listen(*port)
            }
            (GrantPattern::Network(pattern), Request::Url(url)) => {
                Url::parse(url).is_some_and(|url| pattern.covers_url(&url))
            }
            (GrantPattern::Network(pattern), Request::Address(word)) => pattern.covers_word(*word),
            (GrantPattern::Env(pattern), Request::Env(name)) => pattern.matches_variable(name),
            (GrantPattern::Exec(pattern), Request::Exec { command, args }) => {
                pattern.covers(command, command, args, cwd)
            }
            (GrantPattern::Custom(pattern), Request::Custom { kind, value }) => {
                self.kind() == kind && pattern.matches(value)
            }
            _ => false,
        }
    }

    /// Whether one of `grants` allows `request`. A URL is parsed once for all of them.
    pub(crate) fn any_covers(grants: &[Capability], request: &Request, cwd: Option<&str>) -> bool {
        let Request::Url(text) = request else {
            return grants.iter().any(|grant| grant.covers(request, cwd));
        };
        Url::parse(text).is_some_and(|url| {
            grants.iter().any(|grant| match &grant.pattern {
                GrantPattern::Network(pattern) => pattern.covers_url(&url),
                _ => false,
            })
        })
    }

    /// Whether this grant allows running the file `real` with `args`, requested by the name `given`.
    ///
    /// The grant must name the real path, or `given` if that is a bare name, with these arguments if
    /// it names any. If a program of either name can run code, the grant must be literal.
    #[must_use]
    pub fn covers_exec(&self, given: &str, real: &str, args: &[String], cwd: Option<&str>) -> bool {
        match &self.pattern {
            GrantPattern::Exec(pattern) => pattern.covers(given, real, args, cwd),
            _ => false,
        }
    }

    /// Whether this names the command `given`, which is the file `real`, with any arguments and
    /// whether or not it can run code.
    pub(crate) fn names_command(&self, given: &str, real: &str, cwd: Option<&str>) -> bool {
        matches!(&self.pattern, GrantPattern::Exec(pattern) if pattern.names_file(given, real, cwd))
    }

    /// Whether this grants a command with certain arguments only.
    pub(crate) fn names_arguments(&self) -> bool {
        matches!(&self.pattern, GrantPattern::Exec(ExecPattern::Command(..)))
    }

    /// Returns the first program that this names literally and that can run code or other programs,
    /// with its family; see [`command`](super::command).
    #[must_use]
    pub fn listed_program(&self) -> Option<(&str, Family)> {
        match &self.pattern {
            GrantPattern::Exec(pattern) => pattern.listed_program(),
            _ => None,
        }
    }

    fn parse(text: &str) -> Result<Capability, Flaw> {
        if text.len() > MAX_TEXT {
            return Err(Flaw::new(
                MAX_TEXT,
                format!("a capability has at most {MAX_TEXT} bytes"),
            ));
        }
        let Some((kind, pattern)) = text.split_once(':') else {
            return Err(Flaw::new(text.len(), "no `:` between kind and pattern")
                .hint("write for example fs:read:/etc/** or network:outbound:443"));
        };
        let (pattern, parsed) = match kind {
            "fs" => parse_fs(pattern),
            "network" => NetworkPattern::parse(pattern)
                .map(|(network, text)| (text, GrantPattern::Network(network))),
            "env" => NamePattern::parse_variable(pattern)
                .map(|name| (pattern.to_owned(), GrantPattern::Env(name))),
            "exec" => {
                ExecPattern::parse(pattern).map(|(exec, text)| (text, GrantPattern::Exec(exec)))
            }
            kind => {
                check_custom_kind(kind)?;
                NamePattern::parse(pattern)
                    .map(|name| (pattern.to_owned(), GrantPattern::Custom(name)))
            }
        }
        .map_err(|flaw| flaw.shifted(kind.len().saturating_add(1)))?;
        Ok(Capability {
            text: format!("{kind}:{pattern}"),
            kind: kind.len(),
            pattern: parsed,
        })
    }
}

fn parse_fs(pattern: &str) -> Result<(String, GrantPattern), Flaw> {
    let (operation, path) = FsOperation::split(pattern)?;
    let offset = pattern.len().saturating_sub(path.len());
    let glob = PathGlob::parse(path).map_err(|flaw| flaw.shifted(offset))?;
    let text = glob.text();
    Ok(match operation {
        FsOperation::Read => (format!("read:{text}"), GrantPattern::Read(glob)),
        FsOperation::Write => (format!("write:{text}"), GrantPattern::Write(glob)),
    })
}

impl FromStr for Capability {
    type Err = CapabilityError;

    /// Parses `kind:pattern`. A pattern that can never match, or that has wildcards where they are
    /// ordinary characters, is an error with a hint.
    fn from_str(text: &str) -> Result<Capability, CapabilityError> {
        Capability::parse(text).map_err(|flaw| flaw.of(text))
    }
}

impl TryFrom<&tollgate_abi::Capability> for Capability {
    type Error = CapabilityError;

    /// Accepts both forms in use: `{kind: "fs", pattern: "read:/x"}` and
    /// `{kind: "fs:read", pattern: "/x"}`.
    fn try_from(wire: &tollgate_abi::Capability) -> Result<Capability, CapabilityError> {
        wire.to_string().parse()
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// `"kind:pattern"` or `{"kind": ..., "pattern": ...}`.
#[derive(Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a capability is \"kind:pattern\" or {\"kind\", \"pattern\"}"
)]
pub(super) enum WrittenCapability {
    Text(String),
    Parts { kind: String, pattern: String },
}

impl WrittenCapability {
    pub(super) fn count(&self, tally: &mut Tally) {
        match self {
            WrittenCapability::Text(text) => tally.add(text, 0),
            WrittenCapability::Parts { kind, pattern } => tally.add(pattern, kind.len()),
        }
    }

    pub(super) fn read(self) -> Result<Capability, CapabilityError> {
        match self {
            WrittenCapability::Text(text) => text.parse(),
            WrittenCapability::Parts { kind, pattern } => {
                (&tollgate_abi::Capability { kind, pattern }).try_into()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Capability, D::Error> {
        WrittenCapability::deserialize(deserializer)?
            .read()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Capability {
    fn eq(&self, other: &Capability) -> bool {
        self.text == other.text
    }
}

impl Eq for Capability {}

impl PartialOrd for Capability {
    fn partial_cmp(&self, other: &Capability) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Capability {
    fn cmp(&self, other: &Capability) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Capability {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
