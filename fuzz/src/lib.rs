//! The bodies of the fuzz targets, as plain functions over bytes: the fuzzer calls them on nightly
//! Rust, and `tests/` calls them on stable Rust with the seeds and the cases found so far.

mod answers;
mod capabilities;
mod codecs;
mod driver;
mod host_calls;
mod input;
mod modules;
mod run;
mod world;

pub use answers::answers;
pub use capabilities::{capability_patterns, capability_texts};
pub use codecs::codecs;
pub use host_calls::{host_functions, wasi_calls};
pub use modules::{module_bytes, smith_modules};

/// Every target under its name.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("answers", answers),
    ("capability_patterns", capability_patterns),
    ("capability_texts", capability_texts),
    ("codecs", codecs),
    ("host_functions", host_functions),
    ("module_bytes", module_bytes),
    ("smith_modules", smith_modules),
    ("wasi_calls", wasi_calls),
];
