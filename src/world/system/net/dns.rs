//! DNS lookups. Addresses come from the resolver of the operating system, which uses its hosts file,
//! unless the effect names a name server. All other records come from a name server, by UDP, and by
//! TCP if the answer is truncated. `simple-dns` encodes the messages.

use super::{
    addresses, answer, connect_to, failure, is_timeout, no_such_host,
    timed::{Timed, Until},
    timed_out, try_each,
};
use crate::{
    effect::{Answer, DnsRecords, Failure, Nameserver, RecordType, Records, Refusal},
    gate::{Checkpoint, Permitted},
};
use answer::Question;
use simple_dns::TYPE;
use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    ops::ControlFlow,
    time::{Duration, Instant},
};
use tollgate_abi::host::kinds;

/// How long to wait for an answer before the question is sent again.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most configured name servers that are used, as in resolvers.
const MAX_SERVERS: usize = 3;

pub(super) fn lookup(
    name: &str,
    records: RecordType,
    nameserver: Option<&Nameserver>,
    timeout: Duration,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let until = &Until::after(timeout, gate);
    let started = Instant::now();
    let (records, permit) = match nameserver {
        Some(nameserver) => {
            let addresses = addresses(&nameserver.host, until)?;
            let judge = |address| gate.address(address);
            let found = try_each(addresses, judge, |address, _| {
                let server = SocketAddr::new(address, nameserver.port);
                match ask(server, name, records, until) {
                    Err(failure) if !is_final(&failure) => ControlFlow::Continue(failure),
                    done => ControlFlow::Break(done),
                }
            });
            found.unwrap_or_else(|| Err(no_such_host(&nameserver.host).into()))?
        }
        None => (look_up_locally(name, records, until)?, gate.granted()?),
    };
    Ok(permit.answer(Answer::Found(DnsRecords {
        records,
        took: started.elapsed(),
    })))
}

/// Whether another server would answer the same, or the time is up.
fn is_final(failure: &Failure) -> bool {
    failure.code == "NXDOMAIN" || failure.kind == kinds::TIMEOUT
}

/// Looks addresses up with the resolver of the system, and other records with its name servers.
fn look_up_locally(name: &str, records: RecordType, until: &Until) -> Result<Records, Failure> {
    let wanted: fn(&IpAddr) -> bool = match records {
        RecordType::A => IpAddr::is_ipv4,
        RecordType::Aaaa => IpAddr::is_ipv6,
        _ => return query_configured_servers(name, records, until),
    };
    let addresses = addresses(name, until)?.into_iter().filter(wanted);
    Ok(Records::Texts(addresses.map(|ip| ip.to_string()).collect()))
}

fn query_configured_servers(
    name: &str,
    records: RecordType,
    until: &Until,
) -> Result<Records, Failure> {
    let text = match fs::read_to_string("/etc/resolv.conf") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => {
            text.map_err(|error| failure(&format!("lookup {name}: /etc/resolv.conf"), &error))?
        }
    };
    let servers = configured(&text);
    let mut last = None;
    for server in servers {
        match ask(SocketAddr::new(server, 53), name, records, until) {
            Err(failure) if !is_final(&failure) => last = Some(failure),
            done => return done,
        }
    }
    Err(last.unwrap_or_else(|| {
        let message = format!(
            "lookup {name}: the name servers of this machine are unknown; set one in the request"
        );
        Failure::new(kinds::NETWORK, "UNSUPPORTED", message)
    }))
}

/// The name servers of a `resolv.conf`. The operator configured them, so a grant for port 53 allows
/// them at any address.
fn configured(text: &str) -> Vec<IpAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| *word == "nameserver")?;
        words.next()?.parse().ok()
    });
    named.take(MAX_SERVERS).collect()
}

/// Queries one server. A name with addresses of the other family only has no records of this one; a
/// name without any address is not found.
fn ask(
    server: SocketAddr,
    name: &str,
    records: RecordType,
    until: &Until,
) -> Result<Records, Failure> {
    let found = ask_for(server, name, records, answer::asked_for(records), until)?;
    let Some((other, asked)) = answer::other_addresses(records).filter(|_| found.is_empty()) else {
        return Ok(found);
    };
    let others = ask_for(server, name, other, asked, until)?;
    match (records, others.is_empty()) {
        (_, true) => Err(Failure {
            message: format!("lookup {name} on {server}: no such host"),
            ..no_such_host(name)
        }),
        (RecordType::Cname, false) => Ok(others),
        (_, false) => Ok(found),
    }
}

/// Sends one question to one server.
fn ask_for(
    server: SocketAddr,
    name: &str,
    records: RecordType,
    asked: TYPE,
    until: &Until,
) -> Result<Records, Failure> {
    let what = format!("lookup {name} on {server}");
    let failed = |error: io::Error| {
        if is_timeout(&error) {
            timed_out(&what)
        } else {
            failure(&what, &error)
        }
    };
    let question = Question::new(name, records, asked).map_err(failed)?;
    let short = by_datagram(server, &question, until).map_err(failed)?;
    if question.is_truncated(&short) {
        let whole = by_stream(server, &question, until).map_err(failed)?;
        return question.read(&whole, &what);
    }
    question.read(&short, &what)
}

/// Sends the question repeatedly until an answer to it arrives. Other datagrams are ignored: only who
/// sees the question can answer it.
fn by_datagram(server: SocketAddr, question: &Question<'_>, until: &Until) -> io::Result<Vec<u8>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    // The operating system drops datagrams of other senders from now on.
    socket.connect(server)?;
    let mut buffer = vec![0; 65_535];
    loop {
        socket.send(question.bytes())?;
        let sent = Instant::now();
        loop {
            let patience = PATIENCE.saturating_sub(sent.elapsed());
            if patience.is_zero() {
                break;
            }
            socket.set_read_timeout(Some(patience.min(until.slice()?)))?;
            match socket.recv(&mut buffer) {
                Ok(count) => {
                    let answer = buffer.get(..count).unwrap_or_default();
                    if question.is_answered_by(answer) {
                        return Ok(answer.to_vec());
                    }
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn by_stream(server: SocketAddr, question: &Question<'_>, until: &Until) -> io::Result<Vec<u8>> {
    let stream = connect_to(server, until.left_or_late()?, until)?;
    let mut stream = Timed::new(stream, until.clone());
    let length = u16::try_from(question.bytes().len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question.bytes()].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    if question.is_answered_by(&answer) {
        Ok(answer)
    } else {
        Err(io::Error::other("the answer is for another question"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_name_servers_are_read_as_its_resolver_does() {
        let text = "# nameserver 9.9.9.9\nsearch a b\nnameserver 192.0.2.1\n nameserver\t::1 x\n\
                    nameserver nonsense\noptions ndots:2\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n";
        let servers: Vec<String> = configured(text).iter().map(IpAddr::to_string).collect();
        assert_eq!(servers, ["192.0.2.1", "::1", "1.1.1.1"]);
        assert!(configured("").is_empty());
    }
}
