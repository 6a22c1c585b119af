//! A loaded plugin. `call` is the road of every call, `describe` what a plugin answers about itself,
//! `forks` the instance that a call gets.

mod backtrace;
mod baking;
mod call;
mod config;
mod describe;
mod forks;
mod idle;
mod instance;
mod instruments;
#[cfg(feature = "std")]
mod many;
mod once;
mod review;
mod traced;
#[cfg(feature = "schema")]
mod validate;

pub use call::Call;
pub(crate) use call::{Finished, Ready, RecordedRun};
pub use config::Config;
pub use forks::ForkPolicy;
pub(crate) use idle::IdlePool;
pub use instance::Instance;
pub(crate) use once::Once;
pub use review::Review;
#[cfg(feature = "schema")]
pub use validate::ConfigValidation;

use crate::{
    answer::{Manifest, Truncation},
    error::Error,
    gate::{Observer, Policy, World},
    guest::{self, Host},
    limits::{Clock, Limits, Usage},
    module::{AbiVersion, Compiled},
};
use alloc::{boxed::Box, sync::Arc};
use core::fmt;
use forks::Forks;
use serde::Serialize;
use tollgate_abi::{ConfigSchema, Evidence, PluginInfo};
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

/// What every call of every plugin of a runtime shares.
pub(crate) struct Settings {
    pub(crate) limits: Arc<Limits>,
    /// What deadlines are measured by.
    pub(crate) clock: Clock,
    pub(crate) observer: Observer,
    #[cfg(feature = "schema")]
    pub(crate) validate_configs: Option<ConfigValidation>,
    /// Whether errors get backtraces.
    pub(crate) backtraces: bool,
    pub(crate) world: Arc<NewWorld>,
    pub(crate) fork_policy: ForkPolicy,
    /// The instances that plugins keep for later calls.
    pub(crate) idle: Arc<IdlePool<Box<guest::Instance>>>,
}

/// Makes the world of one instance.
pub(crate) type NewWorld = dyn Fn() -> Box<dyn World> + Send + Sync;

/// What a call returned, and what it used. As JSON it is an object with these fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Observation {
    /// The plugin's answer. A check that failed is evidence too.
    pub evidence: Evidence,
    /// How the evidence was cut, if it was; see [`Limits::evidence_bytes`].
    pub truncation: Option<Truncation>,
    /// What the call used; what initialisation used is [`Plugin::init_usage`].
    pub usage: Usage,
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
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.parts.name
    }

    /// The generation of the protocol that it speaks.
    #[must_use]
    pub fn abi_version(&self) -> AbiVersion {
        self.inner.parts.version
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    pub(crate) fn is_made_of(&self, bytes: &[u8]) -> bool {
        self.inner.parts.compiled.is(bytes)
    }

    /// An error without secrets: it may quote the guest.
    fn redacted(&self, error: Error) -> Error {
        match &self.inner.parts.settings.observer.redactor {
            Some(redactor) => redactor.error(error),
            None => error,
        }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name())
            .field("abi_version", &self.abi_version())
            .finish_non_exhaustive()
    }
}
