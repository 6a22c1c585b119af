//! The guest kits as text. Each is one or more files to be copied beside the sources of a plugin;
//! `tollgate new` writes projects with them.

/// C: `tollgate.h`.
pub const C: &str = include_str!("../kits/tollgate.h");
/// Go: `abi.go`, which builds on every target.
pub const GO: &str = include_str!("../kits/abi.go");
/// Go: `abi_wasip1.go`, the exports and imports.
pub const GO_EXPORTS: &str = include_str!("../kits/abi_wasip1.go");
/// Go: `abi_native.go`, what takes the place of the host elsewhere.
pub const GO_NATIVE: &str = include_str!("../kits/abi_native.go");
/// AssemblyScript: `tollgate.ts`.
pub const ASSEMBLYSCRIPT: &str = include_str!("../kits/tollgate.ts");

/// Zig: `tollgate.zig`.
pub const ZIG: &str = include_str!("../kits/tollgate.zig");

/// Rust: this package without its tests and these kits, as paths and contents. A plugin that keeps it
/// in a directory of its own depends on the path of that directory.
#[rustfmt::skip]
pub const RUST: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../kits/rust.toml")),
    ("LICENSE-APACHE", include_str!("../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../LICENSE-MIT")),
    // begin generated rust
    ("src/base64.rs", include_str!("base64.rs")),
    ("src/capability.rs", include_str!("capability.rs")),
    ("src/error_detail.rs", include_str!("error_detail.rs")),
    ("src/evidence.rs", include_str!("evidence.rs")),
    ("src/functions.rs", include_str!("functions.rs")),
    ("src/functions/errors.rs", include_str!("functions/errors.rs")),
    ("src/functions/net_errors.rs", include_str!("functions/net_errors.rs")),
    ("src/guest/blocks.rs", include_str!("guest/blocks.rs")),
    ("src/guest/config.rs", include_str!("guest/config.rs")),
    ("src/guest/error.rs", include_str!("guest/error.rs")),
    ("src/guest/evidence.rs", include_str!("guest/evidence.rs")),
    ("src/guest/exports.rs", include_str!("guest/exports.rs")),
    ("src/guest/heap.rs", include_str!("guest/heap.rs")),
    ("src/guest/host.rs", include_str!("guest/host.rs")),
    ("src/guest/info.rs", include_str!("guest/info.rs")),
    ("src/guest/json.rs", include_str!("guest/json.rs")),
    ("src/guest/logger.rs", include_str!("guest/logger.rs")),
    ("src/guest/mailbox.rs", include_str!("guest/mailbox.rs")),
    ("src/guest/mod.rs", include_str!("guest/mod.rs")),
    ("src/guest/script.rs", include_str!("guest/script.rs")),
    ("src/host.rs", include_str!("host.rs")),
    ("src/host/net.rs", include_str!("host/net.rs")),
    ("src/info.rs", include_str!("info.rs")),
    ("src/lib.rs", include_str!("lib.rs")),
    ("src/names.rs", include_str!("names.rs")),
    ("src/port.rs", include_str!("port.rs")),
    ("src/ptr_len.rs", include_str!("ptr_len.rs")),
    ("src/rfc3339.rs", include_str!("rfc3339.rs")),
    ("src/schema.rs", include_str!("schema.rs")),
    ("src/sha256.rs", include_str!("sha256.rs")),
    ("src/shape.rs", include_str!("shape.rs")),
    ("src/well_formed.rs", include_str!("well_formed.rs")),
    ("src/wire.rs", include_str!("wire.rs")),
    // end generated rust
];
