//! The error object that host functions and evidence share.

use alloc::{boxed::Box, string::String};
use core::fmt;

/// The words that `type` may hold on our side of the wire. Guests may send others.
pub mod kinds {
    /// The plugin has no grant for what it asked.
    pub const CAPABILITY: &str = "capability";
    /// The request itself is wrong.
    pub const CONFIG: &str = "config";
    /// A command could not be started.
    pub const EXECUTION: &str = "execution";
    /// A file could not be read, written or examined.
    pub const FS: &str = "fs";
    /// A fault of the host, or a function that this build leaves out.
    pub const INTERNAL: &str = "internal";
    /// A connection could not be made or was lost.
    pub const NETWORK: &str = "network";
    /// A plugin panicked.
    pub const PANIC: &str = "panic";
    /// An address that is private or reserved.
    pub const SSRF_PROTECTION: &str = "ssrf_protection";
    /// A deadline passed.
    pub const TIMEOUT: &str = "timeout";
    /// A handshake or certificate was refused.
    pub const TLS: &str = "tls";
    /// A value is not of the shape it must have.
    pub const VALIDATION: &str = "validation";
}

wire! {
    /// What went wrong, in words and in codes a program can act on.
    pub struct ErrorDetail {
        /// For people.
        pub message: String = "message",
        /// The class of error; the host's own words are in [`kinds`](crate::host::kinds).
        pub kind: String = "type",
        /// A finer code such as `ENOENT` or `ECONNREFUSED`; may be empty.
        pub code: String = "code",
        /// Whether a deadline passed.
        pub is_timeout: bool = "is_timeout" omit,
        /// Whether the thing asked for does not exist.
        pub is_not_found: bool = "is_not_found" omit,
        /// The cause, if there is one worth telling.
        pub wrapped: Option<Box<ErrorDetail>> = "wrapped" omit,
        /// More, as JSON (2026 SDK only).
        pub details: Option<serde_json::Map<String, serde_json::Value>> = "details" omit,
        /// The base64 of a guest's stack trace.
        pub stack: Option<String> = "stack" omit,
    }
}

impl ErrorDetail {
    /// An error of `kind` that says `message`, with no code.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> ErrorDetail {
        ErrorDetail {
            kind: kind.into(),
            message: message.into(),
            ..ErrorDetail::default()
        }
    }

    /// The same with `code`.
    pub fn with_code(mut self, code: impl Into<String>) -> ErrorDetail {
        self.code = code.into();
        self
    }
}

/// The message alone for type `internal`, else `type: message [code]`.
impl fmt::Display for ErrorDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind.is_empty() || self.kind == kinds::INTERNAL {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.kind, self.message)?;
        if self.code.is_empty() {
            Ok(())
        } else {
            write!(f, " [{}]", self.code)
        }
    }
}

impl core::error::Error for ErrorDetail {}
