//! The guest kits of other languages, each a file to be copied beside a plugin's sources. They are
//! here so that programs which write plugin projects need no files beside them.

/// C: `tollgate.h`.
pub const C: &str = include_str!("../kits/tollgate.h");
/// Go: `abi.go`, which builds everywhere.
pub const GO: &str = include_str!("../kits/abi.go");
/// Go: `abi_wasip1.go`, the exports and imports beside it.
pub const GO_EXPORTS: &str = include_str!("../kits/abi_wasip1.go");
/// AssemblyScript: `tollgate.ts`.
pub const ASSEMBLYSCRIPT: &str = include_str!("../kits/tollgate.ts");
