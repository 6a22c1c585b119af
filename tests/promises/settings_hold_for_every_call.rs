//! A setting holds in whichever way a plugin is called: those of the runtime, and those of one call,
//! which never allow more than the runtime does.

use crate::support::{Guest, data, text_at};
use serde_json::json;
use std::{num::NonZero, ops::ControlFlow, time::Duration};
use tollgate::{
    Call, Cancel, Config, ConfigError, Error, Fault, FuelLimit, Limits, MemoryLimit, Observation,
    Plugin, Redactor, Runtime, RuntimeBuilder,
    replay::{Replay, Replayed},
};

type Way = fn(&Plugin, Call<'static>) -> Result<Observation, Error>;

/// Every way to call a plugin.
const WAYS: [(&str, Way); 7] = [
    ("call", |plugin, call| plugin.call(call)),
    ("call again", |plugin, call| {
        let _ = plugin.call(call.clone());
        plugin.call(call)
    }),
    ("observe_many", |plugin, call| {
        let mut outcomes = Vec::new();
        plugin.observe_many([call.clone(), call], NonZero::new(1), |_, outcome| {
            outcomes.push(outcome);
            ControlFlow::Continue(())
        });
        outcomes.pop().unwrap()
    }),
    ("observe_recorded", |plugin, call| {
        plugin.observe_recorded(call, Vec::new()).unwrap().outcome
    }),
    ("record", |plugin, call| {
        let directory = tempfile::tempdir().unwrap();
        plugin.record(call, directory.path().join("run")).unwrap()
    }),
    ("instance", |plugin, call| plugin.instance()?.observe(call)),
    ("instance again", |plugin, call| {
        let mut instance = plugin.instance()?;
        let _ = instance.observe(call.clone());
        instance.observe(call)
    }),
];

const SCHEMA: &str = r#"{"type":"object","properties":{"loop":{}},"additionalProperties":false}"#;

/// Answers with long evidence that holds a secret, has a memory of 4 pages, and loops if its config
/// is longer than `{}`.
fn guest() -> Vec<u8> {
    let answer = json!({"status": true, "data": {"text": "hunter2 ".repeat(500)}}).to_string();
    let guest = Guest {
        memory: "(memory (export \"memory\") 4)",
        observe: format!(
            "(if (i32.gt_u (local.get $len) (i32.const 2)) (then (loop $again (br $again)))) {}",
            text_at(65_536, answer.len())
        ),
        more: format!(
            "{} {} (func (export \"own_schema\") (result i64) {})",
            data(65_536, answer),
            data(2048, SCHEMA),
            text_at(2048, SCHEMA.len())
        ),
        ..Guest::default()
    };
    let wat = guest.wat();
    let wat = wat.replace("(export \"schema\")", "(export \"default_schema\")");
    wat::parse_str(wat.replace("own_schema", "schema")).unwrap()
}

fn load(builder: RuntimeBuilder) -> Plugin {
    builder.build().unwrap().load("odd", guest()).unwrap()
}

fn plain() -> Call<'static> {
    Config::new().into()
}

fn looping() -> Call<'static> {
    Config::new().set("loop", 1).into()
}

fn fault(what: &str, outcome: Result<Observation, Error>) -> Fault {
    match outcome {
        Err(Error::Fault { fault, .. }) => fault,
        other => panic!("{what}: {other:?}"),
    }
}

const SHORT: Duration = Duration::from_millis(30);

#[test]
fn a_setting_of_the_runtime_holds_for_every_call() {
    for (way, call) in WAYS {
        let cut = call(&load(Runtime::builder().evidence_bytes(100)), plain()).unwrap();
        assert_eq!(cut.truncation.unwrap().truncated_at_bytes, 100, "{way}");

        let redactor = Redactor::builder().value("hunter2").build().unwrap();
        let hidden = call(&load(Runtime::builder().redactor(redactor)), plain()).unwrap();
        let text = hidden.evidence.data["text"].as_str().unwrap().to_owned();
        assert!(
            text.starts_with("[REDACTED] ") && !text.contains("hunter2"),
            "{way}"
        );

        #[cfg(feature = "schema")]
        match call(
            &load(Runtime::builder().validate_configs(tollgate::ConfigValidation::Strict)),
            Config::new().set("nonsense", 1).into(),
        ) {
            Err(Error::Config {
                problem: ConfigError::Invalid(_),
                ..
            }) => {}
            other => panic!("{way}: {other:?}"),
        }

        let stopped = call(&load(Runtime::builder().fuel(10_000)), looping());
        assert_eq!(
            fault(way, stopped),
            Fault::OutOfFuel { limit: 10_000 },
            "{way}"
        );

        let late = call(&load(Runtime::builder().deadline(SHORT)), looping());
        assert_eq!(fault(way, late), Fault::Deadline { limit: SHORT }, "{way}");
    }
}

#[test]
fn a_setting_of_a_call_holds_whichever_way_it_is_made() {
    let plugin = load(Runtime::builder());
    for (way, call) in WAYS {
        let limits = |change: fn(&mut Limits)| {
            let mut limits = Limits::default();
            change(&mut limits);
            limits
        };
        let small = limits(|limits| limits.evidence_bytes = Some(100));
        let cut = call(&plugin, plain().limits(small)).unwrap();
        assert_eq!(cut.truncation.unwrap().truncated_at_bytes, 100, "{way}");

        let little = limits(|limits| limits.fuel = FuelLimit::Units(10_000));
        let stopped = call(&plugin, looping().limits(little));
        assert_eq!(
            fault(way, stopped),
            Fault::OutOfFuel { limit: 10_000 },
            "{way}"
        );

        // The plugin has more already when the call begins.
        let limit = MemoryLimit::from_pages(2);
        let narrow = Limits {
            memory: limit,
            ..Limits::default()
        };
        let refused = call(&plugin, plain().limits(narrow));
        assert_eq!(fault(way, refused), Fault::OutOfMemory { limit }, "{way}");

        let tiny = limits(|limits| limits.request_bytes = 1);
        match call(&plugin, plain().limits(tiny)) {
            Err(Error::Config {
                problem: ConfigError::TooLarge { limit: 1, .. },
                ..
            }) => {}
            other => panic!("{way}: {other:?}"),
        }

        let late = call(&plugin, looping().deadline(SHORT));
        assert_eq!(fault(way, late), Fault::Deadline { limit: SHORT }, "{way}");
        let late = call(
            &plugin,
            looping().limits(Limits {
                deadline: Some(SHORT),
                ..Limits::default()
            }),
        );
        assert_eq!(fault(way, late), Fault::Deadline { limit: SHORT }, "{way}");

        let cancel = Cancel::new();
        cancel.cancel();
        let cancelled = call(&plugin, looping().cancel(cancel));
        assert_eq!(fault(way, cancelled), Fault::Cancelled, "{way}");

        // None of this stays with the plugin.
        let whole = call(&plugin, plain()).unwrap();
        assert!(whole.truncation.is_none(), "{way}");
    }
}

#[test]
fn a_call_is_never_allowed_more_than_its_runtime_allows() {
    let builder = Runtime::builder()
        .fuel(10_000)
        .deadline(Duration::from_secs(600))
        .evidence_bytes(100);
    let plugin = load(builder);
    for (way, call) in WAYS {
        let generous = || Limits {
            fuel: FuelLimit::Unlimited,
            memory: MemoryLimit::UNLIMITED,
            deadline: None,
            evidence_bytes: None,
            ..Limits::default()
        };
        let stopped = call(&plugin, looping().limits(generous()));
        assert_eq!(
            fault(way, stopped),
            Fault::OutOfFuel { limit: 10_000 },
            "{way}"
        );
        let cut = call(&plugin, plain().limits(generous())).unwrap();
        assert_eq!(cut.truncation.unwrap().truncated_at_bytes, 100, "{way}");
    }
}

#[test]
fn a_recording_with_settings_of_its_own_replays() {
    let plugin = load(Runtime::builder());
    let limits = || Limits {
        fuel: FuelLimit::Units(10_000),
        evidence_bytes: Some(100),
        ..Limits::default()
    };
    for config in [Config::new(), Config::new().set("loop", 1)] {
        let call = Call::new(&config).limits(limits());
        let recording = plugin.observe_recorded(call, Vec::new()).unwrap();
        let replayed = Replay::read(recording.sink).unwrap().run(&plugin).unwrap();
        match (recording.outcome, replayed) {
            (Ok(before), Replayed::Observation(now)) => assert_eq!(before, now),
            (Err(before), Replayed::Failed(now)) => assert_eq!(before.report(), now.report()),
            other => panic!("{other:?}"),
        }
    }
    // The deadline of the replay ends it long before the fuel.
    let config = Config::new().set("loop", 1);
    let long = Limits {
        fuel: FuelLimit::Units(50_000_000),
        ..Limits::default()
    };
    let call = Call::new(&config).limits(long);
    let recorded = plugin.observe_recorded(call, Vec::new()).unwrap();
    let replay = Replay::read(recorded.sink).unwrap();
    assert!(matches!(replay.run(&plugin), Ok(Replayed::Failed(_))));
    let late = replay.deadline(Duration::ZERO).run(&plugin);
    assert!(late.is_err(), "{late:?}");
}
