//! Requests and replies of the host functions, one pair a function.
//!
//! Every reply carries `error`; when it is set, the other keys have no meaning.

use crate::ErrorDetail;
use alloc::{string::String, vec::Vec};

pub use crate::error_detail::kinds;

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
        pub error: Option<ErrorDetail> = "error" omit,
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
        pub error: Option<ErrorDetail> = "error" omit,
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
        pub error: Option<ErrorDetail> = "error" omit,
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
        pub error: Option<ErrorDetail> = "error" omit,
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
        pub error: Option<ErrorDetail> = "error" omit,
    }
}

wire! {
    /// Asks for a connection over which bytes are sent and received, and which is then closed.
    pub struct NetConnectRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// A name or an address.
        pub host: String = "host",
        /// The port.
        pub port: u16 = "port",
        /// What to send, in `encoding`.
        pub send: String = "send" omit,
        /// `base64` (also when empty) or `utf-8`, for `send` and the reply's `received`.
        pub encoding: String = "encoding" omit,
        /// How many bytes to receive at most; 0 closes after sending.
        pub receive: u64 = "receive" omit,
        /// How long all of it may take, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
    }
}

wire! {
    /// What came of a connection.
    pub struct NetConnectReply {
        /// Whether it was made.
        pub connected: bool = "connected",
        /// What was received, in `encoding`.
        pub received: String = "received",
        /// `base64` or `utf-8`, as asked.
        pub encoding: String = "encoding",
        /// Whether there was more than was asked for.
        pub truncated: bool = "truncated" omit,
        /// Whether the time was up before the other side closed; `received` is what had come.
        pub is_timeout: bool = "is_timeout" omit,
        /// Who answered, `ip:port`.
        pub remote_addr: String = "remote_addr" omit,
        /// From where, `ip:port`.
        pub local_addr: String = "local_addr" omit,
        /// How long connecting took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Why there was no connection, or why it broke.
        pub error: Option<ErrorDetail> = "error" omit,
    }
}

wire! {
    /// Asks whether a TCP (and TLS) connection can be made.
    pub struct TcpConnectRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// A name or an address.
        pub host: String = "host",
        /// The port, as text.
        pub port: String = "port",
        /// How long it may take, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
        /// Whether to speak TLS.
        pub tls: bool = "tls",
    }
}

wire! {
    /// What a connection was like. When `error` is set, every other key is zero.
    pub struct TcpConnectReply {
        /// Whether it was made.
        pub connected: bool = "connected",
        /// Host and port as given; an IPv6 address in brackets.
        pub address: String = "address" omit,
        /// Who answered, `ip:port`.
        pub remote_addr: String = "remote_addr" omit,
        /// From where, `ip:port`.
        pub local_addr: String = "local_addr" omit,
        /// How long connecting (and the handshake) took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Whether TLS was spoken.
        pub tls: bool = "tls" omit,
        /// `TLS 1.2` or `TLS 1.3`.
        pub tls_version: String = "tls_version" omit,
        /// The IANA name of the cipher suite.
        pub tls_cipher_suite: String = "tls_cipher_suite" omit,
        /// The server name that was asked for; empty for an address.
        pub tls_server_name: String = "tls_server_name" omit,
        /// The subject of the server's certificate.
        pub tls_cert_subject: String = "tls_cert_subject" omit,
        /// Its issuer.
        pub tls_cert_issuer: String = "tls_cert_issuer" omit,
        /// When it ends, RFC 3339.
        pub tls_cert_not_after: String = "tls_cert_not_after" omit,
        /// Why there was no connection.
        pub error: Option<ErrorDetail> = "error" omit,
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
        pub error: Option<ErrorDetail> = "error" omit,
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
