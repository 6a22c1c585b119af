//! A whole call of the smallest plugin: a fresh instance, a config in, evidence out.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hot::{ECHO, assemble, load};
use tollgate::Config;

fn json_through(c: &mut Criterion) {
    let plugin = load(&assemble(ECHO));
    let mut group = c.benchmark_group("json_through");
    for size in [100, 10 << 10, 1_000_000] {
        let config = Config::new().set("text", "x".repeat(size));
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| plugin.observe(&config).expect("echo answers"));
        });
    }
    group.finish();
}

criterion_group!(benches, json_through);
criterion_main!(benches);
