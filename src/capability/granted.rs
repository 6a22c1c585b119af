//! The capability itself: one grant, parsed once, asked on every effect.
//! The grammars of the kinds are in modules of their own.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::command::Family;
use super::error::{CapabilityError, Flaw};
use super::exec::ExecPattern;
use super::fs::PathGlob;
use super::name::NamePattern;
use super::network::NetworkPattern;
use super::tally::Tally;
use super::url::Url;
use super::{BUILT_IN_KINDS, MAX_TEXT, Request, check_custom_kind};

/// One thing a plugin may do, parsed and validated: `fs:read:/etc/**`, `network:outbound:443`.
///
/// Displays as its canonical text, `kind:pattern`, which parses to an equal capability; equality
/// and order are those of that text.
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
    pub(super) matcher: Matcher,
}

#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Read(PathGlob),
    Write(PathGlob),
    Network(NetworkPattern),
    Env(NamePattern),
    Exec(ExecPattern),
    Custom(NamePattern),
}

impl Capability {
    /// What is reached: `fs`, `network`, `env`, `exec`, or a kind of the embedder's.
    pub fn kind(&self) -> &str {
        self.text.get(..self.kind).unwrap_or_default()
    }

    /// Which of it, in the grammar of the kind: `read:/etc/**`.
    pub fn pattern(&self) -> &str {
        self.text
            .get(self.kind.saturating_add(1)..)
            .unwrap_or_default()
    }

    /// Whether the kind is one of the embedder's. Any well-formed kind is accepted when parsed;
    /// whether somebody answers for it is for the runtime to check ([`Grants::check_kinds`]).
    ///
    /// [`Grants::check_kinds`]: super::Grants::check_kinds
    pub fn is_custom(&self) -> bool {
        !BUILT_IN_KINDS.contains(&self.kind())
    }

    /// Whether a plugin that holds this may do what `request` says. Relative paths on either side
    /// count from `cwd`, an absolute path; without it they are never covered.
    ///
    /// Links are the caller's business: a path in `request` is taken to be the real one. For a
    /// command that was asked for under another name than its real one see
    /// [`covers_exec`](Self::covers_exec).
    pub fn covers(&self, request: &Request, cwd: Option<&str>) -> bool {
        match (&self.matcher, request) {
            (Matcher::Read(glob), Request::Read(path)) => glob.matches(path, cwd),
            (Matcher::Write(glob), Request::Write(path)) => glob.matches(path, cwd),
            (Matcher::Network(pattern), Request::Connect { host, port }) => {
                pattern.covers_connect(host.as_deref(), *port)
            }
            (Matcher::Network(pattern), Request::Listen { port }) => pattern.covers_listen(*port),
            (Matcher::Network(pattern), Request::Url(url)) => {
                Url::parse(url).is_some_and(|url| pattern.covers_url(&url))
            }
            (Matcher::Network(pattern), Request::Address(word)) => pattern.covers_word(*word),
            (Matcher::Env(pattern), Request::Env(name)) => pattern.matches_variable(name),
            (Matcher::Exec(pattern), Request::Exec { command, args }) => {
                pattern.covers(command, command, args, cwd)
            }
            (Matcher::Custom(pattern), Request::Custom { kind, value }) => {
                self.kind() == kind && pattern.matches(value)
            }
            _ => false,
        }
    }

    /// Whether one of `grants` covers `request`, which is read once for all of them: it may be long,
    /// and they may be many.
    pub(crate) fn any_covers(grants: &[Capability], request: &Request, cwd: Option<&str>) -> bool {
        let Request::Url(text) = request else {
            return grants.iter().any(|grant| grant.covers(request, cwd));
        };
        Url::parse(text).is_some_and(|url| {
            grants.iter().any(|grant| match &grant.matcher {
                Matcher::Network(pattern) => pattern.covers_url(&url),
                _ => false,
            })
        })
    }

    /// Whether a plugin that holds this may run the file `real` with `args`, having asked for it
    /// as `given` (reglet-abi 3.6.1 and 4.7, E1, E8, E9): a bare name or the real path must be
    /// named, with these arguments if the grant names any, and a program that can run code under
    /// either of the two names needs a literal grant.
    pub fn covers_exec(&self, given: &str, real: &str, args: &[String], cwd: Option<&str>) -> bool {
        match &self.matcher {
            Matcher::Exec(pattern) => pattern.covers(given, real, args, cwd),
            _ => false,
        }
    }

    /// Whether this names the command `given`, which is the file `real`, whatever its arguments
    /// are and whether or not it can run code.
    pub(crate) fn names_command(&self, given: &str, real: &str, cwd: Option<&str>) -> bool {
        matches!(&self.matcher, Matcher::Exec(pattern) if pattern.names_file(given, real, cwd))
    }

    /// Whether this grants a command with certain arguments only.
    pub(crate) fn names_arguments(&self) -> bool {
        matches!(&self.matcher, Matcher::Exec(ExecPattern::Command(..)))
    }

    /// The first program that this names literally and that can run code or other programs, with
    /// its family; see [`command`](super::command).
    pub fn listed_program(&self) -> Option<(&str, Family)> {
        match &self.matcher {
            Matcher::Exec(pattern) => pattern.listed_program(),
            _ => None,
        }
    }

    fn parse(text: &str) -> Result<Capability, Flaw> {
        if text.len() > MAX_TEXT {
            return Err(Flaw::new(MAX_TEXT, format!("longer than {MAX_TEXT} bytes")));
        }
        let Some((kind, pattern)) = text.split_once(':') else {
            return Err(Flaw::new(text.len(), "no `:` between kind and pattern")
                .hint("write for example fs:read:/etc/** or network:outbound:443"));
        };
        let (pattern, matcher) = match kind {
            "fs" => parse_fs(pattern),
            "network" => NetworkPattern::parse(pattern)
                .map(|(network, text)| (text, Matcher::Network(network))),
            "env" => NamePattern::parse_variable(pattern)
                .map(|name| (pattern.to_owned(), Matcher::Env(name))),
            "exec" => ExecPattern::parse(pattern).map(|(exec, text)| (text, Matcher::Exec(exec))),
            kind => {
                check_custom_kind(kind)?;
                NamePattern::parse(pattern).map(|name| (pattern.to_owned(), Matcher::Custom(name)))
            }
        }
        .map_err(|flaw| flaw.shifted(kind.len().saturating_add(1)))?;
        Ok(Capability {
            text: format!("{kind}:{pattern}"),
            kind: kind.len(),
            matcher,
        })
    }
}

fn parse_fs(pattern: &str) -> Result<(String, Matcher), Flaw> {
    let Some((operation, glob)) = pattern.split_once(':') else {
        return Err(Flaw::new(0, "no operation").hint("write fs:read:<path> or fs:write:<path>"));
    };
    let offset = operation.len().saturating_add(1);
    let parsed = || PathGlob::parse(glob).map_err(|flaw| flaw.shifted(offset));
    match operation {
        "read" => parsed().map(|glob| (format!("read:{}", glob.text()), Matcher::Read(glob))),
        "write" => parsed().map(|glob| (format!("write:{}", glob.text()), Matcher::Write(glob))),
        _ => Err(Flaw::new(0, "unknown operation").hint("the operations are read and write")),
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    /// Reads `kind:pattern`. Strict: a pattern that could never match, or that has wildcards where
    /// they are characters, is an error that says what to write instead.
    fn from_str(text: &str) -> Result<Capability, CapabilityError> {
        Capability::parse(text).map_err(|flaw| flaw.of(text))
    }
}

impl TryFrom<&tollgate_abi::Capability> for Capability {
    type Error = CapabilityError;

    /// Reads both forms in use: `{kind: "fs", pattern: "read:/x"}` and
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
    expecting = "a capability is \"kind:pattern\" or {\"kind\", \"pattern\"}"
)]
pub(super) enum Written {
    Text(String),
    Parts(Parts),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    kind: String,
    pattern: String,
}

impl Written {
    pub(super) fn count(&self, tally: &mut Tally) {
        match self {
            Written::Text(text) => tally.add(text, 0),
            Written::Parts(Parts { kind, pattern }) => tally.add(pattern, kind.len()),
        }
    }

    pub(super) fn read(self) -> Result<Capability, CapabilityError> {
        match self {
            Written::Text(text) => text.parse(),
            Written::Parts(Parts { kind, pattern }) => {
                (&tollgate_abi::Capability { kind, pattern }).try_into()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Capability, D::Error> {
        Written::deserialize(deserializer)?
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
