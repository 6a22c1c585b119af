//! Requests and replies of the host functions that reach the network, one pair a function.

use super::Context;
use crate::ErrorDetail;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize};

wire! {
    /// Asks for a connection over which bytes are sent and received, and which is then closed.
    pub struct NetConnectRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// A name or an address.
        pub host: String = "host",
        /// The port, 1 to 65535.
        pub port: u16 = "port" port,
        /// What to send, in `encoding`.
        pub send: String = "send" omit,
        /// `base64` (also when empty) or `utf-8`, for `send` and the reply's `received`.
        pub encoding: String = "encoding" omit,
        /// How many bytes to receive at most; 0 closes after sending.
        pub receive: u64 = "receive" omit,
        /// How long all of it may take, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
    }
}

wire! {
    /// What came of a connection.
    pub struct NetConnectReply {
        /// Whether it was made.
        pub connected: bool = "connected",
        /// What was received, in `encoding`.
        pub received: String = "received",
        /// `base64` or `utf-8`, as asked.
        pub encoding: String = "encoding",
        /// Whether there was more than was asked for.
        pub truncated: bool = "truncated" omit,
        /// Whether the time was up before the other side closed; `received` is what had come.
        pub is_timeout: bool = "is_timeout" omit,
        /// Who answered, `ip:port`.
        pub remote_addr: String = "remote_addr" omit,
        /// From where, `ip:port`.
        pub local_addr: String = "local_addr" omit,
        /// How long connecting took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Why there was no connection, or why it broke.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Asks whether a TCP (and TLS) connection can be made.
    pub struct TcpConnectRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// A name or an address.
        pub host: String = "host",
        /// The port, 1 to 65535.
        pub port: String = "port" port,
        /// How long it may take, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
        /// Whether to speak TLS.
        pub tls: bool = "tls",
    }
}

wire! {
    /// What a connection was like. When `error` is set, every other key is zero.
    pub struct TcpConnectReply {
        /// Whether it was made.
        pub connected: bool = "connected",
        /// Host and port as given; an IPv6 address in brackets.
        pub address: String = "address" omit,
        /// Who answered, `ip:port`.
        pub remote_addr: String = "remote_addr" omit,
        /// From where, `ip:port`.
        pub local_addr: String = "local_addr" omit,
        /// How long connecting (and the handshake) took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Whether TLS was spoken.
        pub tls: bool = "tls" omit,
        /// `TLS 1.2` or `TLS 1.3`.
        pub tls_version: String = "tls_version" omit,
        /// The IANA name of the cipher suite.
        pub tls_cipher_suite: String = "tls_cipher_suite" omit,
        /// The server name that was asked for; empty for an address.
        pub tls_server_name: String = "tls_server_name" omit,
        /// The subject of the server's certificate.
        pub tls_cert_subject: String = "tls_cert_subject" omit,
        /// Its issuer.
        pub tls_cert_issuer: String = "tls_cert_issuer" omit,
        /// When it ends, RFC 3339.
        pub tls_cert_not_after: String = "tls_cert_not_after" omit,
        /// Why there was no connection.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Asks a mail server for its greeting.
    pub struct SmtpConnectRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// A name or an address.
        pub host: String = "host",
        /// The port, 1 to 65535.
        pub port: String = "port" port,
        /// How long all of it may take, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
        /// Whether to speak TLS from the first byte.
        pub tls: bool = "tls",
        /// Whether to switch to TLS after the greeting. Not beside `tls`.
        pub starttls: bool = "starttls",
    }
}

wire! {
    /// What a mail server was like. When `error` is set, every other key is zero.
    pub struct SmtpConnectReply {
        /// Whether it greeted.
        pub connected: bool = "connected",
        /// Host and port as given; an IPv6 address in brackets.
        pub address: String = "address" omit,
        /// `220 ` and the text of the greeting, its lines joined by newlines.
        pub banner: String = "banner" omit,
        /// How long all of it took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Whether TLS was spoken.
        pub tls: bool = "tls" omit,
        /// `TLS 1.2` or `TLS 1.3`.
        pub tls_version: String = "tls_version" omit,
        /// The IANA name of the cipher suite.
        pub tls_cipher_suite: String = "tls_cipher_suite" omit,
        /// The server name that was asked for; empty for an address.
        pub tls_server_name: String = "tls_server_name" omit,
        /// Why there was no greeting.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Asks for the records of a name.
    pub struct DnsLookupRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// The name.
        pub hostname: String = "hostname",
        /// `A`, `AAAA`, `CNAME`, `MX`, `TXT` or `NS`, in any case; empty is `A` and `AAAA`.
        pub record_type: String = "type",
        /// Whom to ask, `host:port` or `host`; empty is the machine's own resolver.
        pub nameserver: String = "nameserver" omit,
        /// How long it may take, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
    }
}

wire! {
    /// The records of a name. A name that exists without such records has none.
    pub struct DnsLookupReply {
        /// Addresses, texts (the chunks of a record joined), or names with a dot at the end.
        pub records: Vec<String> = "records" omit,
        /// Mail servers, the preferred ones first.
        pub mx_records: Vec<MxRecord> = "mx_records" omit,
        /// Why the records are not known.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// One mail server of a name.
    pub struct MxRecord {
        /// Its name, with a dot at the end.
        pub host: String = "host",
        /// Its preference; lower ones are tried first.
        pub pref: u16 = "pref",
    }
}

wire! {
    /// Asks for a URL.
    pub struct HttpRequest {
        /// How long to wait.
        pub context: Context = "context" omit,
        /// The method; empty is `GET`.
        pub method: String = "method",
        /// The URL, `http` or `https`.
        pub url: String = "url",
        /// Header fields. What the connection decides (`Host`, `Content-Length`, `User-Agent`) is
        /// ignored; what belongs to the connection (`Connection`, `Upgrade`, …) is an error.
        pub headers: Headers = "headers" omit,
        /// The body, in base64.
        pub body: String = "body" omit,
        /// How long all of it may take, redirects included, in milliseconds.
        pub timeout_ms: u64 = "timeout_ms" omit,
    }
}

wire! {
    /// What a URL answered, after its redirects.
    pub struct HttpReply {
        /// Such as 200. It is no error here, whatever it says.
        pub status_code: u16 = "status_code",
        /// Header fields, names written like `Content-Type`.
        pub headers: Headers = "headers" omit,
        /// The body, in base64; decompressed unless the request named its own `Accept-Encoding`.
        pub body: String = "body" omit,
        /// Whether the body was longer than the host passes on.
        pub body_truncated: bool = "body_truncated" omit,
        /// Such as `HTTP/1.1`.
        pub proto: String = "proto" omit,
        /// Why there is no answer.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

/// Header fields: each name with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Headers(pub BTreeMap<String, Vec<String>>);

/// Go writes a list without elements as `null`.
impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Headers, D::Error> {
        let lists = BTreeMap::<String, Option<Vec<String>>>::deserialize(deserializer)?;
        let lists = lists.into_iter();
        Ok(Headers(
            lists
                .map(|(name, values)| (name, values.unwrap_or_default()))
                .collect(),
        ))
    }
}
