//! Events of plugins go to `tracing`, where the rest of a program reports its own. There is no callback to write: the
//! feature `tracing` and a subscriber are enough.
//!
//! `cargo run --example tracing --features tracing`

use tollgate::{Config, Runtime};
use tracing::Level;

const FILE: &[u8] = include_bytes!("../fixtures/file.wasm");

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let subscriber = tracing_subscriber::fmt().with_max_level(Level::DEBUG);
    tracing::subscriber::with_default(subscriber.finish(), || {
        // Without a grant, there is a warning that names the grant.
        let file = Runtime::new()?.load("file", FILE)?;
        let seen = file.observe(&Config::new().set("path", "/etc/hostname"))?;
        assert!(!seen.evidence.status);
        Ok(())
    })
}
