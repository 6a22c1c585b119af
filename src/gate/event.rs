//! What is reported to the embedder while plugins run: log lines, denials and, with an audit, granted
//! requests. The gate limits how many. And what is reported of the build of the engine.

use crate::{
    effect::{Denial, DenialReason, LogRecord},
    printable::Text,
};
use serde::{Serialize, Serializer};

/// Something that is reported to the operator.
///
/// As JSON it is an object. Its `type` is `log`, `denied`, `granted`, `limit_reached`, `omitted` or
/// `unoptimised_engine`; beside it are the fields of what the event holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The plugin wrote to its log.
    Log(LogRecord),
    /// The plugin requested access that was not granted. Reported once for each request and call.
    #[serde(serialize_with = "denial")]
    Denied(Denial),
    /// The plugin requested access that was granted. Reported only with an audit, and once for each
    /// request and call.
    Granted {
        /// The request, such as `fs:read:/etc/hosts`.
        request: Text,
        /// The smallest grant that allows it.
        needs: Text,
    },
    /// A limit on what one call may report is reached, and what follows of its kind is counted and
    /// left out; or the guest opened more than [`Limits::open_files`](crate::Limits::open_files),
    /// which is an error for it. Reported once for each limit and call.
    LimitReached {
        /// The limit to raise, such as `Limits::denials`.
        name: &'static str,
        /// Its figure.
        limit: u64,
    },
    /// What the call left out of its reports: the last event of a call that left something out.
    Omitted(Omitted),
    /// This is a debug build of a program whose `Cargo.toml` does not optimise the engine, so plugins take
    /// 20 to 100 times as long. Reported once for each process, by
    /// [`RuntimeBuilder::build`](crate::RuntimeBuilder::build), with no plugin's name. The
    /// [guide](crate#debug-builds) has the lines that optimise the engine. Measured, so that a busy
    /// machine may miss it; a release build never reports it.
    UnoptimisedEngine,
}

/// How much a call left out of its reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Omitted {
    /// Lines of its log, printed ones included, beyond [`Limits::log_lines`] or
    /// [`Limits::log_bytes`].
    ///
    /// [`Limits::log_lines`]: crate::Limits::log_lines
    /// [`Limits::log_bytes`]: crate::Limits::log_bytes
    pub log_lines: u64,
    /// Denials of a request whose denial was reported before.
    pub repeated_denials: u64,
    /// Denials beyond [`Limits::denials`](crate::Limits::denials). A repeated one counts each time.
    pub denials: u64,
    /// Granted requests beyond [`Limits::audited`](crate::Limits::audited). A repeated one counts
    /// each time.
    pub granted: u64,
}

/// A denial with the public names of its fields; transcripts have older ones.
fn denial<S: Serializer>(denial: &Denial, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Fields<'a> {
        plugin: &'a Text,
        request: &'a Text,
        needs: &'a Text,
        #[serde(skip_serializing_if = "<[Text]>::is_empty")]
        also: &'a [Text],
        reason: &'a DenialReason,
    }
    let Denial {
        plugin,
        request,
        needs,
        also,
        reason,
        ..
    } = denial;
    let fields = Fields {
        plugin,
        request,
        needs,
        also,
        reason,
    };
    fields.serialize(to)
}
