//! A call in a fork, in a reset instance and in a newly initialised one gives the same answer, costs
//! the same and leaves the same memory, whatever was called before.

use crate::support;

use proptest::prelude::*;
use std::sync::Arc;
use support::Guest;
use tollgate::{
    Config, Error, ForkPolicy, Instance, Plugin, Runtime, RuntimeBuilder, Usage,
    abi::sha256,
    effect::{Answer, Effect, Failure, Refusal},
    gate::{Checkpoint, Permitted},
    world::World,
};

/// A world in which time passes by readings and chance counts up, both from where initialisation
/// left them.
#[derive(Clone, Default)]
struct Counting {
    readings: u64,
    drawn: u8,
}

impl World for Counting {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let answer = match effect {
            Effect::Now { .. } => {
                self.readings += 1;
                Answer::Time(1_000_000_000 + self.readings * 1_000)
            }
            Effect::Random { length } => Answer::Bytes(
                (0..*length)
                    .map(|_| {
                        self.drawn = self.drawn.wrapping_add(37);
                        self.drawn
                    })
                    .collect(),
            ),
            Effect::Variables => Answer::Variables(vec![("A".into(), "b".into())]),
            Effect::Sleep { .. } => Answer::Done,
            Effect::Open { .. } | Effect::Stat { .. } => {
                return Err(Failure::new("fs", "ENOENT", "nothing is there").into());
            }
            _ => return Err(Failure::new("fs", "EIO", "not here").into()),
        };
        Ok(gate.granted()?.answer(answer))
    }

    fn fork(&self) -> Option<Box<dyn World>> {
        Some(Box::new(self.clone()))
    }

    fn real_name(&self, _path: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/counting".into()
    }
}

fn fixtures() -> Vec<(&'static str, Arc<[u8]>)> {
    let read = |name: &str| std::fs::read(format!("fixtures/{name}")).unwrap().into();
    vec![
        ("go-file", read("go-file/go-file.wasm")),
        ("file", read("file/file.wasm")),
        ("as-file", read("as-file/as-file.wasm")),
        ("c-file", read("c-file/c-file.wasm")),
        ("env", read("env/env.wasm")),
        ("net", read("net/net.wasm")),
        ("exec", read("exec/exec.wasm")),
        (
            "echo",
            wat::parse_file("fixtures/wat/echo.wat").unwrap().into(),
        ),
        ("restless", restless().bytes().into()),
    ]
}

/// A plugin that keeps state in memory and globals of every type, prints half a line and draws
/// random bytes while it is initialised, and answers with all of it.
fn restless() -> Guest {
    Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"random_get\"
              (func $random (param i32 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"clock_time_get\"
              (func $clock (param i32 i64 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"fd_write\"
              (func $write (param i32 i32 i32 i32) (result i32)))",
        memory: "(memory (export \"memory\") 3)",
        observe: format!(
            "(drop (call $clock (i32.const 0) (i64.const 1) (i32.const 71000)))
             (drop (call $random (i32.const 71100) (i32.const 9)))
             (drop (call $write (i32.const 1) (i32.const 70000) (i32.const 1) (i32.const 70020)))
             (global.set $a (i32.add (global.get $a) (local.get $len)))
             (global.set $b (i64.add (global.get $b) (i64.const 1)))
             (global.set $c (f32.add (global.get $c) (f32.const 0.5)))
             (global.set $d (f64.mul (global.get $d) (f64.const 3)))
             (i32.store (i32.const 72000) (global.get $a))
             (i64.store (i32.const 72008) (global.get $b))
             (f32.store (i32.const 72016) (global.get $c))
             (f64.store (i32.const 72024) (global.get $d))
             {}",
            Guest::default().observe
        ),
        more: format!(
            "(global $a (mut i32) (i32.const -5)) (global $b (mut i64) (i64.const -6))
             (global $c (mut f32) (f32.const 1)) (global $d (mut f64) (f64.const nan:0x4))
             (global $constant f64 (f64.const 2.5)) (global (export \"seen\") (mut i32) (i32.const 1))
             {} {}
             (func $start (global.set $b (i64.const -7000000000)))
             (start $start)
             (func (export \"_initialize\")
               (drop (call $random (i32.const 73000) (i32.const 16)))
               (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 73100)))
               (drop (call $write (i32.const 1) (i32.const 70000) (i32.const 1) (i32.const 70020)))
               (drop (memory.grow (i32.const 2)))
               (i32.store (i32.const 300000) (i32.const 7))
               (global.set $d (f64.const 1e300)))",
            support::data(70_000, b"\x08\x14\x01\0\x04\0\0\0"),
            support::data(70_664, "half")
        ),
        ..Guest::default()
    }
}

/// What a call showed of itself.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: Result<Vec<u8>, String>,
    usage: Usage,
    memory: [u8; 32],
}

fn see(instance: &mut Instance, config: &[u8]) -> Seen {
    let outcome = instance
        .observe_bytes(config)
        .map_err(|error| error.report());
    Seen {
        outcome,
        usage: instance.usage(),
        memory: sha256::digest(instance.memory()),
    }
}

fn builder() -> RuntimeBuilder {
    Runtime::builder()
        .world(Counting::default)
        .fuel(3_000_000_000)
}

fn load(builder: RuntimeBuilder, bytes: &[u8]) -> Plugin {
    builder.build().unwrap().load("plugin", bytes).unwrap()
}

fn config() -> impl Strategy<Value = Vec<u8>> {
    let op = prop_oneof![
        Just("time"),
        Just("read"),
        Just("list"),
        Just("stat"),
        Just("env"),
        Just("print"),
        Just("panic"),
        Just("exit"),
        Just("random"),
        Just("alloc"),
    ];
    prop_oneof![
        4 => (op, "[a-z]{0,12}", 0u32..5).prop_map(|(op, path, amount)| {
            format!("{{\"op\":\"{op}\",\"path\":\"/{path}\",\"content\":\"{path}\",\"amount\":{amount}}}")
                .into_bytes()
        }),
        1 => "[a-z]{0,9}".prop_map(|name| format!("{{\"name\":\"{name}\",\"path\":\"{name}\"}}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// Each call in an instance that nobody called before.
fn alone(plugin: &Plugin, configs: &[Vec<u8>]) -> Vec<Seen> {
    let seen = configs
        .iter()
        .map(|config| see(&mut plugin.instance().unwrap(), config));
    seen.collect()
}

/// All calls in one instance, which is reset between them.
fn in_turn(plugin: &Plugin, configs: &[Vec<u8>]) -> Vec<Seen> {
    let mut instance = plugin.instance().unwrap();
    let seen = configs.iter().map(|config| {
        instance.reset().unwrap();
        see(&mut instance, config)
    });
    seen.collect()
}

/// All calls in one instance that remembers.
fn in_a_row(plugin: &Plugin, configs: &[Vec<u8>]) -> Vec<Seen> {
    let mut instance = plugin.instance().unwrap();
    let seen = configs.iter().map(|config| see(&mut instance, config));
    seen.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn calls_are_the_same_in_forks_and_cold_starts(configs in prop::collection::vec(config(), 1..4)) {
        for (name, bytes) in fixtures() {
            let cold = load(builder().fork_policy(ForkPolicy::Never), &bytes);
            let forked = load(builder(), &bytes);
            let expected = alone(&cold, &configs);
            // The first instance is the one that was initialised, and the others are not.
            prop_assert_eq!(&alone(&forked, &configs), &expected, "{} forked first", name);
            prop_assert_eq!(forked.unforkable().unwrap(), None, "{}", name);
            prop_assert_eq!(&alone(&forked, &configs), &expected, "{} forked", name);
            prop_assert_eq!(&in_turn(&forked, &configs), &expected, "{} reset", name);
            prop_assert_eq!(in_a_row(&forked, &configs), in_a_row(&cold, &configs), "{} in a row", name);
            prop_assert_eq!(forked.init_usage().unwrap(), cold.init_usage().unwrap(), "{}", name);
        }
    }
}

#[test]
fn observations_are_the_same_with_every_policy_and_any_number_of_idle_instances() {
    for (name, bytes) in fixtures() {
        let plugins = [
            load(builder().fork_policy(ForkPolicy::Never), &bytes),
            load(builder().idle_instances(0), &bytes),
            load(builder().idle_instances(1), &bytes),
            load(builder(), &bytes),
        ];
        let mut outcomes: Vec<Vec<Result<String, String>>> = Vec::new();
        for plugin in &plugins {
            let mut outcome = vec![plugin.describe().map(|info| format!("{info:?}"))];
            for op in ["time", "print", "exit", "time"] {
                let config = Config::new()
                    .set("op", op)
                    .set("content", "x\ny")
                    .set("path", "/x");
                let seen = plugin.observe(&config);
                outcome.push(seen.map(|seen| format!("{seen:?}")));
            }
            let words =
                |outcome: Result<String, Error>| outcome.map_err(|error| format!("{error:?}"));
            outcomes.push(outcome.into_iter().map(words).collect());
        }
        let first = outcomes.remove(0);
        for outcome in outcomes {
            assert_eq!(outcome, first, "{name}");
        }
    }
}

#[test]
fn parallel_calls_are_the_same_as_one_after_the_other() {
    let plugin = load(builder().idle_instances(2), &restless().bytes());
    let expected = plugin.observe(&Config::new()).unwrap().usage;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(plugin.observe(&Config::new()).unwrap().usage, expected);
                }
            });
        }
    });
}
