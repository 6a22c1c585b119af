//! Initialisation is counted apart from calls: it has its own budget, is reported once, and does not
//! change what a call costs.

use crate::support::{self, go};

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{Guest, text_at};
use tollgate::{Config, Error, Event, Fault, FuelLimit, Limits, Plugin, Runtime, RuntimeBuilder};

/// A loop of so many turns.
fn turns(turns: u32) -> String {
    format!(
        "(local $i i32)
         (loop $again
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const {turns}))))"
    )
}

fn busy(init: u32, start: u32) -> Guest {
    Guest {
        more: format!(
            "(func (export \"_initialize\") {}) (func $s {}) (start $s)",
            turns(init),
            turns(start)
        ),
        ..Guest::default()
    }
}

fn load(guest: &Guest, builder: RuntimeBuilder) -> Plugin {
    guest.load_in(&builder.build().unwrap())
}

#[test]
fn a_call_costs_the_same_whatever_came_before_it() {
    let plain = Guest::default().load();
    let lazy = load(&busy(10, 10), Runtime::builder());
    let busy = load(&busy(10_000, 20_000), Runtime::builder());
    let cost = |plugin: &Plugin| plugin.observe(&Config::new()).unwrap().usage;
    assert_eq!(cost(&plain), cost(&lazy));
    assert_eq!(cost(&plain), cost(&busy));
    assert_eq!(plain.init_usage().unwrap().fuel, 0);
    let (lazy, busy) = (lazy.init_usage().unwrap(), busy.init_usage().unwrap());
    // The engine counts some units for each turn.
    let difference = busy.fuel - lazy.fuel;
    assert!(difference.is_multiple_of(9_990 + 19_990), "{difference}");
    assert!(difference >= 2 * (9_990 + 19_990), "{difference}");
}

#[test]
fn initialisation_is_reported_before_any_call_and_stays_the_same() {
    let plugin = load(&busy(1_000, 1), Runtime::builder());
    let asked_first = plugin.init_usage().unwrap();
    plugin.observe(&Config::new()).unwrap();
    plugin.describe().unwrap();
    assert_eq!(plugin.init_usage().unwrap(), asked_first);
    assert!(asked_first.fuel > 1_000);
    assert_eq!(asked_first.peak_memory_pages, 2);
}

#[test]
fn the_limit_of_fuel_holds_for_each_of_the_two() {
    let guest = Guest {
        observe: format!("{} {}", turns(10_000), Guest::default().observe),
        ..busy(10_000, 0)
    };
    let roomy = load(&guest, Runtime::builder());
    let call = roomy.observe(&Config::new()).unwrap().usage.fuel;
    let init = roomy.init_usage().unwrap().fuel;
    let enough = call.max(init);
    assert!(call + init > enough);
    // Enough for either of them, and not for both together.
    let exact = load(&guest, Runtime::builder().fuel(enough));
    assert_eq!(exact.observe(&Config::new()).unwrap().usage.fuel, call);
    let short = load(&guest, Runtime::builder().fuel(init - 1));
    match short.observe(&Config::new()) {
        Err(Error::Fault {
            export: "_initialize",
            fault: Fault::OutOfFuel { limit },
            usage,
            ..
        }) => assert!(limit == init - 1 && usage.fuel <= limit),
        other => panic!("{other:?}"),
    }
    assert!(short.init_usage().is_err());
}

#[test]
fn one_deadline_covers_both() {
    let limit = Duration::from_millis(50);
    let guest = Guest {
        more: "(func (export \"_initialize\") (loop $again (br $again)))".into(),
        ..Guest::default()
    };
    let builder = Runtime::builder().deadline(limit);
    let plugin = load(&guest, builder.fuel(FuelLimit::Unlimited));
    for _ in 0..2 {
        match plugin.observe(&Config::new()) {
            Err(Error::Fault { export, fault, .. }) => {
                assert_eq!((export, fault), ("_initialize", Fault::Deadline { limit }));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Refusals of memory that a plugin swallowed while it was initialised explain no later trap.
#[test]
fn what_was_refused_to_initialisation_is_not_blamed_on_the_call() {
    let guest = Guest {
        more: "(func (export \"_initialize\") (drop (memory.grow (i32.const 60000))))".into(),
        ..Guest::observing("unreachable")
    };
    match guest.load().observe(&Config::new()) {
        Err(Error::Fault {
            fault: Fault::Trap(_),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_are_counted_for_each_of_the_two() {
    let log = format!("(call $log {})", text_at(300, 2));
    let guest = Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        observe: format!("{log} {}", Guest::default().observe),
        more: format!("(func (export \"_initialize\") {log})"),
        ..Guest::default()
    };
    let lines = Arc::new(Mutex::new(0));
    let counter = lines.clone();
    let limits = Limits {
        log_lines: 2,
        ..Limits::default()
    };
    let builder = Runtime::builder().limits(limits).on_event(move |_, event| {
        if matches!(event, Event::Log(_)) {
            *counter.lock().unwrap() += 1;
        }
    });
    load(&guest, builder).observe(&Config::new()).unwrap();
    // Two lines, and no warning that the limit is reached.
    assert_eq!(*lines.lock().unwrap(), 2);
}

#[test]
fn a_go_plugin_says_what_its_runtime_costs_to_start() {
    let plugin = go::load(Runtime::builder());
    let init = plugin.init_usage().unwrap();
    let config: Config = r#"{"op":"time"}"#.parse().unwrap();
    let call = plugin.observe(&config).unwrap().usage;
    assert!(init.fuel > call.fuel, "{init:?} {call:?}");
    assert!(init.host_calls > 0);
}
