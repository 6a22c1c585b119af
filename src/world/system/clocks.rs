//! Clocks, sleeping and random bytes.

use crate::{
    effect::{Clock, Failure},
    gate::Checkpoint,
};
use std::{
    io,
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};
use tollgate_abi::host::kinds;

/// The first reading of the monotonic clock. It reads one second then, because some guests interpret
/// the time 0 as "never".
static ZERO: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(super) fn now(clock: Clock) -> u64 {
    let since = match clock {
        Clock::Realtime => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
        Clock::Monotonic => Duration::from_secs(1) + ZERO.elapsed(),
    };
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps, but not past the deadline or the cancellation of the call.
pub(super) fn sleep(duration: Duration, gate: &Checkpoint<'_>) -> Result<(), Failure> {
    let slept = gate.interrupt().sleep(duration);
    slept.map_err(|why| Failure::new(kinds::TIMEOUT, "ETIMEDOUT", why.message()))
}

#[cfg(unix)]
pub(super) fn random(length: u32) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Elsewhere the only random numbers of the standard library are the keys of its hash maps.
#[cfg(not(unix))]
pub(super) fn random(length: u32) -> io::Result<Vec<u8>> {
    use std::hash::{BuildHasher as _, RandomState};
    let words = (0..u64::from(length).div_ceil(8)).map(|word| RandomState::new().hash_one(word));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    Ok(bytes)
}
