//! One instance that the caller keeps, for loops that call a plugin as fast as possible: fuzzers
//! above all.

use super::{
    Observation, Plugin,
    call::{Allowance, Call},
};
use crate::{
    error::Error,
    guest::{self, Snapshot},
    limits::Usage,
};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;

/// An initialised instance of a plugin, which its owner calls and resets.
///
/// Between two resets the plugin remembers what it did. An instance that was stopped (by a trap, a
/// limit or itself) is never entered again: the next call begins in a new one.
///
/// ```
/// # let runtime = tollgate::Runtime::new()?;
/// # let plugin = runtime.load("file", include_bytes!("../../fixtures/file.wasm"))?;
/// let mut instance = plugin.instance()?;
/// for config in [&b"{\"path\":\"/etc/hostname\"}"[..], b"{\"path\":", b"\xFF\0"] {
///     let answer: Result<Vec<u8>, tollgate::Error> = instance.observe_bytes(config);
///     // A trap or a violation of the protocol is what a fuzzer looks for.
///     assert!(answer.is_ok());
///     instance.reset()?;
/// }
/// # Ok::<(), tollgate::Error>(())
/// ```
///
/// `examples/libfuzzer` and `examples/libafl` are whole harnesses, which see into the plugin: the
/// [guide](crate#fuzzing) says how.
pub struct Instance {
    pub(super) plugin: Plugin,
    pub(super) inner: Box<guest::Instance>,
    /// Whether it was called since it was made or reset.
    called: bool,
    /// Where resets lead, if not to the state that initialisation left.
    taken: Option<Box<Snapshot>>,
}

impl Plugin {
    /// An instance of its own, initialised and ready to be called.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), if there can be no instance.
    pub fn instance(&self) -> Result<Instance, Error> {
        Ok(Instance {
            inner: self.start(&self.allowance())?,
            plugin: self.clone(),
            called: false,
            taken: None,
        })
    }
}

impl Instance {
    /// Has the plugin observe, and reads its answer; as [`Plugin::call`], but in this instance.
    ///
    /// # Errors
    ///
    /// As [`Plugin::call`].
    pub fn observe<'a>(&mut self, call: impl Into<Call<'a>>) -> Result<Observation, Error> {
        let plugin = self.plugin.clone();
        let make = || {
            let ready = plugin.prepare(call.into())?;
            self.begin(&ready.allowance)?;
            plugin.answer(&mut self.inner, &ready)
        };
        plugin.traced(make, Result::as_ref)
    }

    /// Has the plugin observe, with these bytes as its config whatever they are, and returns the
    /// bytes of its answer whatever they are: nothing is validated, also where
    /// [`validate_configs`](crate::RuntimeBuilder::validate_configs) is set, and nothing is
    /// redacted but errors.
    ///
    /// # Errors
    ///
    /// As [`Plugin::call`], except for those that come from reading the answer.
    pub fn observe_bytes(&mut self, config: &[u8]) -> Result<Vec<u8>, Error> {
        let ready = self.plugin.prepare(Call::bytes(config))?;
        self.begin(&ready.allowance)?;
        self.plugin.answer_bytes(&mut self.inner, &ready)
    }

    /// Makes the instance ready for another call, which remembers the one before.
    fn begin(&mut self, allowance: &Allowance) -> Result<(), Error> {
        self.called = true;
        if self.inner.failed() {
            return self.renew(allowance);
        }
        self.inner.interrupt_by(allowance.interrupt.clone());
        self.inner.begin(&allowance.call)
    }

    /// Back to the state that initialisation left, or to that of the last [`snapshot`](Self::snapshot):
    /// in place if that can be, and else with a new instance. A plugin that cannot be forked is
    /// initialised again.
    ///
    /// The host does not see what a guest wrote, so the whole memory is compared, which takes some 20 µs for
    /// each MiB. With [`Instruments::WRITES`](crate::inspect::Instruments::WRITES), only what the guest may
    /// have written is. An instance whose memory grew is replaced, which takes several times as long; see
    /// [`warm_up`](Self::warm_up).
    ///
    /// # Errors
    ///
    /// As [`Plugin::instance`].
    pub fn reset(&mut self) -> Result<(), Error> {
        if self.called {
            self.renew(&self.plugin.allowance())?;
            self.called = false;
        }
        Ok(())
    }

    /// From now on, [`reset`](Self::reset) leads to the state that the instance has now, and so does a
    /// call after one that was stopped. For loops that begin where a first call ended: what the plugin
    /// fills at its first call, it need not fill at each.
    ///
    /// # Errors
    ///
    /// [`Error::Snapshot`] if the state cannot be copied: files are open, or as
    /// [`Plugin::unforkable`]. Then resets lead where they did.
    pub fn snapshot(&mut self) -> Result<(), Error> {
        let taken = Snapshot::of(&self.inner).map_err(|problem| Error::Snapshot {
            plugin: self.plugin.name().into(),
            problem,
        })?;
        self.taken = Some(Box::new(taken));
        self.called = false;
        Ok(())
    }

    /// Has the plugin allocate and free a buffer of so many bytes, and takes a
    /// [`snapshot`](Self::snapshot). The heap has its size then: a plugin whose memory grows in each call
    /// gets a new instance for each, since memories do not shrink, and one whose heap is large enough is
    /// reset in place. Choose the size of the largest config, or some times that.
    ///
    /// A call after this may use less fuel than in a fresh instance, and sees a larger memory, so repeat
    /// what you find in one.
    ///
    /// # Errors
    ///
    /// As [`snapshot`](Self::snapshot), and as a call that fails;
    /// [`ProtocolError::NotExported`](crate::ProtocolError::NotExported) if the plugin does not
    /// export `deallocate`.
    pub fn warm_up(&mut self, bytes: u32) -> Result<(), Error> {
        self.begin(&self.plugin.allowance())?;
        let borrowed = self.inner.borrow_buffer(bytes);
        borrowed.map_err(|error| self.plugin.redacted(error))?;
        self.snapshot()
    }

    fn renew(&mut self, allowance: &Allowance) -> Result<(), Error> {
        let taken = self.taken.as_deref();
        self.plugin.renew(&mut self.inner, taken, allowance)
    }

    /// What the last call used.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.inner.usage()
    }

    /// The guest's linear memory as it is now.
    #[must_use]
    pub fn memory(&self) -> &[u8] {
        self.inner.memory()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("plugin", &self.plugin)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
