//! What a Rust plugin needs: the [`Plugin`] trait, the [`plugin!`](crate::plugin!) macro that
//! turns an implementation into a module's exports, [`config!`](crate::config!) for its config and
//! schema, [`Evidence`] as a builder, and safe wrappers for the host functions ([`host`]).
//! Everything also builds natively, with a [`Script`] as the host, so `cargo test` tests a plugin.
//!
//! ```
//! use std::borrow::Cow;
//! use tollgate_abi::guest::{Error, Evidence, Info, Plugin, Script, host, schema_of};
//!
//! tollgate_abi::config! {
//!     struct Config {
//!         /// The variable to check.
//!         name: String,
//!     }
//! }
//!
//! struct IsSet;
//!
//! impl Plugin for IsSet {
//!     type Config = Config;
//!
//!     const INFO: Info = Info {
//!         name: "is-set",
//!         version: "1.0.0",
//!         description: "Is a variable set?",
//!         capabilities: &[("env", "LANG")],
//!     };
//!
//!     fn schema() -> Cow<'static, str> {
//!         schema_of::<Config>()
//!     }
//!
//!     fn observe(config: Config) -> Result<Evidence, Error> {
//!         let value = host::env(&config.name)?;
//!         Ok(Evidence::new(value.is_some()).with("value", value))
//!     }
//! }
//!
//! tollgate_abi::plugin!(IsSet);
//!
//! # fn main() {
//! let evidence = Script::new().variable("LANG", "C").observe::<IsSet>(r#"{"name":"LANG"}"#);
//! assert!(evidence.status);
//! assert_eq!(evidence.data["value"], "C");
//! # }
//! ```
//!
//! Build it as a `cdylib` for `wasm32-unknown-unknown`; the README of this crate has the profile.

mod blocks;
pub mod config;
mod error;
mod evidence;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod exports;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod heap;
pub mod host;
mod info;
mod json;
#[cfg(feature = "log")]
mod logger;
mod mailbox;
#[cfg(not(target_arch = "wasm32"))]
mod script;

pub use config::{ConfigValue, schema_of};
pub use error::{Error, ErrorKind};
pub use evidence::Evidence;
pub use info::Info;
#[cfg(feature = "log")]
#[cfg_attr(docsrs, doc(cfg(feature = "log")))]
pub use logger::log_to_host;
pub use mailbox::{MAILBOX_TEXT, Mailbox};
#[cfg(not(target_arch = "wasm32"))]
pub use script::Script;

use alloc::{borrow::Cow, format};
use serde::de::DeserializeOwned;

/// A plugin: a constant and two functions without state, since every call may be the first of an
/// instance. The example is that of [the module](self).
pub trait Plugin {
    /// The argument of `observe`: a [`config!`](crate::config!), or any type that serde can read.
    type Config: DeserializeOwned;

    /// Name, version and needed capabilities.
    const INFO: Info;

    /// The JSON Schema of the config: [`schema_of`] or a text of your own.
    fn schema() -> Cow<'static, str>;

    /// Runs the check and returns evidence.
    ///
    /// # Errors
    ///
    /// The reason why the plugin could not check. It becomes evidence with status false.
    fn observe(config: Self::Config) -> Result<Evidence, Error>;
}

/// Returns the evidence of `P` for a config in JSON, without a host; [`Script::observe`] has one. An
/// invalid config results in evidence with an error of type `config`; `null` is the empty config.
///
/// ```
/// # use std::borrow::Cow;
/// # use tollgate_abi::guest::{self, Error, Evidence, Info, Plugin};
/// # tollgate_abi::config! { struct Config { port: u16 } }
/// # struct Port;
/// # impl Plugin for Port {
/// #     type Config = Config;
/// #     const INFO: Info = Info { name: "", version: "", description: "", capabilities: &[] };
/// #     fn schema() -> Cow<'static, str> { guest::schema_of::<Config>() }
/// #     fn observe(config: Config) -> Result<Evidence, Error> {
/// #         Ok(Evidence::new(config.port > 0))
/// #     }
/// # }
/// assert!(guest::evidence_of::<Port>(br#"{"port":22}"#).status);
/// let error = guest::evidence_of::<Port>(br#"{"port":true}"#).error.unwrap();
/// assert_eq!(error.kind, "config");
/// ```
#[cfg(not(target_arch = "wasm32"))]
pub fn evidence_of<P: Plugin>(config: &[u8]) -> crate::Evidence {
    decode_config::<P>(config)
        .and_then(P::observe)
        .unwrap_or_else(Into::into)
        .read()
}

/// Reads a config; `null` is the empty config.
fn decode_config<P: Plugin>(config: &[u8]) -> Result<P::Config, Error> {
    let config = match config.trim_ascii() {
        b"null" => b"{}",
        config => config,
    };
    json::read(config).map_err(|error| {
        let message = format!("the config is not as it should be: {error}");
        Error::new(ErrorKind::Config, message)
    })
}

/// Makes a [`Plugin`](crate::guest::Plugin) the plugin of this module. Use it once, at the top
/// level of a `cdylib` crate.
///
/// * `plugin!(MyPlugin);` for a crate with `std`: installs a panic hook.
/// * `plugin!(no_std MyPlugin);` for a crate with
///   `#![cfg_attr(target_arch = "wasm32", no_std)]`: brings the `#[panic_handler]` and a small heap
///   as the `#[global_allocator]`. The module is about 10 KB smaller.
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
        #[global_allocator]
        static TOLLGATE_HEAP: $crate::guest::heap::Heap = $crate::guest::heap::Heap::new();

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
    use crate::{ErrorDetail, host::kinds, names, to_json};
    use alloc::string::String;

    type Values = serde_json::Map<String, serde_json::Value>;

    struct Echo;

    impl Plugin for Echo {
        type Config = Values;

        const INFO: Info = Info {
            name: "echo",
            version: "",
            description: "",
            capabilities: &[],
        };

        fn schema() -> Cow<'static, str> {
            "{}".into()
        }

        fn observe(config: Values) -> Result<Evidence, Error> {
            if config.contains_key("fail") {
                return Err(Error::new(ErrorKind::Validation, "unexpected value"));
            }
            let mut evidence = Evidence::success();
            for (name, value) in config {
                evidence.add(&name, value);
            }
            Ok(evidence)
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
            Some(ErrorDetail::new("validation", "unexpected value"))
        );
    }

    #[test]
    fn a_config_that_cannot_be_read_is_a_config_error_that_says_why() {
        for (config, why) in [
            (b"".as_slice(), "expected a map, at byte 0"),
            (b"[1]", "expected a map, at byte 0"),
            (b"7", "expected a map, at byte 0"),
            (b"{\"a\":", "expected a value, at byte 5"),
            (b"{} x", "behind the end, at byte 3"),
        ] {
            let error = evidence_of::<Echo>(config).error.unwrap();
            assert_eq!(error.kind, kinds::CONFIG);
            assert!(
                error
                    .message
                    .starts_with("the config is not as it should be: ")
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
