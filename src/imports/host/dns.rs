//! `dns_lookup`: the records of a name.

use super::{config_error, not_canceled, pass, timeout};
use crate::{
    effect::{DnsRecords, Effect, Failure, RecordType, Records, Refusal},
    guest::Host,
};
use alloc::{string::ToString, vec::Vec};
use core::{net::IpAddr, time::Duration};
use tollgate_abi::{
    ErrorDetail,
    host::{DnsLookupReply, DnsLookupRequest, MxRecord, kinds},
};

/// The longest time of a lookup, and the time of one that sets none.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn lookup(
    host: &mut Host,
    request: DnsLookupRequest,
) -> Result<DnsLookupReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let nameserver = host.gate.nameserver(&request.nameserver)?;
    if request.hostname.is_empty() {
        return Err(config_error("hostname cannot be empty"));
    }
    let types = types(&request.record_type)?;
    let name = host.gate.hostname(&request.hostname)?;
    if let Ok(address) = name.parse() {
        return own(address, types);
    }
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
        let found: DnsRecords = pass(host, &effect)?;
        spent = spent.saturating_add(found.took);
        if found.records.is_empty() && !is_address(*records) {
            return Err(no_records(&name, *records).into());
        }
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

/// A name without addresses of one family may have some of the other: that is a reply without records.
fn is_address(records: RecordType) -> bool {
    matches!(records, RecordType::A | RecordType::Aaaa)
}

/// The error for a name that exists and has no records of this type. Go's resolver reports it as a name
/// that does not exist, and plugins rely on that: "has a mail server" must not pass without one.
fn no_records(name: &str, records: RecordType) -> Refusal {
    let message = format!(
        "lookup {name}: no such host (it has no {} records)",
        records.as_str()
    );
    Failure::new(kinds::NETWORK, "NODATA", message).into()
}

/// The records of an address, which needs no lookup.
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
