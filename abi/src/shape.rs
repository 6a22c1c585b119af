//! The JSON shapes as data: keys, types and documentation. Documentation, kits and the WIT file
//! are written from it.

use alloc::{boxed::Box, string::String, vec::Vec};
use serde_json::{Map, Value};

/// A JSON object that crosses the boundary.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Shape {
    /// The name of the Rust type.
    pub name: &'static str,
    /// What the object is, in Markdown.
    pub documentation: &'static str,
    /// Its keys, in the order in which they are written.
    pub members: &'static [Member],
}

/// One key of a [`Shape`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Member {
    /// The JSON key.
    pub key: &'static str,
    /// What its value is, in Markdown.
    pub documentation: &'static str,
    /// The Rust type of the field.
    pub rust: &'static str,
    /// The JSON type of the value.
    pub ty: Type,
    /// Whether the key is left out when the value is the default of its type: 0, false, empty or
    /// `null`.
    pub omitted: bool,
}

/// The type of a JSON value.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Type {
    /// A string.
    Text,
    /// `true` or `false`.
    Flag,
    /// An integer from 0 on, of so many bits.
    Unsigned(u8),
    /// An integer of so many bits.
    Signed(u8),
    /// A port: a string of digits. An integer is read as well.
    Port,
    /// A time: a string in RFC 3339.
    Time,
    /// An array.
    List(&'static Type),
    /// A value or `null`.
    Optional(&'static Type),
    /// An object with any keys; each value is an array of strings.
    Headers,
    /// An object with any keys and values.
    Object,
    /// Any JSON value.
    Any,
    /// An object with these keys. A function, because a shape may contain itself.
    Shape(fn() -> &'static Shape),
}

/// A Rust type with a JSON type.
pub(crate) trait JsonType {
    const TYPE: Type;
}

macro_rules! json_types {
    ($($ty:ty: $json:expr,)*) => {
        $(impl JsonType for $ty {
            const TYPE: Type = $json;
        })*
    };
}

json_types! {
    String: Type::Text,
    bool: Type::Flag,
    u16: Type::Unsigned(16),
    u32: Type::Unsigned(32),
    u64: Type::Unsigned(64),
    i32: Type::Signed(32),
    crate::Timestamp: Type::Time,
    crate::host::Headers: Type::Headers,
    Map<String, Value>: Type::Object,
    Value: Type::Any,
}

impl<T: JsonType> JsonType for Vec<T> {
    const TYPE: Type = Type::List(&T::TYPE);
}

impl<T: JsonType> JsonType for Option<T> {
    const TYPE: Type = Type::Optional(&T::TYPE);
}

impl<T: JsonType> JsonType for Box<T> {
    const TYPE: Type = T::TYPE;
}

/// Declares a struct with its JSON keys: the struct itself, `Default`, [`Serialize`](serde::Serialize)
/// in the order of the fields, and its [`Shape`].
///
/// The words after a key are those of [`wire!`]. `non_exhaustive` after the name makes the struct so.
macro_rules! shape {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident $(, $attribute:ident)? {
            $( $(#[doc = $field_doc:literal])* pub $field:ident: $ty:ty = $key:literal $($how:ident)?, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        $(#[$attribute])?
        #[allow(clippy::exhaustive_structs, reason = "guests write records as literals")]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $ty, )*
        }

        impl $name {
            /// Keys, types and documentation as data.
            pub const SHAPE: &'static $crate::shape::Shape = &$crate::shape::Shape {
                name: stringify!($name),
                documentation: concat!($($doc, "\n"),*).trim_ascii(),
                members: &[$(
                    $crate::shape::Member {
                        key: $key,
                        documentation: concat!($($field_doc, "\n"),*).trim_ascii(),
                        rust: stringify!($ty),
                        ty: shape!(@type $ty $(, $how)?),
                        omitted: shape!(@omitted $($how)?),
                    },
                )*],
            };
        }

        impl $crate::shape::JsonType for $name {
            const TYPE: $crate::shape::Type = $crate::shape::Type::Shape(|| $name::SHAPE);
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $( shape!(@put map, &self.$field, $ty, $key $(, $how)?); )*
                map.end()
            }
        }
    };
    (@type $ty:ty, port) => { $crate::shape::Type::Port };
    (@type $ty:ty $(, $how:ident)?) => { <$ty as $crate::shape::JsonType>::TYPE };
    (@omitted) => { false };
    (@omitted port) => { false };
    (@omitted $how:ident) => { true };
    (@put $map:ident, $value:expr, $ty:ty, $key:literal) => {
        $map.serialize_entry($key, $value)?;
    };
    (@put $map:ident, $value:expr, $ty:ty, $key:literal, port) => {
        $map.serialize_entry($key, &$crate::port::Written($value))?;
    };
    (@put $map:ident, $value:expr, $ty:ty, $key:literal, $how:ident) => {
        if *$value != <$ty>::default() {
            $map.serialize_entry($key, $value)?;
        }
    };
}
