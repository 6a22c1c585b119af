//! What the kits of other languages share, and the fuzz dictionary.

use super::text::camel;
use std::{collections::BTreeSet, fmt::Write as _};
use tollgate_abi::{
    functions::{FUNCTIONS, Function},
    shape::{Shape, Type},
};

/// The functions that a kit declares: an alias adds nothing.
pub fn declared() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS
        .iter()
        .filter(|function| function.alias_of.is_none())
}

/// Every key of a request, with the start of a value.
pub fn dictionary() -> String {
    let mut tokens = Vec::new();
    for function in FUNCTIONS {
        tokens_of(function.request, &mut tokens);
    }
    let mut seen = BTreeSet::new();
    tokens.retain(|token| seen.insert(token.clone()));
    let mut text = String::new();
    for token in tokens {
        let _ = writeln!(text, "\"{}\"", token.replace('"', "\\\""));
    }
    text
}

fn tokens_of(shape: &Shape, tokens: &mut Vec<String>) {
    for member in shape.members {
        let key = member.key;
        tokens.push(format!("\"{key}\":{}", start(&member.ty)));
        if matches!(member.ty, Type::Port) {
            tokens.push(format!("\"{key}\":80"));
        }
        let mut ty = &member.ty;
        while let Type::List(inner) | Type::Optional(inner) = ty {
            ty = inner;
        }
        if let Type::Shape(inner) = ty {
            tokens_of(inner(), tokens);
        }
    }
}

/// What a value of this type starts with.
fn start(ty: &Type) -> String {
    match ty {
        Type::Text | Type::Time | Type::Port => "\"".to_owned(),
        Type::Flag => "true".to_owned(),
        Type::List(item) => format!("[{}", start(item)),
        Type::Optional(inner) => start(inner),
        Type::Headers | Type::Object | Type::Shape(_) => "{\"".to_owned(),
        _ => String::new(),
    }
}

pub fn pascal(word: &str) -> String {
    let word = camel(word);
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
