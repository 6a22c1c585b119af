//! The boundary between host and guest: a whole call of the smallest plugin, JSON of several sizes
//! through it, and calls of host functions.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hot::{ASK, ECHO, MIRROR, assemble, load, load_granted};
use std::time::Duration;
use tollgate::Config;

/// A fresh instance that is asked for next to nothing.
fn instance(c: &mut Criterion) {
    let plugin = load(&assemble(ECHO));
    let config = Config::new();
    c.bench_function("observe_tiny", |b| {
        b.iter(|| plugin.observe(&config).expect("echo answers"));
    });
}

/// JSON in, copied by the guest, and out: printing, two copies over the boundary and parsing.
fn json(c: &mut Criterion) {
    let plugin = load(&assemble(MIRROR));
    let mut group = c.benchmark_group("json_through");
    for size in [100, 10 << 10, 1_000_000] {
        let texts: Vec<String> = (0..size / 20)
            .map(|number| format!("text {number:010}"))
            .collect();
        let config = Config::new().set("items", texts);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| plugin.observe(&config).expect("mirror answers"));
        });
    }
    group.finish();
}

/// One string: nearly nothing but copies.
fn bytes(c: &mut Criterion) {
    let plugin = load(&assemble(MIRROR));
    let mut group = c.benchmark_group("bytes_through");
    let size = 1_000_000;
    let config = Config::new().set("text", "x".repeat(size));
    group.throughput(Throughput::Bytes(size as u64));
    group.bench_function(BenchmarkId::from_parameter(size), |b| {
        b.iter(|| plugin.observe(&config).expect("mirror answers"));
    });
    group.finish();
}

/// 100 bytes of JSON each way through a function of the embedder's, 10 000 times.
fn host_calls(c: &mut Criterion) {
    let plugin = load_granted(&assemble(ASK), "bench:echo");
    let mut group = c.benchmark_group("host_call");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("json_100", |b| {
        b.iter(|| plugin.observe(&Config::new()).expect("ask answers"));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = instance, json, bytes, host_calls
}
criterion_main!(benches);
