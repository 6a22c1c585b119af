//! What can go wrong, sorted by who can fix it. A denial is not here: it is an ordinary reply that
//! the guest reads.

mod backtrace;
mod fault;
mod load;
mod problem;
mod unforkable;
#[cfg(feature = "schema")]
mod violation;

pub use backtrace::{Backtrace, Frame};
pub use fault::{Fault, ProtocolError};
pub(crate) use load::PREVIEW_1;
pub use load::{BakeError, BuildError, ConfigError, LoadError};
pub use problem::{Foreign, Problem, TypeText};
pub use unforkable::Unforkable;
#[cfg(feature = "schema")]
pub use violation::{TooExpensive, Violation, ViolationKind};

use crate::{limits::Usage, printable::Text, room::OutOfMemory};
use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use core::error::Error as _;
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tollgate_abi::names::export;

/// Any failure of this crate.
///
/// `Display` says what failed, and [`source`](std::error::Error::source) why.
/// [`report`](Error::report) has both in one text.
///
/// As JSON it is an object: `kind` is `build`, `load`, `bake`, `not_loaded`, `config`, `busy`,
/// `fault` or `protocol`; `message` is the [`report`](Error::report); `plugin` is its name and
/// `export` the export that ran, `fault` the [`Fault`], `usage` what the call had used, and `backtrace` its
/// frames, where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options of the runtime are invalid. The embedder can fix this.
    #[error("the runtime cannot be built")]
    Build(#[from] BuildError),
    /// The module cannot be a plugin here. Its author can fix this.
    #[error("failed to load plugin {plugin}")]
    Load {
        /// The name it was to be loaded under.
        plugin: Text,
        /// What is wrong.
        #[source]
        problem: LoadError,
    },
    /// The initialised plugin cannot be written as a module. Use it as it is.
    #[error("plugin {plugin} cannot be baked")]
    Bake {
        /// Which plugin.
        plugin: Text,
        /// What is in the way.
        #[source]
        problem: BakeError,
    },
    /// The state of an instance cannot be kept for later calls. Reset it instead.
    #[error("the state of this instance of plugin {plugin} cannot be kept")]
    Snapshot {
        /// Which plugin.
        plugin: Text,
        /// Why.
        #[source]
        problem: Unforkable,
    },
    /// No plugin of this name is loaded.
    #[error("plugin {plugin} not loaded; call load first")]
    NotLoaded {
        /// The name.
        plugin: Text,
    },
    /// The config cannot be given to a plugin. The caller can fix this.
    #[error("the config for plugin {plugin} cannot be used")]
    Config {
        /// The plugin.
        plugin: Text,
        /// What is wrong.
        #[source]
        problem: ConfigError,
    },
    /// A callback or host function called a plugin that waits for that very callback: a bug of the
    /// embedder's.
    ///
    /// This is not found where the callback starts a thread of its own, has it call the plugin, and
    /// joins it. A call with a [deadline](crate::Call::deadline) or a [`Cancel`](crate::Cancel) ends
    /// there all the same.
    #[error(
        "plugin {plugin} is being {doing} by this thread (or one that waits for it); a callback or host function cannot call it before that is done"
    )]
    Busy {
        /// Which plugin.
        plugin: Text,
        /// What is being done: `initialised`, or `asked for` its description, schema or manifest.
        doing: &'static str,
    },
    /// The guest was stopped, by itself or by a limit.
    #[error("plugin {plugin}: {} failed", running(.export, .usage))]
    Fault {
        /// Which plugin.
        plugin: Text,
        /// The export that was running.
        export: &'static str,
        /// What stopped it.
        #[source]
        fault: Fault,
        /// What it had used by then.
        usage: Box<Usage>,
        /// The calls that were running, if they are known: see [`backtrace`](Error::backtrace).
        backtrace: Option<Box<Backtrace>>,
    },
    /// The guest ran to its end but broke the protocol.
    #[error("plugin {plugin}: {} broke the protocol", running(.export, .usage))]
    Protocol {
        /// Which plugin.
        plugin: Text,
        /// The export that was running.
        export: &'static str,
        /// How the protocol was broken.
        #[source]
        error: ProtocolError,
        /// What it had used by then.
        usage: Box<Usage>,
        /// The calls that were running, if they are known: see [`backtrace`](Error::backtrace).
        backtrace: Option<Box<Backtrace>>,
    },
}

fn running(export: &str, usage: &Usage) -> String {
    match export {
        INSTANTIATE => "instantiation".into(),
        export::ALLOCATE => receiving(usage),
        export => format!("{export}()"),
    }
}

/// What the host was doing when it called `allocate`: before any call of a host function, there is no
/// reply to receive.
fn receiving(usage: &Usage) -> String {
    let what = match usage.host_calls {
        0 => "its config",
        _ => "data from the host",
    };
    format!("receiving {what}")
}

/// The name by which errors call what happens before any export runs.
pub(crate) const INSTANTIATE: &str = "instantiate";

impl Error {
    /// What the call had used when it failed, if it ran.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Error::Fault { usage, .. } | Error::Protocol { usage, .. } => Some(usage),
            _ => None,
        }
    }

    /// The calls of the guest that were running when it was stopped, if a runtime with
    /// [`backtraces`](crate::RuntimeBuilder::backtraces) ran it. Where an answer is invalid, it is the place at
    /// which the export returned.
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        match self {
            Error::Fault { backtrace, .. } | Error::Protocol { backtrace, .. } => {
                backtrace.as_deref()
            }
            _ => None,
        }
    }

    /// What failed and why, in one text that is safe to print. Transcripts have this text.
    #[must_use]
    pub fn report(&self) -> String {
        match self {
            Error::Fault {
                plugin,
                export: export::ALLOCATE,
                fault: Fault::OutOfFuel { limit },
                usage,
                ..
            } => format!(
                "plugin {plugin}: the plugin ran out of fuel while {} (limit {limit}); raise the fuel limit",
                receiving(usage)
            ),
            Error::Fault {
                plugin,
                export: export::ALLOCATE,
                fault,
                usage,
                ..
            } => format!("plugin {plugin}: while {}, it {fault}", receiving(usage)),
            Error::Protocol {
                plugin,
                export: export::ALLOCATE,
                error,
                usage,
                ..
            } => format!("plugin {plugin}: while {}, it {error}", receiving(usage)),
            Error::Fault {
                plugin,
                export,
                fault,
                usage,
                ..
            } => format!("plugin {plugin}: {} {fault}", running(export, usage)),
            Error::Protocol {
                plugin,
                export,
                error,
                usage,
                ..
            } => format!("plugin {plugin}: {} {error}", running(export, usage)),
            error => match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            },
        }
    }

    /// Its kind, the plugin and the export, as in JSON.
    fn parts(&self) -> (&'static str, Option<&Text>, Option<&'static str>) {
        match self {
            Error::Build(_) => ("build", None, None),
            Error::Load { plugin, .. } => ("load", Some(plugin), None),
            Error::Bake { plugin, .. } => ("bake", Some(plugin), None),
            Error::Snapshot { plugin, .. } => ("snapshot", Some(plugin), None),
            Error::NotLoaded { plugin } => ("not_loaded", Some(plugin), None),
            Error::Config { plugin, .. } => ("config", Some(plugin), None),
            Error::Busy { plugin, .. } => ("busy", Some(plugin), None),
            Error::Fault { plugin, export, .. } => ("fault", Some(plugin), Some(export)),
            Error::Protocol { plugin, export, .. } => ("protocol", Some(plugin), Some(export)),
        }
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (kind, plugin, export) = self.parts();
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("message", &self.report())?;
        if let Some(plugin) = plugin {
            map.serialize_entry("plugin", plugin)?;
        }
        if let Some(export) = export {
            map.serialize_entry("export", export)?;
        }
        if let Error::Fault { fault, .. } = self {
            map.serialize_entry("fault", fault)?;
        }
        if let Some(usage) = self.usage() {
            map.serialize_entry("usage", usage)?;
        }
        if let Some(backtrace) = self.backtrace() {
            map.serialize_entry("backtrace", backtrace)?;
        }
        map.end()
    }
}

impl From<OutOfMemory> for Fault {
    fn from(_: OutOfMemory) -> Fault {
        Fault::HostOutOfMemory
    }
}

impl From<OutOfMemory> for LoadError {
    fn from(_: OutOfMemory) -> LoadError {
        LoadError::HostOutOfMemory
    }
}

impl From<OutOfMemory> for Unforkable {
    fn from(_: OutOfMemory) -> Unforkable {
        Unforkable::HostOutOfMemory
    }
}
