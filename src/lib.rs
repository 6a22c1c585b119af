//! Runs untrusted WebAssembly plugins inside a Rust program, on an interpreter: no JIT, no
//! executable pages, the same result and the same fuel on every machine.
//!
//! A plugin describes itself, publishes a schema for its config, and *observes*: JSON in, evidence
//! out. Every instruction pays a toll ([`Usage::fuel`]) and every request for the outside passes one
//! gate ([`Capability`]): what is not granted is denied, and the plugin reads why.
//!
#![doc = include_str!("guide.md")]
#![forbid(unsafe_code)]
// Data from guests, files and callers must never be able to panic us; tests may.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod answer;
pub mod capability;
mod config;
mod custom;
pub mod effect;
mod error;
mod event;
pub mod gate;
mod guest;
mod imports;
pub mod inspect;
mod json_len;
mod limits;
mod lock;
mod module;
mod once;
mod plugin;
pub mod printable;
mod redact;
pub mod replay;
mod review;
mod room;
mod runtime;
pub mod schema;
mod truncate;
pub mod world;

pub use capability::{Capability, CapabilityError, Grants};
pub use config::Config;
pub use custom::{CustomRequest, HostCall, HostError};
pub use error::{BakeError, BuildError, ConfigError, Error, Fault, LoadError, ProtocolError};
pub use event::{Event, Omitted};
pub use inspect::Inspection;
pub use limits::{Cancel, FuelLimit, InvalidMemoryLimit, Limits, MemoryLimit, StackLimit, Usage};
pub use module::{AbiVersion, Baked, ModuleCache, ModuleLimits, Problem, Unforkable};
pub use plugin::{Call, ForkPolicy, Instance, Observation, Plugin};
pub use redact::{Redactor, RedactorBuilder, RedactorError};
pub use review::Review;
pub use runtime::{Runtime, RuntimeBuilder};
pub use truncate::{Truncation, truncate_evidence};

pub use tollgate_abi::{self as abi, ConfigSchema, ErrorDetail, Evidence, PluginInfo};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
