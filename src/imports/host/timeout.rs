//! How long an operation may take, from all the fields where a guest can set it. The gate keeps the
//! deadline of the call.

use super::{config_error, pass};
use crate::{
    effect::{Clock, Effect, Nanoseconds},
    guest::Host,
};
use alloc::string::String;
use core::time::Duration;
use tollgate_abi::{
    ErrorDetail,
    host::{Context, kinds},
    rfc3339,
};

/// The time of an operation without a timeout, and the longest one.
const DEFAULT: Duration = Duration::from_secs(30);

const NANOS: i128 = 1_000_000_000;

/// The least of the context's deadline and timeout, the request's own timeout in milliseconds
/// (0 is none), and 30 seconds. Zero if the deadline has passed.
pub(super) fn effective(
    host: &mut Host,
    context: &Context,
    own_ms: u64,
) -> Result<Duration, ErrorDetail> {
    let relative = [own_ms, context.timeout_ms]
        .into_iter()
        .filter(|ms| *ms > 0)
        .map(Duration::from_millis)
        .fold(DEFAULT, Duration::min);
    let Some(deadline) = absolute(context)? else {
        return Ok(relative);
    };
    let clock = Clock::Realtime;
    let Nanoseconds(now) = pass(host, &Effect::Now { clock })?;
    Ok(relative.min(between(now.into(), deadline)))
}

/// What is left of `timeout` when `spent` has passed.
pub(super) fn after(timeout: Duration, spent: Duration) -> Result<Duration, ErrorDetail> {
    let left = timeout.saturating_sub(spent);
    if left.is_zero() {
        return Err(error("the deadline of the request has passed"));
    }
    Ok(left)
}

/// The error for a guest whose time is over.
pub(super) fn error(message: impl Into<String>) -> ErrorDetail {
    ErrorDetail {
        is_timeout: true,
        ..ErrorDetail::new(kinds::TIMEOUT, message).with_code("ETIMEDOUT")
    }
}

/// The context's deadline in nanoseconds since 1970. Go's zero time is none.
fn absolute(context: &Context) -> Result<Option<i128>, ErrorDetail> {
    let Some(text) = context.deadline.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let moment = rfc3339::parse(text)
        .map_err(|error| config_error(format!("the deadline of the context is {error}")))?;
    if rfc3339::parse("0001-01-01T00:00:00Z") == Ok(moment) {
        return Ok(None);
    }
    Ok(Some(
        i128::from(moment.seconds) * NANOS + i128::from(moment.nanos),
    ))
}

fn between(now: i128, deadline: i128) -> Duration {
    let left = deadline.saturating_sub(now).max(0);
    Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline(text: &str) -> Result<Option<i128>, String> {
        let context = Context {
            deadline: Some(text.to_owned()),
            ..Context::default()
        };
        absolute(&context).map_err(|error| error.to_string())
    }

    #[test]
    fn a_deadline_is_a_moment_and_the_zero_time_is_none() {
        assert_eq!(deadline("1970-01-01T00:00:01.5Z"), Ok(Some(1_500_000_000)));
        assert_eq!(deadline("1970-01-01T01:00:00+01:00"), Ok(Some(0)));
        assert_eq!(deadline("0001-01-01T00:00:00Z"), Ok(None));
        assert_eq!(deadline(""), Ok(None));
        assert!(deadline("tomorrow").unwrap_err().contains("RFC 3339"));
    }

    #[test]
    fn what_has_passed_leaves_nothing() {
        assert_eq!(between(1_000, 400), Duration::ZERO);
        assert_eq!(between(400, 1_000), Duration::from_nanos(600));
        assert_eq!(between(0, i128::MAX), Duration::from_nanos(u64::MAX));
        assert_eq!(between(0, i128::MIN), Duration::ZERO);
    }
}
