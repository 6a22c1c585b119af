//! A loaded plugin: what it is asked, and how its answers are read. Each question gets a fresh
//! instance; describe and schema are asked once.

use crate::{
    answer::{Manifest, read_evidence, read_info, read_manifest, read_result, read_schema},
    config::Config,
    error::{Breach, Error},
    event::Observer,
    gate::{Gate, Policy},
    guest::{Host, Instance, Start},
    limits::{Limits, Usage},
    module::{AbiVersion, Compiled, ContentKey},
    world::World,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tollgate_abi::{ConfigSchema, Evidence, PluginInfo, names::export, to_json};
use wasmi::Linker;

/// A loaded plugin. Cloning gives another handle to the same one; every call may come from any
/// thread, and calls run in parallel, each in an instance of its own.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    name: Arc<str>,
    key: ContentKey,
    version: AbiVersion,
    compiled: Arc<Compiled>,
    linker: Linker<Host>,
    settings: Arc<Settings>,
    policy: Arc<Policy>,
    info: AskedOnce<PluginInfo>,
    schema: AskedOnce<ConfigSchema>,
    manifest: AskedOnce<Manifest>,
}

/// What every call of every plugin shares.
pub(crate) struct Settings {
    pub(crate) limits: Arc<Limits>,
    pub(crate) observer: Observer,
    pub(crate) world: Arc<NewWorld>,
}

/// Makes the world of one instance.
pub(crate) type NewWorld = dyn Fn() -> Box<dyn World> + Send + Sync;

/// What `observe` saw, and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The plugin's answer. A check that failed is evidence too.
    pub evidence: Evidence,
    /// What the call used.
    pub usage: Usage,
}

/// What a plugin is made of.
pub(crate) struct Parts {
    pub(crate) name: Arc<str>,
    pub(crate) key: ContentKey,
    pub(crate) version: AbiVersion,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) linker: Linker<Host>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) policy: Arc<Policy>,
}

impl Plugin {
    pub(crate) fn new(parts: Parts) -> Plugin {
        let Parts {
            name,
            key,
            version,
            compiled,
            linker,
            settings,
            policy,
        } = parts;
        Plugin {
            inner: Arc::new(Inner {
                name,
                key,
                version,
                compiled,
                linker,
                settings,
                policy,
                info: AskedOnce::default(),
                schema: AskedOnce::default(),
                manifest: AskedOnce::default(),
            }),
        }
    }

    /// The name it was loaded under, which decides its grants.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The generation of the protocol that it speaks.
    pub fn abi_version(&self) -> AbiVersion {
        self.inner.version
    }

    pub(crate) fn key(&self) -> ContentKey {
        self.inner.key
    }

    /// What the plugin says of itself. It is asked once; parallel first callers wait for one run,
    /// and a failure is not kept.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] or [`Error::Breach`], naming the plugin and what it did.
    pub fn describe(&self) -> Result<Arc<PluginInfo>, Error> {
        self.inner.info.get(|| match self.inner.version {
            AbiVersion::V1 => self.ask(export::DESCRIBE, read_info),
            AbiVersion::V2 => Ok(self.manifest()?.info.clone()),
        })
    }

    /// The JSON Schema of the plugin's config; asked once, like [`describe`](Self::describe).
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe).
    pub fn schema(&self) -> Result<Arc<ConfigSchema>, Error> {
        self.inner.schema.get(|| {
            let names = [export::SCHEMA_V2, export::SCHEMA];
            match self.inner.version {
                AbiVersion::V1 => self.ask(export::SCHEMA, read_schema),
                AbiVersion::V2 => match &self.manifest()?.schema {
                    Some(schema) => Ok(schema.clone()),
                    None => {
                        let exported = names.into_iter().find(|name| self.exports(name));
                        self.ask(exported.unwrap_or(export::SCHEMA), read_schema)
                    }
                },
            }
        })
    }

    /// The answer that describes a plugin of the newer generation and its config at once.
    fn manifest(&self) -> Result<Arc<Manifest>, Error> {
        self.inner
            .manifest
            .get(|| self.ask(export::MANIFEST, read_manifest))
    }

    fn exports(&self, name: &str) -> bool {
        self.inner.compiled.module.get_export(name).is_some()
    }

    /// Asks a fresh instance for something that it says of itself.
    fn ask<T>(
        &self,
        export: &'static str,
        read: impl FnOnce(&[u8]) -> Result<T, Breach>,
    ) -> Result<T, Error> {
        let mut instance = self.start()?;
        let bytes = instance.ask(export)?;
        read(&bytes).map_err(|breach| instance.breach(export, breach))
    }

    /// Has the plugin look at the world, in a fresh instance.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the config is too large, [`Error::Fault`] if the guest was stopped,
    /// [`Error::Breach`] if its answer is none. A check that failed is no error: its evidence
    /// says so.
    pub fn observe(&self, config: &Config) -> Result<Observation, Error> {
        let mut instance = self.start()?;
        let version = self.inner.version;
        let export = match version {
            AbiVersion::V1 => export::OBSERVE,
            AbiVersion::V2 => export::OBSERVE_V2,
        };
        let bytes = instance.observe(export, &to_json(config.values()))?;
        let evidence = match version {
            AbiVersion::V1 => read_evidence(&bytes),
            AbiVersion::V2 => read_result(&bytes),
        };
        let mut evidence = evidence.map_err(|breach| instance.breach(export, breach))?;
        self.inner
            .settings
            .observer
            .redactor
            .evidence(&mut evidence);
        Ok(Observation {
            evidence,
            usage: instance.usage(),
        })
    }

    fn start(&self) -> Result<Instance, Error> {
        let Inner {
            name,
            compiled,
            linker,
            settings,
            policy,
            ..
        } = &*self.inner;
        let gate = Gate::new(
            name.clone(),
            policy.clone(),
            (settings.world)(),
            &settings.limits,
            settings.observer.clone(),
        );
        Instance::start(Start {
            plugin: name,
            compiled,
            linker,
            limits: &settings.limits,
            gate,
        })
    }
}

/// A value that the plugin is asked for at most once at a time, and never again after success.
struct AskedOnce<T> {
    value: OnceLock<Arc<T>>,
    asking: Mutex<()>,
}

impl<T> Default for AskedOnce<T> {
    fn default() -> AskedOnce<T> {
        AskedOnce {
            value: OnceLock::new(),
            asking: Mutex::new(()),
        }
    }
}

impl<T> AskedOnce<T> {
    fn get(&self, ask: impl FnOnce() -> Result<T, Error>) -> Result<Arc<T>, Error> {
        if let Some(value) = self.value.get() {
            return Ok(value.clone());
        }
        let _asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = self.value.get() {
            return Ok(value.clone());
        }
        let value = Arc::new(ask()?);
        Ok(self.value.get_or_init(|| value).clone())
    }
}
