//! The module that runs is not the module that was loaded: it must do the same, and its fuel must be what
//! is executed, within a bound. For random modules: results, traps, globals, tables and memory are
//! those of the bare engine on the module as it was loaded, and fuel is held against an exact count. The
//! plugin has a small native stack, which soon overflows if the engine leaves frames there.

use crate::{
    exact::{Bare, Counted, Ended, instrument, instrument_plugin, read_counted},
    random_modules::{as_plugin, smith, structured},
};

use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestCaseResult},
};
use serde_json::{Value, json};
use std::thread;
use tollgate::{Config, Error, FuelLimit, Runtime, Usage, abi::sha256};
use wasmi::TrapCode;

/// Fuel for what is executed: between these parts of the exact count, in hundredths.
const LEAST: u64 = 95;
const MOST: u64 = 150;

/// And so much more each time that a region is entered: for the entry itself, and for what belongs to
/// the region and is not executed: a few short pieces, and conditions that are hidden from the engine.
const MOST_FOR_AN_ENTRY: u64 = 64;

/// The same where operands lie on the stack across blocks, as compilers hardly write it: such code keeps the
/// region of the code around it. A body of these modules is smaller than this.
const MOST_OF_A_BODY: u64 = 10_000;

/// What ends a module that runs for too long on the bare engine.
const FUEL: u64 = 20_000_000;

/// Bytes of the config and of the result that are moved, a unit each.
fn moved(usage: Usage) -> u64 {
    usage.bytes_in + usage.bytes_out
}

/// Bytes of native stack for a plugin: an engine that leaves frames there soon has none left.
const SMALL: usize = 256 << 10;

/// Bytes for the bare engine, which does where a module grows its memory.
const LARGE: usize = 1 << 30;

fn on_stack<T: Send>(bytes: usize, run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(bytes);
        let result = thread.spawn_scoped(scope, run).unwrap().join();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// How a call ended, what it used, and the digest of its final memory.
struct Run {
    outcome: Result<Value, String>,
    usage: Usage,
    memory: String,
}

fn run(module: &[u8], config: &Config) -> Run {
    let runtime = Runtime::builder()
        .fuel(FuelLimit::Unlimited)
        .build()
        .unwrap();
    let plugin = runtime.load("random", module);
    let plugin = plugin.unwrap_or_else(|error| panic!("{}", error.report()));
    let recording = on_stack(SMALL, || {
        plugin.observe_recorded(config, Vec::new()).unwrap()
    });
    let last = recording
        .sink
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.is_empty());
    let last: Value = serde_json::from_slice(last.unwrap()).unwrap();
    let usage = match &recording.outcome {
        Ok(seen) => seen.usage,
        Err(error) => *error.usage().unwrap(),
    };
    let outcome = recording
        .outcome
        .map(|seen| Value::Object(seen.evidence.data));
    Run {
        outcome: outcome.map_err(|error: Error| error.report()),
        usage,
        memory: last["memory"].as_str().unwrap().to_owned(),
    }
}

/// What was the same, for the tests to see that enough was compared.
#[derive(Debug, PartialEq, Eq)]
enum Compared {
    /// The module ran to its end.
    Returned(Counted),
    Trapped,
    /// It ran for too long, or was refused memory, which plugins are told in their own way.
    No,
}

/// Compares a plugin by both ways, for one config.
fn compare(
    module: &[u8],
    config: &Config,
    text: &str,
    entry: u64,
) -> Result<Compared, TestCaseError> {
    let mut bare = match Bare::new(module, Some(FUEL)) {
        Ok(bare) => bare,
        // It traps when it is instantiated.
        Err(_) => return Ok(Compared::No),
    };
    let expected = on_stack(LARGE, || bare.observe(text.as_bytes()));
    let ran = run(module, config);
    let trap = match expected {
        Ok(evidence) => {
            let evidence: Value = serde_json::from_slice(&evidence).unwrap();
            let data = evidence.get("data").cloned();
            let data = data.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
            prop_assert_eq!(ran.outcome, Ok(data));
            None
        }
        Err(Ended::Trap(TrapCode::OutOfFuel)) => return Ok(Compared::No),
        Err(Ended::Trap(code)) => {
            let report = ran.outcome.unwrap_err();
            if report.contains("limit exceeded") {
                return Ok(Compared::No);
            }
            if code == TrapCode::StackOverflow {
                prop_assert!(report.contains("overflowed the stack"), "{}", report);
                return Ok(Compared::No);
            }
            prop_assert!(
                report.contains(&code.to_string()),
                "{report}, and not {code}"
            );
            Some(code)
        }
        Err(Ended::Other(error)) => panic!("{error}"),
    };
    prop_assert_eq!(ran.memory, sha256::hex(&sha256::digest(bare.memory())));

    let mut counting = Bare::new(&instrument(module), None).unwrap();
    let again = on_stack(LARGE, || counting.observe(text.as_bytes()));
    prop_assert_eq!(again.is_err(), trap.is_some());
    let counted = counting.counted();
    let fuel = ran.usage.fuel - moved(ran.usage);
    prop_assert!(
        fuel >= counted.operators * LEAST / 100,
        "{fuel} units for {counted:?}"
    );
    let most = counted.operators * MOST / 100 + counted.entries * entry;
    prop_assert!(fuel <= most, "{fuel} units for {counted:?}");
    Ok(match trap {
        Some(_) => Compared::Trapped,
        None => Compared::Returned(counted),
    })
}

/// Once without a digest, for the fuel, and once with it, for the state.
fn is_the_same(module: &[u8], entry: u64) -> Result<Compared, TestCaseError> {
    let plugin = as_plugin(module);
    let digest = Config::new().set("d", 1);
    compare(&plugin, &digest, r#"{"d":1}"#, entry)?;
    compare(&plugin, &Config::new(), "{}", entry)
}

fn choices(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), most / 4..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::support::tenth(1000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_as_compilers_write_them(choices in choices(600)) {
        is_the_same(&structured(&choices), MOST_FOR_AN_ENTRY)?;
    }

    #[test]
    fn modules_of_anything(bytes in choices(4000)) {
        if let Some(module) = smith(&bytes) {
            is_the_same(&module, MOST_OF_A_BODY)?;
        }
    }
}

/// The most fuel for what a fixture executes, in hundredths of the exact count.
const MOST_OF_A_FIXTURE: u64 = 150;

/// Plugins as they are written, in Go, Rust and C: the exact count is made by the plugin itself, under the
/// library, so that host functions count as they are.
#[test]
fn the_fuel_of_plugins_is_what_they_execute() {
    let hello = json!({"name": "Ada Lovelace"});
    let go = json!({"op": "observe", "path": "/nowhere/at/all"});
    let bytecode = |program: &str| json!({"program": program, "turns": 1});
    let search = |machine: &str| json!({"pattern": "(ERROR|WARN) .*[a-z]+@", "machine": machine, "lines": 3});
    for (name, config) in [
        ("hello", hello),
        ("go-file", go),
        ("interpreter", bytecode("collatz")),
        ("interpreter", bytecode("sieve")),
        ("interpreter", bytecode("hash")),
        ("matcher", search("backtrack")),
        ("matcher", search("simulate")),
    ] {
        let module = std::fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap();
        let config = config.to_string();
        let runtime = Runtime::builder()
            .fuel(FuelLimit::Unlimited)
            .build()
            .unwrap();
        let observe = |name: &str, module: &[u8]| {
            let mut instance = runtime.load(name, module).unwrap().instance().unwrap();
            let result = instance.observe_bytes(config.as_bytes()).unwrap();
            (instance.usage(), result)
        };
        let (usage, _) = observe(name, &module);
        let fuel = usage.fuel - moved(usage);
        let exact = read_counted(&observe("counting", &instrument_plugin(&module)).1).operators;
        assert!(
            fuel >= exact * LEAST / 100,
            "{name} {config}: {fuel} for {exact}"
        );
        assert!(
            fuel <= exact * MOST_OF_A_FIXTURE / 100,
            "{name} {config}: {fuel} for {exact}"
        );
    }
}

/// The random modules are worth comparing: most run, some for long, some trap.
#[test]
fn random_modules_do_something() -> TestCaseResult {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = [(0, 0, 0); 2];
    for _ in 0..60 {
        let mut bytes = |most| choices(most).new_tree(&mut runner).unwrap().current();
        let modules = [Some(structured(&bytes(600))), smith(&bytes(4000))];
        for ((returned, trapped, long), module) in seen.iter_mut().zip(modules) {
            let Some(module) = module else { continue };
            match is_the_same(&module, MOST_OF_A_BODY)? {
                Compared::Returned(counted) => {
                    *returned += 1;
                    *long += u32::from(counted.operators > 5_000);
                }
                Compared::Trapped => *trapped += 1,
                Compared::No => {}
            }
        }
    }
    let [structured, smith] = seen;
    assert!(
        structured.0 >= 20 && structured.1 >= 5 && structured.2 >= 10,
        "{structured:?}"
    );
    assert!(smith.0 + smith.1 >= 20, "{smith:?}");
    Ok(())
}
