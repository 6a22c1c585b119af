//! The programs in `examples/` run to their end, and their assertions hold.

#[path = "../../examples/batch.rs"]
mod batch;
#[path = "../../examples/embed.rs"]
mod embed;
#[path = "../../examples/fuzz.rs"]
mod fuzz;
#[path = "../../examples/host_function.rs"]
mod host_function;
#[path = "../../examples/reload.rs"]
mod reload;
#[path = "../../examples/replay_test.rs"]
mod replay_test;
#[path = "../../examples/tokio.rs"]
mod tokio_tasks;
#[cfg(feature = "tracing")]
#[path = "../../examples/tracing.rs"]
mod traced;

#[test]
fn embed_runs() {
    embed::main().unwrap();
}

#[test]
fn host_function_runs() {
    host_function::main().unwrap();
}

#[test]
fn replay_test_runs() {
    replay_test::main().unwrap();
}

#[test]
fn fuzz_runs() {
    fuzz::main().unwrap();
}

#[test]
fn batch_runs() {
    batch::main().unwrap();
}

#[test]
fn tokio_runs() {
    tokio_tasks::main().unwrap();
}

#[test]
fn reload_runs() {
    reload::main().unwrap();
}

#[cfg(feature = "tracing")]
#[test]
fn tracing_runs() {
    traced::main().unwrap();
}
