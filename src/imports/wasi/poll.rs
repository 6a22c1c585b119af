//! Waiting: for a clock, or for files, which never make anybody wait.

use super::{
    args,
    call::Call,
    errno::{Errno, Halt},
    files,
    layout::{EVENT, Fields, Record, SUBSCRIPTION},
};
use crate::{effect::Effect, guest::descriptors::Kind};
use alloc::vec::Vec;
use core::time::Duration;

/// As many things as one call may wait for.
const MAX_SUBSCRIPTIONS: u32 = 4096;
/// What a stream is said to take at once.
const ROOM: u64 = 64 << 10;

const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;
const ABSOLUTE: u16 = 1;
const HANGUP: u16 = 1;

/// Something to wait for.
struct Subscription {
    userdata: u64,
    tag: u8,
    what: What,
}

enum What {
    Clock {
        id: u32,
        timeout: u64,
        absolute: bool,
    },
    Fd {
        fd: u32,
    },
    Unknown,
}

/// Something that came to pass.
struct Event {
    errno: u16,
    bytes: u64,
    flags: u16,
}

impl Event {
    const PLAIN: Event = Event {
        errno: 0,
        bytes: 0,
        flags: 0,
    };

    fn failed(Errno(errno): Errno) -> Event {
        Event {
            errno,
            ..Event::PLAIN
        }
    }
}

pub(super) fn oneoff(
    call: &mut Call<'_, '_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    out: u32,
) -> Result<(), Halt> {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::INVAL.into());
    }
    let subscribed = read(call, subscriptions, count)?;
    call.check(events, count * EVENT)?;
    call.check(out, 4)?;

    let mut happened = Vec::new();
    let mut waiting = Vec::new();
    for subscription in &subscribed {
        match &subscription.what {
            What::Clock {
                id,
                timeout,
                absolute,
            } => match left(call, *id, *timeout, *absolute)? {
                Ok(left) => waiting.push((left, subscription)),
                Err(errno) => happened.push((subscription, Event::failed(errno))),
            },
            What::Fd { fd } => {
                let event = ready(call, *fd, subscription.tag)?;
                happened.push((subscription, event));
            }
            What::Unknown => happened.push((subscription, Event::failed(Errno::INVAL))),
        }
    }
    let nearest = if happened.is_empty() {
        waiting.iter().map(|(left, _)| *left).min().unwrap_or(0)
    } else {
        0
    };
    if nearest > 0 {
        // Waiting is paid for like work, or a guest could hold its thread for nothing.
        // It does not wait beyond the deadline, where the call ends.
        let left = call.host().gate.interrupt().remaining();
        let nanos = left.map_or(u128::MAX, |left| left.as_nanos());
        call.owe(u64::try_from(nanos).unwrap_or(u64::MAX).min(nearest));
        call.settle()?;
        let duration = Duration::from_nanos(nearest);
        call.pass(&Effect::Sleep { duration })?;
    }
    let due = waiting.iter().filter(|(left, _)| *left <= nearest);
    happened.extend(due.map(|(_, subscription)| (*subscription, Event::PLAIN)));

    let mut at = events;
    for (subscription, event) in &happened {
        let record = Record::<32>::new()
            .u64(0, subscription.userdata)
            .u16(8, event.errno)
            .u8(10, subscription.tag)
            .u64(16, event.bytes)
            .u16(24, event.flags);
        call.put(at, &record.0)?;
        at = at.saturating_add(EVENT);
    }
    Ok(call.put_u32(out, u32::try_from(happened.len()).map_err(|_| Errno::IO)?)?)
}

fn read(
    call: &mut Call<'_, '_>,
    subscriptions: u32,
    count: u32,
) -> Result<Vec<Subscription>, Errno> {
    let size = usize::try_from(SUBSCRIPTION).unwrap_or(usize::MAX);
    let records = call.get(subscriptions, count * SUBSCRIPTION)?;
    let one = |record: &[u8]| {
        let fields = Fields(record);
        let tag = fields.u8(8);
        Subscription {
            userdata: fields.u64(0),
            tag,
            what: match tag {
                CLOCK => What::Clock {
                    id: fields.u32(16),
                    timeout: fields.u64(24),
                    absolute: fields.u16(40) & ABSOLUTE != 0,
                },
                FD_READ | FD_WRITE => What::Fd { fd: fields.u32(16) },
                _ => What::Unknown,
            },
        }
    };
    Ok(records.chunks_exact(size).map(one).collect())
}

/// Nanoseconds until a clock is there.
fn left(
    call: &mut Call<'_, '_>,
    id: u32,
    timeout: u64,
    absolute: bool,
) -> Result<Result<u64, Errno>, Halt> {
    let clock = match args::clock(id) {
        Ok(clock) => clock,
        Err(errno) => return Ok(Err(errno)),
    };
    if !absolute {
        return Ok(Ok(timeout));
    }
    let now = args::now(call, clock)?;
    Ok(Ok(timeout.saturating_sub(now)))
}

/// Files and streams are ready at any time.
fn ready(call: &mut Call<'_, '_>, fd: u32, tag: u8) -> Result<Event, Halt> {
    let kind = match call.fd(fd) {
        Ok(descriptor) => descriptor.kind.clone(),
        Err(errno) => return Ok(Event::failed(errno)),
    };
    Ok(match (kind, tag) {
        (Kind::File(file), FD_READ) => Event {
            bytes: files::examine(call, file.handle)?
                .size
                .saturating_sub(file.position),
            ..Event::PLAIN
        },
        (Kind::File(_) | Kind::Output | Kind::Errors, FD_WRITE) => Event {
            bytes: ROOM,
            ..Event::PLAIN
        },
        (Kind::Input, FD_READ) => Event {
            flags: HANGUP,
            ..Event::PLAIN
        },
        (Kind::Root | Kind::Directory(_), _) => Event::PLAIN,
        _ => Event::failed(Errno::BADF),
    })
}
