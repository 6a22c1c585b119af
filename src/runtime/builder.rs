//! Options for a runtime. Building it resolves the names in grants, once.

use super::{Inner, Runtime};
#[cfg(feature = "schema")]
use crate::plugin::ConfigValidation;
use crate::{
    capability::{Capability, Grants, check_kind},
    error::{BuildError, Error},
    gate::{CustomRequest, Event, HostCall, HostError, HostFunctions, Observer, Policy},
    imports,
    limits::{Clock, FuelLimit, Limits, MemoryLimit, ModuleLimits, StackLimit},
    module::{self, ModuleCache},
    plugin::{ForkPolicy, IdlePool, NewWorld, Settings},
    sync::Mutex,
    world::{DeterministicInit, World},
};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};
use core::{fmt, time::Duration};
use serde::{Serialize, de::DeserializeOwned};
use tollgate_abi::names;

/// Options for a [`Runtime`]. Nothing is granted unless said so.
#[derive(Clone, Default)]
pub struct RuntimeBuilder {
    grants: Grants,
    limits: Limits,
    clock: Clock,
    cache: Option<ModuleCache>,
    observer: Observer,
    #[cfg(feature = "schema")]
    validate_configs: Option<ConfigValidation>,
    backtraces: bool,
    host_functions: HostFunctions,
    world: Option<Arc<NewWorld>>,
    fork_policy: ForkPolicy,
    idle_instances: Option<usize>,
    deterministic_init: Option<u64>,
}

impl RuntimeBuilder {
    /// Grants the plugin of this name a capability.
    #[must_use]
    pub fn grant(mut self, plugin: &str, capability: Capability) -> RuntimeBuilder {
        self.grants.grant(plugin, capability);
        self
    }

    /// Grants all of these besides what is granted already.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> RuntimeBuilder {
        self.grants = self.grants.union(&grants);
        self
    }

    /// Replaces all limits at once.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> RuntimeBuilder {
        self.limits = limits;
        self
    }

    /// Fuel for one call.
    #[must_use]
    pub fn fuel(mut self, limit: impl Into<FuelLimit>) -> RuntimeBuilder {
        self.limits.fuel = limit.into();
        self
    }

    /// What a module may hold.
    #[must_use]
    pub fn module_limits(mut self, limits: ModuleLimits) -> RuntimeBuilder {
        self.limits.module = limits;
        self
    }

    /// Linear memory of one instance.
    #[must_use]
    pub fn memory_limit(mut self, limit: MemoryLimit) -> RuntimeBuilder {
        self.limits.memory = limit;
        self
    }

    /// The guest's call stack.
    #[must_use]
    pub fn stack(mut self, limit: StackLimit) -> RuntimeBuilder {
        self.limits.stack = limit;
        self
    }

    /// Wall-clock time for one call; `None` is no deadline. Without the feature `std`, and in a browser, it needs
    /// a [`clock`](Self::clock).
    #[must_use]
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> RuntimeBuilder {
        self.limits.deadline = limit.into();
        self
    }

    /// Measures deadlines by this clock instead of that of the standard library: it returns the time since some
    /// moment, and never goes back. Guests do not see it; what they see of time is the world's.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> Duration + Send + Sync + 'static) -> RuntimeBuilder {
        self.clock = Clock::new(now);
        self
    }

    /// The most bytes of evidence, see [`Limits::evidence_bytes`]; `None` is no limit.
    #[must_use]
    pub fn evidence_bytes(mut self, limit: impl Into<Option<u32>>) -> RuntimeBuilder {
        self.limits.evidence_bytes = limit.into();
        self
    }

    /// Whether a plugin is initialised once for all its calls, which is the default, or for each.
    #[must_use]
    pub fn fork_policy(mut self, policy: ForkPolicy) -> RuntimeBuilder {
        self.fork_policy = policy;
        self
    }

    /// How many instances each plugin may keep between calls, to use them again. Default: 4.
    ///
    /// Besides its compiled module, a plugin that was called keeps one copy of its initialised
    /// memory without the zeros, and so many times its whole memory (never more than
    /// [`Limits::memory`] each). All plugins of a runtime together keep no more than 16 times as
    /// many; the one that keeps most gives way. With 0, each call begins in a new copy.
    #[must_use]
    pub fn idle_instances(mut self, most: usize) -> RuntimeBuilder {
        self.idle_instances = Some(most);
        self
    }

    /// Makes clocks advance by a fixed step and random bytes come from this seed, whatever the world
    /// is: what a plugin sees of time and chance is then the same in every run, for baking.
    #[must_use]
    pub fn deterministic_init(mut self, seed: u64) -> RuntimeBuilder {
        self.deterministic_init = Some(seed);
        self
    }

    /// Uses this cache of compiled modules instead of the one that the process shares.
    #[must_use]
    pub fn module_cache(mut self, cache: ModuleCache) -> RuntimeBuilder {
        self.cache = Some(cache);
        self
    }

    /// Hides secrets in evidence, descriptions, schemas, errors, log lines, reports of denials and
    /// transcripts. A second redactor replaces the first.
    #[cfg(feature = "redact")]
    #[must_use]
    pub fn redactor(mut self, redactor: crate::redact::Redactor) -> RuntimeBuilder {
        self.observer.redactor = Some(redactor);
        self
    }

    /// Calls `watch` with the plugin's name for each of its log lines and denials, from the thread
    /// that runs the plugin. [`build`](Self::build) itself may report [`Event::UnoptimisedEngine`].
    /// With the feature `tracing`, events go to `tracing` too, [also without a callback](crate#events-to-tracing).
    #[must_use]
    pub fn on_event(
        mut self,
        watch: impl Fn(&str, &Event) + Send + Sync + 'static,
    ) -> RuntimeBuilder {
        self.observer.callback = Some(Arc::new(watch));
        self
    }

    /// Also reports to `on_event` each request that was granted ([`Event::Granted`]), so that an
    /// operator learns what a plugin needs.
    #[must_use]
    pub fn audit(mut self) -> RuntimeBuilder {
        self.observer.audit = true;
        self
    }

    /// Has the errors of calls say where the plugin was stopped: see [`Error::backtrace`](crate::Error::backtrace).
    ///
    /// Each call then notes its effects and their replies, in up to 4 MiB of memory; a call that has more gets
    /// no backtrace. A call that fails is repeated with what was noted, without its effects happening again:
    /// its module is compiled once more, and the run takes up to three times as long as before.
    #[must_use]
    pub fn backtraces(mut self, backtraces: bool) -> RuntimeBuilder {
        self.backtraces = backtraces;
        self
    }

    /// Rejects configs that do not match the plugin's schema, with
    /// [`ConfigError::Invalid`](crate::ConfigError::Invalid), before the plugin observes; `validation`
    /// says which violations count. Without this, configs are not validated. Reading the schema costs
    /// one more run of the plugin, before its first observe.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn validate_configs(mut self, validation: ConfigValidation) -> RuntimeBuilder {
        self.validate_configs = Some(validation);
        self
    }

    /// Offers plugins a function of your own: JSON in, JSON out, through the same gate. Calling it
    /// needs a grant of `kind`, one of your own, whose pattern is the function's name (`kv:get`,
    /// `kv:*`), unless [`capability_kind`](Self::capability_kind) says otherwise.
    ///
    /// A request that does not fit `Request` and an error of yours are replies `{"error": …}`.
    #[must_use]
    pub fn host_function<Request, Reply>(
        mut self,
        module: &str,
        name: &str,
        kind: &str,
        function: impl Fn(Request, &HostCall<'_>) -> Result<Reply, HostError> + Send + Sync + 'static,
    ) -> RuntimeBuilder
    where
        Request: DeserializeOwned + 'static,
        Reply: Serialize + 'static,
    {
        self.host_functions.add(module, name, kind, function);
        self
    }

    /// Sets the rule for a capability kind of your own: whether a grant's pattern allows what a plugin
    /// requests.
    #[must_use]
    pub fn capability_kind(
        mut self,
        kind: &str,
        matcher: impl Fn(&str, CustomRequest<'_>) -> bool + Send + Sync + 'static,
    ) -> RuntimeBuilder {
        self.host_functions.judge_by(kind, matcher);
        self
    }

    /// Makes effects happen in another world than this machine's operating system. `new` makes the
    /// world of one instance.
    #[must_use]
    pub fn world<W: World + 'static>(
        mut self,
        new: impl Fn() -> W + Send + Sync + 'static,
    ) -> RuntimeBuilder {
        self.world = Some(Arc::new(move || Box::new(new())));
        self
    }

    /// The runtime. The names that grants hold are resolved now: a link that changes its target
    /// later grants nothing new.
    ///
    /// # Errors
    ///
    /// [`Error::Build`] if an option is invalid.
    pub fn build(self) -> Result<Runtime, Error> {
        module::dispatch_is_sound()?;
        self.check_limits()?;
        self.check_host_functions()?;
        self.grants
            .check_kinds(&self.host_functions.kinds())
            .map_err(BuildError::UnknownKind)?;
        let world = match self.world {
            Some(world) => world,
            None => here()?,
        };
        let world = match self.deterministic_init {
            Some(seed) => Arc::new(move || -> Box<dyn World> {
                Box::new(DeterministicInit::new(world(), seed))
            }),
            None => world,
        };
        if self.observer.listens() && module::must_warn_of_slow_engine() {
            self.observer.report("", &Event::UnoptimisedEngine);
        }
        let host_functions = Arc::new(self.host_functions);
        let now = world();
        let missing_directories = missing_directories(&self.grants, &*now);
        let policies = pin(&self.grants, &*now, &host_functions);
        let directory = now.working_directory();
        let no_policy = Arc::new(Policy::new(&[], &[], directory, host_functions.clone()));
        Ok(Runtime {
            inner: Arc::new(Inner {
                settings: Arc::new(Settings {
                    limits: Arc::new(self.limits),
                    clock: self.clock,
                    observer: self.observer,
                    #[cfg(feature = "schema")]
                    validate_configs: self.validate_configs,
                    backtraces: self.backtraces,
                    world,
                    fork_policy: self.fork_policy,
                    idle: Arc::new(IdlePool::new(self.idle_instances.unwrap_or(IDLE_INSTANCES))),
                }),
                missing_directories,
                grants: self.grants,
                host_functions,
                policies,
                no_policy,
                cache: self.cache.unwrap_or_else(ModuleCache::shared),
                plugins: Mutex::default(),
            }),
        })
    }

    fn check_host_functions(&self) -> Result<(), BuildError> {
        let own = imports::offered(&HostFunctions::default());
        let mut seen: BTreeSet<(&str, &str)> =
            own.iter().map(|own| (&*own.module, &*own.name)).collect();
        for function in &self.host_functions.functions {
            let problem = if OWN_MODULES.contains(&function.module.as_str()) {
                "the module belongs to tollgate; choose another"
            } else if !seen.insert((&*function.module, &*function.name)) {
                "it is there already"
            } else {
                continue;
            };
            return Err(BuildError::HostFunction {
                name: function.full_name().into(),
                problem,
            });
        }
        for kind in self.host_functions.kinds() {
            check_kind(kind).map_err(BuildError::CapabilityKind)?;
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), BuildError> {
        if self.limits.fuel == FuelLimit::Units(0) {
            return Err(BuildError::NoFuel);
        }
        if self.limits.deadline.is_some() && !self.clock.exists() {
            return Err(BuildError::NoClock);
        }
        let StackLimit { frames, bytes } = self.limits.stack;
        if frames < 16 || bytes < 4096 {
            return Err(BuildError::NoStack { frames, bytes });
        }
        Ok(())
    }
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RuntimeBuilder");
        shown
            .field("grants", &self.grants)
            .field("limits", &self.limits)
            .field("host_functions", &self.host_functions);
        #[cfg(feature = "schema")]
        shown.field("validate_configs", &self.validate_configs);
        shown
            .field("fork_policy", &self.fork_policy)
            .finish_non_exhaustive()
    }
}

/// Enough for the concurrent calls of a typical embedder.
const IDLE_INSTANCES: usize = 4;

/// Modules whose functions this crate defines.
const OWN_MODULES: [&str; 2] = [names::HOST_MODULE, "wasi_snapshot_preview1"];

/// The operating system, with the working directory of the process as it is now.
#[cfg(feature = "system")]
fn here() -> Result<Arc<NewWorld>, BuildError> {
    let system = crate::world::System::new()
        .map_err(|error| BuildError::WorkingDirectory(error.to_string().into()))?;
    Ok(Arc::new(move || Box::new(system.fresh())))
}

/// Without the feature `system`, effects happen only in a world of the embedder's.
#[cfg(not(feature = "system"))]
#[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
fn here() -> Result<Arc<NewWorld>, BuildError> {
    Ok(Arc::new(|| {
        Box::new(crate::gate::Nowhere(
            "this runtime has no world: it is built without the feature `system` of tollgate, and RuntimeBuilder::world was not called",
        ))
    }))
}

fn missing_directories(grants: &Grants, world: &dyn World) -> Vec<(String, Capability)> {
    let working_directory = world.working_directory();
    let missing = |grant: &&Capability| {
        grant
            .directory(Some(&working_directory))
            .is_some_and(|directory| world.real_name(&directory).is_none())
    };
    let of_plugin = |plugin: &str| {
        let found = grants.for_plugin(plugin).iter().filter(missing);
        found
            .map(|grant| (plugin.to_owned(), grant.clone()))
            .collect::<Vec<_>>()
    };
    grants.plugins().flat_map(of_plugin).collect()
}

fn pin(
    grants: &Grants,
    world: &dyn World,
    host_functions: &Arc<HostFunctions>,
) -> BTreeMap<String, Arc<Policy>> {
    let working_directory = world.working_directory();
    let policy = |plugin: &str| {
        let resolve = |path: &str| world.real_name(path);
        let cwd = Some(working_directory.as_str());
        let written = grants.for_plugin(plugin).iter();
        let written: Vec<Capability> = written
            .filter_map(|grant| grant.resolved(&resolve, cwd))
            .collect();
        let pinned = written.iter().flat_map(|grant| grant.pinned(&resolve, cwd));
        let pinned: Vec<Capability> = pinned.collect();
        let directory = working_directory.clone();
        Arc::new(Policy::new(
            &written,
            &pinned,
            directory,
            host_functions.clone(),
        ))
    };
    grants
        .plugins()
        .map(|plugin| (plugin.to_owned(), policy(plugin)))
        .collect()
}
