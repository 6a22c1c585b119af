//! What one effect needs. Whether it is covered is decided by a capability, never here.

use std::fmt;
use std::str::FromStr;

use super::address::{AddressWord, Host, parse_host};
use super::arguments;
use super::error::{CapabilityError, Flaw};
use super::glob::{escaped, is_wild};
use super::host::parse_port;
use super::name::GLOB;
use super::url::{Url, looks_like_url};
use super::{Capability, MAX_TEXT, check_custom_kind, exec};

/// What an effect needs to be allowed.
///
/// Displays and parses in the grammar of capabilities: `fs:read:/etc/hosts`,
/// `network:outbound:example.com:443`, `env:HOME`, `exec:/bin/ls -l "a b"`. The arguments of a
/// command may hold secrets: what the gate reports leaves them out, unless a grant names some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Read, stat or list this path.
    Read(String),
    /// Create, change or remove this path. Reading it is a request of its own.
    Write(String),
    /// Connect to a port, of a host when it is known.
    Connect {
        /// A name or an address, without brackets.
        host: Option<String>,
        /// 1 to 65535; 0 is never covered.
        port: u16,
    },
    /// Accept connections on a port. Part of the grammar; no effect asks for it.
    Listen {
        /// 1 to 65535; 0 is never covered.
        port: u16,
    },
    /// Fetch this URL.
    Url(String),
    /// Hold this word. Whether an address is open is for
    /// [`Verdict::opened_by`](super::address::Verdict::opened_by) to say.
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
    /// Something of the embedder's.
    Custom {
        /// The kind the embedder chose.
        kind: String,
        /// What is requested for, in the embedder's words.
        value: String,
    },
}

impl Request {
    /// The smallest grant that would allow this, for denial messages and audits.
    ///
    /// For a command it is the literal grant of the command with any arguments.
    /// `None` if no grant can allow it: an empty path, port 0, a host that resolvers disagree on.
    pub fn needed(&self) -> Option<Capability> {
        if let Request::Custom { kind, .. } = self {
            // Otherwise a kind with a colon in it would be read as another one.
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
            // A text that is no URL would be read as a list of ports.
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

    /// The grant that allows this command with these arguments and no others; `None` for what is
    /// no command with arguments, and for arguments too long for a grant.
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

    /// The same without the arguments of a command.
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
            return Err(Flaw::new(MAX_TEXT, format!("longer than {MAX_TEXT} bytes")));
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

/// `path` as a plain pattern of paths that matches it alone.
fn plain_pattern(path: &str) -> String {
    let pattern = match is_wild(path) {
        true => escaped(path),
        false => path.to_owned(),
    };
    match pattern.starts_with(GLOB) {
        // What follows would be read as a glob with choices.
        true => format!("./{pattern}"),
        false => pattern,
    }
}

/// A command and its arguments, in words as grants write them.
fn parse_exec(rest: &str) -> Result<Request, Flaw> {
    let mut words = arguments::words(rest)?.into_iter();
    match words.next() {
        Some(command) if exec::clean(&command.text, None).is_some() => Ok(Request::Exec {
            command: command.text,
            args: words.map(|word| word.text).collect(),
        }),
        _ => Err(Flaw::new(0, "this names no file that could be run")),
    }
}

fn write_arguments(args: &[String], text: &mut String) {
    for arg in args {
        text.push(' ');
        arguments::write_word(arg, text);
    }
}

fn parse_fs(rest: &str) -> Result<Request, Flaw> {
    let Some((operation, path)) = rest.split_once(':') else {
        return Err(Flaw::new(0, "no operation").hint("write fs:read:<path> or fs:write:<path>"));
    };
    let request = match operation {
        "read" => Request::Read(path.to_owned()),
        "write" => Request::Write(path.to_owned()),
        _ => {
            return Err(Flaw::new(0, "unknown operation").hint("the operations are read and write"));
        }
    };
    if path.is_empty() {
        return Err(Flaw::new(
            operation.len().saturating_add(1),
            "the path is empty",
        ));
    }
    Ok(request)
}

fn parse_network(rest: &str) -> Result<Request, Flaw> {
    let Some((direction, target)) = rest.split_once(':') else {
        return Err(Flaw::new(0, "no direction").hint("write network:outbound:<port>"));
    };
    let port = || {
        Flaw::new(
            0,
            "not a port from 1 to 65535, written without sign and zeros",
        )
    };
    let request = match direction {
        "inbound" => parse_port(target)
            .map(|port| Request::Listen { port })
            .ok_or_else(port),
        "outbound" => parse_outbound(target),
        _ => {
            return Err(
                Flaw::new(0, "unknown direction").hint("the directions are outbound and inbound")
            );
        }
    };
    request.map_err(|flaw| flaw.shifted(direction.len().saturating_add(1)))
}

fn parse_outbound(target: &str) -> Result<Request, Flaw> {
    if let Some(word) = AddressWord::parse(target) {
        return Ok(Request::Address(word));
    }
    if looks_like_url(target) {
        return match Url::parse(target) {
            Some(_) => Ok(Request::Url(target.to_owned())),
            None => Err(Flaw::new(
                0,
                "not a URL whose host and port are beyond doubt",
            )),
        };
    }
    let (host, port_text) = match target.rsplit_once(':') {
        Some((host, port)) => (Some(host), port),
        None => (None, target),
    };
    let at = target.len().saturating_sub(port_text.len());
    let port = parse_port(port_text).ok_or_else(|| {
        Flaw::new(
            at,
            "not a port from 1 to 65535, written without sign and zeros",
        )
    })?;
    let host = match host {
        // Without brackets the last group of an address would be taken for a port.
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

    /// Reads a request in the grammar it is displayed in. Nothing in it is a wildcard: a `*` is a
    /// character of a name.
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
