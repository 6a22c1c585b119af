//! The gate: what a request costs where nothing happens outside, with few grants and with many. The
//! guest asks for a variable that is not set, 10 000 times.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hot::{ASK, assemble, load_with};
use std::time::Duration;
use tollgate::Config;

const REQUEST: &str = r#"{"name":"TOLLGATE_BENCH_UNSET"}"#;

/// `ask.wat`, asking another function for something else, of whatever length the answer is.
fn asking_for_a_variable() -> Vec<u8> {
    let escaped = REQUEST.replace('"', "\\22");
    let text = ASK
        .replace("\"bench\" \"echo\"", "\"reglet_host\" \"env_get\"")
        .replace(
            "(i32.wrap_i64 (call $echo (call $pack (i32.const 1024) (i32.const 100)))) (i32.const 100)",
            &format!(
                "(i64.eqz (call $echo (call $pack (i32.const 2048) (i32.const {})))) (i32.const 0)",
                REQUEST.len()
            ),
        )
        .replacen("(data ", &format!("(data (i32.const 2048) \"{escaped}\") (data "), 1);
    assemble(&text)
}

fn requests(c: &mut Criterion) {
    let module = asking_for_a_variable();
    let mut group = c.benchmark_group("gate");
    group.throughput(Throughput::Elements(10_000));
    let others: Vec<String> = (0..100)
        .map(|number| format!("env:OTHER_{number}_*"))
        .collect();
    for (name, count, last) in [
        ("granted_of_1", 0, Some("env:TOLLGATE_*")),
        ("granted_of_101", 100, Some("env:TOLLGATE_*")),
        ("denied_of_100", 100, None),
    ] {
        let grants: Vec<&str> = others
            .iter()
            .take(count)
            .map(String::as_str)
            .chain(last)
            .collect();
        let plugin = load_with(&module, &grants);
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| plugin.observe(&Config::new()).expect("ask answers"));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(3));
    targets = requests
}
criterion_main!(benches);
