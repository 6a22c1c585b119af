//! The interface in WIT.

use super::text::{kebab, plain, shapes};
use std::fmt::Write as _;
use tollgate_abi::{
    Field,
    functions::{FUNCTIONS, find},
    shape::{Shape, Type},
};

const HEAD: &str = "\
// Written from abi/src/functions.rs; see abi/adding.md. The README beside this file says how these
// types travel: plugins exchange JSON, not values of the component model.

package tollgate:plugin@0.1.0;

/// The objects of the interface.
interface types {
    /// Any JSON document, as text.
    type json = string;
    /// A JSON object with any keys, as text.
    type json-object = string;
    /// A time in RFC 3339.
    type timestamp = string;
    /// A port in decimal digits.
    type port = string;
    /// Header fields: each name with its values.
    type headers = list<tuple<string, list<string>>>;

    /// The argument of `observe`. As JSON it is the values themselves.
    record config {
        /// The values.
        values: json-object,
    }

    /// The result of `schema`. As JSON it is the schema itself.
    record config-schema {
        /// The JSON Schema document, as the plugin sent it.
        raw: json,
        /// The top-level properties; the host reads them from the document.
        fields: list<field-def>,
    }
";

/// The whole file.
pub fn file() -> String {
    let mut file = HEAD.to_owned();
    let shapes = shapes();
    let all = [Field::SHAPE]
        .into_iter()
        .chain(shapes.results)
        .chain(shapes.parts)
        .chain(shapes.messages.iter().copied());
    for shape in all {
        file += &record(shape);
    }
    file += "}\n\n/// The host functions: the module `reglet_host`.\ninterface host-functions {\n";
    let names: Vec<String> = shapes.messages.iter().map(|shape| name(shape)).collect();
    let _ = writeln!(
        file,
        "    use types.{{\n        {},\n    }};",
        names.join(",\n        ")
    );
    for function in FUNCTIONS {
        let reply = function
            .reply
            .map(|reply| format!(" -> {}", name(reply)))
            .unwrap_or_default();
        let _ = writeln!(
            file,
            "\n    /// {}\n    @since(version = {})\n    {}: func(request: {}){reply};",
            function.documentation,
            function.since,
            kebab(function.name),
            name(function.request)
        );
    }
    file + "}

/// A plugin.
world plugin {
    use types.{config, config-schema, evidence, plugin-info};
    import host-functions;

    /// Describes the plugin.
    export describe: func() -> plugin-info;
    /// Returns the JSON Schema of the config.
    export schema: func() -> config-schema;
    /// Runs the check.
    export observe: func(config: config) -> evidence;
}
"
}

/// Which Rust type is which WIT type.
pub fn table() -> String {
    let mut table = "| Rust | JSON | WIT |\n|---|---|---|\n\
        | `String` | string | `string` |\n\
        | `bool` | boolean | `bool` |\n\
        | `u16`, `u32`, `u64` | integer | `u16`, `u32`, `u64` |\n\
        | `i32` | integer | `s32` |\n\
        | `Vec<T>` | array | `list<T>` |\n\
        | `Option<T>` | the value, or null or no key | `option<T>` |\n\
        | `Timestamp` | string in RFC 3339 | `timestamp` |\n\
        | `String` or `u16`, for a port | string of digits; an integer is accepted as well | `port` |\n\
        | `host::Headers` | object of arrays of strings | `headers` |\n\
        | `serde_json::Map<String, Value>` | object | `json-object` |\n\
        | `serde_json::Value` | any | `json` |\n\
        | `tollgate::Config` | object | `config` |\n\
        | `ConfigSchema` | a JSON Schema document | `config-schema` |\n"
        .to_owned();
    let shapes = shapes();
    let own = shapes.results.iter().chain(&shapes.parts);
    for shape in [Field::SHAPE].iter().chain(own).chain(&shapes.messages) {
        let in_host = [
            "PluginInfo",
            "Evidence",
            "Capability",
            "ErrorDetail",
            "Field",
        ];
        let path = if in_host.contains(&shape.name) {
            ""
        } else {
            "host::"
        };
        let _ = writeln!(
            table,
            "| `{path}{}` | object | `{}` |",
            shape.name,
            name(shape)
        );
    }
    table
}

fn record(shape: &Shape) -> String {
    let mut text = format!(
        "\n    /// {}\n    record {} {{\n",
        plain(shape.documentation),
        name(shape)
    );
    for member in shape.members {
        let key = match kebab(member.key) {
            keyword if keyword == "type" => "%type".to_owned(),
            key => key,
        };
        // A record of WIT cannot contain itself.
        let ty = match member.key {
            "wrapped" => "option<json-object>".to_owned(),
            _ => wit(&member.ty),
        };
        let about = plain(member.documentation);
        let _ = writeln!(text, "        /// {about}\n        {key}: {ty},");
    }
    text + "    }\n"
}

fn name(shape: &Shape) -> String {
    match shape.name {
        "ErrorDetail" => "error".to_owned(),
        "Field" => "field-def".to_owned(),
        // Functions and records of an interface share their names.
        message if find(&message_name(message)).is_some() => kebab(message) + "-request",
        name => kebab(name),
    }
}

fn message_name(shape: &str) -> String {
    kebab(shape).replace('-', "_")
}

fn wit(ty: &Type) -> String {
    match ty {
        Type::Text => "string".to_owned(),
        Type::Flag => "bool".to_owned(),
        Type::Unsigned(bits) => format!("u{bits}"),
        Type::Signed(bits) => format!("s{bits}"),
        Type::Port => "port".to_owned(),
        Type::Time => "timestamp".to_owned(),
        Type::List(item) => format!("list<{}>", wit(item)),
        Type::Optional(inner) => format!("option<{}>", wit(inner)),
        Type::Headers => "headers".to_owned(),
        Type::Object => "json-object".to_owned(),
        Type::Any => "json".to_owned(),
        Type::Shape(shape) => name(shape()),
        other => panic!("{other:?} has no type in WIT"),
    }
}
