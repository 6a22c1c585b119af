//! `http_request`: one effect for each redirect, so that each is judged like the first request.

use super::{config_error, not_canceled, pass, timeout};
use crate::{
    effect::{Hop, HttpResponse},
    guest::Host,
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use core::time::Duration;
use tollgate_abi::{
    ErrorDetail, base64,
    host::{Headers, HttpReply, HttpRequest, kinds},
};

/// The most requests that one request becomes, redirects included. Go's client stops at the tenth
/// redirect without following it.
const MAX_REQUESTS: u32 = 10;

const USER_AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));

/// Header fields that the URL, the body and this crate set. The guest's own are ignored; `Expect`
/// would only make the server wait.
const DECIDED: [&str; 4] = ["content-length", "expect", "host", "user-agent"];

/// Header fields of the connection. A guest that sets them could end the request early and begin
/// another one (`proxy-*` too).
const OF_THE_CONNECTION: [&str; 6] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn request(host: &mut Host, request: HttpRequest) -> Result<HttpReply, ErrorDetail> {
    not_canceled(&request.context)?;
    let url = host.gate.url(&request.url)?;
    let body =
        base64::decode(&request.body).map_err(|error| config_error(format!("body is {error}")))?;
    let mut hop = Hop {
        method: method(&request.method)?,
        headers: headers(&request.headers, url.user())?,
        url,
        body,
    };
    let limit = host.limits.reply_bytes;
    let total = timeout::effective(host, &request.context, request.timeout_ms)?;
    let mut spent = Duration::ZERO;
    for _ in 0..MAX_REQUESTS {
        let effect = hop.effect(u64::from(limit), timeout::after(total, spent)?);
        let fetched: HttpResponse = pass(host, &effect)?;
        spent = spent.saturating_add(fetched.took);
        hop = match fetched.leads_to() {
            Some(location) => hop.follow(fetched.status, location)?,
            None => return Ok(reply(fetched, limit)),
        };
    }
    let message = format!("stopped after {MAX_REQUESTS} redirects");
    Err(ErrorDetail::new(kinds::NETWORK, message).with_code("TOO_MANY_REDIRECTS"))
}

fn reply(mut fetched: HttpResponse, limit: u32) -> HttpReply {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // A world of the embedder's may return more than was requested.
    if fetched.body.len() > limit {
        fetched.body.truncate(limit);
        fetched.truncated = true;
    }
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in fetched.headers {
        headers.entry(canonical(&name)).or_default().push(value);
    }
    HttpReply {
        status_code: fetched.status,
        headers: Headers(headers),
        body: base64::encode(&fetched.body),
        body_truncated: fetched.truncated,
        proto: fetched.protocol,
        error: None,
    }
}

/// `content-type` as `Content-Type`.
fn canonical(name: &str) -> String {
    let mut canonical = String::with_capacity(name.len());
    let mut first = true;
    for letter in name.chars() {
        canonical.push(if first {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        });
        first = letter == '-';
    }
    canonical
}

fn method(method: &str) -> Result<String, ErrorDetail> {
    match method {
        "" => Ok("GET".into()),
        // It asks for a tunnel, not for an answer.
        "CONNECT" => Err(config_error("the method CONNECT is refused")),
        method if is_token(method) => Ok(method.to_owned()),
        method => Err(config_error(format!("{method:?} is not a method"))),
    }
}

fn headers(asked: &Headers, user: Option<Vec<u8>>) -> Result<Vec<(String, String)>, ErrorDetail> {
    let mut headers = vec![("user-agent".to_owned(), USER_AGENT.to_owned())];
    for (name, values) in &asked.0 {
        if !is_token(name) {
            return Err(config_error(format!(
                "{name:?} is not the name of a header field"
            )));
        }
        let name = name.to_ascii_lowercase();
        if OF_THE_CONNECTION.contains(&name.as_str()) || name.starts_with("proxy-") {
            let message =
                format!("the header field {name} belongs to the connection and is refused");
            return Err(config_error(message));
        }
        if DECIDED.contains(&name.as_str()) {
            continue;
        }
        for value in values {
            if value
                .bytes()
                .any(|byte| byte.is_ascii_control() && byte != b'\t')
            {
                return Err(config_error(format!(
                    "the header field {name} has a control character"
                )));
            }
            headers.push((name.clone(), value.trim().to_owned()));
        }
    }
    if let Some(user) = user
        && !headers.iter().any(|(name, _)| name == "authorization")
    {
        let value = format!("Basic {}", base64::encode(&user));
        headers.push(("authorization".into(), value));
    }
    Ok(headers)
}

/// What methods and names of header fields are made of (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    let mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || mark(byte))
}
