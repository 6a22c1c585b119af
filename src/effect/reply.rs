//! The reply to an effect: an answer, or a refusal with its reason.

use super::{DnsRecords, Handle, HttpResponse, SmtpInfo, TlsInfo, json};
use crate::printable::{Printable, Text};
use alloc::{
    borrow::Cow,
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};
use serde::{Deserialize, Serialize};
use tollgate_abi::{ErrorDetail, host::kinds, rfc3339::Moment};

/// The reply to an effect.
pub type Reply = Result<Answer, Refusal>;

/// The answer to an effect that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Answer {
    /// The file or directory is open.
    Opened {
        /// The number to use from now on.
        handle: Handle,
        /// Its metadata. For a plugin that may not read it only the kind, and zeros.
        stat: Stat,
    },
    /// The metadata of a path or an open file.
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
    /// What was received over a connection.
    Exchanged(Exchanged),
    /// The properties of a TLS connection.
    Secured(TlsInfo),
    /// The response of a URL.
    Fetched(HttpResponse),
    /// The records that a lookup found.
    Found(DnsRecords),
    /// The greeting of a mail server.
    Greeted(SmtpInfo),
    /// The result of a command.
    Ran(CommandOutput),
    /// The time, in nanoseconds since the clock's zero.
    Time(u64),
    /// The reply of one of the embedder's functions.
    Json(serde_json::Value),
    /// Done; there is nothing to return.
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

/// The metadata of a file.
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
    /// Last change of this metadata.
    #[serde(with = "json::moment")]
    pub changed: Moment,
    /// Where a symbolic link points, if it was not followed.
    pub target: Option<String>,
}

impl Stat {
    /// The same without anything but the kind.
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
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, not followed.
    Symlink,
    /// A block device, which is never opened.
    BlockDevice,
    /// A character device. Only `/dev/null` is opened.
    CharacterDevice,
    /// A socket, which is never opened.
    Socket,
    /// A FIFO or something that the system has no name for, which is never opened.
    Other,
}

impl FileKind {
    /// What it is, with an article.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            FileKind::File => "a regular file",
            FileKind::Directory => "a directory",
            FileKind::Symlink => "a symbolic link",
            FileKind::BlockDevice => "a block device",
            FileKind::CharacterDevice => "a character device",
            FileKind::Socket => "a socket",
            FileKind::Other => "a FIFO or another special file",
        }
    }
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

/// What was received over a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchanged {
    /// The bytes received.
    #[serde(with = "json::bytes")]
    pub received: Vec<u8>,
    /// Whether there was more than the limit of the effect.
    pub truncated: bool,
    /// The remote address.
    pub remote: SocketAddr,
    /// The local address.
    pub local: SocketAddr,
    /// Whether the timeout passed before the other side closed.
    pub timed_out: bool,
    /// How long connecting took.
    #[serde(with = "json::nanoseconds")]
    pub connect_time: Duration,
}

/// The result of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandOutput {
    /// Its exit code; -1 if a signal ended the command.
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
    /// Whether it was killed because its timeout passed.
    pub timed_out: bool,
    /// How long it took.
    #[serde(with = "json::nanoseconds")]
    pub duration: Duration,
}

/// An effect that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No grant allows it.
    Denied(Denial),
    /// It was allowed, and failed.
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
#[non_exhaustive]
pub struct Denial {
    /// The plugin that requested it.
    pub plugin: Text,
    /// The request, such as `fs:read:/etc/shadow`.
    #[serde(rename = "wish")]
    pub request: Text,
    /// The smallest grant that would allow it, with a wildcard where the name of a file is likely to
    /// vary from run to run; empty if no grant can.
    pub needs: Text,
    /// The other grants that the same effect needs, those that the plugin has already included: together
    /// with `needs`, they are enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Text>,
    /// Why the grants do not allow it.
    pub reason: DenialReason,
    /// What is reported to the operator instead, where a guest must not learn it: what a path leads to.
    #[serde(skip)]
    pub(crate) for_operator: Option<Box<Denial>>,
}

impl Denial {
    /// The grants that the effect needs together, the missing one first; none if no grant can allow it.
    pub fn grants(&self) -> impl Iterator<Item = &Text> {
        let needs = Some(&self.needs).filter(|needs| !needs.is_empty());
        needs.into_iter().chain(&self.also)
    }

    /// The same denial with other grants as advice; without any, no grant can allow it.
    pub(crate) fn with_grants(mut self, grants: impl IntoIterator<Item = Text>) -> Denial {
        let mut grants = grants.into_iter();
        self.needs = grants.next().unwrap_or_default();
        self.also.clear();
        for grant in grants {
            if grant != self.needs && !self.also.contains(&grant) {
                self.also.push(grant);
            }
        }
        self
    }

    /// The same denial for the guest, with more for the operator.
    pub(crate) fn with_advice(mut self, advice: Denial) -> Denial {
        self.for_operator = Some(Box::new(advice));
        self
    }

    /// What is reported to the operator.
    pub(crate) fn advice(&self) -> &Denial {
        self.for_operator.as_deref().unwrap_or(self)
    }

    /// The denial of an effect that also needs what another denial names.
    pub(crate) fn and(self, other: &Denial) -> Denial {
        let (own, other) = (self.advice(), other.advice());
        let is_possible = !own.needs.is_empty() && !other.needs.is_empty();
        let reason = match other.needs.is_empty() {
            true => other.reason.clone(),
            false => own.reason.clone(),
        };
        let grants: Vec<Text> = own.grants().chain(other.grants()).cloned().collect();
        let advice = Denial {
            reason,
            ..own.clone()
        };
        let advice = advice.with_grants(grants.into_iter().filter(|_| is_possible));
        self.with_advice(advice)
    }
}

/// Why a request was denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum DenialReason {
    /// The plugin has no grants at all.
    NoGrants,
    /// None of its grants allows the request.
    NotCovered,
    /// A grant allows the name, but the name leads out of what is granted.
    LeadsOutside,
    /// The effect would make, move or double a symbolic link that leads out of what is granted, or
    /// that could be made to.
    UnsafeLink,
    /// A grant allows the host, but one of its addresses is private or reserved.
    Address {
        /// The address, and the grant that would allow it.
        refusal: Text,
    },
    /// A wildcard matches the command, which can be made to run code and needs a literal grant.
    RunsCode {
        /// The class of the command: a shell, an interpreter, …
        class: Cow<'static, str>,
    },
    /// A grant allows the command with other arguments only.
    OtherArguments,
    /// A grant allows the path, but it names a device, a FIFO or a socket that is never opened.
    SpecialFile {
        /// What it is.
        kind: FileKind,
    },
}

impl core::fmt::Display for Denial {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Denial {
            plugin,
            request,
            needs,
            also,
            reason,
            for_operator: _,
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
            DenialReason::SpecialFile { kind } => write!(
                f,
                "capability denied: {request} requested by plugin {plugin} is {}, and only regular files, directories and /dev/null can be opened",
                kind.describe()
            )?,
        }
        if self.needs.is_empty() {
            f.write_str("; no grant can allow it")
        } else {
            match also.split_last() {
                None => write!(f, "; the grant {needs} would allow it"),
                Some((last, between)) => {
                    write!(f, "; the grants {needs}")?;
                    between
                        .iter()
                        .try_for_each(|grant| write!(f, ", {grant}"))?;
                    write!(f, " and {last} together would allow it")
                }
            }
        }
    }
}

/// Why an allowed effect failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The class: one of [`kinds`], or a word of the embedder.
    pub kind: Cow<'static, str>,
    /// A finer code, such as `ENOENT`; may be empty.
    pub code: Cow<'static, str>,
    /// The message for people.
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
    #[must_use]
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
                is_not_found: matches!(&*failure.code, "ENOENT" | "NXDOMAIN" | "NODATA"),
                ..ErrorDetail::new(&*failure.kind, failure.message.clone())
                    .with_code(&*failure.code)
            },
        }
    }
}
