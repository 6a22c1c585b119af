//! URLs as grants compare them: whether two texts fetch the same resource, and from which host and
//! port. The URL that is fetched is parsed by the same parser (`request_url`), so that what was
//! checked and what is fetched cannot differ.

use super::address::Host;
use super::host::parse_destination;
use alloc::{string::String, vec::Vec};

/// A URL in its parts, normalised: scheme and host in lower case, no user, no fragment, no default
/// port, no dot segments, query sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// Path and query, beginning with `/`.
    target: String,
}

impl Url {
    /// Parses `scheme://host...`. `None` without a known or given port, and for characters that clients
    /// interpret in different ways.
    pub(crate) fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://")?;
        if !is_scheme(scheme) {
            return None;
        }
        // Some clients remove these, and some treat a backslash as a slash.
        if rest.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let (authority, target) = split_authority(rest)?;
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_suffix(':') {
            Some(host) => (parse_destination(host).ok()?.0, None),
            None => parse_destination(authority).ok()?,
        };
        // An authority has an IPv6 address in brackets.
        if matches!(host, Host::Ip(ip) if ip.is_ipv6()) && !authority.starts_with('[') {
            return None;
        }
        let port = port.or_else(|| default_port(&scheme))?;
        Some(Url {
            scheme,
            host,
            port,
            target: normal_target(target),
        })
    }

    /// The normalised text.
    pub(crate) fn normal(&self) -> String {
        format!("{}{}", self.origin(), self.target)
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        let Url {
            scheme, host, port, ..
        } = self;
        let host = host.bracketed();
        if default_port(scheme) == Some(*port) {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}

/// Whether `text` can be a scheme (RFC 3986, 3.1).
pub(super) fn is_scheme(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(plain)
}

/// Splits what follows `://` into the authority and the target, without the fragment.
pub(super) fn split_authority(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

fn normal_target(target: &str) -> String {
    let (path, query) = split_query(target);
    let mut normal = plain_path(path);
    if !query.is_empty() {
        // Encoded first: an encoded letter has another place in the order.
        let query = encoded(query);
        let mut pairs: Vec<&str> = query.split('&').collect();
        // By name only, and stable: the order of the values of one name may matter.
        pairs.sort_by_key(|pair| pair.split_once('=').map_or(*pair, |(name, _)| name));
        normal.push('?');
        normal.push_str(&pairs.join("&"));
    }
    normal
}

/// The path and the query of a target, without the `?` between them.
pub(super) fn split_query(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}

/// A path from `/` without dot segments, which some clients resolve and others send to the server.
pub(super) fn plain_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(segment) = parts.next() {
        let last = parts.peek().is_none();
        match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
            "." if last => segments.push(""),
            "." => {}
            ".." => {
                segments.pop();
                if last {
                    segments.push("");
                }
            }
            _ => segments.push(segment),
        }
    }
    encoded(&format!("/{}", segments.join("/")))
}

/// The same text with characters that URLs cannot contain written as `%XX`.
pub(super) fn encoded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>`{}^".contains(&byte) {
            plain.push(byte.into());
        } else {
            plain.push_str(&format!("%{byte:02X}"));
        }
    }
    plain
}

/// Whether `text` is written as a URL.
pub(super) fn looks_like_url(text: &str) -> bool {
    text.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_normalised() {
        for (text, expected) in [
            ("HTTPS://Example.Com/Path", Some("https://example.com/Path")),
            (
                "https://example.com:443/path",
                Some("https://example.com/path"),
            ),
            ("http://example.com:80", Some("http://example.com/")),
            (
                "https://example.com:/path",
                Some("https://example.com/path"),
            ),
            (
                "https://example.com:8443/path",
                Some("https://example.com:8443/path"),
            ),
            (
                "https://user:p@ss@example.com/path#x",
                Some("https://example.com/path"),
            ),
            (
                "https://example.com/p?b=2&a=1&b=1",
                Some("https://example.com/p?a=1&b=2&b=1"),
            ),
            ("https://example.com?x", Some("https://example.com/?x")),
            ("https://e.com/a/%2e%2E/./b/..", Some("https://e.com/")),
            ("https://e.com/ä?\"", Some("https://e.com/%C3%A4?%22")),
            ("https://e.com/?ä&z", Some("https://e.com/?%C3%A4&z")),
            ("http://[::1]:8080/", Some("http://[::1]:8080/")),
            ("ftp://e.com:21/", Some("ftp://e.com:21/")),
            ("ftp://e.com/", None),
            ("http://127.1/", None),
            ("http://::1/", None),
            ("https://e.com\\@evil.com/", None),
            ("https://e.com/a b", None),
            ("https:///x", None),
            ("://x", None),
        ] {
            assert_eq!(
                Url::parse(text).map(|url| url.normal()).as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
