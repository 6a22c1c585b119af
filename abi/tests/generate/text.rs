//! Pieces of text that several outputs share.

use std::collections::BTreeSet;
use tollgate_abi::{
    Capability, Evidence, PluginInfo,
    functions::FUNCTIONS,
    shape::{Shape, Type},
};

/// Documentation without what only Rust's tools read: links become their text, lines become one, and
/// examples in Rust are left out.
pub fn plain(documentation: &str) -> String {
    let text = documentation.split("```").next().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, link)) = rest.split_once('[') {
        plain += before;
        let (name, after) = link.split_once(']').unwrap_or((link, ""));
        plain += name;
        rest = match after
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'))
        {
            Some((_, after)) => after,
            None => after,
        };
    }
    plain + rest
}

/// `FsReadRequest` or `fs_read` as `fs-read-request` or `fs-read`.
pub fn kebab(name: &str) -> String {
    separated(name, '-')
}

/// `fs_read` as `fsRead`.
pub fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        camel += &(first.to_uppercase() + rest);
    }
    camel
}

fn separated(name: &str, between: char) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() && !text.is_empty() {
            text.push(between);
        }
        if letter != '_' {
            text.push(letter.to_ascii_lowercase());
        }
    }
    text
}

/// The objects of the interface in groups: results of exports, requests and replies, and what is
/// inside them, each once and in order of appearance.
pub struct Shapes {
    pub results: Vec<&'static Shape>,
    pub messages: Vec<&'static Shape>,
    pub parts: Vec<&'static Shape>,
}

pub fn shapes() -> Shapes {
    let mut seen = BTreeSet::new();
    let mut once = |shape: &'static Shape| seen.insert(shape.name).then_some(shape);
    let results = [PluginInfo::SHAPE, Evidence::SHAPE];
    let results: Vec<_> = results.into_iter().filter_map(&mut once).collect();
    let messages = FUNCTIONS
        .iter()
        .flat_map(|function| [Some(function.request), function.reply])
        .flatten();
    let messages: Vec<_> = messages.filter_map(&mut once).collect();
    let mut parts = Vec::new();
    let mut open: Vec<_> = results.iter().chain(&messages).copied().rev().collect();
    while let Some(shape) = open.pop() {
        for member in shape.members {
            if let Some(part) = inner(&member.ty).and_then(&mut once) {
                parts.push(part);
                open.push(part);
            }
        }
    }
    assert!(parts.iter().any(|part| part.name == Capability::SHAPE.name));
    Shapes {
        results,
        messages,
        parts,
    }
}

/// The object that a type holds or lists.
fn inner(ty: &Type) -> Option<&'static Shape> {
    match ty {
        Type::Shape(shape) => Some(shape()),
        Type::List(item) | Type::Optional(item) => inner(item),
        _ => None,
    }
}
