//! A loaded plugin: what it is asked, and how its answers are read. Each question gets a fresh
//! instance, which `forks` finds; describe and schema are asked once.

mod baking;
mod config;
mod forks;
mod idle;
mod instance;
mod review;
#[cfg(feature = "schema")]
mod validate;

pub use config::Config;
pub use forks::ForkPolicy;
pub(crate) use idle::Shelf;
pub use instance::Instance;
pub use review::Review;

use crate::{
    answer::{
        Manifest, Truncation, read_evidence, read_info, read_manifest, read_result, read_schema,
        truncate_evidence,
    },
    error::{Error, ProtocolError},
    gate::{Gate, Observer, Policy, SharedJournal, World},
    guest::{self, Host, Start},
    limits::{FuelLimit, Limits, Usage},
    module::{AbiVersion, Compiled},
    room,
    sync::Once,
};
use forks::Forks;
use std::{borrow::Cow, sync::Arc};
use tollgate_abi::{ConfigSchema, Evidence, PluginInfo, names::export, sha256, to_json};
use wasmi::Linker;

/// A loaded plugin. Cloning gives another handle to the same one; every call may come from any
/// thread, and calls run in parallel, each in an instance of its own.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    info: Once<Arc<PluginInfo>>,
    schema: Once<Arc<ConfigSchema>>,
    /// The compiled patterns of the schema.
    #[cfg(feature = "schema")]
    patterns: crate::schema::PatternCache,
    manifest: Once<Manifest>,
    forks: Forks,
}

/// What every call of every plugin shares.
pub(crate) struct Settings {
    pub(crate) limits: Arc<Limits>,
    pub(crate) observer: Observer,
    #[cfg(feature = "schema")]
    pub(crate) validate_configs: bool,
    pub(crate) world: Arc<NewWorld>,
    pub(crate) fork: ForkPolicy,
    /// The instances that plugins keep for later calls.
    pub(crate) idle: Arc<Shelf<guest::Instance>>,
}

/// Makes the world of one instance.
pub(crate) type NewWorld = dyn Fn() -> Box<dyn World> + Send + Sync;

/// What `observe` saw, and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The plugin's answer. A check that failed is evidence too.
    pub evidence: Evidence,
    /// Told if the evidence was cut, see [`Limits::evidence_bytes`].
    pub truncation: Option<Truncation>,
    /// What the call used; what initialisation used is [`Plugin::init_usage`].
    pub usage: Usage,
}

/// Bytes of memory that an instance is not kept for after a question that is asked once.
const SMALL: usize = 1 << 20;

/// The JSON of a config that may be given to a plugin. There is no other way to one, so that none
/// bypasses the check that the runtime asks for.
pub(crate) struct CheckedConfig<'a>(Cow<'a, [u8]>);

impl<'a> CheckedConfig<'a> {
    /// The config of a recorded run, which was checked when it was recorded.
    pub(crate) fn recorded(json: &'a str) -> CheckedConfig<'a> {
        CheckedConfig(json.as_bytes().into())
    }

    /// The JSON.
    pub(crate) fn json(&self) -> &[u8] {
        &self.0
    }
}

/// What a run that is recorded or replayed is given in place of what its runtime gives others.
pub(crate) struct Kept<'a> {
    pub(crate) name: Arc<str>,
    pub(crate) config: CheckedConfig<'a>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) limits: Arc<Limits>,
    /// Fuel for the call, if not the limits' own.
    pub(crate) call_fuel: Option<FuelLimit>,
    pub(crate) world: Box<dyn World>,
    pub(crate) journal: SharedJournal,
}

/// How such a run ended.
pub(crate) struct Finished {
    pub(crate) outcome: Result<Observation, Error>,
    /// What initialisation used, if it went well.
    pub(crate) init: Option<Usage>,
    /// SHA-256 of the linear memory, if initialisation went well.
    pub(crate) memory: Option<String>,
}

/// What a plugin is made of.
pub(crate) struct Parts {
    pub(crate) name: Arc<str>,
    pub(crate) version: AbiVersion,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) linker: Linker<Host>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) policy: Arc<Policy>,
}

impl Plugin {
    pub(crate) fn new(parts: Parts) -> Plugin {
        let forks = Forks::new(parts.settings.idle.clone());
        Plugin {
            inner: Arc::new(Inner {
                parts,
                info: Once::default(),
                schema: Once::default(),
                #[cfg(feature = "schema")]
                patterns: crate::schema::PatternCache::default(),
                manifest: Once::default(),
                forks,
            }),
        }
    }

    /// The name it was loaded under, which decides its grants.
    pub fn name(&self) -> &str {
        &self.inner.parts.name
    }

    /// The generation of the protocol that it speaks.
    pub fn abi_version(&self) -> AbiVersion {
        self.inner.parts.version
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn is_made_of(&self, bytes: &[u8]) -> bool {
        self.inner.parts.compiled.is(bytes)
    }

    /// What the plugin says of itself. It is asked once; parallel first callers wait for one run,
    /// and a failure is not kept.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] or [`Error::Protocol`], naming the plugin and what it did.
    pub fn describe(&self) -> Result<Arc<PluginInfo>, Error> {
        let info = self.description()?;
        let redactor = self.parts().settings.observer.redactor.as_ref();
        Ok(redactor.map_or(info.clone(), |redactor| redactor.info(&info).into()))
    }

    /// The same, with its secrets: what is declared is compared with what is granted.
    pub(crate) fn description(&self) -> Result<Arc<PluginInfo>, Error> {
        let ask = || {
            let info = match self.abi_version() {
                AbiVersion::V1 => self.ask(export::DESCRIBE, read_info),
                AbiVersion::V2 => Ok(self.manifest()?.info.clone()),
            };
            info.map(Arc::new)
        };
        let info = self
            .inner
            .info
            .get_or_try(ask, || self.busy("asked for its description"));
        info.cloned()
    }

    /// The JSON Schema of the plugin's config; asked once, like [`describe`](Self::describe).
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe).
    pub fn schema(&self) -> Result<Arc<ConfigSchema>, Error> {
        let schema = self.whole_schema()?;
        let redactor = self.parts().settings.observer.redactor.as_ref();
        Ok(redactor.map_or(schema.clone(), |redactor| redactor.schema(&schema).into()))
    }

    /// The same, with its secrets: configs are validated against what the plugin sent.
    fn whole_schema(&self) -> Result<Arc<ConfigSchema>, Error> {
        let ask = || {
            let names = [export::SCHEMA_V2, export::SCHEMA];
            let schema = match self.abi_version() {
                AbiVersion::V1 => self.ask(export::SCHEMA, read_schema),
                AbiVersion::V2 => match &self.manifest()?.schema {
                    Some(schema) => Ok(schema.clone()),
                    None => {
                        let exported = names.into_iter().find(|name| self.exports(name));
                        self.ask(exported.unwrap_or(export::SCHEMA), read_schema)
                    }
                },
            };
            schema.map(Arc::new)
        };
        let schema = self
            .inner
            .schema
            .get_or_try(ask, || self.busy("asked for its schema"));
        schema.cloned()
    }

    /// The answer that describes a plugin of the newer generation and its config at once.
    fn manifest(&self) -> Result<&Manifest, Error> {
        let ask = || self.ask(export::MANIFEST, read_manifest);
        self.inner
            .manifest
            .get_or_try(ask, || self.busy("asked for its manifest"))
    }

    /// Waiting for what is happening to the plugin would never end.
    fn busy(&self, doing: &'static str) -> Error {
        Error::Busy {
            plugin: self.name().into(),
            doing,
        }
    }

    fn exports(&self, name: &str) -> bool {
        self.inner.parts.compiled.module.get_export(name).is_some()
    }

    /// Asks a fresh instance for something that it says of itself.
    fn ask<T>(
        &self,
        export: &'static str,
        read: impl Fn(&[u8]) -> Result<T, ProtocolError>,
    ) -> Result<T, Error> {
        // A baked module may lie here, but only about itself.
        let parts = self.parts();
        let limit = usize::try_from(parts.settings.limits.result_bytes).unwrap_or(usize::MAX);
        let baked = parts.compiled.baked_answer(export);
        let baked = baked.filter(|answer| answer.len() <= limit);
        if let Some(Ok(answer)) = baked.map(|answer| read(answer.as_bytes())) {
            return Ok(answer);
        }
        let mut instance = self.start()?;
        let answer = instance
            .ask(export)
            .and_then(|bytes| read(&bytes).map_err(|error| instance.protocol_error(export, error)));
        let answer = answer.map_err(|error| self.redacted(error))?;
        // Many plugins are described and never called: a small instance is as quickly made anew.
        if instance.memory().len() > SMALL {
            self.give_back(instance);
        }
        Ok(answer)
    }

    /// An error may quote the guest.
    fn redacted(&self, error: Error) -> Error {
        match &self.inner.parts.settings.observer.redactor {
            Some(redactor) => redactor.error(error),
            None => error,
        }
    }

    /// Whether the plugin uses memory again that the host asked it for and gave back: thousands of
    /// buffers are, in a fresh instance. A plugin that does not grows with every call of a host
    /// function.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe); [`ProtocolError::NotExported`] if it has no `deallocate`.
    pub fn reuses_buffers(&self) -> Result<bool, Error> {
        let answer = self
            .start()
            .and_then(|mut instance| instance.reuses_buffers());
        answer.map_err(|error| self.redacted(error))
    }

    /// Has the plugin look at the world, in a fresh instance.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the config is too large, or if
    /// [`validate_configs`](crate::RuntimeBuilder::validate_configs) is on and the config is not
    /// valid by the plugin's schema, [`Error::Fault`] if the guest was stopped, [`Error::Protocol`]
    /// if its answer is invalid. A check that failed is no error: its evidence has the status
    /// `false`.
    pub fn observe(&self, config: &Config) -> Result<Observation, Error> {
        let config = self.check(config)?;
        let mut instance = self.start()?;
        let seen = self.observe_in(&mut instance, &config)?;
        self.give_back(instance);
        Ok(seen)
    }

    /// Whether the config may be given to the plugin, as far as the runtime wants that checked.
    pub(crate) fn check(&self, config: &Config) -> Result<CheckedConfig<'static>, Error> {
        #[cfg(feature = "schema")]
        if self.parts().settings.validate_configs {
            self.require_valid(config)?;
        }
        Ok(CheckedConfig(to_json(config.values()).into()))
    }

    fn observe_in(
        &self,
        instance: &mut guest::Instance,
        config: &CheckedConfig<'_>,
    ) -> Result<Observation, Error> {
        self.look(instance, config)
            .map_err(|error| self.redacted(error))
    }

    fn look(
        &self,
        instance: &mut guest::Instance,
        config: &CheckedConfig<'_>,
    ) -> Result<Observation, Error> {
        let bytes = instance.observe(self.observing(), &config.0)?;
        let evidence = match self.abi_version() {
            AbiVersion::V1 => read_evidence(&bytes),
            AbiVersion::V2 => read_result(&bytes),
        };
        let mut evidence =
            evidence.map_err(|error| instance.protocol_error(self.observing(), error))?;
        if let Some(redactor) = &self.inner.parts.settings.observer.redactor {
            redactor.redact_evidence(&mut evidence);
        }
        let limit = instance.limits().evidence_bytes;
        let truncation =
            truncate_evidence(&mut evidence, usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Observation {
            evidence,
            truncation,
            usage: instance.usage(),
        })
    }

    /// The export that observes.
    fn observing(&self) -> &'static str {
        match self.abi_version() {
            AbiVersion::V1 => export::OBSERVE,
            AbiVersion::V2 => export::OBSERVE_V2,
        }
    }

    /// Has the plugin look at another world than its runtime's, while a journal is kept.
    pub(crate) fn observe_kept(&self, kept: Kept<'_>) -> Finished {
        let Parts {
            compiled,
            linker,
            settings,
            ..
        } = self.parts();
        let observer = settings.observer.clone();
        let mut gate = Gate::new(
            kept.name.clone(),
            kept.policy,
            kept.world,
            &kept.limits,
            observer,
        );
        gate.keep(kept.journal);
        let started = guest::Instance::start(Start {
            plugin: &kept.name,
            compiled,
            linker,
            limits: &kept.limits,
            gate,
        });
        let mut instance = match started {
            Ok(instance) => instance,
            Err(error) => return Finished::before_the_call(self.redacted(error)),
        };
        if let Some(fuel) = kept.call_fuel {
            instance.set_fuel_limit(fuel);
        }
        self.finish(&mut instance, &kept.config)
    }

    /// Has the plugin look at the world, while a journal is kept of all that its state comes from
    /// and all that it does.
    pub(crate) fn observe_recording(
        &self,
        config: CheckedConfig<'_>,
        journal: SharedJournal,
    ) -> Finished {
        let parts = self.parts();
        match self.start_kept(&journal) {
            Some(Ok(mut instance)) => {
                let finished = self.finish(&mut instance, &config);
                if finished.outcome.is_ok() {
                    self.give_back(instance);
                }
                finished
            }
            Some(Err(error)) => Finished::before_the_call(self.redacted(error)),
            None => self.observe_kept(Kept {
                name: parts.name.clone(),
                config,
                policy: parts.policy.clone(),
                limits: parts.settings.limits.clone(),
                call_fuel: None,
                world: (parts.settings.world)(),
                journal,
            }),
        }
    }

    fn finish(&self, instance: &mut guest::Instance, config: &CheckedConfig<'_>) -> Finished {
        let outcome = self.observe_in(instance, config);
        let outcome = outcome.and_then(|seen| {
            let room = room::check_recording(&seen.evidence);
            room.map_err(|error| instance.fail(self.observing(), error.into()))?;
            Ok(seen)
        });
        Finished {
            outcome,
            init: Some(instance.init_usage()),
            memory: Some(sha256::hex(&instance.memory_digest())),
        }
    }
}

impl Finished {
    fn before_the_call(error: Error) -> Finished {
        Finished {
            outcome: Err(error),
            init: None,
            memory: None,
        }
    }
}
