//! How effects and replies are written as JSON: bytes as text where they are UTF-8, lengths of
//! time in nanoseconds, moments as RFC 3339. Transcripts and scripted worlds use this form.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use tollgate_abi::{
    base64,
    rfc3339::{self, Moment},
    sha256,
};

/// Bytes from this many on are written as their digest alone, and stored once beside it.
pub(crate) const LARGE: usize = 4096;

/// A string where the bytes are UTF-8, or else an object with their base64; of [`LARGE`] ones
/// only the digest.
pub(crate) mod bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        if bytes.len() >= LARGE {
            let sha256 = digest_text(bytes);
            return Written::Large { sha256 }.serialize(to);
        }
        Inline(bytes).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        match Written::deserialize(from)? {
            Written::Text(text) => Ok(text.into_bytes()),
            Written::Encoded { base64 } => base64::decode(&base64)
                .map_err(|error| D::Error::custom(format!("bad base64: {error}"))),
            Written::Large { sha256 } => Err(D::Error::custom(format!(
                "the bytes with SHA-256 {sha256} are not stored here"
            ))),
        }
    }
}

/// Bytes as they stand in an effect or a reply.
pub(crate) struct Body<'a>(pub(crate) &'a [u8]);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        bytes::serialize(self.0, to)
    }
}

/// Bytes, whole, whatever their length.
pub(crate) struct Inline<'a>(pub(crate) &'a [u8]);

impl Serialize for Inline<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match core::str::from_utf8(self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => Written::Encoded {
                base64: base64::encode(self.0),
            }
            .serialize(to),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Text(String),
    Encoded { base64: String },
    Large { sha256: String },
}

pub(crate) fn digest_text(bytes: &[u8]) -> String {
    sha256::hex(&sha256::digest(bytes))
}

/// A whole number of nanoseconds; what is longer than 584 years is cut to that.
pub(crate) mod nanoseconds {
    use super::*;
    use core::time::Duration;

    pub(crate) fn serialize<S: Serializer>(length: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

/// The same, or `null`.
pub(crate) mod optional_nanoseconds {
    use super::*;
    use core::time::Duration;

    pub(crate) fn serialize<S: Serializer>(
        length: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match length {
            Some(length) => nanoseconds::serialize(length, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_nanos))
    }
}

/// RFC 3339 text, or for years which that cannot write, seconds and nanoseconds.
pub(crate) mod moment {
    use super::*;

    /// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
    const FIRST: i64 = -62_167_219_200;
    const LAST: i64 = 253_402_300_799;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged, deny_unknown_fields)]
    enum Written {
        Text(String),
        Counted { seconds: i64, nanos: u32 },
    }

    pub(crate) fn serialize<S: Serializer>(moment: &Moment, to: S) -> Result<S::Ok, S::Error> {
        let Moment { seconds, nanos } = *moment;
        if (FIRST..=LAST).contains(&seconds) && nanos < 1_000_000_000 {
            return to.serialize_str(&rfc3339::format(*moment));
        }
        Written::Counted { seconds, nanos }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Moment, D::Error> {
        match Written::deserialize(from)? {
            Written::Text(text) => rfc3339::parse(&text).map_err(D::Error::custom),
            Written::Counted { seconds, nanos } => Ok(Moment { seconds, nanos }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{SetTime, Times};
    use proptest::prelude::*;

    fn round_trip(moment: Moment) {
        let times = Times {
            accessed: Some(SetTime::To(moment)),
            modified: None,
        };
        let text = serde_json::to_string(&times).unwrap();
        assert_eq!(
            serde_json::from_str::<Times>(&text).unwrap(),
            times,
            "{text}"
        );
    }

    #[test]
    fn the_first_and_the_last_moment_with_a_text_are_texts() {
        for (text, outside) in [("0000-01-01T00:00:00Z", -1), ("9999-12-31T23:59:59Z", 1)] {
            let moment = rfc3339::parse(text).unwrap();
            let json = serde_json::to_string(&SetTime::To(moment)).unwrap();
            assert!(json.contains(text), "{json}");
            let beyond = Moment {
                seconds: moment.seconds + outside,
                nanos: 0,
            };
            let json = serde_json::to_string(&SetTime::To(beyond)).unwrap();
            assert!(json.contains("seconds"), "{json}");
            round_trip(moment);
            round_trip(beyond);
        }
    }

    proptest! {
        #[test]
        fn every_moment_comes_back(seconds: i64, nanos in 0..1_000_000_000u32) {
            round_trip(Moment { seconds, nanos });
            round_trip(Moment { seconds: seconds >> 20, nanos });
        }

        #[test]
        fn bytes_come_back_unless_they_are_large(bytes: Vec<u8>) {
            let text = serde_json::to_string(&Body(&bytes)).unwrap();
            let mut from = serde_json::Deserializer::from_str(&text);
            prop_assert_eq!(bytes::deserialize(&mut from).unwrap(), bytes);
        }
    }
}
