//! The network: a name is resolved once, each of its addresses is judged, and those that pass are tried
//! in order until one accepts the connection, all within one deadline. Protocols beyond plain TCP are
//! behind the feature `net`.

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

use super::shares::{Most, Shares};
use crate::{
    capability::address::Host,
    effect::{Denial, Effect, Failure, Refusal},
    gate::{Checkpoint, Permit, Permitted},
    world::reach::{self, no_such_host, try_each},
};
use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    ops::ControlFlow,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};
use timed::{Timed, Until};
use tollgate_abi::host::kinds;

/// The certificates that TLS trusts, in a build without TLS.
#[cfg(not(feature = "net"))]
#[derive(Clone, Default)]
pub(super) struct Trust {}

/// Performs an effect on the network.
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

/// Connects to the first address of a host that is granted and reachable.
fn connect(
    host: &str,
    port: u16,
    until: &Until,
    gate: &Checkpoint<'_>,
) -> Result<(Timed, SocketAddr, Permit), Refusal> {
    let addresses = addresses(host, until)?;
    let judge = |address| gate.address(address);
    first(addresses, port, until, judge).unwrap_or_else(|| Err(no_such_host(host).into()))
}

/// Connects to the first of these addresses that passes `judge` and is reachable. Returns the last
/// error if there is none, and `None` without addresses.
fn first<P>(
    addresses: Vec<IpAddr>,
    port: u16,
    until: &Until,
    judge: impl Fn(IpAddr) -> Result<P, Denial>,
) -> Option<Result<(Timed, SocketAddr, P), Refusal>> {
    let reached = try_each(addresses, judge, |address, is_last| {
        let target = SocketAddr::new(address, port);
        // An address that does not answer must not use up the time of the others.
        let left = match until.left(&target.to_string()) {
            Ok(left) if is_last => left,
            Ok(left) => left / 2,
            Err(failure) => return ControlFlow::Break(Err(failure)),
        };
        match connect_to(target, left, until) {
            Ok(stream) => ControlFlow::Break(Ok((Timed::new(stream, until.clone()), target))),
            Err(error) => ControlFlow::Continue(failure(&target.to_string(), &error)),
        }
    })?;
    Some(reached.map(|((stream, target), permit)| (stream, target, permit)))
}

/// Unanswered lookups, including those that timed out and still run: a guest must not fill the process
/// with threads or keep other plugins from looking names up.
static LOOKUPS: Shares = Shares::new(Most {
    own: 16,
    all: 64,
    least: 1,
});

/// Runs a job that cannot be cancelled on a thread, which keeps running if the time is up. Until it
/// ends it counts for the plugin, and a plugin with too many jobs waits for one of them to end.
fn in_time<T: Send + 'static>(
    shares: &'static Shares,
    until: &Until,
    what: &str,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let share = loop {
        let slice = until.slice();
        let moment = slice.as_ref().ok();
        let moment = moment.and_then(|slice| Instant::now().checked_add(*slice));
        match shares.take_by(until.plugin(), moment) {
            Some(share) => break share,
            None if slice.is_ok() => {}
            None => {
                let message = format!(
                    "{what}: too many lookups of this plugin are still unanswered (limit {})",
                    shares.own()
                );
                return Err(Failure::new(kinds::NETWORK, "EAGAIN", message));
            }
        }
    };
    until.left(what)?;
    let (sender, done) = mpsc::channel();
    let spawned = thread::Builder::new()
        .name("tollgate-resolve".into())
        .spawn(move || {
            let result = job();
            drop(share);
            let _ = sender.send(result);
        });
    spawned.map_err(|error| failure(what, &error))?;
    loop {
        let slice = until.slice().map_err(|_| timed_out(what))?;
        match done.recv_timeout(slice) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(timed_out(what)),
        }
    }
}

/// Connections that are being made for calls that can be cancelled, those left behind included.
static CONNECTS: Shares = Shares::new(Most {
    own: 64,
    all: 256,
    least: 1,
});

/// Connects within `time`. The system call cannot be woken up: for a call that may be cancelled,
/// another thread makes it, and is left behind until its time is up.
fn connect_to(target: SocketAddr, time: Duration, until: &Until) -> io::Result<TcpStream> {
    let connect = move || TcpStream::connect_timeout(&target, time);
    if !until.may_be_cancelled() {
        return connect();
    }
    let made = in_time(&CONNECTS, until, &format!("connect {target}"), connect);
    made.unwrap_or_else(|failure| {
        Err(match failure.kind == kinds::TIMEOUT {
            true => io::ErrorKind::TimedOut.into(),
            false => io::Error::other(failure.message),
        })
    })
}

/// All addresses of a host, in the order of the resolver.
fn addresses(host: &str, until: &Until) -> Result<Vec<IpAddr>, Failure> {
    let name = match reach::host(host)? {
        Host::Ip(address) => return Ok(vec![address]),
        Host::Name(name) => name,
    };
    // By RFC 6761, no such name exists.
    if name == "invalid" || name.ends_with(".invalid") {
        return Err(no_such_host(host));
    }
    let what = format!("lookup {host}");
    let found = in_time(&LOOKUPS, until, &what, move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        found.map(|all| all.map(|one| one.ip()).collect::<Vec<_>>())
    })?;
    match found {
        Ok(mut addresses) => {
            let mut seen = std::collections::BTreeSet::new();
            addresses.retain(|address| seen.insert(*address));
            Ok(addresses)
        }
        // The lookup itself failed, so the host may exist.
        Err(error) if error.raw_os_error().is_some() => Err(failure(host, &error)),
        Err(error) if !means_no_such_host(&error.to_string()) => {
            let message = format!("lookup {host}: {error}");
            Err(Failure::new(kinds::NETWORK, "EAGAIN", message))
        }
        Err(_) => Err(no_such_host(host)),
    }
}

/// Whether the error of the resolver means that there is no such host, and not that it got no answer.
/// The standard library passes on only its text, which is that of glibc, musl, macOS or Windows.
fn means_no_such_host(text: &str) -> bool {
    [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "Name has no usable address",
        "nodename nor servname provided, or not known",
        "No such host is known",
    ]
    .iter()
    .any(|known| text.contains(known))
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

/// An error of the operating system as one of the protocol.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::DenialReason;
    use std::{net::TcpListener, sync::Arc};

    /// A denial of this address.
    fn denial(address: IpAddr) -> Denial {
        Denial {
            plugin: "odd".into(),
            request: address.to_string().into(),
            needs: Default::default(),
            also: Vec::new(),
            reason: DenialReason::NotCovered,
            for_operator: None,
        }
    }

    #[test]
    fn every_address_is_judged_and_those_that_pass_are_tried_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let try_all = |texts: &[&str], denied: &str| {
            let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
            let until = &Until::within(Duration::from_secs(10), &"odd".into());
            let reached = first(addresses, port, until, |address| {
                if address.to_string() == denied {
                    return Err(denial(address));
                }
                Ok(address)
            });
            reached.map(|reached| reached.map(|(_, remote, judged)| (remote.ip(), judged)))
        };
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        // Nothing listens on the second loopback address, and the IPv6 one may not exist.
        for (texts, denied) in [
            (&["127.0.0.2", "127.0.0.1"][..], ""),
            (&["::1", "127.0.0.1"], ""),
            (&["10.0.0.1", "127.0.0.1"], "10.0.0.1"),
            (&["127.0.0.1", "10.0.0.1"], "10.0.0.1"),
        ] {
            assert_eq!(try_all(texts, denied), Some(Ok((here, here))), "{texts:?}");
        }
        let denied = Refusal::Denied(denial(here));
        assert_eq!(try_all(&["127.0.0.1"], "127.0.0.1"), Some(Err(denied)));
        assert_eq!(try_all(&[], ""), None);
    }

    #[test]
    fn a_failed_lookup_is_not_a_missing_host() {
        let words = |end: &str| format!("failed to lookup address information: {end}");
        assert!(means_no_such_host(&words("Name or service not known")));
        for failed in [
            "Temporary failure in name resolution",
            "Non-recoverable failure in name resolution",
            "Memory allocation failure",
            "Try again",
            "Unrecoverable error",
        ] {
            assert!(!means_no_such_host(&words(failed)), "{failed}");
        }
    }

    /// One plugin uses up its limit; the resolver never answers.
    #[test]
    fn unanswered_lookups_of_one_plugin_do_not_block_others() {
        static SHARES: Shares = Shares::new(Most {
            own: 4,
            all: 5,
            least: 1,
        });
        let [greedy, other, third]: [Arc<str>; 3] = ["plugin", "plugin", "third"].map(Arc::from);
        let (answer, answered) = mpsc::channel::<()>();
        let answered = Arc::new(std::sync::Mutex::new(answered));
        let silent = || {
            let answered = answered.clone();
            move || answered.lock().unwrap().recv().is_ok()
        };
        let soon = |plugin| Until::within(Duration::from_millis(1), plugin);
        while SHARES.admits(&greedy) {
            let left = in_time(&SHARES, &soon(&greedy), "lookup silent", silent());
            assert_eq!(left.unwrap_err().code, "ETIMEDOUT");
        }
        let refused = in_time(&SHARES, &soon(&greedy), "lookup silent", silent()).unwrap_err();
        assert_eq!(refused.code, "EAGAIN");
        assert!(
            refused
                .message
                .contains("too many lookups of this plugin are still unanswered (limit 4)"),
            "{refused:?}"
        );
        // The other plugins are not affected, even if all lookups are taken.
        let later = |plugin| Until::within(Duration::from_secs(600), plugin);
        assert_eq!(
            in_time(&SHARES, &later(&other), "lookup other", || 7),
            Ok(7)
        );
        while SHARES.admits(&other) {
            let left = in_time(&SHARES, &soon(&other), "lookup silent", silent());
            assert_eq!(left.unwrap_err().code, "ETIMEDOUT");
        }
        assert_eq!(
            in_time(&SHARES, &later(&third), "lookup third", || 3),
            Ok(3)
        );
        // The first one continues when its lookups have ended.
        drop(answer);
        assert_eq!(
            in_time(&SHARES, &later(&greedy), "lookup again", || 5),
            Ok(5)
        );
    }
}
