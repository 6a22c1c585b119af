//! The regions of the kits of other languages, and of the fuzz dictionary.

use super::text::camel;
use std::{collections::BTreeSet, fmt::Write as _};
use tollgate_abi::{
    functions::{FUNCTIONS, Function},
    host::kinds,
    shape::{Shape, Type},
};

/// The functions that a kit declares: an alias adds nothing.
pub fn declared() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS
        .iter()
        .filter(|function| function.alias_of.is_none())
}

/// Prototypes of the imports, and the types of errors.
pub fn c() -> String {
    let mut text = String::new();
    for function in declared() {
        let name = function.name;
        let result = if function.reply.is_some() {
            "uint64_t"
        } else {
            "void"
        };
        let _ = writeln!(
            text,
            "/* {} */\nTOLLGATE_IMPORT(\"{name}\") {result} tollgate_{name}(uint64_t request);",
            function.documentation
        );
    }
    text += "\n/* The values of `type` in an error of the host. */\n";
    for (word, meaning) in kinds::ALL {
        let _ = writeln!(
            text,
            "#define TOLLGATE_ERROR_{} \"{word}\" /* {meaning} */",
            word.to_uppercase()
        );
    }
    text
}

/// The types of errors.
pub fn go_errors() -> String {
    let mut text = "// The values of Detail.Type that the host sends.\nconst (\n".to_owned();
    for (word, meaning) in kinds::ALL {
        let _ = writeln!(text, "\t// {meaning}\n\tError{} = \"{word}\"", pascal(word));
    }
    text + ")\n"
}

/// The imports, and how `Host` finds them.
pub fn go_imports() -> String {
    let mut text = String::new();
    for function in declared() {
        let name = function.name;
        let result = if function.reply.is_some() {
            " uint64"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "// {}\n//\n//go:wasmimport reglet_host {name}\nfunc {}(request uint64){result}\n",
            function.documentation,
            camel(name)
        );
    }
    let (answering, silent): (Vec<&Function>, Vec<&Function>) =
        declared().partition(|function| function.reply.is_some());
    for (about, variable, ty, functions) in [
        (
            "return a reply",
            "answering",
            "func(uint64) uint64",
            answering,
        ),
        ("return nothing", "silent", "func(uint64)", silent),
    ] {
        let _ = writeln!(
            text,
            "// Host functions that {about}.\nvar {variable} = map[string]{ty}{{"
        );
        let width = functions.iter().map(|function| function.name.len()).max();
        for function in functions {
            let key = format!("\"{}\":", function.name);
            let _ = writeln!(
                text,
                "\t{key:0$} {1},",
                width.unwrap_or(0) + 3,
                camel(function.name)
            );
        }
        text += "}\n\n";
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// Declarations of the imports, and the types of errors.
pub fn assemblyscript() -> String {
    let mut text = String::new();
    for function in declared() {
        let name = function.name;
        let result = if function.reply.is_some() {
            "u64"
        } else {
            "void"
        };
        let _ = writeln!(
            text,
            "// {}\n// @ts-ignore: decorator\n\
             @external(\"reglet_host\", \"{name}\") export declare function {name}(request: u64): {result};",
            function.documentation
        );
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

fn pascal(word: &str) -> String {
    let word = camel(word);
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
