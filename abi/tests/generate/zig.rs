//! The region of the kit for Zig.

use super::{
    kits::declared,
    text::{camel, plain, shapes},
};
use std::fmt::Write as _;
use tollgate_abi::{
    host::kinds,
    shape::{Member, Shape, Type},
};

/// The objects, the imports with a function for each, and the types of errors.
pub fn functions() -> String {
    let mut text = String::new();
    let shapes = shapes();
    for shape in shapes.parts.iter().chain(&shapes.messages) {
        text += &object(shape);
    }
    text += "const import = struct {\n";
    for function in declared() {
        let reply = function.reply.map_or("void", |_| "u64");
        let _ = writeln!(
            text,
            "    extern \"reglet_host\" fn {}(request: u64) {reply};",
            function.name
        );
    }
    text += "};\n\n";
    for function in declared() {
        let Some(reply) = function.reply else {
            continue;
        };
        let (name, request) = (function.name, function.request.name);
        let _ = writeln!(text, "/// {}", function.documentation);
        let partial = match function.partial_if {
            None => "null".to_owned(),
            Some(flag) => {
                let _ = writeln!(
                    text,
                    "/// A reply whose `{flag}` is true is returned with its `error`."
                );
                format!("\"{flag}\"")
            }
        };
        let _ = writeln!(
            text,
            "pub fn {}(request: {request}) Error!{reply} {{\n    return ask(\"{name}\", {reply}, {partial}, request);\n}}\n",
            camel(name),
            reply = reply.name
        );
    }
    text += "/// The values of `type` in an error of the host.\npub const kinds = struct {\n";
    for (word, meaning) in kinds::ALL {
        let _ = writeln!(
            text,
            "    /// {meaning}\n    pub const {word} = \"{word}\";"
        );
    }
    text + "};\n"
}

fn object(shape: &Shape) -> String {
    let mut text = format!(
        "/// {}\npub const {} = struct {{\n",
        plain(shape.documentation),
        shape.name
    );
    for member in shape.members {
        let Member {
            key, documentation, ..
        } = member;
        let name = match *key {
            "error" => "@\"error\"".to_owned(),
            key => key.to_owned(),
        };
        let (ty, default) = zig(member);
        let about = plain(documentation);
        let _ = writeln!(text, "    /// {about}\n    {name}: {ty} = {default},");
    }
    text + "};\n\n"
}

/// The type of a field and its default.
fn zig(member: &Member) -> (String, &'static str) {
    match member.ty {
        Type::Optional(inner) => (format!("?{}", inside(member, inner)), "null"),
        // An object that may be left out.
        Type::Shape(_) => (format!("?{}", inside(member, &member.ty)), "null"),
        Type::Text | Type::Time | Type::Port => (inside(member, &member.ty), "\"\""),
        Type::Flag => ("bool".to_owned(), "false"),
        Type::Unsigned(_) | Type::Signed(_) => (inside(member, &member.ty), "0"),
        Type::List(_) => (inside(member, &member.ty), "&.{}"),
        Type::Headers | Type::Object | Type::Any => (inside(member, &member.ty), ".{}"),
        other => panic!("{other:?} has no type in Zig"),
    }
}

fn inside(member: &Member, ty: &Type) -> String {
    match ty {
        Type::Text | Type::Time | Type::Port => "[]const u8".to_owned(),
        Type::Flag => "bool".to_owned(),
        Type::Unsigned(bits) => format!("u{bits}"),
        Type::Signed(bits) => format!("i{bits}"),
        Type::List(item) => format!("[]const {}", inside(member, item)),
        Type::Headers => "Headers".to_owned(),
        Type::Object | Type::Any => "Json".to_owned(),
        // It may contain itself.
        Type::Shape(shape) if member.key == "wrapped" => format!("*const {}", shape().name),
        Type::Shape(shape) => shape().name.to_owned(),
        other => panic!("{other:?} has no type in Zig"),
    }
}
