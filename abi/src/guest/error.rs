//! Errors of a plugin. The type holds less than [`ErrorDetail`], because its code is part of every
//! plugin.

use crate::{ErrorDetail, host::kinds};
use alloc::string::String;
use core::fmt;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request was not granted; the message names the missing grant.
    Denied,
    /// The address is private or reserved; the message names the grant that allows it.
    AddressRefused,
    /// The file or name does not exist.
    NotFound,
    /// A deadline passed.
    Timeout,
    /// The host does not support the request.
    Unsupported,
    /// The config, or a request to the host, is invalid.
    Config,
    /// A value has the wrong shape.
    Validation,
    /// A file operation failed.
    Fs,
    /// A connection could not be made, or it broke.
    Network,
    /// A TLS handshake or certificate was rejected.
    Tls,
    /// A command could not be started.
    Execution,
    /// A fault of the host or of the transport.
    Internal,
    /// A kind that this crate does not know.
    Other,
}

impl ErrorKind {
    /// The value of `type` in JSON.
    const fn word(self) -> &'static str {
        match self {
            ErrorKind::Denied => kinds::CAPABILITY,
            ErrorKind::AddressRefused => kinds::SSRF_PROTECTION,
            ErrorKind::Timeout => kinds::TIMEOUT,
            ErrorKind::Config => kinds::CONFIG,
            ErrorKind::Validation => kinds::VALIDATION,
            ErrorKind::NotFound | ErrorKind::Fs => kinds::FS,
            ErrorKind::Network => kinds::NETWORK,
            ErrorKind::Tls => kinds::TLS,
            ErrorKind::Execution => kinds::EXECUTION,
            ErrorKind::Unsupported | ErrorKind::Internal | ErrorKind::Other => kinds::INTERNAL,
        }
    }
}

wire! {
    /// The error in JSON.
    pub struct WireError {
        pub message: String = "message",
        pub kind: String = "type",
        pub code: String = "code",
        pub is_timeout: bool = "is_timeout" omit,
        pub is_not_found: bool = "is_not_found" omit,
    }
}

/// Why a plugin could not check: an error of the host or of the plugin.
///
/// ```
/// use tollgate_abi::guest::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Validation, "that is no port").with_code("port");
/// assert_eq!(error.kind(), ErrorKind::Validation);
/// assert_eq!(error.to_string(), "validation: that is no port [port]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Error(pub(super) WireError);

impl Error {
    /// Creates an error.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(WireError {
            message: message.into(),
            kind: kind.word().into(),
            code: match kind {
                ErrorKind::Unsupported => "UNSUPPORTED".into(),
                _ => String::new(),
            },
            is_timeout: kind == ErrorKind::Timeout,
            is_not_found: kind == ErrorKind::NotFound,
        })
    }

    /// Creates an error about a field of the config; the message is the name of the field and `why`.
    ///
    /// ```
    /// # use tollgate_abi::guest::Error;
    /// assert_eq!(Error::config("port", "must not be 0").message(), "port must not be 0");
    /// ```
    pub fn config(field: &str, why: &str) -> Error {
        Error::new(ErrorKind::Config, [field, " ", why].concat()).with_code(field)
    }

    /// Sets the code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Error {
        self.0.code = code.into();
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        if self.0.is_not_found {
            return ErrorKind::NotFound;
        }
        if self.0.is_timeout {
            return ErrorKind::Timeout;
        }
        if self.0.code == "UNSUPPORTED" {
            return ErrorKind::Unsupported;
        }
        match self.0.kind.as_str() {
            kinds::CAPABILITY => ErrorKind::Denied,
            kinds::SSRF_PROTECTION => ErrorKind::AddressRefused,
            kinds::TIMEOUT => ErrorKind::Timeout,
            kinds::CONFIG => ErrorKind::Config,
            kinds::VALIDATION => ErrorKind::Validation,
            kinds::FS => ErrorKind::Fs,
            kinds::NETWORK => ErrorKind::Network,
            kinds::TLS => ErrorKind::Tls,
            kinds::EXECUTION => ErrorKind::Execution,
            kinds::INTERNAL => ErrorKind::Internal,
            _ => ErrorKind::Other,
        }
    }

    /// Returns the message for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the finer code, such as `ENOENT` or `ECONNREFUSED`; may be empty.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Creates the error of an invalid reply.
    pub(super) fn broken(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }
}

/// Writes the message alone for type `internal`, else `type: message [code]`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.0.kind.as_str(), "" | kinds::INTERNAL) {
            write!(f, "{}: ", self.0.kind)?;
        }
        f.write_str(&self.0.message)?;
        match self.0.code.as_str() {
            "" => Ok(()),
            code => write!(f, " [{code}]"),
        }
    }
}

impl core::error::Error for Error {}

/// Drops cause, details and stack.
impl From<ErrorDetail> for Error {
    fn from(detail: ErrorDetail) -> Error {
        Error(WireError {
            message: detail.message,
            kind: detail.kind,
            code: detail.code,
            is_timeout: detail.is_timeout,
            is_not_found: detail.is_not_found,
        })
    }
}

impl From<Error> for ErrorDetail {
    fn from(error: Error) -> ErrorDetail {
        ErrorDetail {
            message: error.0.message,
            kind: error.0.kind,
            code: error.0.code,
            is_timeout: error.0.is_timeout,
            is_not_found: error.0.is_not_found,
            ..ErrorDetail::default()
        }
    }
}

impl<'de> serde::Deserialize<'de> for Error {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Error, D::Error> {
        WireError::deserialize(deserializer).map(Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{from_json, to_json};

    #[test]
    fn a_kind_survives_the_wire() {
        use ErrorKind::*;
        for kind in [
            Denied,
            AddressRefused,
            NotFound,
            Timeout,
            Unsupported,
            Config,
            Validation,
            Fs,
            Network,
            Tls,
            Execution,
            Internal,
        ] {
            let error = Error::new(kind, "why");
            assert_eq!(error.kind(), kind);
            let back: Error = from_json(&to_json(&error.0)).unwrap();
            assert_eq!((back.kind(), back.message()), (kind, "why"));
            assert_eq!(Error::from(ErrorDetail::from(error.clone())), error);
        }
    }

    #[test]
    fn a_word_that_is_not_known_is_kept() {
        let error: Error =
            from_json(br#"{"type":"weather","message":"rain","code":"W1"}"#).unwrap();
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(ErrorDetail::from(error).kind, "weather");
    }
}
