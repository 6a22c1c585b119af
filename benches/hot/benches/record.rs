//! What a recording costs: a plugin that makes 10 000 host calls, with a transcript and without.
//! One asks for a variable that is not set, the cheapest question there is; the other for what a
//! file is.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hot::{ASK, assemble, load_with};
use std::{io, time::Duration};
use tollgate::Config;

/// `ask.wat`, asking `function` for `request`, whatever the answer is.
fn asking(function: &str, request: &str) -> Vec<u8> {
    let escaped = request.replace('"', "\\22");
    let text = ASK
        .replace(
            "\"bench\" \"echo\"",
            &format!("\"reglet_host\" \"{function}\""),
        )
        .replace(
            "(i32.wrap_i64 (call $echo (call $pack (i32.const 1024) (i32.const 100)))) (i32.const 100)",
            &format!(
                "(i64.eqz (call $echo (call $pack (i32.const 2048) (i32.const {})))) (i32.const 0)",
                request.len()
            ),
        )
        .replacen("(data ", &format!("(data (i32.const 2048) \"{escaped}\") (data "), 1);
    assemble(&text)
}

fn recordings(c: &mut Criterion) {
    let here = env!("CARGO_MANIFEST_DIR");
    let file = format!("{{\"path\":\"{here}/Cargo.toml\"}}");
    let grant = format!("fs:read:{here}/*");
    let mut group = c.benchmark_group("record");
    group.throughput(Throughput::Elements(10_000));
    for (name, function, request, grant) in [
        (
            "variable",
            "env_get",
            "{\"name\":\"TOLLGATE_BENCH_UNSET\"}",
            "env:TOLLGATE_*",
        ),
        ("file", "fs_stat", file.as_str(), grant.as_str()),
    ] {
        let plugin = load_with(&asking(function, request), &[grant]);
        let config = Config::new();
        group.bench_function(BenchmarkId::new(name, "plain"), |b| {
            b.iter(|| plugin.observe(&config).expect("ask answers"));
        });
        group.bench_function(BenchmarkId::new(name, "recorded"), |b| {
            b.iter(|| {
                let recording = plugin.observe_recorded(&config, io::sink());
                recording.expect("a sink").outcome.expect("ask answers")
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = recordings
}
criterion_main!(benches);
