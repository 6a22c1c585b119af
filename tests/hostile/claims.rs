//! Attacks by what a module says of its making, in the section of those that were baked. Each is put
//! behind an honest plugin, which it must leave one.

use super::talk;
use wasm_encoder::{CustomSection, Encode as _, Section as _};

/// The section that says it.
const NAME: &str = "tollgate.baked";
/// Half of what custom sections may hold.
const MOST: usize = 24 << 20;

/// An honest plugin with these sections at its end.
fn with(sections: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut module = talk::saying(br#"{"status":true}"#, None);
    for data in sections {
        let section = CustomSection {
            name: NAME.into(),
            data: data.into(),
        };
        module.push(section.id());
        section.encode(&mut module);
    }
    module
}

/// A claim like those that are written, with this in place of a field.
fn claim(field: &str, value: &str) -> Vec<u8> {
    let field = |name: &str, honest: &str| {
        let value = if name == field { value } else { honest };
        format!("\"{name}\":{value}")
    };
    let fields = [
        field("format", "1"),
        field("original", "\"00\""),
        field("tollgate", "\"0\""),
        field("engine", "\"0\""),
        field("grants", "[]"),
        field("fuel", "0"),
        field("flags", "[0,0,0,0]"),
        field("answers", "{}"),
    ];
    format!("{{{}}}", fields.join(",")).into_bytes()
}

/// So often the same that the whole is as long as may be.
fn filled(open: &str, item: impl Fn(usize) -> String, close: &str) -> String {
    let mut text = open.to_owned();
    let mut number = 0;
    while text.len() < MOST {
        text.push_str(&item(number));
        number += 1;
    }
    text.truncate(text.trim_end_matches(',').len());
    text + close
}

/// What a module claims, and how it is made.
pub type Claim = (&'static str, fn() -> Vec<u8>);

/// All of them, by name.
pub const ALL: &[Claim] = &[
    ("an honest claim", || one("", "")),
    ("grants", || {
        one("grants", &filled("[", |_| "\"\",".into(), "]"))
    }),
    ("answers", || {
        let answer = |number| format!("\"{number:x}\":\"\",");
        one("answers", &filled("{", answer, "}"))
    }),
    ("one answer", || {
        one(
            "answers",
            &filled("{\"describe\":\"", |_| "{".into(), "\"}"),
        )
    }),
    ("escapes", || {
        one("original", &filled("\"", |_| "\\u001b[2J".into(), "\""))
    }),
    ("much fuel", || one("fuel", "18446744073709551615")),
    ("more fuel", || one("fuel", "1e999")),
    ("other flags", || one("flags", "[65535,65535,65535,65535]")),
    ("more flags", || {
        one("flags", &filled("[", |_| "0,".into(), "]"))
    }),
    ("a deep one", || with(["[".repeat(MOST).into_bytes()])),
    ("a deep field", || one("nothing", &"[".repeat(100_000))),
    ("zeros", || with([vec![0; MOST]])),
    ("many claims", || with(vec![claim("", ""); 190_000])),
    ("many empty claims", || with(vec![Vec::new(); 190_000])),
];

fn one(field: &str, value: &str) -> Vec<u8> {
    with([claim(field, value)])
}
