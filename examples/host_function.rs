//! A host function of the embedder: JSON in, JSON out, with its own capability kind and its own rule
//! for what a grant allows. Calls pass the same permission check as all I/O.
//!
//! `cargo run --example host_function`

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Mutex};
use tollgate::{Config, HostError, Runtime};

#[derive(Deserialize)]
struct Get {
    key: String,
}

#[derive(Serialize)]
struct Got {
    value: String,
}

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = BTreeMap::from([("colour", "green"), ("pin", "1234")]);
    let calls = Mutex::new(0);
    let runtime = Runtime::builder()
        .host_function("store", "get", "kv", move |request: Get, call| {
            if let Ok(mut calls) = calls.lock() {
                *calls += 1;
                println!("call {calls}, from {}: {}", call.plugin, request.key);
            }
            let value = store.get(request.key.as_str());
            let missing = || HostError::new("not_found", format!("no value for {}", request.key));
            Ok(Got {
                value: value.copied().ok_or_else(missing)?.to_owned(),
            })
        })
        // Without this rule, the pattern of a grant is a function's name: `kv:get`.
        .capability_kind("kv", |pattern, call| call.request["key"] == pattern)
        .grant("ask", "kv:colour".parse()?)
        .grant("ask", "kv:shape".parse()?)
        .build()?;

    // This plugin passes its config to `store.get`, and returns the reply as evidence.
    let module = wat::parse_str(include_str!("../fixtures/wat/ask.wat"))?;
    let ask = runtime.load("ask", &module)?;
    let reply = |key: &str| ask.observe(&Config::new().set("key", key));

    let granted = reply("colour")?.evidence.data;
    assert_eq!(granted["value"], "green");
    for key in ["shape", "pin"] {
        println!("{}", reply(key)?.evidence.data["error"]["message"]);
    }
    let denied = reply("pin")?.evidence.data;
    assert_eq!(denied["error"]["type"], "capability");
    Ok(())
}
