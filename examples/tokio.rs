//! Calling a plugin from an async program: the call runs on a thread for blocking work, and is
//! cancelled when its future is dropped.
//!
//! `cargo run --example tokio`

use std::time::Duration;
use tokio::task::spawn_blocking;
use tollgate::{Call, Cancel, Config, Error, Fault, HostError, Observation, Plugin, Runtime};

/// Cancels a call when it is dropped.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Calls the plugin. The call ends soon after this future is dropped.
async fn observe(plugin: Plugin, config: Config) -> Result<Observation, Error> {
    let guard = CancelOnDrop(Cancel::new());
    let cancel = guard.0.clone();
    let call = spawn_blocking(move || plugin.call(Call::new(&config).cancel(cancel)));
    // The task is never aborted, and a panic of the call is one here.
    let outcome = call.await.expect("the call does not panic");
    drop(guard);
    outcome
}

/// Calls `slow.wait`, which waits until the call is cancelled.
const SLOW: &str = r#"(module
    (import "slow" "wait" (func $wait (param i64) (result i64)))
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 4096))
    (func (export "allocate") (param $size i32) (result i32)
        (global.get $free)
        (global.set $free (i32.add (global.get $free) (local.get $size))))
    (func (export "deallocate") (param i32 i32))
    (func (export "describe") (result i64) (i64.const 0))
    (func (export "schema") (result i64) (i64.const 0))
    (func (export "observe") (param i32 i32) (result i64)
        (call $wait (i64.const 0x40000000002)))
    (data (i32.const 1024) "{}"))"#;

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let runtime = Runtime::builder()
        .grant("slow", "slow:wait".parse()?)
        .host_function("slow", "wait", "slow", move |_: serde_json::Value, call| {
            let _ = begun.send(());
            while !call.is_cancelled() {
                std::thread::yield_now();
            }
            let _ = ended.send(());
            Ok::<_, HostError>(0)
        })
        .build()?;
    let slow = runtime.load("slow", wat::parse_str(SLOW)?)?;
    let file = runtime.load("file", include_bytes!("../fixtures/file/file.wasm"))?;

    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    executor.block_on(async {
        // A call that ends by itself.
        let seen = observe(file, Config::new().set("path", "/etc/hostname")).await?;
        assert!(!seen.evidence.status, "nothing is granted");

        // One whose future is dropped: here since something else happened first.
        tokio::select! {
            outcome = observe(slow.clone(), Config::new()) => panic!("{outcome:?}"),
            _ = begins.recv() => {}
        }
        ends.recv().await.expect("the call ended");

        // And one that takes too long.
        let slow = observe(slow, Config::new());
        assert!(
            tokio::time::timeout(Duration::from_millis(1), slow)
                .await
                .is_err()
        );
        Ok::<(), Error>(())
    })?;

    // What the thread of such a call gets, which nothing waits for any more.
    let cancel = Cancel::new();
    cancel.cancel();
    let outcome = runtime
        .plugin("slow")
        .map(|slow| slow.call(Call::from(Config::new()).cancel(cancel)));
    assert!(matches!(
        outcome,
        Some(Err(Error::Fault {
            fault: Fault::Cancelled,
            ..
        }))
    ));
    println!("two calls were cancelled with their futures");
    Ok(())
}
