//! The programs in `examples/` run to their end, and their assertions hold.

#[path = "../../examples/batch.rs"]
mod batch;
#[path = "../../examples/board/src/observe.rs"]
mod board;
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

/// `examples/board/run.sh` compares what the board prints with the same file.
#[test]
fn a_board_prints_what_this_machine_prints() {
    let mut lines = Vec::new();
    board::observe(&mut |line| lines.push(line)).unwrap();
    let printed = lines.join("\n") + "\n";
    let path = "examples/board/expected.txt";
    if std::env::var_os("TOLLGATE_UPDATE").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    assert_eq!(printed, std::fs::read_to_string(path).unwrap());
}

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
