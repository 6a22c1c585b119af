//! Hosts: an address, or a name that all resolvers interpret in the same way. A text that a resolver
//! may interpret as an address in an unusual notation is an error. No names are resolved here.

use alloc::string::{String, ToString};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

/// A host in a request or a grant. Displays without brackets and without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a host is an address or a name, and callers match both"
)]
pub enum Host {
    /// An address; a v4-mapped one is stored as IPv4.
    Ip(IpAddr),
    /// A name, in lower case.
    Name(String),
}

impl Host {
    /// The host as written before a port: an IPv6 address in brackets.
    pub(super) fn bracketed(&self) -> String {
        match self {
            Host::Ip(ip) if ip.is_ipv6() => format!("[{ip}]"),
            host => host.to_string(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(ip) => ip.fmt(f),
            Host::Name(name) => f.write_str(name),
        }
    }
}

/// A text is not an unambiguous host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadHost {
    /// The text, or a part between two dots, is empty.
    #[error("the host name or a part of it is empty")]
    Empty,
    /// More than 253 bytes, or a part of more than 63.
    #[error("a host name has at most 253 bytes, and each part at most 63")]
    TooLong,
    /// A character that host names cannot contain.
    #[error(
        "a host name consists of letters, digits, `-`, `_` and `.` (write other scripts as xn--...)"
    )]
    Character,
    /// `0x7f000001`, `2130706433`, `127.1`, `0177.0.0.1`.
    #[error("resolvers may interpret this number as an address; write four decimal parts")]
    OddNumber,
    /// `fe80::1%eth0`.
    #[error("an address cannot have a zone, which selects an interface of this machine")]
    Zone,
    /// Brackets or colons, but not an IPv6 address.
    #[error("not an IPv6 address")]
    Ipv6,
    /// Not a whole number from 1 to 65535, written without sign and leading zeros.
    #[error("not a port from 1 to 65535")]
    Port,
}

/// The maximum length of a name, and of one part of it, in bytes (RFC 1035).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Parses a host: a name, an IPv4 address in four decimal parts, or an IPv6 address with or without
/// brackets. One trailing dot is removed, so `127.0.0.1.` is an address.
///
/// # Errors
///
/// [`BadHost`] for everything else. This includes a text whose last part is a number but which is not
/// an IPv4 address, since resolvers interpret such texts in different ways.
pub fn parse_host(text: &str) -> Result<Host, BadHost> {
    if let Some(inner) = text.strip_prefix('[') {
        return parse_v6(inner.strip_suffix(']').ok_or(BadHost::Ipv6)?);
    }
    if text.contains(':') {
        return parse_v6(text);
    }
    if text.contains('%') {
        return Err(BadHost::Zone);
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > MAX_NAME {
        return Err(BadHost::TooLong);
    }
    for label in name.split('.') {
        match label.len() {
            0 => return Err(BadHost::Empty),
            1..=MAX_LABEL => {}
            _ => return Err(BadHost::TooLong),
        }
        if !label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            return Err(BadHost::Character);
        }
    }
    if ends_in_number(name) {
        // The standard parser accepts only four decimal parts without leading zeros.
        return name
            .parse::<Ipv4Addr>()
            .map(|ip| Host::Ip(ip.into()))
            .map_err(|_| BadHost::OddNumber);
    }
    Ok(Host::Name(name.to_ascii_lowercase()))
}

fn parse_v6(text: &str) -> Result<Host, BadHost> {
    if text.contains('%') {
        return Err(BadHost::Zone);
    }
    let ip: core::net::Ipv6Addr = text.parse().map_err(|_| BadHost::Ipv6)?;
    Ok(Host::Ip(IpAddr::V6(ip).to_canonical()))
}

/// Whether the last part of `name` is decimal, octal or hexadecimal: `127`, `0177`, `0x7f`.
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let digits = last.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = last
        .strip_prefix("0x")
        .or_else(|| last.strip_prefix("0X"))
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits || hexadecimal
}

/// Parses `host` or `host:port`. An IPv6 address with a port is in brackets: `[::1]:80`.
///
/// # Errors
///
/// [`BadHost`] if [`parse_host`] returns it, or if the port is invalid.
pub fn parse_destination(text: &str) -> Result<(Host, Option<u16>), BadHost> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        Some(port) => Some(parse_port(port).ok_or(BadHost::Port)?),
        None => None,
    };
    Ok((parse_host(host)?, port))
}

/// Parses a port from 1 to 65535 in plain decimal: no sign, no leading zero, no blanks.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguised_addresses_are_refused_or_unmasked() {
        for text in [
            "0x7f000001",
            "2130706433",
            "127.1",
            "0177.0.0.1",
            "0x7f.1",
            "127.0.0.0x1",
            "1.2.3.4.5",
            "256.1.1.1",
            "example.1",
            "0",
            "0x",
            "a.0X7f",
        ] {
            assert_eq!(parse_host(text), Err(BadHost::OddNumber), "{text}");
        }
        for (text, ip) in [
            ("127.0.0.1.", "127.0.0.1"),
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("FE80::1", "fe80::1"),
        ] {
            assert_eq!(
                parse_host(text),
                Ok(Host::Ip(ip.parse().unwrap())),
                "{text}"
            );
        }
    }

    #[test]
    fn names_are_lowered_and_checked() {
        assert_eq!(
            parse_host("EXAMPLE.com."),
            Ok(Host::Name("example.com".to_owned()))
        );
        assert_eq!(
            parse_host("_dns.x-y"),
            Ok(Host::Name("_dns.x-y".to_owned()))
        );
        let long = "a.".repeat(127);
        for (text, error) in [
            ("", BadHost::Empty),
            (".", BadHost::Empty),
            ("a..b", BadHost::Empty),
            ("a..", BadHost::Empty),
            ("fe80::1%eth0", BadHost::Zone),
            ("[fe80::1%25eth0]", BadHost::Zone),
            ("a%b", BadHost::Zone),
            ("[::1", BadHost::Ipv6),
            (":::", BadHost::Ipv6),
            ("a b", BadHost::Character),
            ("a\0b", BadHost::Character),
            ("１２７.0.0.1", BadHost::Character),
            ("user@host", BadHost::Character),
            ("x/y", BadHost::Character),
            (&format!("{}a", long.repeat(2)), BadHost::TooLong),
            (&"a".repeat(64), BadHost::TooLong),
        ] {
            assert_eq!(parse_host(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn destinations_have_a_port_or_none() {
        let host = |text: &str| parse_host(text).unwrap();
        for (text, name, port) in [
            ("example.com:80", "example.com", Some(80)),
            ("::1", "::1", None),
            ("[::1]:80", "::1", Some(80)),
            ("[::1]", "::1", None),
        ] {
            assert_eq!(parse_destination(text), Ok((host(name), port)), "{text}");
        }
        for text in ["a:0", "a:080", "a:+80", "a:65536", "a:", "a: 80"] {
            assert_eq!(parse_destination(text), Err(BadHost::Port), "{text}");
        }
    }
}
