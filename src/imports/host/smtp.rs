//! `smtp_connect`: the greeting of a mail server.

use super::{
    config_error,
    net::{millis, with_port},
    not_canceled, pass, timeout,
};
use crate::{
    effect::{Effect, Security, SmtpInfo},
    guest::Host,
};
use tollgate_abi::{
    ErrorDetail,
    host::{SmtpConnectReply, SmtpConnectRequest},
};

pub(super) fn connect(
    host: &mut Host,
    request: SmtpConnectRequest,
) -> Result<SmtpConnectReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let to = host.gate.destination(&request.host, &request.port)?;
    let security = match (request.tls, request.starttls) {
        (false, false) => Security::None,
        (true, false) => Security::Tls,
        (false, true) => Security::StartTls,
        (true, true) => return Err(config_error("tls and starttls exclude each other")),
    };
    let effect = Effect::Greet {
        timeout: timeout::effective(host, &request.context, request.timeout_ms)?,
        host: to.host,
        port: to.port,
        security,
    };
    let greeted: SmtpInfo = pass(host, &effect)?;
    let tls = greeted.session.is_some();
    let session = greeted.session.unwrap_or_default();
    Ok(SmtpConnectReply {
        connected: true,
        address: with_port(&request.host, &request.port),
        banner: greeted.banner,
        response_time_ms: millis(greeted.took),
        tls,
        tls_version: session.version,
        tls_cipher_suite: session.cipher_suite,
        tls_server_name: session.server_name,
        error: None,
    })
}
