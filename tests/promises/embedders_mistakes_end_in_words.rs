//! An embedder's mistake ends in an error that describes it: no check is skipped, no thread waits for
//! itself, and nothing is left behind.

use crate::support;

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{self, Write},
    ops::ControlFlow,
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};
use support::{Guest, data, text_at};
use tollgate::{
    Config, Error, HostError, Limits, ModuleCache, Plugin, Runtime, RuntimeBuilder,
    effect::{Answer, Effect, Failure, HttpResponse, Refusal},
    gate::{Checkpoint, Permitted},
    world::World,
};

#[cfg(feature = "schema")]
mod validation {
    use super::*;
    use std::ops::ControlFlow;
    use tollgate::{ConfigError, replay::Replay};

    const SCHEMA: &str = r#"{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}"#;

    /// A plugin with a schema that takes a path and nothing else.
    fn particular() -> Guest {
        let wat = format!(
            "{} (func (export \"own_schema\") (result i64) {})",
            data(2048, SCHEMA),
            text_at(2048, SCHEMA.len())
        );
        Guest {
            more: wat,
            ..Guest::default()
        }
    }

    /// Its module: the schema is exported under its real name, in place of the default one.
    fn particular_bytes(more: &str) -> Vec<u8> {
        let guest = particular();
        let wat = guest.wat();
        let wat = wat.replace("(export \"schema\")", "(export \"default_schema\")");
        let wat = wat.replace("own_schema", "schema");
        let end = wat.rfind(')').unwrap();
        wat::parse_str(format!("{}{more})", &wat[..end])).unwrap()
    }

    fn is_refused<T: std::fmt::Debug>(what: &str, outcome: Result<T, Error>) {
        match outcome {
            Err(Error::Config {
                problem: ConfigError::Invalid(_),
                plugin,
            }) => assert_eq!(plugin, "odd", "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }

    #[test]
    fn a_config_is_validated_whichever_way_the_plugin_is_called() {
        let runtime = Runtime::builder()
            .validate_configs(tollgate::ConfigValidation::Strict)
            .build()
            .unwrap();
        let plugin = runtime.load("odd", particular_bytes("")).unwrap();
        let (bad, good) = (
            Config::new().set("nonsense", 1),
            Config::new().set("path", "/"),
        );
        is_refused("observe", plugin.observe(&bad));
        let mut instance = plugin.instance().unwrap();
        is_refused("in an instance", instance.observe(&bad));
        instance.observe(&good).unwrap();
        is_refused("in an instance that was called", instance.observe(&bad));
        instance.observe(&good).unwrap();
        let mut seen = Vec::new();
        plugin.observe_many([bad.clone(), good.clone()], None, |_, one| {
            seen.push(one);
            ControlFlow::Continue(())
        });
        let [first, second] = <[_; 2]>::try_from(seen).unwrap();
        is_refused("observe_many", first);
        second.unwrap();
        // Nothing ran, so nothing is written.
        let recording = plugin.observe_recorded(&bad, vec![7]).unwrap();
        is_refused("observe_recorded", recording.outcome);
        assert_eq!(recording.sink, [7]);
        let recording = plugin.observe_recorded(&good, Vec::new()).unwrap();
        recording.outcome.unwrap();
        Replay::read(recording.sink).unwrap().run(&plugin).unwrap();
    }
}

const LINE: &str = r#"{"level":"INFO","message":"hello"}"#;

/// A plugin that logs a line while it is initialised and while it describes itself, and calls a
/// host function of the embedder's if it is named.
fn talkative(during: &str) -> Vec<u8> {
    let call = |function: &str| match function == during {
        true => format!("(call $log {})", text_at(1024, LINE.len())),
        false => String::new(),
    };
    Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        describe: format!("{} {}", call("describe"), text_at(16, support::INFO.len())),
        more: format!(
            "{} (func (export \"_initialize\") {})",
            data(1024, LINE),
            call("_initialize")
        ),
        ..Guest::default()
    }
    .bytes()
}

type Question = fn(&Runtime, &Plugin) -> Result<(), Error>;

/// What a callback may ask a plugin.
const QUESTIONS: [(&str, Question); 9] = [
    ("describe", |_, plugin| plugin.describe().map(drop)),
    ("schema", |_, plugin| plugin.schema().map(drop)),
    ("observe", |_, plugin| {
        plugin.observe(&Config::new()).map(drop)
    }),
    ("instance", |_, plugin| plugin.instance().map(drop)),
    ("init_usage", |_, plugin| plugin.init_usage().map(drop)),
    ("bake", |_, plugin| plugin.bake().map(drop)),
    ("review", |_, plugin| plugin.review().map(drop)),
    ("observe_many", |_, plugin| {
        let mut all = Ok(());
        plugin.observe_many([Config::new(), Config::new()], None, |_, seen| {
            if let Err(error) = seen {
                all = Err(error);
            }
            ControlFlow::Continue(())
        });
        all
    }),
    ("observe_recorded", |_, plugin| {
        let recording = plugin.observe_recorded(Config::new(), Vec::new()).unwrap();
        recording.outcome.map(drop)
    }),
];

/// Has every callback ask `question` of the plugin that caused it, and returns the first reply.
fn asked_from_inside(
    question: Question,
    during: &str,
    outside: impl Fn(&Runtime, &Plugin) -> Result<(), Error>,
) -> Result<(), Error> {
    let slot = Arc::new(OnceLock::<Runtime>::new());
    let (send, replies) = mpsc::channel();
    let asked = Mutex::new(false);
    let inside = slot.clone();
    let runtime = Runtime::builder()
        .on_event(move |name, _| {
            // Once: what it asks logs lines, too.
            if !std::mem::replace(&mut *asked.lock().unwrap(), true) {
                let runtime = inside.get().unwrap();
                let reply = question(runtime, &runtime.plugin(name).unwrap());
                send.send(reply).unwrap();
            }
        })
        .build()
        .unwrap();
    assert!(slot.set(runtime.clone()).is_ok());
    let plugin = runtime.load("odd", talkative(during)).unwrap();
    outside(&runtime, &plugin).unwrap();
    replies.recv().unwrap()
}

#[test]
fn a_plugin_that_is_being_initialised_cannot_be_asked_by_its_own_callback() {
    for (inner, question) in QUESTIONS {
        for (outer, outside) in QUESTIONS {
            let reply = asked_from_inside(question, "_initialize", outside);
            let text = match reply {
                Err(error @ Error::Busy { .. }) => error.to_string(),
                other => panic!("{inner} inside {outer}: {other:?}"),
            };
            assert!(
                text.starts_with("plugin odd is being ") && text.contains(" by this thread"),
                "{text}"
            );
        }
    }
    let describe: Question = |_, plugin| plugin.describe().map(drop);
    let text = asked_from_inside(describe, "_initialize", |_, plugin| {
        plugin.observe(&Config::new()).map(drop)
    });
    let text = text.unwrap_err().to_string();
    assert!(
        text.contains("plugin odd is being initialised by this thread"),
        "{text}"
    );
}

#[test]
fn a_plugin_that_describes_itself_can_be_observed_by_its_own_callback_and_not_described() {
    for (inner, question) in QUESTIONS {
        let describe = |_: &Runtime, plugin: &Plugin| plugin.describe().map(drop);
        let reply = asked_from_inside(question, "describe", describe);
        match (inner, reply) {
            ("describe" | "review", Err(Error::Busy { doing, .. })) => {
                assert_eq!(doing, "asked for its description");
            }
            (_, Ok(())) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A runtime whose plugins call `store.get` while they are initialised, which does `body`.
fn calling(body: impl Fn(&str) -> Value + Send + Sync + 'static) -> RuntimeBuilder {
    Runtime::builder()
        .host_function("store", "get", "kv", move |_: Value, call| {
            Ok::<_, HostError>(body(call.plugin))
        })
        .grant("odd", "kv:get".parse().unwrap())
        .grant("even", "kv:get".parse().unwrap())
}

fn caller() -> Vec<u8> {
    Guest {
        imports: "(import \"store\" \"get\" (func $ask (param i64) (result i64)))",
        more: format!(
            "{} (func (export \"_initialize\") (drop (call $ask {})))",
            data(1024, "7"),
            text_at(1024, 1)
        ),
        ..Guest::default()
    }
    .bytes()
}

#[test]
fn a_host_function_cannot_ask_the_plugin_that_calls_it_while_it_is_initialised() {
    let slot = Arc::new(OnceLock::<Runtime>::new());
    let inside = slot.clone();
    let replies = Arc::new(Mutex::new(Vec::new()));
    let sink = replies.clone();
    let runtime = calling(move |name| {
        let plugin = inside.get().unwrap().plugin(name).unwrap();
        let reply = plugin.observe(&Config::new()).unwrap_err().report();
        sink.lock().unwrap().push(reply);
        json!(null)
    });
    let runtime = runtime.build().unwrap();
    assert!(slot.set(runtime.clone()).is_ok());
    let plugin = runtime.load("odd", caller()).unwrap();
    plugin.observe(&Config::new()).unwrap();
    let replies = replies.lock().unwrap();
    assert_eq!(replies.len(), 1);
    assert!(replies[0].contains("plugin odd is being initialised"));
}

#[test]
fn plugins_that_ask_each_other_while_both_are_initialised_do_not_wait_for_ever() {
    let slot = Arc::new(OnceLock::<Runtime>::new());
    let inside = slot.clone();
    // Both are being initialised before either asks the other.
    let both = Arc::new(std::sync::Barrier::new(2));
    let here = Mutex::new(BTreeSet::new());
    let replies = Arc::new(Mutex::new(Vec::new()));
    let sink = replies.clone();
    let runtime = calling(move |name| {
        if here.lock().unwrap().insert(name.to_owned()) {
            both.wait();
        }
        let other = if name == "odd" { "even" } else { "odd" };
        let other = inside.get().unwrap().plugin(other).unwrap();
        let reply = other.observe(&Config::new()).map(drop);
        sink.lock().unwrap().push(reply);
        json!(null)
    });
    let runtime = runtime.build().unwrap();
    assert!(slot.set(runtime.clone()).is_ok());
    let [odd, even] = ["odd", "even"].map(|name| runtime.load(name, caller()).unwrap());
    thread::scope(|scope| {
        for plugin in [odd, even] {
            scope.spawn(move || plugin.observe(&Config::new()).unwrap());
        }
    });
    let replies = replies.lock().unwrap();
    let refused = |reply: &&Result<(), Error>| matches!(reply, Err(Error::Busy { .. }));
    assert_eq!(replies.iter().filter(refused).count(), 1, "{replies:?}");
}

#[test]
fn another_thread_waits_for_the_initialisation() {
    let (started, starts) = mpsc::channel();
    let (go_on, wait) = mpsc::channel();
    let (started, wait) = (Mutex::new(started), Mutex::new(wait));
    let runtime = calling(move |_| {
        started.lock().unwrap().send(()).unwrap();
        wait.lock().unwrap().recv().unwrap();
        json!(null)
    });
    let plugin = runtime.build().unwrap().load("odd", caller()).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| plugin.observe(&Config::new()));
        starts.recv().unwrap();
        let second = scope.spawn(|| plugin.observe(&Config::new()));
        go_on.send(()).unwrap();
        first.join().unwrap().unwrap();
        second.join().unwrap().unwrap();
    });
}

#[test]
fn configs_may_be_made_from_what_was_told() {
    let plugin = Guest::default().load();
    let (told, tells) = mpsc::channel();
    // Each config but the first waits for the result of the one before.
    let mut made = 0;
    let configs = std::iter::from_fn(move || {
        made += 1;
        if made > 1 {
            tells.recv().unwrap();
        }
        (made <= 10).then(Config::new)
    });
    let mut seen = 0;
    plugin.observe_many(configs, None, |_, one| {
        one.unwrap();
        seen += 1;
        told.send(()).unwrap();
        ControlFlow::Continue(())
    });
    assert_eq!(seen, 10);
}

/// A world with nothing in it, that asks a plugin when it ends.
struct Curious(Arc<OnceLock<Plugin>>);

impl World for Curious {
    fn perform(&mut self, _: &Effect, _: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        Err(Failure::new("internal", "ENOSYS", "there is nothing here").into())
    }

    fn fork(&self) -> Option<Box<dyn World>> {
        Some(Box::new(Curious(self.0.clone())))
    }

    fn real_name(&self, _: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/".into()
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        if let Some(plugin) = self.0.get() {
            plugin.init_usage().unwrap();
            assert!(plugin.name() == "odd" && plugin.review().is_ok());
        }
    }
}

#[test]
fn a_world_may_ask_a_plugin_when_it_ends() {
    let slot = Arc::new(OnceLock::new());
    let inside = slot.clone();
    let runtime = Runtime::builder().world(move || Curious(inside.clone()));
    let runtime = runtime.build().unwrap();
    let plugin = Guest::default().load_in(&runtime);
    plugin.describe().unwrap();
    slot.set(plugin.clone()).unwrap_or_else(|_| panic!());
    for _ in 0..3 {
        plugin.observe(&Config::new()).unwrap();
        plugin
            .observe_recorded(Config::new(), Vec::new())
            .unwrap()
            .outcome
            .unwrap();
    }
    runtime.close();
}

/// A sink that asks the plugin that is being recorded, for each line.
struct Asking(Plugin);

impl Write for Asking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let recording = self.0.observe_recorded(Config::new(), io::sink())?;
        recording.outcome.map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sink_may_ask_the_plugin_that_is_being_recorded() {
    let runtime = Runtime::new().unwrap();
    let plugin = runtime.load("odd", talkative("_initialize")).unwrap();
    let sink = Asking(plugin.clone());
    let recording = plugin.observe_recorded(Config::new(), sink).unwrap();
    recording.outcome.unwrap();
}

#[test]
fn host_functions_work_in_a_world_of_the_embedders() {
    let mut guest = Guest::relay("get");
    guest.imports = "(import \"store\" \"get\" (func $ask (param i64) (result i64)))";
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = events.clone();
    let load = |granted: bool| {
        let sink = sink.clone();
        let mut builder = Runtime::builder()
            .host_function("store", "get", "kv", |request: Value, _| {
                Ok::<_, HostError>(json!({ "got": request }))
            })
            .world(|| Curious(Arc::default()))
            .on_event(move |_, event| sink.lock().unwrap().push(format!("{event:?}")));
        if granted {
            builder = builder.grant("odd", "kv:get".parse().unwrap());
        }
        guest.load_in(&builder.build().unwrap())
    };
    let reply = support::ask(&load(true), json!({"key": "colour"}));
    assert_eq!(reply, json!({"got": {"key": "colour"}}));
    let reply = support::ask(&load(false), json!({"key": "colour"}));
    assert_eq!(support::kind(&reply), "capability");
    assert_eq!(events.lock().unwrap().len(), 1);
}

#[test]
fn log_lines_reach_the_embedder_from_a_world_of_the_embedders() {
    let events = Arc::new(Mutex::new(0));
    let sink = events.clone();
    let runtime = Runtime::builder()
        .world(|| Curious(Arc::default()))
        .on_event(move |_, _| *sink.lock().unwrap() += 1)
        .build()
        .unwrap();
    let plugin = runtime.load("odd", talkative("_initialize")).unwrap();
    plugin.observe(&Config::new()).unwrap();
    assert_eq!(*events.lock().unwrap(), 1);
}

/// A world that answers every request with 5 000 bytes and notes how many were wanted.
struct Generous(Arc<Mutex<Vec<u64>>>);

impl World for Generous {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let Effect::Http { body_limit, .. } = effect else {
            panic!("{effect:?}")
        };
        self.0.lock().unwrap().push(*body_limit);
        let permit = gate.address("93.184.216.34".parse().unwrap())?;
        Ok(permit.answer(Answer::Fetched(HttpResponse {
            status: 200,
            protocol: "HTTP/1.1".into(),
            headers: Vec::new(),
            body: vec![b'x'; 5_000],
            truncated: false,
            took: Duration::ZERO,
        })))
    }

    fn real_name(&self, _: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/".into()
    }
}

#[test]
fn bodies_of_http_are_as_long_as_replies_may_be() {
    for (limit, kept) in [(12 << 20, 5_000), (5_000, 5_000), (4_999, 4_999), (0, 0)] {
        let wanted = Arc::new(Mutex::new(Vec::new()));
        let sink = wanted.clone();
        let limits = Limits {
            reply_bytes: limit,
            ..Limits::default()
        };
        let runtime = Runtime::builder()
            .limits(limits)
            .world(move || Generous(sink.clone()))
            .grant("odd", "network:outbound:443".parse().unwrap());
        let plugin = Guest::relay("http_request").load_in(&runtime.build().unwrap());
        let reply = support::ask(&plugin, json!({"url": "https://example.com/"}));
        assert_eq!(*wanted.lock().unwrap(), [u64::from(limit)]);
        let body = reply["body"].as_str().unwrap_or_default();
        assert_eq!(body.len(), usize::div_ceil(kept, 3) * 4, "{reply}");
        let cut = reply["body_truncated"].as_bool().unwrap_or(false);
        assert_eq!(cut, kept < 5_000);
    }
}

#[test]
fn a_review_is_of_the_grants_that_the_plugin_has() {
    let runtime = Runtime::builder()
        .grant("odd", "env:HOME".parse().unwrap())
        .build()
        .unwrap();
    let review = Guest::default().load_in(&runtime).review().unwrap();
    let broader: Vec<String> = review.broader.iter().map(ToString::to_string).collect();
    assert_eq!(broader, ["env:HOME"]);
}

#[test]
fn a_load_that_fails_leaves_nothing_behind() {
    let cache = ModuleCache::new();
    let runtime = Runtime::builder()
        .module_cache(cache.clone())
        .build()
        .unwrap();
    let before = format!("{runtime:?}");
    // No module, none that compiles, and none that keeps the contract.
    for number in 0..1_000 {
        let name = format!("n{number}");
        let broken: [Vec<u8>; 3] = [
            format!("nope {number}").into(),
            [b"\0asm\x01\0\0\0".as_slice(), &[9, 1, 7]].concat(),
            wat::parse_str(format!("(module (memory {number}))")).unwrap(),
        ];
        for bytes in broken {
            assert!(matches!(
                runtime.load(&name, bytes),
                Err(Error::Load { .. })
            ));
        }
    }
    assert_eq!(format!("{runtime:?}"), before);
    assert_eq!(runtime.plugins(), Vec::<String>::new());
    assert!(cache.is_empty());
    // The name is free.
    runtime.load("n7", Guest::default().bytes()).unwrap();
}

#[test]
fn threads_that_load_broken_bytes_under_one_name_leave_it_free() {
    let runtime = Runtime::new().unwrap();
    let good = Guest::default().bytes();
    for round in 0..50 {
        let name = format!("n{round}");
        let loaded: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|number| {
                    let (name, runtime) = (&name, &runtime);
                    let bytes = if number == 2 {
                        good.clone()
                    } else {
                        b"nope".to_vec()
                    };
                    scope.spawn(move || runtime.load(name, bytes))
                })
                .collect();
            threads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        // Whoever came first, the good bytes are loaded, and all find the same plugin.
        assert!(loaded[2].is_ok(), "{:?}", loaded[2].as_ref().err());
        assert!(runtime.plugin(&name).is_some());
    }
}
