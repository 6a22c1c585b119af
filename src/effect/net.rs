//! The words of the network's effects and answers that need more than a line.

use super::json;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, time::Duration};
use tollgate_abi::rfc3339::Moment;

/// A kind of DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The name that a name stands for in the end.
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

/// Whom a lookup asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nameserver {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// In plain text.
    None,
    /// In TLS from the first byte.
    Tls,
    /// In plain text until the greeting was read, and then in TLS.
    StartTls,
}

/// What a URL answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpResponse {
    /// Such as 200.
    pub status: u16,
    /// Such as `HTTP/1.1`.
    pub protocol: String,
    /// Header fields in the order they came, names in lower case.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, decompressed unless the request named its own `accept-encoding`. An answer that
    /// leads elsewhere has none: its body is not waited for.
    #[serde(default, with = "json::bytes")]
    pub body: Vec<u8>,
    /// Whether the body was longer than was asked for.
    #[serde(default)]
    pub truncated: bool,
    /// How long all of it took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
}

impl HttpResponse {
    /// Where the answer leads, if it is one that leads elsewhere.
    pub fn leads_to(&self) -> Option<&str> {
        let location = self.headers.iter().find(|(name, _)| name == "location");
        match self.status {
            301 | 302 | 303 | 307 | 308 => location.map(|(_, target)| target.as_str()),
            _ => None,
        }
    }
}

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsRecords {
    /// The records; none for a name that has none of this kind.
    pub records: Records,
    /// How long the lookup took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
}

/// Records of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// Addresses, texts, or names with a dot at the end, in the order they came.
    Texts(Vec<String>),
    /// Mail servers with their preference, the preferred ones first.
    MailServers(Vec<(u16, String)>),
}

/// A connection in TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsInfo {
    /// Who answered.
    pub remote: SocketAddr,
    /// From where.
    pub local: SocketAddr,
    /// How long connecting and the handshake took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
    /// What was agreed on.
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
    /// The server name that was asked for; empty for an address.
    pub server_name: String,
    /// Whom the server's certificate is for, as RFC 4514 writes names.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// When it ends.
    #[serde(with = "json::moment")]
    pub not_after: Moment,
}

/// What a mail server said first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpInfo {
    /// `220 ` and the text, its lines joined by newlines.
    pub banner: String,
    /// How long all of it took.
    #[serde(default, with = "json::nanoseconds")]
    pub took: Duration,
    /// What was agreed on, if TLS was spoken.
    #[serde(default)]
    pub session: Option<TlsSession>,
}
