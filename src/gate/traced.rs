//! The events and effects of plugins for subscribers of `tracing`. Calls are in `plugin`. Without the feature
//! `tracing`, nothing is left of it.

#[cfg(feature = "tracing")]
pub(super) use on::{effect, event, is_on, traces_effects};

#[cfg(not(feature = "tracing"))]
pub(super) use off::{effect, event, is_on, traces_effects};

#[cfg(feature = "tracing")]
mod on {
    use super::super::Event;
    use crate::effect::{Effect, LogLevel, LogRecord, Refusal, Reply};
    use tracing::{Level, debug, enabled, info, level_filters::LevelFilter, warn};

    /// Whether a subscriber may want events.
    pub(in super::super) fn is_on() -> bool {
        LevelFilter::current() != LevelFilter::OFF
    }

    /// Whether a subscriber wants effects.
    pub(in super::super) fn traces_effects() -> bool {
        enabled!(target: "tollgate::effect", Level::DEBUG)
    }

    /// An event whose secrets are hidden.
    pub(in super::super) fn event(plugin: &str, event: &Event) {
        match event {
            Event::Log(record) => log(plugin, record),
            Event::Denied(denial) => {
                let grants: Vec<&str> = denial.grants().map(|grant| grant.as_str()).collect();
                warn!(
                    target: "tollgate::gate",
                    plugin,
                    request = denial.request.as_str(),
                    grant = grants.join(" "),
                    reason = ?denial.reason,
                    "denied"
                );
            }
            Event::Granted { request, needs } => info!(
                target: "tollgate::gate",
                plugin,
                request = request.as_str(),
                grant = needs.as_str(),
                "granted"
            ),
            Event::LimitReached { name, limit } => {
                warn!(target: "tollgate::gate", plugin, name, limit, "limit reached");
            }
            Event::Omitted(omitted) => warn!(
                target: "tollgate::gate",
                plugin,
                log_lines = omitted.log_lines,
                repeated_denials = omitted.repeated_denials,
                denials = omitted.denials,
                granted = omitted.granted,
                "omitted"
            ),
            Event::UnoptimisedEngine => warn!(
                target: "tollgate::gate",
                "plugins are slow: copy the lines of the guide, \"Debug builds\", to Cargo.toml"
            ),
        }
    }

    fn log(plugin: &str, record: &LogRecord) {
        let attrs = record.attrs.iter();
        let attrs: Vec<_> = attrs.map(|it| format!("{}={}", it.key, it.value)).collect();
        let (attrs, source, message) = (attrs.join(" "), record.source, record.message.as_str());
        // The level of an event is fixed where it is written.
        macro_rules! log {
            ($level:ident) => {
                tracing::event!(target: "tollgate::log", Level::$level, plugin, ?source, attrs, "{message}")
            };
        }
        match record.level {
            LogLevel::Debug => log!(DEBUG),
            LogLevel::Info => log!(INFO),
            LogLevel::Warn => log!(WARN),
            LogLevel::Error => log!(ERROR),
        }
    }

    /// An effect and how it ended. Its content may be secret, and is left out.
    pub(in super::super) fn effect(plugin: &str, fuel: u64, effect: &Effect, reply: &Reply) {
        // Reported as an event.
        if matches!(effect, Effect::Log(_)) || !traces_effects() {
            return;
        }
        let (outcome, code) = match reply {
            Ok(_) => ("done", ""),
            Err(Refusal::Denied(_)) => ("denied", ""),
            Err(Refusal::Failed(failure)) => ("failed", &*failure.code),
        };
        let kind = match effect {
            // Of the embedder's, its own name says more.
            Effect::Custom { function, .. } => function,
            _ => effect.kind(),
        };
        debug!(target: "tollgate::effect", plugin, kind, fuel, outcome, code, "effect");
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use super::super::Event;
    use crate::effect::{Effect, Reply};

    pub(in super::super) fn is_on() -> bool {
        false
    }

    pub(in super::super) fn traces_effects() -> bool {
        false
    }

    pub(in super::super) fn event(_: &str, _: &Event) {}

    pub(in super::super) fn effect(_: &str, _: u64, _: &Effect, _: &Reply) {}
}
