//! Every file under `vectors/` holds for this crate. Other languages run the same files, so this
//! test fails on a file or a vector that it does not understand instead of passing it over.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};
use tollgate_abi::{
    Capability, ErrorDetail, Evidence, PluginInfo, PtrLen, base64, from_json, functions,
    host::{self, Context},
    rfc3339, sha256, to_json,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: String,
    #[serde(rename = "about")]
    _about: String,
    vectors: Vec<Value>,
}

#[test]
fn every_vector_holds() {
    let mut kinds = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(name.ends_with(".json"), "{name} is not a file of vectors");
        let file: File = serde_json::from_slice(&fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!file.vectors.is_empty(), "{name} has no vectors");
        for vector in file.vectors {
            let checked = match file.kind.as_str() {
                "packed" => read(&vector).and_then(packed),
                "base64" => read(&vector).and_then(base64),
                "rfc3339" => read(&vector).and_then(rfc3339),
                "sha256" => read(&vector).and_then(sha256),
                "json" => read(&vector).and_then(json),
                "calls" => read(&vector).and_then(call),
                kind => panic!("{name}: unknown kind {kind}"),
            };
            checked.unwrap_or_else(|why| panic!("{name}: {vector}: {why}"));
        }
        kinds.insert(file.kind);
    }
    assert_eq!(kinds.len(), 6, "a kind of vectors is missing: {kinds:?}");
}

type Checked = Result<(), String>;

fn read<T: DeserializeOwned>(vector: &Value) -> Result<T, String> {
    T::deserialize(vector).map_err(|error| error.to_string())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Checked {
    if got == wanted {
        Ok(())
    } else {
        Err(format!("{what} is {got:?} and should be {wanted:?}"))
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Packed {
    Good { packed: String, ptr: u32, len: u32 },
    Bad { packed: String, error: bool },
}

fn packed(vector: Packed) -> Checked {
    let number = |text: &str| {
        let digits = text.strip_prefix("0x").ok_or("no 0x")?;
        u64::from_str_radix(digits, 16).map_err(|error| error.to_string())
    };
    match vector {
        Packed::Good { packed, ptr, len } => {
            let range = PtrLen::new(ptr, len).map_err(|error| error.to_string())?;
            same("the packed value", range.pack(), number(&packed)?)?;
            same("the range", PtrLen::unpack(range.pack()), Ok(range))
        }
        Packed::Bad { packed, error } => {
            same("an error", PtrLen::unpack(number(&packed)?).is_err(), error)
        }
    }
}

/// What the host replies is tested where there is a host.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    function: String,
    when: String,
    request: String,
    reply: String,
}

fn call(call: Call) -> Checked {
    let function = functions::find(&call.function).ok_or("no such function")?;
    let reads = |text: &str| serde_json::from_str::<Value>(text).map_err(|why| why.to_string());
    reads(&call.request)?;
    if call.reply.is_empty() {
        return same("a reply", function.reply.is_none(), true);
    }
    let has_error = reads(&call.reply)?["error"].is_object();
    same("an error", has_error, !call.when.is_empty())
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Base64 {
    Good { hex: String, text: String },
    Bad { text: String, error: bool },
}

fn base64(vector: Base64) -> Checked {
    match vector {
        Base64::Good { hex, text } => {
            let bytes = from_hex(&hex)?;
            same("the text", base64::encode(&bytes), text.clone())?;
            same("the content", base64::decode(&text), Ok(bytes))
        }
        Base64::Bad { text, error } => same("an error", base64::decode(&text).is_err(), error),
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Rfc3339 {
    Good {
        text: String,
        seconds: i64,
        nanos: u32,
        canonical: String,
    },
    Bad {
        text: String,
        error: bool,
    },
}

fn rfc3339(vector: Rfc3339) -> Checked {
    match vector {
        Rfc3339::Good {
            text,
            seconds,
            nanos,
            canonical,
        } => {
            let moment = rfc3339::Moment { seconds, nanos };
            same("the moment", rfc3339::parse(&text), Ok(moment))?;
            same("the text", rfc3339::format(moment), canonical)
        }
        Rfc3339::Bad { text, error } => same("an error", rfc3339::parse(&text).is_err(), error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sha256 {
    text: String,
    repeat: usize,
    sha256: String,
}

fn sha256(vector: Sha256) -> Checked {
    let bytes = vector.text.repeat(vector.repeat).into_bytes();
    same(
        "the digest",
        sha256::hex(&sha256::digest(&bytes)),
        vector.sha256,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    shape: String,
    #[serde(rename = "in")]
    text: Option<String>,
    /// The input where it is not UTF-8.
    in_hex: Option<String>,
    out: Option<String>,
    error: Option<bool>,
}

fn json(vector: Json) -> Checked {
    let input = match (&vector.text, &vector.in_hex) {
        (Some(text), None) => text.clone().into_bytes(),
        (None, Some(hex)) => from_hex(hex)?,
        _ => return Err("one of in and in_hex is needed".into()),
    };
    let recoded = match vector.shape.as_str() {
        "evidence" => recode::<Evidence>,
        "plugin_info" => recode_info,
        "error_detail" => recode::<ErrorDetail>,
        "capability" => recode::<Capability>,
        "context" => recode::<Context>,
        shape => match SHAPES.iter().find(|(name, _)| snake_case(name) == shape) {
            Some((_, recoded)) => *recoded,
            None => return Err(format!("unknown shape {shape}")),
        },
    };
    match (&vector.out, vector.error) {
        (Some(out), None) => {
            same("the text", recoded(&input), Some(out.clone()))?;
            same(
                "the canonical text, read again,",
                recoded(out.as_bytes()),
                Some(out.clone()),
            )
        }
        (None, Some(true)) => same("the text", recoded(&input), None),
        _ => Err("one of out and error is needed".into()),
    }
}

/// The requests and replies of the host functions, by the names of their types.
macro_rules! shapes {
    (
        answering { $(
            $(#[$doc:meta])*
            $constant:ident $name:ident($request:ident) -> $reply:ident $(partial_if $flag:ident)? { $($about:tt)* }
        )* }
        aliases { $($aliases:tt)* }
        silent { $(
            $(#[$silent_doc:meta])*
            $silent_constant:ident $silent:ident($silent_request:ident) { $($silent_about:tt)* }
        )* }
    ) => {
        const SHAPES: &[(&str, fn(&[u8]) -> Option<String>)] = &[
            $((stringify!($request), recode::<host::$request>),)*
            $((stringify!($reply), recode::<host::$reply>),)*
            $((stringify!($silent_request), recode::<host::$silent_request>),)*
        ];
    };
}

tollgate_abi::host_functions!(shapes);

/// `FsReadRequest` as `fs_read_request`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn recode<T: DeserializeOwned + Serialize>(input: &[u8]) -> Option<String> {
    let value: T = from_json(input).ok()?;
    String::from_utf8(to_json(&value)).ok()
}

fn recode_info(input: &[u8]) -> Option<String> {
    let info = PluginInfo::from_value(&from_json(input).ok()?)?;
    String::from_utf8(to_json(&info)).ok()
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
        u8::from_str_radix(pair, 16).map_err(|error| error.to_string())
    });
    digits.collect()
}
