//! The network: a name is resolved once, every address of it is judged, and those that pass are
//! tried in order until one answers, all within one deadline. One file per kind of conversation;
//! those beyond plain TCP are behind the feature `net`.

#[cfg(feature = "net")]
mod answer;
#[cfg(feature = "net")]
mod dns;
#[cfg(feature = "net")]
mod http;
#[cfg(feature = "net")]
mod smtp;
mod tcp;
mod timed;
#[cfg(feature = "net")]
mod tls;

#[cfg(feature = "net")]
pub(super) use tls::Trust;

use crate::{
    capability::address::{Host, parse_host},
    effect::{Effect, Failure, Refusal},
    gate::{Checkpoint, Permit, Permitted},
};
use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::mpsc,
    thread,
};
use timed::{Timed, Until};
use tollgate_abi::host::kinds;

/// Whom TLS trusts, of which a build without it knows nothing.
#[cfg(not(feature = "net"))]
#[derive(Clone, Default)]
pub(super) struct Trust {}

/// Does an effect of the network.
pub(super) fn perform(
    effect: &Effect,
    trust: &Trust,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    #[cfg(not(feature = "net"))]
    let Trust {} = trust;
    match effect {
        Effect::Exchange {
            host,
            port,
            send,
            receive,
            timeout,
        } => tcp::exchange(host, *port, send, *receive, *timeout, gate),
        #[cfg(feature = "net")]
        Effect::Tls {
            host,
            port,
            timeout,
        } => tls::examine(host, *port, *timeout, trust, gate),
        #[cfg(feature = "net")]
        Effect::Http {
            method,
            url,
            headers,
            body,
            body_limit,
            timeout,
        } => {
            let request = http::Request {
                method,
                url,
                headers,
                body,
                body_limit: *body_limit,
            };
            http::fetch(&request, *timeout, trust, gate)
        }
        #[cfg(feature = "net")]
        Effect::Lookup {
            name,
            records,
            nameserver,
            timeout,
        } => dns::lookup(name, *records, nameserver.as_ref(), *timeout, gate),
        #[cfg(feature = "net")]
        Effect::Greet {
            host,
            port,
            security,
            timeout,
        } => smtp::greet(host, *port, *security, *timeout, trust, gate),
        _ => Err(unsupported(effect).into()),
    }
}

fn unsupported(effect: &Effect) -> Failure {
    let what = match effect {
        Effect::Tls { .. } => "speak TLS",
        Effect::Http { .. } => "fetch URLs",
        Effect::Lookup { .. } => "look up names",
        Effect::Greet { .. } => "speak to mail servers",
        _ => "do this",
    };
    let message = format!("this build cannot {what}: it lacks the feature `net`");
    Failure::new(kinds::INTERNAL, "UNSUPPORTED", message)
}

/// A connection to the first address of the host that may be reached and can be.
fn connect(
    host: &str,
    port: u16,
    until: Until,
    gate: &Checkpoint<'_>,
) -> Result<(Timed, SocketAddr, Permit), Refusal> {
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
            Ok(stream) => return Ok((Timed::new(stream, until), target, permit)),
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

/// Every address of a host, in the resolver's order.
fn addresses(host: &str, until: Until) -> Result<Vec<IpAddr>, Failure> {
    let name = match parse_host(host) {
        Ok(Host::Ip(address)) => return Ok(vec![address]),
        Ok(Host::Name(name)) => name,
        Err(error) => {
            let message = format!("failed to resolve host: {error}");
            return Err(Failure::new(kinds::CONFIG, "EINVAL", message));
        }
    };
    // The system's resolver cannot be told when to stop, so it is left behind if it is too slow.
    let (sender, resolved) = mpsc::channel();
    let question = name.clone();
    let spawned = thread::Builder::new()
        .name("tollgate-resolve".into())
        .spawn(move || {
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

fn timed_out(what: &str) -> Failure {
    Failure::new(kinds::TIMEOUT, "ETIMEDOUT", format!("{what}: timed out"))
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
        io::ErrorKind::UnexpectedEof => ("ECONNRESET", "connection closed too early"),
        io::ErrorKind::ConnectionAborted => ("ECONNABORTED", "connection aborted"),
        io::ErrorKind::BrokenPipe => ("EPIPE", "broken pipe"),
        io::ErrorKind::HostUnreachable => ("EHOSTUNREACH", "no route to host"),
        io::ErrorKind::NetworkUnreachable => ("ENETUNREACH", "network is unreachable"),
        io::ErrorKind::AddrNotAvailable => ("EADDRNOTAVAIL", "cannot assign requested address"),
        _ => return Failure::new(kinds::NETWORK, "", format!("{what}: {error}")),
    };
    Failure::new(kinds::NETWORK, code, format!("{what}: {text}"))
}
