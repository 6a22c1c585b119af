//! The regions of the kit for Go.

use super::{
    kits::{declared, pascal},
    text::{camel, plain, shapes},
};
use std::fmt::Write as _;
use tollgate_abi::{
    host::kinds,
    shape::{Member, Shape, Type},
};

/// The types of errors.
pub fn errors() -> String {
    let mut text = "// The values of Detail.Type that the host sends.\nconst (\n".to_owned();
    for (word, meaning) in kinds::ALL {
        let _ = writeln!(text, "\t// {meaning}\n\tError{} = \"{word}\"", pascal(word));
    }
    text + ")\n"
}

/// Requests and replies, and a method of `host` for each function that returns a reply.
pub fn functions() -> String {
    let mut text = String::new();
    let shapes = shapes();
    for shape in shapes.parts.iter().chain(&shapes.messages) {
        // They are written by hand.
        if !["Capability", "ErrorDetail"].contains(&shape.name) {
            text += &object(shape);
        }
    }
    for function in declared() {
        let Some(reply) = function.reply else {
            continue;
        };
        let name = pascal(function.name);
        let _ = writeln!(text, "// {name} {}", lower(function.documentation));
        if let Some(flag) = function.partial_if {
            let _ = writeln!(
                text,
                "// With an error the reply counts as well, if {} is true.",
                pascal(flag)
            );
        }
        let _ = writeln!(
            text,
            "func (hostFunctions) {name}(request {}) (reply {}, err error) {{\n\
             \terr = ask(\"{}\", {}, request, &reply)\n\treturn reply, err\n}}\n",
            function.request.name,
            reply.name,
            function.name,
            camel(function.name)
        );
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The imports.
pub fn imports() -> String {
    each(|name, about, result| {
        format!(
            "// {about}\n//\n//go:wasmimport reglet_host {name}\nfunc {}(request uint64){result}\n",
            camel(name)
        )
    })
}

/// What takes the place of the imports elsewhere.
pub fn stubs() -> String {
    each(|name, _, result| {
        let body = if result.is_empty() {
            "{}"
        } else {
            "{ return 0 }"
        };
        format!("func {}(uint64){result} {body}\n", camel(name))
    })
}

fn each(declare: impl Fn(&str, &str, &str) -> String) -> String {
    let mut text = String::new();
    for function in declared() {
        let result = if function.reply.is_some() {
            " uint64"
        } else {
            ""
        };
        text += &declare(function.name, function.documentation, result);
        text += "\n";
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn object(shape: &Shape) -> String {
    let mut text = format!(
        "// {}: {}\ntype {0} struct {{\n",
        shape.name,
        lower(&plain(shape.documentation))
    );
    for member in shape.members {
        // A method returns it.
        if member.key == "error" {
            continue;
        }
        let about = plain(member.documentation);
        let ty = match member.ty {
            Type::Shape(_) | Type::Optional(_) => format!("*{}", go(&member.ty)),
            _ => go(&member.ty),
        };
        let omitted = if member.omitted { ",omitempty" } else { "" };
        let Member { key, .. } = member;
        let _ = writeln!(
            text,
            "\t// {about}\n\t{} {ty} `json:\"{key}{omitted}\"`",
            pascal(key)
        );
    }
    text + "}\n\n"
}

fn go(ty: &Type) -> String {
    match ty {
        Type::Text | Type::Time | Type::Port => "string".to_owned(),
        Type::Flag => "bool".to_owned(),
        Type::Unsigned(bits) => format!("uint{bits}"),
        Type::Signed(bits) => format!("int{bits}"),
        Type::List(item) => format!("[]{}", go(item)),
        Type::Optional(inner) => go(inner),
        Type::Headers => "map[string][]string".to_owned(),
        Type::Object => "map[string]any".to_owned(),
        Type::Any => "any".to_owned(),
        // It is written by hand.
        Type::Shape(shape) if shape().name == "ErrorDetail" => "Detail".to_owned(),
        Type::Shape(shape) => shape().name.to_owned(),
        other => panic!("{other:?} has no type in Go"),
    }
}

/// A sentence that goes on after a name.
fn lower(sentence: &str) -> String {
    let (first, rest) = sentence.split_at(1);
    first.to_lowercase() + rest
}
