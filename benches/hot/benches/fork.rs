//! What a fresh instance costs: initialised for the call, forked, and brought back in place; beside
//! the guest's own work. All of them in one run, since only ratios within a run mean something.

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use hot::{ECHO, GO, assemble};
use tollgate::{
    Config, ForkPolicy, ModuleCache, Plugin, Runtime, RuntimeBuilder, inspect::Instruments,
};

fn load(builder: RuntimeBuilder, bytes: &[u8]) -> Plugin {
    let runtime = builder.build().expect("these options");
    runtime.load("plugin", bytes).expect("a plugin of ours")
}

/// Whole calls in every way of getting an instance, and the guest's own time.
fn calls(c: &mut Criterion, name: &str, bytes: &[u8], config: &str) {
    let parsed: Config = config.parse().expect("a config");
    let never = load(Runtime::builder().fork_policy(ForkPolicy::Never), bytes);
    let forked = load(Runtime::builder().idle_instances(0), bytes);
    let default = load(Runtime::builder(), bytes);
    let mut group = c.benchmark_group(name);
    for (way, plugin) in [
        ("observe, initialised each time", &never),
        ("observe, forked", &forked),
        ("observe, as it comes", &default),
    ] {
        group.bench_function(way, |b| {
            b.iter(|| plugin.observe(&parsed).expect("an answer"));
        });
    }
    group.bench_function("the guest alone", |b| {
        b.iter_batched_ref(
            || forked.instance().expect("an instance"),
            |instance| {
                instance
                    .observe_bytes(config.as_bytes())
                    .expect("an answer")
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("a fork alone", |b| {
        b.iter(|| forked.instance().expect("an instance"));
    });
    let with = |which| default.instrumented(which).expect("instruments");
    for (way, plugin) in [
        ("call and reset", &default),
        ("call and reset, writes marked", &with(Instruments::WRITES)),
        ("call and reset, covered", &with(Instruments::COVERAGE)),
        (
            "call and reset, covered and marked",
            &with(Instruments::COVERAGE | Instruments::WRITES),
        ),
    ] {
        let mut instance = plugin.instance().expect("an instance");
        group.bench_function(way, |b| {
            b.iter(|| {
                let answer = instance
                    .observe_bytes(config.as_bytes())
                    .expect("an answer");
                instance.reset().expect("an instance");
                answer
            });
        });
    }
    group.finish();
}

fn go(c: &mut Criterion) {
    calls(c, "go", GO, r#"{"op":"time"}"#);
}

fn tiny(c: &mut Criterion) {
    // One page is enough for it.
    let one_page = ECHO.replace(
        "(memory (export \"memory\") 2)",
        "(memory (export \"memory\") 1)",
    );
    calls(c, "tiny", &assemble(&one_page), r#"{"x":"y"}"#);
}

/// A plugin whose initialised memory has so many pages, 1 MiB of which is not zero.
fn image(pages: u32) -> Vec<u8> {
    assemble(&format!(
        r#"(module
          (memory (export "memory") {pages})
          (data (i32.const 1048576) "{{\22status\22:true}}")
          (func (export "allocate") (param i32) (result i32) (i32.const 1050000))
          (func (export "describe") (result i64) (i64.const 0))
          (func (export "_initialize")
            (memory.fill (i32.const 0) (i32.const 7) (i32.const 1048576)))
          (func (export "observe") (param i32 i32) (result i64)
            (i32.store (i32.const 8) (i32.const 5))
            (i64.const {})))"#,
        (1_048_576u64 << 32) | 15
    ))
}

fn images(c: &mut Criterion) {
    let mut group = c.benchmark_group("image");
    for mib in [1, 8, 64] {
        // One page more, for the answer.
        let bytes = image(mib * 16 + 1);
        for (way, idle) in [("forked", 0), ("in place", 4)] {
            let plugin = load(Runtime::builder().idle_instances(idle), &bytes);
            group.bench_function(BenchmarkId::new(way, mib), |b| {
                b.iter(|| plugin.observe(&Config::new()).expect("an answer"));
            });
        }
    }
    group.finish();
}

/// A plugin with so many pages of memory, which allocates behind them and so grows in its first call.
fn growing(pages: u32) -> Vec<u8> {
    let end = pages * 65_536;
    assemble(&format!(
        r#"(module
          (memory (export "memory") {pages})
          (global $next (mut i32) (i32.const {end}))
          (data (i32.const 1024) "{{\22status\22:true}}")
          (func (export "allocate") (param $size i32) (result i32)
            (local $at i32)
            (local.set $at (global.get $next))
            (global.set $next (i32.add (local.get $at) (local.get $size)))
            (if (i32.gt_u (global.get $next) (i32.shl (memory.size) (i32.const 16)))
              (then (drop (memory.grow (i32.const 1)))))
            (local.get $at))
          (func (export "deallocate") (param $at i32) (param i32)
            (global.set $next (local.get $at)))
          (func (export "describe") (result i64) (i64.const 0))
          (func (export "observe") (param i32 i32) (result i64) (i64.const {})))"#,
        (1_024u64 << 32) | 15
    ))
}

/// Next to empty calls with a reset after each, in memories of so many KiB: as they come, in one that
/// grows in each call, and after a warm-up; with marks on what is written, and without.
fn resets(c: &mut Criterion) {
    let mut group = c.benchmark_group("reset");
    for kib in [128, 1_024, 8_192] {
        let echo = format!("(memory (export \"memory\") {})", kib / 64);
        let echo = ECHO.replace("(memory (export \"memory\") 2)", &echo);
        for (kind, bytes, warm, marked) in [
            ("in place", assemble(&echo), false, false),
            ("in place, writes marked", assemble(&echo), false, true),
            ("grown", growing(kib / 64), false, false),
            ("warmed up", growing(kib / 64), true, false),
            ("warmed up, writes marked", growing(kib / 64), true, true),
        ] {
            let mut plugin = load(Runtime::builder(), &bytes);
            if marked {
                plugin = plugin.instrumented(Instruments::WRITES).expect("marks");
            }
            let mut instance = plugin.instance().expect("an instance");
            if warm {
                instance.warm_up(100).expect("it allocates and frees");
            }
            group.bench_function(BenchmarkId::new(kind, kib), |b| {
                b.iter(|| {
                    instance.observe_bytes(b"{}").expect("an answer");
                    instance.reset().expect("an instance");
                });
            });
        }
    }
    group.finish();
}

fn loading(c: &mut Criterion) {
    let steady = load(Runtime::builder().deterministic_init(1), GO);
    let baked = steady.bake().expect("a Go program can be baked");
    let mut group = c.benchmark_group("load and describe");
    group.sample_size(10);
    for (kind, bytes) in [("original", GO), ("baked", &baked)] {
        group.bench_function(kind, |b| {
            b.iter(|| {
                let builder = Runtime::builder().module_cache(ModuleCache::new());
                load(builder, bytes).describe().expect("an answer")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, go, tiny, images, resets, loading);
criterion_main!(benches);
