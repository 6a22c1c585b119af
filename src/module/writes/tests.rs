use super::*;
use crate::{
    limits::{ModuleLimits, StackLimit},
    module::{Instruments, config, instrument, read, write},
};
use proptest::prelude::*;
use wasmi::{CompilationMode, Engine, Linker, Module, Store};

const PAGES: u32 = 8;
const BLOCKS: u32 = PAGES * 16;

/// The module that runs, with marks or without.
fn written(module: &[u8], which: Instruments) -> Vec<u8> {
    let mut reading = read::read_with_runs(module, &ModuleLimits::default()).unwrap();
    let written = write::write_with(&mut reading, Some((which, StackLimit::default())));
    written.unwrap().bytes
}

fn mark(module: &[u8]) -> Vec<u8> {
    written(module, Instruments::WRITES)
}

/// The memory after a call of `run`, and how that ended.
fn run(module: &[u8]) -> (Vec<u8>, String, Option<Vec<u32>>) {
    let mut config = config(StackLimit::default(), CompilationMode::Eager);
    instrument::set_costs(&mut config);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, module).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_fuel(1_000_000_000).unwrap();
    let instance = Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .unwrap();
    let run = instance.get_typed_func::<i32, ()>(&store, "run").unwrap();
    let outcome = run.call(&mut store, 70_000);
    let memory = instance.get_memory(&store, "memory").unwrap();
    let bytes = memory.data(&store).to_vec();
    let notes = instance.get_memory(&store, "tollgate:notes").unwrap();
    let marks = instance.get_global(&store, LISTED_EXPORT).map(|listed| {
        let listed = listed.get(&store).i64().unwrap().cast_unsigned();
        let mut written = Vec::new();
        match take(notes.data_mut(&mut store), listed, BLOCKS, &mut written) {
            true => written,
            false => (0..BLOCKS).collect(),
        }
    });
    (bytes, format!("{outcome:?}"), marks)
}

/// Runs a module with and without marks. Returns the blocks that are marked.
fn check(body: &str) -> Result<Vec<u32>, TestCaseError> {
    let text = format!(
        "(module
           (memory (export \"memory\") {PAGES})
           (global $g (mut i32) (i32.const 300000))
           (func $id (param i32) (result i32)
             (i32.store offset=8 (global.get $g) (i32.const 5)) (local.get 0))
           (func (export \"run\") (param $p i32)
             (local $a i32) (local $b i32) (local $zero i32) (local $n i32) (local $x i64)
             {body}))"
    );
    let module = wat::parse_str(&text).unwrap();
    let marked = mark(&module);
    let (plain, outcome, _) = run(&written(&module, Instruments::default()));
    let (same, same_outcome, written) = run(&marked);
    prop_assert_eq!(outcome, same_outcome, "{}", text);
    prop_assert!(plain == same, "{}", text);
    let written = written.unwrap();
    for (number, block) in (0..).zip(plain.chunks(4096)) {
        let changed = block.iter().any(|byte| *byte != 0);
        prop_assert!(
            !changed || written.contains(&number),
            "block {} of {}",
            number,
            text
        );
    }
    Ok(written)
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0u32..(PAGES << 16),
        1 => (1u32..(PAGES << 4)).prop_map(|block| (block << 12) - 1),
        1 => Just((PAGES << 16) - 8),
        1 => any::<u32>(),
    ]
}

fn local() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["$p", "$a", "$b"])
}

fn address() -> BoxedStrategy<String> {
    prop_oneof![
        6 => local().prop_map(|local| format!("(local.get {local})")),
        1 => Just("(local.get $zero)".to_owned()),
        2 => number().prop_map(|number| format!("(i32.const {number})")),
        1 => (local(), local(), number()).prop_map(|(to, from, number)| format!(
            "(local.tee {to} (i32.and (i32.add (local.get {from}) (i32.const {number})) (i32.const 0x7FFFF)))"
        )),
        1 => local().prop_map(|local| format!("(block (result i32) (local.get {local}))")),
        1 => local().prop_map(|local| format!("(call $id (local.get {local}))")),
        1 => local().prop_map(|local| format!("(select (local.get {local}) (i32.const 77) (local.get $n))")),
    ]
    .boxed()
}

/// A store, as its operator, the type of its value and the most that its offset can be.
fn store() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec![
        ("i32.store", "i32"),
        ("i32.store8", "i32"),
        ("i32.store16", "i32"),
        ("i64.store", "i64"),
        ("i64.store8", "i64"),
        ("i64.store16", "i64"),
        ("i64.store32", "i64"),
        ("f32.store", "f32"),
        ("f64.store", "f64"),
    ]);
    let offset = prop::sample::select(vec![
        0u32,
        0,
        0,
        4,
        8,
        100,
        4089,
        4095,
        4096,
        4097,
        8191,
        12_280,
        12_287,
        12_288,
        12_289,
        20_000,
        70_000,
        0xFFFF_FFF0,
    ]);
    (
        operator,
        offset,
        address(),
        prop::option::of((local(), number())),
    )
        .prop_map(|((operator, ty), offset, address, sets)| {
            let value = match (ty, sets) {
                ("i32", Some((local, number))) => {
                    format!(
                        "(i32.or (i32.const 0x01010101) (local.tee {local} (i32.const {number})))"
                    )
                }
                _ => format!("({ty}.const 7.25)")
                    .replace("7.25)", if ty.starts_with('f') { "7.25)" } else { "-1)" }),
            };
            format!("({operator} offset={offset} {address} {value})")
        })
}

fn statement() -> BoxedStrategy<String> {
    let length = prop_oneof![
        Just(0u32),
        1u32..5000,
        Just(28_672),
        Just(28_673),
        20_000u32..200_000
    ];
    let leaf = prop_oneof![
        8 => store(),
        3 => (local(), number()).prop_map(|(local, number)| format!("(local.set {local} (i32.const {number}))")),
        3 => (local(), local(), 0i32..20_000).prop_map(|(to, from, by)| format!(
            "(local.set {to} (i32.add (local.get {from}) (i32.const {})))", by - 10_000
        )),
        1 => (local(), length.clone()).prop_map(|(local, length)| format!(
            "(memory.fill (local.get {local}) (i32.const 9) (i32.const {length}))"
        )),
        1 => (address(), local(), length).prop_map(|(to, from, length)| format!(
            "(memory.copy {to} (local.get {from}) (i32.const {length}))"
        )),
        1 => local().prop_map(|local| format!("(drop (call $id (local.get {local})))")),
        1 => number().prop_map(|number| format!("(global.set $g (i32.const {}))", number & 0x7_FFFF)),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let body = || prop::collection::vec(inner.clone(), 1..6).prop_map(|all| all.join("\n"));
        prop_oneof![
            body().prop_map(|body| format!("(block {body})")),
            (body(), local(), body()).prop_map(|(first, local, second)| format!(
                "(block {first} (br_if 0 (i32.and (local.get {local}) (i32.const 1))) {second})"
            )),
            (body(), local(), body()).prop_map(|(first, local, second)| format!(
                "(if (i32.and (local.get {local}) (i32.const 2)) (then {first}) (else {second}))"
            )),
            body().prop_map(|body| format!(
                "(local.set $n (i32.const 3))
                 (loop $l {body}
                   (br_if $l (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))"
            )),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_marked(body in prop::collection::vec(statement(), 1..12)) {
        check(&body.join("\n"))?;
    }
}

#[test]
fn few_blocks_are_marked() {
    for (body, expected) in [
        ("", vec![]),
        ("(i32.store8 (i32.const 70000) (i32.const 1))", vec![17]),
        ("(i32.store (i32.const 69628) (i32.const 1))", vec![16]),
        ("(i32.store (i32.const 69629) (i32.const 1))", vec![16, 17]),
        // A frame, whose pointer is set once.
        (
            "(local.set $a (i32.sub (local.get $p) (i32.const 64)))
             (i32.store offset=4 (local.get $a) (i32.const 1))
             (i64.store offset=8 (local.get $a) (i64.const 1))
             (f64.store offset=48 (local.get $a) (f64.const 1))",
            vec![17, 18],
        ),
        // The list.
        (
            "(memory.fill (i32.const 81920) (i32.const 1) (i32.const 40961))",
            (20..=30).collect(),
        ),
    ] {
        let mut marked = check(body).unwrap();
        marked.retain(|block| *block >= FIRST_BLOCKS);
        assert_eq!(marked, expected, "{body}");
    }
}

#[test]
fn stores_by_one_local_share_a_mark() {
    let marks = |body: &str| {
        let text = format!("(module (memory 1) (func (param $p i32) (local $a i32) {body}))");
        let marked = mark(&wat::parse_str(text).unwrap());
        stores(&marked)
    };
    let store = "(i32.store (local.get $p) (i32.const 1)) (i32.store offset=4 (local.get $p) (i32.const 1))";
    assert_eq!(marks(store), 1);
    assert_eq!(marks(&format!("{store} (block {store}) {store}")), 1);
}

/// How many marks for two blocks a module has.
fn stores(module: &[u8]) -> usize {
    let mut stores = 0;
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        if let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() {
            for operator in body.get_operators_reader().unwrap() {
                let operator = operator.unwrap();
                stores += usize::from(matches!(operator, wasmparser::Operator::I32Store16 { .. }));
            }
        }
    }
    stores
}

#[test]
fn a_list_that_is_full_stands_for_everything() {
    let mut marks = vec![0; index(MARKS_BYTES)];
    let mut written = Vec::new();
    let full = u64::from(LIST_ENTRIES * LIST_ENTRY);
    assert!(take(&mut marks, full - 8, BLOCKS, &mut written));
    assert!(!take(&mut marks, full, BLOCKS, &mut written));
    assert!(!take(&mut marks, u64::MAX, BLOCKS, &mut written));
}
