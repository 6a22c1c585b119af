//! A plugin is removed or replaced under its name, while calls of the old one go on.

use crate::support::{self, Guest, data, text_at};
use std::sync::{Arc, Mutex, mpsc};
use tollgate::{Config, Error, HostError, LoadError, Runtime};

/// A plugin that answers with this number.
fn answering(number: u32) -> Vec<u8> {
    Guest::answering(format!(r#"{{"status":true,"data":{{"number":{number}}}}}"#)).bytes()
}

#[test]
fn an_unloaded_plugin_leaves_its_name_and_its_handles_work_on() {
    let runtime = Runtime::new().unwrap();
    assert!(runtime.unload("odd").is_none());
    let old = runtime.load("odd", answering(1)).unwrap();
    runtime.load("other", answering(2)).unwrap();
    assert_eq!(runtime.unload("odd").unwrap().name(), "odd");
    assert!(runtime.unload("odd").is_none() && runtime.plugin("odd").is_none());
    assert_eq!(runtime.plugins(), ["other"]);
    let new = runtime.load("odd", answering(3)).unwrap();
    let number = |seen: tollgate::Observation| seen.evidence.data["number"].clone();
    assert_eq!(number(old.observe(&Config::new()).unwrap()), 1);
    assert_eq!(number(new.observe(&Config::new()).unwrap()), 3);
}

#[test]
fn a_replaced_plugin_finishes_its_calls() {
    let (send, begun) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let (send, gone) = (Mutex::new(send), Mutex::new(gone));
    let runtime = Runtime::builder()
        .grant("odd", "wait:*".parse().unwrap())
        .host_function("wait", "wait", "wait", move |_: serde_json::Value, _| {
            send.lock().unwrap().send(()).unwrap();
            gone.lock().unwrap().recv().unwrap();
            Ok::<_, HostError>(0)
        })
        .build()
        .unwrap();
    let waiting = Guest {
        imports: "(import \"wait\" \"wait\" (func $wait (param i64) (result i64)))",
        observe: format!(
            "(drop (call $wait {})) {}",
            text_at(1024, 2),
            text_at(256, support::EVIDENCE.len())
        ),
        more: data(1024, "{}"),
        ..Guest::default()
    };
    let old = runtime.load("odd", waiting.bytes()).unwrap();
    let running = std::thread::spawn({
        let old = old.clone();
        move || old.observe(&Config::new())
    });
    begun.recv().unwrap();
    let error = runtime.load("odd", answering(1)).unwrap_err();
    assert!(matches!(
        error,
        Error::Load {
            problem: LoadError::OtherContent,
            ..
        }
    ));
    let new = runtime.replace("odd", answering(1)).unwrap();
    assert_eq!(
        new.observe(&Config::new()).unwrap().evidence.data["number"],
        1
    );
    assert_eq!(runtime.plugins(), ["odd"]);
    // A module that cannot be loaded replaces nothing.
    assert!(runtime.replace("odd", b"nonsense".as_slice()).is_err());
    let kept = runtime.plugin("odd").unwrap();
    assert_eq!(
        kept.observe(&Config::new()).unwrap().evidence.data["number"],
        1
    );
    go.send(()).unwrap();
    assert!(running.join().unwrap().unwrap().evidence.status);
}

#[test]
fn the_same_bytes_are_initialised_anew() {
    let lines = Arc::new(Mutex::new(0));
    let counted = lines.clone();
    let runtime = Runtime::builder().on_event(move |_, _| *counted.lock().unwrap() += 1);
    let runtime = runtime.build().unwrap();
    let line = r#"{"level":"INFO","message":"hello"}"#;
    let guest = Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        more: format!(
            "{} (func (export \"_initialize\") (call $log {}))",
            data(1024, line),
            text_at(1024, line.len())
        ),
        ..Guest::default()
    };
    let bytes = guest.bytes();
    for expected in 1..4 {
        let plugin = runtime.replace("odd", &bytes).unwrap();
        plugin.observe(&Config::new()).unwrap();
        plugin.observe(&Config::new()).unwrap();
        assert_eq!(*lines.lock().unwrap(), expected);
        // The same plugin.
        runtime
            .load("odd", &bytes)
            .unwrap()
            .observe(&Config::new())
            .unwrap();
        assert_eq!(*lines.lock().unwrap(), expected);
    }
}
