//! The types of network effects and their answers.

use super::json;
use alloc::{string::String, vec::Vec};
use core::{net::SocketAddr, time::Duration};
use serde::{Deserialize, Serialize};
use tollgate_abi::rfc3339::Moment;

/// A kind of DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The canonical name of an alias.
    Cname,
    /// Mail servers.
    Mx,
    /// Texts.
    Txt,
    /// Name servers.
    Ns,
}

impl RecordType {
    /// The word for it: `AAAA`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Cname => "CNAME",
            RecordType::Mx => "MX",
            RecordType::Txt => "TXT",
            RecordType::Ns => "NS",
        }
    }
}

/// The name server that a lookup asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nameserver {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How the connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Security {
    /// In plain text.
    None,
    /// In TLS from the first byte.
    Tls,
    /// In plain text until the greeting was read, and then in TLS.
    StartTls,
}

/// The response of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpResponse {
    /// Such as 200.
    pub status: u16,
    /// Such as `HTTP/1.1`.
    pub protocol: String,
    /// Header fields in the order they were received, names in lower case.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, decompressed unless the request has its own `accept-encoding`. Empty for a redirect,
    /// whose body is not read.
    #[serde(default, with = "json::bytes")]
    pub body: Vec<u8>,
    /// Whether the body was longer than the limit of the effect.
    #[serde(default)]
    pub truncated: bool,
    /// How long all of it took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
}

impl HttpResponse {
    /// The target of a redirect; `None` if the response is none.
    #[must_use]
    pub fn leads_to(&self) -> Option<&str> {
        let location = self.headers.iter().find(|(name, _)| name == "location");
        match self.status {
            301 | 302 | 303 | 307 | 308 => location.map(|(_, target)| target.as_str()),
            _ => None,
        }
    }
}

/// The records that a lookup found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsRecords {
    /// The records; empty for a name without records of this kind.
    pub records: Records,
    /// How long the lookup took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
}

/// Records of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Records {
    /// Addresses, texts, or names with a dot at the end, in the order of the reply.
    Texts(Vec<String>),
    /// Mail servers with their preference, the lowest number first.
    MailServers(Vec<(u16, String)>),
}

impl Records {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Records::Texts(texts) => texts.is_empty(),
            Records::MailServers(servers) => servers.is_empty(),
        }
    }
}

/// A connection in TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsInfo {
    /// The remote address.
    pub remote: SocketAddr,
    /// The local address.
    pub local: SocketAddr,
    /// How long connecting and the handshake took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
    /// What the handshake agreed on.
    pub session: TlsSession,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSession {
    /// `TLS 1.2` or `TLS 1.3`.
    pub version: String,
    /// The IANA name of the cipher suite.
    pub cipher_suite: String,
    /// The server name of the request; empty for an address.
    pub server_name: String,
    /// The subject of the server's certificate, as RFC 4514 writes names.
    pub subject: String,
    /// The issuer of the certificate.
    pub issuer: String,
    /// When the certificate expires.
    #[serde(with = "json::moment")]
    pub not_after: Moment,
}

/// The greeting of a mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpInfo {
    /// `220 ` and the text, its lines joined by newlines.
    pub banner: String,
    /// How long all of it took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
    /// The TLS session, if there was one.
    #[serde(default)]
    pub session: Option<TlsSession>,
}
