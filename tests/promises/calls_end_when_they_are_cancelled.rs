//! A call that is cancelled ends with `Fault::Cancelled`, whatever it is doing, and leaves nothing
//! behind. Nothing here waits for a clock: each test learns from a callback, a world or a command
//! that the call is where it is to be cancelled.

#[cfg(all(target_os = "linux", feature = "exec"))]
use crate::support::commands;
use crate::{
    loopback,
    support::{self, Guest, data, text_at},
};
use serde_json::{Value, json};
use std::{
    net::{TcpListener, UdpSocket},
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};
use tollgate::{
    Call, Cancel, Config, Error, Fault, FuelLimit, HostError, Observation, Plugin, Runtime,
    RuntimeBuilder,
    effect::{Effect, Refusal},
    gate::{Checkpoint, Permitted},
    replay::{Replay, ReplayError, Replayed},
    world::{System, World},
};

const LINE: &str = r#"{"level":"INFO","message":"hello"}"#;
const FOREVER: &str = "(loop $again (br $again))";

/// A plugin that logs a line and then loops, while it observes or while it is initialised.
fn looping(during: &str) -> Guest {
    let body = format!("(call $log {}) {FOREVER}", text_at(1024, LINE.len()));
    let (init, observe) = match during {
        "_initialize" => (body, String::new()),
        _ => (String::new(), body),
    };
    Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        observe: format!("{observe} {}", text_at(256, support::EVIDENCE.len())),
        more: format!(
            "{} (func (export \"_initialize\") {init})",
            data(1024, LINE)
        ),
        ..Guest::default()
    }
}

/// A runtime that sends something for each event.
fn telling(send: Sender<()>) -> RuntimeBuilder {
    let send = Mutex::new(send);
    Runtime::builder()
        .fuel(FuelLimit::Unlimited)
        .on_event(move |_, _| {
            let _ = send.lock().unwrap().send(());
        })
}

/// A handle that another thread cancels when `signal` returns.
fn cancelled_after(signal: impl FnOnce() + Send + 'static) -> Cancel {
    let cancel = Cancel::new();
    let handle = cancel.clone();
    thread::spawn(move || {
        signal();
        handle.cancel();
    });
    cancel
}

fn is_cancelled(what: &str, outcome: Result<Observation, Error>) {
    match outcome {
        Err(
            error @ Error::Fault {
                fault: Fault::Cancelled,
                ..
            },
        ) => assert!(error.report().contains("was cancelled"), "{error}"),
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn in_a_loop_of_the_guest() {
    let (send, events) = mpsc::channel();
    let plugin = looping("observe").load_in(&telling(send).build().unwrap());
    let cancel = cancelled_after(move || events.recv().unwrap());
    let config = Config::new();
    is_cancelled("loop", plugin.call(Call::new(&config).cancel(cancel)));
}

#[test]
fn during_initialisation_which_is_not_kept() {
    let (send, events) = mpsc::channel();
    let plugin = looping("_initialize").load_in(&telling(send).build().unwrap());
    let events = Arc::new(Mutex::new(events));
    // The second call initialises the plugin again.
    for _ in 0..2 {
        let events = events.clone();
        let cancel = cancelled_after(move || events.lock().unwrap().recv().unwrap());
        let config = Config::new();
        is_cancelled("init", plugin.call(Call::new(&config).cancel(cancel)));
    }
}

#[test]
fn while_another_thread_initialises_the_plugin() {
    let (send, events) = mpsc::channel();
    let plugin = looping("_initialize").load_in(&telling(send).build().unwrap());
    let config = Config::new();
    thread::scope(|scope| {
        let first = Cancel::new();
        let initialising = scope.spawn({
            let call = Call::new(&config).cancel(first.clone());
            let plugin = &plugin;
            move || plugin.call(call)
        });
        events.recv().unwrap();
        // The other thread initialises until the end of this one.
        let cancel = cancelled_after(|| ());
        is_cancelled("waiting", plugin.call(Call::new(&config).cancel(cancel)));
        let late = plugin.call(Call::new(&config).deadline(Duration::from_millis(1)));
        match late {
            Err(Error::Fault {
                fault: Fault::Deadline { .. },
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
        assert!(!initialising.is_finished());
        first.cancel();
        is_cancelled("initialising", initialising.join().unwrap());
    });
}

#[test]
fn a_thread_that_a_callback_waits_for_can_be_given_a_deadline() {
    let slot = Arc::new(Mutex::new(None::<Plugin>));
    let inside = slot.clone();
    let (send, outcomes) = mpsc::channel();
    let send = Mutex::new(send);
    let runtime = Runtime::builder().on_event(move |_, _| {
        let Some(plugin) = inside.lock().unwrap().take() else {
            return;
        };
        let asking = thread::spawn(move || {
            plugin.call(Call::from(Config::new()).deadline(Duration::from_millis(1)))
        });
        send.lock().unwrap().send(asking.join().unwrap()).unwrap();
    });
    // Logs while it is initialised, and goes on.
    let guest = looping("_initialize");
    let guest = Guest {
        more: guest.more.replace(FOREVER, ""),
        ..guest
    };
    let plugin = guest.load_in(&runtime.build().unwrap());
    *slot.lock().unwrap() = Some(plugin.clone());
    plugin.observe(&Config::new()).unwrap();
    match outcomes.recv().unwrap() {
        Err(Error::Fault {
            fault: Fault::Deadline { .. },
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn before_it_starts_it_does_not_run() {
    let (send, events) = mpsc::channel();
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(cancel.is_cancelled());
    let builder = telling(send);
    #[cfg(feature = "schema")]
    let builder = builder.validate_configs(tollgate::ConfigValidation::Strict);
    let runtime = builder.build().unwrap();
    let config = Config::new();
    let plugin = looping("observe").load_in(&runtime);
    let call = || Call::new(&config).cancel(cancel.clone());
    is_cancelled("call", plugin.call(call()));
    let recording = plugin.observe_recorded(call(), vec![7]).unwrap();
    is_cancelled("observe_recorded", recording.outcome);
    assert_eq!(recording.sink, [7]);
    is_cancelled("instance", plugin.instance().unwrap().observe(call()));
    let many = (0..4).map(|_| Call::from(Config::new()).cancel(cancel.clone()));
    let mut seen = 0;
    plugin.observe_many(many, None, |_, outcome| {
        is_cancelled("observe_many", outcome);
        seen += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(seen, 4);
    assert!(events.try_recv().is_err());
}

#[test]
fn a_plugin_that_grows_tables_ends_in_its_code_and_where_it_grows() {
    let grow = "(drop (table.grow $t (ref.null func) (local.get $n)))";
    let forever = [
        format!("{grow} {FOREVER}"),
        format!("(loop $growing {grow} (br $growing)) (unreachable)"),
    ];
    for forever in forever {
        let (send, events) = mpsc::channel();
        let guest = looping("observe");
        let guest = Guest {
            observe: format!(
                "(local $n i32) (call $log {}) {forever} {}",
                text_at(1024, LINE.len()),
                guest.observe
            ),
            more: format!("{} (table $t 1 funcref)", guest.more),
            ..guest
        };
        let plugin = guest.load_in(&telling(send).build().unwrap());
        let cancel = cancelled_after(move || events.recv().unwrap());
        let config = Config::new();
        is_cancelled(&forever, plugin.call(Call::new(&config).cancel(cancel)));
    }
}

#[test]
fn an_instance_whose_call_was_cancelled_is_not_entered_again() {
    // Counts its calls in memory, and loops if its config is longer than `{}`.
    let (send, events) = mpsc::channel();
    let guest = looping("observe");
    let guest = Guest {
        observe: format!(
            "(i32.store8 (i32.const 2048) (i32.add (i32.load8_u (i32.const 2048)) (i32.const 1)))
             (if (i32.gt_u (local.get $len) (i32.const 2)) (then (call $log {}) {FOREVER}))
             {}",
            text_at(1024, LINE.len()),
            text_at(256, support::EVIDENCE.len())
        ),
        ..guest
    };
    let plugin = guest.load_in(&telling(send).build().unwrap());
    let mut instance = plugin.instance().unwrap();
    let config = Config::new();
    instance.observe(&config).unwrap();
    instance.observe(&config).unwrap();
    assert_eq!(instance.memory()[2048], 2);
    let cancel = cancelled_after(move || events.recv().unwrap());
    let long = Config::new().set("long", true);
    is_cancelled(
        "instance",
        instance.observe(Call::new(&long).cancel(cancel)),
    );
    instance.observe(&config).unwrap();
    assert_eq!(instance.memory()[2048], 1);
    plugin.observe(&config).unwrap();
}

/// This machine, but it sends something before it makes such an effect happen.
struct Telling {
    system: System,
    watched: fn(&Effect) -> bool,
    send: Arc<Mutex<Sender<()>>>,
}

impl World for Telling {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        if (self.watched)(effect) {
            let _ = self.send.lock().unwrap().send(());
        }
        self.system.perform(effect, gate)
    }

    fn real_name(&self, path: &str) -> Option<String> {
        self.system.real_name(path)
    }

    fn working_directory(&self) -> String {
        self.system.working_directory()
    }
}

fn builder_in_world(watched: fn(&Effect) -> bool) -> (RuntimeBuilder, mpsc::Receiver<()>) {
    let (send, begun) = mpsc::channel();
    let send = Arc::new(Mutex::new(send));
    let builder = Runtime::builder()
        .fuel(FuelLimit::Unlimited)
        .world(move || Telling {
            system: System::new().unwrap(),
            watched,
            send: send.clone(),
        });
    (builder, begun)
}

#[test]
fn in_a_sleep() {
    let hour = 3_600_000_000_000_u64;
    let guest = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"poll_oneoff\"
            (func $poll (param i32 i32 i32 i32) (result i32)))",
        observe: format!(
            "(i32.store (i32.const 1040) (i32.const 1))
             (i64.store (i32.const 1048) (i64.const {hour}))
             (drop (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 2100)))
             {}",
            Guest::default().observe
        ),
        ..Guest::default()
    };
    let (builder, begun) = builder_in_world(|effect| matches!(effect, Effect::Sleep { .. }));
    let plugin = guest.load_in(&builder.build().unwrap());
    let cancel = cancelled_after(move || begun.recv().unwrap());
    let config = Config::new();
    is_cancelled("sleep", plugin.call(Call::new(&config).cancel(cancel)));
}

const REACH: [&str; 2] = ["network:outbound:*", "network:outbound:loopback"];

/// Has a host function of the network wait for a server, and cancels the call.
fn cancelled_while_waiting(function: &str, request: &Value) {
    let (builder, begun) = builder_in_world(|effect| {
        !matches!(
            effect,
            Effect::Now { .. } | Effect::Random { .. } | Effect::Log(_)
        )
    });
    let plugin = loopback::plugin_in(builder, function, &REACH);
    let cancel = cancelled_after(move || begun.recv().unwrap());
    let config = Config::try_from(request.clone()).unwrap();
    is_cancelled(function, plugin.call(Call::new(&config).cancel(cancel)));
}

#[test]
fn in_a_conversation_with_a_server_that_never_answers() {
    let port = loopback::server(loopback::silent);
    let text = port.to_string();
    let long = 3_600_000;
    let request = json!({"host": "127.0.0.1", "port": port, "receive": 9, "timeout_ms": long});
    cancelled_while_waiting("net_connect", &request);
    if cfg!(feature = "net") {
        let tls = json!({"host": "127.0.0.1", "port": text, "tls": true, "timeout_ms": long});
        cancelled_while_waiting("tcp_connect", &tls);
        let mail = json!({"host": "127.0.0.1", "port": text, "timeout_ms": long});
        cancelled_while_waiting("smtp_connect", &mail);
        let url = format!("http://127.0.0.1:{port}/");
        cancelled_while_waiting("http_request", &json!({"url": url, "timeout_ms": long}));
        let names = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = names.local_addr().unwrap().to_string();
        let lookup = json!({"hostname": "example.com", "type": "TXT", "nameserver": server, "timeout_ms": long});
        cancelled_while_waiting("dns_lookup", &lookup);
    }
}

/// Linux answers nothing to whoever connects when too many connections wait to be accepted.
#[test]
#[cfg(target_os = "linux")]
fn in_a_connect_that_is_never_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300));
    let waiting: Vec<_> = (0..10_000).map_while(|_| connect().ok()).collect();
    assert!(waiting.len() < 10_000);
    let request = json!({"host": "127.0.0.1", "port": address.port(), "timeout_ms": 3_600_000});
    cancelled_while_waiting("net_connect", &request);
}

#[test]
#[cfg(all(target_os = "linux", feature = "exec"))]
fn in_a_command_which_is_killed_with_all_that_it_started() {
    let place = commands::Workplace::new();
    place.fifo("ready");
    let builder = place.builder(&["exec:/bin/sh"]);
    let plugin = Guest::relay("exec_run").load_in(&builder.build().unwrap());
    let ready = place.path("ready");
    let cancel = cancelled_after(move || {
        assert_eq!(std::fs::read(ready).unwrap(), b"ready\n");
    });
    let script = "sleep 1000 & sh -c 'sleep 1000 & echo ready >ready; sleep 1000'";
    let request = json!({"command": "/bin/sh", "args": ["-c", script], "timeout_ms": 3_600_000});
    let config = Config::try_from(request).unwrap();
    is_cancelled("exec", plugin.call(Call::new(&config).cancel(cancel)));
    place.assert_deserted();
}

#[test]
fn a_host_function_of_the_embedder_sees_it() {
    let (send, begun) = mpsc::channel();
    let send = Mutex::new(send);
    let runtime = Runtime::builder()
        .grant("odd", "slow:*".parse().unwrap())
        .host_function("slow", "work", "slow", move |_: Value, call| {
            send.lock().unwrap().send(()).unwrap();
            while !call.is_cancelled() {
                thread::yield_now();
            }
            Ok::<_, HostError>(Value::Null)
        })
        .build()
        .unwrap();
    let relay = Guest::relay("work");
    let guest = Guest {
        imports: "(import \"slow\" \"work\" (func $ask (param i64) (result i64)))",
        ..relay
    };
    let plugin = guest.load_in(&runtime);
    let cancel = cancelled_after(move || begun.recv().unwrap());
    let config = Config::new();
    is_cancelled("custom", plugin.call(Call::new(&config).cancel(cancel)));
}

#[test]
fn a_recording_says_so_and_replays() {
    let (send, events) = mpsc::channel();
    let runtime = telling(send).build().unwrap();
    let plugin = looping("observe").load_in(&runtime);
    let cancel = cancelled_after(move || events.recv().unwrap());
    let config = Config::new();
    let call = Call::new(&config).cancel(cancel);
    let recording = plugin.observe_recorded(call, Vec::new()).unwrap();
    let text = String::from_utf8(recording.sink.clone()).unwrap();
    let last = text.lines().last().unwrap();
    assert!(
        last.contains(r#""end":{"cancelled":"plugin odd: observe() was cancelled"}"#),
        "{last}"
    );
    is_cancelled("recorded", recording.outcome);
    let replay = Replay::read(recording.sink).unwrap();
    match replay.run(&plugin) {
        Ok(Replayed::Cancelled(message)) => {
            assert_eq!(message, "plugin odd: observe() was cancelled");
        }
        other => panic!("{other:?}"),
    }
    // The replay itself can be cancelled, too.
    let cancel = Cancel::new();
    cancel.cancel();
    match replay.cancel(cancel).run(&plugin) {
        Err(ReplayError::Cancelled) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recording_that_is_cancelled_during_initialisation_replays() {
    let (send, events) = mpsc::channel();
    let plugin = looping("_initialize").load_in(&telling(send).build().unwrap());
    let cancel = cancelled_after(move || events.recv().unwrap());
    let config = Config::new();
    let call = Call::new(&config).cancel(cancel);
    let recording = plugin.observe_recorded(call, Vec::new()).unwrap();
    is_cancelled("recorded", recording.outcome);
    let replay = Replay::read(recording.sink).unwrap();
    match replay.run(&plugin) {
        Ok(Replayed::Cancelled(_)) => {}
        other => panic!("{other:?}"),
    }
}
