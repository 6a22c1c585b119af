//! Requests and replies of the host functions, one pair a function.
//!
//! Every reply carries `error`; when it is set, the other keys have no meaning. The functions that
//! reach the network are in `net`.

use crate::ErrorDetail;
use alloc::{string::String, vec::Vec};

mod net;

pub use crate::error_detail::kinds;
pub use net::*;

wire! {
    /// How long the caller of a host function is willing to wait, and who it is.
    pub struct Context {
        /// An absolute deadline, RFC 3339.
        pub deadline: Option<String> = "deadline" omit,
        /// A relative one, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
        /// For correlation only.
        pub request_id: String = "request_id" omit,
        /// Whether the operation was given up already; it then fails at once.
        pub canceled: bool = "canceled" omit,
    }
}

wire! {
    /// Asks for the content of a file.
    pub struct FsReadRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// The file; a relative path starts at the host's working directory.
        pub path: String = "path",
        /// `base64` (also when empty) or `utf-8`.
        pub encoding: String = "encoding" omit,
        /// Where to begin, in bytes.
        pub offset: u64 = "offset" omit,
        /// How many bytes at most; 0 is as many as the host allows.
        pub limit: u64 = "limit" omit,
    }
}

wire! {
    /// The content of a file.
    pub struct FsReadReply {
        /// The bytes in `encoding`.
        pub content: String = "content",
        /// `base64` or `utf-8`, as asked.
        pub encoding: String = "encoding",
        /// The size of the whole file, in bytes.
        pub size: u64 = "size",
        /// Whether the file goes on after what was read.
        pub truncated: bool = "truncated" omit,
        /// Why the file could not be read.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Asks what a path names.
    pub struct FsStatRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// The path; a relative one starts at the host's working directory.
        pub path: String = "path",
        /// Whether to examine a symbolic link itself instead of what it leads to.
        pub no_follow: bool = "no_follow" omit,
    }
}

wire! {
    /// What a path names.
    pub struct FsStatReply {
        /// `file`, `directory`, `symlink` or `other`.
        pub kind: String = "kind",
        /// Size in bytes.
        pub size: u64 = "size",
        /// Permission bits, such as 0o644.
        pub mode: u32 = "mode",
        /// Owner.
        pub uid: u32 = "uid",
        /// Group.
        pub gid: u32 = "gid",
        /// Last modification, RFC 3339.
        pub modified: String = "modified",
        /// Where a symbolic link points (only with `no_follow`).
        pub target: Option<String> = "target" omit,
        /// Why the path could not be examined.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Asks for the names in a directory.
    pub struct FsListRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// The directory; a relative path starts at the host's working directory.
        pub path: String = "path",
    }
}

wire! {
    /// The names in a directory, in byte order.
    pub struct FsListReply {
        /// What is in it, without `.` and `..`.
        pub entries: Vec<FsEntry> = "entries",
        /// Whether there are more than the host tells.
        pub truncated: bool = "truncated" omit,
        /// Why the directory could not be listed.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// One name in a directory.
    pub struct FsEntry {
        /// The name, without a path.
        pub name: String = "name",
        /// `file`, `directory`, `symlink` or `other`.
        pub kind: String = "kind",
    }
}

wire! {
    /// Asks for a file to be written, all at once.
    pub struct FsWriteRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// The file; a relative path starts at the host's working directory.
        pub path: String = "path",
        /// The bytes in `encoding`.
        pub content: String = "content",
        /// `base64` (also when empty) or `utf-8`.
        pub encoding: String = "encoding" omit,
        /// `replace` (also when empty): the new content takes the old one's place, or nothing
        /// changes. `append`: behind the old content. `create`: only if there is no file.
        pub mode: String = "mode" omit,
    }
}

wire! {
    /// How much was written.
    pub struct FsWriteReply {
        /// In bytes.
        pub written: u64 = "written",
        /// Why nothing was written.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Asks for a variable of the environment.
    pub struct EnvGetRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// Its name.
        pub name: String = "name",
    }
}

wire! {
    /// A variable of the environment, as it was when the runtime was built.
    pub struct EnvGetReply {
        /// Whether it is set.
        pub is_set: bool = "is_set",
        /// Its value.
        pub value: String = "value",
        /// Why it is not told.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Asks for a command to be run to its end.
    pub struct ExecRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// A path, or a bare name that is looked up in the host's `PATH`.
        pub command: String = "command",
        /// The arguments, without the command itself. No shell looks at them.
        pub args: Vec<String> = "args",
        /// The working directory; empty is the host's own.
        pub dir: String = "dir" omit,
        /// The whole environment, each entry `NAME=VALUE`; of a name given twice the last counts.
        pub env: Vec<String> = "env" omit,
        /// How long the command may take, in milliseconds; 0 is as long as the host allows.
        pub timeout_ms: u64 = "timeout_ms" omit,
    }
}

wire! {
    /// How a command ended. A command that ends with another code than 0 is not an error; one
    /// whose time was up is, and what it had written by then is here all the same.
    pub struct ExecReply {
        /// What it wrote to its standard output; bytes that are not UTF-8 are U+FFFD.
        pub stdout: String = "stdout",
        /// What it wrote to its standard error, likewise.
        pub stderr: String = "stderr",
        /// Its exit code; -1 if a signal ended it, or if it did not run.
        pub exit_code: i32 = "exit_code",
        /// How long it took.
        pub duration_ms: u64 = "duration_ms" omit,
        /// Whether its time was up; it was killed then.
        pub is_timeout: bool = "is_timeout" omit,
        /// Whether it wrote more to its standard output than `stdout` holds.
        pub stdout_truncated: bool = "stdout_truncated" omit,
        /// Whether it wrote more to its standard error than `stderr` holds.
        pub stderr_truncated: bool = "stderr_truncated" omit,
        /// Why it did not run, or did not come to its end.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// A line for the host's log; there is no reply.
    pub struct LogMessage {
        /// Who it is.
        pub context: Context = "context" omit,
        /// `DEBUG`, `INFO`, `WARN` or `ERROR`, in any case, optionally with an offset (`INFO+2`).
        pub level: String = "level",
        /// The text.
        pub message: String = "message",
        /// The guest's own idea of the time; ignored by the host.
        pub timestamp: String = "timestamp" omit,
        /// More, as typed text.
        pub attrs: Vec<LogAttr> = "attrs" omit,
    }
}

wire! {
    /// One attribute of a [`LogMessage`].
    pub struct LogAttr {
        /// Its name.
        pub key: String = "key",
        /// `string`, `int64`, `uint64`, `bool`, `float64`, `time`, `duration`, `error`, `json`, …
        pub kind: String = "type",
        /// Its value as text.
        pub value: String = "value",
    }
}

impl Eq for LogAttr {}
