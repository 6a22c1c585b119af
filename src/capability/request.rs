//! What one effect requests. Whether it is allowed is decided in `granted`.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use super::address::{self, AddressWord, Host, Verdict, parse_host};
use super::arguments;
use super::error::{CapabilityError, Flaw};
use super::fs::FsOperation;
use super::glob::{escaped, literal};
use super::name::GLOB;
use super::network::{parse_one_port, split_direction};
use super::url::{Url, looks_like_url};
use super::{Capability, MAX_TEXT, check_custom_kind, exec};

/// What an effect requests.
///
/// Displays and parses in the grammar of capabilities: `fs:read:/etc/hosts`,
/// `network:outbound:example.com:443`, `env:HOME`, `exec:/bin/ls -l "a b"`. The arguments of a
/// command may contain secrets: the gate reports them only if a grant names arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Request {
    /// Read, stat or list this path.
    Read(String),
    /// Create, change or remove this path. Reading it is a separate request.
    Write(String),
    /// Connect to a port, of a host when it is known.
    Connect {
        /// A name or an address, without brackets.
        host: Option<String>,
        /// 1 to 65535; 0 is never allowed.
        port: u16,
    },
    /// Accept connections on a port. Part of the grammar; no effect requests it.
    Listen {
        /// 1 to 65535; 0 is never allowed.
        port: u16,
    },
    /// Fetch this URL.
    Url(String),
    /// Connect to the blocked addresses that this word opens. For one address use
    /// [`Verdict::opened_by`](super::address::Verdict::opened_by).
    Address(AddressWord),
    /// Read this variable.
    Env(String),
    /// Run this command.
    Exec {
        /// A path, or a bare name looked up in the host's `PATH`.
        command: String,
        /// Its arguments, without the command itself.
        args: Vec<String>,
    },
    /// A capability of the embedder's own kind.
    Custom {
        /// The kind the embedder chose.
        kind: String,
        /// What is requested, in the embedder's grammar.
        value: String,
    },
}

impl Request {
    /// Returns the smallest grant that allows this, for denial messages and audits.
    ///
    /// For a command it is the literal grant of the command with any arguments. `None` if no grant
    /// can allow it: an empty path, port 0, an ambiguous host.
    #[must_use]
    pub fn needed(&self) -> Option<Capability> {
        if let Request::Custom { kind, .. } = self {
            // A kind that contains a colon would be parsed as another kind.
            check_custom_kind(kind).ok()?;
        }
        let text = match self {
            // An absolute pattern is cleaned as the path would be; wildcards in it are escaped.
            Request::Read(path) => format!("fs:read:{}", plain_pattern(path)),
            Request::Write(path) => format!("fs:write:{}", plain_pattern(path)),
            Request::Connect {
                host: Some(host),
                port,
            } => match parse_host(host).ok()? {
                Host::Ip(ip) if ip.is_ipv6() => format!("network:outbound:[{ip}]:{port}"),
                host => format!("network:outbound:{host}:{port}"),
            },
            // A text that is not a URL would be parsed as a list of ports.
            Request::Url(url) if Url::parse(url).is_none() => return None,
            Request::Env(name) if name.ends_with('*') || name.starts_with(GLOB) => {
                format!("env:{GLOB}{}", escaped(name))
            }
            Request::Exec { command, .. } => {
                format!("exec:{}", exec::literal(&exec::clean(command, None)?))
            }
            Request::Custom { kind, value } if value.ends_with('*') || value.starts_with(GLOB) => {
                format!("{kind}:{GLOB}{}", escaped(value))
            }
            Request::Connect { host: None, .. }
            | Request::Listen { .. }
            | Request::Url(_)
            | Request::Address(_)
            | Request::Env(_)
            | Request::Custom { .. } => self.to_string(),
        };
        text.parse().ok()
    }

    /// Returns all grants that this needs together, the smallest ones: of an address that is blocked
    /// otherwise also the word that opens it. Empty if no grant can allow it.
    ///
    /// What a name leads to is not known here: the addresses of a host, the target of a link.
    #[must_use]
    pub fn needed_together(&self) -> Vec<Capability> {
        let Some(needed) = self.needed() else {
            return Vec::new();
        };
        match self.address().map(address::judge) {
            Some(Verdict {
                blocked: true,
                word,
                ..
            }) => {
                let word = word.and_then(|word| Request::Address(word).needed());
                word.map_or_else(Vec::new, |word| vec![needed, word])
            }
            _ => vec![needed],
        }
    }

    /// The address that this connects to, if it names one. `localhost` is this machine.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        let host = match self {
            Request::Connect {
                host: Some(host), ..
            } => parse_host(host).ok()?,
            Request::Url(url) => Url::parse(url)?.host,
            _ => return None,
        };
        match host {
            Host::Ip(address) => Some(address),
            Host::Name(name) if name == "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            Host::Name(_) => None,
        }
    }

    /// Returns the grant that allows this command with exactly these arguments; `None` if this is not a
    /// command with arguments, and if they are too long for a grant.
    #[must_use]
    pub fn needed_with_arguments(&self) -> Option<Capability> {
        let Request::Exec { command, args } = self else {
            return None;
        };
        let mut text = format!("exec:{}", exec::literal(&exec::clean(command, None)?));
        let bytes = args.iter().fold(text.len(), |bytes, arg| {
            bytes.saturating_add(arg.len()).saturating_add(1)
        });
        if args.is_empty() || bytes > MAX_TEXT {
            return None;
        }
        write_arguments(args, &mut text);
        text.parse().ok()
    }

    /// The same request without the arguments of a command.
    pub(crate) fn without_arguments(&self) -> Request {
        match self {
            Request::Exec { command, .. } => Request::Exec {
                command: command.clone(),
                args: Vec::new(),
            },
            other => other.clone(),
        }
    }

    fn parse(text: &str) -> Result<Request, Flaw> {
        if text.len() > MAX_TEXT {
            return Err(Flaw::new(
                MAX_TEXT,
                format!("a request has at most {MAX_TEXT} bytes"),
            ));
        }
        let (kind, rest) = text.split_once(':').ok_or_else(|| {
            Flaw::new(text.len(), "no `:` between the kind and what is requested")
        })?;
        let offset = kind.len().saturating_add(1);
        if let Some(at) = rest.find('\0') {
            return Err(Flaw::new(offset.saturating_add(at), "a NUL byte"));
        }
        match kind {
            "fs" => parse_fs(rest),
            "network" => parse_network(rest),
            "env" if rest.is_empty() => Err(Flaw::new(0, "the name is empty")),
            "env" => match rest.find('=') {
                Some(at) => Err(Flaw::new(at, "the name of a variable cannot contain `=`")),
                None => Ok(Request::Env(rest.to_owned())),
            },
            "exec" => parse_exec(rest),
            kind => {
                check_custom_kind(kind)?;
                match rest {
                    "" => Err(Flaw::new(0, "the value is empty")),
                    rest => Ok(Request::Custom {
                        kind: kind.to_owned(),
                        value: rest.to_owned(),
                    }),
                }
            }
        }
        .map_err(|flaw| flaw.shifted(offset))
    }
}

/// The pattern that matches `path` alone.
fn plain_pattern(path: &str) -> String {
    let pattern = literal(path);
    match pattern.starts_with(GLOB) {
        // Otherwise it would be parsed as a glob with choices.
        true => format!("./{pattern}"),
        false => pattern,
    }
}

/// Parses a command and its arguments, written as words as in a grant.
fn parse_exec(rest: &str) -> Result<Request, Flaw> {
    let mut words = arguments::words(rest)?.into_iter();
    match words.next() {
        Some(command) if exec::clean(&command.text, None).is_some() => Ok(Request::Exec {
            command: command.text,
            args: words.map(|word| word.text).collect(),
        }),
        _ => Err(Flaw::new(0, "not the name of a file that can be run")),
    }
}

fn write_arguments(args: &[String], text: &mut String) {
    for arg in args {
        text.push(' ');
        arguments::write_word(arg, text);
    }
}

fn parse_fs(rest: &str) -> Result<Request, Flaw> {
    match FsOperation::split(rest)? {
        (_, "") => Err(Flaw::new(rest.len(), "the path is empty")),
        (FsOperation::Read, path) => Ok(Request::Read(path.to_owned())),
        (FsOperation::Write, path) => Ok(Request::Write(path.to_owned())),
    }
}

fn parse_network(rest: &str) -> Result<Request, Flaw> {
    let (inbound, target) = split_direction(rest)?;
    let request = match inbound {
        true => parse_one_port(target).map(|port| Request::Listen { port }),
        false => parse_outbound(target),
    };
    request.map_err(|flaw| flaw.shifted(rest.len().saturating_sub(target.len())))
}

fn parse_outbound(target: &str) -> Result<Request, Flaw> {
    if let Some(word) = AddressWord::parse(target) {
        return Ok(Request::Address(word));
    }
    if looks_like_url(target) {
        return match Url::parse(target) {
            Some(_) => Ok(Request::Url(target.to_owned())),
            None => Err(Flaw::new(0, "not a URL with an unambiguous host and port")),
        };
    }
    let (host, port_text) = match target.rsplit_once(':') {
        Some((host, port)) => (Some(host), port),
        None => (None, target),
    };
    let at = target.len().saturating_sub(port_text.len());
    let port = parse_one_port(port_text).map_err(|flaw| flaw.shifted(at))?;
    let host = match host {
        // Without brackets the last group of an address could be a port.
        Some(host) if host.contains(':') && !host.starts_with('[') => {
            return Err(Flaw::new(0, "an IPv6 address without brackets").hint("write [::1]:80"));
        }
        Some(host) => {
            let host = parse_host(host).map_err(|error| Flaw::new(0, error.to_string()))?;
            Some(host.to_string())
        }
        None => None,
    };
    Ok(Request::Connect { host, port })
}

impl FromStr for Request {
    type Err = CapabilityError;

    /// Parses a request in the grammar in which it is displayed. It has no wildcards: a `*` is an
    /// ordinary character.
    fn from_str(text: &str) -> Result<Request, CapabilityError> {
        Request::parse(text).map_err(|flaw| flaw.of(text))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Read(path) => write!(f, "fs:read:{path}"),
            Request::Write(path) => write!(f, "fs:write:{path}"),
            Request::Connect { host: None, port } => write!(f, "network:outbound:{port}"),
            Request::Connect {
                host: Some(host),
                port,
            } if host.contains(':') => {
                write!(f, "network:outbound:[{host}]:{port}")
            }
            Request::Connect {
                host: Some(host),
                port,
            } => {
                write!(f, "network:outbound:{host}:{port}")
            }
            Request::Listen { port } => write!(f, "network:inbound:{port}"),
            Request::Url(url) => write!(f, "network:outbound:{url}"),
            Request::Address(word) => write!(f, "network:outbound:{word}"),
            Request::Env(name) => write!(f, "env:{name}"),
            Request::Exec { command, args } => {
                let mut text = exec::literal(command);
                write_arguments(args, &mut text);
                write!(f, "exec:{text}")
            }
            Request::Custom { kind, value } => write!(f, "{kind}:{value}"),
        }
    }
}
