//! The simulated network: names resolve to the configured addresses, the gate judges each of them,
//! and scripted answers are returned.

use super::{Simulated, script::Match};
use crate::{
    capability::{
        RequestUrl,
        address::{Host, parse_host},
    },
    effect::{
        Answer, DnsRecords, Effect, Exchanged, Failure, HttpResponse, RecordType, Records, Refusal,
    },
    gate::{Checkpoint, Permitted},
    world::reach::{self, no_such_host, try_each},
};
use alloc::{string::ToString, vec::Vec};
use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::ControlFlow,
    time::Duration,
};
use tollgate_abi::host::kinds;

/// Where connections come from: addresses reserved for documentation (RFC 5737, RFC 3849).
const HERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const PORT_HERE: u16 = 49_152;

impl Simulated {
    /// Performs an effect on the network.
    pub(super) fn perform_on_network(
        &mut self,
        effect: &Effect,
        gate: &Checkpoint<'_>,
    ) -> Result<Permitted, Refusal> {
        let rule = self.script.find(effect, None);
        match effect {
            Effect::Lookup {
                name,
                records,
                nameserver,
                timeout,
            } => {
                let answer = |world: &mut Simulated| match rule {
                    Some(rule) => world.script.take(rule).as_ref().clone(),
                    None => world.address_records(name, *records),
                };
                match nameserver {
                    Some(server) => {
                        self.reach(&server.host, server.port, *timeout, gate, |world, _| {
                            Some(answer(world))
                        })
                    }
                    None => {
                        let answer = answer(self)?;
                        let answer = self.in_time(answer, *timeout, name)?;
                        Ok(gate.granted()?.answer(answer))
                    }
                }
            }
            Effect::Exchange {
                host,
                port,
                timeout,
                receive,
                ..
            } => self.connect(host, *port, *timeout, gate, rule, *receive),
            Effect::Tls {
                host,
                port,
                timeout,
            }
            | Effect::Greet {
                host,
                port,
                timeout,
                ..
            } => self.connect(host, *port, *timeout, gate, rule, 0),
            Effect::Http {
                url,
                timeout,
                body_limit,
                ..
            } => {
                let read = RequestUrl::parse(url).ok_or_else(|| {
                    Failure::new(kinds::CONFIG, "", format!("invalid URL: {url}"))
                })?;
                let (host, port) = (read.host(), read.port());
                self.connect(&host, port, *timeout, gate, rule, *body_limit)
            }
            _ => {
                let message = "internal error: this effect needs no network";
                Err(Failure::new(kinds::INTERNAL, "", message).into())
            }
        }
    }

    /// Returns the scripted answer, if there is one, from the first granted address of the host.
    fn connect(
        &mut self,
        host: &str,
        port: u16,
        timeout: Duration,
        gate: &Checkpoint<'_>,
        rule: Option<Match>,
        limit: u64,
    ) -> Result<Permitted, Refusal> {
        self.reach(host, port, timeout, gate, |world, remote| {
            Some(match &*world.script.take(rule?) {
                Ok(answer) => Ok(received(answer, host, remote, limit)),
                Err(failure) => Err(failure.clone()),
            })
        })
    }

    /// Returns the answer of the first granted address of a host that has one.
    fn reach(
        &mut self,
        host: &str,
        port: u16,
        timeout: Duration,
        gate: &Checkpoint<'_>,
        answer: impl Fn(&mut Simulated, SocketAddr) -> Option<Result<Answer, Failure>>,
    ) -> Result<Permitted, Refusal> {
        let addresses = self.addresses(host)?;
        let judge = |address| gate.address(address);
        let reached = try_each(addresses, judge, |address, _| {
            let remote = SocketAddr::new(address, port);
            match answer(self, remote) {
                Some(answer) => ControlFlow::Break(
                    answer.and_then(|answer| self.in_time(answer, timeout, &remote.to_string())),
                ),
                None => ControlFlow::Continue(Failure::new(
                    kinds::NETWORK,
                    "ECONNREFUSED",
                    format!("{remote}: connection refused"),
                )),
            }
        });
        let (answer, permit) = reached.unwrap_or_else(|| Err(no_such_host(host).into()))?;
        Ok(permit.answer(answer))
    }

    fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Failure> {
        match reach::host(host)? {
            Host::Ip(address) => Ok(vec![address]),
            Host::Name(name) => {
                let found = self.hosts.get(&name);
                found.cloned().ok_or_else(|| no_such_host(host))
            }
        }
    }

    /// The answer for a name without a scripted one: its addresses.
    fn address_records(&self, name: &str, records: RecordType) -> Result<Answer, Failure> {
        let addresses = self.hosts.get(name).filter(|all| !all.is_empty());
        let addresses = addresses.ok_or_else(|| no_such_host(name))?;
        let texts = |wanted: fn(&&IpAddr) -> bool| {
            let wanted = addresses.iter().filter(wanted);
            Records::Texts(wanted.map(IpAddr::to_string).collect())
        };
        let records = match records {
            RecordType::A => texts(|address| address.is_ipv4()),
            RecordType::Aaaa => texts(|address| address.is_ipv6()),
            RecordType::Mx => Records::MailServers(Vec::new()),
            RecordType::Cname => Records::Texts(vec![format!("{}.", name.trim_end_matches('.'))]),
            RecordType::Txt | RecordType::Ns => Records::Texts(Vec::new()),
        };
        let took = Duration::ZERO;
        Ok(Answer::Found(DnsRecords { records, took }))
    }

    /// Advances the clock by the time that an answer took, up to the timeout.
    fn in_time(
        &mut self,
        answer: Answer,
        timeout: Duration,
        what: &str,
    ) -> Result<Answer, Failure> {
        let took = match &answer {
            Answer::Exchanged(exchanged) => exchanged.connect_time,
            Answer::Secured(secured) => secured.took,
            Answer::Fetched(fetched) => fetched.took,
            Answer::Found(found) => found.took,
            Answer::Greeted(greeted) => greeted.took,
            _ => Duration::ZERO,
        };
        self.clock.pass(took.min(timeout));
        if timeout.is_zero() || took > timeout {
            let message = format!("{what}: timed out");
            return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", message));
        }
        Ok(answer)
    }
}

/// A scripted answer as it arrives over a connection from `remote`, up to the limit.
fn received(answer: &Answer, host: &str, remote: SocketAddr, limit: u64) -> Answer {
    let here = SocketAddr::new(if remote.is_ipv4() { HERE_V4 } else { HERE_V6 }, PORT_HERE);
    let or = |address: SocketAddr, default| match (address.ip().is_unspecified(), address.port()) {
        (true, 0) => default,
        _ => address,
    };
    match answer {
        Answer::Exchanged(exchanged) => {
            let (received, cut) = beginning(&exchanged.received, limit);
            Answer::Exchanged(Exchanged {
                received,
                truncated: exchanged.truncated || cut && limit > 0,
                remote: or(exchanged.remote, remote),
                local: or(exchanged.local, here),
                timed_out: exchanged.timed_out,
                connect_time: exchanged.connect_time,
            })
        }
        Answer::Secured(secured) => {
            let mut secured = secured.clone();
            secured.remote = or(secured.remote, remote);
            secured.local = or(secured.local, here);
            let server_name = &mut secured.session.server_name;
            if let (true, Ok(Host::Name(name))) = (server_name.is_empty(), parse_host(host)) {
                *server_name = name;
            }
            Answer::Secured(secured)
        }
        Answer::Fetched(fetched) => {
            // The body of a redirect is not read.
            let whole: &[u8] = match fetched.leads_to() {
                Some(_) => &[],
                None => &fetched.body,
            };
            let (body, cut) = beginning(whole, limit);
            Answer::Fetched(HttpResponse {
                status: fetched.status,
                protocol: fetched.protocol.clone(),
                headers: fetched.headers.clone(),
                body,
                truncated: fetched.truncated || cut,
                took: fetched.took,
            })
        }
        other => other.clone(),
    }
}

/// The first `limit` bytes, and whether there are more.
pub(super) fn beginning(bytes: &[u8], limit: u64) -> (Vec<u8>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match bytes.get(..limit) {
        Some(beginning) => (beginning.to_vec(), bytes.len() > limit),
        None => (bytes.to_vec(), false),
    }
}
