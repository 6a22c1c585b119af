//! The result of `observe`.

use crate::{ErrorDetail, rfc3339};
use alloc::string::String;
use serde_json::{Map, Value};

wire! {
    /// The result of `observe`.
    ///
    /// The Go SDK writes `Status`, `Data` and so on. This crate reads either and writes lower case.
    pub struct Evidence {
        /// Whether the check passed.
        pub status: bool = "status",
        /// Why the plugin could not check.
        pub error: Option<ErrorDetail> = "error",
        /// When the plugin checked. A guest without a clock leaves it at year 1.
        pub timestamp: Timestamp = "timestamp",
        /// What the plugin observed.
        pub data: Map<String, Value> = "data",
        /// Unstructured text.
        pub raw: Option<String> = "raw",
        /// `success`, `failure` or `error`, from a plugin of the 2026 generation. Set by the host.
        pub status_word: Option<String> = "status_word" added,
        /// The message of a plugin of the 2026 generation. Set by the host.
        pub message: Option<String> = "message" added,
        /// Times and versions from a plugin of the 2026 generation. Set by the host.
        pub metadata: Option<Map<String, Value>> = "metadata" added,
    }
}

impl Evidence {
    /// Creates evidence of a check that passed.
    pub fn success(data: Map<String, Value>) -> Evidence {
        Evidence {
            status: true,
            data,
            ..Evidence::default()
        }
    }

    /// Creates evidence of a check that failed or could not be made.
    pub fn failure(error: ErrorDetail) -> Evidence {
        Evidence {
            error: Some(error),
            ..Evidence::default()
        }
    }
}

/// A time in RFC 3339, kept as the plugin wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp(String);

impl Timestamp {
    /// Parses a time in RFC 3339.
    ///
    /// # Errors
    ///
    /// If `text` is not RFC 3339.
    pub fn parse(text: &str) -> Result<Timestamp, rfc3339::BadTime> {
        rfc3339::parse(text).map(|_| Timestamp(text.into()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The zero time, 0001-01-01T00:00:00Z.
impl Default for Timestamp {
    fn default() -> Timestamp {
        Timestamp("0001-01-01T00:00:00Z".into())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{from_json, to_json};

    #[test]
    fn evidence_of_the_go_sdk_is_read_and_printed_in_lower_case() {
        let evidence: Evidence = from_json(
            br#"{"Status":false,"Error":{"Message":"no","Type":"network","Code":"ECONNREFUSED"},
                 "Timestamp":"2026-01-02T03:04:05.123456789+01:00","Data":{"Mode":"0600"},"Raw":null}"#,
        )
        .unwrap();
        assert_eq!(
            core::str::from_utf8(&to_json(&evidence)).unwrap(),
            r#"{"status":false,"error":{"message":"no","type":"network","code":"ECONNREFUSED"},"timestamp":"2026-01-02T03:04:05.123456789+01:00","data":{"Mode":"0600"},"raw":null}"#
        );
    }

    #[test]
    fn a_timestamp_must_parse_and_a_missing_one_is_the_zero_time() {
        assert!(from_json::<Evidence>(br#"{"Timestamp":"yesterday"}"#).is_err());
        let evidence: Evidence = from_json(b"null").unwrap();
        assert_eq!(evidence.timestamp.as_str(), "0001-01-01T00:00:00Z");
        assert!(!evidence.status);
    }
}
