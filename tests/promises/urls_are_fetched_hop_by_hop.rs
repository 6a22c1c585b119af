//! `http_request`: what is sent, what is returned, and where redirects may lead. The servers are real,
//! on loopback.

#![cfg(feature = "net")]

use crate::{loopback, support};

use loopback::{always, body, error, free, get, http, plugin};
use serde_json::json;
use support::ask;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[test]
fn a_request_is_sent_as_asked_and_its_answer_is_told() {
    let (port, seen) = always(
        "HTTP/1.1 201 Created\r\ncontent-TYPE: text/plain\r\nx-two: a\r\nX-Two: b\r\ncontent-length: 5\r\n\r\nhello",
    );
    let reply = ask(
        &free("http_request"),
        json!({
            "method": "POST", "url": format!("http://127.0.0.1:{port}/a?b=2&a=1#f"),
            "headers": {"Accept": ["text/plain", "text/html"], "X-None": null, "user-agent": ["mine"],
                        "Host": ["elsewhere"], "Content-Length": ["99"], "Expect": ["100-continue"]},
            "body": "Zm9v",
        }),
    );
    assert_eq!(
        reply,
        json!({
            "status_code": 201, "proto": "HTTP/1.1", "body": "aGVsbG8=",
            "headers": {"Content-Type": ["text/plain"], "X-Two": ["a", "b"], "Content-Length": ["5"]},
        })
    );
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        seen.take(),
        [format!(
            "POST /a?b=2&a=1 HTTP/1.1\r\ncontent-length: 3\r\nhost: 127.0.0.1:{port}\r\n\
             connection: close\r\nuser-agent: tollgate/{version}\r\n\
             accept: text/plain\r\naccept: text/html\r\naccept-encoding: gzip\r\n\r\nfoo"
        )]
    );
}

#[test]
fn a_user_in_the_url_is_asked_for_by_header_only() {
    let (port, seen) = always(OK);
    let url = format!("http://me:s3cret@127.0.0.1:{port}/x");
    assert_eq!(
        body(&ask(&free("http_request"), json!({"url": url}))),
        "hello"
    );
    let request = seen.take().concat();
    assert!(
        request.contains("authorization: Basic bWU6czNjcmV0\r\n"),
        "{request}"
    );
    // A denial tells the URL without the secret.
    let denied = ask(&plugin("http_request", &[]), json!({"url": url}));
    assert_eq!(error(&denied), ("capability", "EACCES"));
    assert!(!denied.to_string().contains("s3cret"), "{denied}");
}

#[test]
fn methods_and_bodies_of_every_kind_are_sent() {
    let (port, seen) = always("HTTP/1.1 204 No Content\r\n\r\n");
    for (method, body, sent) in [
        ("", "", "GET / HTTP/1.1"),
        ("GET", "eA==", "GET / HTTP/1.1"),
        ("HEAD", "", "HEAD / HTTP/1.1"),
        ("POST", "", "POST / HTTP/1.1"),
        ("DELETE", "eA==", "DELETE / HTTP/1.1"),
        ("OPTIONS", "", "OPTIONS / HTTP/1.1"),
        ("PURGE", "", "PURGE / HTTP/1.1"),
        ("PROPFIND", "eA==", "PROPFIND / HTTP/1.1"),
    ] {
        let request =
            json!({"method": method, "body": body, "url": format!("http://127.0.0.1:{port}")});
        let reply = ask(&free("http_request"), request);
        assert_eq!(reply["status_code"], 204, "{method}: {reply}");
        let request = seen.take().concat();
        assert!(request.starts_with(sent), "{request}");
        assert_eq!(
            request.ends_with("\r\n\r\nx"),
            !body.is_empty(),
            "{request}"
        );
    }
}

#[test]
fn what_is_no_request_is_refused_before_anything_is_sent() {
    let (port, seen) = always(OK);
    let plugin = free("http_request");
    let url = format!("http://127.0.0.1:{port}/");
    for request in [
        json!({"url": ""}),
        json!({"url": "127.0.0.1"}),
        json!({"url": format!("ftp://127.0.0.1:{port}/")}),
        json!({"url": format!("http://2130706433:{port}/")}),
        json!({"url": format!("http://127.1:{port}/")}),
        json!({"url": format!("http://127.0.0.1:{port}/\r\nx: y")}),
        json!({"url": "http://127.0.0.1:0/"}),
        json!({"url": "http://127.0.0.1:65536/"}),
        json!({"url": url, "body": "not base64"}),
        json!({"url": url, "method": "GET /\r\n"}),
        json!({"url": url, "method": "CONNECT"}),
        json!({"url": url, "headers": {"X": ["a\r\nY: b"]}}),
        json!({"url": url, "headers": {"X": ["a\u{7f}"]}}),
        json!({"url": url, "headers": {"X Y": ["a"]}}),
        json!({"url": url, "headers": {"": ["a"]}}),
        json!({"url": url, "headers": {"Connection": ["close"]}}),
        json!({"url": url, "headers": {"transfer-encoding": ["chunked"]}}),
        json!({"url": url, "headers": {"Upgrade": ["h2c"]}}),
        json!({"url": url, "headers": {"Proxy-Authorization": ["x"]}}),
    ] {
        let reply = ask(&plugin, request.clone());
        assert_eq!(error(&reply), ("config", ""), "{request}: {reply}");
    }
    let canceled = ask(&plugin, json!({"url": url, "context": {"canceled": true}}));
    assert_eq!(error(&canceled).0, "timeout");
    assert_eq!(seen.take(), [""; 0]);
}

#[test]
fn a_url_is_granted_by_itself_its_host_or_its_port() {
    let (port, seen) = always(OK);
    let url = format!("http://127.0.0.1:{port}/a?b=1&a=2");
    let loopback = "network:outbound:loopback".to_owned();
    for (grants, expected) in [
        (
            vec![format!("network:outbound:{url}"), loopback.clone()],
            "none",
        ),
        (
            vec![
                format!("network:outbound:http://127.0.0.1:{port}/a?a=2&b=1"),
                loopback.clone(),
            ],
            "none",
        ),
        (
            vec![format!("network:outbound:{port}"), loopback.clone()],
            "none",
        ),
        (
            vec![
                format!("network:outbound:127.0.0.1:{port}"),
                loopback.clone(),
            ],
            "none",
        ),
        (vec![format!("network:outbound:{url}")], "ssrf_protection"),
        (vec!["network:outbound:*".into()], "ssrf_protection"),
        (
            vec![format!("network:outbound:{url}/more"), loopback.clone()],
            "capability",
        ),
        (
            vec!["network:outbound:80".into(), loopback.clone()],
            "capability",
        ),
        (vec![loopback], "capability"),
        (vec![], "capability"),
    ] {
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        let reply = ask(&plugin("http_request", &grants), json!({"url": url}));
        assert_eq!(error(&reply).0, expected, "{grants:?}: {reply}");
        assert_eq!(seen.take().len(), usize::from(expected == "none"));
    }
}

#[test]
fn each_hop_is_judged_like_the_first() {
    let (second, reached) = always(OK);
    let (first, _) = http(move |_, stream| {
        let _ = write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{second}/x\r\n\r\n"
        );
    });
    let first_only = format!("network:outbound:{first}");
    let both = format!("network:outbound:{first},{second}");
    let request = json!({"url": format!("http://127.0.0.1:{first}/")});
    let denied = ask(
        &plugin("http_request", &[&first_only, "network:outbound:loopback"]),
        request.clone(),
    );
    assert_eq!(error(&denied), ("capability", "EACCES"), "{denied}");
    let second_hop = format!("network:outbound:http://127.0.0.1:{second}/x");
    assert!(
        denied["error"]["message"]
            .as_str()
            .unwrap()
            .contains(&second_hop),
        "{denied}"
    );
    assert_eq!(reached.take(), [""; 0]);
    let reply = ask(
        &plugin("http_request", &[&both, "network:outbound:loopback"]),
        request,
    );
    assert_eq!(body(&reply), "hello", "{reply}");
    assert_eq!(reached.take().len(), 1);
    // An address that is closed is closed to redirects too.
    let (away, _) = always("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\n\r\n");
    assert_eq!(error(&get(away)), ("ssrf_protection", "EACCES"));
}

#[test]
fn secrets_do_not_follow_to_another_port() {
    let (second, reached) = always(OK);
    let (first, seen) = http(move |request, stream| {
        let location = if request.contains(" /far ") {
            format!("http://127.0.0.1:{second}/")
        } else {
            "/far".into()
        };
        let _ = write!(stream, "HTTP/1.1 307 There\r\nlocation: {location}\r\n\r\n");
    });
    let headers = json!({"Authorization": ["Bearer s3cret"], "Cookie": ["s3cret"], "X-Api-Key": ["s3cret"], "Accept": ["x/y"]});
    let url = format!("http://127.0.0.1:{first}/near");
    let request = json!({"url": url, "method": "PUT", "body": "Zm9v", "headers": headers});
    assert_eq!(body(&ask(&free("http_request"), request)), "hello");
    let near = seen.take();
    assert_eq!(near.len(), 2);
    assert!(
        near.iter()
            .all(|request| request.matches("s3cret").count() == 3),
        "{near:?}"
    );
    let far = reached.take().concat();
    assert!(!far.contains("s3cret"), "{far}");
    assert!(
        far.starts_with("PUT / ") && far.contains("accept: x/y\r\n") && far.ends_with("foo"),
        "{far}"
    );
}

#[test]
fn nine_redirects_are_followed_and_the_tenth_is_not() {
    let (port, seen) = http(|request, stream| {
        let step: u32 = request.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        let _ = match step {
            0 => stream.write_all(OK.as_bytes()),
            step => write!(
                stream,
                "HTTP/1.1 301 On\r\nlocation: {}\r\ncontent-length: 9\r\n\r\n",
                step - 1
            ),
        };
    });
    let from = |step: u32| {
        ask(
            &free("http_request"),
            json!({"url": format!("http://127.0.0.1:{port}/{step}")}),
        )
    };
    // The bodies of redirects never come, and are not waited for.
    assert_eq!(body(&from(9)), "hello");
    assert_eq!(seen.take().len(), 10);
    let reply = from(10);
    assert_eq!(error(&reply), ("network", "TOO_MANY_REDIRECTS"), "{reply}");
    assert_eq!(reply["error"]["message"], "stopped after 10 redirects");
    assert_eq!(seen.take().len(), 10);
}

#[test]
fn an_answer_that_leads_nowhere_is_an_answer() {
    for (head, status) in [
        ("302 Found\r\n", 302),
        ("304 Not Modified\r\nlocation: /x\r\n", 304),
        ("500 Oh\r\n", 500),
    ] {
        let (port, _) = always(format!("HTTP/1.1 {head}content-length: 0\r\n\r\n"));
        assert_eq!(get(port)["status_code"], status);
    }
    let (port, _) = always("HTTP/1.1 302 Found\r\nlocation: ftp://e.com:21/\r\n\r\n");
    assert_eq!(error(&get(port)), ("network", "EPROTO"));
}
