//! The request that follows a redirect: the method, the body, and of the header fields only those
//! that hold no secret of the old place.

use super::{Effect, Failure};
use crate::capability::RequestUrl;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::time::Duration;
use tollgate_abi::host::kinds;

/// One request on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) method: String,
    pub(crate) url: RequestUrl,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Header fields that hold no secrets: only these go to another scheme, host or port. A list of
/// the secret ones would never be complete (`x-api-key`, `x-auth-token`, ...).
const HARMLESS: [&str; 8] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "pragma",
    "range",
    "user-agent",
];

impl Hop {
    pub(crate) fn effect(&self, body_limit: u64, timeout: Duration) -> Effect {
        Effect::Http {
            method: self.method.clone(),
            url: self.url.text(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            body_limit,
            timeout,
        }
    }

    /// The next request, after an answer with this status and `Location`.
    pub(crate) fn follow(mut self, status: u16, location: &str) -> Result<Hop, Failure> {
        let refused = |why: &str, code: &str| {
            let message = format!("{} redirects to {location:?}: {why}", self.url.text());
            Failure::new(kinds::NETWORK, code.to_owned(), message)
        };
        let next = self
            .url
            .join(location)
            .ok_or_else(|| refused("that cannot be fetched", "EPROTO"))?;
        if next.origin() != self.url.origin() {
            let stays = |name: &str| HARMLESS.contains(&name) || name.starts_with("content-");
            let all = self.headers.len();
            let few = self.headers.iter().filter(|(name, _)| stays(name)).count();
            if self.url.is_secure() && !next.is_secure() && few < all {
                let why = "a request with credentials does not go from https to http";
                return Err(refused(why, "EACCES"));
            }
            self.headers.retain(|(name, _)| stays(name));
        }
        // As browsers do: what was posted is not posted again, unless the status says so.
        if matches!(status, 301..=303) {
            self.body.clear();
            self.headers
                .retain(|(name, _)| !name.starts_with("content-"));
            if self.method != "HEAD" {
                self.method = "GET".into();
            }
        }
        self.url = next;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: &str, url: &str) -> Hop {
        let field = |name: &str| (name.to_owned(), "v".to_owned());
        Hop {
            method: method.into(),
            url: RequestUrl::parse(url).unwrap(),
            headers: [
                "accept",
                "authorization",
                "content-type",
                "cookie",
                "x-api-key",
            ]
            .map(field)
            .into(),
            body: b"body".to_vec(),
        }
    }

    fn names(hop: &Hop) -> Vec<&str> {
        hop.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn method_and_body_change_as_in_browsers() {
        for (status, method, expected, body) in [
            (301, "POST", "GET", false),
            (302, "PUT", "GET", false),
            (303, "DELETE", "GET", false),
            (303, "HEAD", "HEAD", false),
            (307, "POST", "POST", true),
            (308, "PUT", "PUT", true),
        ] {
            let next = hop(method, "http://e.com/").follow(status, "/x").unwrap();
            assert_eq!(next.method, expected, "{status} {method}");
            assert_eq!(!next.body.is_empty(), body, "{status} {method}");
            assert_eq!(names(&next).contains(&"content-type"), body, "{status}");
            assert_eq!(next.url.text(), "http://e.com/x");
        }
    }

    #[test]
    fn secrets_stay_with_scheme_host_and_port() {
        let all = [
            "accept",
            "authorization",
            "content-type",
            "cookie",
            "x-api-key",
        ];
        let few = ["accept", "content-type"];
        for (location, expected) in [
            ("/x", &all[..]),
            ("http://E.com:80/x", &all),
            ("http://e.com:81/x", &few),
            ("http://www.e.com/x", &few),
            ("https://e.com/x", &few),
            ("//f.com/x", &few),
        ] {
            let next = hop("PUT", "http://e.com/").follow(307, location).unwrap();
            assert_eq!(names(&next), expected, "{location}");
            // They do not come back with the old place.
            let back = next.follow(307, "http://e.com/").unwrap();
            assert_eq!(names(&back), expected, "{location}");
        }
    }

    #[test]
    fn credentials_do_not_leave_tls() {
        let error = hop("GET", "https://e.com/")
            .follow(302, "http://e.com/")
            .unwrap_err();
        assert_eq!((&*error.kind, &*error.code), ("network", "EACCES"));
        let mut plain = hop("GET", "https://e.com/");
        plain.headers.truncate(1);
        assert!(plain.follow(302, "http://e.com/").is_ok());
    }

    #[test]
    fn what_cannot_be_fetched_is_not_followed() {
        for location in [
            "ftp://e.com:21/",
            "http://0x7f.1/",
            "javascript:x",
            "http://e.com:0/",
        ] {
            let error = hop("GET", "http://e.com/")
                .follow(302, location)
                .unwrap_err();
            assert_eq!(error.code, "EPROTO", "{location}");
        }
    }
}
