//! A config and its schema out of one declaration: the [`config!`](crate::config!) macro and the
//! types of its fields. The host validates configs against the schema as well; here
//! the plugin makes sure for itself.

use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec::Vec};
use serde::de::DeserializeOwned;

#[doc(hidden)]
pub use alloc::{borrow, string};
#[doc(hidden)]
pub use serde;

/// A type that a field of a [`config!`](crate::config!) may have, or one that is a config itself.
///
/// ```
/// use tollgate_abi::guest::ConfigValue;
///
/// let mut schema = String::new();
/// Vec::<u8>::schema(&mut schema);
/// assert_eq!(schema, r#""type":"array","items":{"type":"integer","minimum":0,"maximum":255}"#);
/// ```
pub trait ConfigValue: DeserializeOwned {
    /// Writes the members of the JSON Schema of such values, without the braces around them.
    fn schema(to: &mut String);

    /// The value of a field that is not there, if it may be missing.
    fn missing() -> Option<Self> {
        None
    }
}

impl ConfigValue for String {
    fn schema(to: &mut String) {
        to.push_str(r#""type":"string""#);
    }
}

impl ConfigValue for bool {
    fn schema(to: &mut String) {
        to.push_str(r#""type":"boolean""#);
    }
}

impl ConfigValue for f64 {
    fn schema(to: &mut String) {
        to.push_str(r#""type":"number""#);
    }
}

macro_rules! integers {
    ($( $ty:ty: $range:literal, )*) => {
        $(impl ConfigValue for $ty {
            fn schema(to: &mut String) {
                to.push_str(concat!(r#""type":"integer""#, $range));
            }
        })*
    };
}

integers! {
    u8: r#","minimum":0,"maximum":255"#,
    u16: r#","minimum":0,"maximum":65535"#,
    u32: r#","minimum":0,"maximum":4294967295"#,
    u64: r#","minimum":0"#,
    i32: r#","minimum":-2147483648,"maximum":2147483647"#,
    i64: "",
}

/// May be missing, or `null`.
impl<T: ConfigValue> ConfigValue for Option<T> {
    fn schema(to: &mut String) {
        T::schema(to);
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

impl<T: ConfigValue> ConfigValue for Vec<T> {
    fn schema(to: &mut String) {
        to.push_str(r#""type":"array","items":{"#);
        T::schema(to);
        to.push('}');
    }
}

impl<T: ConfigValue> ConfigValue for BTreeMap<String, T> {
    fn schema(to: &mut String) {
        to.push_str(r#""type":"object","additionalProperties":{"#);
        T::schema(to);
        to.push('}');
    }
}

/// Anything.
impl ConfigValue for serde_json::Value {
    fn schema(_to: &mut String) {}
}

/// The whole JSON Schema of a config, for [`Plugin::schema`](super::Plugin::schema).
///
/// ```
/// tollgate_abi::config! {
///     struct Watched {
///         /// The port.
///         port: u16 = 22,
///     }
/// }
/// let schema = tollgate_abi::guest::schema_of::<Watched>();
/// let schema = tollgate_abi::ConfigSchema::parse(&schema).unwrap();
/// assert_eq!(schema.fields()[0].description, "The port.");
/// ```
pub fn schema_of<T: ConfigValue>() -> Cow<'static, str> {
    let mut schema = String::from("{");
    T::schema(&mut schema);
    schema.push('}');
    schema.into()
}

/// One property of an object, as the macro writes it.
#[doc(hidden)]
pub fn property<T: ConfigValue>(
    to: &mut String,
    name: &str,
    about: &[&str],
    default: Option<String>,
) {
    if !to.ends_with('{') {
        to.push(',');
    }
    push_text(to, name);
    to.push_str(":{");
    let from = to.len();
    T::schema(to);
    let about = about.concat();
    for (key, value) in [
        (
            r#""description":"#,
            (!about.is_empty()).then(|| text(about.trim())),
        ),
        (r#""default":"#, default),
    ] {
        if let Some(value) = value {
            if to.len() > from {
                to.push(',');
            }
            to.push_str(key);
            to.push_str(&value);
        }
    }
    to.push('}');
}

/// A field's key: a field that must be written `r#type` is `type` in the config.
#[doc(hidden)]
pub const fn name(field: &str) -> &str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// A value as JSON text, for `default`.
#[doc(hidden)]
pub fn text<T: serde::Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(crate::to_json(value)).unwrap_or_default()
}

#[doc(hidden)]
pub fn push_text(to: &mut String, value: &str) {
    to.push_str(&text(value));
}

/// Declares a config: a struct that is read from JSON, and its schema. No derive is needed.
///
/// A field `r#type` is the key `type`. A field with `= value` may be missing and has that value then; one of type `Option` may be
/// missing or `null`; every other is required. A field that is not declared is refused. What is
/// written above a field is its description in the schema. Types are those with
/// [`ConfigValue`](crate::guest::ConfigValue), which other configs are too.
///
/// ```
/// tollgate_abi::config! {
///     /// The file to check.
///     #[derive(Debug, PartialEq)]
///     struct Watched {
///         /// The file.
///         path: String,
///         /// Whether to hash it.
///         hash: bool = false,
///         /// How many bytes at most.
///         limit: Option<u64>,
///     }
/// }
///
/// let config: Watched = tollgate_abi::from_json(br#"{"path":"/etc/motd"}"#).unwrap();
/// assert_eq!(config, Watched { path: "/etc/motd".into(), hash: false, limit: None });
/// let error = tollgate_abi::from_json::<Watched>(br#"{"path":"x","hsah":true}"#).unwrap_err();
/// assert!(error.to_string().starts_with("unknown field `hsah`"));
/// ```
#[macro_export]
macro_rules! config {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $field_vis:vis $field:ident: $ty:ty $(= $default:expr)? ),*
            $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $( $(#[doc = $doc])* $field_vis $field: $ty, )*
        }

        impl<'de> $crate::guest::config::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::guest::config::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                use $crate::guest::config::serde::de;
                struct Fields;
                impl<'de> de::Visitor<'de> for Fields {
                    type Value = $name;
                    fn expecting(
                        &self,
                        f: &mut ::core::fmt::Formatter<'_>,
                    ) -> ::core::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> ::core::result::Result<$name, A::Error> {
                        $( let mut $field = ::core::option::Option::<$ty>::None; )*
                        while let ::core::option::Option::Some(key) =
                            map.next_key::<$crate::guest::config::string::String>()?
                        {
                            $(
                                if key == const { $crate::guest::config::name(stringify!($field)) } {
                                    $field = $crate::config!(@read map, $ty $(, $default)?);
                                    continue;
                                }
                            )*
                            return ::core::result::Result::Err(
                                de::Error::unknown_field(&key, const {
                                    &[$( $crate::guest::config::name(stringify!($field)) ),*]
                                })
                            );
                        }
                        ::core::result::Result::Ok($name {
                            $(
                                $field: match $field
                                    .or_else($crate::config!(@missing $ty $(, $default)?))
                                {
                                    ::core::option::Option::Some(value) => value,
                                    ::core::option::Option::None => {
                                        return ::core::result::Result::Err(
                                            de::Error::missing_field(const {
                                                $crate::guest::config::name(stringify!($field))
                                            })
                                        );
                                    }
                                },
                            )*
                        })
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }

        impl $crate::guest::ConfigValue for $name {
            fn schema(to: &mut $crate::guest::config::string::String) {
                to.push_str(r#""type":"object","properties":{"#);
                $(
                    $crate::guest::config::property::<$ty>(
                        to,
                        $crate::guest::config::name(stringify!($field)),
                        &[$($doc),*],
                        $crate::config!(@default $ty $(, $default)?),
                    );
                )*
                to.push_str(r#"},"required":["#);
                $(
                    if $crate::config!(@missing $ty $(, $default)?)().is_none() {
                        if !to.ends_with('[') {
                            to.push(',');
                        }
                        $crate::guest::config::push_text(
                            to,
                            $crate::guest::config::name(stringify!($field)),
                        );
                    }
                )*
                to.push_str(r#"],"additionalProperties":false"#);
            }
        }
    };
    // A field with a default takes `null` for it.
    (@read $map:ident, $ty:ty, $default:expr) => {
        $map.next_value::<::core::option::Option<$ty>>()?
    };
    (@read $map:ident, $ty:ty) => {
        ::core::option::Option::Some($map.next_value::<$ty>()?)
    };
    (@missing $ty:ty, $default:expr) => {
        || -> ::core::option::Option<$ty> { ::core::option::Option::Some($default) }
    };
    (@missing $ty:ty) => {
        <$ty as $crate::guest::ConfigValue>::missing
    };
    (@default $ty:ty, $default:expr) => {{
        let default: $ty = $default;
        ::core::option::Option::Some($crate::guest::config::text(&default))
    }};
    (@default $ty:ty) => {
        ::core::option::Option::None
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfigSchema, from_json};
    use alloc::{string::ToString, vec};
    use serde_json::json;

    config! {
        /// Not in the schema.
        #[derive(Debug, PartialEq)]
        struct Watched {
            /// The "file",
            /// or directory.
            path: String,
            depth: u8 = 3,
            tags: Vec<String> = Vec::new(),
            limit: Option<i64>,
            /// Further.
            inner: Option<Inner>,
            any: Option<serde_json::Value>,
        }
    }

    config! {
        #[derive(Debug, PartialEq)]
        pub struct Inner { pub ratio: f64 = 0.5, pub names: BTreeMap<String, bool> }
    }

    config! {
        struct Named { r#type: String }
    }

    config! {
        struct Nothing {}
    }

    #[test]
    fn the_schema_says_what_the_reader_takes() {
        let schema = schema_of::<Watched>();
        let document = ConfigSchema::parse(&schema).unwrap().document().clone();
        assert_eq!(
            document,
            json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "The \"file\", or directory."},
                    "depth": {"type": "integer", "minimum": 0, "maximum": 255, "default": 3},
                    "tags": {"type": "array", "items": {"type": "string"}, "default": []},
                    "limit": {"type": "integer"},
                    "inner": {
                        "type": "object",
                        "properties": {
                            "ratio": {"type": "number", "default": 0.5},
                            "names": {"type": "object", "additionalProperties": {"type": "boolean"}},
                        },
                        "required": ["names"],
                        "additionalProperties": false,
                        "description": "Further.",
                    },
                    "any": {},
                },
                "required": ["path"],
                "additionalProperties": false,
            })
        );
        assert_eq!(
            schema_of::<Nothing>(),
            r#"{"type":"object","properties":{},"required":[],"additionalProperties":false}"#
        );
    }

    #[test]
    fn what_is_missing_has_its_default() {
        let config: Watched =
            from_json(br#"{"path":"x","depth":null,"inner":{"names":{"a":true}}}"#).unwrap();
        assert_eq!(
            config,
            Watched {
                path: "x".into(),
                depth: 3,
                tags: vec![],
                limit: None,
                inner: Some(Inner {
                    ratio: 0.5,
                    names: BTreeMap::from([("a".into(), true)])
                }),
                any: None,
            }
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (config, why) in [
            ("{}", "missing field `path`"),
            (
                r#"{"path":1}"#,
                "invalid type: integer `1`, expected a string",
            ),
            (r#"{"path":null}"#, "invalid type: null, expected a string"),
            (
                r#"{"path":"x","depth":256}"#,
                "invalid value: integer `256`, expected u8",
            ),
            (
                r#"{"path":"x","Depth":1}"#,
                "unknown field `Depth`, expected one of",
            ),
            (r#"{"path":"x","inner":{}}"#, "missing field `names`"),
            ("[]", "invalid type: sequence, expected an object"),
        ] {
            let error = from_json::<Watched>(config.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(why), "{config}: {error}");
        }
        assert!(from_json::<Nothing>(b"{}").is_ok());
        assert_eq!(from_json::<Named>(br#"{"type":"a"}"#).unwrap().r#type, "a");
    }
}
