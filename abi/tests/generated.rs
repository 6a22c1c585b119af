//! What is written from the table of host functions: the documentation, the WIT file, and regions of
//! the kits, of READMEs and of the fuzz dictionary. And what is written from this package itself: the copy
//! of it that a plugin can keep. The files are committed. After a change of the
//! table, rewrite them:
//!
//! ```text
//! TOLLGATE_UPDATE=1 cargo test -p tollgate-abi --test generated
//! ```

mod generate {
    pub mod assemblyscript;
    pub mod c;
    pub mod go;
    pub mod kits;
    pub mod markdown;
    pub mod package;
    pub mod text;
    pub mod wit;
    pub mod zig;
}

use generate::{assemblyscript, c, go, kits, markdown, package, wit, zig};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeSet, fs, path::Path};
use tollgate_abi::{
    from_json,
    functions::{self, FUNCTIONS},
    host, to_json,
};

/// Where a generated text goes.
struct Generated {
    /// The file, from the root of the repository.
    file: &'static str,
    /// The name of a marked region, or none for a whole file.
    region: Option<&'static str>,
    text: String,
}

fn all() -> Vec<Generated> {
    let whole = |file, text| Generated {
        file,
        region: None,
        text,
    };
    let region = |file, name, text| Generated {
        file,
        region: Some(name),
        text,
    };
    vec![
        whole("abi/functions.md", markdown::functions_page()),
        whole("abi/vectors/calls.json", calls()),
        whole("abi/wit/plugin.wit", wit::file()),
        region("abi/wit/README.md", "types", wit::table()),
        region("abi/README.md", "functions", markdown::functions_table()),
        region("abi/kits/tollgate.h", "functions", apart(c::imports())),
        region("abi/kits/tollgate.h", "requests", apart(c::requests())),
        region("abi/kits/abi.go", "errors", apart(go::errors())),
        region("abi/kits/abi.go", "functions", apart(go::functions())),
        region("abi/kits/abi_wasip1.go", "functions", apart(go::imports())),
        region("abi/kits/abi_native.go", "functions", apart(go::stubs())),
        region(
            "abi/kits/tollgate.ts",
            "functions",
            apart(assemblyscript::functions()),
        ),
        region(
            "abi/kits/tollgate.zig",
            "functions",
            apart(zig::functions()),
        ),
        whole("abi/kits/rust.toml", package::manifest()),
        region("abi/src/kits.rs", "rust", package::sources()),
        region(
            "fuzz/dictionaries/host_functions",
            "keys",
            kits::dictionary(),
        ),
    ]
}

/// Every example as a call: with its request and its reply.
fn calls() -> String {
    let mut vectors = Vec::new();
    for function in FUNCTIONS.iter().filter(|it| it.alias_of.is_none()) {
        let call = |when: &str, request: &str, reply: &str| {
            serde_json::json!({"function": function.name, "when": when, "request": request, "reply": reply})
                .to_string()
        };
        vectors.push(call("", function.request_example, function.reply_example));
        for example in function.errors {
            vectors.push(call(example.when, example.request, example.reply));
        }
    }
    format!(
        "{{\n  \"kind\": \"calls\",\n  \"about\": \"Calls of host functions, and when they fail. The reply to \
         log_message is empty: it returns nothing.\",\n  \"vectors\": [\n    {}\n  ]\n}}\n",
        vectors.join(",\n    ")
    )
}

/// With an empty line on either side, so that the markers are no part of a comment.
fn apart(text: String) -> String {
    format!("\n{text}\n")
}

#[test]
fn generated_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let update = std::env::var_os("TOLLGATE_UPDATE").is_some();
    let mut stale = BTreeSet::new();
    for Generated { file, region, text } in all() {
        let path = root.join(file);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let wanted = match region {
            None => text,
            Some(name) => with_region(&committed, name, &text)
                .unwrap_or_else(|| panic!("{file} has no region {name:?}")),
        };
        if wanted != committed {
            stale.insert(file);
            if update {
                fs::write(&path, wanted).unwrap();
            }
        }
    }
    assert!(
        update || stale.is_empty(),
        "stale: {stale:?}; rewrite with TOLLGATE_UPDATE=1 cargo test -p tollgate-abi --test generated"
    );
}

/// Replaces the lines between the line with `begin generated NAME` and the one with `end generated NAME`.
fn with_region(file: &str, name: &str, text: &str) -> Option<String> {
    let begin = file.find(&format!("begin generated {name}"))?;
    let from = begin + file[begin..].find('\n')? + 1;
    let end = from + file[from..].find(&format!("end generated {name}"))?;
    let to = file[..end].rfind('\n')? + 1;
    Some([&file[..from], text, &file[to..]].concat())
}

macro_rules! examples {
    (
        answering { $(
            $(#[$doc:meta])*
            $constant:ident $name:ident($request:ident) -> $reply:ident $(partial_if $flag:ident)? { $($about:tt)* }
        )* }
        aliases { $(
            $(#[$alias_doc:meta])*
            $alias_constant:ident $alias:ident($alias_request:ident) -> $alias_reply:ident = $of:ident { $($alias_about:tt)* }
        )* }
        silent { $(
            $(#[$silent_doc:meta])*
            $silent_constant:ident $silent:ident($silent_request:ident) { $($silent_about:tt)* }
        )* }
    ) => {
        #[test]
        fn every_example_is_read_and_written_the_same() {
            $( check::<host::$request, host::$reply>(stringify!($name)); )*
            $( check::<host::$alias_request, host::$alias_reply>(stringify!($alias)); )*
            $( same::<host::$silent_request>(functions::find(stringify!($silent)).unwrap().request_example); )*
        }
    };
}

tollgate_abi::host_functions!(examples);

fn check<Request, Reply>(name: &str)
where
    Request: Serialize + DeserializeOwned,
    Reply: Serialize + DeserializeOwned,
{
    let function = functions::find(name).unwrap();
    same::<Request>(function.request_example);
    same::<Reply>(function.reply_example);
    for example in function.errors {
        same::<Reply>(example.reply);
    }
}

fn same<T: Serialize + DeserializeOwned>(example: &str) {
    let value: T = from_json(example.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(to_json(&value)).unwrap(), example);
}

#[test]
fn every_row_is_complete() {
    let mut names = BTreeSet::new();
    for function in FUNCTIONS {
        let name = function.name;
        assert!(names.insert(name), "{name} is in the table twice");
        assert!(function.documentation.ends_with('.'), "{name}");
        assert_eq!(function.reply.is_none(), function.reply_example.is_empty());
        if let Some(original) = function.alias_of {
            assert!(functions::find(original).is_some(), "{name}");
        }
        for shape in [Some(function.request), function.reply]
            .into_iter()
            .flatten()
        {
            for member in shape.members {
                assert!(
                    member.documentation.ends_with('.'),
                    "{}.{}",
                    shape.name,
                    member.key
                );
            }
        }
        let is_shown = function.reply.is_some() && function.alias_of.is_none();
        assert_eq!(is_shown, !function.errors.is_empty(), "{name}");
        // Every reply can hold an error.
        let has_error = |reply: &tollgate_abi::shape::Shape| {
            reply.members.last().is_some_and(|last| last.key == "error")
        };
        assert!(function.reply.is_none_or(has_error), "{name}");
    }
}

#[test]
fn the_wit_file_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit/plugin.wit");
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_file(&path).unwrap();
    let package = &resolve.packages[package];
    let types = &resolve.interfaces[package.interfaces["types"]].types;
    for name in [
        "plugin-info",
        "capability",
        "config",
        "evidence",
        "error",
        "config-schema",
        "field-def",
    ] {
        let kind = &resolve.types[types[name]].kind;
        assert!(matches!(kind, wit_parser::TypeDefKind::Record(_)), "{name}");
    }
    let declared = &resolve.interfaces[package.interfaces["host-functions"]].functions;
    let table: Vec<String> = FUNCTIONS
        .iter()
        .map(|function| function.name.replace('_', "-"))
        .collect();
    assert_eq!(declared.keys().cloned().collect::<Vec<_>>(), table);
    let world = &resolve.worlds[package.worlds["plugin"]];
    assert_eq!(world.exports.len(), 3);
}
