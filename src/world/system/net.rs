//! Plain TCP: a name is resolved once, every address of it is judged, and those that pass are
//! tried in order until one answers, all within one deadline.

use crate::{
    capability::address::{Host, parse_host},
    effect::{Answer, Exchanged, Failure, Refusal},
    gate::{Checkpoint, Permit, Permitted},
};
use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use tollgate_abi::host::kinds;

/// One deadline for resolving, connecting, sending and receiving.
struct Until(Instant);

impl Until {
    fn after(timeout: Duration, gate: &Checkpoint<'_>) -> Until {
        let time = timeout.min(gate.remaining().unwrap_or(Duration::MAX));
        let now = Instant::now();
        // A year is as good as for ever, and never overflows.
        let year = Duration::from_secs(31_536_000);
        Until(now.checked_add(time.min(year)).unwrap_or(now))
    }

    fn left(&self, what: &str) -> Result<Duration, Failure> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(timed_out(what))
        } else {
            Ok(left)
        }
    }
}

fn timed_out(what: &str) -> Failure {
    Failure::new(kinds::TIMEOUT, "ETIMEDOUT", format!("{what}: timed out"))
}

pub(super) fn exchange(
    host: &str,
    port: u16,
    send: &[u8],
    receive: u64,
    timeout: Duration,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let until = Until::after(timeout, gate);
    let started = Instant::now();
    let (mut stream, remote, permit) = connect(host, port, &until, gate)?;
    let connect_time = started.elapsed();
    let what = format!("{host}:{port}");
    let failed = |error: io::Error| Refusal::from(failure(&what, &error));
    let local = stream.local_addr().map_err(failed)?;
    write(&mut stream, send, &until, &what)?;
    let mut exchanged = Exchanged {
        received: Vec::new(),
        truncated: false,
        timed_out: false,
        remote,
        local,
        connect_time,
    };
    if receive > 0 {
        read(&mut stream, receive, &until, &what, &mut exchanged)?;
    }
    Ok(permit.answer(Answer::Exchanged(exchanged)))
}

/// Writes all, in the time that is left for all of it.
fn write(
    stream: &mut TcpStream,
    mut bytes: &[u8],
    until: &Until,
    what: &str,
) -> Result<(), Failure> {
    while !bytes.is_empty() {
        let left = until.left(what)?;
        let written = stream
            .set_write_timeout(Some(left))
            .and_then(|()| stream.write(bytes));
        match written {
            Ok(0) => return Err(failure(what, &io::ErrorKind::WriteZero.into())),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failure(what, &error)),
        }
    }
    Ok(())
}

/// Reads until the other side closes, the limit is reached, or the time is up. What has come by
/// then is an answer; nothing at all is a timeout.
fn read(
    stream: &mut TcpStream,
    limit: u64,
    until: &Until,
    what: &str,
    exchanged: &mut Exchanged,
) -> Result<(), Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let received = &mut exchanged.received;
    let mut buffer = [0; 16 * 1024];
    loop {
        let left = match until.left(what) {
            Ok(left) => left,
            Err(_) if !received.is_empty() => {
                exchanged.timed_out = true;
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        stream
            .set_read_timeout(Some(left))
            .map_err(|error| failure(what, &error))?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let room = limit.saturating_sub(received.len());
                received.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
                if count > room || received.len() == limit {
                    exchanged.truncated = count > room;
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(failure(what, &error)),
        }
    }
}

fn connect(
    host: &str,
    port: u16,
    until: &Until,
    gate: &Checkpoint<'_>,
) -> Result<(TcpStream, SocketAddr, Permit), Refusal> {
    let mut last: Option<Refusal> = None;
    for address in addresses(host, until)? {
        let permit = match gate.address(address) {
            Ok(permit) => permit,
            // A denial is told only if no other address can be reached.
            Err(denial) => {
                last.get_or_insert(denial.into());
                continue;
            }
        };
        let target = SocketAddr::new(address, port);
        match TcpStream::connect_timeout(&target, until.left(host)?) {
            Ok(stream) => return Ok((stream, target, permit)),
            Err(error) => last = Some(failure(&target.to_string(), &error).into()),
        }
    }
    Err(last.unwrap_or_else(|| no_such_host(host).into()))
}

fn no_such_host(host: &str) -> Failure {
    Failure::new(
        kinds::NETWORK,
        "NXDOMAIN",
        format!("lookup {host}: no such host"),
    )
}

/// How many lookups of this process are unanswered, those left behind included: a guest that does
/// not wait for its answers must not fill the process with threads.
static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
const MAX_LOOKUPS: usize = 64;

/// One of a limited number, given back when it is dropped.
struct Slot(&'static AtomicUsize);

impl Slot {
    fn take(taken: &'static AtomicUsize, most: usize) -> Option<Slot> {
        let one_more = |count: usize| count.checked_add(1).filter(|count| *count <= most);
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
            .then(|| Slot(taken))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Every address of a host, in the resolver's order.
fn addresses(host: &str, until: &Until) -> Result<Vec<IpAddr>, Failure> {
    let name = match parse_host(host) {
        Ok(Host::Ip(address)) => return Ok(vec![address]),
        Ok(Host::Name(name)) => name,
        Err(error) => {
            let message = format!("failed to resolve host: {error}");
            return Err(Failure::new(kinds::CONFIG, "EINVAL", message));
        }
    };
    // The system's resolver cannot be told when to stop, so it is left behind if it is too slow.
    let slot = Slot::take(&LOOKUPS, MAX_LOOKUPS).ok_or_else(|| {
        let message = format!("lookup {host}: too many others are still unanswered");
        Failure::new(kinds::NETWORK, "EAGAIN", message)
    })?;
    let (sender, resolved) = mpsc::channel();
    let question = name.clone();
    let spawned = thread::Builder::new()
        .name("tollgate-resolve".into())
        .spawn(move || {
            let _slot = slot;
            let found = (question.as_str(), 0).to_socket_addrs();
            let _ = sender.send(found.map(|all| all.map(|one| one.ip()).collect::<Vec<_>>()));
        });
    spawned.map_err(|error| failure(host, &error))?;
    match resolved.recv_timeout(until.left(host)?) {
        Ok(Ok(mut addresses)) => {
            let mut seen = std::collections::BTreeSet::new();
            addresses.retain(|address| seen.insert(*address));
            Ok(addresses)
        }
        Ok(Err(_)) => Err(no_such_host(host)),
        Err(_) => Err(timed_out(&format!("lookup {host}"))),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
    )
}

/// What the operating system says, in the words of the protocol.
fn failure(what: &str, error: &io::Error) -> Failure {
    if is_timeout(error) {
        return timed_out(what);
    }
    let (code, text) = match error.kind() {
        io::ErrorKind::ConnectionRefused => ("ECONNREFUSED", "connection refused"),
        io::ErrorKind::ConnectionReset => ("ECONNRESET", "connection reset by peer"),
        io::ErrorKind::ConnectionAborted => ("ECONNABORTED", "connection aborted"),
        io::ErrorKind::BrokenPipe => ("EPIPE", "broken pipe"),
        io::ErrorKind::HostUnreachable => ("EHOSTUNREACH", "no route to host"),
        io::ErrorKind::NetworkUnreachable => ("ENETUNREACH", "network is unreachable"),
        io::ErrorKind::AddrNotAvailable => ("EADDRNOTAVAIL", "cannot assign requested address"),
        _ => return Failure::new(kinds::NETWORK, "", format!("{what}: {error}")),
    };
    Failure::new(kinds::NETWORK, code, format!("{what}: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_lookups_are_limited_and_answered_ones_are_not_counted() {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let take = || Slot::take(&TAKEN, 2);
        let first = take();
        let second = take();
        assert!(first.is_some() && second.is_some());
        assert!(take().is_none());
        drop(first);
        assert!(take().is_some());
        drop(second);
        assert_eq!(TAKEN.load(Ordering::Relaxed), 0);
    }
}
