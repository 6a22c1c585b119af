//! Plain TCP: sending bytes and reading the answer.

use super::{
    connect, failure, is_timeout,
    timed::{Timed, Until},
};
use crate::{
    effect::{Answer, Exchanged, Failure, Refusal},
    gate::{Checkpoint, Permitted},
};
use std::{
    io::{self, Read as _, Write as _},
    time::{Duration, Instant},
};

pub(super) fn exchange(
    host: &str,
    port: u16,
    send: &[u8],
    receive: u64,
    timeout: Duration,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let until = &Until::after(timeout, gate);
    let started = Instant::now();
    let (mut stream, remote, permit) = connect(host, port, until, gate)?;
    let connect_time = started.elapsed();
    let what = format!("{host}:{port}");
    let failed = |error: io::Error| Refusal::from(failure(&what, &error));
    let local = stream.local().map_err(failed)?;
    stream.write_all(send).map_err(failed)?;
    let mut exchanged = Exchanged {
        received: Vec::new(),
        truncated: false,
        timed_out: false,
        remote,
        local,
        connect_time,
    };
    if receive > 0 {
        read(&mut stream, receive, &what, &mut exchanged)?;
    }
    Ok(permit.answer(Answer::Exchanged(exchanged)))
}

/// Reads until the other side closes, the limit is reached, or the time is up. If the time is up, the
/// bytes so far are the answer; without any it is a timeout.
fn read(
    stream: &mut Timed,
    limit: u64,
    what: &str,
    exchanged: &mut Exchanged,
) -> Result<(), Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let received = &mut exchanged.received;
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let room = limit.saturating_sub(received.len());
                if received.try_reserve(count.min(room)).is_err() {
                    return Err(failure(what, &io::ErrorKind::OutOfMemory.into()));
                }
                received.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
                if count > room || received.len() == limit {
                    exchanged.truncated = count > room;
                    return Ok(());
                }
            }
            Err(error) if is_timeout(&error) && !received.is_empty() => {
                exchanged.timed_out = true;
                return Ok(());
            }
            Err(error) => return Err(failure(what, &error)),
        }
    }
}
