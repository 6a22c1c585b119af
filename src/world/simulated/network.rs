//! The simulated network: names lead to the addresses that they were given, the gate judges each,
//! and the answers written beforehand are given.

use super::{Simulated, script::Found as Rule};
use crate::{
    capability::{
        RequestUrl,
        address::{Host, parse_host},
    },
    effect::{Answer, DnsRecords, Effect, Failure, RecordType, Records, Refusal},
    gate::{Checkpoint, Permitted},
    world::reach::{no_such_host, try_each},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::ControlFlow,
    time::Duration,
};
use tollgate_abi::host::kinds;

/// Where connections come from, in networks that are nobody's (RFC 5737, RFC 3849).
const HERE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HERE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const PORT_HERE: u16 = 49_152;

impl Simulated {
    /// Does an effect of the network.
    pub(super) fn far(
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
                let outcome = |world: &mut Simulated| match rule {
                    Some(rule) => world.script.give(rule),
                    None => world.known(name, *records),
                };
                match nameserver {
                    Some(server) => {
                        self.reach(&server.host, server.port, *timeout, gate, |world, _| {
                            Some(outcome(world))
                        })
                    }
                    None => {
                        let answer = outcome(self);
                        let answer = self.in_time(answer?, *timeout, name)?;
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
            } => self.converse(host, *port, *timeout, gate, rule, *receive),
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
            } => self.converse(host, *port, *timeout, gate, rule, 0),
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
                self.converse(&host, port, *timeout, gate, rule, *body_limit)
            }
            _ => Err(Failure::new(kinds::INTERNAL, "", "this is not of the network").into()),
        }
    }

    /// Has the rule answer, if there is one, for whatever address of the host may be reached.
    fn converse(
        &mut self,
        host: &str,
        port: u16,
        timeout: Duration,
        gate: &Checkpoint<'_>,
        rule: Option<Rule>,
        limit: u64,
    ) -> Result<Permitted, Refusal> {
        self.reach(host, port, timeout, gate, |world, remote| {
            let answer = world.script.give(rule?);
            Some(answer.map(|answer| finished(answer, host, remote, limit)))
        })
    }

    /// Finds the first address of a host that may be reached and at which `answer` has something
    /// to say.
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
        match parse_host(host) {
            Ok(Host::Ip(address)) => Ok(vec![address]),
            Ok(Host::Name(name)) => {
                let found = self.hosts.get(&name);
                found.cloned().ok_or_else(|| no_such_host(host))
            }
            Err(error) => {
                let message = format!("failed to resolve host: {error}");
                Err(Failure::new(kinds::CONFIG, "EINVAL", message))
            }
        }
    }

    /// What is known of a name for which no answer was written: its addresses.
    fn known(&self, name: &str, records: RecordType) -> Result<Answer, Failure> {
        let addresses = self.hosts.get(name).ok_or_else(|| no_such_host(name))?;
        let texts = |wanted: fn(&&IpAddr) -> bool| {
            let wanted = addresses.iter().filter(wanted);
            Records::Texts(wanted.map(IpAddr::to_string).collect())
        };
        let records = match records {
            RecordType::A => texts(|address| address.is_ipv4()),
            RecordType::Aaaa => texts(|address| address.is_ipv6()),
            RecordType::Mx => Records::MailServers(Vec::new()),
            RecordType::Cname | RecordType::Txt | RecordType::Ns => Records::Texts(Vec::new()),
        };
        let took = Duration::ZERO;
        Ok(Answer::Found(DnsRecords { records, took }))
    }

    /// Lets the time pass that an answer took, or as much of it as there was.
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

/// An answer as it comes over a connection: from somewhere, and no longer than was asked for.
fn finished(answer: Answer, host: &str, remote: SocketAddr, limit: u64) -> Answer {
    let here = SocketAddr::new(if remote.is_ipv4() { HERE_V4 } else { HERE_V6 }, PORT_HERE);
    let fill = |address: &mut SocketAddr, with| {
        if address.ip().is_unspecified() && address.port() == 0 {
            *address = with;
        }
    };
    let mut answer = answer;
    match &mut answer {
        Answer::Exchanged(exchanged) => {
            fill(&mut exchanged.remote, remote);
            fill(&mut exchanged.local, here);
            let more = cut(&mut exchanged.received, limit);
            exchanged.truncated |= more && limit > 0;
        }
        Answer::Secured(secured) => {
            fill(&mut secured.remote, remote);
            fill(&mut secured.local, here);
            if let (true, Ok(Host::Name(name))) =
                (secured.session.server_name.is_empty(), parse_host(host))
            {
                secured.session.server_name = name;
            }
        }
        Answer::Fetched(fetched) => {
            // Nobody waits for the body of an answer that leads elsewhere.
            if fetched.leads_to().is_some() {
                fetched.body.clear();
            }
            fetched.truncated |= cut(&mut fetched.body, limit);
        }
        _ => {}
    }
    answer
}

/// Keeps so many bytes; whether there were more.
pub(super) fn cut(bytes: &mut Vec<u8>, limit: u64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = bytes.len() > limit;
    bytes.truncate(limit);
    more
}
