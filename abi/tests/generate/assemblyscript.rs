//! The region of the kit for AssemblyScript.

use super::{
    kits::{declared, pascal},
    text::{camel, plain, shapes},
};
use std::{collections::BTreeSet, fmt::Write as _};
use tollgate_abi::{
    functions::FUNCTIONS,
    host::kinds,
    shape::{Member, Shape, Type},
};

/// Requests and replies, the imports with a function for each, and the types of errors.
pub fn functions() -> String {
    let mut text = String::new();
    let shapes = shapes();
    let replies: BTreeSet<&str> = FUNCTIONS
        .iter()
        .filter_map(|function| function.reply.map(|reply| reply.name))
        .collect();
    for shape in shapes.parts.iter().chain(&shapes.messages) {
        let is_read = replies.contains(shape.name) || ["FsEntry", "MxRecord"].contains(&shape.name);
        match shape.name {
            // A plugin passes errors on as they came.
            "Capability" | "ErrorDetail" => {}
            _ if is_read => text += &reply(shape),
            _ => text += &request(shape),
        }
    }
    for function in declared() {
        let name = function.name;
        let result = function.reply.map_or("void", |_| "u64");
        let about = function.documentation;
        let _ = writeln!(
            text,
            "// {about}\n// @ts-ignore: decorator\n\
             @external(\"reglet_host\", \"{name}\") export declare function {name}(request: u64): {result};",
        );
        if let Some(reply) = function.reply {
            let _ = writeln!(
                text,
                "export function {}(request: {}): {} {{\n  return read{3}(ask({name}, request.json()));\n}}",
                camel(name),
                function.request.name,
                reply.name,
                reply.name
            );
        }
    }
    text += "\n// The values of `type` in an error of the host: functions, because a constant takes memory\n\
        // even where it is not used.\n";
    for (word, meaning) in kinds::ALL {
        let _ = writeln!(
            text,
            "// {meaning}\nexport function error{}(): string {{\n  return \"{word}\";\n}}",
            pascal(word)
        );
    }
    text
}

/// A class that writes its JSON.
fn request(shape: &Shape) -> String {
    let mut text = class(shape);
    text += "  json(): string {\n    const to = new Members();\n";
    for Member { key, ty, .. } in shape.members {
        let field = format!("this.{}", camel(key));
        let put = match ty {
            Type::Text | Type::Time | Type::Port => format!("to.text(\"{key}\", {field})"),
            Type::Optional(_) => format!("if ({field}.length > 0) to.text(\"{key}\", {field})"),
            Type::Flag | Type::Unsigned(_) | Type::Signed(_) => {
                format!("to.raw(\"{key}\", {field}.toString())")
            }
            Type::List(Type::Text) => {
                format!("to.raw(\"{key}\", list({field}.map<string>((item) => quote(item))))")
            }
            Type::List(_) => {
                format!("to.raw(\"{key}\", list({field}.map<string>((item) => item.json())))")
            }
            Type::Shape(_) => format!("if ({field} != null) to.raw(\"{key}\", {field}!.json())"),
            Type::Headers | Type::Object | Type::Any => {
                format!("if ({field}.length > 0) to.raw(\"{key}\", {field})")
            }
            other => panic!("{other:?} is not written in AssemblyScript"),
        };
        let _ = writeln!(text, "    {put};");
    }
    text + "    return to.end();\n  }\n}\n"
}

/// A class, and a function that reads it.
fn reply(shape: &Shape) -> String {
    let name = shape.name;
    let mut text = class(shape) + "}\n";
    let _ = writeln!(
        text,
        "export function read{name}(json: string): {name} {{\n  const read = new {name}();"
    );
    for Member { key, ty, .. } in shape.members {
        let json = format!("member(json, \"{key}\")");
        let value = match ty {
            // It is passed on.
            _ if *key == "error" => "errorIn(json)".to_owned(),
            Type::Text | Type::Time | Type::Port | Type::Optional(Type::Text) => {
                format!("decode({json})")
            }
            Type::Flag => format!("{json} == \"true\""),
            Type::Unsigned(64) => format!("U64.parseInt(zero({json}))"),
            Type::Unsigned(bits) => format!("U{bits}.parseInt(zero({json}))"),
            Type::Signed(bits) => format!("I{bits}.parseInt(zero({json}))"),
            Type::List(Type::Text) => format!("items({json}).map<string>((item) => decode(item))"),
            Type::List(Type::Shape(item)) => {
                let item = item().name;
                format!("items({json}).map<{item}>((item) => read{item}(item))")
            }
            Type::Headers | Type::Object | Type::Any | Type::Optional(Type::Shape(_)) => json,
            other => panic!("{other:?} is not read in AssemblyScript"),
        };
        let _ = writeln!(text, "  read.{} = {value};", camel(key));
    }
    text + "  return read;\n}\n"
}

/// The head of a class, with its fields.
fn class(shape: &Shape) -> String {
    let mut text = format!(
        "// {}\nexport class {} {{\n",
        plain(shape.documentation),
        shape.name
    );
    for member in shape.members {
        let (ty, default) = field(&member.ty, member.key);
        let json = match (&member.ty, member.key) {
            (Type::Headers | Type::Object | Type::Any | Type::Optional(Type::Shape(_)), _)
            | (_, "error") => " JSON; empty if there is none.",
            _ => "",
        };
        let _ = writeln!(
            text,
            "  // {}{json}\n  {}: {ty} = {default};",
            plain(member.documentation),
            camel(member.key)
        );
    }
    text
}

fn field(ty: &Type, key: &str) -> (String, String) {
    let pair = |ty: &str, default: &str| (ty.to_owned(), default.to_owned());
    match ty {
        _ if key == "error" => pair("string", "\"\""),
        Type::Text | Type::Time | Type::Port | Type::Optional(_) => pair("string", "\"\""),
        Type::Headers | Type::Object | Type::Any => pair("string", "\"\""),
        Type::Flag => pair("bool", "false"),
        Type::Unsigned(bits) => (format!("u{bits}"), "0".to_owned()),
        Type::Signed(bits) => (format!("i{bits}"), "0".to_owned()),
        Type::List(Type::Text) => pair("string[]", "[]"),
        Type::List(Type::Shape(item)) => (format!("{}[]", item().name), "[]".to_owned()),
        Type::Shape(shape) => (format!("{} | null", shape().name), "null".to_owned()),
        other => panic!("{other:?} has no type in AssemblyScript"),
    }
}
