//! The names that host and plugin must agree on: exports, imports and their types.

/// What a plugin exports.
pub mod export {
    /// Linear memory 0.
    pub const MEMORY: &str = "memory";
    /// `() -> ()`, optional: starts the guest's runtime; called first.
    pub const INITIALIZE: &str = "_initialize";
    /// `() -> i64`: the plugin's own description, [`PluginInfo`](crate::PluginInfo).
    pub const DESCRIBE: &str = "describe";
    /// `() -> i64`: the JSON Schema of the config.
    pub const SCHEMA: &str = "schema";
    /// `(ptr: i32, len: i32) -> i64`: config in, [`Evidence`](crate::Evidence) out.
    pub const OBSERVE: &str = "observe";
    /// `(size: i32) -> i32`: a buffer for the host to fill; 0 is a failure.
    pub const ALLOCATE: &str = "allocate";
    /// `(ptr: i32, size: i32) -> ()`, optional: gives a buffer back.
    pub const DEALLOCATE: &str = "deallocate";
    /// An `i32` global, optional: the address of the guest kit's panic mailbox. The host reads it
    /// after a trap without running guest code; the layout is in the README of this crate.
    pub const PANIC: &str = "tollgate_panic";
    /// `() -> i64`: the 2026 generation's description.
    pub const MANIFEST: &str = "_manifest";
    /// `(ptr: i32, len: i32) -> i64`: the 2026 generation's `observe`.
    pub const OBSERVE_V2: &str = "_observe";
    /// `() -> i64`, optional: the config's schema where the 2026 generation's description lacks it.
    pub const SCHEMA_V2: &str = "_schema";
    /// A program's entry point, which no plugin may have.
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
