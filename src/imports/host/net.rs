//! Connections by JSON: `net_connect` and `tcp_connect`.

use super::{config_error, content::Encoding, not_canceled, pass, timeout, unexpected};
use crate::{
    capability::{
        Request,
        address::{Host as NamedHost, parse_host},
    },
    effect::{Answer, Effect, Exchanged, Refusal},
    guest::Host,
};
use std::time::Duration;
use tollgate_abi::{
    ErrorDetail,
    host::{NetConnectReply, NetConnectRequest, TcpConnectReply, TcpConnectRequest},
    rfc3339,
};

pub(super) fn connect(
    host: &mut Host,
    request: NetConnectRequest,
) -> Result<NetConnectReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let encoding = Encoding::parse(&request.encoding)?;
    let address = Address::checked(host, &request.host, &request.port.to_string())?;
    let send = encoding.read(request.send, "send")?;
    let effect = Effect::Exchange {
        timeout: timeout::effective(host, &request.context, request.timeout_ms)?,
        receive: request.receive.min(u64::from(host.limits.reply_bytes)),
        host: address.host,
        port: address.port,
        send,
    };
    let exchanged = exchange(host, &effect)?;
    let came = exchanged.received.len() as u64;
    let received = encoding.write(exchanged.received, "what was received", 0);
    Ok(NetConnectReply {
        connected: true,
        received: received.inspect_err(|_| host.owed = host.owed.saturating_add(came))?,
        encoding: encoding.name(),
        truncated: exchanged.truncated,
        is_timeout: exchanged.timed_out,
        remote_addr: exchanged.remote.to_string(),
        local_addr: exchanged.local.to_string(),
        response_time_ms: millis(exchanged.connect_time),
        error: None,
    })
}

pub(super) fn tcp(
    host: &mut Host,
    request: TcpConnectRequest,
) -> Result<TcpConnectReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let address = Address::checked(host, &request.host, &request.port)?;
    if request.tls {
        return tls(host, &request, address);
    }
    let effect = Effect::Exchange {
        timeout: timeout::effective(host, &request.context, request.timeout_ms)?,
        receive: 0,
        host: address.host,
        port: address.port,
        send: Vec::new(),
    };
    let exchanged = exchange(host, &effect)?;
    Ok(TcpConnectReply {
        connected: true,
        address: with_port(&request.host, &request.port),
        remote_addr: exchanged.remote.to_string(),
        local_addr: exchanged.local.to_string(),
        response_time_ms: millis(exchanged.connect_time),
        ..TcpConnectReply::default()
    })
}

fn tls(
    host: &mut Host,
    request: &TcpConnectRequest,
    address: Address,
) -> Result<TcpConnectReply, ErrorDetail> {
    let effect = Effect::Tls {
        timeout: timeout::effective(host, &request.context, request.timeout_ms)?,
        host: address.host,
        port: address.port,
    };
    let secured = match pass(host, &effect)? {
        Answer::Secured(secured) => secured,
        other => return Err(unexpected(&other)),
    };
    let session = secured.session;
    Ok(TcpConnectReply {
        connected: true,
        address: with_port(&request.host, &request.port),
        remote_addr: secured.remote.to_string(),
        local_addr: secured.local.to_string(),
        response_time_ms: millis(secured.took),
        tls: true,
        tls_version: session.version,
        tls_cipher_suite: session.cipher_suite,
        tls_server_name: session.server_name,
        tls_cert_subject: session.subject,
        tls_cert_issuer: session.issuer,
        tls_cert_not_after: rfc3339::format(session.not_after),
        error: None,
    })
}

fn exchange(host: &mut Host, effect: &Effect) -> Result<Exchanged, ErrorDetail> {
    match pass(host, effect)? {
        Answer::Exchanged(exchanged) => Ok(exchanged),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn with_port(host: &str, port: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Where a request wants to connect to.
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// Reads host and port in the protocol's order of checks: the grant first, then an empty
    /// host, then an empty port. The addresses of the host are judged when they are known.
    pub(super) fn checked(
        host: &Host,
        name: &str,
        port_text: &str,
    ) -> Result<Address, ErrorDetail> {
        let wanted = format!("network:outbound:{port_text}");
        let port = match wanted.parse() {
            Ok(Request::Connect { host: None, port }) => port,
            _ if port_text.is_empty() && host.gate.holds_kind("network") => {
                let empty = if name.is_empty() { "host" } else { "port" };
                return Err(config_error(format!("{empty} cannot be empty")));
            }
            // No grant can cover what is not a port.
            _ => return Err(Refusal::from(host.gate.deny_malformed(&wanted)).detail()),
        };
        if name.is_empty() {
            let wanted = Request::Connect { host: None, port };
            return Err(if host.gate.would_allow(&wanted) {
                config_error("host cannot be empty")
            } else {
                Refusal::from(host.gate.deny(&wanted)).detail()
            });
        }
        let name = match parse_host(name) {
            Ok(NamedHost::Ip(address)) => address.to_string(),
            Ok(NamedHost::Name(name)) => name,
            Err(error) => {
                let wanted = Request::Connect {
                    host: Some(name.to_owned()),
                    port,
                };
                return Err(if host.gate.holds_kind("network") {
                    config_error(format!("host {name:?} cannot be used: {error}"))
                } else {
                    Refusal::from(host.gate.deny(&wanted)).detail()
                });
            }
        };
        Ok(Address { host: name, port })
    }
}
