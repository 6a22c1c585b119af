//! Writes the modules of the self-check. They execute every operator of WebAssembly that is enabled, with
//! operands in every place that the engine tells apart: in its register, in a slot of the stack, or constant
//! in the code. Operators come from the parser's own list, so a new one is in them or fails a test.

use std::fmt::Write as _;

/// An operator of the parser.
pub(super) struct Operator {
    pub(super) proposal: &'static str,
    pub(super) name: &'static str,
    visit: &'static str,
    /// What it takes and leaves.
    kind: &'static str,
}

impl Operator {
    /// Its name in the text format.
    fn text(&self) -> String {
        let name = self.visit.strip_prefix("visit_").unwrap();
        name.replacen('_', ".", 1)
    }
}

macro_rules! operators {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($kind:tt)*))*) => {
        &[$(Operator {
            proposal: stringify!($proposal),
            name: stringify!($op),
            visit: stringify!($visit),
            kind: stringify!($($kind)*),
        }),*]
    };
}

pub(super) const OPERATORS: &[Operator] = wasmparser::for_each_operator!(operators);

/// Proposals whose operators are in the module for numbers; the other one has those of `simd`.
pub(super) const PROPOSALS: &[&str] = &[
    "mvp",
    "sign_extension",
    "saturating_float_to_int",
    "bulk_memory",
    "reference_types",
    "tail_call",
];

const TYPES: [&str; 4] = ["i32", "i64", "f32", "f64"];

/// Where an operand is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Register,
    Slot,
    Constant,
}

use Place::{Constant, Register, Slot};

const PLACES: [Place; 3] = [Register, Slot, Constant];

/// A value that is 1, 2 or 3, by turns.
fn varying(ty: &str, place: Place) -> String {
    match place {
        Register => format!("({ty}.load (i32.const {}))", address(ty)),
        Slot => format!("(local.get $a_{ty})"),
        Constant => format!("({ty}.const 2)"),
    }
}

/// Where the varying values are in memory.
fn address(ty: &str) -> usize {
    TYPES.iter().position(|it| *it == ty).unwrap() * 8
}

/// The value 2, in a slot.
fn two(ty: &str) -> String {
    format!("(local.get $b_{ty})")
}

/// Two operands in all places that differ for the engine, which has one form for both orders where they do not
/// matter.
fn pairs(operator: &str) -> Vec<String> {
    let (ty, name) = operator.split_once('.').unwrap();
    let is_float = ty.starts_with('f');
    let commutes = match name {
        "eq" | "ne" => true,
        "add" | "mul" | "and" | "or" | "xor" => !is_float,
        _ => false,
    };
    let mut places = vec![
        (Register, Slot),
        (Register, Constant),
        (Slot, Slot),
        (Slot, Constant),
    ];
    if !commutes {
        places.extend([(Slot, Register), (Constant, Register), (Constant, Slot)]);
    }
    let pair = |(left, right)| {
        let right = if right == Slot {
            two(ty)
        } else {
            varying(ty, right)
        };
        format!("{} {right}", varying(ty, left))
    };
    places.into_iter().map(pair).collect()
}

/// Whether the engine turns a comparison around.
fn is_turned(operator: &str) -> bool {
    operator.contains(".gt") || operator.contains(".ge")
}

/// How many statements a function has: as many frames of an engine that leaks must fit on any thread's stack.
const STATEMENTS: usize = 60;

#[derive(Default)]
struct Writer {
    /// Of each function, beside those for numbers.
    locals: &'static str,
    functions: Vec<String>,
    statements: Vec<String>,
}

impl Writer {
    fn push(&mut self, statement: impl Into<String>) {
        self.statements.push(statement.into());
        if self.statements.len() == STATEMENTS {
            self.end();
        }
    }

    fn drop(&mut self, expression: String) {
        self.push(format!("(drop {expression})"));
    }

    /// Ends a function.
    fn end(&mut self) {
        if self.statements.is_empty() {
            return;
        }
        let mut text = String::new();
        for ty in TYPES {
            write!(text, "(local $a_{ty} {ty}) (local $b_{ty} {ty}) (local $t_{ty} {ty}) (local $z_{ty} {ty}) (local $u_{ty} {ty}) ").unwrap();
        }
        text.push_str(self.locals);
        for ty in TYPES {
            writeln!(
                text,
                "(local.set $a_{ty} (global.get $a_{ty})) (local.set $b_{ty} ({ty}.const 2))"
            )
            .unwrap();
        }
        // The engine knows which locals its registers hold: now none.
        for ty in TYPES {
            writeln!(text, "(drop {})", varying(ty, Register)).unwrap();
        }
        for statement in self.statements.drain(..) {
            writeln!(text, "{statement}").unwrap();
        }
        self.functions.push(text);
    }

    /// A function with locals of its own.
    fn function(&mut self, text: String) {
        self.end();
        self.functions.push(text);
    }

    fn module(mut self, rest: &str) -> String {
        self.end();
        let mut text = String::from(FRAME);
        for ty in TYPES {
            writeln!(text, "(global $a_{ty} (mut {ty}) ({ty}.const 0))").unwrap();
        }
        text.push_str(rest);
        let names: Vec<String> = (0..self.functions.len())
            .map(|number| format!("$c{number}"))
            .collect();
        writeln!(text, "(table $checks {} funcref)", names.len()).unwrap();
        writeln!(
            text,
            "(elem (table $checks) (i32.const 0) func {})",
            names.join(" ")
        )
        .unwrap();
        writeln!(
            text,
            "(global (export \"checks\") i32 (i32.const {}))",
            names.len()
        )
        .unwrap();
        for (name, function) in names.iter().zip(&self.functions) {
            writeln!(text, "(func {name} {function})").unwrap();
        }
        text.push(')');
        text
    }
}

/// Runs a check so many times, and calls the host after each.
const FRAME: &str = "(module
(import \"self\" \"probe\" (func $probe))
(import \"self\" \"host\" (func $host (param i32) (result i32)))
(memory 2 3)
(type $check (func))
(type $one (func (param i32) (result i32)))
(func (export \"run\") (param $check i32) (param $turns i32) (local $turn i32)
  (loop $again
    (global.set $a_i32 (i32.add (i32.rem_u (local.get $turn) (i32.const 3)) (i32.const 1)))
    (global.set $a_i64 (i64.extend_i32_u (global.get $a_i32)))
    (global.set $a_f32 (f32.convert_i32_u (global.get $a_i32)))
    (global.set $a_f64 (f64.convert_i32_u (global.get $a_i32)))
    (i32.store (i32.const 0) (global.get $a_i32))
    (i64.store (i32.const 8) (global.get $a_i64))
    (f32.store (i32.const 16) (global.get $a_f32))
    (f64.store (i32.const 24) (global.get $a_f64))
    (call_indirect $checks (type $check) (local.get $check))
    (call $probe)
    (local.set $turn (i32.add (local.get $turn) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $turn) (local.get $turns)))))
";

/// The module for all but vectors.
pub(super) fn numbers() -> String {
    let mut writer = Writer {
        locals: "(local $f funcref) (local $e externref)\n",
        ..Writer::default()
    };
    for operator in OPERATORS
        .iter()
        .filter(|it| PROPOSALS.contains(&it.proposal))
    {
        operator_of_numbers(&mut writer, operator);
    }
    branches(&mut writer);
    selects(&mut writer);
    copies(&mut writer);
    tables_and_bulk(&mut writer);
    globals(&mut writer);
    calls(&mut writer);
    writer.module(TABLES)
}

/// An offset behind the values in memory.
const NEAR: u32 = 64;

/// An offset that the engine has another form for.
const FAR: u32 = 70_000;

fn operator_of_numbers(writer: &mut Writer, operator: &Operator) {
    let name = operator.text();
    let words: Vec<&str> = operator.kind.split(' ').collect();
    match words[..] {
        ["unary" | "test", ty] | ["conversion", _, ty] => {
            for place in [Register, Slot] {
                writer.drop(format!("({name} {})", varying(ty, place)));
            }
        }
        ["cmp", ty] if is_turned(&name) => {
            writer.drop(format!("({name} {} {})", varying(ty, Slot), two(ty)));
        }
        ["binary" | "cmp", _] => {
            for pair in pairs(&name) {
                writer.drop(format!("({name} {pair})"));
            }
        }
        ["load", ty] => {
            let load =
                |place, offset: u32| format!("({name} offset={offset} {})", varying("i32", place));
            for place in [Register, Slot] {
                writer.drop(load(place, NEAR));
                writer.drop(load(place, FAR));
                writer.push(format!("(local.set $t_{ty} {})", load(place, NEAR)));
            }
            writer.drop(load(Constant, NEAR));
        }
        ["store", ty] => {
            for value in PLACES.map(|place| varying(ty, place)) {
                for place in [Register, Slot].map(|place| varying("i32", place)) {
                    writer.push(format!("({name} offset={NEAR} {place} {value})"));
                    writer.push(format!("({name} offset={FAR} {place} {value})"));
                }
                writer.push(format!("({name} (i32.const {NEAR}) {value})"));
            }
        }
        _ => {}
    }
}

/// Results that are kept, and conditions that branch.
fn branches(writer: &mut Writer) {
    for operator in OPERATORS.iter().filter(|it| it.proposal == "mvp") {
        let name = operator.text();
        let words: Vec<&str> = operator.kind.split(' ').collect();
        match words[..] {
            ["cmp", ty] if !is_turned(&name) => {
                for pair in pairs(&name) {
                    let condition = format!("({name} {pair})");
                    writer.push(format!("(block (br_if 0 {condition}))"));
                    // Of integers, the opposite is another comparison.
                    if ty.starts_with('f') {
                        writer.push(format!("(block (br_if 0 (i32.eqz {condition})))"));
                        writer.drop(format!("(i32.eqz {condition})"));
                    }
                }
            }
            ["binary", ty] if name.ends_with(".and") || name.ends_with(".or") => {
                for pair in pairs(&name) {
                    for is in ["eq", "ne"] {
                        let condition = format!("({ty}.{is} ({name} {pair}) ({ty}.const 0))");
                        writer.push(format!("(block (br_if 0 {condition}))"));
                        writer.drop(condition);
                    }
                }
            }
            ["binary", ty] if name.ends_with(".add") => {
                for pair in pairs(&name) {
                    writer.push(format!("(local.set $t_{ty} ({name} {pair}))"));
                }
            }
            _ => {}
        }
    }
    for ty in TYPES {
        writer.drop(format!(
            "({ty}.mul (local.tee $t_{ty} {}) (local.get $t_{ty}))",
            varying(ty, Register)
        ));
        let negative = if ty.starts_with('f') {
            format!("({ty}.neg ({ty}.abs {}))", varying(ty, Slot))
        } else {
            continue;
        };
        writer.drop(negative);
        writer.drop(format!("({ty}.neg ({ty}.abs {}))", varying(ty, Register)));
    }
    for index in [Register, Slot] {
        let index = varying("i32", index);
        writer.push(format!("(if {index} (then (nop)) (else (nop)))"));
        writer.push(format!("(block (br_if 0 {index}))"));
        writer.push(format!("(block (br_if 0 (i32.eqz {index})))"));
        for results in ["", "i32", "f64", "i32 i64", "i64 i64 i64 i64"] {
            for targets in [1, 3] {
                br_table(writer, &index, targets, results);
            }
        }
        br_table(writer, &index, 100, "");
        for ty in TYPES {
            uneven_br_table(writer, &index, ty);
        }
    }
    writer.push("(block (loop (br 1)))");
    writer.push("(if (i32.eqz (local.get $a_i32)) (then unreachable))");
}

/// Blocks in blocks with the same results, and a jump out of some of them.
fn br_table(writer: &mut Writer, index: &str, targets: usize, results: &str) {
    let results: Vec<&str> = results.split_whitespace().collect();
    let block = match results.len() {
        0 => "block ".to_owned(),
        _ => format!("block (result {}) ", results.join(" ")),
    };
    let values: String = results.iter().map(|ty| varying(ty, Slot)).collect();
    let labels: Vec<String> = (0..=targets).map(|label| label.to_string()).collect();
    writer.push(format!(
        "{} {values} {index} br_table {} {} {}",
        block.repeat(targets + 1),
        labels.join(" "),
        "end ".repeat(targets + 1),
        "drop ".repeat(results.len()),
    ));
}

/// Jumps out of blocks at different heights of the stack: two values are copied to different places.
fn uneven_br_table(writer: &mut Writer, index: &str, ty: &str) {
    let down = format!(
        "local.set $t_{ty} local.set $u_{ty} drop local.get $u_{ty} local.get $t_{ty} end "
    );
    writer.push(format!(
        "{} {} {} {index} br_table 0 1 2 0 {} drop drop",
        format!("block (result {ty} {ty}) local.get $b_i64 ").repeat(3),
        varying(ty, Slot),
        two(ty),
        down.repeat(3),
    ));
}

fn selects(writer: &mut Writer) {
    for ty in TYPES {
        for condition in [Register, Slot] {
            for yes in PLACES {
                for no in PLACES {
                    let no = match no {
                        Register => varying(ty, no),
                        Slot => two(ty),
                        Constant => format!("({ty}.const 5)"),
                    };
                    let condition = varying("i32", condition);
                    writer.drop(format!("(select {} {no} {condition})", varying(ty, yes)));
                }
            }
        }
    }
    // The engine knows that a local is in the register too. Extended without sign, it is the same integer.
    for (value, ty) in [
        ("(local.get $t_i32)", "i32"),
        ("(i64.extend_i32_u (local.get $t_i32))", "i64"),
    ] {
        for other in [Slot, Constant].map(|place| varying(ty, place)) {
            for operands in [format!("{value} {other}"), format!("{other} {value}")] {
                let keep = format!("(local.set $t_i32 {})", varying("i32", Register));
                writer.push(format!(
                    "{keep} (drop (select {operands} (local.get $t_i32)))"
                ));
            }
        }
    }
    writer.drop(format!(
        "(select (result funcref) (ref.func $host) (local.get $f) {})",
        varying("i32", Slot)
    ));
}

fn copies(writer: &mut Writer) {
    for ty in TYPES {
        writer.push(format!("(local.set $t_{ty} ({ty}.const 5))"));
        writer.push(format!("(local.set $t_{ty} (local.get $a_{ty}))"));
        writer.push(format!("(local.set $t_{ty} {})", varying(ty, Register)));
        for place in PLACES {
            let value = varying(ty, place);
            writer.drop(format!("(block (result {ty}) {value})"));
            writer.drop(format!(
                "(block (result {ty}) (br_if 0 {value} {}))",
                varying("i32", Slot)
            ));
            writer.drop(format!(
                "(if (result {ty}) {} (then {value}) (else {}))",
                varying("i32", Slot),
                two(ty)
            ));
        }
    }
    let locals: String = (0..12).map(|_| "i64 ").collect();
    let pairs = (0..7).flat_map(|to| (0..7).map(move |from| (to, from)));
    let copies: String = pairs
        .map(|(to, from)| format!("(local.set {to} (local.get {from}))"))
        .collect();
    writer.function(format!("(local {locals}) {copies}"));
    for (ty, operator) in [("i64", "clz"), ("f32", "abs"), ("f64", "abs")] {
        let locals: String = (0..12).map(|_| format!("{ty} ")).collect();
        let copies: String = (0..12)
            .map(|to| format!("(local.set {to} ({ty}.{operator} (local.get 11)))"))
            .collect();
        writer.function(format!("(local {locals}) {copies}"));
    }
}

/// What the functions need beside the frame. The tables for calls come first: the engine has a short form of
/// calls through the first one.
const TABLES: &str = "(table $calls 7 funcref)
(table $more 7 funcref)
(table $f 8 9 funcref)
(table $e 8 9 externref)
(elem $functions func $one $host $one)
(elem $gone func $one)
(elem (table $calls) (i32.const 0) func $one $host $one $tail $tail_indirect $tail_more $tail_host)
(elem (table $more) (i32.const 0) func $one $host $one $tail $tail_indirect $tail_more $tail_host)
(data $data \"0123456789abcdef\")
(data $dropped \"x\")
(global $g_i32 (mut i32) (i32.const 0))
(global $g_i64 (mut i64) (i64.const 0))
(global $g_f32 (mut f32) (f32.const 0))
(global $g_f64 (mut f64) (f64.const 0))
(global $g_f (mut funcref) (ref.null func))
(func $one (type $one) (return (i32.add (local.get 0) (i32.const 1))))
(func $tail (type $one) (return_call $one (local.get 0)))
(func $tail_host (type $one) (return_call $host (local.get 0)))
(func $tail_indirect (type $one)
  (if (i32.eq (local.get 0) (i32.const 4)) (then (return_call_indirect $calls (type $one) (i32.const 5) (i32.const 4))))
  (if (i32.lt_u (local.get 0) (i32.const 3)) (then (return_call_indirect $calls (type $one) (local.get 0) (local.get 0))))
  (return_call_indirect $calls (type $one) (local.get 0) (i32.rem_u (local.get 0) (i32.const 3))))
(func $tail_more (type $one)
  (if (i32.eq (local.get 0) (i32.const 4)) (then (return_call_indirect $more (type $one) (i32.const 5) (i32.const 4))))
  (if (i32.lt_u (local.get 0) (i32.const 3)) (then (return_call_indirect $more (type $one) (local.get 0) (local.get 0))))
  (return_call_indirect $more (type $one) (local.get 0) (i32.rem_u (local.get 0) (i32.const 3))))
";

fn tables_and_bulk(writer: &mut Writer) {
    for (table, local, null) in [
        ("$f", "$f", "(ref.null func)"),
        ("$e", "$e", "(ref.null extern)"),
    ] {
        for place in PLACES {
            let index = varying("i32", place);
            writer.drop(format!("(table.get {table} {index})"));
            let mut values = vec![
                null.to_owned(),
                format!("(local.get {local})"),
                format!("(table.get {table} (i32.const 7))"),
            ];
            if table == "$f" {
                values.push("(ref.func $one)".to_owned());
            }
            for value in values {
                // The second half is nobody's.
                writer.push(format!(
                    "(table.set {table} (i32.add {index} (i32.const 4)) {value})"
                ));
                writer.push(format!("(table.set {table} {index} {value})"));
            }
            writer.push(format!("(table.fill {table} (i32.const 4) {null} {index})"));
            writer.drop(format!("(table.grow {table} {null} {index})"));
        }
        writer.drop(format!("(table.size {table})"));
        writer.drop(format!("(table.grow {table} {null} (i32.const 0))"));
        writer.push(format!(
            "(table.copy {table} {table} (i32.const 4) (i32.const 0) {})",
            varying("i32", Slot)
        ));
        writer.drop(format!("(ref.is_null (local.get {local}))"));
        writer.drop(format!("(ref.is_null (table.get {table} (i32.const 7)))"));
    }
    writer.push("(table.init $f $functions (i32.const 1) (i32.const 0) (local.get $a_i32))");
    writer.push("(elem.drop $gone)");
    for place in PLACES {
        let length = varying("i32", place);
        writer.push(format!(
            "(memory.fill (i32.const 64) (i32.const 1) {length})"
        ));
        writer.push(format!(
            "(memory.fill {length} (i32.const 1) (i32.const 0))"
        ));
        writer.push(format!(
            "(memory.copy (i32.const 64) (i32.const 80) {length})"
        ));
        writer.push(format!(
            "(memory.init $data (i32.const 64) (i32.const 0) {length})"
        ));
        writer.drop(format!("(memory.grow {length})"));
    }
    writer.push("(memory.fill (i32.const 64) (i32.const 1) (i32.const 1024))");
    writer.push("(memory.copy (i32.const 64) (i32.const 80) (i32.const 1024))");
    writer.drop("(memory.grow (i32.const 0))".to_owned());
    writer.drop("(memory.size)".to_owned());
    writer.push("(data.drop $dropped)");
}

fn globals(writer: &mut Writer) {
    for ty in TYPES {
        for place in PLACES {
            writer.push(format!("(global.set $g_{ty} {})", varying(ty, place)));
        }
        writer.drop(format!("(global.get $g_{ty})"));
        writer.push(format!("(global.set $g_{ty} (global.get $g_{ty}))"));
    }
    writer.push("(global.set $g_f (ref.func $one))");
    writer.push("(global.set $g_f (ref.null func))");
    writer.push("(local.set $f (global.get $g_f))");
}

fn calls(writer: &mut Writer) {
    for function in [
        "$one",
        "$host",
        "$tail",
        "$tail_host",
        "$tail_indirect",
        "$tail_more",
    ] {
        for argument in 1..=4 {
            writer.drop(format!("(call {function} (i32.const {argument}))"));
        }
    }
    for table in ["$calls", "$more"] {
        for callee in 0..7 {
            let number = format!("(local.tee $t_i32 (i32.const {callee}))");
            writer.drop(format!(
                "(call_indirect {table} (type $one) {number} (local.get $t_i32))"
            ));
            writer.drop(format!("(call_indirect {table} (type $one) {number} (i32.sub (local.get $t_i32) (local.get $z_i32)))"));
            writer.drop(format!(
                "(call_indirect {table} (type $one) (i32.const 1) (i32.const {callee}))"
            ));
        }
    }
}

/// The module for vectors.
#[cfg(feature = "simd")]
pub(super) fn vectors() -> String {
    let mut writer = Writer {
        locals: "(local $v v128) (local $w v128)\n",
        ..Writer::default()
    };
    for operator in OPERATORS.iter().filter(|it| it.proposal == "simd") {
        operator_of_vectors(&mut writer, operator);
    }
    for place in [Register, Slot] {
        let condition = varying("i32", place);
        writer.push(format!(
            "(local.set $v (select (local.get $v) (local.get $w) {condition}))"
        ));
        writer.push(format!(
            "(local.set $v (select (local.get $v) (v128.const i64x2 1 2) {condition}))"
        ));
        writer.push(format!("(block (result v128 v128) {VECTOR} (local.get $w) {condition} (br_table 0 0 0 0)) drop drop"));
        writer.drop(format!(
            "(block (result v128) (br_if 0 {VECTOR} {condition}))"
        ));
    }
    writer.push("(local.set $w (v128.const i64x2 1 2))");
    writer.push("(local.set $w (local.get $v))");
    writer.push("(global.set $g (local.get $v))");
    writer.push("(global.set $g (v128.const i64x2 1 2))");
    writer.push("(local.set $v (global.get $g))");
    writer.drop("(call $pass (local.get $v))".to_owned());
    writer.module(
        "(global $g (mut v128) (v128.const i64x2 0 0))
         (func $pass (param v128) (result v128) (local.get 0))",
    )
}

#[cfg(feature = "simd")]
const VECTOR: &str = "(local.get $v)";

#[cfg(feature = "simd")]
fn operator_of_vectors(writer: &mut Writer, operator: &Operator) {
    let name = operator.text();
    let words: Vec<&str> = operator.kind.split(' ').collect();
    // What is no load or store of its own for the engine has one form.
    let places = match name.as_str() {
        "v128.load" | "v128.store" | "v128.store8_lane" | "v128.store16_lane" => {
            vec![(Register, NEAR), (Register, FAR), (Slot, NEAR), (Slot, FAR)]
        }
        _ => vec![(Slot, NEAR)],
    };
    let memory = || {
        places
            .iter()
            .map(|(place, offset)| (varying("i32", *place), *offset))
    };
    match words[..] {
        ["unary" | "test", _] => writer.drop(format!("({name} {VECTOR})")),
        ["binary", _] => {
            writer.drop(format!("({name} {VECTOR} (local.get $w))"));
        }
        ["ternary", _] => writer.drop(format!("({name} {VECTOR} (local.get $w) {VECTOR})")),
        ["shift", _] => {
            for place in PLACES {
                writer.drop(format!("({name} {VECTOR} {})", varying("i32", place)));
            }
        }
        ["splat", ty] => {
            for place in PLACES {
                writer.drop(format!("({name} {})", varying(ty, place)));
            }
        }
        ["extract", _, _] => writer.drop(format!("({name} 1 {VECTOR})")),
        ["replace", ty, _] => {
            for place in PLACES {
                writer.drop(format!("({name} 1 {VECTOR} {})", varying(ty, place)));
            }
        }
        ["load", _] => {
            for (at, offset) in memory() {
                writer.drop(format!("({name} offset={offset} {at})"));
            }
        }
        ["load", "lane", _] => {
            for (at, offset) in memory() {
                writer.drop(format!("({name} offset={offset} 1 {at} {VECTOR})"));
            }
        }
        ["store", _] => {
            for (at, offset) in memory() {
                writer.push(format!("({name} offset={offset} {at} {VECTOR})"));
            }
        }
        ["store", "lane", _] => {
            for (at, offset) in memory() {
                writer.push(format!("({name} offset={offset} 1 {at} {VECTOR})"));
            }
        }
        _ if name == "i8x16.shuffle" => {
            writer.drop(format!(
                "({name} 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 {VECTOR} (local.get $w))"
            ));
        }
        _ => assert_eq!(name, "v128.const", "{}", operator.kind),
    }
}
