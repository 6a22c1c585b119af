//! Fuel, memory, stack, tables and deadline each stop a plugin with their own error; all but the
//! deadline do so at the same point every time.

use crate::support;

use std::time::Duration;
use support::Guest;
use tollgate::{
    Config, Error, Fault, FuelLimit, Limits, MemoryLimit, Runtime, RuntimeBuilder, StackLimit,
    Usage,
};

fn fault(guest: &Guest, builder: RuntimeBuilder) -> (&'static str, Fault, Usage) {
    let plugin = guest.load_in(&builder.build().unwrap());
    match plugin.observe(&Config::new()).unwrap_err() {
        Error::Fault {
            plugin,
            export,
            fault,
            usage,
            ..
        } if plugin == "odd" => (export, fault, *usage),
        other => panic!("{other:?}"),
    }
}

const LOOP: &str = "(loop $again (br $again)) unreachable";

#[test]
fn a_loop_ends_by_fuel_with_the_same_figure_every_time() {
    let guest = Guest::observing(LOOP);
    let first = fault(&guest, Runtime::builder().fuel(1_000_000));
    assert_eq!(first.1, Fault::OutOfFuel { limit: 1_000_000 });
    assert!(
        (999_900..=1_000_000).contains(&first.2.fuel),
        "{}",
        first.2.fuel
    );
    for _ in 0..3 {
        assert_eq!(fault(&guest, Runtime::builder().fuel(1_000_000)), first);
    }
    // Cutting the call into slices for a deadline changes nothing.
    let hour = Duration::from_secs(3600);
    assert_eq!(
        fault(&guest, Runtime::builder().fuel(1_000_000).deadline(hour)),
        first
    );
    let long = fault(&guest, Runtime::builder().fuel(50_000_000));
    let sliced = fault(&guest, Runtime::builder().fuel(50_000_000).deadline(hour));
    assert_eq!(sliced, long);
}

#[test]
fn the_first_and_the_hundredth_call_cost_the_same() {
    let echo = wat::parse_file("fixtures/wat/echo.wat").unwrap();
    let hour = Duration::from_secs(3600);
    let mut figures = Vec::new();
    for builder in [Runtime::builder(), Runtime::builder().deadline(hour)] {
        let cache = tollgate::ModuleCache::new();
        let echo = builder
            .module_cache(cache)
            .build()
            .unwrap()
            .load("echo", &echo)
            .unwrap();
        for _ in 0..100 {
            figures.push(echo.observe(&Config::new().set("x", "y")).unwrap().usage);
        }
    }
    figures.dedup();
    assert_eq!(figures.len(), 1, "{figures:?}");
    assert!(figures[0].fuel > 0);
}

#[test]
fn loops_in_other_exports_are_named() {
    let allocate = Guest {
        allocate: LOOP.into(),
        ..Guest::default()
    };
    assert_eq!(
        fault(&allocate, Runtime::builder().fuel(10_000)).0,
        "allocate"
    );
    for (more, export) in [
        (
            format!("(func (export \"_initialize\") {LOOP})"),
            "_initialize",
        ),
        (format!("(func $s {LOOP}) (start $s)"), "instantiate"),
    ] {
        let guest = Guest {
            more,
            ..Guest::default()
        };
        let (named, fault, _) = fault(&guest, Runtime::builder().fuel(10_000));
        assert_eq!((named, fault), (export, Fault::OutOfFuel { limit: 10_000 }));
    }
}

#[test]
fn memory_that_grows_for_ever_ends_with_the_memory_error() {
    let limit = MemoryLimit::from_megabytes(1).unwrap();
    for body in [
        // One that ignores refusals, one that gives up at the first, one that asks for too much.
        "(loop $again (drop (memory.grow (i32.const 1))) (br $again)) unreachable",
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
        "(if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1)) (then unreachable)) unreachable",
    ] {
        let (export, fault, usage) = fault(
            &Guest::observing(body),
            Runtime::builder().memory_limit(limit),
        );
        assert_eq!((export, fault), ("observe", Fault::OutOfMemory { limit }));
        assert!(usage.peak_memory_pages <= 16);
    }
}

#[test]
fn a_guest_may_handle_a_refusal_of_memory() {
    let guest = Guest {
        observe: format!(
            "(drop (memory.grow (i32.const 60000))) {}",
            Guest::default().observe
        ),
        ..Guest::default()
    };
    let seen = guest.load().observe(&Config::new()).unwrap();
    assert!(seen.evidence.status);
    assert_eq!(seen.usage.peak_memory_pages, 2);
}

#[test]
fn peak_memory_is_reported() {
    let guest = Guest {
        observe: format!(
            "(drop (memory.grow (i32.const 7))) {}",
            Guest::default().observe
        ),
        ..Guest::default()
    };
    assert_eq!(
        guest
            .load()
            .observe(&Config::new())
            .unwrap()
            .usage
            .peak_memory_pages,
        9
    );
}

#[test]
fn recursion_ends_with_the_stack_error() {
    let body = "(call $observe (local.get $config) (local.get $len))";
    let (export, fault, _) = fault(&Guest::observing(body), Runtime::builder());
    let StackLimit { frames, bytes } = StackLimit::default();
    assert_eq!(
        (export, fault),
        ("observe", Fault::StackOverflow { frames, bytes })
    );

    let mutual = Guest {
        observe: "(call_indirect (type $f) (i32.const 0))".into(),
        more: "(type $f (func (result i64))) (table funcref (elem $a $b))
            (func $a (result i64) (call_indirect (type $f) (i32.const 1)))
            (func $b (result i64) (call_indirect (type $f) (i32.const 0)))"
            .into(),
        ..Guest::default()
    };
    let stack = StackLimit {
        frames: 100,
        bytes: 1 << 20,
    };
    let (_, ended, _) = self::fault(&mutual, Runtime::builder().stack(stack));
    assert_eq!(
        ended,
        Fault::StackOverflow {
            frames: 100,
            bytes: 1 << 20
        }
    );
}

#[test]
fn deep_but_honest_recursion_is_allowed() {
    let guest = Guest {
        observe: format!(
            "(call $down (i32.const 20000)) {}",
            Guest::default().observe
        ),
        more: "(func $down (param i32)
            (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))"
            .into(),
        ..Guest::default()
    };
    assert!(
        guest
            .load()
            .observe(&Config::new())
            .unwrap()
            .evidence
            .status
    );
}

#[test]
fn a_table_that_grows_for_ever_ends_with_the_table_error() {
    let guest = Guest {
        observe: "(loop $again (drop (table.grow (ref.null func) (i32.const 1000))) (br $again)) unreachable".into(),
        more: "(table 1 funcref)".into(),
        ..Guest::default()
    };
    let limits = Limits {
        table_elements: 10_000,
        ..Limits::default()
    };
    let (_, fault, _) = fault(&guest, Runtime::builder().limits(limits));
    assert_eq!(fault, Fault::OutOfTable { limit: 10_000 });
}

#[test]
fn a_deadline_ends_loops_wherever_they_are() {
    let limit = Duration::from_millis(50);
    for guest in [
        Guest::observing(LOOP),
        Guest {
            allocate: LOOP.into(),
            ..Guest::default()
        },
        Guest {
            more: format!("(func (export \"_initialize\") {LOOP})"),
            ..Guest::default()
        },
        Guest {
            more: format!("(func $s {LOOP}) (start $s)"),
            ..Guest::default()
        },
        // In the re-entrant allocate of a host function's reply.
        Guest {
            allocate: format!(
                "(if (i32.ne (global.get $free) (i32.const 4096)) (then {LOOP}))
                 (global.set $free (i32.const 8192)) (i32.const 4096)"
            ),
            ..Guest::relay("fs_stat")
        },
        // In bulk operations.
        Guest::observing(
            "(loop $again (memory.fill (i32.const 0) (i32.const 1) (i32.const 131072)) (br $again)) unreachable",
        ),
    ] {
        let builder = Runtime::builder()
            .deadline(limit)
            .fuel(FuelLimit::Unlimited);
        assert_eq!(fault(&guest, builder).1, Fault::Deadline { limit });
    }
}

/// Making room for locals costs time that is not fuel: the clock is looked at more often.
#[test]
fn a_deadline_ends_calls_of_functions_with_many_locals() {
    let stopped_at = |locals: usize| {
        let guest = Guest {
            more: format!("(func $wide (local {}))", "i64 ".repeat(locals)),
            ..Guest::observing("(loop $again (call $wide) (br $again)) unreachable")
        };
        // It has passed when the clock is looked at first, so the fuel says when that was.
        let limit = std::time::Duration::from_nanos(1);
        let (_, fault, usage) = fault(&guest, Runtime::builder().deadline(limit));
        assert_eq!(fault, Fault::Deadline { limit });
        usage.fuel
    };
    let (narrow, wide) = (stopped_at(1), stopped_at(10_000));
    assert!(wide * 50 < narrow, "{wide} and {narrow} units of fuel");
}

#[test]
fn results_do_not_depend_on_slices() {
    // Work that is suspended in many places: loops, calls, bulk operations, growing memory.
    let work = "(local $i i32)
        (loop $again
          (call $step (local.get $i))
          (memory.copy (i32.const 70000) (i32.const 80000) (i32.const 4000))
          (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 4000)))
            (then (drop (memory.grow (i32.const 3)))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 20000))))";
    let guest = Guest {
        observe: format!("{work} {}", Guest::default().observe),
        more: "(func $step (param i32)
            (i32.store (i32.const 80000)
              (i32.add (i32.load (i32.const 80000)) (local.get 0))))"
            .into(),
        ..Guest::default()
    };
    let whole = guest.load().observe(&Config::new()).unwrap();
    let hour = Duration::from_secs(3600);
    let sliced = guest.load_in(&Runtime::builder().deadline(hour).build().unwrap());
    assert_eq!(sliced.observe(&Config::new()).unwrap(), whole);
    assert!(whole.usage.fuel > 10_000_000, "{}", whole.usage.fuel);
}

#[test]
fn a_config_over_the_limit_is_refused_before_anything_runs() {
    let limits = Limits {
        request_bytes: 10,
        ..Limits::default()
    };
    let plugin = Guest::default().load_in(&Runtime::builder().limits(limits).build().unwrap());
    let error = plugin
        .observe(&Config::new().set("long", "enough"))
        .unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
    assert!(plugin.observe(&Config::new().set("a", 1)).is_ok());
}

#[test]
fn limits_that_let_nothing_run_are_refused() {
    assert!(Runtime::builder().fuel(0).build().is_err());
    assert!(
        Runtime::builder()
            .fuel(FuelLimit::Unlimited)
            .build()
            .is_ok()
    );
    assert!(
        Runtime::builder()
            .stack(StackLimit {
                frames: 0,
                bytes: 0
            })
            .build()
            .is_err()
    );
    let error = MemoryLimit::from_megabytes(4097).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("invalid WASM memory limit: 4097 MB (must be"),
        "{error}"
    );
    assert!(MemoryLimit::from_megabytes(0).is_err());
    assert!(MemoryLimit::from_megabytes(5000).is_err());
}

#[test]
fn a_guest_that_sleeps_pays_for_it() {
    // One clock subscription, relative, in nanoseconds; the guest has no deadline.
    let sleeping = |nanos: u64| Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"poll_oneoff\"
            (func $poll (param i32 i32 i32 i32) (result i32)))",
        observe: format!(
            "(i32.store (i32.const 1040) (i32.const 1))
             (i64.store (i32.const 1048) (i64.const {}))
             (if (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 2100))
               (then unreachable))
             {}",
            nanos.cast_signed(),
            Guest::default().observe
        ),
        ..Guest::default()
    };
    let short = sleeping(1_000)
        .load()
        .observe(&Config::new())
        .unwrap()
        .usage
        .fuel;
    let longer = sleeping(2_001_000)
        .load()
        .observe(&Config::new())
        .unwrap()
        .usage
        .fuel;
    assert_eq!(longer - short, 2_000_000);
    for for_ever in [u64::MAX, u64::MAX / 2] {
        let (_, fault, _) = fault(&sleeping(for_ever), Runtime::builder().fuel(1_000_000_000));
        assert_eq!(
            fault,
            Fault::OutOfFuel {
                limit: 1_000_000_000
            }
        );
    }
}

#[test]
fn tables_are_limited_together() {
    let guest = |minima: [u32; 2], observe: &str| Guest {
        observe: format!("{observe} {}", Guest::default().observe),
        more: format!(
            "(table $a {} funcref) (table $b {} funcref)",
            minima[0], minima[1]
        ),
        ..Guest::default()
    };
    let runtime = |table_elements| {
        let limits = Limits {
            table_elements,
            ..Limits::default()
        };
        Runtime::builder().limits(limits).build().unwrap()
    };
    let Err(error) = runtime(999).load("odd", guest([500, 500], "").bytes()) else {
        panic!("loaded");
    };
    let text = error.report();
    assert!(text.contains("needs tables of 1000 elements"), "{text}");
    assert!(
        runtime(1000)
            .load("odd", guest([500, 500], "").bytes())
            .is_ok()
    );
    // One grows to just what there may be; then the other one may not.
    let growing = "(if (i32.eq (table.grow $a (ref.null func) (i32.const 98)) (i32.const -1))
          (then unreachable))
        (if (i32.ne (table.grow $b (ref.null func) (i32.const 1)) (i32.const -1))
          (then unreachable))";
    let plugin = guest([1, 1], growing).load_in(&runtime(100));
    assert!(plugin.observe(&Config::new()).unwrap().evidence.status);
}

/// Looking at the clock costs the guest nothing, and the host a system call.
#[test]
fn calling_host_functions_for_ever_ends_with_an_error_of_its_own() {
    let guest = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"clock_time_get\"
            (func $clock (param i32 i64 i32) (result i32)))",
        ..Guest::observing(
            "(loop $again
               (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 1024)))
               (br $again))
             unreachable",
        )
    };
    let limits = Limits {
        host_calls: 1000,
        ..Limits::default()
    };
    let (export, ended, usage) = fault(&guest, Runtime::builder().limits(limits));
    assert_eq!(
        (export, ended),
        ("observe", Fault::TooManyHostCalls { limit: 1000 })
    );
    assert_eq!(usage.host_calls, 1001);
}

#[test]
fn moving_bytes_for_ever_ends_with_an_error_of_its_own() {
    let limits = Limits {
        moved_bytes: 1 << 20,
        ..Limits::default()
    };
    let printing = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"fd_write\"
            (func $print (param i32 i32 i32 i32) (result i32)))",
        ..Guest::observing(
            "(i32.store (i32.const 1028) (i32.const 60000))
             (loop $again
               (drop (call $print (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 1032)))
               (br $again))
             unreachable",
        )
    };
    let random = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"random_get\"
            (func $random (param i32 i32) (result i32)))",
        ..Guest::observing(
            "(loop $again
               (drop (call $random (i32.const 1024) (i32.const 60000)))
               (br $again))
             unreachable",
        )
    };
    for guest in [printing, random] {
        let (_, ended, usage) = fault(&guest, Runtime::builder().limits(limits.clone()));
        assert_eq!(ended, Fault::TooManyBytes { limit: 1 << 20 });
        assert!(usage.bytes_in + usage.bytes_out < 2 << 20);
    }
}

/// In code as well as where they grow.
#[test]
fn a_deadline_ends_plugins_that_grow_tables_too() {
    let grow = "(drop (table.grow (ref.null func) (local.get $config)))";
    let growing =
        "(loop $again (drop (table.grow (ref.null func) (local.get $n))) (br $again)) unreachable";
    for observe in [
        format!("{grow} {LOOP}"),
        format!("(local $n i32) {growing}"),
    ] {
        let guest = Guest {
            more: "(table 1 funcref)".into(),
            ..Guest::observing(&observe)
        };
        let deadline = Duration::from_millis(50);
        let runtime = Runtime::builder()
            .deadline(deadline)
            .fuel(FuelLimit::Unlimited);
        let (_, ended, _) = fault(&guest, runtime);
        assert_eq!(ended, Fault::Deadline { limit: deadline });
    }
}
