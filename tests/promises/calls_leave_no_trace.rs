//! No call can observe the call before it: no byte, global, table entry, descriptor, clock position,
//! random state, budget or log line survives, whichever instance the next call gets.

use crate::support;

use std::{
    fs,
    sync::{Arc, Mutex},
};
use support::{Guest, place::named};
use tollgate::{
    Config, Error, Event, Fault, ForkPolicy, Limits, MemoryLimit, Plugin, Runtime, RuntimeBuilder,
    effect::{Answer, Effect, Refusal},
    gate::{Checkpoint, Permitted},
    world::World,
};

/// Every way in which a call may get its instance.
fn ways() -> [(&'static str, RuntimeBuilder); 4] {
    [
        ("cold", Runtime::builder().fork_policy(ForkPolicy::Never)),
        ("forked", Runtime::builder().idle_instances(0)),
        ("one idle", Runtime::builder().idle_instances(1)),
        ("default", Runtime::builder()),
    ]
}

const ANSWER: u32 = 1024;

/// A plugin whose observe leaves what `look` finds, an i32 of at most 999, as its answer, and then
/// does `leave`.
fn spy(look: &str, leave: &str, more: &str) -> Guest {
    let answer = "{\"status\":true,\"data\":{\"n\":   }}";
    let end = ANSWER as usize + answer.find("   ").unwrap() + 3;
    Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"path_open\"
              (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"fd_close\" (func $close (param i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"fd_fdstat_get\"
              (func $fdstat (param i32 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"fd_fdstat_set_flags\"
              (func $set_flags (param i32 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"fd_write\"
              (func $write (param i32 i32 i32 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"clock_time_get\"
              (func $clock (param i32 i64 i32) (result i32)))
            (import \"wasi_snapshot_preview1\" \"random_get\"
              (func $random (param i32 i32) (result i32)))
            (import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        memory: "(memory (export \"memory\") 4)",
        observe: format!(
            "(local $n i32) (local $at i32)
             (local.set $n {look})
             (local.set $at (i32.const {end}))
             (loop $next
               (local.set $at (i32.sub (local.get $at) (i32.const 1)))
               (i32.store8 (local.get $at)
                 (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
               (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
               (br_if $next (local.get $n)))
             {leave}
             (call $pack (i32.const {ANSWER}) (i32.const {}))",
            answer.len()
        ),
        more: format!("{} {more}", support::data(ANSWER, answer)),
        ..Guest::default()
    }
}

fn number(plugin: &Plugin) -> u64 {
    let seen = plugin.observe(&Config::new()).unwrap();
    seen.evidence.data["n"].as_u64().unwrap()
}

/// The spy finds `first` in every call.
fn sees_only(first: u64, guest: &Guest, with: impl Fn(RuntimeBuilder) -> RuntimeBuilder) {
    for (way, builder) in ways() {
        let plugin = guest.load_in(&with(builder).build().unwrap());
        for call in 0..4 {
            assert_eq!(number(&plugin), first, "{way}, call {call}");
        }
    }
}

#[test]
fn no_byte() {
    // A byte beside what initialisation wrote, in blocks that were and were not zero, in the last
    // one, and in one that initialisation made non-zero and a call zeroes.
    let places = [2000, 100_000, 200_000, 262_143];
    let look: String = places.iter().fold("(i32.const 0)".into(), |sum, place| {
        format!("(i32.add {sum} (i32.load8_u (i32.const {place})))")
    });
    let look = format!("(i32.add {look} (i32.sub (i32.const 7) (i32.load8_u (i32.const 150000))))");
    let leave: String = places
        .iter()
        .map(|place| format!("(i32.store8 (i32.const {place}) (i32.const 1))"))
        .collect();
    let leave = format!("{leave} (i32.store8 (i32.const 150000) (i32.const 0))");
    let init = "(func (export \"_initialize\") (i32.store8 (i32.const 150000) (i32.const 7)))";
    sees_only(0, &spy(&look, &leave, init), |builder| builder);
}

#[test]
fn no_global() {
    let globals = "(global $x (mut i32) (i32.const 0)) (global $y (mut i64) (i64.const 0))
        (global $z (mut f64) (f64.const 0)) (global (export \"w\") (mut f32) (f32.const 0))
        (func (export \"_initialize\") (global.set $x (i32.const 3)))";
    let look = "(i32.add (global.get $x) (i32.add (i32.wrap_i64 (global.get $y))
        (i32.trunc_f64_s (global.get $z))))";
    let leave = "(global.set $x (i32.const 9)) (global.set $y (i64.const 90))
        (global.set $z (f64.const 500))";
    sees_only(3, &spy(look, leave, globals), |builder| builder);
}

#[test]
fn no_table_entry() {
    let table = "(table $t 2 funcref) (elem (i32.const 1) $f) (func $f)";
    let look = "(i32.add (i32.mul (i32.const 10) (table.size $t))
        (i32.add (ref.is_null (table.get $t (i32.const 0)))
                 (ref.is_null (table.get $t (i32.const 1)))))";
    for leave in [
        "(table.set $t (i32.const 0) (ref.func $f))",
        "(table.fill $t (i32.const 0) (ref.null func) (i32.const 2))",
        "(drop (table.grow $t (ref.null func) (i32.const 1)))",
        "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1))",
    ] {
        sees_only(21, &spy(look, leave, table), |builder| builder);
    }
    // Dropped for good in an instance, and nobody can see whether it was.
    let dropped = "(table $t 1 funcref) (elem $e func $f) (func $f)";
    let look = "(i32.const 0)
        (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))";
    sees_only(0, &spy(look, "(elem.drop $e)", dropped), |builder| builder);
    let passive = "(data $d \"x\")";
    let look = "(i32.const 0) (memory.init $d (i32.const 5000) (i32.const 0) (i32.const 1))";
    sees_only(0, &spy(look, "(data.drop $d)", passive), |builder| builder);
}

#[test]
fn no_size_of_memory() {
    let leave = "(drop (memory.grow (i32.const 3)))";
    sees_only(4, &spy("(memory.size)", leave, ""), |builder| builder);
}

#[test]
fn no_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("a");
    fs::write(&path, "x").unwrap();
    let path = named(&path).trim_start_matches('/').to_owned();
    let grant = format!("fs:read:/{path}");
    let more = support::data(3000, &path);
    // 8 is "bad file number": nothing is open under 4, and 2 is.
    let look = "(i32.add (call $fdstat (i32.const 4) (i32.const 4000))
        (i32.mul (i32.const 10) (call $fdstat (i32.const 2) (i32.const 4000))))";
    let leave = format!(
        "(if (call $open (i32.const 3) (i32.const 0) (i32.const 3000) (i32.const {})
            (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 4000))
          (then unreachable))
         (drop (call $close (i32.const 2)))",
        path.len()
    );
    sees_only(8, &spy(look, &leave, &more), |builder| {
        builder.grant("odd", grant.parse().unwrap())
    });
    // Flags of standard output, as initialisation left them.
    let look = "(block (result i32) (drop (call $fdstat (i32.const 1) (i32.const 4000)))
        (i32.load16_u (i32.const 4002)))";
    let leave = "(drop (call $set_flags (i32.const 1) (i32.const 1)))";
    let init = "(func (export \"_initialize\")
        (drop (call $set_flags (i32.const 1) (i32.const 4))))";
    sees_only(4, &spy(look, leave, init), |builder| builder);
}

/// A world that counts: the time is how often it was read, and chance how much was drawn.
#[derive(Clone, Default)]
struct Counting(u64);

impl World for Counting {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        self.0 += 1;
        let answer = match effect {
            Effect::Now { .. } => Answer::Time(self.0),
            Effect::Random { length } => {
                Answer::Bytes(vec![u8::try_from(self.0).unwrap(); *length as usize])
            }
            other => panic!("{other:?}"),
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
        "/".into()
    }
}

#[test]
fn no_clock_position_and_no_random_state() {
    let read = "(drop (call $clock (i32.const 0) (i64.const 1) (i32.const 4000)))";
    let draw = "(drop (call $random (i32.const 4008) (i32.const 1)))";
    // Two readings of initialisation's, and then one of each for the call.
    let init = format!("(func (export \"_initialize\") {read} {draw})");
    let look = format!(
        "(block (result i32) {read} {draw}
           (i32.add (i32.mul (i32.const 10) (i32.load (i32.const 4000)))
             (i32.load8_u (i32.const 4008))))"
    );
    let leave = format!("{read} {read} {draw}");
    sees_only(34, &spy(&look, &leave, &init), |builder| {
        builder.world(Counting::default)
    });
}

#[test]
fn no_budget() {
    // Lines, refusals and fuel of one call are not missed by the next.
    let line = format!("(call $log {})", support::text_at(300, 2));
    let leave = format!(
        "{} (loop $again (br_if $again (i32.ne (memory.grow (i32.const 60000)) (i32.const -1))))",
        line.repeat(2)
    );
    for (way, builder) in ways() {
        let lines = Arc::new(Mutex::new(0));
        let counter = lines.clone();
        let limits = Limits {
            log_lines: 3,
            memory: MemoryLimit::from_pages(8),
            fuel: 3_000.into(),
            ..Limits::default()
        };
        let builder = builder.limits(limits).on_event(move |_, event| {
            *counter.lock().unwrap() += usize::from(matches!(event, Event::Log(_)));
        });
        let plugin = spy("(i32.const 0)", &leave, "").load_in(&builder.build().unwrap());
        let mut usage = Vec::new();
        for _ in 0..40 {
            usage.push(plugin.observe(&Config::new()).unwrap().usage);
        }
        usage.dedup();
        assert_eq!(usage.len(), 1, "{way}: {usage:?}");
        assert_eq!(*lines.lock().unwrap(), 80, "{way}");
    }
}

#[test]
fn no_unfinished_line() {
    let iovec = support::data(3000, b"\xC8\x0B\0\0\x03\0\0\0");
    let text = support::data(3016, "abc");
    let leave =
        "(drop (call $write (i32.const 1) (i32.const 3000) (i32.const 1) (i32.const 3100)))";
    for (way, builder) in ways() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let builder = builder.on_event(move |_, event| {
            if let Event::Log(record) = event {
                sink.lock().unwrap().push(record.message.clone());
            }
        });
        let guest = spy("(i32.const 0)", leave, &format!("{iovec} {text}"));
        let plugin = guest.load_in(&builder.build().unwrap());
        (0..3).for_each(|_| drop(plugin.observe(&Config::new()).unwrap()));
        assert_eq!(*lines.lock().unwrap(), ["abc"; 3], "{way}");
    }
}

#[test]
fn nothing_of_a_call_that_failed() {
    // Fails in every other way, having left a mark; the next call must not find it.
    let mark = "(if (i32.load8_u (i32.const 100000)) (then (call $down)))
        (i32.store8 (i32.const 100000) (i32.const 1))";
    let down = "(func $down (call $down))";
    for (failure, expected) in [
        ("unreachable", "trap"),
        ("(loop $again (br $again))", "fuel"),
        (
            "(drop (memory.grow (i32.const 60000))) unreachable",
            "memory",
        ),
        ("(i64.const 0) return", "error"),
    ] {
        for (way, builder) in ways() {
            let guest = Guest {
                observe: format!("{mark} {failure} (i64.const 0)"),
                more: down.into(),
                memory: "(memory (export \"memory\") 2)",
                ..Guest::default()
            };
            let plugin = guest.load_in(&builder.fuel(1_000_000).build().unwrap());
            for _ in 0..3 {
                let found = match plugin.observe(&Config::new()) {
                    Err(Error::Protocol { .. }) => "error",
                    Err(Error::Fault { fault, .. }) => match fault {
                        Fault::Trap(_) => "trap",
                        Fault::OutOfFuel { .. } => "fuel",
                        Fault::OutOfMemory { .. } => "memory",
                        other => panic!("{other}"),
                    },
                    other => panic!("{other:?}"),
                };
                assert_eq!(found, expected, "{way}");
            }
        }
    }
}

#[test]
fn files_of_a_call_are_closed_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("a");
    fs::write(&path, "x").unwrap();
    let path = named(&path).trim_start_matches('/').to_owned();
    let leave = format!(
        "(if (call $open (i32.const 3) (i32.const 0) (i32.const 3000) (i32.const {})
            (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 4000))
          (then unreachable))",
        path.len()
    );
    let guest = spy("(i32.const 0)", &leave, &support::data(3000, &path));
    let builder = Runtime::builder().grant("odd", format!("fs:read:/{path}").parse().unwrap());
    let plugin = guest.load_in(&builder.build().unwrap());
    let open = || {
        let open = fs::read_dir("/proc/self/fd")
            .into_iter()
            .flatten()
            .flatten();
        let names = open.filter_map(|entry| fs::read_link(entry.path()).ok());
        names.filter(|name| name.ends_with(&path)).count()
    };
    for _ in 0..3 {
        plugin.observe(&Config::new()).unwrap();
        assert_eq!(open(), 0);
    }
}

#[test]
fn effects_of_initialisation_happen_once_and_only_with_forks() {
    let log = format!("(call $log {})", support::text_at(300, 2));
    for (way, builder) in ways() {
        let lines = Arc::new(Mutex::new(0));
        let counter = lines.clone();
        let builder = builder.on_event(move |_, _| *counter.lock().unwrap() += 1);
        let guest = spy(
            "(i32.const 0)",
            "",
            &format!("(func (export \"_initialize\") {log})"),
        );
        let plugin = guest.load_in(&builder.build().unwrap());
        plugin.init_usage().unwrap();
        (0..5).for_each(|_| drop(plugin.observe(&Config::new()).unwrap()));
        let expected = if way == "cold" { 6 } else { 1 };
        assert_eq!(*lines.lock().unwrap(), expected, "{way}");
    }
}
