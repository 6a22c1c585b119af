//! The life of an embedded plugin: grants and limits, a review of what it declares, two calls, and
//! the errors that an embedder handles.
//!
//! `cargo run --example embed`

use std::time::Duration;
use tollgate::{Config, Error, Event, Limits, Runtime};

const FILE: &[u8] = include_bytes!("../fixtures/file/file.wasm");
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::builder()
        .grant("file", format!("fs:read:{MANIFEST}").parse()?)
        .limits(Limits {
            deadline: Some(Duration::from_secs(10)),
            ..Limits::default()
        })
        .fuel(5_000_000_000)
        .on_event(|plugin, event| match event {
            Event::Denied(denial) => println!("{plugin} was denied {}", denial.request),
            Event::Log(line) => println!("{plugin}: {}", line.message),
            Event::UnoptimisedEngine => {
                println!(
                    "plugins are slow: copy the lines of the guide, \"Debug builds\", to Cargo.toml"
                );
            }
            _ => {}
        })
        .build()?;
    let file = runtime.load("file", FILE)?;
    println!("{}: {}", file.name(), file.describe()?.description);
    for missing in file.review()?.missing {
        println!("not granted, but declared: {missing}");
    }

    let config = Config::new().set("path", MANIFEST).set("hash", true);
    let seen = file.observe(&config)?;
    assert!(seen.evidence.status);
    println!("SHA-256 {}", seen.evidence.data["sha256"]);
    println!("{:?}", seen.usage);

    // A denial is not an error of the call: the plugin reads it and reports it in its evidence.
    let denied = file.observe(&Config::new().set("path", "/etc/shadow"))?;
    let error = denied.evidence.error.ok_or("a denial was expected")?;
    println!("{}", error.message);

    match file.observe(&Config::new().set("path", "x".repeat(2 << 20))) {
        Err(Error::Config { problem, .. }) => println!("fix the config: {problem}"),
        Err(Error::Fault { fault, .. }) => println!("the plugin was stopped: {fault}"),
        Err(error) => println!("{}", error.report()),
        Ok(_) => return Err("a config of 2 MiB was accepted".into()),
    }
    Ok(())
}
