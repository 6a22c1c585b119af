//! Loading: a module that is known already, and one that is not.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hot::{ECHO, GO, assemble, cold_runtime};
use std::time::Duration;
use tollgate::Runtime;

fn loading(c: &mut Criterion) {
    let echo = assemble(ECHO);
    for (name, bytes) in [("tiny", echo.as_slice()), ("go", GO)] {
        c.bench_function(&format!("load_{name}"), |b| {
            let load = |runtime: Runtime| runtime.load("plugin", bytes).expect("a plugin of ours");
            b.iter_batched(cold_runtime, load, BatchSize::PerIteration);
        });
        let runtime = cold_runtime();
        let _held = runtime.load("plugin", bytes).expect("a plugin of ours");
        c.bench_function(&format!("load_{name}_again"), |b| {
            b.iter(|| runtime.load("plugin", bytes).expect("a plugin of ours"));
        });
    }
    c.bench_function("build_runtime", |b| {
        b.iter(|| Runtime::new().expect("default options"))
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = loading
}
criterion_main!(benches);
