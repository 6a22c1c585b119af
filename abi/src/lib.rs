//! The interface between a tollgate host and its plugins, shared by both sides.
//!
//! * [`functions`]: the table of host functions, with requests and replies in [`host`];
//! * [`names`]: exports and imports;
//! * [`Evidence`], [`PluginInfo`], [`ConfigSchema`], [`ErrorDetail`]: the other JSON shapes;
//! * [`PtrLen`]: packed pointers;
//! * [`base64`], [`rfc3339`], [`sha256`]: the codecs that the shapes need;
//! * `guest` (feature `guest`): all that a plugin in Rust needs.
//!
//! # JSON
//!
//! * Decoding matches keys without regard to ASCII case, ignores unknown keys, takes `null` as the
//!   default and uses the last of a repeated key. Bytes that are not UTF-8 and halves of surrogate pairs
//!   are read as U+FFFD, and zero bytes at the end are ignored ([`well_formed`]). A wrong JSON type is an
//!   error.
//! * Encoding is compact, in the documented spelling, with sorted map keys.
//!
//! The files under `vectors/` hold the same rules as data for other languages.
//!
//! ```
//! use tollgate_abi::{Evidence, from_json, to_json};
//!
//! let evidence: Evidence = from_json(br#"{"Status":true,"Data":{"Port":22},"Later":1}"#)?;
//! assert!(evidence.status);
//! assert_eq!(evidence.data["Port"], 22);
//! assert!(to_json(&evidence).starts_with(br#"{"status":true,"error":null"#));
//! # Ok::<(), tollgate_abi::JsonError>(())
//! ```

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Data from guests, files and callers must never cause a panic; tests may.
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
#![cfg_attr(not(feature = "guest"), forbid(unsafe_code))]
#![cfg_attr(feature = "guest", deny(unsafe_code))]

extern crate alloc;
#[cfg(all(feature = "guest", not(target_arch = "wasm32")))]
extern crate std;

#[macro_use]
pub mod shape;
#[macro_use]
mod wire;

pub mod base64;
mod capability;
mod error_detail;
mod evidence;
pub mod functions;
#[cfg(feature = "guest")]
#[cfg_attr(docsrs, doc(cfg(feature = "guest")))]
pub mod guest;
pub mod host;
mod info;
#[cfg(feature = "kits")]
#[cfg_attr(docsrs, doc(cfg(feature = "kits")))]
pub mod kits;
pub mod names;
mod port;
mod ptr_len;
pub mod rfc3339;
mod schema;
pub mod sha256;
mod well_formed;

pub use capability::Capability;
pub use error_detail::ErrorDetail;
pub use evidence::{Evidence, Timestamp};
pub use info::PluginInfo;
pub use port::service_port;
pub use ptr_len::{NullPointer, PtrLen};
pub use schema::{ConfigSchema, Field};
pub use well_formed::well_formed;
pub use wire::{JsonError, from_json, to_json};

/// The version of this crate, which a built plugin carries in its `tollgate-abi` custom section.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
