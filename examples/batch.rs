//! Calls one plugin with many configs, over all cores, and shows progress. Results arrive in the
//! order of the configs, and only a few of them are in memory at once.
//!
//! `cargo run --release --example batch -- 100000`

use std::{io::Write as _, ops::ControlFlow};
use tollgate::{Config, Runtime, world::Simulated};

const FILE: &[u8] = include_bytes!("../fixtures/file/file.wasm");

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let total = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let total: usize = total.unwrap_or(200);
    // Every third file is missing.
    let files = (0..total).filter(|n| n % 3 != 0);
    let world = files.fold(Simulated::new(), |world, n| {
        world.file(&format!("/data/{n}"), "x".repeat(n % 50))
    });
    let runtime = Runtime::deterministic(1)
        .world(move || world.clone())
        .grant("file", "fs:read:/data/*".parse()?)
        .build()?;
    let file = runtime.load("file", FILE)?;

    let configs = (0..total).map(|n| Config::new().set("path", format!("/data/{n}")));
    let (mut done, mut missing, mut fuel, mut failed) = (0, 0, 0, None);
    file.observe_many(configs, None, |index, seen| {
        done += 1;
        match seen {
            Ok(seen) => {
                missing += usize::from(seen.evidence.data["exists"] == false);
                fuel += seen.usage.fuel;
            }
            Err(error) => {
                failed = Some((index, error));
                return ControlFlow::Break(());
            }
        }
        if done % (total / 20).max(1) == 0 {
            let _ = write!(std::io::stderr(), "\r{done} of {total}");
        }
        ControlFlow::Continue(())
    });
    let _ = writeln!(std::io::stderr());
    if let Some((number, error)) = failed {
        return Err(format!("config {number}: {}", error.report()).into());
    }
    assert_eq!((done, missing), (total, total.div_ceil(3)));
    println!("{missing} of {total} files are missing; the calls used {fuel} units of fuel");
    Ok(())
}
