//! Reads JSON for plugins. serde_json does the same on the host's side; its float conversions and
//! its wording of errors are a third of a small plugin, so guests read with this and write with
//! serde_json. A property test holds the two to the same language and the same values.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
};
use core::fmt;
use serde::de::{
    self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
    value::{BorrowedStrDeserializer, MapAccessDeserializer},
};

/// How deep arrays and objects may be nested, as in serde_json.
const DEEPEST: u8 = 127;

/// Reads one document; bytes that are not UTF-8 are read as U+FFFD.
pub(super) fn read<T: de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader {
        text: &text,
        at: 0,
        depth: 0,
    };
    let value = T::deserialize(&mut reader).and_then(|value| match reader.peek() {
        None => Ok(value),
        Some(_) => Err(Fault::new("unexpected text behind the end")),
    });
    value.map_err(|fault| Fault(format!("{}, at byte {}", fault.0, reader.at).into()))
}

/// Text that is not JSON, or JSON of another shape.
#[derive(Debug)]
pub(super) struct Fault(Cow<'static, str>);

impl Fault {
    const fn new(what: &'static str) -> Fault {
        Fault(Cow::Borrowed(what))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Fault {
        Fault(message.to_string().into())
    }

    // What was found stands at the byte that the message names; to print it takes 4 KB of code.
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Fault {
        Fault(format!("expected {expected}").into())
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Fault {
        Fault(format!("expected {expected}").into())
    }
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
}

impl<'de> Reader<'de> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space, still to be read.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Goes behind `wanted` if it is next.
    fn skip(&mut self, wanted: u8) -> bool {
        let found = self.byte() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> Result<(), Fault> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(Fault::new("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    /// The text of a number, and whether it has a fraction or an exponent.
    fn number(&mut self) -> Result<(&'de str, bool), Fault> {
        let from = self.at;
        self.skip(b'-');
        let mut good = if self.skip(b'0') {
            !self.byte().is_some_and(|byte| byte.is_ascii_digit())
        } else {
            self.digits() > 0
        };
        let whole = self.at;
        if self.skip(b'.') {
            good &= self.digits() > 0;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            good &= self.digits() > 0;
        }
        match self.text.get(from..self.at) {
            Some(text) if good => Ok((text, self.at > whole)),
            _ => Err(Fault::new("not a number")),
        }
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Fault> {
        const OPEN: Fault = Fault::new("a string without an end");
        if self.peek() != Some(b'"') {
            return Err(Fault::new("expected a string"));
        }
        self.at += 1;
        let mut read = Cow::Borrowed("");
        loop {
            let from = self.at;
            let last = loop {
                match self.byte().ok_or(OPEN)? {
                    byte @ (b'"' | b'\\') => break byte,
                    0..0x20 => return Err(Fault::new("a control character in a string")),
                    _ => self.at += 1,
                }
            };
            let run = self.text.get(from..self.at).unwrap_or_default();
            if read.is_empty() {
                read = Cow::Borrowed(run);
            } else {
                read.to_mut().push_str(run);
            }
            self.at += 1;
            if last == b'"' {
                return Ok(read);
            }
            let escaped = self.escape()?;
            read.to_mut().push(escaped);
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        const BAD: Fault = Fault::new("a bad escape in a string");
        let byte = self.byte().ok_or(BAD)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = self.hex().ok_or(BAD)?;
                if (0xD800..0xDC00).contains(&code) {
                    let second = (self.skip(b'\\') && self.skip(b'u')).then(|| self.hex());
                    let second = second
                        .flatten()
                        .filter(|code| (0xDC00..0xE000).contains(code));
                    code = 0x10000 + ((code - 0xD800) << 10) + (second.ok_or(BAD)? - 0xDC00);
                }
                char::from_u32(code).ok_or(BAD)?
            }
            _ => return Err(BAD),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            code = code << 4 | char::from(self.byte()?).to_digit(16)?;
            self.at += 1;
        }
        Some(code)
    }

    /// Reads what is in the brackets that the next byte opens.
    fn nested<T>(
        &mut self,
        brackets: [u8; 2],
        read: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth == DEEPEST {
            return Err(Fault::new("nested too deep"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        if self.peek() != Some(brackets[1]) {
            return Err(Fault::new(if brackets[1] == b']' {
                "expected `,` or `]`"
            } else {
                "expected `,` or `}`"
            }));
        }
        self.at += 1;
        Ok(value)
    }

    fn sequence<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.nested(*b"[]", |reader| visitor.visit_seq(Items::new(reader)))
    }

    fn object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.nested(*b"{}", |reader| visitor.visit_map(Items::new(reader)))
    }

    fn text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    /// A number that an integer holds; `-0` is none.
    fn whole<V: Visitor<'de>>(
        visitor: V,
        text: &str,
        fraction: bool,
    ) -> Result<Result<V::Value, Fault>, V> {
        if fraction || text == "-0" {
            Err(visitor)
        } else if let Ok(number) = text.parse::<u64>() {
            Ok(visitor.visit_u64(number))
        } else if let Ok(number) = text.parse::<i64>() {
            Ok(visitor.visit_i64(number))
        } else {
            Err(visitor)
        }
    }

    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        let (text, fraction) = self.number()?;
        Reader::whole(visitor, text, fraction).unwrap_or_else(|visitor| Err(expected(&visitor)))
    }

    fn float<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        let (text, fraction) = self.number()?;
        Reader::whole(visitor, text, fraction).unwrap_or_else(|visitor| match text.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(Fault::new("a number out of range")),
        })
    }

    fn null<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.word("null")?;
        visitor.visit_unit()
    }

    fn truth<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        let value = self.byte() == Some(b't');
        self.word(if value { "true" } else { "false" })?;
        visitor.visit_bool(value)
    }
}

fn expected(what: &dyn de::Expected) -> Fault {
    de::Error::invalid_type(de::Unexpected::Unit, what)
}

/// One kind of value, recognised by the bytes that it may begin with.
macro_rules! only {
    ($read:ident if $first:pat => $($name:ident)*) => {
        $(
            fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                match self.peek() {
                    Some($first) => self.$read(visitor),
                    _ => Err(expected(&visitor)),
                }
            }
        )*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'n') => self.null(visitor),
            Some(b't' | b'f') => self.truth(visitor),
            Some(b'"') => self.text(visitor),
            Some(b'[') => self.sequence(visitor),
            Some(b'{') => self.object(visitor),
            Some(b'-' | b'0'..=b'9') => self.float(visitor),
            _ => Err(Fault::new("expected a value")),
        }
    }

    only!(truth if b't' | b'f' => deserialize_bool);
    only!(null if b'n' => deserialize_unit);
    only!(text if b'"' => deserialize_char deserialize_str deserialize_string);
    only!(text if b'"' => deserialize_bytes deserialize_byte_buf deserialize_identifier);
    only!(integer if b'-' | b'0'..=b'9' => deserialize_i8 deserialize_i16 deserialize_i32);
    only!(integer if b'-' | b'0'..=b'9' => deserialize_i64 deserialize_u8 deserialize_u16);
    only!(integer if b'-' | b'0'..=b'9' => deserialize_u32 deserialize_u64);
    only!(float if b'-' | b'0'..=b'9' => deserialize_f32 deserialize_f64);
    only!(sequence if b'[' => deserialize_seq);
    only!(object if b'{' => deserialize_map);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'n') => {
                self.word("null")?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    /// A variant is its name, or an object with one member.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'"') => {
                let name = self.string()?;
                visitor.visit_enum(de::value::CowStrDeserializer::new(name))
            }
            Some(b'{') => self.nested(*b"{}", |reader| {
                visitor.visit_enum(MapAccessDeserializer::new(Items::new(reader)))
            }),
            _ => Err(expected(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek() {
            Some(b'[') => self.sequence(IgnoredAny)?,
            Some(b'{') => self.object(IgnoredAny)?,
            Some(b'"') => self.text(IgnoredAny)?,
            Some(b'n') => self.null(IgnoredAny)?,
            Some(b't' | b'f') => self.truth(IgnoredAny)?,
            _ => {
                self.number()?;
                IgnoredAny
            }
        };
        visitor.visit_unit()
    }
}

/// The elements of an array or the members of an object.
struct Items<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl<'a, 'de> Items<'a, 'de> {
    fn new(reader: &'a mut Reader<'de>) -> Self {
        Items {
            reader,
            first: true,
        }
    }

    /// Whether there is another one, and goes to it.
    fn more(&mut self, end: u8) -> Result<bool, Fault> {
        let next = self.reader.peek();
        if next == Some(end) {
            return Ok(false);
        }
        if !core::mem::take(&mut self.first) {
            if next != Some(b',') {
                // `nested` says what was expected.
                return Ok(false);
            }
            self.reader.at += 1;
            if self.reader.peek() == Some(end) {
                return Err(Fault::new("a comma before the end"));
            }
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        match self.more(b']')? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if !self.more(b'}')? {
            return Ok(None);
        }
        let key = match self.reader.string()? {
            Cow::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Cow::Owned(key) => seed.deserialize(de::value::StringDeserializer::new(key)),
        };
        key.map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        if self.reader.peek() != Some(b':') {
            return Err(Fault::new("expected `:`"));
        }
        self.reader.at += 1;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeMap, vec, vec::Vec};
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Debug, Deserialize, PartialEq)]
    enum Shape {
        Point,
        Circle(u32),
        Box { width: i8, height: Option<f64> },
        Pair(u8, String),
    }

    #[test]
    fn what_serde_derives_is_read() {
        let shapes: Vec<Shape> = read(
            br#"["Point", {"Circle": 7}, {"Box":{"height":1.5e1,"width":-3}}, {"Pair":[1,"\u00e9"]}]"#,
        )
        .unwrap();
        let wanted = vec![
            Shape::Point,
            Shape::Circle(7),
            Shape::Box {
                width: -3,
                height: Some(15.0),
            },
            Shape::Pair(1, "é".into()),
        ];
        assert_eq!(shapes, wanted);
        let map: BTreeMap<String, (bool, Option<char>, ())> =
            read(br#"{"a":[true,"x",null]}"#).unwrap();
        assert_eq!(map["a"], (true, Some('x'), ()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, why) in [
            ("", "expected a value, at byte 0"),
            ("[1,]", "a comma before the end, at byte 3"),
            ("[1 2]", "expected `,` or `]`, at byte 3"),
            ("{\"a\" 1}", "expected `:`, at byte 5"),
            ("{1:2}", "expected a string, at byte 1"),
            ("\"abc", "a string without an end, at byte 4"),
            ("\"\\x\"", "a bad escape in a string, at byte 3"),
            ("\"\\ud800x\"", "a bad escape in a string, at byte 7"),
            ("01", "not a number, at byte 1"),
            ("1e999", "a number out of range, at byte 5"),
            ("{} x", "unexpected text behind the end, at byte 3"),
            ("nul", "expected a value, at byte 0"),
        ] {
            assert_eq!(
                read::<Value>(text.as_bytes()).unwrap_err().to_string(),
                why,
                "{text}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(read::<Value>(deep.as_bytes()).is_err());
        assert!(read::<IgnoredAny>(deep.as_bytes()).is_err());
        assert_eq!(
            read::<u8>(b"256").unwrap_err().to_string(),
            "expected u8, at byte 3"
        );
        assert_eq!(
            read::<u64>(b"1.5").unwrap_err().to_string(),
            "expected u64, at byte 3"
        );
        assert_eq!(
            read::<String>(b"7").unwrap_err().to_string(),
            "expected a string, at byte 0"
        );
    }

    fn same(text: &[u8]) -> Result<(), TestCaseError> {
        let ours = read::<Value>(text);
        let theirs = serde_json::from_str::<Value>(&String::from_utf8_lossy(text));
        match (&ours, &theirs) {
            // Their last digit may be off; ours is the nearest.
            (Ok(ours), Ok(theirs)) => prop_assert!(near(ours, theirs), "{ours} {theirs}"),
            _ => prop_assert_eq!(ours.is_ok(), theirs.is_ok()),
        }
        prop_assert_eq!(
            read::<IgnoredAny>(text).is_ok() || is_large(text),
            theirs.is_ok() || is_large(text)
        );
        Ok(())
    }

    /// Numbers out of range are refused only by those who want their value.
    fn is_large(text: &[u8]) -> bool {
        text.iter().any(|byte| matches!(byte, b'e' | b'E')) || text.len() > 300
    }

    fn near(ours: &Value, theirs: &Value) -> bool {
        match (ours, theirs) {
            (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
                let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
                a == b || ((a - b) / a).abs() < 1e-14
            }
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && near(a, b))
            }
            _ => ours == theirs,
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn documents_are_read_as_serde_json_reads_them(value in any_value(), pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
            same(&text.unwrap())?;
        }

        #[test]
        fn broken_documents_are_refused_as_serde_json_refuses_them(
            value in any_value(), at: prop::sample::Index, byte: u8, cut: bool,
        ) {
            let mut text = serde_json::to_vec(&value).unwrap();
            let at = at.index(text.len());
            if cut { text.truncate(at) } else { text[at] = byte }
            same(&text)?;
        }

        #[test]
        fn text_like_json_is_judged_as_serde_json_judges_it(
            text in r#"[ \[\]{},:"\\ntrueflsabu0-9.eE+\-]{0,24}"#,
        ) {
            same(text.as_bytes())?;
        }
    }
}
