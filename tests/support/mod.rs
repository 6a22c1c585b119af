//! Small plugins made of text, for tests that need one part of the contract to be odd.

#![allow(dead_code)] // each test uses its own part of this file

mod again;
#[cfg(unix)]
pub mod commands;
pub mod go;
pub mod marks;
pub mod needs;
pub mod place;
pub mod preview1;
#[cfg(feature = "cli")]
pub mod program;
mod script;
pub mod share;
pub mod transcripts;

pub use again::again;
use serde_json::Value;
pub use share::tenth;
use tollgate::{Config, Plugin, Runtime};

/// Parts of a plugin in the text format; each has an honest default.
pub struct Guest {
    pub imports: &'static str,
    pub memory: &'static str,
    /// The body of `describe`, leaving an i64.
    pub describe: String,
    /// The body of `observe`, leaving an i64; `$config` and `$len` are its parameters.
    pub observe: String,
    /// The body of `allocate`, leaving an i32; `$size` is its parameter.
    pub allocate: String,
    pub more: String,
}

impl Default for Guest {
    fn default() -> Guest {
        Guest {
            imports: "",
            memory: "(memory (export \"memory\") 2)",
            describe: text_at(16, INFO.len()),
            observe: text_at(256, EVIDENCE.len()),
            allocate: "(global.get $free) (global.set $free
                (i32.add (global.get $free) (local.get $size)))"
                .into(),
            more: String::new(),
        }
    }
}

pub const INFO: &str = r#"{"name":"odd","version":"1"}"#;
pub const EVIDENCE: &str = r#"{"status":true}"#;

/// An expression that packs a range known beforehand.
pub fn text_at(ptr: u32, len: usize) -> String {
    format!(
        "(i64.const {})",
        (u64::from(ptr) << 32 | len as u64).cast_signed()
    )
}

/// A data segment that holds `text`.
pub fn data(ptr: u32, text: impl AsRef<[u8]>) -> String {
    let escaped: String = text
        .as_ref()
        .iter()
        .map(|byte| format!("\\{byte:02x}"))
        .collect();
    format!("(data (i32.const {ptr}) \"{escaped}\")")
}

impl Guest {
    pub fn observing(body: impl Into<String>) -> Guest {
        Guest {
            observe: body.into(),
            ..Guest::default()
        }
    }

    /// A plugin whose `observe` answers with these bytes.
    pub fn answering(answer: impl AsRef<[u8]>) -> Guest {
        let answer = answer.as_ref();
        let pages = answer.len() / 65_536 + 3;
        Guest {
            memory: Box::leak(format!("(memory (export \"memory\") {pages})").into_boxed_str()),
            observe: text_at(65_536, answer.len()),
            more: data(65_536, answer),
            ..Guest::default()
        }
    }

    /// A plugin that gives its config to a host function and answers with the reply as data.
    pub fn relay(function: &str) -> Guest {
        Guest {
            imports: Box::leak(
                format!(
                    "(import \"reglet_host\" \"{function}\" (func $ask (param i64) (result i64)))"
                )
                .into_boxed_str(),
            ),
            memory: "(memory (export \"memory\") 8)",
            observe: "(local $reply i64) (local $at i32) (local $size i32)
                (local.set $reply (call $ask (call $pack (local.get $config) (local.get $len))))
                (local.set $at (i32.wrap_i64 (i64.shr_u (local.get $reply) (i64.const 32))))
                (local.set $size (i32.wrap_i64 (local.get $reply)))
                (memory.copy (i32.const 1024) (i32.const 512) (i32.const 22))
                (memory.copy (i32.const 1046) (local.get $at) (local.get $size))
                (i32.store8 (i32.add (i32.const 1046) (local.get $size)) (i32.const 125))
                (call $pack (i32.const 1024) (i32.add (i32.const 23) (local.get $size)))"
                .into(),
            // The reply must not lie where the answer is put together.
            allocate: "(i32.add (i32.const 196608) (global.get $free))
                (global.set $free (i32.add (global.get $free) (local.get $size)))"
                .into(),
            more: data(512, "{\"status\":true,\"data\":"),
            ..Guest::default()
        }
    }

    pub fn wat(&self) -> String {
        let Guest {
            imports,
            memory,
            describe,
            observe,
            allocate,
            more,
        } = self;
        format!(
            "(module {imports} {memory}
               (global $free (mut i32) (i32.const 4096))
               {} {} {}
               (func $pack (param $ptr i32) (param $len i32) (result i64)
                 (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
                         (i64.extend_i32_u (local.get $len))))
               (func (export \"allocate\") (param $size i32) (result i32) {allocate})
               (func (export \"deallocate\") (param i32 i32))
               (func (export \"describe\") (result i64) {describe})
               (func (export \"schema\") (result i64) {})
               (func $observe (export \"observe\") (param $config i32) (param $len i32) (result i64)
                 {observe})
               {more})",
            data(16, INFO),
            data(256, EVIDENCE),
            data(300, "{}"),
            text_at(300, 2),
        )
    }

    pub fn bytes(&self) -> Vec<u8> {
        wat::parse_str(self.wat()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Loads the plugin into a runtime with default limits and no grants.
    pub fn load(&self) -> Plugin {
        self.load_in(&Runtime::new().unwrap())
    }

    pub fn load_in(&self, runtime: &Runtime) -> Plugin {
        runtime.load("odd", self.bytes()).unwrap()
    }
}

/// The error of observing with an empty config, in words.
pub fn failure(plugin: &Plugin) -> String {
    plugin.observe(&Config::new()).unwrap_err().report()
}

/// How much fuel a relay burns for this request, and the reply.
pub fn cost(plugin: &Plugin, request: Value) -> (u64, Value) {
    let seen = plugin.observe(&Config::try_from(request).unwrap()).unwrap();
    (seen.usage.fuel, Value::Object(seen.evidence.data))
}

/// What the host function of a relay replied to this request.
pub fn ask(plugin: &Plugin, request: Value) -> Value {
    let config = Config::try_from(request).unwrap();
    Value::Object(plugin.observe(&config).unwrap().evidence.data)
}

/// The type of a reply's error, `none` if there is no error.
pub fn kind(reply: &Value) -> &str {
    reply["error"]["type"].as_str().unwrap_or("none")
}
