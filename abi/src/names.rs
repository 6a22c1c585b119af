//! The names of exports and imports.

/// What a plugin exports.
pub mod export {
    /// Linear memory 0.
    pub const MEMORY: &str = "memory";
    /// `() -> ()`, optional: starts the guest's runtime; called first.
    pub const INITIALIZE: &str = "_initialize";
    /// `() -> i64`: the description of the plugin, [`PluginInfo`](crate::PluginInfo).
    pub const DESCRIBE: &str = "describe";
    /// `() -> i64`: the JSON Schema of the config.
    pub const SCHEMA: &str = "schema";
    /// `(ptr: i32, len: i32) -> i64`: config in, [`Evidence`](crate::Evidence) out.
    pub const OBSERVE: &str = "observe";
    /// `(size: i32) -> i32`: a buffer for the host to fill; 0 is a failure.
    pub const ALLOCATE: &str = "allocate";
    /// `(ptr: i32, size: i32) -> ()`, optional: frees a buffer.
    pub const DEALLOCATE: &str = "deallocate";
    /// An `i32` global, optional: the address of the panic mailbox, which the host reads after a trap.
    /// Its layout is in the README of this crate.
    pub const PANIC: &str = "tollgate_panic";
    /// `() -> i64`: the description of a plugin of the 2026 generation.
    pub const MANIFEST: &str = "_manifest";
    /// `(ptr: i32, len: i32) -> i64`: `observe` of the 2026 generation.
    pub const OBSERVE_V2: &str = "_observe";
    /// `() -> i64`, optional: the schema of the config, where a description of the 2026 generation
    /// lacks it.
    pub const SCHEMA_V2: &str = "_schema";
    /// The entry point of a program, which a plugin must not export.
    pub const START: &str = "_start";
}

/// The module that host functions are imported from.
pub const HOST_MODULE: &str = "reglet_host";

/// The custom section in which a plugin built with this crate names the crate's version.
pub const VERSION_SECTION: &str = "tollgate-abi";

/// The host functions of [`HOST_MODULE`]: each takes a packed request and returns a packed reply, both
/// in JSON. The whole table is [`FUNCTIONS`](crate::functions::FUNCTIONS).
#[doc(inline)]
pub use crate::functions::import;
