//! Requests about the network that fail, for each host function, and the reply of the host to each: parts of
//! the table of host functions. `tests/promises/host_functions_do_what_the_table_says.rs` makes these calls.

use super::{ErrorExample, failing};

pub(super) const NET_CONNECT: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"host":"other.example.org","port":"6379"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"permission denied: capability denied: network:outbound:other.example.org:6379 is not granted to plugin example; the grant network:outbound:other.example.org:6379 would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the address is private, and no grant opens it",
        r#"{"host":"internal.example.com","port":"6379"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"permission denied: SSRF protection: network:outbound:internal.example.com:6379 leads plugin example to private/reserved IP 10.0.0.7, in 10.0.0.0/8 (private) (requires network:outbound:private capability); the grants network:outbound:private and network:outbound:internal.example.com:6379 together would allow it","type":"ssrf_protection","code":"EACCES"}}"#,
    ),
    failing(
        "the host has no address",
        r#"{"host":"missing.example.com","port":"6379"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"lookup missing.example.com: no such host","type":"network","code":"NXDOMAIN","is_not_found":true}}"#,
    ),
    failing(
        "nothing listens on the port",
        r#"{"host":"cache.example.com","port":"6380"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"93.184.215.14:6380: connection refused","type":"network","code":"ECONNREFUSED"}}"#,
    ),
    failing(
        "the host does not answer in time",
        r#"{"host":"cache.example.com","port":"6381","timeout_ms":100}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"93.184.215.14:6381: timed out","type":"timeout","code":"ETIMEDOUT","is_timeout":true}}"#,
    ),
    failing(
        "the host or the port is invalid",
        r#"{"host":"","port":"6379"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"permission denied: capability denied: network:outbound:6379 is not granted to plugin example; the grant network:outbound:6379 would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"host":"cache.example.com","port":"6379","encoding":"hex"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"unknown encoding \"hex\": ask for \"base64\" or \"utf-8\"","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"host":"cache.example.com","port":"65536"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"failed to unmarshal net_connect request: invalid value: string \"65536\", expected a port from 0 to 65535, as a string of digits, an integer or a service such as https at line 1 column 42","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"host":"cache.example.com","port":"6379"}"#,
        r#"{"connected":false,"received":"","encoding":"","error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const TCP_CONNECT: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"host":"other.example.org","port":"443"}"#,
        r#"{"connected":false,"error":{"message":"permission denied: capability denied: network:outbound:other.example.org:443 is not granted to plugin example; the grant network:outbound:other.example.org:443 would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the address is private, and no grant opens it",
        r#"{"host":"internal.example.com","port":"443"}"#,
        r#"{"connected":false,"error":{"message":"permission denied: SSRF protection: network:outbound:internal.example.com:443 leads plugin example to private/reserved IP 10.0.0.7, in 10.0.0.0/8 (private) (requires network:outbound:private capability); the grants network:outbound:private and network:outbound:internal.example.com:443 together would allow it","type":"ssrf_protection","code":"EACCES"}}"#,
    ),
    failing(
        "the host has no address",
        r#"{"host":"missing.example.com","port":"443"}"#,
        r#"{"connected":false,"error":{"message":"lookup missing.example.com: no such host","type":"network","code":"NXDOMAIN","is_not_found":true}}"#,
    ),
    failing(
        "nothing listens on the port",
        r#"{"host":"example.com","port":"444"}"#,
        r#"{"connected":false,"error":{"message":"93.184.215.14:444: connection refused","type":"network","code":"ECONNREFUSED"}}"#,
    ),
    failing(
        "the certificate is rejected",
        r#"{"host":"expired.example.com","port":"443","tls":true}"#,
        r#"{"connected":false,"error":{"message":"TLS handshake with expired.example.com: the server's certificate has expired","type":"tls","code":"TLS_ERROR"}}"#,
    ),
    failing(
        "the host does not answer in time",
        r#"{"host":"cache.example.com","port":"6381","timeout_ms":100}"#,
        r#"{"connected":false,"error":{"message":"93.184.215.14:6381: timed out","type":"timeout","code":"ETIMEDOUT","is_timeout":true}}"#,
    ),
    failing(
        "the host or the port is invalid",
        r#"{"host":"example.com","port":"-1"}"#,
        r#"{"connected":false,"error":{"message":"permission denied: capability denied: network:outbound:-1 is not granted to plugin example; no grant can allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"context":{"deadline":"tomorrow"},"host":"example.com","port":"443"}"#,
        r#"{"connected":false,"error":{"message":"the deadline of the context is not an RFC 3339 time such as 2026-01-31T12:00:00.5Z","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"host":"example.com","port":"443","tls":"yes"}"#,
        r#"{"connected":false,"error":{"message":"failed to unmarshal tcp_connect request: invalid type: string \"yes\", expected a boolean at line 1 column 46","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"host":"example.com","port":"443"}"#,
        r#"{"connected":false,"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const HTTP_REQUEST: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"method":"GET","url":"https://other.example.org/"}"#,
        r#"{"status_code":0,"error":{"message":"permission denied: capability denied: network:outbound:https://other.example.org/ is not granted to plugin example; the grant network:outbound:https://other.example.org/ would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the address is private, and no grant opens it",
        r#"{"method":"GET","url":"http://internal.example.com/"}"#,
        r#"{"status_code":0,"error":{"message":"permission denied: SSRF protection: network:outbound:http://internal.example.com/ leads plugin example to private/reserved IP 10.0.0.7, in 10.0.0.0/8 (private) (requires network:outbound:private capability); the grants network:outbound:private and network:outbound:http://internal.example.com/ together would allow it","type":"ssrf_protection","code":"EACCES"}}"#,
    ),
    failing(
        "a redirect leads to a host that is not granted",
        r#"{"method":"GET","url":"https://example.com/away"}"#,
        r#"{"status_code":0,"error":{"message":"permission denied: capability denied: network:outbound:https://other.example.org/ is not granted to plugin example; the grant network:outbound:https://other.example.org/ would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the host has no address",
        r#"{"method":"GET","url":"https://missing.example.com/"}"#,
        r#"{"status_code":0,"error":{"message":"lookup missing.example.com: no such host","type":"network","code":"NXDOMAIN","is_not_found":true}}"#,
    ),
    failing(
        "nothing listens on the port",
        r#"{"method":"GET","url":"http://example.com:8080/"}"#,
        r#"{"status_code":0,"error":{"message":"93.184.215.14:8080: connection refused","type":"network","code":"ECONNREFUSED"}}"#,
    ),
    failing(
        "the certificate is rejected",
        r#"{"method":"GET","url":"https://expired.example.com/"}"#,
        r#"{"status_code":0,"error":{"message":"TLS handshake with expired.example.com: the server's certificate has expired","type":"tls","code":"TLS_ERROR"}}"#,
    ),
    failing(
        "the server does not answer in time",
        r#"{"method":"GET","url":"https://example.com/slow","timeout_ms":100}"#,
        r#"{"status_code":0,"error":{"message":"93.184.215.14:443: timed out","type":"timeout","code":"ETIMEDOUT","is_timeout":true}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"method":"GET","url":"ftp://example.com/"}"#,
        r#"{"status_code":0,"error":{"message":"invalid URL: \"ftp://example.com/\" must be an http(s) URL with an unambiguous host","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"method":"GET","url":"https://example.com/","headers":{"Accept":"text/plain"}}"#,
        r#"{"status_code":0,"error":{"message":"failed to unmarshal http_request request: invalid type: string \"text/plain\", expected a sequence at line 1 column 77","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"method":"GET","url":"https://example.com/health"}"#,
        r#"{"status_code":0,"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const DNS_LOOKUP: &[ErrorExample] = &[
    failing(
        "no grant opens the port of the name server",
        r#"{"hostname":"example.com","type":"A","nameserver":"dns.example.org:5353"}"#,
        r#"{"error":{"message":"permission denied: capability denied: network:outbound:dns.example.org:5353 is not granted to plugin example; the grant network:outbound:dns.example.org:5353 would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the name does not exist",
        r#"{"hostname":"missing.example.com","type":"A"}"#,
        r#"{"error":{"message":"lookup missing.example.com: no such host","type":"network","code":"NXDOMAIN","is_not_found":true}}"#,
    ),
    failing(
        "the name has no records of this type",
        r#"{"hostname":"example.com","type":"TXT"}"#,
        r#"{"error":{"message":"lookup example.com: no such host (it has no TXT records)","type":"network","code":"NODATA","is_not_found":true}}"#,
    ),
    failing(
        "the name server does not answer in time",
        r#"{"hostname":"slow.example.com","type":"MX","timeout_ms":100}"#,
        r#"{"error":{"message":"slow.example.com: timed out","type":"timeout","code":"ETIMEDOUT","is_timeout":true}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"hostname":"example.com","type":"SRV"}"#,
        r#"{"error":{"message":"unsupported record type: SRV","type":"config","code":"UNSUPPORTED_TYPE"}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"hostname":["example.com"],"type":"A"}"#,
        r#"{"error":{"message":"failed to unmarshal dns_lookup request: invalid type: sequence, expected a string at line 1 column 12","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"hostname":"example.com","type":"MX"}"#,
        r#"{"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const SMTP_CONNECT: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"host":"other.example.org","port":"25"}"#,
        r#"{"connected":false,"error":{"message":"permission denied: capability denied: network:outbound:other.example.org:25 is not granted to plugin example; the grant network:outbound:other.example.org:25 would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the address is private, and no grant opens it",
        r#"{"host":"internal.example.com","port":"25"}"#,
        r#"{"connected":false,"error":{"message":"permission denied: SSRF protection: network:outbound:internal.example.com:25 leads plugin example to private/reserved IP 10.0.0.7, in 10.0.0.0/8 (private) (requires network:outbound:private capability); the grants network:outbound:private and network:outbound:internal.example.com:25 together would allow it","type":"ssrf_protection","code":"EACCES"}}"#,
    ),
    failing(
        "the host has no address",
        r#"{"host":"missing.example.com","port":"25"}"#,
        r#"{"connected":false,"error":{"message":"lookup missing.example.com: no such host","type":"network","code":"NXDOMAIN","is_not_found":true}}"#,
    ),
    failing(
        "nothing listens on the port",
        r#"{"host":"mail.example.com","port":"26"}"#,
        r#"{"connected":false,"error":{"message":"93.184.215.14:26: connection refused","type":"network","code":"ECONNREFUSED"}}"#,
    ),
    failing(
        "the server speaks another protocol",
        r#"{"host":"mail.example.com","port":"80"}"#,
        r#"{"connected":false,"error":{"message":"mail.example.com:80: the server did not send a greeting","type":"network","code":"EPROTO"}}"#,
    ),
    failing(
        "the certificate is rejected",
        r#"{"host":"expired.example.com","port":"465","tls":true}"#,
        r#"{"connected":false,"error":{"message":"TLS handshake with expired.example.com: the server's certificate has expired","type":"tls","code":"TLS_ERROR"}}"#,
    ),
    failing(
        "the server does not answer in time",
        r#"{"host":"mail.example.com","port":"27","timeout_ms":100}"#,
        r#"{"connected":false,"error":{"message":"93.184.215.14:27: timed out","type":"timeout","code":"ETIMEDOUT","is_timeout":true}}"#,
    ),
    failing(
        "the host or the port is invalid",
        r#"{"host":"mail.example.com","port":"0"}"#,
        r#"{"connected":false,"error":{"message":"permission denied: capability denied: network:outbound:0 is not granted to plugin example; no grant can allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"context":{"deadline":"tomorrow"},"host":"mail.example.com","port":"25"}"#,
        r#"{"connected":false,"error":{"message":"the deadline of the context is not an RFC 3339 time such as 2026-01-31T12:00:00.5Z","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"host":"mail.example.com","port":"25","tls":1}"#,
        r#"{"connected":false,"error":{"message":"failed to unmarshal smtp_connect request: invalid type: integer `1`, expected a boolean at line 1 column 46","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"host":"mail.example.com","port":"25"}"#,
        r#"{"connected":false,"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
