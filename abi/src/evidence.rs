//! What a plugin answers when it has looked.

use crate::{ErrorDetail, rfc3339};
use alloc::string::String;
use serde_json::{Map, Value};

wire! {
    /// The result of `observe`.
    ///
    /// Plugins of the Go SDK write `Status`, `Data` and so on; this crate prints lower case, and
    /// either is read.
    pub struct Evidence {
        /// Whether what was observed is as it should be.
        pub status: bool = "status",
        /// Why the plugin could not tell, if it could not.
        pub error: Option<ErrorDetail> = "error",
        /// When the plugin looked, RFC 3339. A guest without a clock leaves it zero.
        pub timestamp: Timestamp = "timestamp",
        /// What the plugin saw.
        pub data: Map<String, Value> = "data",
        /// Raw text the plugin wants kept.
        pub raw: Option<String> = "raw",
        /// The word of a plugin of the 2026 generation: `success`, `failure` or `error`. Only the
        /// host sets it.
        pub status_word: Option<String> = "status_word" added,
        /// The plugin's own words (2026 generation only; set by the host).
        pub message: Option<String> = "message" added,
        /// When and by what the plugin looked (2026 generation only; set by the host).
        pub metadata: Option<Map<String, Value>> = "metadata" added,
    }
}

impl Evidence {
    /// Evidence that all is well.
    pub fn success(data: Map<String, Value>) -> Evidence {
        Evidence {
            status: true,
            data,
            ..Evidence::default()
        }
    }

    /// Evidence that the check failed or could not be made.
    pub fn failure(error: ErrorDetail) -> Evidence {
        Evidence {
            error: Some(error),
            ..Evidence::default()
        }
    }
}

/// A moment as RFC 3339 text, kept as the plugin wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp(String);

impl Timestamp {
    /// The moment that `text` names.
    ///
    /// # Errors
    ///
    /// If `text` is not RFC 3339.
    pub fn parse(text: &str) -> Result<Timestamp, rfc3339::BadTime> {
        rfc3339::parse(text).map(|_| Timestamp(text.into()))
    }

    /// The RFC 3339 text.
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
