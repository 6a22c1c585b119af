//! TLS over an existing connection: trusted certificates, the handshake, and its result. `rustls`
//! verifies certificates; here they are only decoded.

use super::{
    connect, failure, is_timeout,
    timed::{Timed, Until},
};
use crate::{
    effect::{Answer, Failure, Refusal, TlsInfo, TlsSession},
    gate::{Checkpoint, Permitted},
};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use std::{
    io::{self, Write as _},
    net::IpAddr,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};
use tollgate_abi::{host::kinds, rfc3339::Moment};
use x509_cert::{Certificate, der::Decode as _};

/// A TLS connection.
pub(super) type TlsStream = StreamOwned<ClientConnection, Timed>;

/// The root certificates that are trusted.
#[derive(Clone)]
pub(in crate::world::system) struct Trust(Result<Arc<ClientConfig>, rustls::Error>);

/// The roots of Mozilla, as of the release of the crate `webpki-roots`.
static BUNDLED: LazyLock<Trust> = LazyLock::new(|| {
    let anchors = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
    Trust::in_roots(anchors.collect())
});

impl Default for Trust {
    fn default() -> Trust {
        BUNDLED.clone()
    }
}

impl Trust {
    /// Trusts only the certificates in this PEM text.
    pub(in crate::world::system) fn in_pem(pem: &[u8]) -> io::Result<Trust> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| invalid(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(invalid("the text has no certificate".into()));
        }
        Ok(Trust::in_roots(roots))
    }

    fn in_roots(roots: RootCertStore) -> Trust {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12]);
        Trust(config.map(|config| {
            let mut config = config.with_root_certificates(roots).with_no_client_auth();
            // A resumed session would show servers that two plugins run on one host.
            config.resumption = Resumption::disabled();
            Arc::new(config)
        }))
    }

    /// Performs the handshake with the server, which must be `host`.
    pub(super) fn handshake(&self, mut stream: Timed, host: &str) -> Result<TlsStream, Failure> {
        let refused = |error: &rustls::Error| tls_error(host, &in_words(error));
        let config = self.0.clone().map_err(|error| refused(&error))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| tls_error(host, "not a valid server name"))?;
        let mut session = ClientConnection::new(config, name).map_err(|error| refused(&error))?;
        while session.is_handshaking() {
            if let Err(error) = session.complete_io(&mut stream) {
                return Err(handshake_failure(host, &error));
            }
        }
        Ok(StreamOwned::new(session, stream))
    }
}

fn handshake_failure(host: &str, error: &io::Error) -> Failure {
    let refusal = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match refusal {
        Some(refusal) => tls_error(host, &in_words(refusal)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            tls_error(host, "the connection was closed during the handshake")
        }
        None if is_timeout(error) => super::timed_out(&format!("TLS handshake with {host}")),
        None => failure(host, error),
    }
}

/// An error in words that say what is wrong with the server, with the library's own behind them.
fn in_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    let own = error.to_string();
    let words = match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => "the server's certificate has expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet, or this machine's clock is wrong"
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "the server's certificate is for another name"
            }
            Bad::UnknownIssuer => {
                "no trusted authority issued the server's certificate; trust its authority with --ca-file or \
                 System::with_roots"
            }
            Bad::BadSignature => {
                "an authority that is not the trusted one of this name signed the server's certificate"
            }
            Bad::Revoked => "the server's certificate is revoked",
            // The library below has more errors than it has public names for.
            _ if own.contains("CaUsedAsEndEntity") => {
                "the server shows the certificate of an authority as its own, as many self-signed ones are; it needs \
                 one that is no authority (basicConstraints CA:FALSE)"
            }
            _ => "the server's certificate cannot be accepted",
        },
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS on this port",
        rustls::Error::PeerIncompatible(_) => {
            "the server and this client have no version of TLS, or no cipher, in common"
        }
        rustls::Error::AlertReceived(_) => "the server refused",
        _ => return own,
    };
    format!("{words} ({own})")
}

pub(super) fn tls_error(host: &str, why: &str) -> Failure {
    let message = format!("TLS handshake with {host}: {why}");
    Failure::new(kinds::TLS, "TLS_ERROR", message)
}

/// Reports on a TLS connection, without sending anything over it.
pub(super) fn examine(
    host: &str,
    port: u16,
    timeout: Duration,
    trust: &Trust,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let until = &Until::after(timeout, gate);
    let started = Instant::now();
    let (stream, remote, permit) = connect(host, port, until, gate)?;
    let local = stream
        .local()
        .map_err(|error| failure(&remote.to_string(), &error))?;
    let mut stream = trust.handshake(stream, host)?;
    let secured = TlsInfo {
        remote,
        local,
        took: started.elapsed(),
        session: session(&stream.conn, host)?,
    };
    // An orderly end; an error does not matter.
    stream.conn.send_close_notify();
    let _ = stream.flush();
    Ok(permit.answer(Answer::Secured(secured)))
}

/// The result of the handshake.
pub(super) fn session(session: &ClientConnection, host: &str) -> Result<TlsSession, Failure> {
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    let leaf = leaf.ok_or_else(|| tls_error(host, "the server showed no certificate"))?;
    let leaf = Certificate::from_der(leaf)
        .map_err(|error| tls_error(host, &format!("invalid certificate: {error}")))?;
    let leaf = leaf.tbs_certificate();
    let not_after = leaf.validity().not_after.to_unix_duration();
    Ok(TlsSession {
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".into(),
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".into(),
            other => format!("Unknown ({other:?})"),
        },
        cipher_suite: session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            // The library adds a prefix to the suites of TLS 1.3 that IANA does not have.
            .map(|name| name.replacen("TLS13_", "TLS_", 1))
            .unwrap_or_default(),
        server_name: match host.parse::<IpAddr>() {
            Ok(_) => String::new(),
            Err(_) => host.to_owned(),
        },
        subject: leaf.subject().to_string(),
        issuer: leaf.issuer().to_string(),
        not_after: Moment {
            seconds: i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX),
            nanos: 0,
        },
    })
}
