//! What the library returns has a JSON form, which is part of its interface.

use crate::support::Guest;
use serde_json::{Value, json};
use std::{
    error::Error as _,
    sync::{Arc, Mutex},
};
use tollgate::{Config, Inspection, Limits, Runtime};

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn an_observation_has_its_evidence_truncation_and_usage() {
    let plugin = Guest::default().load();
    let seen = plugin.observe(&Config::new()).unwrap();
    let found = json(&seen);
    assert_eq!(found["evidence"]["status"], true);
    assert_eq!(found["truncation"], Value::Null);
    assert_eq!(found["usage"]["fuel"], seen.usage.fuel);
    assert_eq!(found.as_object().unwrap().len(), 3);
}

#[test]
fn an_error_has_its_kind_message_and_what_there_is_to_know() {
    let runtime = Runtime::builder().fuel(100).build().unwrap();
    let error = runtime.load("odd", b"nonsense".as_slice()).unwrap_err();
    assert_eq!(json(&error)["kind"], "load");
    assert_eq!(json(&error)["plugin"], "odd");
    let looping = Guest::observing("(loop $again (br $again)) (unreachable)");
    let error = looping
        .load_in(&runtime)
        .observe(&Config::new())
        .unwrap_err();
    let found = json(&error);
    let message = "plugin odd: observe() ran out of fuel (limit 100); raise the fuel limit or look for a loop";
    assert_eq!(found["kind"], "fault");
    assert_eq!(found["export"], "observe");
    assert_eq!(found["message"], message);
    assert_eq!(found["fault"], json!({"out_of_fuel": {"limit": 100}}));
    assert_eq!(found["usage"], json(error.usage().unwrap()));
    let error = Runtime::new().unwrap().schema("none").unwrap_err();
    assert_eq!(
        json(&error),
        json!({"kind": "not_loaded", "plugin": "none", "message": "plugin none not loaded; call load first"})
    );
}

#[test]
fn an_error_does_not_repeat_its_cause() {
    let runtime = Runtime::builder().fuel(100).build().unwrap();
    let looping = Guest::observing("(loop $again (br $again)) (unreachable)");
    let errors = [
        Runtime::builder().fuel(0).build().map(drop).unwrap_err(),
        runtime
            .load("x", b"nonsense".as_slice())
            .map(drop)
            .unwrap_err(),
        looping
            .load_in(&runtime)
            .observe(&Config::new())
            .map(drop)
            .unwrap_err(),
        Guest::answering("7")
            .load()
            .observe(&Config::new())
            .map(drop)
            .unwrap_err(),
    ];
    for error in errors {
        let cause = error.source().expect("a cause").to_string();
        assert!(!error.to_string().contains(&cause), "{error}");
        let report = error.report();
        assert!(report.contains(&cause), "{report}");
    }
}

#[test]
fn an_event_has_its_type_and_fields() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let runtime = Runtime::builder()
        .on_event(move |_, event| seen.lock().unwrap().push(json(event)))
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_read").load_in(&runtime);
    let config = Config::new().set("path", "/etc/shadow");
    plugin.observe(&config).unwrap();
    let events = events.lock().unwrap();
    let denied = &events[0];
    assert_eq!(denied["type"], "denied");
    assert_eq!(denied["plugin"], "odd");
    assert_eq!(denied["request"], "fs:read:/etc/shadow");
    assert_eq!(denied["needs"], "fs:read:/etc/shadow");
    assert_eq!(denied["reason"], "no_grants");
}

#[test]
fn a_review_and_an_inspection_are_objects() {
    let plugin = Guest::default().load();
    let review = plugin.review().unwrap();
    assert_eq!(
        json(&review),
        json!({"covered": [], "missing": [], "broader": [], "unreadable": []})
    );
    let inspection = Inspection::new(&Guest::default().bytes(), &Limits::default()).unwrap();
    assert_eq!(json(&inspection)["problems"], json!([]));
}

#[test]
fn a_config_comes_from_what_serialises_to_an_object() {
    #[derive(serde::Serialize)]
    struct Watch<'a> {
        path: &'a str,
        depth: u8,
    }
    let watch = Watch {
        path: "/etc",
        depth: 2,
    };
    let config = Config::from_serialize(&watch).unwrap();
    assert_eq!(config, Config::new().set("path", "/etc").set("depth", 2));
    assert!(Config::from_serialize(&[1, 2]).is_err());
    assert!(Config::from_serialize(&f64::NAN).is_ok_and(|config| config == Config::new()));
    // A map whose keys are no texts has no JSON.
    let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error: tollgate::ConfigError = Config::from_serialize(&keys).unwrap_err();
    assert!(
        error.to_string().starts_with("it cannot be serialised: "),
        "{error}"
    );
}
