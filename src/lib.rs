//! Runs untrusted WebAssembly plugins inside a Rust program, on an interpreter: no JIT, no
//! executable pages, the same result and the same fuel on every machine.
//!
//! A plugin describes itself, publishes a schema for its config, and *observes*: JSON in, evidence
//! out. Every instruction costs fuel ([`Usage::fuel`]); all I/O goes through one permission check
//! that denies by default ([`Capability`]). A denied plugin receives the reason as a reply.
//!
#![doc = include_str!("guide.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
// What only a part that is left out uses stays unused; the linker drops it.
#![cfg_attr(
    not(all(
        feature = "host-functions",
        feature = "redact",
        feature = "reglet-v2",
        feature = "replay",
        feature = "std",
        feature = "system",
        feature = "wasi"
    )),
    allow(dead_code, unused_imports)
)]
// Data from guests, files and callers must never be able to panic us; tests may.
#![cfg_attr(
    not(test),
    warn(
        clippy::cast_possible_truncation,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[macro_use]
extern crate alloc;

mod answer;
mod byte_order_mark;
pub mod capability;
mod content_hash;
pub mod effect;
mod error;
pub mod gate;
mod guest;
mod imports;
pub mod inspect;
mod limits;
pub mod lint;
mod module;
mod plugin;
pub mod printable;
#[cfg_attr(not(feature = "redact"), path = "redact/left_out.rs")]
mod redact;
#[cfg(feature = "replay")]
pub mod replay;
mod room;
mod runtime;
#[cfg(feature = "schema")]
pub mod schema;
#[cfg(test)]
#[path = "../tests/support/share.rs"]
mod share;
mod sync;
pub mod world;

pub use answer::{Truncation, truncate_evidence};
pub use capability::{Capability, CapabilityError, Grants};
pub use error::{
    BakeError, BuildError, ConfigError, Error, Fault, LoadError, Problem, ProtocolError, Unforkable,
};
pub use gate::{CustomRequest, Event, HostCall, HostError, Omitted};
pub use inspect::Inspection;
pub use limits::{
    Cancel, FuelLimit, InvalidLimit, InvalidMemoryLimit, Limits, MemoryLimit, ModuleLimits,
    NamedLimit, StackLimit, Usage,
};
pub use module::{AbiVersion, Baked, ModuleCache};
#[cfg(feature = "schema")]
pub use plugin::ConfigValidation;
pub use plugin::{Call, Config, ForkPolicy, Instance, Observation, Plugin, Review};
#[cfg(feature = "redact")]
pub use redact::{Redactor, RedactorBuilder, RedactorError};
pub use runtime::{Runtime, RuntimeBuilder};

pub use tollgate_abi::{self as abi, ConfigSchema, ErrorDetail, Evidence, PluginInfo};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
