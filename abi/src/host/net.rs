//! Requests and replies of the host functions that use the network.

use super::Context;
use crate::ErrorDetail;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize};

wire! {
    /// Where to connect, what to send and how much to receive.
    pub struct NetConnectRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// A host name or an IP address.
        pub host: String = "host",
        /// The port, 1 to 65535, or the name of a well-known service: `https`.
        pub port: u16 = "port" port,
        /// The bytes to send, in `encoding`.
        pub send: String = "send" omit,
        /// `base64` or `utf-8`, for `send` and for `received` of the reply; empty is `base64`.
        pub encoding: String = "encoding" omit,
        /// The most bytes to receive; 0 closes the connection after sending.
        pub receive: u64 = "receive" omit,
        /// The most time for the whole operation, in milliseconds; 0 means the host's maximum.
        pub timeout_ms: u64 = "timeout_ms" milliseconds,
    }
}

wire! {
    /// The result of a connection.
    pub struct NetConnectReply {
        /// Whether the connection was made.
        pub connected: bool = "connected",
        /// The bytes received, in `encoding`.
        pub received: String = "received",
        /// `base64` or `utf-8`, as requested.
        pub encoding: String = "encoding",
        /// Whether more bytes arrived than `receive`.
        pub truncated: bool = "truncated" omit,
        /// Whether the time was up before the peer closed; `received` holds what had arrived.
        pub is_timeout: bool = "is_timeout" omit,
        /// The remote address, `ip:port`.
        pub remote_addr: String = "remote_addr" omit,
        /// The local address, `ip:port`.
        pub local_addr: String = "local_addr" omit,
        /// How long connecting took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Why the connection failed.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Where to connect.
    pub struct TcpConnectRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// A host name or an IP address.
        pub host: String = "host",
        /// The port, 1 to 65535, or the name of a well-known service: `https`.
        pub port: String = "port" port,
        /// The most time, in milliseconds; 0 means the host's maximum.
        pub timeout_ms: u64 = "timeout_ms" milliseconds,
        /// Whether to use TLS.
        pub tls: bool = "tls",
    }
}

wire! {
    /// The result of a connection. When `error` is set, every other key has its default value.
    pub struct TcpConnectReply {
        /// Whether the connection was made.
        pub connected: bool = "connected",
        /// Host and port as requested; an IPv6 address is in brackets.
        pub address: String = "address" omit,
        /// The remote address, `ip:port`.
        pub remote_addr: String = "remote_addr" omit,
        /// The local address, `ip:port`.
        pub local_addr: String = "local_addr" omit,
        /// How long connecting and the TLS handshake took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Whether TLS is used.
        pub tls: bool = "tls" omit,
        /// `TLS 1.2` or `TLS 1.3`.
        pub tls_version: String = "tls_version" omit,
        /// The IANA name of the cipher suite.
        pub tls_cipher_suite: String = "tls_cipher_suite" omit,
        /// The server name sent in the handshake; empty for an IP address.
        pub tls_server_name: String = "tls_server_name" omit,
        /// The subject of the certificate of the server.
        pub tls_cert_subject: String = "tls_cert_subject" omit,
        /// The issuer of the certificate.
        pub tls_cert_issuer: String = "tls_cert_issuer" omit,
        /// When the certificate expires, in RFC 3339.
        pub tls_cert_not_after: String = "tls_cert_not_after" omit,
        /// Why the connection failed.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Which mail server to connect to.
    pub struct SmtpConnectRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// A host name or an IP address.
        pub host: String = "host",
        /// The port, 1 to 65535, or the name of a well-known service: `https`.
        pub port: String = "port" port,
        /// The most time for the whole operation, in milliseconds; 0 means the host's maximum.
        pub timeout_ms: u64 = "timeout_ms" milliseconds,
        /// Whether to use TLS from the first byte.
        pub tls: bool = "tls",
        /// Whether to switch to TLS after the greeting. Excludes `tls`.
        pub starttls: bool = "starttls",
    }
}

wire! {
    /// The greeting of a mail server. When `error` is set, every other key has its default value.
    pub struct SmtpConnectReply {
        /// Whether the server sent a greeting.
        pub connected: bool = "connected",
        /// Host and port as requested; an IPv6 address is in brackets.
        pub address: String = "address" omit,
        /// `220 ` and the text of the greeting, its lines joined by newlines.
        pub banner: String = "banner" omit,
        /// How long the whole operation took, in milliseconds.
        pub response_time_ms: u64 = "response_time_ms" omit,
        /// Whether TLS is used.
        pub tls: bool = "tls" omit,
        /// `TLS 1.2` or `TLS 1.3`.
        pub tls_version: String = "tls_version" omit,
        /// The IANA name of the cipher suite.
        pub tls_cipher_suite: String = "tls_cipher_suite" omit,
        /// The server name sent in the handshake; empty for an IP address.
        pub tls_server_name: String = "tls_server_name" omit,
        /// Why no greeting was received.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// Which DNS records to look up.
    pub struct DnsLookupRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// The name to look up.
        pub hostname: String = "hostname",
        /// `A`, `AAAA`, `CNAME`, `MX`, `TXT` or `NS`, in any case; empty is `A` and `AAAA`.
        pub record_type: String = "type",
        /// The DNS server, `host:port` or `host`; empty is the resolver of the host.
        pub nameserver: String = "nameserver" omit,
        /// The most time, in milliseconds; 0 means the host's maximum.
        pub timeout_ms: u64 = "timeout_ms" milliseconds,
    }
}

wire! {
    /// The records of a name. Both lists are empty if the name exists and has no such records.
    pub struct DnsLookupReply {
        /// Addresses, texts (each record with its parts joined), or names that end in a dot.
        pub records: Vec<String> = "records" omit,
        /// Mail servers, in order of preference.
        pub mx_records: Vec<MxRecord> = "mx_records" omit,
        /// Why the lookup failed.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

wire! {
    /// One mail server of a name.
    pub struct MxRecord {
        /// Its name, which ends in a dot.
        pub host: String = "host",
        /// Its preference; lower values come first.
        pub pref: u16 = "pref",
    }
}

wire! {
    /// The URL to fetch, and how.
    pub struct HttpRequest {
        /// Time limits.
        pub context: Context = "context" omit,
        /// The method; empty is `GET`.
        pub method: String = "method",
        /// The URL, `http` or `https`.
        pub url: String = "url",
        /// Header fields. `Host`, `Content-Length` and `User-Agent` are ignored. Fields about the
        /// connection (`Connection`, `Upgrade`, …) are an error.
        pub headers: Headers = "headers" omit,
        /// The body, in base64.
        pub body: String = "body" omit,
        /// The most time for the whole operation, with redirects, in milliseconds; 0 means the
        /// host's maximum.
        pub timeout_ms: u64 = "timeout_ms" milliseconds,
    }
}

wire! {
    /// The response, after redirects.
    pub struct HttpReply {
        /// The status code, such as 200. A status such as 404 is not an error.
        pub status_code: u16 = "status_code",
        /// Header fields, with names such as `Content-Type`.
        pub headers: Headers = "headers" omit,
        /// The body, in base64; decompressed unless the request named its own `Accept-Encoding`.
        pub body: String = "body" omit,
        /// Whether the body was cut because of the size limit.
        pub body_truncated: bool = "body_truncated" omit,
        /// The protocol, such as `HTTP/1.1`.
        pub proto: String = "proto" omit,
        /// Why there is no response.
        pub error: Option<ErrorDetail> = "error" failure,
    }
}

/// Header fields: each name with its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "the map is all of it")]
pub struct Headers(pub BTreeMap<String, Vec<String>>);

/// The Go SDK writes an empty list as `null`.
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
