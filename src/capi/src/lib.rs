//! The C interface: pointers in, handles and JSON out. `tollgate_host.h` beside this package's manifest
//! documents each function. It uses the public Rust interface only, and each function is a few lines over it.
//!
//! `arguments` reads what C passes, `memory` makes what C is given, and `error` what C learns of a failure. The
//! other files hold the functions of one handle each.

#![warn(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![warn(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod arguments;
mod batch;
mod call;
mod cancel;
mod error;
mod events;
mod host;
mod instance;
mod memory;
mod module;
mod options;
mod plugin;
mod replay;
mod runtime;

pub use batch::*;
pub use cancel::*;
pub use error::*;
pub use host::*;
pub use instance::*;
pub use memory::*;
pub use module::*;
pub use plugin::*;
pub use replay::*;
pub use runtime::*;

use std::ffi::{CStr, c_char};

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// The version of this library.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_version() -> *const c_char {
    VERSION.as_ptr()
}
