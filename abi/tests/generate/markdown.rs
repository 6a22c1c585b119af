//! The page about the host functions, and the table of them.

use super::text::{plain, shapes};
use std::fmt::Write as _;
use tollgate_abi::{
    functions::{FUNCTIONS, Function},
    host::kinds,
    shape::{Member, Shape, Type},
};

const INTRODUCTION: &str = "\
<!-- Written from abi/src/functions.rs; see abi/adding.md. -->

# Host functions

What a plugin can import from the module `reglet_host`, for authors in any language. The
[README](README.md#the-interface-on-one-page) describes how the host calls a plugin, and who allocates and frees memory.

## How to call one

Each function has the WebAssembly type `(i64) -> i64`, or `(i64)` if it returns nothing. The argument is
the request as a packed value: `pointer << 32 | length` of JSON text in memory. The result is the reply in
the same form. The host puts the reply into a buffer from the plugin's `allocate`, and the plugin frees it.

* A missing key, or `null`, counts as the default: an empty string, 0, false, an empty list.
* A key marked `?` is left out when it has its default value. Other keys are always written.
* Keys match without regard to ASCII case. Unknown keys are ignored. A value of the wrong type is an error.
* If a reply has `error`, ignore its other keys unless the function says otherwise.
* Binary content is base64, with padding.
* [vectors/calls.json](vectors/calls.json) has every example on this page, with the whole replies.
* Every request may hold a `context` with time limits. Without one the host applies its own.

";

/// The whole page.
pub fn functions_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page += &functions_table();
    page += "\n";
    for function in FUNCTIONS {
        page += &section(function);
    }
    page += "## Objects in requests and replies\n\n";
    let shapes = shapes();
    for shape in shapes.parts {
        page += &object(shape, 3);
    }
    page += "The host uses these values of `type` in an error:\n\n| type | meaning |\n|---|---|\n";
    for (word, meaning) in kinds::ALL {
        let _ = writeln!(page, "| `{word}` | {meaning} |");
    }
    page += "\n## Results of exports\n\n\
        `schema` returns a JSON Schema document. The results of `describe` and `observe`:\n\n";
    for shape in shapes.results {
        page += &object(shape, 3);
    }
    page.truncate(page.trim_end().len());
    page + "\n"
}

/// One row for each function.
pub fn functions_table() -> String {
    let mut table = "| import from `reglet_host` | type | capability | what it does |\n\
         |---|---|---|---|\n"
        .to_owned();
    for function in FUNCTIONS {
        let ty = match function.reply {
            Some(_) => "(i64) -> i64",
            None => "(i64)",
        };
        let capability = match function.capability {
            Some(kind) => format!("`{kind}`"),
            None => "none".to_owned(),
        };
        let name = function.name;
        let about = function.documentation;
        let _ = writeln!(
            table,
            "| [`{name}`](functions.md#{name}) | `{ty}` | {capability} | {about} |"
        );
    }
    table
}

fn section(function: &Function) -> String {
    let mut text = format!("## {}\n\n{}\n\n", function.name, function.documentation);
    let effects: Vec<String> = function
        .effects
        .iter()
        .map(|effect| format!("`{effect}`"))
        .collect();
    let capability = match function.capability {
        Some(kind) => format!("Needs a capability of kind `{kind}`."),
        None => "Needs no capability.".to_owned(),
    };
    let effects = match effects.is_empty() {
        true => "nothing".to_owned(),
        false => effects.join(", "),
    };
    let _ = writeln!(
        text,
        "{capability} In a transcript: {effects}. Since {}.\n",
        function.since
    );
    if let Some(original) = function.alias_of {
        let _ = writeln!(
            text,
            "Request and reply are those of [`{original}`](#{original}).\n"
        );
        return text;
    }
    text += &part("Request", function.request, function.request_example);
    match function.reply {
        Some(reply) => {
            text += &part("Reply", reply, function.reply_example);
            text += &errors(function);
        }
        None => text += "There is no reply.\n\n",
    }
    text
}

/// The requests that fail, each with the `error` of the reply.
fn errors(function: &Function) -> String {
    let mut table =
        "**Errors**\n\n| when | request | `error` of the reply |\n|---|---|---|\n".to_owned();
    for example in function.errors {
        let (_, error) = example.reply.split_once("\"error\":").unwrap();
        let error = error.strip_suffix('}').unwrap();
        let code = |text: &str| format!("`{}`", text.replace('|', "\\|"));
        let _ = writeln!(
            table,
            "| {} | {} | {} |",
            example.when,
            code(example.request),
            code(error)
        );
    }
    table + "\n"
}

fn part(title: &str, shape: &Shape, example: &str) -> String {
    let about = plain(shape.documentation);
    format!(
        "**{title}** (`{}` in Rust): {about}\n\n{}\n```json\n{}\n```\n\n",
        shape.name,
        members(shape),
        spread(example)
    )
}

fn object(shape: &Shape, level: usize) -> String {
    let (marks, name) = ("#".repeat(level), shape.name);
    format!(
        "{marks} {name}\n\n{}\n\n{}\n",
        plain(shape.documentation),
        members(shape)
    )
}

fn members(shape: &Shape) -> String {
    let mut table = "| key | type | meaning |\n|---|---|---|\n".to_owned();
    for Member {
        key,
        documentation,
        ty,
        omitted,
        ..
    } in shape.members
    {
        let mark = if *omitted { "?" } else { "" };
        let _ = writeln!(
            table,
            "| `{key}`{mark} | {} | {} |",
            json(ty),
            plain(documentation).replace('|', "\\|")
        );
    }
    table
}

fn json(ty: &Type) -> String {
    match ty {
        Type::Text => "string".to_owned(),
        Type::Flag => "boolean".to_owned(),
        Type::Unsigned(bits) => format!("integer, {bits} bits, from 0"),
        Type::Signed(bits) => format!("integer, {bits} bits"),
        Type::Port => "string of digits; an integer is accepted as well".to_owned(),
        Type::Time => "string, RFC 3339".to_owned(),
        Type::List(item) => format!("array of {}", json(item)),
        Type::Optional(inner) => format!("{} or null", json(inner)),
        Type::Headers => "object; each value is an array of strings".to_owned(),
        Type::Object => "object".to_owned(),
        Type::Any => "any JSON".to_owned(),
        Type::Shape(shape) => {
            let name = shape().name;
            format!("[{name}](#{})", name.to_lowercase())
        }
        other => panic!("{other:?} has no description"),
    }
}

/// An object with one key a line.
fn spread(json: &str) -> String {
    let (mut spread, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    for letter in json.chars() {
        if in_string {
            spread.push(letter);
            in_string = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '"' => in_string = true,
            _ => {}
        }
        match (letter, depth) {
            ('{', 1) => spread += "{\n  ",
            (',', 1) => spread += ",\n  ",
            ('}', 0) => spread += "\n}",
            (',' | ':', _) => {
                spread.push(letter);
                spread.push(' ');
            }
            _ => spread.push(letter),
        }
    }
    spread
}
