//! With the feature `tracing`, subscribers get the calls, effects, log lines and denials of plugins, with their
//! figures, whether there is a callback or not. Secrets are hidden in them, and a call with a backtrace is seen once.

#![cfg(feature = "tracing")]

use crate::support;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};
use support::Guest;
use tollgate::{Config, Redactor, Runtime, RuntimeBuilder, replay::Replay, world::Simulated};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// What a subscriber got: an event, or a span that was entered.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    target: &'static str,
    level: String,
    fields: BTreeMap<&'static str, String>,
    /// How many spans it was in.
    depth: usize,
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

impl Seen {
    fn of(metadata: &'static Metadata<'static>) -> Seen {
        Seen {
            target: metadata.target(),
            level: metadata.level().to_string(),
            ..Seen::default()
        }
    }

    fn field(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    fn message(&self) -> &str {
        self.fields.get("message").map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> u64 {
        self.field(name).parse().unwrap()
    }
}

/// Collects what is not more detailed than a level.
struct Collector {
    most: Level,
    seen: Arc<Mutex<(usize, Vec<Seen>)>>,
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tollgate::") && *metadata.level() <= self.most
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.most.into())
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut seen = Seen::of(span.metadata());
        span.record(&mut seen);
        seen.fields.insert("span", span.metadata().name().into());
        self.seen.lock().unwrap().1.push(seen);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen::of(event.metadata());
        event.record(&mut seen);
        let mut all = self.seen.lock().unwrap();
        seen.depth = all.0;
        all.1.push(seen);
    }

    fn enter(&self, _: &span::Id) {
        self.seen.lock().unwrap().0 += 1;
    }

    fn exit(&self, _: &span::Id) {
        self.seen.lock().unwrap().0 -= 1;
    }
}

/// What a subscriber of this thread gets while `run` runs.
fn collected<T>(most: Level, run: impl FnOnce() -> T) -> (T, Vec<Seen>) {
    let seen = Arc::new(Mutex::default());
    let collector = Collector {
        most,
        seen: Arc::clone(&seen),
    };
    let outcome = tracing::subscriber::with_default(collector, run);
    let seen = seen.lock().unwrap().1.clone();
    (outcome, seen)
}

fn of<'a>(seen: &'a [Seen], target: &str) -> Vec<&'a Seen> {
    seen.iter().filter(|seen| seen.target == target).collect()
}

fn file(grant: &str) -> RuntimeBuilder {
    let world = Simulated::new().file("/etc/motd", "hello\n");
    Runtime::deterministic(1)
        .world(move || world.clone())
        .grant("file", grant.parse().unwrap())
}

fn load(builder: RuntimeBuilder) -> tollgate::Plugin {
    let module = std::fs::read("fixtures/file/file.wasm").unwrap();
    builder.build().unwrap().load("file", module).unwrap()
}

#[test]
fn a_call_is_a_span_with_its_effects_and_figures() {
    let plugin = load(file("fs:read:/etc/motd").audit());
    let config = Config::new().set("path", "/etc/motd").set("hash", true);
    let (outcome, seen) = collected(Level::DEBUG, || plugin.observe(&config));
    let observation = outcome.unwrap();

    let calls = of(&seen, "tollgate::call");
    let [span, end] = calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!((span.field("span"), span.field("plugin")), ("call", "file"));
    assert_eq!((end.message(), end.field("status")), ("observed", "true"));
    assert_eq!(end.number("fuel"), observation.usage.fuel);
    assert_eq!(end.number("host_calls"), observation.usage.host_calls);

    let effects = of(&seen, "tollgate::effect");
    let opened = effects.iter().find(|it| it.field("kind") == "open");
    assert_eq!(opened.unwrap().field("outcome"), "done");
    // All are in the span, and each has the fuel that was burnt before it.
    assert!(effects.iter().all(|it| it.depth == 1), "{effects:?}");
    let fuel: Vec<u64> = effects
        .iter()
        .map(|it| it.number("fuel"))
        .skip_while(|fuel| *fuel == 0)
        .collect();
    assert!(fuel.len() > 2 && fuel.is_sorted(), "{fuel:?}");
    assert!(fuel.iter().all(|it| *it < observation.usage.fuel));

    let granted = of(&seen, "tollgate::gate");
    assert!(
        granted
            .iter()
            .any(|it| it.message() == "granted" && it.field("grant") == "fs:read:/etc/motd"),
        "{granted:?}"
    );
}

#[test]
fn denials_name_the_grant_without_a_callback() {
    let plugin = load(file("fs:read:/etc/other"));
    let config = Config::new().set("path", "/etc/motd");
    // Effects are more detailed than the subscriber wants.
    let (outcome, seen) = collected(Level::INFO, || plugin.observe(&config));
    assert!(!outcome.unwrap().evidence.status);
    let [denied] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (denied.message(), denied.level.as_str()),
        ("denied", "WARN")
    );
    assert_eq!(denied.field("plugin"), "file");
    assert_eq!(denied.field("request"), "fs:read:/etc/motd");
    assert_eq!(denied.field("grant"), "fs:read:/etc/motd");
    assert_eq!(denied.field("reason"), "NotCovered");
}

/// Logs its config as a request, and answers or traps.
fn logger(end: &str) -> Guest {
    Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        memory: "(memory (export \"memory\") 40)",
        observe: format!(
            "(call $log (call $pack (local.get $config) (local.get $len))) {end} {}",
            Guest::default().observe
        ),
        ..Guest::default()
    }
}

fn line() -> Config {
    Config::new()
        .set("level", "error")
        .set("message", "the key is hunter2-hunter2")
        .set(
            "attrs",
            json!([{"key": "n", "type": "int64", "value": "7"}]),
        )
}

#[test]
fn log_lines_keep_their_level_and_lose_their_secrets() {
    let redactor = Redactor::builder().value("hunter2-hunter2");
    let runtime = Runtime::builder().redactor(redactor.build().unwrap());
    let plugin = logger("").load_in(&runtime.build().unwrap());
    let (outcome, seen) = collected(Level::TRACE, || plugin.observe(&line()));
    outcome.unwrap();
    let lines = of(&seen, "tollgate::log");
    let [logged] = lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(logged.level, "ERROR");
    assert!(logged.message().starts_with("the key is "), "{logged:?}");
    assert_eq!((logged.field("attrs"), logged.depth), ("n=7", 1));
    assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
}

#[test]
fn limits_and_traps_are_failures_with_their_fuel() {
    let looping = Guest::observing("(loop $again (br $again)) (i64.const 0)");
    let plugin = looping.load_in(&Runtime::builder().fuel(10_000).build().unwrap());
    let (outcome, seen) = collected(Level::WARN, || plugin.observe(&Config::new()));
    let error = outcome.unwrap_err();
    let [failed] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(failed.message(), "failed");
    assert_eq!(failed.field("error"), error.report());
    assert_eq!(failed.number("fuel"), error.usage().unwrap().fuel);
}

#[test]
fn a_call_that_is_repeated_for_its_backtrace_is_reported_once() {
    let reported = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&reported);
    let runtime = Runtime::builder()
        .backtraces(true)
        .on_event(move |_, _| *counter.lock().unwrap() += 1);
    let plugin = logger("unreachable").load_in(&runtime.build().unwrap());
    let (outcome, seen) = collected(Level::DEBUG, || plugin.observe(&line()));
    assert!(outcome.unwrap_err().backtrace().is_some());
    assert_eq!(of(&seen, "tollgate::log").len(), 1, "{seen:?}");
    assert_eq!(of(&seen, "tollgate::call").len(), 2, "{seen:?}");
    assert_eq!(*reported.lock().unwrap(), 1);
}

#[test]
fn recordings_do_not_depend_on_subscribers() {
    let plugin = load(file("fs:read:/etc/*"));
    let config = Config::new().set("path", "/etc/motd");
    let record = || plugin.observe_recorded(&config, Vec::new()).unwrap().sink;
    let (traced, seen) = collected(Level::TRACE, record);
    assert!(!seen.is_empty());
    assert_eq!(traced, record());
    let replay = Replay::read(traced).unwrap();
    let (replayed, seen) = collected(Level::TRACE, || replay.run(&plugin).unwrap());
    assert!(replayed.evidence().is_some());
    assert!(!of(&seen, "tollgate::effect").is_empty());
}
