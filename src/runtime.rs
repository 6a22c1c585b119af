//! The runtime: the plugins loaded under their names, and what they share. Its options are in
//! `builder`.

mod builder;

pub use builder::RuntimeBuilder;

use crate::{
    capability::{Capability, Grants},
    error::{Error, LoadError, Problem},
    gate::{HostFunctions, Policy},
    imports,
    limits::{Interrupt, Limits},
    module::{self, AbiVersion, Compiled, ModuleCache, Offered},
    plugin::{Once, Parts, Plugin, Settings},
    sync::{Mutex, lock},
    world::Simulated,
};
use alloc::{
    borrow::{Cow, ToOwned},
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::fmt;
use tollgate_abi::ConfigSchema;

/// Runs plugins. Cloning gives another handle to the same runtime; every method may be called
/// from any thread.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    grants: Grants,
    missing_directories: Vec<(String, Capability)>,
    host_functions: Arc<HostFunctions>,
    policies: BTreeMap<String, Arc<Policy>>,
    /// For plugins that were granted nothing.
    no_policy: Arc<Policy>,
    cache: ModuleCache,
    /// Each name with its plugin, which others look up while it is being loaded.
    plugins: Mutex<BTreeMap<String, Arc<Once<Plugin>>>>,
}

impl Runtime {
    /// A runtime with default limits, in which no plugin has any grant.
    ///
    /// # Errors
    ///
    /// As [`RuntimeBuilder::build`].
    pub fn new() -> Result<Runtime, Error> {
        Runtime::builder().build()
    }

    /// Options for a runtime.
    #[must_use]
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Options for a runtime in which everything is the same in every run, on every machine: each
    /// call has an empty [`Simulated`] world of its own, with random numbers from this seed. Give
    /// it a richer one with [`world`](RuntimeBuilder::world).
    ///
    /// ```
    /// use tollgate::{Config, Runtime, world::Simulated};
    ///
    /// # let bytes = include_bytes!("../fixtures/file.wasm");
    /// let world = Simulated::new().seed(7).file("/etc/motd", "hello\n");
    /// let runtime = Runtime::deterministic(7)
    ///     .world(move || world.clone())
    ///     .grant("file", "fs:read:/etc/**".parse()?)
    ///     .build()?;
    /// let file = runtime.load("file", bytes)?;
    /// let seen = file.observe(&Config::new().set("path", "/etc/motd"))?;
    /// assert_eq!(seen.evidence.data["size"], 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// No [deadline](RuntimeBuilder::deadline) is set, and none should be: real time is the one
    /// thing that is not the same twice. Fuel ends what does not end.
    #[must_use]
    pub fn deterministic(seed: u64) -> RuntimeBuilder {
        let world = Simulated::new().seed(seed);
        Runtime::builder().world(move || world.clone())
    }

    /// Compiles a module and checks its contract. Loading the same bytes under the same name again
    /// returns the plugin that is there; threads that load one name at once compile it once.
    ///
    /// A plugin keeps its bytes: a `Vec` is kept as it is, a slice is copied.
    ///
    /// # Errors
    ///
    /// [`Error::Load`] if the bytes are no plugin that can run here, or the name is taken by a
    /// plugin with other bytes; [`replace`](Self::replace) takes its place.
    pub fn load<'a>(&self, name: &str, bytes: impl Into<Cow<'a, [u8]>>) -> Result<Plugin, Error> {
        let loaded = self.load_bytes(name, bytes.into());
        loaded.map_err(|error| self.redacted(error))
    }

    /// Loads a plugin in place of the one that has this name, if there is one. It is always another
    /// plugin, which is initialised anew, also if the bytes are the same. Calls of the old one go
    /// on, and handles to it stay valid.
    ///
    /// # Errors
    ///
    /// [`Error::Load`] if the bytes are no plugin that can run here. Then the old one stays.
    pub fn replace<'a>(
        &self,
        name: &str,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Plugin, Error> {
        let bytes = bytes.into();
        let limits = &self.inner.settings.limits.module;
        let loaded =
            module::check_size(limits, &bytes).and_then(|()| self.inner.prepare(name, bytes));
        let plugin = loaded.map_err(|problem| {
            self.redacted(Error::Load {
                plugin: name.into(),
                problem,
            })
        })?;
        let slot = Arc::new(Once::of(plugin.clone()));
        let replaced = lock(&self.inner.plugins).insert(name.to_owned(), slot);
        // Not while the names are locked: with the last handle goes what is the embedder's.
        drop(replaced);
        Ok(plugin)
    }

    /// Loads a module that is no plugin but a fuzzing harness in the style of libFuzzer, as it is built for
    /// other hosts: it exports its `memory`, `malloc` and `LLVMFuzzerTestOneInput(bytes, length) -> int`, and may
    /// export `_initialize` and `LLVMFuzzerInitialize`. Its imports are those of plugins. A call
    /// ([`Call::bytes`](crate::Call::bytes), [`Instance::observe_bytes`](crate::Instance::observe_bytes)) runs one
    /// input, and its evidence has what the harness returned: `{"returned": 0}`. The name decides its grants; the
    /// runtime does not keep it.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), for a module that is no harness.
    pub fn load_harness<'a>(
        &self,
        name: &str,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Plugin, Error> {
        let inner = &*self.inner;
        let loaded = inner.compile(bytes.into(), |compiled, offered, limits| {
            let problems = module::check_harness(compiled, offered, limits);
            (Some(AbiVersion::Harness), problems)
        });
        let made = loaded.and_then(|(compiled, version)| inner.plugin(name, compiled, version));
        made.map_err(|problem| {
            self.redacted(Error::Load {
                plugin: name.into(),
                problem,
            })
        })
    }

    /// Removes the plugin that has this name, and returns it. Calls of it go on, and handles to it
    /// stay valid; it is freed with the last of them.
    #[expect(clippy::must_use_candidate, reason = "removing it is the purpose")]
    pub fn unload(&self, name: &str) -> Option<Plugin> {
        let removed = lock(&self.inner.plugins).remove(name);
        removed?.get().cloned()
    }

    fn redacted(&self, error: Error) -> Error {
        match &self.inner.settings.observer.redactor {
            Some(redactor) => redactor.error(error),
            None => error,
        }
    }

    fn load_bytes(&self, name: &str, bytes: Cow<'_, [u8]>) -> Result<Plugin, Error> {
        let inner = &*self.inner;
        let failed = |problem| Error::Load {
            plugin: name.into(),
            problem,
        };
        // Before the bytes are hashed, which takes time too.
        let limits = &inner.settings.limits.module;
        module::check_size(limits, &bytes).map_err(failed)?;
        let slot = lock(&inner.plugins)
            .entry(name.to_owned())
            .or_default()
            .clone();
        let mut bytes = Some(bytes);
        let load = || inner.prepare(name, bytes.take().unwrap_or_default());
        let loaded = slot.get_or_try(&Interrupt::default(), load, |_| LoadError::BeingLoaded);
        let loaded = loaded.cloned();
        let plugin = match loaded {
            Ok(plugin) => plugin,
            Err(problem) => {
                inner.forget_failed(name, slot);
                return Err(failed(problem));
            }
        };
        match bytes {
            // It was there already.
            Some(bytes) if !plugin.is_made_of(&bytes) => Err(failed(LoadError::OtherContent)),
            _ => Ok(plugin),
        }
    }

    /// The plugin loaded under a name. Never waits for one that is being loaded.
    #[must_use]
    pub fn plugin(&self, name: &str) -> Option<Plugin> {
        lock(&self.inner.plugins).get(name)?.get().cloned()
    }

    /// The names of the loaded plugins, in order.
    #[must_use]
    pub fn plugins(&self) -> Vec<String> {
        let plugins = lock(&self.inner.plugins);
        let loaded = plugins.iter().filter(|(_, slot)| slot.get().is_some());
        loaded.map(|(name, _)| name.clone()).collect()
    }

    /// The config schema of a loaded plugin.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] for an unknown name, or as [`Plugin::schema`].
    pub fn schema(&self, name: &str) -> Result<Arc<ConfigSchema>, Error> {
        let plugin = self.plugin(name);
        plugin
            .ok_or_else(|| Error::NotLoaded {
                plugin: name.into(),
            })?
            .schema()
    }

    /// What the operator granted.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.inner.grants
    }

    /// The grants of files in directories that did not exist when the runtime was built, by plugin:
    /// most often a slip of the operator's.
    #[must_use]
    pub fn missing_directories(&self) -> &[(String, Capability)] {
        &self.inner.missing_directories
    }

    /// The limits of every call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.settings.limits
    }

    /// Removes all plugins. Calls of them go on, and handles to them stay valid; each is freed with
    /// its last handle.
    pub fn close(&self) {
        let closed = core::mem::take(&mut *lock(&self.inner.plugins));
        // Not while the names are locked: with the last handle goes what is the embedder's.
        drop(closed);
    }
}

impl Inner {
    /// Gives up a name under which nothing could be loaded, unless others are still trying: the
    /// last of them gives it up then.
    fn forget_failed(&self, name: &str, slot: Arc<Once<Plugin>>) {
        let mut plugins = lock(&self.plugins);
        // Slots are cloned and dropped under this lock, so that the count of their users is exact.
        drop(slot);
        let is_unused =
            |slot: &Arc<Once<Plugin>>| slot.get().is_none() && Arc::strong_count(slot) == 1;
        if plugins.get(name).is_some_and(is_unused) {
            plugins.remove(name);
        }
    }

    fn prepare(&self, name: &str, bytes: Cow<'_, [u8]>) -> Result<Plugin, LoadError> {
        let (compiled, version) = self.compile(bytes, module::check)?;
        self.plugin(name, compiled, version)
    }

    /// Compiles a module that passes a check of its contract.
    fn compile(
        &self,
        bytes: Cow<'_, [u8]>,
        check: impl FnOnce(&Compiled, &[Offered], &Limits) -> (Option<AbiVersion>, Vec<Problem>),
    ) -> Result<(Arc<Compiled>, AbiVersion), LoadError> {
        let limits = &self.settings.limits;
        let compiled = self.cache.compile(bytes, limits)?;
        let offered = imports::offered(&self.host_functions);
        let (version, problems) = check(&compiled, &offered, limits);
        let Some(version) = version.filter(|_| problems.is_empty()) else {
            drop(compiled);
            self.cache.forget_unused();
            return Err(LoadError::Contract(problems));
        };
        Ok((compiled, version))
    }

    fn plugin(
        &self,
        name: &str,
        compiled: Arc<Compiled>,
        version: AbiVersion,
    ) -> Result<Plugin, LoadError> {
        let linker = imports::linker(&compiled.module, &self.host_functions)
            .map_err(|error| LoadError::Compile(error.to_string().into()))?;
        let policy = self.policies.get(name).unwrap_or(&self.no_policy).clone();
        Ok(Plugin::new(Parts {
            name: name.into(),
            version,
            compiled,
            linker,
            settings: self.settings.clone(),
            policy,
        }))
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("plugins", &self.plugins())
            .field("limits", self.limits())
            .finish_non_exhaustive()
    }
}
