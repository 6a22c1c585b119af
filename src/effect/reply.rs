//! What came of an effect: an answer, or a refusal and why.

use super::{DnsRecords, Handle, HttpResponse, SmtpInfo, TlsInfo, json};
use crate::printable::{Printable, Text};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, net::SocketAddr, time::Duration};
use tollgate_abi::{ErrorDetail, host::kinds, rfc3339::Moment};

/// What came of an effect.
pub type Reply = Result<Answer, Refusal>;

/// An effect that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Answer {
    /// The file or directory is open.
    Opened {
        /// The number to use from now on.
        handle: Handle,
        /// What it is; for a plugin that may not read it, only of which kind, and all else is zero.
        stat: Stat,
    },
    /// What a path or handle names.
    Stat(Stat),
    /// Bytes read, or random ones.
    Bytes(#[serde(with = "json::bytes")] Vec<u8>),
    /// How many bytes were written.
    Written(u64),
    /// What a directory holds.
    Entries(Vec<DirectoryEntry>),
    /// Where a symbolic link points.
    Target(String),
    /// The value of a variable, if it is set.
    Variable(Option<String>),
    /// Names and values of variables, in name order.
    Variables(Vec<(String, String)>),
    /// What came back over a connection.
    Exchanged(Exchanged),
    /// What a TLS connection was like.
    Secured(TlsInfo),
    /// What a URL answered.
    Fetched(HttpResponse),
    /// What a lookup found.
    Found(DnsRecords),
    /// What a mail server said.
    Greeted(SmtpInfo),
    /// How a command ended.
    Ran(CommandOutput),
    /// The time, in nanoseconds since the clock's zero.
    Time(u64),
    /// What a function of the embedder's answered.
    Json(serde_json::Value),
    /// Done, and there is nothing to tell.
    Done,
}

impl Answer {
    /// The bytes that the answer carries.
    pub(crate) fn bytes(&self) -> Vec<&[u8]> {
        match self {
            Answer::Bytes(bytes) => vec![bytes],
            Answer::Exchanged(exchanged) => vec![&exchanged.received],
            Answer::Fetched(fetched) => vec![&fetched.body],
            Answer::Ran(ran) => vec![&ran.stdout, &ran.stderr],
            _ => Vec::new(),
        }
    }
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stat {
    /// What kind of thing it is.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits, such as 0o644.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device it is on.
    pub device: u64,
    /// Its number on the device.
    pub inode: u64,
    /// How many names it has.
    pub links: u64,
    /// Last access.
    #[serde(with = "json::moment")]
    pub accessed: Moment,
    /// Last modification.
    #[serde(with = "json::moment")]
    pub modified: Moment,
    /// Last change of what is said here.
    #[serde(with = "json::moment")]
    pub changed: Moment,
    /// Where a symbolic link points, if it was not followed.
    pub target: Option<String>,
}

impl Stat {
    /// No more than of which kind it is.
    pub(crate) fn withheld(&self) -> Stat {
        Stat {
            kind: self.kind,
            size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            device: 0,
            inode: 0,
            links: 0,
            accessed: Moment::default(),
            modified: Moment::default(),
            changed: Moment::default(),
            target: None,
        }
    }
}

/// What kind of thing a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, not followed.
    Symlink,
    /// A device, FIFO or socket, which is never opened.
    Other,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryEntry {
    /// The name, without a path.
    pub name: String,
    /// What kind of thing it is.
    pub kind: FileKind,
    /// Its number on the device.
    pub inode: u64,
}

/// What came back over a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchanged {
    /// The bytes received.
    #[serde(with = "json::bytes")]
    pub received: Vec<u8>,
    /// Whether there was more than was asked for.
    pub truncated: bool,
    /// Who answered.
    pub remote: SocketAddr,
    /// From where.
    pub local: SocketAddr,
    /// Whether the time was up before the other side closed.
    pub timed_out: bool,
    /// How long connecting took.
    #[serde(with = "json::nanoseconds")]
    pub connect_time: Duration,
}

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandOutput {
    /// Its exit code; -1 if a signal ended it.
    pub exit_code: i32,
    /// What it wrote to its standard output.
    #[serde(with = "json::bytes")]
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    #[serde(with = "json::bytes")]
    pub stderr: Vec<u8>,
    /// Whether more was written to the standard output than is kept.
    pub stdout_truncated: bool,
    /// Whether more was written to the standard error than is kept.
    pub stderr_truncated: bool,
    /// Whether it was killed because its time was up.
    pub timed_out: bool,
    /// How long it took.
    #[serde(with = "json::nanoseconds")]
    pub duration: Duration,
}

/// An effect that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No grant covers it.
    Denied(Denial),
    /// It was allowed, and the world could not do it.
    Failed(Failure),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Refusal {
        Refusal::Denied(denial)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Failed(failure)
    }
}

/// A request without a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// Who requested.
    pub plugin: Text,
    /// What it requested, such as `fs:read:/etc/shadow`.
    #[serde(rename = "wish")]
    pub request: Text,
    /// The smallest grant that would allow it.
    pub needs: Text,
    /// Why what is granted does not cover it.
    pub reason: DenialReason,
}

/// Why a request was not covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DenialReason {
    /// The plugin has no grants at all.
    NoGrants,
    /// None of its grants covers the request.
    NotCovered,
    /// A grant covers the name, but the name leads out of what is granted.
    LeadsOutside,
    /// The effect would make, move or double a symbolic link that leads out of what is granted, or
    /// that could be made to.
    UnsafeLink,
    /// A grant covers the host, but one of its addresses is private or reserved.
    Address {
        /// Which address, and what would open it.
        refusal: Text,
    },
    /// A wildcard covers the command, which can be made to run code and needs a literal grant.
    RunsCode {
        /// What it is: a shell, an interpreter, …
        class: Cow<'static, str>,
    },
    /// A grant names the command, with other arguments.
    OtherArguments,
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Denial {
            plugin,
            request,
            needs,
            reason,
        } = self;
        f.write_str("permission denied: ")?;
        match reason {
            DenialReason::NoGrants => {
                write!(
                    f,
                    "no capabilities granted to plugin {plugin}, which asked for {request}"
                )?;
            }
            DenialReason::NotCovered => {
                write!(
                    f,
                    "capability denied: {request} is not granted to plugin {plugin}"
                )?;
            }
            DenialReason::LeadsOutside => write!(
                f,
                "capability denied: {request} leads through a symbolic link out of what is granted to plugin {plugin}"
            )?,
            DenialReason::UnsafeLink => write!(
                f,
                "capability denied: {request} would be, or hold, a symbolic link that can lead out of what is \
                 granted to plugin {plugin}: links of plugins have no \"..\", lead to what the plugin may \
                 read, and through no directory that it may write but those that the link is in"
            )?,
            DenialReason::Address { refusal } => write!(
                f,
                "SSRF protection: {request} leads plugin {plugin} to {refusal}"
            )?,
            DenialReason::RunsCode { class } => write!(
                f,
                "capability denied: {request} is {}, which plugin {plugin} needs a literal grant for (prevents arbitrary code execution)",
                Printable(class)
            )?,
            DenialReason::OtherArguments => write!(
                f,
                "capability denied: {request} is granted to plugin {plugin} with other arguments only"
            )?,
        }
        if self.needs.is_empty() {
            f.write_str("; no grant can allow it")
        } else {
            write!(f, "; the grant {needs} would allow it")
        }
    }
}

/// Something the world could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The class, one of [`kinds`] or a word of the embedder's.
    pub kind: Cow<'static, str>,
    /// A finer code, such as `ENOENT`; may be empty.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
}

impl Failure {
    /// A failure of this class and code.
    pub fn new(
        kind: impl Into<Cow<'static, str>>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Failure {
        Failure {
            kind: kind.into(),
            code: code.into(),
            message: message.into(),
        }
    }
}

impl From<Refusal> for ErrorDetail {
    fn from(refusal: Refusal) -> ErrorDetail {
        refusal.detail()
    }
}

impl From<Failure> for ErrorDetail {
    fn from(failure: Failure) -> ErrorDetail {
        Refusal::from(failure).detail()
    }
}

impl Refusal {
    /// The refusal as guests read it.
    pub fn detail(&self) -> ErrorDetail {
        match self {
            Refusal::Denied(denial) => {
                let kind = match denial.reason {
                    DenialReason::Address { .. } => kinds::SSRF_PROTECTION,
                    _ => kinds::CAPABILITY,
                };
                ErrorDetail::new(kind, denial.to_string()).with_code("EACCES")
            }
            Refusal::Failed(failure) => ErrorDetail {
                is_timeout: failure.kind == kinds::TIMEOUT,
                is_not_found: matches!(&*failure.code, "ENOENT" | "NXDOMAIN"),
                ..ErrorDetail::new(&*failure.kind, failure.message.clone())
                    .with_code(&*failure.code)
            },
        }
    }
}
