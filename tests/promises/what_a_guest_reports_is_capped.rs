//! Every stream that a plugin can fill is capped, and reports that it was: log lines and their bytes,
//! denials, granted requests of an audit, and what the command line keeps and prints of them.

use crate::support;

use serde_json::json;
use std::sync::{Arc, Mutex};
use support::{Guest, data};
use tollgate::{Config, Event, Limits, Omitted, Plugin, Runtime, RuntimeBuilder};

/// Opens `names` different paths of `length` bytes through WASI, each `times` times.
fn opener(names: u32, length: u32, times: u32) -> Guest {
    Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"path_open\" (func $open
            (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))",
        memory: "(memory (export \"memory\") 3)",
        observe: format!(
            "(local $i i32) (local $digit i32)
             (loop $next
               ;; The number in letters, so that every name differs from the others.
               (local.set $digit (i32.const 0))
               (loop $digits
                 (i32.store8 (i32.add (i32.const 65537) (local.get $digit))
                   (i32.add (i32.const 97) (i32.and (i32.const 15)
                     (i32.shr_u (i32.rem_u (local.get $i) (i32.const {names}))
                       (i32.mul (local.get $digit) (i32.const 4))))))
                 (local.set $digit (i32.add (local.get $digit) (i32.const 1)))
                 (br_if $digits (i32.lt_u (local.get $digit) (i32.const 8))))
               (drop (call $open (i32.const 3) (i32.const 0) (i32.const 65536) (i32.const {length})
                 (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 1024)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $next (i32.lt_u (local.get $i) (i32.const {}))))
             {}",
            names * times,
            Guest::default().observe
        ),
        more: data(65_536, format!("/{}", "x".repeat(length as usize))),
        ..Guest::default()
    }
}

/// Logs its config so many times.
fn logger(times: u32) -> Guest {
    Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        memory: "(memory (export \"memory\") 40)",
        observe: format!(
            "(local $i i32)
             (loop $again
               (call $log (call $pack (local.get $config) (local.get $len)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $i) (i32.const {times}))))
             {}",
            Guest::default().observe
        ),
        ..Guest::default()
    }
}

/// Prints so many times a line of so many bytes.
fn printer(times: u32, length: usize) -> Guest {
    Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"fd_write\"
            (func $write (param i32 i32 i32 i32) (result i32)))",
        observe: format!(
            "(local $i i32)
             (i32.store (i32.const 900) (i32.const 1000))
             (i32.store (i32.const 904) (i32.const {}))
             (loop $again
               (drop (call $write (i32.const 1) (i32.const 900) (i32.const 1) (i32.const 908)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $i) (i32.const {times}))))
             {}",
            length + 1,
            Guest::default().observe
        ),
        more: data(1000, format!("{}\n", "p".repeat(length))),
        ..Guest::default()
    }
}

fn many_attributes() -> Config {
    let attrs: Vec<_> = (0..64)
        .map(|n| json!({"key": format!("k{n}"), "type": "string", "value": "v".repeat(8000)}))
        .collect();
    Config::new().set("message", "many").set("attrs", attrs)
}

/// The events of a call, in order.
fn events(guest: &Guest, builder: RuntimeBuilder, config: &Config) -> Vec<Event> {
    let (plugin, seen) = watched(guest, builder);
    plugin.observe(config).unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

fn watched(guest: &Guest, builder: RuntimeBuilder) -> (Plugin, Arc<Mutex<Vec<Event>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let builder = builder.on_event(move |_, event| sink.lock().unwrap().push(event.clone()));
    (guest.load_in(&builder.build().unwrap()), seen)
}

fn limits(change: impl FnOnce(&mut Limits)) -> RuntimeBuilder {
    let mut limits = Limits::default();
    change(&mut limits);
    Runtime::builder().limits(limits)
}

/// How much text an event carries.
fn size(event: &Event) -> usize {
    match event {
        Event::Log(record) => {
            let attrs = record.attrs.iter();
            let attrs: usize = attrs
                .map(|attr| attr.key.len() + attr.kind.len() + attr.value.len())
                .sum();
            record.message.len() + attrs
        }
        Event::Denied(denial) => denial.request.as_str().len() + denial.needs.as_str().len(),
        Event::Granted { request, needs } => request.as_str().len() + needs.as_str().len(),
        _ => 0,
    }
}

fn sizes(events: &[Event]) -> usize {
    events.iter().map(size).sum()
}

fn denials(events: &[Event]) -> usize {
    events
        .iter()
        .filter(|event| matches!(event, Event::Denied(_)))
        .count()
}

fn granted(events: &[Event]) -> usize {
    events
        .iter()
        .filter(|event| matches!(event, Event::Granted { .. }))
        .count()
}

/// The warnings that a limit was reached, each with the limit's name and its figure.
fn reached(events: &[Event]) -> Vec<(&'static str, u64)> {
    let reached = events.iter().filter_map(|event| match event {
        Event::LimitReached { name, limit } => Some((*name, *limit)),
        _ => None,
    });
    reached.collect()
}

fn omitted(events: &[Event]) -> Option<Omitted> {
    let mut all = events.iter().filter_map(|event| match event {
        Event::Omitted(omitted) => Some(*omitted),
        _ => None,
    });
    let first = all.next();
    assert_eq!(all.next(), None, "told once, at the end of the call");
    first
}

#[test]
fn a_request_is_denied_out_loud_once_and_counted_from_then_on() {
    let seen = events(&opener(3, 20, 100), Runtime::builder(), &Config::new());
    assert_eq!(denials(&seen), 3);
    assert_eq!(reached(&seen), []);
    let left_out = omitted(&seen).unwrap();
    assert_eq!((left_out.repeated_denials, left_out.denials), (297, 0));
    assert!(matches!(seen.last(), Some(Event::Omitted(_))));
}

#[test]
fn different_denials_end_at_their_limit() {
    let seen = events(
        &opener(50, 20, 2),
        limits(|it| it.denials = 20),
        &Config::new(),
    );
    assert_eq!(denials(&seen), 20);
    assert_eq!(reached(&seen), [("Limits::denials", 20)]);
    let left_out = omitted(&seen).unwrap();
    assert_eq!((left_out.repeated_denials, left_out.denials), (20, 60));
}

#[test]
fn long_denials_end_sooner() {
    let seen = events(&opener(2000, 4000, 1), Runtime::builder(), &Config::new());
    assert!(sizes(&seen) <= 1 << 20, "{}", sizes(&seen));
    assert_eq!(reached(&seen), [("Limits::denials", 1000)]);
    let left_out = omitted(&seen).unwrap().denials;
    assert_eq!(denials(&seen) as u64 + left_out, 2000);
}

#[test]
fn an_audit_reports_what_was_granted_once_and_up_to_its_limit() {
    let grant = || limits(|it| it.audited = 30).grant("odd", "fs:read:/**".parse().unwrap());
    let seen = events(&opener(3, 20, 10), grant().audit(), &Config::new());
    assert_eq!((granted(&seen), reached(&seen)), (3, vec![]));
    assert_eq!(omitted(&seen), None, "what was granted needs no counting");
    let seen = events(&opener(100, 20, 1), grant().audit(), &Config::new());
    assert_eq!(granted(&seen), 30);
    assert_eq!(reached(&seen), [("Limits::audited", 30)]);
    assert_eq!(omitted(&seen).unwrap().granted, 70);
}

#[test]
fn log_lines_end_at_their_limit_however_they_are_written() {
    let config = Config::new().set("message", "again");
    for guest in [logger(500), printer(500, 5)] {
        let seen = events(&guest, limits(|it| it.log_lines = 100), &config);
        let told = seen.iter().filter(|event| matches!(event, Event::Log(_)));
        assert_eq!(told.count(), 100);
        assert_eq!(reached(&seen), [("Limits::log_lines", 100)]);
        assert_eq!(omitted(&seen).unwrap().log_lines, 400);
    }
    // As many as the limit are not too many.
    let seen = events(&printer(100, 5), limits(|it| it.log_lines = 100), &config);
    assert_eq!((reached(&seen), omitted(&seen)), (vec![], None));
}

#[test]
fn log_lines_have_a_budget_of_bytes_that_attributes_count_in() {
    let lines = support::tenth(500);
    let seen = events(&logger(lines), Runtime::builder(), &many_attributes());
    assert!(sizes(&seen) <= 1 << 20, "{}", sizes(&seen));
    assert_eq!(reached(&seen), [("Limits::log_bytes", 1 << 20)]);
    let told = seen.iter().filter(|event| matches!(event, Event::Log(_)));
    let told = told.count() as u64;
    assert_eq!(
        (told, omitted(&seen).unwrap().log_lines),
        (2, u64::from(lines) - 2)
    );
}

#[test]
fn printed_lines_are_in_the_same_budget() {
    let seen = events(&printer(3000, 5000), Runtime::builder(), &Config::new());
    assert!(sizes(&seen) <= 1 << 20, "{}", sizes(&seen));
    assert_eq!(reached(&seen), [("Limits::log_bytes", 1 << 20)]);
    let seen = events(
        &printer(30, 5000),
        limits(|it| it.log_bytes = 10_500),
        &Config::new(),
    );
    assert_eq!(reached(&seen), [("Limits::log_bytes", 10_500)]);
    assert_eq!(omitted(&seen).unwrap().log_lines, 28);
}

/// Whoever reads a log must be able to tell the host's words from the plugin's.
#[test]
fn no_plugin_can_forge_the_warning() {
    let config = Config::new().set("message", "Limits::log_lines reached");
    let seen = events(&logger(1), Runtime::builder(), &config);
    assert_eq!(reached(&seen), []);
}

/// What one call leaves out says nothing of the next.
#[test]
fn each_call_has_limits_of_its_own() {
    let (plugin, seen) = watched(&opener(5, 20, 2), limits(|it| it.denials = 2));
    for _ in 0..3 {
        plugin.observe(&Config::new()).unwrap();
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!((denials(&seen), reached(&seen).len()), (2, 1));
        assert_eq!(omitted(&seen).unwrap().denials, 6);
    }
}

/// Recordings hold what a plugin did, whatever was reported of it, and replay under their limits.
#[test]
fn what_is_reported_changes_no_recording() {
    let record = |limit: u32| {
        let plugin = opener(20, 20, 2).load_in(&limits(|it| it.denials = limit).build().unwrap());
        let recording = plugin.observe_recorded(Config::new(), Vec::new()).unwrap();
        (plugin, String::from_utf8(recording.sink).unwrap())
    };
    let (plugin, few) = record(3);
    let (_, many) = record(1000);
    assert_eq!(few.lines().count(), many.lines().count());
    tollgate::replay::Replay::read(few)
        .unwrap()
        .run(&plugin)
        .unwrap();
}

#[cfg(feature = "cli")]
mod on_the_command_line {
    use super::*;
    use std::process::{Command, Output};

    fn tollgate(guest: &Guest, args: &[&str]) -> Output {
        let file = tempfile::Builder::new().suffix(".wasm").tempfile().unwrap();
        std::fs::write(file.path(), guest.bytes()).unwrap();
        Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("observe")
            .arg(file.path())
            // However long it takes.
            .args(["--deadline", "none"])
            .args(args)
            .output()
            .unwrap()
    }

    fn stderr(output: &Output) -> String {
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr.clone()).unwrap()
    }

    /// A module says much of itself without being run.
    #[test]
    fn what_a_module_is_said_to_do_wrong_is_listed_up_to_a_number() {
        let import = |number| format!("(import \"nowhere\" \"f{number}\" (func))");
        let imports: String = (0..400).map(import).collect();
        let declared = |number| json!({"kind": "nowhere", "pattern": format!("p{number}")});
        let capabilities: Vec<_> = (0..400).map(declared).collect();
        let info = json!({"name": "odd", "version": "1", "capabilities": capabilities});
        let info = info.to_string();
        let declaring = Guest {
            memory: "(memory (export \"memory\") 4)",
            describe: support::text_at(65_536, info.len()),
            more: data(65_536, &info),
            ..Guest::default()
        };
        let importing = Guest {
            imports: Box::leak(imports.into_boxed_str()),
            ..Guest::default()
        };
        for (guest, summary) in [(&importing, "400 errors"), (&declaring, "notes")] {
            let file = tempfile::Builder::new().suffix(".wasm").tempfile().unwrap();
            std::fs::write(file.path(), guest.bytes()).unwrap();
            let check = Command::new(env!("CARGO_BIN_EXE_tollgate"))
                .arg("check")
                .arg(file.path())
                .output()
                .unwrap();
            let said = String::from_utf8(check.stdout).unwrap();
            assert!(said.contains("\nand 300 more\n"), "{said}");
            assert!(said.lines().last().unwrap().contains(summary), "{said}");
            assert!(said.lines().count() < 320, "{said}");
        }
        let said = stderr(&tollgate(&declaring, &["--trust"]));
        assert_eq!(said.lines().count(), 21, "{said}");
    }

    /// Ten times as many requests print as much.
    #[test]
    fn a_flood_of_denials_prints_a_bounded_number_of_bytes() {
        let printed = |names| stderr(&tollgate(&opener(names, 3900, 1), &["--audit"]));
        let (some, many) = (printed(300), printed(3000));
        assert!(many.len() < 4 << 20, "{}", many.len());
        assert!(
            many.len() < some.len() + 1000,
            "{} {}",
            some.len(),
            many.len()
        );
        assert!(many.contains("Limits::denials"), "no warning");
        assert_eq!(many.matches("more denied requests").count(), 1);
    }

    #[test]
    fn a_flood_of_repeats_prints_one_line_and_their_number() {
        let said = stderr(&tollgate(&opener(1, 20, 20_000), &[]));
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(said.contains("19999"), "{said}");
    }

    #[test]
    fn a_flood_of_attributes_prints_a_bounded_number_of_bytes() {
        let config = serde_json::to_string(many_attributes().values()).unwrap();
        let config_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(config_file.path(), config).unwrap();
        let file = config_file.path().to_str().unwrap();
        let said = stderr(&tollgate(&logger(500), &["--config-file", file]));
        assert!(said.len() < 2 << 20, "{}", said.len());
        assert!(said.contains("Limits::log_bytes"), "no warning");
    }
}
