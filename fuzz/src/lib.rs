//! The bodies of the fuzz targets, as plain functions over bytes: the fuzzer calls them on nightly
//! Rust, and `tests/` calls them on stable Rust with the seeds and the cases found so far.

mod answers;
mod bare_engine;
mod capabilities;
mod codecs;
mod commands;
mod driver;
mod forks;
mod host_calls;
mod input;
mod manifests;
mod modules;
mod paths;
mod run;
mod schemas;
mod seeds;
mod simulations;
mod transcripts;
mod world;

pub use answers::answers;
pub use bare_engine::bare_engine;
pub use capabilities::{capability_patterns, capability_texts};
pub use codecs::codecs;
pub use commands::exec_grants;
pub use forks::forks;
pub use host_calls::{host_functions, wasi_calls};
pub use manifests::manifests;
pub use modules::{module_bytes, smith_modules};
pub use paths::{linked_paths, paths};
pub use schemas::schemas;
pub use seeds::seeds;
pub use simulations::simulated_worlds;
pub use transcripts::{record_replay, transcripts};

/// The body of a target.
pub type Target = fn(&[u8]);

/// Every target under its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("answers", answers),
    ("bare_engine", bare_engine),
    ("capability_patterns", capability_patterns),
    ("capability_texts", capability_texts),
    ("codecs", codecs),
    ("exec_grants", exec_grants),
    ("forks", forks),
    ("host_functions", host_functions),
    ("linked_paths", linked_paths),
    ("manifests", manifests),
    ("module_bytes", module_bytes),
    ("paths", paths),
    ("record_replay", record_replay),
    ("schemas", schemas),
    ("simulated_worlds", simulated_worlds),
    ("smith_modules", smith_modules),
    ("transcripts", transcripts),
    ("wasi_calls", wasi_calls),
];
