//! A port in a request: documented and written as a string of decimal digits, read as a string or
//! as a JSON integer. The Go SDK sends strings, hand-written guests often send integers. The name of a
//! well-known service is a port, too.

use alloc::{
    borrow::Cow,
    string::{String, ToString as _},
};
use core::{fmt, marker::PhantomData};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The services that Go's `net.LookupPort` knows on every machine, and three that system tables add.
/// The table of the machine is not read: a name means the same port everywhere.
const SERVICES: [(&str, u16); 17] = [
    ("domain", 53),
    ("ftp", 21),
    ("ftps", 990),
    ("gopher", 70),
    ("http", 80),
    ("https", 443),
    ("imap", 143),
    ("imap2", 143),
    ("imap3", 220),
    ("imaps", 993),
    ("pop3", 110),
    ("pop3s", 995),
    ("smtp", 25),
    ("ssh", 22),
    ("submission", 587),
    ("submissions", 465),
    ("telnet", 23),
];

/// Returns the port of a well-known TCP service, in any case: 443 for `https`.
#[must_use]
pub fn service_port(name: &str) -> Option<u16> {
    SERVICES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, port)| *port)
}

/// A Rust type that holds a port.
pub(crate) trait Port: Sized {
    fn from_number(port: u16) -> Self;
    /// Returns `None` if `text` is not a port.
    fn from_text(text: &str) -> Option<Self>;
    fn text(&self) -> Cow<'_, str>;
}

/// Any text: the host checks the grant before it checks the text.
impl Port for String {
    fn from_number(port: u16) -> String {
        port.to_string()
    }
    fn from_text(text: &str) -> Option<String> {
        Some(text.into())
    }
    fn text(&self) -> Cow<'_, str> {
        self.into()
    }
}

impl Port for u16 {
    fn from_number(port: u16) -> u16 {
        port
    }
    fn from_text(text: &str) -> Option<u16> {
        let canonical = text == "0" || !text.starts_with(['0', '+']);
        let number = canonical.then(|| text.parse().ok()).flatten();
        number.or_else(|| service_port(text))
    }
    fn text(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
}

/// A port read from a string or an integer.
pub(crate) struct Read<T>(pub(crate) T);

impl<'de, T: Port> Deserialize<'de> for Read<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<T: Port> de::Visitor<'_> for Visitor<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port from 0 to 65535, as a string of digits, an integer or a service such as https")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                T::from_text(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
                u16::try_from(number)
                    .map(T::from_number)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
            // Only negative integers arrive here.
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
                Err(E::invalid_value(de::Unexpected::Signed(number), &self))
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData)).map(Read)
    }
}

/// A port written as a string.
pub(crate) struct Written<'a, T>(pub(crate) &'a T);

impl<T: Port> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_json;

    fn error<T: Port>(json: &str) -> String {
        match from_json::<Read<T>>(json.as_bytes()) {
            Ok(Read(port)) => panic!("{json} was read as {}", port.text()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_port_is_a_string_or_an_integer() {
        for json in ["443", "\"443\""] {
            assert_eq!(from_json::<Read<u16>>(json.as_bytes()).unwrap().0, 443);
            assert_eq!(from_json::<Read<String>>(json.as_bytes()).unwrap().0, "443");
        }
    }

    #[test]
    fn the_name_of_a_service_is_its_port() {
        assert!(SERVICES.is_sorted());
        for (name, port) in SERVICES {
            assert_eq!(service_port(name), Some(port));
            let json = alloc::format!("{:?}", name.to_uppercase());
            assert_eq!(from_json::<Read<u16>>(json.as_bytes()).unwrap().0, port);
        }
        for name in ["", "80", "http ", "htt", "https:"] {
            assert_eq!(service_port(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_no_port_is_an_error_that_says_what_a_port_is() {
        let expected = "expected a port from 0 to 65535, as a string of digits, an integer or a service such as https";
        for json in [
            "65536",
            "-1",
            "1.5",
            "1e2",
            "true",
            "[]",
            "18446744073709551616",
        ] {
            for message in [error::<u16>(json), error::<String>(json)] {
                assert!(message.contains(expected), "{json}: {message}");
            }
        }
        for json in [
            r#""""#,
            r#""65536""#,
            r#""-1""#,
            r#""+80""#,
            r#""080""#,
            r#"" 80""#,
            r#""1.5""#,
            r#""httpx""#,
        ] {
            let message = error::<u16>(json);
            assert!(message.contains(expected), "{json}: {message}");
        }
    }
}
