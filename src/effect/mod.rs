//! What guests request of the outside, and the answers: the vocabulary between imports, gate and
//! worlds. Nothing here decides or does anything.

#![expect(
    clippy::exhaustive_structs,
    reason = "worlds of embedders make answers of literals, and match effects"
)]

pub(crate) mod json;
mod kind;
mod need;
mod net;
mod output;
mod path;
mod redirect;
mod reply;

pub(crate) use need::{Access, Need};
pub use net::{
    DnsRecords, HttpResponse, Nameserver, RecordType, Records, Security, SmtpInfo, TlsInfo,
    TlsSession,
};
pub(crate) use output::{Nanoseconds, Output, Written};
pub(crate) use path::{absolute_from_real, absolute_path, clean_path, relative_path, without_end};
pub(crate) use redirect::Hop;
pub use reply::{
    Answer, CommandOutput, Denial, DenialReason, DirectoryEntry, Exchanged, Failure, FileKind,
    Refusal, Reply, Stat,
};

use crate::printable::write_printable;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use tollgate_abi::{host::LogAttr, rfc3339::Moment};

/// A number that stands for an open file or directory, valid for one instance.
pub type Handle = u32;

/// The most entries of a directory that a world lists. A larger directory is an error, and is never
/// listed in part.
pub(crate) const MOST_LISTED: usize = 100_000;

/// A typed request to the outside.
///
/// Paths are absolute and have no `//`, no `..` at the root, and no `.` but at their end. As for operating
/// systems, `..` leads to the parent of the directory that the path before it leads to, and a path that
/// ends with `/` or `/.` leads to a directory or to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// Opens a file or directory.
    Open {
        /// Which.
        path: String,
        /// What for.
        options: OpenOptions,
    },
    /// Closes an open file.
    Close {
        /// Which.
        handle: Handle,
    },
    /// Reads from an open file.
    ReadAt {
        /// Which.
        handle: Handle,
        /// Where to begin, in bytes.
        offset: u64,
        /// How many bytes at most.
        limit: u64,
    },
    /// Writes to an open file, or to its end.
    WriteAt {
        /// Which.
        handle: Handle,
        /// Where to begin, in bytes; `None` is the end.
        offset: Option<u64>,
        /// What.
        #[serde(with = "json::bytes")]
        bytes: Vec<u8>,
    },
    /// Examines an open file.
    StatOpen {
        /// Which.
        handle: Handle,
    },
    /// Cuts or extends an open file.
    SetSize {
        /// Which.
        handle: Handle,
        /// To how many bytes.
        size: u64,
    },
    /// Waits until what was written is on the medium.
    Sync {
        /// Which.
        handle: Handle,
    },
    /// Lists an open directory, without `.` and `..`, in name order.
    List {
        /// Which.
        handle: Handle,
    },
    /// Sets the times of an open file.
    SetTimesOpen {
        /// Which.
        handle: Handle,
        /// To what.
        times: Times,
    },
    /// Examines a path.
    Stat {
        /// The path.
        path: String,
        /// Whether a symbolic link at its end is followed.
        follow: bool,
    },
    /// Reads where a symbolic link points.
    ReadLink {
        /// The link.
        path: String,
    },
    /// Sets the times of what a path names.
    SetTimes {
        /// The path.
        path: String,
        /// Whether a symbolic link at its end is followed.
        follow: bool,
        /// To what.
        times: Times,
    },
    /// Writes a whole file at once: either all of the new content is there afterwards, or the old.
    WriteFile {
        /// The file.
        path: String,
        /// What.
        #[serde(with = "json::bytes")]
        content: Vec<u8>,
        /// How.
        mode: WriteMode,
    },
    /// Makes a directory.
    MakeDirectory {
        /// Its path.
        path: String,
    },
    /// Removes an empty directory.
    RemoveDirectory {
        /// Its path.
        path: String,
    },
    /// Removes a file or a symbolic link.
    RemoveFile {
        /// Its path.
        path: String,
    },
    /// Gives a file or directory another name.
    Rename {
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// Gives a file a second name.
    HardLink {
        /// The name it has.
        from: String,
        /// The name it gets.
        to: String,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where the link is.
        path: String,
        /// Where it points, as the guest wrote it.
        target: String,
        /// The absolute path that `target` means there; it must be granted for reading. Which links
        /// may be made at all is at [`Checkpoint::link`](crate::gate::Checkpoint::link).
        leads_to: String,
    },
    /// Reads one variable of the environment.
    Variable {
        /// Its name.
        name: String,
    },
    /// Reads all granted variables of the environment.
    Variables,
    /// Connects, sends, receives and closes the connection.
    Exchange {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// What to send.
        #[serde(with = "json::bytes")]
        send: Vec<u8>,
        /// How many bytes to receive at most; 0 closes after sending.
        receive: u64,
        /// How long all of it may take.
        #[serde(with = "json::nanoseconds")]
        timeout: Duration,
    },
    /// Connects, completes a TLS handshake and closes the connection.
    Tls {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// How long all of it may take.
        #[serde(with = "json::nanoseconds")]
        timeout: Duration,
    },
    /// Fetches one URL. Following a redirect is another effect, which is checked like the first.
    Http {
        /// The method.
        method: String,
        /// The URL, `http` or `https`, without a user's name.
        url: String,
        /// Header fields, but for those that the connection decides (`host`, `content-length`).
        headers: Vec<(String, String)>,
        /// The body; empty is none.
        #[serde(with = "json::bytes")]
        body: Vec<u8>,
        /// How many bytes of the answer's body are kept, counted when decompressed.
        body_limit: u64,
        /// How long all of it may take.
        #[serde(with = "json::nanoseconds")]
        timeout: Duration,
    },
    /// Looks up the records of a name.
    Lookup {
        /// The name, without a dot at the end.
        name: String,
        /// Which records.
        records: RecordType,
        /// The name server to ask; `None` is the resolver of the machine.
        nameserver: Option<Nameserver>,
        /// How long it may take.
        #[serde(with = "json::nanoseconds")]
        timeout: Duration,
    },
    /// Connects to a mail server, reads its greeting and closes the connection.
    Greet {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// How the connection is secured.
        security: Security,
        /// How long all of it may take.
        #[serde(with = "json::nanoseconds")]
        timeout: Duration,
    },
    /// Runs a command to its end.
    Run {
        /// Its path, or a name to be looked up.
        command: String,
        /// Its arguments, without the command itself.
        args: Vec<String>,
        /// Its working directory; `None` is the world's own.
        directory: Option<String>,
        /// Its variables, in addition to those that the world gives to every command. Variables that
        /// are not granted are removed before a world gets the effect.
        environment: Vec<(String, String)>,
        /// How long it may take.
        #[serde(with = "json::nanoseconds")]
        timeout: Duration,
        /// How many bytes of each of its outputs are kept.
        output_limit: u64,
    },
    /// Reads a clock.
    Now {
        /// Which.
        clock: Clock,
    },
    /// Lets time pass.
    Sleep {
        /// How much.
        #[serde(with = "json::nanoseconds")]
        duration: Duration,
    },
    /// Draws random bytes.
    Random {
        /// How many.
        length: u32,
    },
    /// Calls one of the embedder's functions.
    Custom {
        /// The kind of capability that it needs.
        kind: String,
        /// The function, as `module.name`.
        function: String,
        /// The request.
        request: serde_json::Value,
    },
    /// Reports a line of the log to the operator.
    Log(LogRecord),
}

/// What a file or directory is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenOptions {
    /// To read (or list) it.
    pub read: bool,
    /// To write to it.
    pub write: bool,
    /// Make the file if there is none.
    pub create: bool,
    /// Fail if there is one. Only with `create`.
    pub exclusive: bool,
    /// Cut the file to nothing.
    pub truncate: bool,
    /// It must be a directory.
    pub directory: bool,
    /// A symbolic link at the end of the path is an error.
    pub no_follow: bool,
}

/// How a whole file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WriteMode {
    /// In place of what there is, if there is something.
    Replace,
    /// Only if there is nothing.
    CreateNew,
    /// Behind what there is.
    Append,
}

/// New times of a file; `None` leaves a time as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Times {
    /// Last access.
    pub accessed: Option<SetTime>,
    /// Last modification.
    pub modified: Option<SetTime>,
}

/// One new time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SetTime {
    /// The world's present.
    Now,
    /// This moment.
    To(#[serde(with = "json::moment")] Moment),
}

/// A clock of the world's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Clock {
    /// Time of day, since 1970.
    Realtime,
    /// Time since an unspecified moment; never runs backwards.
    Monotonic,
}

/// A line of a plugin's log, safe to print: control characters are escaped and sizes capped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogRecord {
    /// The severity; printed lines have `Info`.
    pub level: LogLevel,
    /// How the plugin logged it.
    pub source: LogSource,
    /// The text.
    pub message: String,
    /// More, as the guest gave it.
    pub attrs: Vec<LogAttr>,
}

impl LogRecord {
    /// Bytes of the text and of all that the attributes hold.
    pub(crate) fn text_bytes(&self) -> usize {
        let attrs = self.attrs.iter();
        let attrs = attrs.map(|attr| attr.key.len() + attr.kind.len() + attr.value.len());
        self.message.len() + attrs.sum::<usize>()
    }
}

/// The level, the text, and each attribute as `key=value`: one line.
impl core::fmt::Display for LogRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // The fields are public, and may hold what is not escaped.
        let mut write = |text: &str| write_printable(f, text, usize::MAX);
        write(&self.level.to_string())?;
        write(" ")?;
        write(&self.message)?;
        for attr in &self.attrs {
            for text in [" ", &attr.key, "=", &attr.value] {
                write(text)?;
            }
        }
        Ok(())
    }
}

/// How a plugin logged a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogSource {
    /// By the host function for logging.
    #[default]
    Log,
    /// By printing a line to its standard output.
    Stdout,
    /// By printing a line to its standard error.
    Stderr,
}

/// The severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogLevel {
    /// For debugging the plugin.
    Debug,
    /// What the plugin does.
    Info,
    /// Something unexpected.
    Warn,
    /// A failure.
    Error,
}

impl core::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warn => "WARN",
            LogLevel::Error => "ERROR",
        })
    }
}
