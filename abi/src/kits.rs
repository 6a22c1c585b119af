//! The guest kits of other languages. Each is a file to be copied beside the sources of a plugin;
//! `tollgate new` writes projects with them.

/// C: `tollgate.h`.
pub const C: &str = include_str!("../kits/tollgate.h");
/// Go: `abi.go`, which builds on every target.
pub const GO: &str = include_str!("../kits/abi.go");
/// Go: `abi_wasip1.go`, the exports and imports.
pub const GO_EXPORTS: &str = include_str!("../kits/abi_wasip1.go");
/// AssemblyScript: `tollgate.ts`.
pub const ASSEMBLYSCRIPT: &str = include_str!("../kits/tollgate.ts");
