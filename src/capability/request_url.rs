//! A URL that is sent to a server, and how a `Location` header is resolved against it. The parser is
//! that of `url`.

use super::url::{Url, encoded, is_scheme, plain_path, split_authority, split_query};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

/// A URL that can be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestUrl {
    url: Url,
    /// `user:password`, as written.
    user: Option<String>,
    /// Path and query, the query in its own order.
    target: String,
}

impl RequestUrl {
    /// `None` if no grant can name `text`, or if it is not an HTTP URL.
    pub(crate) fn parse(text: &str) -> Option<RequestUrl> {
        let url = Url::parse(text)?;
        if !matches!(url.scheme.as_str(), "http" | "https") {
            return None;
        }
        let (_, rest) = text.split_once("://")?;
        let (authority, target) = split_authority(rest)?;
        let user = authority.rsplit_once('@').map(|(user, _)| user.to_owned());
        let (path, query) = split_query(target);
        let mut target = plain_path(path);
        if !query.is_empty() {
            target.push('?');
            target.push_str(&encoded(query));
        }
        Some(RequestUrl { url, user, target })
    }

    /// Resolves a `Location` header (RFC 3986, 5.2); `None` if the result cannot be fetched. A user in
    /// the header is ignored, since the server must not choose it.
    pub(crate) fn join(&self, location: &str) -> Option<RequestUrl> {
        let origin = self.origin();
        let scheme = &self.url.scheme;
        let location = location.split_once('#').map_or(location, |(rest, _)| rest);
        let (path, _) = split_query(&self.target);
        let text = if location.contains("://") && has_scheme(location) {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{origin}{location}")
        } else if location.is_empty() {
            format!("{origin}{}", self.target)
        } else if location.starts_with('?') {
            format!("{origin}{path}{location}")
        } else if has_scheme(location) {
            return None;
        } else {
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{origin}{directory}/{location}")
        };
        let joined = RequestUrl::parse(&text)?;
        Some(RequestUrl {
            user: None,
            ..joined
        })
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.url.origin()
    }

    /// The whole URL as it is sent, without the user.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.origin(), self.target)
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.url.scheme == "https"
    }

    pub(crate) fn host(&self) -> String {
        self.url.host.to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.port
    }

    /// User and password, decoded, if there are any.
    pub(crate) fn user(&self) -> Option<Vec<u8>> {
        let mut decoded = Vec::new();
        let mut bytes = self.user.as_ref()?.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                decoded.push(byte);
                continue;
            }
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        }
        if !decoded.contains(&b':') {
            decoded.push(b':');
        }
        Some(decoded)
    }
}

/// Whether `text` begins with a scheme and a colon, and so is not a relative reference.
fn has_scheme(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(scheme, _)| is_scheme(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RequestUrl {
        RequestUrl::parse(text).unwrap()
    }

    #[test]
    fn what_is_sent_is_what_is_judged_but_for_the_order_of_the_query() {
        for (text, sent) in [
            ("http://E.com", "http://e.com/"),
            (
                "https://e.com:443/a/../b?z=1&a=ü#f",
                "https://e.com/b?z=1&a=%C3%BC",
            ),
            ("http://e.com/?b&ä", "http://e.com/?b&%C3%A4"),
            ("http://u:p@[::1]:81/?", "http://[::1]:81/"),
        ] {
            assert_eq!(url(text).text(), sent);
            assert_eq!(url(sent).text(), sent, "reading it again changes nothing");
            assert_eq!(Url::parse(text), Url::parse(sent));
        }
        for text in [
            "ftp://e.com:21/",
            "e.com",
            "http://127.1/",
            "http://e.com/a b",
        ] {
            assert_eq!(RequestUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_user_is_decoded() {
        let user = |text: &str| url(text).user();
        assert_eq!(user("http://a%40b:p%3a@e.com/").unwrap(), b"a@b:p:");
        assert_eq!(user("http://a@e.com/").unwrap(), b"a:");
        assert_eq!(user("http://e.com/"), None);
        assert_eq!(user("http://a%zz@e.com/"), None);
    }

    #[test]
    fn locations_lead_where_browsers_go() {
        let base = url("http://e.com:81/a/b?q=1");
        for (location, target) in [
            ("https://f.com/x", Some("https://f.com/x")),
            ("//f.com/x", Some("http://f.com/x")),
            ("/x", Some("http://e.com:81/x")),
            ("x", Some("http://e.com:81/a/x")),
            ("../x?y", Some("http://e.com:81/x?y")),
            ("?y", Some("http://e.com:81/a/b?y")),
            ("", Some("http://e.com:81/a/b?q=1")),
            ("#f", Some("http://e.com:81/a/b?q=1")),
            ("http://u:p@f.com/", Some("http://f.com/")),
            (
                "x?to=http://f.com",
                Some("http://e.com:81/a/x?to=http://f.com"),
            ),
            ("ftp://f.com:21/", None),
            ("mailto:a@b", None),
            ("http:x", None),
            ("http://0x7f.1/", None),
        ] {
            let joined = base.join(location);
            assert_eq!(
                joined.as_ref().map(RequestUrl::text).as_deref(),
                target,
                "{location}"
            );
            assert!(joined.is_none_or(|url| url.user().is_none()));
        }
    }
}
