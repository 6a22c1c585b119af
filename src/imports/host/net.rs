//! Connections by JSON: `net_connect` and `tcp_connect`.

use super::{content::Encoding, not_canceled, pass, timeout};
use crate::{
    effect::{Effect, Exchanged, TlsInfo},
    gate::Destination,
    guest::Host,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;
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
    let port = request.port.to_string();
    let to = host.gate.destination(&request.host, &port)?;
    let send = encoding.read(request.send, "send")?;
    let effect = Effect::Exchange {
        timeout: timeout::effective(host, &request.context, request.timeout_ms)?,
        receive: request.receive.min(u64::from(host.limits.reply_bytes)),
        host: to.host,
        port: to.port,
        send,
    };
    let exchanged: Exchanged = pass(host, &effect)?;
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
    let to = host.gate.destination(&request.host, &request.port)?;
    if request.tls {
        return tls(host, &request, to);
    }
    let effect = Effect::Exchange {
        timeout: timeout::effective(host, &request.context, request.timeout_ms)?,
        receive: 0,
        host: to.host,
        port: to.port,
        send: Vec::new(),
    };
    let exchanged: Exchanged = pass(host, &effect)?;
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
    to: Destination,
) -> Result<TcpConnectReply, ErrorDetail> {
    let effect = Effect::Tls {
        timeout: timeout::effective(host, &request.context, request.timeout_ms)?,
        host: to.host,
        port: to.port,
    };
    let secured: TlsInfo = pass(host, &effect)?;
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
