//! The module that runs does what the module that was loaded does, and is charged for what it executes:
//! tested on random modules, against a count of each operator that is executed.

use super::{
    BEGIN_ELEMENT, CALLS_EXPORT, END_ELEMENT, GROWTH_EXPORT, Instruments, MEMORY_ELEMENT,
    MEMORY_EXPORT, config, encode::*, instrument, read, table_element, table_export, write,
};
use crate::{
    error::Unforkable,
    limits::{ModuleLimits, StackLimit},
};
use arbitrary::Unstructured;
use proptest::prelude::*;
use std::{fmt::Write as _, thread};
use wasmi::{
    Caller, CompilationMode, CustomFuelCosts, Engine, Extern, Func, FuncType, Instance, Linker,
    Module, Nullable, Ref, Store, TrapCode, Val, ValType,
};
use wasmparser::{Operator, Parser, Payload};

/// What the runs have for fuel.
const LIMIT: u64 = 200_000;

/// An engine in which bulk operators cost what others cost.
fn engine() -> Engine {
    Engine::new(&bulk_is_cheap(config(
        StackLimit::default(),
        CompilationMode::Eager,
    )))
}

/// The same for modules with instruments.
fn engine_of_instruments() -> Engine {
    let mut config = config(
        instrument::stack(StackLimit::default()),
        CompilationMode::Eager,
    );
    instrument::set_costs(&mut config);
    Engine::new(&bulk_is_cheap(config))
}

fn bulk_is_cheap(mut config: wasmi::Config) -> wasmi::Config {
    config.fuel_cost(CustomFuelCosts {
        bytes_copied_per_fuel: u32::MAX,
        fuel_per_bytes_translated: 0,
        fuel_per_bytes_validated: 0,
    });
    config
}

/// The module that runs.
fn rewritten(module: &[u8]) -> Vec<u8> {
    let reading = read::read(module, &ModuleLimits::default());
    bytes_of(reading.unwrap(), None)
}

/// The same with instruments.
fn instrumented(module: &[u8], which: Instruments) -> Vec<u8> {
    let reading = read::read_with_runs(module, &ModuleLimits::default());
    bytes_of(reading.unwrap(), Some((which, StackLimit::default())))
}

/// Where its marks begin.
fn marks_at(module: &[u8], which: Instruments) -> usize {
    let mut reading = read::read_with_runs(module, &ModuleLimits::default()).unwrap();
    let written = write::write_with(&mut reading, Some((which, StackLimit::default())));
    written.unwrap().installed.unwrap().marks_at as usize
}

fn bytes_of(mut reading: read::Reading<'_>, which: Option<(Instruments, StackLimit)>) -> Vec<u8> {
    // The engine places the data, as in the original.
    reading.initial = reading.initial.map(|_| Err(Unforkable::Unreadable));
    write::write_with(&mut reading, which).unwrap().bytes
}

/// Which operators cost nothing.
fn is_free(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(
        operator,
        Nop | Drop | Block { .. } | Loop { .. } | End | Else | Return | Unreachable
    )
}

/// The module with a global that counts each operator before it is executed.
fn counting(module: &[u8]) -> Vec<u8> {
    let mut counting = begin(0).unwrap();
    let mut globals = 0u32;
    let mut sections = Vec::new();
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.unwrap();
        match &payload {
            Payload::ImportSection(imports) => assert_eq!(imports.count(), 0),
            Payload::GlobalSection(section) => globals = section.count(),
            Payload::CodeSectionEntry(body) => bodies.push(body.clone()),
            _ => {}
        }
        if let Some((id, range)) = read::numbered(&payload) {
            sections.push((id, module[range].to_vec()));
        }
    }
    let count = |list: &[u8]| {
        wasmparser::BinaryReader::new(list, 0)
            .read_var_u32()
            .unwrap()
    };
    let rest = |list: &[u8]| {
        let mut reader = wasmparser::BinaryReader::new(list, 0);
        reader.read_var_u32().unwrap();
        list[reader.current_position()..].to_vec()
    };
    if !sections.iter().any(|(id, _)| *id == id::GLOBAL) {
        let at = sections.iter().position(|(id, _)| *id > id::GLOBAL);
        sections.insert(at.unwrap_or(sections.len()), (id::GLOBAL, vec![0]));
    }
    for (id, content) in &mut sections {
        match *id {
            id::GLOBAL => {
                let mut more = Vec::new();
                push_u32(&mut more, globals + 1);
                more.extend(rest(content));
                more.extend_from_slice(&[0x7E, 1, 0x42, 0, 0x0B]);
                *content = more;
            }
            id::EXPORT => {
                let mut more = Vec::new();
                push_u32(&mut more, count(content) + 1);
                more.extend(rest(content));
                push_name(&mut more, b"executed");
                more.push(kind::GLOBAL);
                push_u32(&mut more, globals);
                *content = more;
            }
            id::CODE => {
                content.clear();
                push_len(content, bodies.len());
                for body in &bodies {
                    let counted = counted(body, globals);
                    push_name(content, &counted);
                }
            }
            _ => {}
        }
    }
    for (id, content) in sections {
        push_section(&mut counting, id, &content);
    }
    counting
}

fn counted(body: &wasmparser::FunctionBody<'_>, global: u32) -> Vec<u8> {
    let bytes = body.as_bytes();
    let mut reader = body.get_operators_reader().unwrap();
    let at =
        |reader: &wasmparser::OperatorsReader<'_>| reader.original_position() - body.range().start;
    let mut out = bytes[..at(&reader)].to_vec();
    while !reader.eof() {
        let from = at(&reader);
        let operator = reader.read().unwrap();
        if !is_free(&operator) {
            out.push(0x23);
            push_u32(&mut out, global);
            out.extend_from_slice(&[0x42, 1, 0x7C, 0x24]);
            push_u32(&mut out, global);
        }
        out.extend_from_slice(&bytes[from..at(&reader)]);
    }
    out
}

/// What an instance shows of itself: results and traps of calls, and the state after them.
struct Seen {
    text: String,
    fuel: u64,
    executed: Option<u64>,
    trapped: bool,
    exhausted: bool,
}

/// Puts functions that grow where the module that runs calls them, at the price of this engine.
pub(super) fn provide(store: &mut Store<()>, instance: Instance) {
    let Some(ours) = instance.get_table(&*store, GROWTH_EXPORT) else {
        return;
    };
    fn pay(caller: &mut Caller<'_, ()>) {
        let fuel = caller.get_fuel().unwrap();
        caller.set_fuel(fuel + 1).unwrap();
    }
    let put = |store: &mut Store<()>, element: u32, function: Func| {
        let function = Ref::Func(Nullable::Val(function));
        ours.set(store, element.into(), function).unwrap();
    };
    if let Some(memory) = instance.get_memory(&*store, MEMORY_EXPORT) {
        let grow = move |mut caller: Caller<'_, ()>, more: u32| {
            pay(&mut caller);
            let before = memory.grow(caller, more.into());
            before.map_or(u32::MAX, |before| before as u32)
        };
        let function = Func::wrap(&mut *store, grow);
        put(store, MEMORY_ELEMENT, function);
    }
    for index in 0..128 {
        let Some(table) = instance.get_table(&*store, &table_export(index)) else {
            continue;
        };
        let of: ValType = table.ty(&*store).element().into();
        let ty = FuncType::new([of, ValType::I32], [ValType::I32]);
        let grow = move |mut caller: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
            pay(&mut caller);
            let (value, more) = match params {
                [Val::FuncRef(value), Val::I32(more)] => (Ref::Func(*value), more),
                [Val::ExternRef(value), Val::I32(more)] => (Ref::Extern(*value), more),
                other => panic!("{other:?}"),
            };
            let before = table.grow(caller, more.cast_unsigned().into(), value);
            results[0] = Val::I32(before.map_or(-1, |before| before as i32));
            Ok(())
        };
        let function = Func::new(&mut *store, ty, grow);
        put(store, table_element(index), function);
    }
}

/// Calls an export on a new instance.
fn run(module: &Module, export: &str, fuel: u64) -> Seen {
    run_marked(module, export, fuel, None)
}

/// The same, where marks begin at a place in the memory of the instruments.
fn run_marked(module: &Module, export: &str, fuel: u64, marks_at: Option<usize>) -> Seen {
    let mut store = Store::new(module.engine(), ());
    store.set_fuel(fuel).unwrap();
    let mut text = String::new();
    let instance = match Linker::new(module.engine()).instantiate_and_start(&mut store, module) {
        Ok(instance) => instance,
        Err(error) => {
            return Seen {
                text: format!("{:?}", error.as_trap_code()),
                fuel: 0,
                executed: None,
                trapped: true,
                exhausted: error.as_trap_code() == Some(TrapCode::OutOfFuel),
            };
        }
    };
    provide(&mut store, instance);
    if let Some(calls) = instance.get_table(&store, CALLS_EXPORT) {
        let begin = Func::wrap(&mut store, |_: Caller<'_, ()>, _: i32, _: i32| {});
        let end = Func::wrap(&mut store, |_: Caller<'_, ()>| {});
        for (element, function) in [(BEGIN_ELEMENT, begin), (END_ELEMENT, end)] {
            let function = Ref::Func(Nullable::Val(function));
            calls.set(&mut store, element.into(), function).unwrap();
        }
    }
    let function = instance.get_func(&store, export).unwrap();
    let ty = function.ty(&store);
    let params: Vec<Val> = ty
        .params()
        .iter()
        .map(|ty| Val::default_for_ty(*ty))
        .collect();
    let mut results: Vec<Val> = ty
        .results()
        .iter()
        .map(|ty| Val::default_for_ty(*ty))
        .collect();
    let before = memory(&store, &instance).map(|memory| memory.data(&store).to_vec());
    let outcome = function.call(&mut store, &params, &mut results);
    if let Some(at) = marks_at {
        check_marks(&mut store, &instance, before.as_deref(), at);
    }
    let left = store.get_fuel().unwrap();
    let code = outcome.as_ref().err().map(|error| {
        let code = error.as_trap_code();
        code.unwrap_or_else(|| panic!("{error}"))
    });
    write!(text, "{code:?} ").unwrap();
    if code.is_none() {
        results.iter().for_each(|value| show(&mut text, value));
    }
    state(&mut text, &instance, &mut store);
    let executed = instance.get_global(&store, "executed");
    let executed = executed.and_then(|count| count.get(&store).i64());
    Seen {
        text,
        fuel: fuel - left,
        executed: executed.map(i64::cast_unsigned),
        trapped: code.is_some(),
        exhausted: code == Some(TrapCode::OutOfFuel),
    }
}

/// The memory of the guest.
fn memory(store: &Store<()>, instance: &Instance) -> Option<wasmi::Memory> {
    let mut memories = instance.exports(store).filter_map(|export| {
        let ours = export.name().starts_with(super::RESERVED) && export.name() != MEMORY_EXPORT;
        export.into_memory().filter(|_| !ours)
    });
    memories.next()
}

/// What changed is marked, if something marks it.
fn check_marks(store: &mut Store<()>, instance: &Instance, before: Option<&[u8]>, at: usize) {
    let listed = instance.get_global(&*store, super::LISTED_EXPORT);
    let (Some(before), Some(listed)) = (before, listed) else {
        return;
    };
    let notes = instance.get_memory(&*store, super::NOTES_EXPORT).unwrap();
    let listed = listed.get(&*store).i64().unwrap().cast_unsigned();
    let after = memory(store, instance).unwrap().data(&*store).to_vec();
    let mut written = Vec::new();
    let blocks = u32::try_from(after.len() >> super::BLOCK_SHIFT).unwrap();
    if super::take_marks(
        &mut notes.data_mut(store)[at..],
        listed,
        blocks,
        &mut written,
    ) {
        for (number, block) in (0..).zip(after.chunks(4096)) {
            let same = match before.get(number as usize * 4096..) {
                Some(rest) if !rest.is_empty() => rest[..4096] == *block,
                _ => block.iter().all(|byte| *byte == 0),
            };
            assert!(
                same || written.contains(&number),
                "block {number} is not marked"
            );
        }
    }
}

fn show(text: &mut String, value: &Val) {
    match value {
        Val::FuncRef(reference) => write!(text, "{} ", reference.is_null()).unwrap(),
        Val::F32(value) => write!(text, "{:x} ", value.to_bits()).unwrap(),
        Val::F64(value) => write!(text, "{:x} ", value.to_bits()).unwrap(),
        other => write!(text, "{other:?} ").unwrap(),
    }
}

fn state(text: &mut String, instance: &Instance, store: &mut Store<()>) {
    let mut exports: Vec<(String, Extern)> = instance
        .exports(&*store)
        .map(|export| (export.name().to_owned(), export.into_extern()))
        .filter(|(name, _)| name != "executed" && !name.starts_with(super::RESERVED))
        .collect();
    exports.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, it) in exports {
        match it {
            Extern::Global(global) => show(text, &global.get(&*store)),
            Extern::Memory(memory) => {
                let digest = tollgate_abi::sha256::digest(memory.data(&*store));
                write!(text, "{name} {} {digest:?} ", memory.size(&*store)).unwrap();
            }
            Extern::Table(table) => {
                let size = table.size(&*store);
                write!(text, "{name} {size} ").unwrap();
            }
            Extern::Func(_) => {}
        }
    }
}

/// The exported functions.
fn functions(module: &Module) -> Vec<String> {
    let functions = module
        .exports()
        .filter(|export| export.ty().func().is_some());
    let functions = functions.filter(|export| !export.name().starts_with(super::RESERVED));
    functions.map(|export| export.name().to_owned()).collect()
}

/// The fuel of a call, and how many operators it executes.
#[derive(Debug, Default)]
struct Figures {
    fuel: u64,
    executed: u64,
}

/// Bytes of native stack for the module that runs: an engine that leaves frames there soon has none left.
const SMALL: usize = 256 << 10;

/// Bytes for the one that was loaded, with which the engine does that when it grows.
const LARGE: usize = 1 << 30;

fn on_stack<T: Send>(bytes: usize, run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(bytes);
        let result = thread.spawn_scoped(scope, run).unwrap().join();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Compares the module that runs with the one that was loaded, and returns the figures of its calls that
/// end. The latter is run with its operators counted: the engine translates some code wrongly that is
/// neither rewritten nor counted.
fn compare(bytes: &[u8]) -> Vec<Figures> {
    let engine = engine();
    let runs = rewritten(bytes);
    check_growth(&runs);
    let runs =
        Module::new(&engine, &runs).unwrap_or_else(|error| panic!("{error}\n{}", save(bytes)));
    let counted = Module::new(&engine, counting(bytes)).unwrap();
    let engine = engine_of_instruments();
    let instrumented = [
        Instruments::COVERAGE | Instruments::COMPARISONS | Instruments::TRACE | Instruments::WRITES,
        Instruments::WRITES,
        Instruments::BLOCKS | Instruments::CALLS | Instruments::PROFILE,
    ]
    .map(|which| {
        let marks_at = which
            .has(Instruments::WRITES)
            .then(|| marks_at(bytes, which));
        let module = Module::new(&engine, instrumented(bytes, which));
        let module = module.unwrap_or_else(|error| panic!("{error} {which:?}\n{}", save(bytes)));
        (module, marks_at)
    });
    let mut figures = Vec::new();
    for export in functions(&counted) {
        let new = on_stack(SMALL, || run(&runs, &export, LIMIT));
        for (module, marks_at) in &instrumented {
            let seen = on_stack(SMALL, || run_marked(module, &export, LIMIT, *marks_at));
            let same = (seen.text == new.text, seen.fuel, seen.exhausted);
            let expected = (true, new.fuel, new.exhausted);
            assert_eq!(
                same,
                expected,
                "{export} of {} with instruments",
                save(bytes)
            );
        }
        if new.exhausted {
            continue;
        }
        // The engine charges for a whole function whenever it is entered, also for code that never runs.
        let exact = on_stack(LARGE, || run(&counted, &export, LIMIT * 100_000));
        assert_eq!(new.text, exact.text, "{export} of {}", save(bytes));
        let Some(executed) = exact.executed else {
            continue;
        };
        assert!(
            new.fuel >= executed,
            "{export} of {}: {} for {executed}",
            save(bytes),
            new.fuel
        );
        if !new.trapped {
            figures.push(Figures {
                fuel: new.fuel,
                executed,
            });
        }
    }
    figures
}

/// Where a module that differs is kept.
fn save(bytes: &[u8]) -> String {
    let path = std::env::temp_dir().join("tollgate-differs.wasm");
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

fn smith(data: &[u8], multi_value: bool) -> Option<Vec<u8>> {
    let config = wasm_smith::Config {
        max_memories: 1,
        max_memory32_bytes: 4 << 16,
        max_table_elements: 100,
        max_instructions: 300,
        max_imports: 0,
        max_funcs: 6,
        min_funcs: 1,
        export_everything: true,
        allow_start_export: false,
        multi_value_enabled: multi_value,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: cfg!(feature = "simd"),
        tail_call_enabled: true,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        ..wasm_smith::Config::default()
    };
    let module = wasm_smith::Module::new(config, &mut Unstructured::new(data)).ok()?;
    Some(module.to_bytes())
}

/// Writes random code of the kind that compilers write: nested blocks, loops and branches in all
/// directions, that goes different ways in each turn.
struct Writer<'a> {
    choices: Unstructured<'a>,
    text: String,
    /// The labels around, each with whether it carries a value.
    labels: Vec<bool>,
    /// How many statements may still be written.
    left: u32,
}

impl Writer<'_> {
    fn choose(&mut self, below: usize) -> usize {
        self.choices.choose_index(below).unwrap_or(0)
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push(' ');
    }

    /// Leaves a value that differs each time, or a constant that the engine can compute.
    fn condition(&mut self) {
        match self.choose(8) {
            0 => self.push("i32.const 0"),
            1 => self.push("i32.const 7"),
            2 => self.push("i32.const 6 i32.const 2 i32.sub"),
            3 => self.push("i32.const 1 local.get 0 drop"),
            _ => {
                let bit = self.choose(6);
                self.push("local.get 0 i32.const 1103515245 i32.mul i32.const 12345 i32.add");
                self.push(&format!(
                    "local.tee 0 i32.const {} i32.and",
                    1u32 << (16 + bit)
                ));
            }
        }
    }

    fn statements(&mut self) {
        for _ in 0..1 + self.choose(6) {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            self.statement();
        }
    }

    fn inside(&mut self, carries: bool, opens: &str) {
        self.push(opens);
        self.labels.push(carries);
        if opens.starts_with("loop") {
            // So that everything ends.
            self.push("global.get $turns i32.eqz if return end");
            self.push("global.get $turns i32.const 1 i32.sub global.set $turns");
        }
        self.statements();
        if carries {
            self.push("local.get 1");
        }
        self.labels.pop();
    }

    /// A label that a branch may lead to, and what such a branch carries.
    fn label(&mut self, carries: bool) -> Option<usize> {
        let fitting = self.labels.iter().rev().enumerate();
        let fitting: Vec<usize> = fitting
            .filter(|(_, it)| **it == carries)
            .map(|(depth, _)| depth)
            .collect();
        match fitting.len() {
            0 => None,
            count => Some(fitting[self.choose(count)]),
        }
    }

    fn statement(&mut self) {
        match self.choose(16) {
            0 | 1 => {
                for _ in 0..1 + self.choose(30) {
                    self.push("local.get 1 i32.const 3 i32.mul local.get 0 i32.xor local.set 1");
                }
            }
            2 => {
                self.inside(false, "block");
                self.push("end");
            }
            3 => {
                self.inside(true, "block (result i32)");
                self.push("end local.set 1");
            }
            4 => {
                self.inside(false, "loop");
                self.push("end");
            }
            5 | 6 => {
                self.condition();
                self.inside(false, "if");
                if self.choose(2) == 0 {
                    self.inside(false, "else");
                }
                self.push("end");
            }
            7 => {
                self.condition();
                self.inside(true, "if (result i32)");
                self.inside(true, "else");
                self.push("end local.set 1");
            }
            8..=10 => {
                if let Some(depth) = self.label(false) {
                    self.condition();
                    self.push(&format!("br_if {depth}"));
                }
            }
            11 => {
                if let Some(depth) = self.label(true) {
                    self.push("local.get 1");
                    self.condition();
                    self.push(&format!("br_if {depth} local.set 1"));
                }
            }
            12 => {
                let targets: Vec<String> = (0..1 + self.choose(5))
                    .filter_map(|_| self.label(false))
                    .map(|depth| depth.to_string())
                    .collect();
                if !targets.is_empty() {
                    self.condition();
                    self.push("i32.const 16 i32.shr_u");
                    self.push(&format!("br_table {}", targets.join(" ")));
                }
            }
            13 => match self.label(false) {
                Some(depth) => self.push(&format!("br {depth}")),
                None => self.push("return"),
            },
            14 => {
                self.push("(block (type $two)");
                self.push("local.get 1 local.get 0");
                self.condition();
                self.push("br_if 0 drop drop i32.const 5 local.get 1) local.set 0 local.set 1");
            }
            _ => self.push("call $other"),
        }
    }
}

/// A module of such code.
fn written(choices: &[u8]) -> Vec<u8> {
    let mut writer = Writer {
        choices: Unstructured::new(choices),
        text: String::new(),
        labels: vec![false],
        left: 60,
    };
    for _ in 0..4 {
        writer.statements();
    }
    let text = format!(
        "(module (type $two (func (result i32 i32)))
           (global $turns (mut i32) (i32.const 300))
           (global $sum (export \"sum\") (mut i32) (i32.const 0))
           (func $other (global.set $sum (i32.add (global.get $sum) (i32.const 1)))
             (block (br_if 0 (i32.const 1)) (global.set $sum (i32.const 0))))
           (func (export \"run\") (param i32) (local i32)
             (block $out (call $run (local.get 0)) ))
           (func $run (param i32) (local i32) {} local.get 1 global.set $sum))",
        writer.text
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Fuel for what a call executes is at most this, even in short loops out of which branches jump.
fn bound(executed: u64) -> u64 {
    5 * executed + 40
}

proptest! {
    #[test]
    fn code_of_compilers_does_the_same(choices in prop::collection::vec(any::<u8>(), 50..2000)) {
        let module = written(&choices);
        for Figures { fuel, executed } in compare(&module) {
            prop_assert!(fuel <= bound(executed), "{}: {fuel} for {executed}", save(&module));
        }
    }

    #[test]
    fn random_modules_do_the_same(
        data in prop::collection::vec(any::<u8>(), 100..4000),
        multi_value: bool,
    ) {
        if let Some(module) = smith(&data, multi_value) {
            compare(&module);
        }
    }
}

/// Over many programs of short branches, fuel is less than twice what they execute.
#[test]
fn fuel_is_near_what_is_executed() {
    let mut choices = 1u64;
    let mut sum = Figures::default();
    for _ in 0..150 {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            choices = choices
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (choices >> 56) as u8
        })
        .take(1000)
        .collect();
        for figures in compare(&written(&bytes)) {
            sum.fuel += figures.fuel;
            sum.executed += figures.executed;
        }
    }
    assert!(sum.executed > 30_000, "{sum:?}");
    assert!(sum.fuel < sum.executed * 2, "{sum:?}");
}

/// Each operator of one byte that takes numbers costs one unit, with those that give it its operands, and
/// one more for the function.
#[test]
fn each_operator_is_charged_as_the_model_says() {
    use super::operators::{Class, cost};
    let engine = engine();
    let types: [(u8, &str); 4] = [(0x7F, "i32"), (0x7E, "i64"), (0x7D, "f32"), (0x7C, "f64")];
    let mut found = 0;
    for operator in 0x45..=0xC4u8 {
        let one = types.iter().map(|ty| vec![*ty]);
        let two = types.iter().map(|ty| vec![*ty, *ty]);
        let accepted = one.chain(two).find_map(|operands| {
            let body: Vec<u8> = (0..operands.len() as u8)
                .flat_map(|local| [0x20, local])
                .chain([operator, 0x1A, 0x0B])
                .collect();
            let types: Vec<u8> = operands.iter().map(|(ty, _)| *ty).collect();
            let module = function(&types, &body);
            let module = Module::new(&engine, &module).ok()?;
            Some((operands.len() as u64, module))
        });
        let (operands, module) = accepted.unwrap_or_else(|| panic!("{operator:x}"));
        let seen = run(&module, "run", LIMIT);
        assert_eq!(seen.fuel, 1 + operands + 1, "{operator:x}");
        let class = match operands {
            1 => Class::Unary,
            _ => Class::Binary,
        };
        assert_eq!(Class::of(operator), class, "{operator:x}");
        assert_eq!(cost(operator), Some(1));
        found += 1;
    }
    assert_eq!(found, 128);
}

/// A module with one function.
fn function(params: &[u8], body: &[u8]) -> Vec<u8> {
    let mut module = begin(0).unwrap();
    let mut ty = vec![1, 0x60];
    push_name(&mut ty, params);
    ty.push(0);
    push_section(&mut module, id::TYPE, &ty);
    push_section(&mut module, id::FUNCTION, &[1, 0]);
    let mut export = vec![1];
    push_name(&mut export, b"run");
    export.extend_from_slice(&[kind::FUNCTION, 0]);
    push_section(&mut module, id::EXPORT, &export);
    let mut code = vec![1];
    push_name(&mut code, &[&[0], body].concat());
    push_section(&mut module, id::CODE, &code);
    module
}

/// What runs besides numbers, by its text: fuel of a function with it, its own unit included.
const CHARGED: &[(&str, u64)] = &[
    ("", 1),
    ("nop", 1),
    ("(block (block))", 1),
    ("(loop)", 2),
    ("return", 1),
    ("(drop (i32.const 1))", 2),
    ("(drop (i64.const 1))", 2),
    ("(drop (f32.const 1))", 2),
    ("(drop (f64.const 1))", 2),
    ("(local.set $i (local.tee $i (local.get $i)))", 4),
    ("(global.set $g (global.get $g))", 3),
    ("(drop (global.get $c))", 2),
    (
        "(drop (select (local.get $i) (local.get $i) (local.get $i)))",
        5,
    ),
    (
        "(drop (select (result i32) (local.get $i) (i32.const 1) (local.get $i)))",
        5,
    ),
    // The engine would leave out the comparison.
    (
        "(drop (select (local.get $i) (i32.const 1) (i32.eqz (local.get $i))))",
        8,
    ),
    (
        "(drop (select (local.get $i) (i32.const 1) (i32.gt_u (local.get $i) (i32.const 1))))",
        7,
    ),
    (
        "(drop (select (local.get $i) (i32.const 1) (i64.eqz (i64.load (local.get $i)))))",
        7,
    ),
    ("(drop (i32.load (local.get $i)))", 3),
    ("(drop (f64.load (local.get $i)))", 3),
    ("(i64.store32 (local.get $i) (i64.const 1))", 4),
    ("(drop (memory.size))", 2),
    ("(drop (memory.grow (i32.const 0)))", 3),
    ("(drop (memory.grow (local.get $i)))", 3),
    ("(drop (memory.grow (i32.const 1)))", 3),
    ("(drop (table.grow (ref.null func) (local.get $i)))", 4),
    ("(drop (table.grow (ref.null func) (i32.const 1)))", 4),
    ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))", 5),
    ("(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))", 5),
    (
        "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))",
        5,
    ),
    ("(data.drop $d)", 2),
    (
        "(table.init $e (i32.const 0) (i32.const 0) (i32.const 0))",
        5,
    ),
    ("(elem.drop $e)", 2),
    ("(table.copy (i32.const 0) (i32.const 0) (i32.const 0))", 5),
    (
        "(table.fill (i32.const 0) (ref.null func) (i32.const 0))",
        5,
    ),
    ("(table.set (i32.const 0) (ref.func $f))", 4),
    ("(drop (table.get (i32.const 0)))", 3),
    ("(drop (table.size))", 2),
    ("(drop (table.grow (ref.null func) (i32.const 0)))", 4),
    ("(drop (ref.is_null (ref.null func)))", 3),
    // A function that is called has a unit of its own.
    ("(call $f)", 3),
    ("(return_call $f)", 3),
    ("(call_indirect (i32.const 1))", 4),
    ("(return_call_indirect (i32.const 1))", 4),
    // So has an arm that is entered, and only that.
    ("(if (local.get $i) (then (drop (i32.const 1))))", 3),
    (
        "(if (i32.eqz (local.get $i)) (then (drop (i32.const 1))))",
        6,
    ),
    (
        "(if (local.get $i) (then (drop (i32.const 1))) (else (drop (i32.const 1)) (drop (i32.const 1))))",
        6,
    ),
    ("(br 0)", 2),
    ("(br_if 0 (local.get $i))", 3),
    ("(block (br_table 0 0 (local.get $i)))", 3),
    // The engine folds conditions: they are hidden from it.
    ("(if (i32.const 0) (then (drop (i32.const 1))))", 3),
    (
        "(if (i32.const 0) (then (drop (i32.const 1))) (else (drop (i32.const 1)) (drop (i32.const 1))))",
        6,
    ),
    // Which costs one more where they are true, and two where they are computed.
    ("(if (i32.const 5) (then (drop (i32.const 1))))", 6),
    (
        "(if (i32.eqz (i32.const 0)) (then (drop (i32.const 1))))",
        8,
    ),
    // What never runs costs nothing.
    ("(br 0) (drop (i32.const 1))", 2),
    (
        "(block (br 1)) (drop (i32.const 1)) (block (drop (i32.const 1)))",
        2,
    ),
];

#[test]
fn each_construct_is_charged_as_the_model_says() {
    let engine = engine();
    for (body, fuel) in CHARGED {
        let text = format!(
            "(module (memory 1) (data $d \"x\") (table 2 funcref) (elem $e func $f) (elem (i32.const 1) $f)
               (global $g (mut i32) (i32.const 0)) (global $c i32 (i32.const 0))
               (func $f) (func (export \"run\") (local $i i32) {body}))"
        );
        let module = rewritten(&wat::parse_str(&text).unwrap());
        let module = Module::new(&engine, module).unwrap();
        let seen = run(&module, "run", LIMIT);
        assert_eq!((seen.fuel, seen.trapped), (*fuel, false), "{body}");
    }
}

/// A branch that is always taken, over a thousand operators, costs next to nothing; so do the cases of a
/// table that are not chosen.
#[test]
fn code_that_is_jumped_over_is_not_charged() {
    let engine = engine();
    let fuel = |body: &str| {
        let text = format!(
            "(module (func (export \"run\") (local $n i32) (local $a i32)
               (local.set $n (i32.const 1000))
               (loop $again
                 {body}
                 (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"
        );
        let module = rewritten(&wat::parse_str(&text).unwrap());
        run(&Module::new(&engine, module).unwrap(), "run", LIMIT).fuel
    };
    let plain = fuel("");
    let long = "(local.set $a (i32.add (local.get $a) (i32.const 7)))".repeat(250);
    let jumped = fuel(&format!(
        "(block $skip (br_if $skip (local.get $n)) {long})"
    ));
    assert!(jumped <= plain * 2, "{jumped} for {plain}");
    let cases = "end local.get $a i32.const 7 i32.add local.set $a br 0 ".repeat(100);
    let table = format!(
        "block {} local.get $n i32.const 1000 i32.add br_table 0 0 100 {cases} end",
        "block ".repeat(100)
    );
    let chosen = fuel(&table);
    assert!(chosen <= plain * 3, "{chosen} for {plain}");
}

/// Nothing that grows is left to the engine, but for what it makes `memory.size` or `table.size`.
fn check_growth(module: &[u8]) {
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else {
            continue;
        };
        let mut before = Operator::Nop;
        for operator in body.get_operators_reader().unwrap() {
            let operator = operator.unwrap();
            if matches!(
                operator,
                Operator::MemoryGrow { .. } | Operator::TableGrow { .. }
            ) {
                assert!(
                    matches!(before, Operator::I32Const { value: 0 }),
                    "{}",
                    save(module)
                );
            }
            before = operator;
        }
    }
}

/// The tables of a module have the indices that they had, and each of its tables grows by itself, also in
/// modules without a section of tables or exports.
#[test]
fn growing_is_the_hosts() {
    let engine = engine();
    let module = |rest: &str| {
        let text = format!("(module {rest})");
        let module = rewritten(&wat::parse_str(&text).unwrap());
        check_growth(&module);
        Module::new(&engine, module).unwrap()
    };
    let alone = module("(memory 1) (func (drop (memory.grow (i32.const 1))))");
    let exports: Vec<&str> = alone.exports().map(|export| export.name()).collect();
    assert_eq!(exports, [GROWTH_EXPORT, MEMORY_EXPORT]);
    let none = module(
        "(memory 1) (func (drop (memory.grow (i32.const 0))) (unreachable) (drop (memory.grow)))",
    );
    assert_eq!(none.exports().count(), 0);
    let several = module(
        "(memory 1 3) (table $a 1 funcref) (table $b 1 4 externref) (table $c 1 funcref)
           (elem (table $c) (i32.const 0) func $seven) (func $seven (result i32) (i32.const 7))
           (func (export \"run\") (result i32 i32 i32 i32 i32 i32 i32) (local i32)
             (local.set 0 (i32.const 2))
             (memory.grow (local.get 0)) (memory.grow (local.get 0))
             (table.grow $b (ref.null extern) (local.get 0))
             (table.grow $b (ref.null extern) (local.get 0))
             (table.grow $c (ref.func $seven) (local.get 0))
             (table.size $a)
             (call_indirect $c (result i32) (i32.const 2)))",
    );
    let seen = run(&several, "run", LIMIT);
    let expected = "None I32(1) I32(-1) I32(1) I32(-1) I32(1) I32(1) I32(7) ";
    assert!(seen.text.starts_with(expected), "{}", seen.text);
}
/// The engine leaves out a comparison with zero before a `select`, and then decides by what its register
/// held before. The code that runs keeps them apart.
#[test]
fn a_select_by_a_comparison_with_zero_takes_the_right_operand() {
    let engine = engine();
    // Each leaves 1, since $zero is 0. What the register holds before is 32.
    for selected in [
        "(select (i32.const 1) (i32.const 9) (i32.eqz (local.get $zero)))",
        "(select (i32.const 1) (local.get $zero) (i32.eqz (local.get $zero)))",
        "(select (i32.const 9) (i32.const 1) (i32.eqz (i32.eqz (local.get $zero))))",
        "(select (i32.const 1) (i32.const 9) (i32.eq (local.get $zero) (i32.const 0)))",
        "(select (i32.const 1) (i32.const 9) (i32.eq (i32.const 0) (local.get $zero)))",
        "(select (i32.const 9) (i32.const 1) (i32.ne (local.get $zero) (i32.const 0)))",
        "(select (i32.const 9) (i32.const 1)
           (i32.ne (local.get $zero) (i32.sub (i32.const 2) (i32.const 2))))",
        "(select (result i32) (i32.const 1) (i32.const 9) (i32.eqz (local.get $zero)))",
        "(select (i32.const 1) (i32.const 9) (ref.is_null (local.get $null)))",
        "(i32.wrap_i64 (select (i64.const 1) (i64.const 9) (i32.eqz (local.get $zero))))",
        "(i32.trunc_f32_s (select (f32.const 1) (f32.const 9) (i32.eqz (local.get $zero))))",
        "(i32.trunc_f64_s (select (f64.const 1) (f64.const 9) (i32.eqz (local.get $zero))))",
        "(select (i32.const 1) (i32.const 9) (loop (result i32) (i32.eqz (local.get $zero))))",
        "(select (i32.const 1) (i32.const 9) (block (result i32) (i32.eqz (local.get $zero))))",
        "(select (i32.const 1) (i32.const 9) (i32.eqz (local.get $zero)) (nop))",
        "(select (i32.const 1) (i32.const 9) (i32.eqz (local.get $zero)) (drop (i32.const 5)))",
        "(select (i32.const 1) (i32.const 9) (i32.eqz (local.get $zero)) (drop (local.get $zero)))",
        "(select (i32.const 1) (i32.const 9) (i32.eqz (call $identity (local.get $zero))))",
        "(select (i32.const 1) (i32.const 9) (i32.eqz (local.tee $zero (i32.const 0))))",
        "(select (i32.const 1) (i32.const 9) (i32.shl (i32.eqz (local.get $zero)) (i32.const 32)))",
        "(select (i32.const 9) (i32.const 1)
           (i64.eqz (i64.extend_i32_u (i32.eqz (local.get $zero)))))",
        "(select (i32.const 1) (i32.const 9)
           (i64.ne (i64.extend_i32_u (i32.eqz (local.get $zero))) (i64.const 0)))",
        "(select (i32.const 1) (i32.const 9)
           (i64.ne (i64.const 0) (i64.extend_i32_u (i32.eqz (local.get $zero)))))",
        "(select (i32.const 1) (i32.const 9) (i64.ne (i64.extend_i32_u (i32.eqz (local.get $zero)))
           (i64.sub (i64.const 1) (i64.const 1))))",
        "(select (i32.const 1) (i32.const 9)
           (select (i32.eqz (local.get $zero)) (i32.const 0) (i32.const 1)))",
        #[cfg(feature = "simd")]
        "(i32x4.extract_lane 0 (select (v128.const i32x4 1 1 1 1) (v128.const i32x4 9 9 9 9)
           (i32.eqz (local.get $zero))))",
    ] {
        let text = format!(
            "(module (func $identity (param i32) (result i32) (local.get 0))
               (func (export \"run\") (result i32) (local $zero i32) (local $null funcref) (local i32)
                 (i32.add (i32.clz (local.get 2)) {selected})))"
        );
        let module = wat::parse_str(&text).unwrap();
        let runs = Module::new(&engine, rewritten(&module)).unwrap();
        let seen = run(&runs, "run", LIMIT);
        assert_eq!(seen.text, "None I32(33) ", "{selected}");
    }
}

/// Far offsets have a form of their own in the engine, which it reads as long as it was written only where it has
/// code for memories of 64 bits.
#[cfg(feature = "simd")]
#[test]
fn lanes_are_stored_far_from_the_pointer() {
    let engine = engine();
    for (lane, store, load, expected) in [
        ("7", "v128.store8_lane", "i32.load8_u", 7),
        ("3", "v128.store16_lane", "i32.load16_u", 0x0706),
        ("1", "v128.store32_lane", "i32.load", 0x0706_0504),
        ("0", "v128.store64_lane", "i32.load", 0x0302_0100),
    ] {
        for pointer in [
            "(local.get $p)",
            "(i32.add (local.get $p) (local.get $p))",
            "(i32.const 0)",
        ] {
            let text = format!(
                "(module (memory 2) (func (export \"run\") (result i32) (local $p i32) (local $v v128)
                   (local.set $v (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))
                   ({store} offset=70000 {lane} {pointer} (local.get $v))
                   ({load} offset=70000 (local.get $p))))"
            );
            let module = rewritten(&wat::parse_str(&text).unwrap());
            let seen = run(&Module::new(&engine, module).unwrap(), "run", LIMIT);
            assert_eq!(seen.text, format!("None I32({expected}) "), "{text}");
        }
    }
}
