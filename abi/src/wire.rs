//! JSON on both sides: the `wire!` macro, which makes a struct with tolerant decoding, and the two
//! functions that read and write.

use crate::well_formed;
use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize, de};

/// Invalid JSON, or JSON of an unexpected shape.
#[derive(Debug)]
pub struct JsonError(serde_json::Error);

impl JsonError {
    /// Returns whether the text is valid JSON of another shape.
    pub fn is_shape(&self) -> bool {
        self.0.is_data()
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::error::Error for JsonError {}

/// Reads a value from JSON bytes. Each byte that is not UTF-8 and each half of a surrogate pair is read
/// as U+FFFD, and zero bytes at the end are ignored, as by [`well_formed`](crate::well_formed).
///
/// # Errors
///
/// If the bytes are not one JSON document of the shape of `T`.
pub fn from_json<T: de::DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    // Most texts need no replacement, so it is only searched for in a text that cannot be read.
    let problem = match core::str::from_utf8(bytes).map(serde_json::from_str) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(problem)) => Some(problem),
        Err(_) => None,
    };
    match (well_formed(bytes), problem) {
        (Cow::Borrowed(text), Some(problem)) if text.len() == bytes.len() => {
            Err(JsonError(problem))
        }
        (text, _) => serde_json::from_str(&text).map_err(JsonError),
    }
}

/// Writes a value as compact JSON, with `<`, `>`, `&`, U+2028 and U+2029 escaped.
///
/// The shapes of this crate always have a JSON form; a `T` that has none (a map with keys that
/// are not strings) is written as `null`.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let plain = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    escape_markup(plain)
}

/// JSON has these bytes only in strings, so they can be replaced everywhere.
fn escape_markup(plain: Vec<u8>) -> Vec<u8> {
    let needs_escape = |byte: &u8| matches!(byte, b'<' | b'>' | b'&' | 0xE2);
    // Most texts need nothing: in blocks without a way out, many bytes are compared at once.
    let mut blocks = plain.chunks(256);
    if !blocks.any(|block| {
        block
            .iter()
            .fold(false, |found, byte| found | needs_escape(byte))
    }) {
        return plain;
    }
    let mut escaped = Vec::with_capacity(plain.len() + 16);
    let mut rest = plain.as_slice();
    while let Some(at) = rest.iter().position(needs_escape) {
        let (clean, tail) = rest.split_at(at);
        escaped.extend_from_slice(clean);
        let (text, taken): (&[u8], usize) = match tail {
            [b'<', ..] => (b"\\u003c", 1),
            [b'>', ..] => (b"\\u003e", 1),
            [b'&', ..] => (b"\\u0026", 1),
            [0xE2, 0x80, 0xA8, ..] => (b"\\u2028", 3),
            [0xE2, 0x80, 0xA9, ..] => (b"\\u2029", 3),
            [byte, ..] => (core::slice::from_ref(byte), 1),
            [] => break,
        };
        escaped.extend_from_slice(text);
        rest = tail.get(taken..).unwrap_or_default();
    }
    escaped.extend_from_slice(rest);
    escaped
}

/// A key as the decoder of a `wire!` struct sees it, borrowed where the text has no escapes.
pub(crate) struct Key<'de>(Cow<'de, str>);

impl Key<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        struct Text;
        impl<'de> de::Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.into())))
            }
            fn visit_string<E>(self, text: String) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A time limit: a negative one is 0.
pub(crate) struct Milliseconds(pub(crate) u64);

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Milliseconds;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Milliseconds, E> {
                Ok(Milliseconds(number))
            }
            // Only negative integers arrive here.
            fn visit_i64<E>(self, _: i64) -> Result<Milliseconds, E> {
                Ok(Milliseconds(0))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// A struct of this crate, read with its `failure` apart and in the reader's own type.
pub(crate) trait Wire: Sized {
    fn read<'de, D: de::Deserializer<'de>, E: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<(Self, Option<E>), D::Error>;
}

/// Declares a struct that crosses the boundary: a [`shape!`] with a tolerant `Deserialize` (see the
/// documentation of the crate).
///
/// Each field names its JSON key. A word after the key changes how the field is read and written:
///
/// * `omit`: the key is left out when the field has its default value;
/// * `added`: as `omit`, and the key is ignored when reading, because the host sets the field;
/// * `failure`: as `omit`, for the error of a reply; a guest reads it into a smaller type than the host;
/// * `milliseconds`: as `omit`, and a negative number is read as 0: no limit, as Go hosts do;
/// * `port`: written as a string, read from a string or an integer.
macro_rules! wire {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $( $(#[doc = $field_doc:literal])* pub $field:ident: $ty:ty = $key:literal $($how:ident)?, )*
        }
    ) => {
        shape! {
            $(#[doc = $doc])*
            pub struct $name {
                $( $(#[doc = $field_doc])* pub $field: $ty = $key $($how)?, )*
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(unused_mut, unused_variables)]
                let (mut value, failure) =
                    <$name as $crate::wire::Wire>::read::<D, $crate::ErrorDetail>(deserializer)?;
                $( wire!(@failed value.$field, failure $(, $how)?); )*
                Ok(value)
            }
        }

        impl $crate::wire::Wire for $name {
            fn read<'de, D: serde::Deserializer<'de>, E: serde::Deserialize<'de>>(
                deserializer: D,
            ) -> Result<(Self, Option<E>), D::Error> {
                struct Fields<E>(core::marker::PhantomData<E>);
                impl<'de, E: serde::Deserialize<'de>> serde::de::Visitor<'de> for Fields<E> {
                    type Value = ($name, Option<E>);
                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_none<X>(self) -> Result<Self::Value, X> {
                        Ok(($name::default(), None))
                    }
                    fn visit_some<X: serde::Deserializer<'de>>(
                        self,
                        some: X,
                    ) -> Result<Self::Value, X::Error> {
                        some.deserialize_map(self)
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut value = $name::default();
                        #[allow(unused_mut)]
                        let mut failure = None;
                        while let Some(key) = map.next_key::<$crate::wire::Key<'de>>()? {
                            $( wire!(@take map, key, value.$field, failure, $ty, $key $(, $how)?); )*
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        Ok((value, failure))
                    }
                }
                // Not `deserialize_any`, which brings the code for numbers into small plugins.
                deserializer.deserialize_option(Fields(core::marker::PhantomData))
            }
        }
    };
    (@failed $field:expr, $failure:ident, failure) => {
        $field = $failure;
    };
    (@failed $field:expr, $failure:ident $(, $how:ident)?) => {};
    (@take $map:ident, $is:ident, $field:expr, $failure:ident, $ty:ty, $key:literal, failure) => {
        if $is.is($key) {
            if let Some(error) = $map.next_value::<Option<E>>()? {
                $failure = Some(error);
            }
            continue;
        }
    };
    (@take $map:ident, $is:ident, $field:expr, $failure:ident, $ty:ty, $key:literal, added) => {};
    (@take $map:ident, $is:ident, $field:expr, $failure:ident, $ty:ty, $key:literal, port) => {
        if $is.is($key) {
            if let Some(port) = $map.next_value::<Option<$crate::port::Read<$ty>>>()? {
                $field = port.0;
            }
            continue;
        }
    };
    (@take $map:ident, $is:ident, $field:expr, $failure:ident, $ty:ty, $key:literal, milliseconds) => {
        if $is.is($key) {
            if let Some(time) = $map.next_value::<Option<$crate::wire::Milliseconds>>()? {
                $field = time.0;
            }
            continue;
        }
    };
    (@take $map:ident, $is:ident, $field:expr, $failure:ident, $ty:ty, $key:literal $(, omit)?) => {
        if $is.is($key) {
            if let Some(value) = $map.next_value::<Option<$ty>>()? {
                $field = value;
            }
            continue;
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    wire! {
        /// One of each kind of field.
        pub struct Sample {
            /// Text.
            pub text: String = "text",
            /// A flag that is left out when false.
            pub flag: bool = "is_flag" omit,
            /// A list.
            pub list: Vec<u32> = "list" omit,
            /// A time limit.
            pub time: u64 = "time" milliseconds,
        }
    }

    fn sample(json: &str) -> Result<Sample, JsonError> {
        from_json(json.as_bytes())
    }

    #[test]
    fn keys_match_in_any_case_and_the_last_one_wins() {
        let value = sample(r#"{"TEXT":"a","Is_Flag":true,"text":"b","other":{"x":[1]}}"#).unwrap();
        assert_eq!(
            value,
            Sample {
                text: "b".to_string(),
                flag: true,
                ..Sample::default()
            }
        );
    }

    #[test]
    fn null_is_the_default_for_a_field_and_for_the_whole() {
        assert_eq!(
            sample(r#"{"text":null,"list":null}"#).unwrap(),
            Sample::default()
        );
        assert_eq!(sample("null").unwrap(), Sample::default());
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        for json in [
            r#"{"text":1}"#,
            r#"{"list":"x"}"#,
            "[]",
            "1",
            "",
            "{",
            r#"{"list":[-1]}"#,
        ] {
            assert!(sample(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_negative_time_is_no_limit() {
        for (json, time) in [("5", 5), ("-5", 0), ("0", 0), ("null", 0)] {
            let value = sample(&alloc::format!("{{\"time\":{json}}}")).unwrap();
            assert_eq!(value.time, time, "{json}");
        }
        for json in ["1.5", "\"5\"", "true"] {
            assert!(
                sample(&alloc::format!("{{\"time\":{json}}}")).is_err(),
                "{json}"
            );
        }
        assert_eq!(
            to_json(&Sample {
                time: 5,
                ..Sample::default()
            }),
            br#"{"text":"","time":5}"#
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_become_the_replacement_character() {
        let value: Sample = from_json(b"{\"text\":\"a\xFFb\"}").unwrap();
        assert_eq!(value.text, "a\u{FFFD}b");
    }

    #[test]
    fn encoding_is_compact_omits_defaults_and_escapes_markup() {
        let value = Sample {
            text: "<a&b>\u{2028}\u{2029}é€".to_string(),
            ..Sample::default()
        };
        let json = String::from_utf8(to_json(&value)).unwrap();
        assert_eq!(json, r#"{"text":"\u003ca\u0026b\u003e\u2028\u2029é€"}"#);
        assert_eq!(sample(&json).unwrap(), value);
    }

    #[test]
    fn nesting_without_end_is_an_error_and_not_a_crash() {
        let deep = "[".repeat(100_000);
        assert!(from_json::<serde_json::Value>(deep.as_bytes()).is_err());
        assert!(sample(&alloc::format!("{{\"other\":{deep}")).is_err());
    }
}
