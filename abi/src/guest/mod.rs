//! What a Rust plugin needs: the [`Plugin`] trait, the [`plugin!`](crate::plugin!) macro that
//! turns an implementation into a module's exports, and safe wrappers for the host functions
//! ([`host`]). Natively everything builds too, so a plugin's logic can be tested without a host.
//!
//! ```
//! use std::borrow::Cow;
//! use tollgate_abi::guest::{self, Plugin};
//! use tollgate_abi::{Capability, ErrorDetail, Evidence, PluginInfo};
//!
//! struct Motd;
//!
//! impl Plugin for Motd {
//!     fn info() -> PluginInfo {
//!         PluginInfo {
//!             name: "motd".into(),
//!             version: "1.0.0".into(),
//!             description: "Is there a message of the day?".into(),
//!             capabilities: vec![Capability::new("fs", "read:/etc/motd")],
//!             ..PluginInfo::default()
//!         }
//!     }
//!
//!     fn schema() -> Cow<'static, str> {
//!         r#"{"type":"object","additionalProperties":false}"#.into()
//!     }
//!
//!     fn observe(_config: guest::Config) -> Result<Evidence, ErrorDetail> {
//!         let text = guest::host::read("/etc/motd")?;
//!         let mut evidence = Evidence::success(guest::Config::new());
//!         evidence.data.insert("bytes".into(), text.len().into());
//!         Ok(evidence)
//!     }
//! }
//!
//! tollgate_abi::plugin!(Motd);
//!
//! # fn main() {
//! // In a test: outside a host the wish is refused, and the refusal is the evidence.
//! let evidence = guest::evidence_of::<Motd>(b"{}");
//! assert_eq!(evidence.error.unwrap().message, "not inside a host");
//! # }
//! ```
//!
//! Build it as a `cdylib` for `wasm32-unknown-unknown`; the README of this crate has the profile.

mod blocks;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod exports;
pub mod host;
mod mailbox;

pub use mailbox::{MAILBOX_TEXT, Mailbox};

use crate::{ErrorDetail, Evidence, PluginInfo, from_json, host::kinds};
use alloc::{borrow::Cow, format, string::String};
use serde_json::{Map, Value};

/// The config of one call, as the caller wrote it. It is not yet checked against the schema.
pub type Config = Map<String, Value>;

/// A plugin: three functions without state, since every call may be the first of an instance.
pub trait Plugin {
    /// Who the plugin is and what it wants to be granted.
    fn info() -> PluginInfo;

    /// The JSON Schema of the config.
    fn schema() -> Cow<'static, str>;

    /// Looks, and says what it saw.
    ///
    /// # Errors
    ///
    /// Whatever kept the plugin from looking; it becomes evidence with status false.
    fn observe(config: Config) -> Result<Evidence, ErrorDetail>;
}

/// The evidence that `P` gives for a config in JSON: what the export `observe` answers.
///
/// A config that is not a JSON object becomes evidence with an error of type `config`.
pub fn evidence_of<P: Plugin>(config: &[u8]) -> Evidence {
    decode_config(config)
        .and_then(P::observe)
        .unwrap_or_else(Evidence::failure)
}

/// Reads a config; `null` is the empty one.
fn decode_config(config: &[u8]) -> Result<Config, ErrorDetail> {
    match from_json::<Option<Config>>(config) {
        Ok(config) => Ok(config.unwrap_or_default()),
        Err(error) => {
            let message = format!("the config is not a JSON object: {error}");
            Err(ErrorDetail::new(kinds::CONFIG, message))
        }
    }
}

/// Makes a [`Plugin`](crate::guest::Plugin) the plugin of this module. Use it once, at the top
/// level of a `cdylib` crate.
///
/// * `plugin!(MyPlugin);` for a crate with `std`: installs a panic hook.
/// * `plugin!(no_std MyPlugin);` for a `#![no_std]` crate: brings the `#[panic_handler]`; the
///   crate brings its own `#[global_allocator]`.
///
/// Either way a panic leaves its text in the [panic mailbox](crate::guest::Mailbox) before the
/// module traps. On other targets than wasm32 the macro only checks the type. The crate that uses
/// it cannot `forbid(unsafe_code)`, because naming an export counts as unsafe; `deny` is fine.
#[macro_export]
macro_rules! plugin {
    (@exports $plugin:ty, $start:block) => {
        const _: () = {
            const fn is_a_plugin<P: $crate::guest::Plugin>() {}
            is_a_plugin::<$plugin>();
        };

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        const _: () = {
            // SAFETY: nothing else in a plugin has these names, which the contract reserves.
            #[unsafe(no_mangle)]
            extern "C" fn describe() -> u64 {
                $start
                $crate::guest::exports::describe::<$plugin>()
            }

            // SAFETY: as above.
            #[unsafe(no_mangle)]
            extern "C" fn schema() -> u64 {
                $start
                $crate::guest::exports::schema::<$plugin>()
            }

            // SAFETY: as above.
            #[unsafe(no_mangle)]
            extern "C" fn observe(ptr: u32, len: u32) -> u64 {
                $start
                $crate::guest::exports::observe::<$plugin>(ptr, len)
            }

            // SAFETY: a custom section is not loaded; it holds plain bytes and no pointers.
            #[used]
            #[unsafe(link_section = "tollgate-abi")]
            static VERSION: [u8; $crate::VERSION.len()] = $crate::guest::exports::VERSION_BYTES;
        };
    };
    (no_std $plugin:ty) => {
        $crate::plugin!(@exports $plugin, {});

        #[cfg(target_arch = "wasm32")]
        #[panic_handler]
        fn tollgate_panic_handler(info: &::core::panic::PanicInfo<'_>) -> ! {
            $crate::guest::exports::post_panic(&info.message(), info.location());
            ::core::arch::wasm32::unreachable()
        }
    };
    ($plugin:ty) => {
        $crate::plugin!(@exports $plugin, {
            ::std::panic::set_hook(::std::boxed::Box::new(|info| {
                let payload = info.payload();
                let text = match payload.downcast_ref::<&'static str>() {
                    Some(text) => text,
                    None => match payload.downcast_ref::<::std::string::String>() {
                        Some(text) => text.as_str(),
                        None => "a value that is not text",
                    },
                };
                $crate::guest::exports::post_panic(&text, info.location());
            }));
        });
    };
}

// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{names, to_json};

    struct Echo;

    impl Plugin for Echo {
        fn info() -> PluginInfo {
            PluginInfo {
                name: "echo".into(),
                ..PluginInfo::default()
            }
        }

        fn schema() -> Cow<'static, str> {
            "{}".into()
        }

        fn observe(config: Config) -> Result<Evidence, ErrorDetail> {
            match config.get("fail") {
                Some(_) => Err(ErrorDetail::new(kinds::VALIDATION, "as you wish")),
                None => Ok(Evidence::success(config)),
            }
        }
    }

    #[test]
    fn a_config_becomes_evidence() {
        let evidence = evidence_of::<Echo>(br#"{"a":[1]}"#);
        assert!(evidence.status && evidence.error.is_none());
        assert_eq!(to_json(&evidence.data), br#"{"a":[1]}"#);
        assert!(
            evidence_of::<Echo>(b"null").status,
            "null is the empty config"
        );
    }

    #[test]
    fn an_error_becomes_evidence_with_status_false() {
        let evidence = evidence_of::<Echo>(br#"{"fail":true}"#);
        assert!(!evidence.status);
        assert_eq!(
            evidence.error,
            Some(ErrorDetail::new("validation", "as you wish"))
        );
    }

    #[test]
    fn a_config_that_is_no_object_is_a_config_error_that_says_why() {
        for (config, why) in [
            (b"".as_slice(), "EOF"),
            (b"[1]", "sequence"),
            (b"7", "integer"),
            (b"{\"a\":", "EOF"),
            (b"{} x", "trailing"),
        ] {
            let error = evidence_of::<Echo>(config).error.unwrap();
            assert_eq!(error.kind, kinds::CONFIG);
            assert!(
                error
                    .message
                    .starts_with("the config is not a JSON object: ")
            );
            assert!(error.message.contains(why), "{}", error.message);
        }
    }

    #[test]
    fn names_that_attributes_must_spell_out_are_the_names_of_the_contract() {
        // `link_section`, `wasm_import_module` and `export_name` take literals only.
        assert_eq!(names::VERSION_SECTION, "tollgate-abi");
        assert_eq!(names::HOST_MODULE, "reglet_host");
        assert_eq!(names::export::PANIC, "tollgate_panic");
    }
}
