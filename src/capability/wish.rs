//! What one effect needs. Whether it is covered is decided by a capability, never here.

use std::fmt;

/// What an effect needs to be allowed. Displays in the grammar of capabilities,
/// `fs:read:/etc/hosts`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Read, stat or list this path.
    Read(String),
    /// Create, change or remove this path. Reading it is a wish of its own.
    Write(String),
    /// Connect to a port, of a host when it is known.
    Connect {
        /// A name or an address.
        host: Option<String>,
        /// 1 to 65535; 0 is never covered.
        port: u16,
    },
    /// Fetch this URL.
    Url(String),
    /// Reach addresses that need a word of their own.
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
        /// What is wished for, in the embedder's words.
        value: String,
    },
}

/// The words that open addresses which are closed otherwise: `network:outbound:private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressWord {
    /// Networks of the operator's own.
    Private,
    /// This machine.
    Loopback,
    /// Link-local networks and the places where clouds keep a machine's credentials.
    Metadata,
}

impl AddressWord {
    /// The word as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            AddressWord::Private => "private",
            AddressWord::Loopback => "loopback",
            AddressWord::Metadata => "metadata",
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wish::Read(path) => write!(f, "fs:read:{path}"),
            Wish::Write(path) => write!(f, "fs:write:{path}"),
            Wish::Connect { host: None, port } => write!(f, "network:outbound:{port}"),
            Wish::Connect {
                host: Some(host),
                port,
            } if host.contains(':') => {
                write!(f, "network:outbound:[{host}]:{port}")
            }
            Wish::Connect {
                host: Some(host),
                port,
            } => {
                write!(f, "network:outbound:{host}:{port}")
            }
            Wish::Url(url) => write!(f, "network:outbound:{url}"),
            Wish::Address(word) => write!(f, "network:outbound:{}", word.as_str()),
            Wish::Env(name) => write!(f, "env:{name}"),
            // Without the arguments: they may hold secrets, and no grant names them.
            Wish::Exec { command, .. } => write!(f, "exec:{command}"),
            Wish::Custom { kind, value } => write!(f, "{kind}:{value}"),
        }
    }
}
