//! What a plugin does with an error: tell its kinds apart, and pass it on. The host's own error
//! object has more to it; this one stays small, because every plugin carries its code.

use crate::{ErrorDetail, host::kinds};
use alloc::string::String;
use core::fmt;

/// Which kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operator has not granted what was asked; the message names the grant.
    Denied,
    /// An address that is private or reserved; the message names the grant that opens it.
    AddressRefused,
    /// There is no such file or name.
    NotFound,
    /// A deadline passed.
    Timeout,
    /// This host cannot do that.
    Unsupported,
    /// The config, or a request to the host, is wrong.
    Config,
    /// A value is not of the shape it must have.
    Validation,
    /// A file could not be read, written or examined.
    Fs,
    /// A connection could not be made or was lost.
    Network,
    /// A handshake or certificate was refused.
    Tls,
    /// A command could not be started.
    Execution,
    /// A fault of the host, or of what lies between it and the plugin.
    Internal,
    /// Another word than this crate knows.
    Other,
}

impl ErrorKind {
    /// The word on the wire.
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
    /// As it crosses the boundary.
    pub struct Told {
        pub message: String = "message",
        pub kind: String = "type",
        pub code: String = "code",
        pub is_timeout: bool = "is_timeout" omit,
        pub is_not_found: bool = "is_not_found" omit,
    }
}

/// Why a plugin could not look: the host's answer, or the plugin's own words.
///
/// ```
/// use tollgate_abi::guest::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Validation, "that is no port").with_code("port");
/// assert_eq!(error.kind(), ErrorKind::Validation);
/// assert_eq!(error.to_string(), "validation: that is no port [port]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Error(pub(super) Told);

impl Error {
    /// An error of the plugin's own.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Told {
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

    /// The config is wrong in this field; the message is the field's name and `why`.
    ///
    /// ```
    /// # use tollgate_abi::guest::Error;
    /// assert_eq!(Error::config("port", "must not be 0").message(), "port must not be 0");
    /// ```
    pub fn config(field: &str, why: &str) -> Error {
        Error::new(ErrorKind::Config, [field, " ", why].concat()).with_code(field)
    }

    /// The same with a finer code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Error {
        self.0.code = code.into();
        self
    }

    /// Which kind it is.
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

    /// For people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// A finer code such as `ENOENT` or `ECONNREFUSED`; may be empty.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// A reply that is none.
    pub(super) fn broken(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }
}

/// The message alone for type `internal`, else `type: message [code]`.
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

/// The host's error object, without its cause, details and stack.
impl From<ErrorDetail> for Error {
    fn from(detail: ErrorDetail) -> Error {
        Error(Told {
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
        Told::deserialize(deserializer).map(Error)
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
