//! `dns_lookup`: the records of a name.

use super::{config_error, not_canceled, pass, timeout, unexpected};
use crate::{
    capability::{
        Request,
        address::{Host as NamedHost, parse_destination, parse_host},
    },
    effect::{Answer, DnsRecords, Effect, Nameserver, RecordType, Records, Refusal},
    guest::Host,
};
use std::{net::IpAddr, time::Duration};
use tollgate_abi::{
    ErrorDetail,
    host::{DnsLookupReply, DnsLookupRequest, MxRecord},
};

/// The port of a name server that is named without one.
const PORT: u16 = 53;

/// What a lookup may take that says nothing, and at most.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn lookup(
    host: &mut Host,
    request: DnsLookupRequest,
) -> Result<DnsLookupReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let nameserver = nameserver(host, &request.nameserver)?;
    if request.hostname.is_empty() {
        return Err(config_error("hostname cannot be empty"));
    }
    let types = types(&request.record_type)?;
    let name = match parse_host(&request.hostname) {
        Ok(NamedHost::Name(name)) => name,
        Ok(NamedHost::Ip(address)) => return own(address, types),
        Err(error) => {
            let message = format!("hostname {:?} cannot be used: {error}", request.hostname);
            return Err(config_error(message));
        }
    };
    let total = timeout::effective(host, &request.context, request.timeout_ms)?.min(TIMEOUT);
    let mut spent = Duration::ZERO;
    let mut reply = DnsLookupReply::default();
    for records in types {
        let effect = Effect::Lookup {
            name: name.clone(),
            records: *records,
            nameserver: nameserver.clone(),
            timeout: timeout::after(total, spent)?,
        };
        let found = find(host, &effect)?;
        spent = spent.saturating_add(found.took);
        match found.records {
            Records::Texts(texts) => reply.records.extend(texts),
            Records::MailServers(servers) => {
                let servers = servers.into_iter();
                reply
                    .mx_records
                    .extend(servers.map(|(pref, host)| MxRecord { host, pref }));
            }
        }
    }
    Ok(reply)
}

/// An address is its own address, and nobody need be asked.
fn own(address: IpAddr, types: &[RecordType]) -> Result<DnsLookupReply, ErrorDetail> {
    let mut records = Vec::new();
    for wanted in types {
        let is_it = match wanted {
            RecordType::A => address.is_ipv4(),
            RecordType::Aaaa => address.is_ipv6(),
            other => {
                let message = format!(
                    "{address} is an address, which has no {} records",
                    other.as_str()
                );
                return Err(config_error(message));
            }
        };
        records.extend(is_it.then(|| address.to_string()));
    }
    Ok(DnsLookupReply {
        records,
        ..DnsLookupReply::default()
    })
}

fn find(host: &mut Host, effect: &Effect) -> Result<DnsRecords, ErrorDetail> {
    match pass(host, effect)? {
        Answer::Found(found) => Ok(found),
        other => Err(unexpected(&other)),
    }
}

/// Reads whom to ask, in the protocol's order of checks: the grant comes before what is wrong with
/// the request. The gate asks again, and judges the address.
fn nameserver(host: &Host, text: &str) -> Result<Option<Nameserver>, ErrorDetail> {
    let port_only = Request::Connect {
        host: None,
        port: PORT,
    };
    let (wanted, nameserver) = match parse_destination(text) {
        _ if text.is_empty() => (port_only, None),
        Ok((server, port)) => {
            let (host, port) = (server.to_string(), port.unwrap_or(PORT));
            let wanted = Request::Connect {
                host: Some(host.clone()),
                port,
            };
            (wanted, Some(Nameserver { host, port }))
        }
        Err(error) if host.gate.holds_kind("network") => {
            return Err(config_error(format!(
                "nameserver {text:?} cannot be used: {error}"
            )));
        }
        Err(_) => (port_only, None),
    };
    if host.gate.would_allow(&wanted) {
        Ok(nameserver)
    } else {
        Err(Refusal::from(host.gate.deny(&wanted)).detail())
    }
}

fn types(text: &str) -> Result<&'static [RecordType], ErrorDetail> {
    Ok(match text.to_ascii_uppercase().as_str() {
        "" => &[RecordType::A, RecordType::Aaaa],
        "A" => &[RecordType::A],
        "AAAA" => &[RecordType::Aaaa],
        "CNAME" => &[RecordType::Cname],
        "MX" => &[RecordType::Mx],
        "TXT" => &[RecordType::Txt],
        "NS" => &[RecordType::Ns],
        _ => {
            let message = format!("unsupported record type: {text}");
            return Err(config_error(message).with_code("UNSUPPORTED_TYPE"));
        }
    })
}
