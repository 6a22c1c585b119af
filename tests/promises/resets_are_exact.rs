//! A reset leads to exactly the memory that it promises, whatever the guest wrote, grew or trapped at, with
//! marks on what is written and without, and after a warm-up.

use crate::support::Guest;
use proptest::prelude::*;
use tollgate::{Error, Instance, Plugin, ProtocolError, Runtime, Unforkable, inspect::Instruments};

/// 12 bytes each: what is done, and two numbers.
type Step = (u8, u32, u32);

const PAGES: u32 = 6;

/// How the default guest frees: not at all.
const DEALLOCATE: &str = "(func (export \"deallocate\") (param i32 i32))";

/// A plugin whose config has it write wherever the config says, in all the ways that there are. Its heap
/// begins behind its memory.
fn writer() -> Vec<u8> {
    let guest = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"random_get\"
              (func $random (param i32 i32) (result i32)))",
        memory: "(memory (export \"memory\") 6)",
        allocate: format!(
            "(local $at i32)
             (local.set $at (i32.add (global.get $heap) (i32.const {})))
             (global.set $heap (i32.add (global.get $heap) (local.get $size)))
             (block $fits
               (loop $more
                 (br_if $fits (i32.le_u (i32.add (local.get $at) (local.get $size)) (i32.shl (memory.size) (i32.const 16))))
                 (br_if $fits (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
                 (br $more)))
             (local.get $at)",
            PAGES << 16
        ),
        observe: format!(
            "(local $a i32) (local $n i32) (local $frame i32) (local $end i32)
             (local.set $end (i32.add (local.get $config) (local.get $len)))
             (block $done
               (loop $next
                 (br_if $done (i32.gt_u (i32.add (local.get $config) (i32.const 12)) (local.get $end)))
                 (local.set $a (i32.load offset=4 (local.get $config)))
                 (local.set $n (i32.load offset=8 (local.get $config)))
                 (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
                   (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 (i32.load8_u (local.get $config))))
                   (i32.store8 (local.get $a) (local.get $n)) (br $9))
                   (i64.store offset=4090 (local.get $a) (i64.extend_i32_u (local.get $n))) (br $9))
                   (memory.fill (local.get $a) (i32.const 7) (local.get $n)) (br $9))
                   (memory.copy (local.get $a) (local.get $config) (local.get $n)) (br $9))
                   (drop (memory.grow (i32.and (local.get $n) (i32.const 1)))) (br $9))
                   (unreachable))
                   (drop (call $random (local.get $a) (local.get $n))) (br $9))
                   ;; A frame, below the one before.
                   (global.set $stack (local.tee $frame (i32.sub (global.get $stack) (i32.const 5000))))
                   (i32.store offset=4 (local.get $frame) (local.get $n))
                   (i64.store offset=4092 (local.get $frame) (i64.const -1))
                   (f64.store offset=4980 (local.get $frame) (f64.const 1)) (br $9))
                   ;; An address that is read from the memory, and a local that was set in between.
                   (i32.store (local.get $a) (block (result i32) (local.set $a (i32.const 3)) (i32.const -1)))
                   (i32.store16 offset=9000 (i32.load offset=4 (local.get $config)) (local.get $n)))
                 (local.set $config (i32.add (local.get $config) (i32.const 12)))
                 (br $next)))
             {}",
            Guest::default().observe
        ),
        more: "(global $heap (mut i32) (i32.const 0)) (global $stack (mut i32) (i32.const 200000))
               (data (i32.const 90000) \"something that was there before\")"
            .into(),
        ..Guest::default()
    };
    let frees = "(func (export \"deallocate\") (param i32 i32)
        (global.set $heap (i32.sub (global.get $heap) (local.get 1))))";
    let text = guest.wat().replace(DEALLOCATE, frees);
    wat::parse_str(text).unwrap()
}

fn plugins() -> Vec<(&'static str, Plugin)> {
    let runtime = Runtime::builder()
        .fuel(50_000_000)
        .memory_limit(tollgate::MemoryLimit::from_megabytes(1).unwrap())
        .build()
        .unwrap();
    let plain = runtime.load("odd", writer()).unwrap();
    let with = |which| plain.instrumented(which).unwrap();
    vec![
        ("marked", with(Instruments::WRITES)),
        (
            "with all instruments",
            with(Instruments::WRITES | Instruments::COVERAGE | Instruments::COMPARISONS),
        ),
        ("plain", plain),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![20 => 0u8..4, 1 => 4u8..6, 9 => 6u8..9];
    let place = prop_oneof![
        20 => 0u32..(PAGES << 16) - 14_000,
        2 => (1u32..80).prop_map(|block| (block << 12) - 3),
        1 => (PAGES << 16) - 9_010..(PAGES << 16) + 10,
        1 => any::<u32>(),
    ];
    let number = prop_oneof![4 => 0u32..5_000, 2 => 28_000u32..29_500, 1 => 0u32..200_000, 1 => any::<u32>()];
    (kind, place, number)
}

fn config(steps: &[Step]) -> Vec<u8> {
    let bytes = |(kind, place, number): &Step| {
        let words = [u32::from(*kind), *place, *number];
        words.into_iter().flat_map(u32::to_le_bytes)
    };
    steps.iter().flat_map(bytes).collect()
}

/// Calls and resets, and compares with the memory from before.
fn check(instance: &mut Instance, calls: &[Vec<Step>], what: &str) -> Result<(), TestCaseError> {
    let before = instance.memory().to_vec();
    for steps in calls {
        let outcome = instance.observe_bytes(&config(steps));
        let (size, place) = (instance.memory().len(), instance.memory().as_ptr());
        instance.reset().unwrap();
        let same = instance.memory() == before;
        prop_assert!(same, "{} after {:?}: {:?}", what, steps, outcome.err());
        if outcome.is_ok() && size == before.len() {
            prop_assert_eq!(instance.memory().as_ptr(), place, "{}: replaced", what);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_memory_is_as_it_was(
        calls in prop::collection::vec(prop::collection::vec(step(), 0..8), 1..6),
        warm in 0u32..200_000,
    ) {
        for (what, plugin) in plugins() {
            let mut instance = plugin.instance().unwrap();
            check(&mut instance, &calls, what)?;
            instance.warm_up(warm).unwrap();
            check(&mut instance, &calls, what)?;
            // And from a state that a call left.
            if instance.observe_bytes(&config(&calls[0])).is_ok() {
                instance.snapshot().unwrap();
                check(&mut instance, &calls, what)?;
            }
        }
    }
}

#[test]
fn a_warm_up_lets_a_plugin_that_grows_be_reset_in_place() {
    for (what, plugin) in plugins() {
        let mut instance = plugin.instance().unwrap();
        let cold = instance.memory().len();
        instance.warm_up(100_000).unwrap();
        let warm = instance.memory().len();
        assert!(warm >= cold + 100_000, "{what}: {cold} {warm}");
        let place = instance.memory().as_ptr();
        for bytes in [12, 60_000, 99_996] {
            instance.observe_bytes(&vec![9; bytes]).unwrap();
            instance.reset().unwrap();
            assert_eq!(instance.memory().as_ptr(), place, "{what}");
        }
        // After a trap, a new one begins where the warm-up ended.
        instance.observe_bytes(&config(&[(5, 0, 0)])).unwrap_err();
        let refused = instance.snapshot().unwrap_err();
        let Error::Snapshot { problem, .. } = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(*problem, Unforkable::Stopped);
        instance.observe_bytes(&[]).unwrap();
        assert_eq!(instance.memory().len(), warm, "{what}");
        instance.reset().unwrap();
        assert_eq!(instance.memory().len(), warm, "{what}");
        // Others begin as before.
        assert_eq!(plugin.instance().unwrap().memory().len(), cold, "{what}");
    }
}

#[test]
fn a_plugin_that_frees_nothing_has_no_warm_up() {
    let bytes = wat::parse_str(Guest::default().wat().replace(DEALLOCATE, "")).unwrap();
    let plugin = Runtime::new().unwrap().load("odd", bytes).unwrap();
    let mut instance = plugin.instance().unwrap();
    match instance.warm_up(10).unwrap_err() {
        Error::Protocol { error, export, .. } => {
            assert_eq!((error, export), (ProtocolError::NotExported, "deallocate"));
        }
        other => panic!("{other:?}"),
    }
    // It can be used all the same.
    instance.observe_bytes(b"{}").unwrap();
}

#[test]
fn plugins_of_the_kits_keep_their_memory_after_a_warm_up() {
    let runtime = Runtime::new().unwrap();
    // Not those in Zig: its heap grows in calls after a warm-up as well, and each gets a new instance.
    for name in ["hello", "hello-c", "hello-as", "file"] {
        let bytes = std::fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap();
        let plugin = runtime.load(name, bytes).unwrap();
        for plugin in [plugin.instrumented(Instruments::WRITES).unwrap(), plugin] {
            let mut instance = plugin.instance().unwrap();
            instance.warm_up(100_000).unwrap();
            let (before, place) = (instance.memory().to_vec(), instance.memory().as_ptr());
            for length in [2, 100, 20_000] {
                let config = format!("{{\"path\":\"{}\"}}", "x".repeat(length));
                let _ = instance.observe_bytes(config.as_bytes());
                instance.reset().unwrap();
                assert!(instance.memory() == before, "{name}");
                assert_eq!(instance.memory().as_ptr(), place, "{name}");
            }
        }
    }
}
