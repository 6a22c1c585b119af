//! One instance in the caller's own hands, for loops that call a plugin as fast as it can be
//! called: fuzzers above all.

use super::{Config, Observation, Plugin};
use crate::{error::Error, guest, limits::Usage};

/// An initialised instance of a plugin, which its owner calls and resets.
///
/// Between two resets the plugin remembers what it did. An instance that was stopped (by a trap, a
/// limit or itself) is never entered again: the next call begins in a new one.
///
/// ```
/// # let runtime = tollgate::Runtime::new()?;
/// # let plugin = runtime.load("file", include_bytes!("../../fixtures/file.wasm"))?;
/// let mut instance = plugin.fork()?;
/// for config in [&b"{\"path\":\"/etc/hostname\"}"[..], b"{\"path\":", b"\xFF\0"] {
///     let answer: Result<Vec<u8>, tollgate::Error> = instance.call(config);
///     // A trap or a violation of the protocol is what a fuzzer looks for.
///     assert!(answer.is_ok());
///     instance.reset()?;
/// }
/// # Ok::<(), tollgate::Error>(())
/// ```
///
/// A whole harness for libFuzzer, with `libfuzzer-sys` and `cargo fuzz`: a crash is a panic of the
/// host's, and what else a plugin must never do is the harness's to say.
///
/// ```ignore
/// #![no_main]
/// use std::cell::RefCell;
/// thread_local!(static PLUGIN: RefCell<tollgate::Instance> = RefCell::new({
///     let runtime = tollgate::Runtime::builder().fuel(10_000_000).build().unwrap();
///     runtime.load("plugin", include_bytes!("plugin.wasm")).unwrap().fork().unwrap()
/// }));
/// libfuzzer_sys::fuzz_target!(|config: &[u8]| PLUGIN.with_borrow_mut(|plugin| {
///     if let Err(error) = plugin.call(config) { assert!(!matches!(error, tollgate::Error::Fault { .. }), "{error}"); }
///     plugin.reset().unwrap();
/// }));
/// ```
pub struct Instance {
    plugin: Plugin,
    inner: guest::Instance,
    /// Whether it was called since it was made or reset.
    called: bool,
}

impl Plugin {
    /// An instance of its own, initialised and ready to be called.
    ///
    /// # Errors
    ///
    /// As [`observe`](Self::observe), if there can be no instance.
    pub fn fork(&self) -> Result<Instance, Error> {
        Ok(Instance {
            inner: self.start()?,
            plugin: self.clone(),
            called: false,
        })
    }
}

impl Instance {
    /// Has the plugin observe, with these bytes as its config whatever they are, and gives the
    /// bytes of its answer whatever they are: no schema is asked, also where
    /// [`validate_configs`](crate::RuntimeBuilder::validate_configs) is set. Budgets and the
    /// deadline are those of one call.
    ///
    /// # Errors
    ///
    /// As [`Plugin::observe`], but nobody has looked at the answer.
    pub fn call(&mut self, config: &[u8]) -> Result<Vec<u8>, Error> {
        self.begin()?;
        let answer = self.inner.observe(self.plugin.observing(), config);
        answer.map_err(|error| self.plugin.redacted(error))
    }

    /// Makes the instance ready for another call.
    fn begin(&mut self) -> Result<(), Error> {
        if self.inner.failed() {
            self.reset()?;
        }
        if std::mem::replace(&mut self.called, true) {
            self.inner.go_on()?;
        }
        Ok(())
    }

    /// Has the plugin observe, and reads its answer.
    ///
    /// # Errors
    ///
    /// As [`Plugin::observe`].
    pub fn observe(&mut self, config: &Config) -> Result<Observation, Error> {
        let config = self.plugin.check(config)?;
        self.begin()?;
        self.plugin.observe_in(&mut self.inner, &config)
    }

    /// Back to the state that initialisation left: in place if that can be, and else with a new
    /// instance. A plugin that cannot be forked is initialised again.
    ///
    /// # Errors
    ///
    /// As [`Plugin::fork`].
    pub fn reset(&mut self) -> Result<(), Error> {
        if self.called {
            self.plugin.renew(&mut self.inner)?;
            self.called = false;
        }
        Ok(())
    }

    /// What the last call used.
    pub fn usage(&self) -> Usage {
        self.inner.usage()
    }

    /// The guest's linear memory as it is now.
    pub fn memory(&self) -> &[u8] {
        self.inner.memory()
    }
}
