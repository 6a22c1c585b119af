//! What this crate relies on in the engine. A failure here after an upgrade means that figures in
//! users' transcripts and limits change: decide, then adjust.

use crate::support;

use support::Guest;
use tollgate::{Config, Runtime};

/// The fuel of a plugin's observe beyond what the plainest one costs.
fn extra_fuel(body: &str, more: &str) -> u64 {
    let plain = Guest::default();
    let base = plain.load().observe(&Config::new()).unwrap().usage.fuel;
    let guest = Guest {
        observe: format!("{body} {}", plain.observe),
        more: more.into(),
        ..plain
    };
    guest.load().observe(&Config::new()).unwrap().usage.fuel - base
}

#[test]
fn fuel_counts_operators() {
    assert_eq!(extra_fuel("(drop (i32.const 1))", ""), 1);
    assert_eq!(
        extra_fuel(
            "(nop) (block) (drop (i32.add (i32.const 1) (i32.const 2)))",
            ""
        ),
        3
    );
}

#[test]
fn a_function_is_charged_when_it_is_called_and_not_when_it_is_translated() {
    let long = "(drop (i32.const 1)) ".repeat(500);
    let unused = format!("(func $unused {long})");
    assert_eq!(extra_fuel("", &unused), 0);
    let used = extra_fuel("(call $unused)", &unused);
    assert!((500..=503).contains(&used), "{used}");
}

#[test]
fn bulk_operators_cost_a_unit_for_each_eight_bytes() {
    let body =
        |bytes: u32| format!("(memory.fill (i32.const 70000) (i32.const 1) (i32.const {bytes}))");
    assert_eq!(extra_fuel(&body(8000), "") - extra_fuel(&body(0), ""), 1000);
    let grow = |pages: u32| format!("(drop (memory.grow (i32.const {pages})))");
    assert_eq!(extra_fuel(&grow(2), "") - extra_fuel(&grow(1), ""), 8192);
}

#[test]
fn nans_have_one_payload() {
    let guest = Guest {
        observe: "(i32.store (i32.const 260) (i32.const 0))
            (if (i32.ne
                  (i32.reinterpret_f32 (f32.add (f32.const nan:0x200001) (f32.const 1)))
                  (i32.const 0x7fc00000))
              (then unreachable))
            (i64.const 0)"
            .into(),
        ..Guest::default()
    };
    let error = guest.load().observe(&Config::new()).unwrap_err().report();
    assert!(error.contains("null pointer or zero length"), "{error}");
}

#[test]
fn a_host_panic_inside_the_engine_is_contained() {
    let runtime = Runtime::builder()
        .on_event(|_, _| panic!("contained"))
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_read").load_in(&runtime);
    let config = Config::new().set("path", "/etc/hostname");
    assert!(
        plugin
            .observe(&config)
            .unwrap_err()
            .report()
            .contains("contained")
    );
}

/// The engine resumes its own `table.grow` wrongly after running out of fuel: the host's is not resumed.
#[test]
fn work_around_a_growing_table_is_done_once_in_slices() {
    let work = "(local $i i32)
        (loop $again
          (drop (table.grow (ref.null func) (i32.const 9000)))
          (i32.store (i32.const 600) (i32.add (i32.load (i32.const 600)) (i32.const 1)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $i) (i32.const 100))))
        (if (i32.ne (i32.load (i32.const 600)) (i32.const 100)) (then unreachable))
        (loop $spin
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $spin (i32.lt_u (local.get $i) (i32.const 2000000))))";
    let guest = Guest {
        observe: format!("{work} {}", Guest::default().observe),
        more: "(table 1 funcref)".into(),
        ..Guest::default()
    };
    let whole = guest.load().observe(&Config::new()).unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let sliced = guest.load_in(&Runtime::builder().deadline(hour).build().unwrap());
    assert_eq!(sliced.observe(&Config::new()).unwrap(), whole);
}

#[test]
fn a_comparison_with_zero_before_a_select_is_lost_so_the_two_are_kept_apart() {
    // The translator stages the comparison, whose operand is a local, and drops it when it translates the
    // `select`; but the `select` still reads the register that the comparison would have written. It holds
    // what `clz` left there.
    let sum = "(i32.add (i32.clz (local.get $b))
        (select (i32.const 1) (local.get $a) (i32.eqz (local.get $a))))";
    let locals = "(local $a i32) (local $b i32)";
    let bare = format!("(module (func (export \"run\") (result i32) {locals} {sum}))");
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, wat::parse_str(bare).unwrap()).unwrap();
    let mut store = wasmi::Store::new(&engine, ());
    let instance = wasmi::Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 32);

    let plain = Guest::default();
    let guest = Guest {
        observe: format!(
            "{locals} (if (i32.ne {sum} (i32.const 33)) (then unreachable)) {}",
            plain.observe
        ),
        ..plain
    };
    guest.load().observe(&Config::new()).unwrap();
}
