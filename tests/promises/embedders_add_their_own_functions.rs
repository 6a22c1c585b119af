//! The embedder's host functions are linked, checked and answered like the built-in ones.

use crate::support;

use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::{Arc, Mutex};
use support::{Guest, ask};
use tollgate::{Error, Event, HostError, Runtime, RuntimeBuilder};

#[derive(Deserialize)]
struct Get {
    key: String,
}

#[derive(Serialize)]
struct Value {
    value: String,
    plugin: String,
}

fn store() -> RuntimeBuilder {
    Runtime::builder().host_function("store", "get", "kv", |request: Get, call| {
        if request.key == "broken" {
            return Err(HostError::new("kv", "the store is closed"));
        }
        Ok(Value {
            value: format!("<{}>", request.key),
            plugin: call.plugin.to_owned(),
        })
    })
}

fn relay() -> Guest {
    Guest {
        imports: "(import \"store\" \"get\" (func $ask (param i64) (result i64)))",
        ..Guest::relay("fs_read")
    }
}

#[test]
fn a_granted_call_is_answered() {
    for grant in ["kv:get", "kv:*", "kv:g*"] {
        let builder = store().grant("odd", grant.parse().unwrap());
        let plugin = relay().load_in(&builder.build().unwrap());
        let reply = ask(&plugin, json!({"key": "a"}));
        assert_eq!(reply, json!({"value": "<a>", "plugin": "odd"}), "{grant}");
    }
}

#[test]
fn without_its_grant_it_is_denied_and_the_operator_hears_of_it() {
    let needs = Arc::new(Mutex::new(Vec::new()));
    let sink = needs.clone();
    let builder = store()
        .grant("odd", "kv:put".parse().unwrap())
        .on_event(move |_, event| {
            if let Event::Denied(denial) = event {
                sink.lock().unwrap().push(denial.needs.clone());
            }
        });
    let plugin = relay().load_in(&builder.build().unwrap());
    let reply = ask(&plugin, json!({"key": "a"}));
    assert_eq!(reply["error"]["type"], "capability");
    assert!(
        reply["error"]["message"]
            .as_str()
            .unwrap()
            .contains("the grant kv:get would allow it")
    );
    assert_eq!(*needs.lock().unwrap(), ["kv:get"]);
}

#[test]
fn the_embedders_rule_may_look_at_the_request() {
    let builder = store()
        .capability_kind("kv", |pattern, asked| {
            asked.function == "store.get" && asked.request["key"] == pattern
        })
        .grant("odd", "kv:public".parse().unwrap());
    let plugin = relay().load_in(&builder.build().unwrap());
    assert_eq!(ask(&plugin, json!({"key": "public"}))["value"], "<public>");
    assert_eq!(
        ask(&plugin, json!({"key": "private"}))["error"]["type"],
        "capability"
    );
}

#[test]
fn errors_and_odd_requests_are_replies() {
    let builder = store().grant("odd", "kv:*".parse().unwrap());
    let plugin = relay().load_in(&builder.build().unwrap());
    let reply = ask(&plugin, json!({"key": "broken"}));
    assert_eq!(
        reply["error"],
        json!({"message": "the store is closed", "type": "kv", "code": ""})
    );
    let reply = ask(&plugin, json!({"key": 7}));
    assert_eq!(reply["error"]["type"], "config");
}

#[test]
fn a_panic_inside_it_ends_the_call_and_nothing_else() {
    let builder = Runtime::builder()
        .host_function(
            "store",
            "get",
            "kv",
            |request: Get, _| -> Result<Value, HostError> { panic!("no {}", request.key) },
        )
        .grant("odd", "kv:*".parse().unwrap());
    let plugin = relay().load_in(&builder.build().unwrap());
    let config = tollgate::Config::new().set("key", "luck");
    for _ in 0..2 {
        let error = plugin.observe(&config).unwrap_err().report();
        assert!(
            error.contains("a host function panicked: no luck"),
            "{error}"
        );
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let refused = |builder: RuntimeBuilder| match builder.build() {
        Err(Error::Build(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    };
    let twice = store().host_function("store", "get", "kv", |_: Get, _| Ok(()));
    assert!(refused(twice).contains("store.get"));
    let ours = Runtime::builder().host_function("reglet_host", "x", "kv", |_: Get, _| Ok(()));
    assert!(refused(ours).contains("belongs to tollgate"));
    let built_in = Runtime::builder().host_function("store", "x", "fs", |_: Get, _| Ok(()));
    assert!(refused(built_in).contains("built in"));
    // A grant of a kind that nothing answers for would be silently useless.
    let unknown = Runtime::builder().grant("odd", "kv:get".parse().unwrap());
    assert!(refused(unknown).contains("kv"));
}
