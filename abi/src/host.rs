//! Requests and replies of the host functions.
//!
//! When `error` of a reply is set, its other keys have no meaning, unless the table of
//! [functions](crate::functions) says otherwise. The types are exhaustive: write
//! `..Default::default()` after the fields that you set, and a new field does not break your code.

use crate::ErrorDetail;
use alloc::{string::String, vec::Vec};

mod net;

pub use crate::error_detail::kinds;
pub use net::*;

wire! {
    /// Time limits of a request.
    pub struct Context {
        /// An absolute deadline, in RFC 3339.
        pub deadline: Option<String> = "deadline" omit,
        /// A limit in milliseconds; 0 sets none.
        pub timeout_ms: u64 = "timeout_ms" milliseconds,
        /// An identifier for correlation; the host ignores it.
        pub request_id: String = "request_id" omit,
        /// Whether the request is already cancelled; it then fails at once.
        pub canceled: bool = "canceled" omit,
    }
}

wire! {
    /// Which part of which file to read.
    pub struct FsReadRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// The file. A relative path starts at the working directory of the host.
        pub path: String = "path",
        /// `base64` or `utf-8`; empty is `base64`.
        pub encoding: String = "encoding" omit,
        /// Where to start, in bytes.
        pub offset: u64 = "offset" omit,
        /// The most bytes to read; 0 is as many as the host allows.
        pub limit: u64 = "limit" omit,
    }
}

wire! {
    /// The content of a file.
    pub struct FsReadReply {
        /// The bytes, in `encoding`.
        pub content: String = "content",
        /// `base64` or `utf-8`, as requested.
        pub encoding: String = "encoding",
        /// The size of the whole file, in bytes.
        pub size: u64 = "size",
        /// Whether the file continues after `content`.
        pub truncated: bool = "truncated" omit,
        /// Why the file could not be read.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Which path to examine.
    pub struct FsStatRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// The path. A relative one starts at the working directory of the host.
        pub path: String = "path",
        /// Whether to describe a symbolic link itself instead of its target.
        pub no_follow: bool = "no_follow" omit,
    }
}

wire! {
    /// A file, a directory or a symbolic link.
    pub struct FsStatReply {
        /// `file`, `directory`, `symlink` or `other`.
        pub kind: String = "kind",
        /// Size in bytes.
        pub size: u64 = "size",
        /// Permission bits: 420 is octal 644.
        pub mode: u32 = "mode",
        /// The user ID of the owner.
        pub uid: u32 = "uid",
        /// The group ID.
        pub gid: u32 = "gid",
        /// The last modification, in RFC 3339.
        pub modified: String = "modified",
        /// The target of a symbolic link; only with `no_follow`.
        pub target: Option<String> = "target" omit,
        /// Why the path could not be examined.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Which directory to list.
    pub struct FsListRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// The directory. A relative path starts at the working directory of the host.
        pub path: String = "path",
    }
}

wire! {
    /// The entries of a directory, in byte order.
    pub struct FsListReply {
        /// The entries, without `.` and `..`.
        pub entries: Vec<FsEntry> = "entries",
        /// Whether entries were left out because of the size limit.
        pub truncated: bool = "truncated" omit,
        /// Why the directory could not be listed.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// One entry of a directory.
    pub struct FsEntry {
        /// The name, without a path.
        pub name: String = "name",
        /// `file`, `directory`, `symlink` or `other`.
        pub kind: String = "kind",
    }
}

wire! {
    /// Which file to write.
    pub struct FsWriteRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// The file. A relative path starts at the working directory of the host.
        pub path: String = "path",
        /// The bytes, in `encoding`.
        pub content: String = "content",
        /// `base64` or `utf-8`; empty is `base64`.
        pub encoding: String = "encoding" omit,
        /// `replace` (also when empty) replaces the content, whole or not at all. `append` writes
        /// after the old content. `create` fails if the file exists.
        pub mode: String = "mode" omit,
    }
}

wire! {
    /// The result of writing a file.
    pub struct FsWriteReply {
        /// How many bytes were written.
        pub written: u64 = "written",
        /// Why nothing was written.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Which environment variable to return.
    pub struct EnvGetRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// The name of the variable.
        pub name: String = "name",
    }
}

wire! {
    /// An environment variable.
    pub struct EnvGetReply {
        /// Whether the variable is set.
        pub is_set: bool = "is_set",
        /// Its value.
        pub value: String = "value",
        /// Why the variable was not returned.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Which command to run.
    pub struct ExecRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// A path, or a name that the host looks up in its `PATH`.
        pub command: String = "command",
        /// The arguments, without the command itself. No shell interprets them.
        pub args: Vec<String> = "args",
        /// The working directory; empty is that of the host.
        pub dir: String = "dir" omit,
        /// The whole environment, each entry `NAME=VALUE`. The last entry of a name counts.
        pub env: Vec<String> = "env" omit,
        /// The most time for the command, in milliseconds; 0 means the host's maximum.
        pub timeout_ms: u64 = "timeout_ms" milliseconds,
    }
}

wire! {
    /// How a command ended. An exit code other than 0 is not an error. If the time is
    /// up, the host kills the command and returns an error with the output so far.
    pub struct ExecReply {
        /// Its standard output; bytes that are not UTF-8 are U+FFFD.
        pub stdout: String = "stdout",
        /// Its standard error, likewise.
        pub stderr: String = "stderr",
        /// Its exit code; -1 if a signal killed it or if it did not run.
        pub exit_code: i32 = "exit_code",
        /// How long it ran, in milliseconds.
        pub duration_ms: u64 = "duration_ms" omit,
        /// Whether it was killed because its time was up.
        pub is_timeout: bool = "is_timeout" omit,
        /// Whether `stdout` was cut.
        pub stdout_truncated: bool = "stdout_truncated" omit,
        /// Whether `stderr` was cut.
        pub stderr_truncated: bool = "stderr_truncated" omit,
        /// Why it did not run, or why it was killed.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Nothing to choose.
    pub struct LastDenialRequest {
        /// Time limits.
        pub context: Context = "context" omit,
    }
}

wire! {
    /// Why a function of WASI returned `EACCES`.
    pub struct LastDenialReply {
        /// The denial, with the grant that would help. Missing if the last function of WASI that failed in this
        /// call was not denied.
        pub denial: Option<ErrorDetail> = "denial" omit,
        /// Why there is no reply.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// A line for the log of the host.
    pub struct LogMessage {
        /// Time limits; ignored.
        pub context: Context = "context" omit,
        /// `DEBUG`, `INFO`, `WARN` or `ERROR`, in any case, optionally with an offset (`INFO+2`).
        pub level: String = "level",
        /// The text.
        pub message: String = "message",
        /// The time by the clock of the guest; the host ignores it.
        pub timestamp: String = "timestamp" omit,
        /// Named values.
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
