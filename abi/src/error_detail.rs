//! The error object that host functions and evidence share.

use alloc::{boxed::Box, string::String};
use core::fmt;

macro_rules! kinds {
    ($( $(#[doc = $doc:literal])* $constant:ident = $word:literal; )*) => {
        /// The values of `type` that the host sends. Guests may send others.
        pub mod kinds {
            $( $(#[doc = $doc])* pub const $constant: &str = $word; )*

            /// Each value with its meaning.
            pub const ALL: &[(&str, &str)] = &[
                $( ($constant, concat!($($doc),*).trim_ascii()), )*
            ];
        }
    };
}

kinds! {
    /// The plugin has no grant for the request.
    CAPABILITY = "capability";
    /// The request or the config is invalid.
    CONFIG = "config";
    /// A command could not be started.
    EXECUTION = "execution";
    /// A file operation failed.
    FS = "fs";
    /// A fault of the host, or a function that this build of the host does not include.
    INTERNAL = "internal";
    /// A connection could not be made, or it broke.
    NETWORK = "network";
    /// The plugin panicked.
    PANIC = "panic";
    /// The address is private or reserved, and no grant opens it.
    SSRF_PROTECTION = "ssrf_protection";
    /// A deadline passed.
    TIMEOUT = "timeout";
    /// A TLS handshake or certificate was rejected.
    TLS = "tls";
    /// A value has the wrong shape.
    VALIDATION = "validation";
}

wire! {
    /// An error: a message for people, and codes for programs.
    pub struct ErrorDetail {
        /// For people.
        pub message: String = "message",
        /// The class of error. The host uses the values of [`kinds`](crate::host::kinds).
        pub kind: String = "type",
        /// A finer code such as `ENOENT` or `ECONNREFUSED`; may be empty.
        pub code: String = "code",
        /// Whether a deadline passed.
        pub is_timeout: bool = "is_timeout" omit,
        /// Whether the requested thing does not exist.
        pub is_not_found: bool = "is_not_found" omit,
        /// The cause.
        pub wrapped: Option<Box<ErrorDetail>> = "wrapped" omit,
        /// More information.
        pub details: Option<serde_json::Map<String, serde_json::Value>> = "details" omit,
        /// The stack trace of a guest, in base64.
        pub stack: Option<String> = "stack" omit,
    }
}

impl ErrorDetail {
    /// Creates an error of this kind with this message and no code.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> ErrorDetail {
        ErrorDetail {
            kind: kind.into(),
            message: message.into(),
            ..ErrorDetail::default()
        }
    }

    /// Sets the code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> ErrorDetail {
        self.code = code.into();
        self
    }
}

/// Writes the message alone for type `internal`, else `type: message [code]`.
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
