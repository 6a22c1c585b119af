//! The reference for fuel counts what is executed, operator by operator: it agrees with counts by
//! hand where code branches, and with the engine where code is straight.

use crate::exact::{Bare, Counted, Ended, instrument};

use wasmi::{TrapCode, Val};

/// Runs `run` of a module with these parameters, and counts.
fn counted(text: &str, params: &[i32]) -> (Result<Vec<Val>, Ended>, Counted) {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let params: Vec<Val> = params.iter().copied().map(Val::I32).collect();
    let plain = Bare::new(&module, Some(FUEL)).unwrap().call("run", &params);
    let mut bare = Bare::new(&instrument(&module), None).unwrap();
    let results = bare.call("run", &params);
    assert_eq!(format!("{plain:?}"), format!("{results:?}"), "{text}");
    (results, bare.counted())
}

/// The operators that a function executes whose body is this.
fn operators(body: &str, params: &[i32]) -> u64 {
    operators_of(&format!("(func (export \"run\") {body})"), params)
}

fn operators_of(fields: &str, params: &[i32]) -> u64 {
    counted(&format!("(module {fields})"), params).1.operators
}

const FUEL: u64 = 1_000_000;

/// The fuel of `run` in the module that is not instrumented.
fn fuel(text: &str) -> u64 {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut bare = Bare::new(&module, Some(FUEL)).unwrap();
    let _ = bare.call("run", &[]);
    FUEL - bare.fuel_left()
}

#[test]
fn structure_is_free_and_everything_else_costs_one() {
    assert_eq!(operators("", &[]), 0);
    assert_eq!(operators("nop (block nop) (loop nop) return", &[]), 0);
    assert_eq!(operators("(drop (i32.const 1))", &[]), 1);
    assert_eq!(
        operators(
            "(local i32) (local.set 0 (i32.add (local.get 0) (i32.const 1)))",
            &[]
        ),
        4
    );
}

#[test]
fn only_the_arm_that_is_taken_counts() {
    // The parameter and the `if`, then 2 or 5.
    let body = "(param i32)
        (if (local.get 0)
          (then (drop (i32.eqz (i32.const 1))))
          (else (drop (i32.add (i32.add (i32.const 1) (i32.const 2)) (i32.const 3)))))";
    assert_eq!(operators(body, &[1]), 2 + 2);
    assert_eq!(operators(body, &[0]), 2 + 5);
    // Without `else`, and one operator after it.
    let body = "(param i32) (if (local.get 0) (then (drop (i32.const 1)))) (drop (i32.const 1))";
    assert_eq!(operators(body, &[1]), 2 + 1 + 1);
    assert_eq!(operators(body, &[0]), 2 + 1);
}

#[test]
fn what_a_branch_skips_does_not_count() {
    let body = "(block (br 0) (drop (i32.const 1))) (drop (i32.const 1))";
    assert_eq!(operators(body, &[]), 1 + 1);
    let body = "(param i32)
        (block $out (br_if $out (local.get 0)) (drop (i32.const 1)) (drop (i32.const 2)))";
    assert_eq!(operators(body, &[1]), 2);
    assert_eq!(operators(body, &[0]), 2 + 2);
    let body = "(param i32) (if (local.get 0) (then return)) (drop (i32.const 1))";
    assert_eq!(operators(body, &[1]), 2);
    assert_eq!(operators(body, &[0]), 3);
    // Out of two blocks, over code after the inner one.
    let body = "(param i32)
        (block $outer
          (block $inner (br_if $outer (local.get 0)) (br $inner))
          (drop (i32.const 1)))";
    assert_eq!(operators(body, &[1]), 2);
    assert_eq!(operators(body, &[0]), 2 + 1 + 1);
}

#[test]
fn every_case_of_a_table_counts_what_it_runs() {
    let body = "(param i32)
        (block $three (block $two (block $one
          (br_table $one $two $three (local.get 0)))
          (drop (i32.const 1)) (br $three))
          (drop (i32.const 1)) (drop (i32.const 2)))
        (drop (i32.const 1)) (drop (i32.const 2)) (drop (i32.const 3))";
    assert_eq!(operators(body, &[0]), 2 + 1 + 1 + 3);
    assert_eq!(operators(body, &[1]), 2 + 2 + 3);
    assert_eq!(operators(body, &[2]), 2 + 3);
    assert_eq!(operators(body, &[1000]), 2 + 3);
}

#[test]
fn every_turn_of_a_loop_counts() {
    // A turn: get, const, sub, tee, br_if.
    let body = "(param i32)
        (loop $again
          (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))";
    assert_eq!(operators(body, &[1]), 5);
    assert_eq!(operators(body, &[10]), 50);
    // Entries: the function, each turn, and what follows the branch once, and the loop.
    let text = format!("(module (func (export \"run\") {body}))");
    assert_eq!(counted(&text, &[10]).1.entries, 1 + 10 + 1 + 1);
}

#[test]
fn calls_of_every_kind_count_what_they_call() {
    let fields = "(type $t (func (param i32) (result i32)))
        (table 2 funcref) (elem (i32.const 0) $twice $seven)
        (func $twice (type $t) (i32.mul (local.get 0) (i32.const 2)))
        (func $seven (type $t) (i32.const 7))";
    let direct = "(func (export \"run\") (result i32) (call $twice (i32.const 4)))";
    assert_eq!(operators_of(&format!("{fields} {direct}"), &[]), 2 + 3);
    let indirect = "(func (export \"run\") (param i32) (result i32)
        (call_indirect (type $t) (i32.const 4) (local.get 0)))";
    let indirect = format!("{fields} {indirect}");
    assert_eq!(operators_of(&indirect, &[0]), 3 + 3);
    assert_eq!(operators_of(&indirect, &[1]), 3 + 1);
    let (result, counted) = counted(&format!("(module {indirect})"), &[2]);
    assert_eq!(result.unwrap_err(), Ended::Trap(TrapCode::TableOutOfBounds));
    assert_eq!(counted.operators, 3);
    let tail = "(func (export \"run\") (param i32) (result i32)
        (return_call_indirect (type $t) (i32.const 4) (local.get 0)))";
    assert_eq!(operators_of(&format!("{fields} {tail}"), &[1]), 3 + 1);
    let countdown = "(func $run (export \"run\") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (return_call $run (i32.sub (local.get 0) (i32.const 1))))
          (else (i32.const 7))))";
    assert_eq!(operators_of(countdown, &[1000]), 1000 * 6 + 3);
}

#[test]
fn several_results_and_parameters_of_blocks_change_nothing() {
    let fields = "(func $pair (result i32 i32) (i32.const 1) (i32.const 2))
        (func (export \"run\") (param i32) (result i32)
          (call $pair)
          (if (param i32 i32) (result i32) (local.get 0)
            (then (i32.add))
            (else (drop))))";
    assert_eq!(operators_of(fields, &[1]), 1 + 2 + 2 + 1);
    assert_eq!(operators_of(fields, &[0]), 1 + 2 + 2);
    let fields = "(func (export \"run\") (param i32) (result i32)
        (i32.const 0) (local.get 0)
        (loop $again (param i32 i32) (result i32)
          (local.set 0)
          (i32.const 1) (i32.add)
          (i32.sub (local.get 0) (i32.const 1)) (local.tee 0)
          (local.get 0) (br_if $again)
          (drop)))";
    assert_eq!(operators_of(fields, &[3]), 2 + 3 * 9);
}

#[test]
fn a_trap_counts_what_was_executed_up_to_it_and_itself() {
    let trapping = |body: &str| {
        let fields =
            format!("(memory 1) (table 1 funcref) (func (export \"run\") (result i32) {body})");
        let (result, counted) = counted(&format!("(module {fields})"), &[]);
        assert!(matches!(result, Err(Ended::Trap(_))), "{body}: {result:?}");
        counted.operators
    };
    let after = "(drop (i32.add (i32.const 1) (i32.const 2))) (i32.const 1)";
    assert_eq!(
        trapping(&format!("(drop (i32.const 1)) unreachable {after}")),
        1
    );
    assert_eq!(
        trapping(&format!(
            "(drop (i32.div_u (i32.const 1) (i32.const 0))) {after}"
        )),
        3
    );
    assert_eq!(
        trapping(&format!("(drop (i32.load (i32.const -1))) {after}")),
        2
    );
    assert_eq!(
        trapping(&format!(
            "(i32.store8 (i32.const -1) (i32.const 1)) {after}"
        )),
        3
    );
    assert_eq!(
        trapping(&format!("(drop (i32.trunc_f32_s (f32.const nan))) {after}")),
        2
    );
    assert_eq!(
        trapping(&format!("(drop (table.get (i32.const 9))) {after}")),
        2
    );
    let fill = format!("(memory.fill (i32.const 1) (i32.const 1) (i32.const 65536)) {after}");
    assert_eq!(trapping(&fill), 4);
}

#[test]
fn a_trap_in_a_called_function_counts_nothing_after_the_call() {
    let fields = "(func $fails (drop (i32.const 1)) unreachable)
        (func (export \"run\") (drop (i32.const 1)) (call $fails) (drop (i32.const 1)))";
    assert_eq!(operators_of(fields, &[]), 2 + 1);
    let fields =
        "(func $deeper (export \"run\") (drop (i32.const 1)) (call $deeper) (drop (i32.const 2)))";
    let (result, counted) = counted(&format!("(module {fields})"), &[]);
    assert_eq!(result.unwrap_err(), Ended::Trap(TrapCode::StackOverflow));
    assert_eq!(counted.operators % 2, 0);
    assert!(counted.operators > 100_000, "{counted:?}");
}

/// Modules whose `run` is straight: one region, which the engine charges when it is entered, with
/// one unit for the entry.
fn agrees(fields: &str, body: &str) {
    let text = format!("(module {fields} (func (export \"run\") (local i32 i64 f32 f64) {body}))");
    let counted = counted(&text, &[]).1;
    assert_eq!(counted.operators + 1, fuel(&text), "{body}");
    assert_eq!(counted.entries, 1, "{body}");
}

#[test]
fn the_engine_charges_every_number_operator_as_it_is_counted() {
    let mut tried = 0;
    let mut each = |names: &str, operands: &[&str]| {
        for name in names.split_whitespace() {
            // Of constants, which the engine folds, and of what it cannot know.
            let known: String = operands
                .iter()
                .map(|ty| format!("({ty}.const 3) "))
                .collect();
            let unknown: String = operands
                .iter()
                .map(|ty| {
                    let local = ["i32", "i64", "f32", "f64"]
                        .iter()
                        .position(|other| other == ty);
                    format!(
                        "(local.set {0} ({ty}.const 3)) (local.get {0}) ",
                        local.unwrap()
                    )
                })
                .collect();
            agrees("", &format!("{known} {name} drop"));
            agrees("", &format!("{unknown} {name} drop"));
            tried += 1;
        }
    };
    for ty in ["i32", "i64"] {
        let named = |names: &str| -> String {
            names
                .split_whitespace()
                .map(|name| format!("{ty}.{name} "))
                .collect()
        };
        each(&named("eqz clz ctz popcnt extend8_s extend16_s"), &[ty]);
        each(
            &named("eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"),
            &[ty, ty],
        );
        each(
            &named("add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"),
            &[ty, ty],
        );
        for float in ["f32", "f64"] {
            for sign in ["s", "u"] {
                each(
                    &format!("{ty}.trunc_{float}_{sign} {ty}.trunc_sat_{float}_{sign}"),
                    &[float],
                );
                each(&format!("{float}.convert_{ty}_{sign}"), &[ty]);
            }
        }
    }
    for ty in ["f32", "f64"] {
        let named = |names: &str| -> String {
            names
                .split_whitespace()
                .map(|name| format!("{ty}.{name} "))
                .collect()
        };
        each(&named("abs neg ceil floor trunc nearest sqrt"), &[ty]);
        each(
            &named("eq ne lt gt le ge add sub mul div min max copysign"),
            &[ty, ty],
        );
    }
    each("i64.extend32_s", &["i64"]);
    each("i32.wrap_i64 f64.reinterpret_i64", &["i64"]);
    each(
        "i64.extend_i32_s i64.extend_i32_u f32.reinterpret_i32",
        &["i32"],
    );
    each("f64.promote_f32 i32.reinterpret_f32", &["f32"]);
    each("f32.demote_f64 i64.reinterpret_f64", &["f64"]);
    each("select", &["i32", "i32", "i32"]);
    each("select", &["f64", "f64", "i32"]);
    // Every one that has no operand in the code, is not structure, and is no constant.
    assert_eq!(tried, 0xC4 - 0x45 + 1 + 8 + 2);
}

#[test]
fn the_engine_charges_every_access_as_it_is_counted() {
    let fields = "(memory 1 3) (table 4 funcref) (global (mut i32) (i32.const 1))
        (data $data \"0123456789abcdef0123456789abcdef\") (elem $elem func $f $f $f)
        (func $f) (elem declare func $f)";
    let mut cases: Vec<String> = Vec::new();
    for (ty, names) in [
        ("i32", "load load8_s load8_u load16_s load16_u"),
        (
            "i64",
            "load load8_s load8_u load16_s load16_u load32_s load32_u",
        ),
        ("f32", "load"),
        ("f64", "load"),
    ] {
        let loads = names.split_whitespace();
        cases.extend(loads.map(|name| format!("(drop ({ty}.{name} (i32.const 8)))")));
    }
    for (ty, names) in [
        ("i32", "store store8 store16"),
        ("i64", "store store8 store16 store32"),
        ("f32", "store"),
        ("f64", "store"),
    ] {
        let stores = names.split_whitespace();
        cases.extend(stores.map(|name| format!("({ty}.{name} (i32.const 8) ({ty}.const 1))")));
    }
    for case in [
        "(drop (global.get 0))",
        "(global.set 0 (i32.const 1))",
        "(local.set 0 (i32.const 1))",
        "(drop (local.tee 0 (i32.const 1)))",
        "(drop (i64.const 1)) (drop (f32.const 1)) (drop (f64.const 1))",
        "(drop (memory.size))",
        "(drop (table.size))",
        "(drop (ref.is_null (ref.null func)))",
        "(drop (ref.func $f))",
        "(drop (table.get (i32.const 1)))",
        "(table.set (i32.const 1) (ref.null func))",
        "(data.drop $data)",
        "(elem.drop $elem)",
        "(drop (select (result funcref) (ref.func $f) (ref.null func) (i32.const 1)))",
        // By size.
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0))",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 7))",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 8000))",
        "(memory.copy (i32.const 0) (i32.const 8) (i32.const 8000))",
        "(memory.init $data (i32.const 0) (i32.const 1) (i32.const 24))",
        "(table.fill (i32.const 0) (ref.null func) (i32.const 4))",
        "(table.copy (i32.const 0) (i32.const 1) (i32.const 3))",
        "(table.init $elem (i32.const 0) (i32.const 0) (i32.const 3))",
        "(drop (table.grow (ref.null func) (i32.const 0)))",
        "(drop (table.grow (ref.null func) (i32.const 1001)))",
        "(drop (memory.grow (i32.const 0)))",
        "(drop (memory.grow (i32.const 2)))",
        // Refused.
        "(drop (memory.grow (i32.const 3)))",
        "(drop (memory.grow (i32.const -1)))",
        "(drop (table.grow (ref.null func) (i32.const -1)))",
        // What does not come to its end.
        "(memory.fill (i32.const 65536) (i32.const 1) (i32.const 80))",
        "(memory.copy (i32.const 65536) (i32.const 1) (i32.const 80))",
        "(memory.init $data (i32.const 0) (i32.const 1) (i32.const 800))",
        "(table.fill (i32.const 3) (ref.null func) (i32.const 800))",
        "(drop (i32.load (i32.const -1)))",
        "unreachable",
    ] {
        cases.push(case.to_owned());
    }
    for case in cases {
        agrees(fields, &case);
    }
}
