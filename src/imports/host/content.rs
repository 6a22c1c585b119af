//! Bytes inside JSON: base64, or text on request.

use super::config_error;
use alloc::{string::String, vec::Vec};
use tollgate_abi::{ErrorDetail, base64, host::kinds};

/// How bytes are written in a request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Base64,
    Utf8,
}

impl Encoding {
    pub(super) fn parse(word: &str) -> Result<Encoding, ErrorDetail> {
        match word {
            "" | "base64" => Ok(Encoding::Base64),
            "utf-8" | "UTF-8" | "utf8" => Ok(Encoding::Utf8),
            other => Err(config_error(format!(
                "unknown encoding {other:?}: ask for \"base64\" or \"utf-8\""
            ))),
        }
    }

    pub(super) fn name(self) -> String {
        match self {
            Encoding::Base64 => "base64".into(),
            Encoding::Utf8 => "utf-8".into(),
        }
    }

    /// Writes what begins `offset` bytes into `source`.
    pub(super) fn write(
        self,
        bytes: Vec<u8>,
        source: &str,
        offset: u64,
    ) -> Result<String, ErrorDetail> {
        match self {
            Encoding::Base64 => Ok(base64::encode(&bytes)),
            Encoding::Utf8 => String::from_utf8(bytes).map_err(|error| {
                let at = offset.saturating_add(error.utf8_error().valid_up_to() as u64);
                let message = format!("{source} is not UTF-8 (from byte {at}); ask for \"base64\"");
                ErrorDetail::new(kinds::VALIDATION, message)
            }),
        }
    }

    /// Reads the field `name` of a request.
    pub(super) fn read(self, text: String, name: &str) -> Result<Vec<u8>, ErrorDetail> {
        match self {
            Encoding::Base64 => {
                base64::decode(&text).map_err(|error| config_error(format!("{name} is {error}")))
            }
            Encoding::Utf8 => Ok(text.into_bytes()),
        }
    }
}
