//! How long one request may take: the smallest of all the limits that are given.

use super::{config_error, pass, unexpected};
use crate::{
    effect::{Answer, Clock, Effect},
    guest::Host,
};
use std::time::Duration;
use tollgate_abi::{ErrorDetail, host::Context, host::kinds, rfc3339};

/// What a request may take that says nothing.
pub(super) const DEFAULT: Duration = Duration::from_secs(30);

/// The smallest of the context's deadline and timeout, the request's own (0 is none), and the
/// default. The call's deadline is the gate's to add.
pub(super) fn effective(
    host: &mut Host,
    context: &Context,
    own_ms: u64,
) -> Result<Duration, ErrorDetail> {
    let mut timeout = DEFAULT;
    for limit in [context.timeout_ms, own_ms] {
        if limit > 0 {
            timeout = timeout.min(Duration::from_millis(limit));
        }
    }
    if let Some(deadline) = &context.deadline {
        timeout = timeout.min(left_until(host, deadline)?);
    }
    after(timeout, Duration::ZERO)
}

/// What is left of `timeout` when `spent` has passed.
pub(super) fn after(timeout: Duration, spent: Duration) -> Result<Duration, ErrorDetail> {
    let left = timeout.saturating_sub(spent);
    if left.is_zero() {
        return Err(ErrorDetail {
            is_timeout: true,
            ..ErrorDetail::new(kinds::TIMEOUT, "the deadline of the request has passed")
                .with_code("ETIMEDOUT")
        });
    }
    Ok(left)
}

fn left_until(host: &mut Host, deadline: &str) -> Result<Duration, ErrorDetail> {
    let moment = rfc3339::parse(deadline)
        .map_err(|error| config_error(format!("context.deadline: {error}")))?;
    // The zero time of Go programs means that there is none.
    if moment == rfc3339::parse("0001-01-01T00:00:00Z").unwrap_or_default() {
        return Ok(DEFAULT);
    }
    let now = match pass(
        host,
        &Effect::Now {
            clock: Clock::Realtime,
        },
    )? {
        Answer::Time(nanos) => Duration::from_nanos(nanos),
        other => return Err(unexpected(&other)),
    };
    let seconds = u64::try_from(moment.seconds).unwrap_or(0);
    Ok(Duration::new(seconds, moment.nanos).saturating_sub(now))
}
