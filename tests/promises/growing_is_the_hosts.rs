//! What a plugin grows, the host grows: its native stack stays as it is however often, the price and the
//! answers are the engine's in every build, and it is not counted as a call of a host function.

use crate::support;

use std::thread;
use support::{EVIDENCE, Guest, text_at};
use tollgate::{
    Call, Config, Error, Fault, ForkPolicy, FuelLimit, Limits, MemoryLimit, Plugin, Runtime, Usage,
};

/// The native stack of a thread on which engines that leak abort within some thousand turns. Unoptimised
/// code of the host needs more than that of a release.
const STACK: usize = 256 << 10;

/// Pages of memory that a guest of the tests begins with.
const PAGES: u64 = 2;

/// Grows something in each of so many turns.
fn turns(turns: u32, grow: &str, more: &str) -> Guest {
    Guest {
        observe: format!(
            "(local $i i32)
             (loop $again
               {grow}
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $again (i32.lt_u (local.get $i) (i32.const {turns}))))
             {}",
            text_at(256, EVIDENCE.len())
        ),
        more: more.into(),
        ..Guest::default()
    }
}

fn observe(plugin: &Plugin) -> Usage {
    plugin.observe(&Config::new()).unwrap().usage
}

#[test]
fn a_million_turns_take_no_native_stack_and_the_same_fuel_in_every_build() {
    let nothing = "(i32.and (local.get $i) (i32.const 0))";
    let tables = "(table $f 4 funcref) (table $e 4 externref)";
    let cases = [
        (format!("(drop (memory.grow {nothing}))"), MEMORY_FUEL),
        (
            format!("(drop (table.grow $f (ref.null func) {nothing}))"),
            TABLE_FUEL,
        ),
        (
            format!("(drop (table.grow $e (ref.null extern) {nothing}))"),
            TABLE_FUEL,
        ),
        // An element costs half a unit, and so the one.
        (
            "(drop (table.grow $e (ref.null extern) (i32.lt_u (local.get $i) (i32.const 900000))))"
                .to_owned(),
            TABLE_FUEL,
        ),
    ];
    for (grow, fuel) in cases {
        let plugin = turns(1_000_000, &grow, tables).load();
        let calling = thread::Builder::new().stack_size(STACK);
        let used = calling.spawn(move || observe(&plugin)).unwrap();
        assert_eq!(used.join().unwrap().fuel, fuel, "{grow}");
    }
}

/// 12 operators and the region of the loop in each turn; with the `ref.null` 13.
const MEMORY_FUEL: u64 = 13_000_025;
const TABLE_FUEL: u64 = 14_000_025;

#[test]
fn growing_costs_what_is_allocated_and_is_no_call_of_the_host() {
    let guest = |grow: &str| Guest {
        observe: format!("{grow} {}", Guest::default().observe),
        more: "(table $t 1 funcref)".into(),
        ..Guest::default()
    };
    let limits = Limits {
        host_calls: 0,
        ..Limits::default()
    };
    let used = |grow: &str| {
        let runtime = Runtime::builder().limits(limits.clone());
        observe(&guest(grow).load_in(&runtime.build().unwrap()))
    };
    let plain = used("");
    for (grow, fuel) in [
        ("(drop (memory.grow (i32.const 3)))", 2 + 3 * 8192),
        (
            "(drop (table.grow $t (ref.null func) (i32.const 900)))",
            3 + 450,
        ),
        ("(drop (table.grow $t (ref.null func) (i32.const 1)))", 3),
        // What is refused costs nothing.
        ("(drop (memory.grow (i32.const 65535)))", 2),
        ("(drop (memory.grow (i32.const -1)))", 2),
        ("(drop (table.grow $t (ref.null func) (i32.const -1)))", 3),
    ] {
        let used = used(grow);
        assert_eq!(used.fuel - plain.fuel, fuel, "{grow}");
        let moved = (used.host_calls, used.bytes_in, used.bytes_out);
        assert_eq!(moved, (0, plain.bytes_in, plain.bytes_out), "{grow}");
    }
}

#[test]
fn fuel_ends_what_grows_before_it_grows() {
    let guest = turns(10, "(drop (memory.grow (i32.const 100)))", "");
    let runtime = Runtime::builder().fuel(1_000_000).build().unwrap();
    match guest.load_in(&runtime).observe(&Config::new()) {
        Err(Error::Fault { fault, usage, .. }) => {
            assert_eq!(fault, Fault::OutOfFuel { limit: 1_000_000 });
            // The second growth is not paid for.
            assert_eq!(usage.peak_memory_pages, PAGES + 100);
            assert!(usage.fuel > 819_200, "{usage:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// The answer of the engine: the size before, or -1 where a maximum or a limit refuses it.
#[test]
fn answers_are_the_engines() {
    let checks = [
        ("(memory.grow (i32.const 2))", "(i32.const 2)"),
        ("(memory.grow (i32.const 97))", "(i32.const -1)"),
        ("(memory.grow (local.get $zero))", "(i32.const 4)"),
        ("(memory.grow (i32.const -1))", "(i32.const -1)"),
        ("(memory.grow (i32.const 0))", "(i32.const 4)"),
        (
            "(table.grow $a (ref.null func) (i32.const 3))",
            "(i32.const 1)",
        ),
        // Its maximum.
        (
            "(table.grow $a (ref.null func) (i32.const 1))",
            "(i32.const -1)",
        ),
        (
            "(table.grow $b (ref.null extern) (i32.const 5))",
            "(i32.const 2)",
        ),
        (
            "(table.grow $b (ref.null extern) (i32.const -1))",
            "(i32.const -1)",
        ),
        // The limit of all tables together.
        (
            "(table.grow $b (ref.null extern) (i32.const 10))",
            "(i32.const -1)",
        ),
        (
            "(table.grow $b (ref.null extern) (i32.const 9))",
            "(i32.const 7)",
        ),
        ("(table.size $a)", "(i32.const 4)"),
        ("(table.size $b)", "(i32.const 16)"),
        ("(memory.size)", "(i32.const 4)"),
    ];
    let checks =
        checks.map(|(does, answer)| format!("(if (i32.ne {does} {answer}) (then unreachable))"));
    let guest = Guest {
        observe: format!(
            "(local $zero i32) {} {}",
            checks.concat(),
            text_at(256, EVIDENCE.len())
        ),
        more: "(table $a 1 4 funcref) (table $b 2 externref)".into(),
        ..Guest::default()
    };
    let limits = Limits {
        memory: MemoryLimit::from_pages(100),
        table_elements: 20,
        ..Limits::default()
    };
    let runtime = Runtime::builder().limits(limits).build().unwrap();
    observe(&guest.load_in(&runtime));
}

/// Sixteen tables are allowed, and the host's own is not one of them.
#[test]
fn the_hosts_table_is_on_top_of_the_limits() {
    let guest = |tables: usize| Guest {
        observe: format!(
            "(drop (table.grow 0 (ref.null func) (i32.const 1))) {}",
            Guest::default().observe
        ),
        more: "(table 1 funcref)".repeat(tables),
        ..Guest::default()
    };
    let limits = Limits {
        table_elements: 17,
        ..Limits::default()
    };
    let outcome = |tables| {
        let runtime = Runtime::builder().limits(limits.clone());
        let plugin = guest(tables).load_in(&runtime.build().unwrap());
        plugin.observe(&Config::new())
    };
    outcome(16).unwrap();
    assert!(outcome(17).is_err());
}

/// In the start function, in the initialiser, in a fork and in an instance that is used again.
#[test]
fn every_instance_grows() {
    let grow = "(drop (memory.grow (global.get $one)))";
    let guest = Guest {
        observe: format!("{grow} {}", Guest::default().observe),
        more: format!(
            "(global $one (mut i32) (i32.const 1)) (func $start {grow}) (start $start)
             (func (export \"_initialize\") {grow})"
        ),
        ..Guest::default()
    };
    for policy in [ForkPolicy::Never, ForkPolicy::WhenPossible] {
        let runtime = Runtime::builder().fork_policy(policy).build().unwrap();
        let plugin = guest.load_in(&runtime);
        let pages = [(); 3].map(|()| observe(&plugin).peak_memory_pages);
        assert_eq!(pages, [PAGES + 3; 3], "{policy:?}");
        let mut instance = plugin.instance().unwrap();
        let pages = [(); 3].map(|()| {
            let seen = instance.observe(Call::new(&Config::new())).unwrap();
            seen.usage.peak_memory_pages
        });
        assert_eq!(pages, [3, 4, 5].map(|more| PAGES + more), "{policy:?}");
    }
    let baked = guest.load().bake().unwrap();
    let runtime = Runtime::builder()
        .fuel(FuelLimit::Unlimited)
        .build()
        .unwrap();
    let plugin = runtime.load("odd", baked).unwrap();
    assert_eq!(observe(&plugin).peak_memory_pages, PAGES + 3);
}

/// The names that the host uses are taken.
#[test]
fn a_plugin_cannot_bring_the_hosts_table() {
    for name in ["tollgate:growth", "tollgate:table:0"] {
        let guest = Guest {
            more: format!(
                "(table $t (export \"{name}\") 4 funcref)
                 (func (export \"grow\") (drop (table.grow $t (ref.null func) (i32.const 1))))"
            ),
            ..Guest::default()
        };
        let error = Runtime::new().unwrap().load("odd", guest.bytes());
        let error = error.err().map(|error| error.report());
        assert!(
            error
                .as_ref()
                .is_some_and(|error| error.contains("duplicate export")),
            "{error:?}"
        );
    }
}
