//! The crate `log`, connected with the log of the host (feature `log`).

use super::host::{self, Level};
use alloc::{string::ToString, vec::Vec};

struct HostLog;

impl log::Log for HostLog {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = match record.level() {
            log::Level::Error => Level::Error,
            log::Level::Warn => Level::Warn,
            log::Level::Info => Level::Info,
            log::Level::Debug | log::Level::Trace => Level::Debug,
        };
        let mut attrs = Vec::new();
        if !record.target().is_empty() {
            attrs.push(host::attr("target", record.target()));
        }
        host::log(level, record.args().to_string(), attrs);
    }

    fn flush(&self) {}
}

/// Sends the lines of `log::info!` and the like to the host's log, from this level on. Every call
/// is a fresh instance, so call it first in `observe`; a second time it only sets the level.
///
/// ```
/// use tollgate_abi::guest::{Script, log_to_host};
///
/// let script = Script::new();
/// script.run(|| {
///     log_to_host(log::LevelFilter::Info);
///     log::info!(target: "", "{} of {}", 1, 2);
///     log::debug!("filtered out");
/// });
/// assert_eq!(script.lines(), ["INFO 1 of 2"]);
/// ```
pub fn log_to_host(level: log::LevelFilter) {
    // It fails if another logger is set, which then is what the plugin wants.
    let _ = log::set_logger(&HostLog);
    log::set_max_level(level);
}
