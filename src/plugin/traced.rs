//! Calls of plugins for subscribers of `tracing`: a span around each, and an event at its end. Without the feature
//! `tracing`, nothing is left of it.

use super::Observation;
use crate::error::Error;

/// How a call ended, in what it returns.
type Outcome<T> = fn(&T) -> Result<&Observation, &Error>;

/// Makes a call in a span.
#[cfg(feature = "tracing")]
pub(super) fn call<T>(
    plugin: &str,
    export: &'static str,
    make: impl FnOnce() -> T,
    outcome: Outcome<T>,
) -> T {
    use crate::limits::Usage;
    use tracing::{debug, debug_span, warn};

    debug_span!(target: "tollgate::call", "call", plugin, export).in_scope(|| {
        let made = make();
        match outcome(&made) {
            Ok(seen) => {
                let Usage {
                    fuel,
                    peak_memory_pages,
                    host_calls,
                    bytes_in,
                    bytes_out,
                } = seen.usage;
                let status = seen.evidence.status;
                debug!(
                    target: "tollgate::call",
                    plugin, status, fuel, peak_memory_pages, host_calls, bytes_in, bytes_out, "observed"
                );
            }
            Err(error) => {
                let fuel = error.usage().map(|usage| usage.fuel);
                warn!(target: "tollgate::call", plugin, fuel, error = error.report(), "failed");
            }
        }
        made
    })
}

/// Makes a call.
#[cfg(not(feature = "tracing"))]
pub(super) fn call<T>(_: &str, _: &'static str, make: impl FnOnce() -> T, _: Outcome<T>) -> T {
    make()
}
