//! A module that is small but expensive to compile is refused by counting, before the engine sees it.
//! One just below every limit costs little, and real programs stay far below.
#![cfg(target_os = "linux")]

use crate::hostile;

use hostile::{
    bombs,
    child::{self, ATTACK},
};
use serde_json::{Value, json};
use tollgate::{Config, Error, Inspection, Limits, LoadError, ModuleCache, ModuleLimits, Runtime};

type Bomb = fn() -> Vec<u8>;

/// Each bomb, and the limit that it breaks.
const REFUSED: &[(&str, Bomb, &str)] = &[
    ("bytes", || vec![0; 65 << 20], "bytes"),
    ("locals", || bombs::locals(10_000, 30_000), "locals_of_one"),
    ("all locals", || bombs::locals(501, 10_000), "locals"),
    ("blocks", || bombs::wide_blocks(100_000, 1_000), "params"),
    (
        "branches",
        || bombs::wide_branches(75_000, 1_000),
        "results",
    ),
    (
        "table of branches",
        || bombs::wide_table(100_000, 1_000),
        "results",
    ),
    ("calls", || bombs::wide_calls(150_000, 1_000), "params"),
    (
        "blocks of allowed types",
        || bombs::wide_blocks(100_000, 32),
        "carried_values",
    ),
    (
        "branches of allowed types",
        || bombs::wide_branches(75_000, 32),
        "carried_values",
    ),
    (
        "branches of one value",
        || bombs::wide_branches(500_000, 1),
        "carried_values",
    ),
    (
        "table of allowed types",
        || bombs::wide_table(100_000, 32),
        "carried_values",
    ),
    ("nesting", || bombs::nesting(1_000_000), "nesting"),
    ("nesting for ever", || bombs::nesting(1_390_000), "nesting"),
    ("functions", || bombs::functions(900_000), "functions"),
    (
        "long function",
        || bombs::short_instructions(5_000_000),
        "function_bytes",
    ),
    ("types", || bombs::types(900_000), "types"),
    ("exports", || bombs::exports(99_000), "exports"),
    ("imports", || bombs::imports(99_000), "imports"),
    ("globals", || bombs::globals(900_000), "globals"),
    (
        "elements",
        || bombs::elements(1, 9_000_000),
        "element_bytes",
    ),
    (
        "element segments",
        || bombs::elements(99_000, 1),
        "element_segments",
    ),
    (
        "data segments",
        || bombs::data_segments(100_001),
        "data_segments",
    ),
    (
        "custom sections",
        || bombs::custom_sections(5, 10 << 20),
        "custom_bytes",
    ),
    (
        "sum in a global",
        || bombs::long_constant(bombs::Place::Global, 300_000),
        "constant_operators",
    ),
    (
        "sum in a data segment",
        || bombs::long_constant(bombs::Place::Data, 300_000),
        "constant_operators",
    ),
    (
        "sum in an element segment",
        || bombs::long_constant(bombs::Place::Element, 300_000),
        "constant_operators",
    ),
    (
        "sections",
        || bombs::custom_sections(200_001, 2),
        "sections",
    ),
];

/// Each bomb just below the limit.
const CHEAP: &[(&str, Bomb)] = &[
    ("locals", || bombs::locals(499, 10_000)),
    ("branches", || bombs::wide_branches(26_000, 32)),
    ("branches of one value", || bombs::wide_branches(299_000, 1)),
    ("table of branches", || bombs::wide_table(26_000, 32)),
    ("table", || bombs::wide_table(100_000, 0)),
    ("blocks", || bombs::wide_blocks(7_500, 32)),
    ("calls", || bombs::wide_calls(16_000, 32)),
    ("nesting", || bombs::nesting(50_000)),
    ("functions", || bombs::functions(99_990)),
    ("types", || bombs::types(9_990)),
    ("exports", || bombs::exports(9_990)),
    ("globals", || bombs::globals(10_000)),
    ("elements", || bombs::elements(1, 1_000_000)),
    ("element segments", || bombs::elements(10_000, 1)),
    ("data segments", || bombs::data_segments(99_990)),
    ("copies of a local", || bombs::copies(50_000, 50_000, false)),
    ("copies before blocks", || {
        bombs::copies(10_000, 10_000, true)
    }),
    ("custom sections", || bombs::custom_sections(100_000, 10)),
    ("tables", || bombs::tables(16, 62_500)),
    ("sum in a global", || {
        bombs::long_constant(bombs::Place::Global, 49)
    }),
    ("sum in a data segment", || {
        bombs::long_constant(bombs::Place::Data, 49)
    }),
    ("sum in an element segment", || {
        bombs::long_constant(bombs::Place::Element, 49)
    }),
];

#[test]
fn each_is_refused_by_the_limit_it_breaks() {
    for (name, bomb, limit) in REFUSED {
        let ended =
            child::run(module_path!(), name, &bomb()).unwrap_or_else(|error| panic!("{error}"));
        let text = ended.outcome.as_str().unwrap();
        let advice = format!("raise ModuleLimits::{limit}");
        assert!(text.ends_with(&advice), "{name}: {text}");
        assert!(ended.grew < 16 << 20, "{name}: {} bytes", ended.grew);
    }
}

#[test]
fn each_is_cheap_just_below_the_limits() {
    for (name, bomb) in CHEAP {
        let ended =
            child::run(module_path!(), name, &bomb()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(ended.outcome, json!("answered"), "{name}");
        assert!(ended.grew < 64 << 20, "{name}: {} bytes", ended.grew);
    }
}

#[test]
#[ignore = "run by the tests above, in processes of their own"]
fn the_task() {
    child::perform(ATTACK, |_, module| run(&module));
}

fn run(module: &[u8]) -> Value {
    let runtime = Runtime::new().unwrap();
    let plugin = match runtime.load("odd", module) {
        Ok(plugin) => plugin,
        Err(error) => return error.report().into(),
    };
    match plugin.observe(&Config::new()) {
        Ok(_) => "answered".into(),
        Err(error) => error.report().into(),
    }
}

fn refusal(runtime: &Runtime, module: &[u8]) -> Option<LoadError> {
    match runtime.load("odd", module) {
        Ok(_) => None,
        Err(Error::Load { problem, .. }) => Some(problem),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_limit_can_be_raised_and_lowered() {
    let module = bombs::locals(1, 20_000);
    let refused = refusal(&Runtime::new().unwrap(), &module).unwrap();
    assert_eq!(
        refused,
        LoadError::TooMuch {
            what: "locals in one function",
            found: 20_000,
            limit: 10_000,
            name: "locals_of_one",
        }
    );
    let raised = ModuleLimits {
        locals_of_one: 20_000,
        ..ModuleLimits::default()
    };
    let runtime = Runtime::builder().module_limits(raised).build().unwrap();
    assert_eq!(refusal(&runtime, &module), None);
    let lowered = ModuleLimits {
        functions: 3,
        ..ModuleLimits::default()
    };
    let runtime = Runtime::builder().module_limits(lowered).build().unwrap();
    assert!(refusal(&runtime, &module).is_some());
}

/// What one runtime allowed, another that shares its compiled modules does not get by the way.
#[test]
fn a_shared_cache_does_not_share_the_limits() {
    let (cache, module) = (ModuleCache::new(), bombs::locals(1, 100));
    let generous = Runtime::builder().module_cache(cache.clone());
    let generous = generous.build().unwrap();
    assert_eq!(refusal(&generous, &module), None);
    let limits = ModuleLimits {
        locals: 99,
        ..ModuleLimits::default()
    };
    let strict = Runtime::builder().module_cache(cache).module_limits(limits);
    assert!(refusal(&strict.build().unwrap(), &module).is_some());
}

#[test]
fn real_programs_stay_far_below_every_limit() {
    for fixture in [
        "go-file/go-file",
        "file/file",
        "c-file/c-file",
        "as-file/as-file",
        "net/net",
    ] {
        let module = std::fs::read(format!("fixtures/{fixture}.wasm")).unwrap();
        let seen = Inspection::new(&module, &Limits::default()).unwrap();
        assert!(seen.measured.len() > 15);
        for measured in seen.measured {
            // Go cuts its data to as many segments as engines take.
            let room = if measured.name == "data_segments" {
                1
            } else {
                4
            };
            assert!(
                measured.found <= measured.limit / room,
                "{fixture}: {measured:?}"
            );
        }
        assert_eq!(seen.problems, Vec::<String>::new());
    }
}

/// Every import that this host does not offer is a problem of its own, and names what it offers.
#[test]
fn a_list_of_problems_is_cut() {
    let error = refusal(&Runtime::new().unwrap(), &bombs::imports(900)).unwrap();
    let text = error.to_string();
    assert!(text.len() < 10_000, "{}", text.len());
    assert!(text.ends_with("; and 884 more"), "{text}");
}
