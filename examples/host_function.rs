//! A function of the embedder's own, offered to plugins through the same gate as all others: JSON
//! in, JSON out, a capability kind of its own, and a rule of its own for what a grant covers.
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
    let asked = Mutex::new(0);
    let runtime = Runtime::builder()
        .host_function("store", "get", "kv", move |request: Get, call| {
            if let Ok(mut asked) = asked.lock() {
                *asked += 1;
                println!("question {asked}, from {}: {}", call.plugin, request.key);
            }
            let value = store.get(request.key.as_str());
            let missing = || HostError::new("not_found", format!("no value for {}", request.key));
            Ok(Got {
                value: value.copied().ok_or_else(missing)?.to_owned(),
            })
        })
        // Without this rule, a grant is for a function by its name: `kv:get`.
        .capability_kind("kv", |pattern, asked| asked.request["key"] == pattern)
        .grant("ask", "kv:colour".parse()?)
        .grant("ask", "kv:shape".parse()?)
        .build()?;

    // A plugin that passes its config on to `store.get`, and answers with the reply.
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
