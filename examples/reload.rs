//! Plugins are replaced while a program runs: calls of the old one end as they began, and later calls use the new one.
//! A module that cannot be loaded changes nothing.
//!
//! `cargo run --example reload`

use tollgate::{Config, Runtime};

const OLD: &[u8] = include_bytes!("../fixtures/file.wasm");
const NEW: &[u8] = include_bytes!("../fixtures/as-file/as-file.wasm");

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Runtime::new()?;
    let old = runtime.load("file", OLD)?;

    // Grants go by the name, so the new plugin has those of the old one.
    let new = runtime.replace("file", NEW)?;
    assert_ne!(old.describe()?.name, new.describe()?.name);
    let now = runtime.plugin("file").ok_or("file is loaded")?;
    assert_eq!(now.describe()?, new.describe()?);

    // Whoever still has the old handle may use it.
    old.observe(&Config::new().set("path", "/etc/hostname"))?;

    // Bytes that are no plugin: the present one stays.
    let error = runtime.replace("file", &b"not a module"[..]);
    println!("{}", error.err().ok_or("it was loaded")?.report());
    assert!(runtime.plugin("file").is_some());

    // It is freed with its last handle.
    assert!(runtime.unload("file").is_some());
    assert!(runtime.plugin("file").is_none());
    Ok(())
}
