//! TLS in `tcp_connect` and `http_request`: what a good connection reports, and which ones are refused.
//! The test makes the servers and their authorities.

#![cfg(feature = "net")]

use crate::{authority, loopback, support};

use authority::Authority;
use loopback::{error, in_time, plugin_in, read_request, server, silent};
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    time::Duration,
};
use support::ask;

const SOON: Duration = Duration::from_secs(10);

const FREE: [&str; 2] = ["network:outbound:*", "network:outbound:loopback"];

/// What `tcp_connect` with TLS says about this port.
fn connect(authority: &Authority, host: &str, port: u16) -> Value {
    let plugin = plugin_in(authority.trusted(), "tcp_connect", &FREE);
    ask(
        &plugin,
        json!({"host": host, "port": port.to_string(), "tls": true, "timeout_ms": 5000}),
    )
}

#[test]
fn a_good_connection_tells_what_it_is_like() {
    let authority = Authority::new();
    for (versions, version, suites) in [
        (vec![&TLS13], "TLS 1.3", "TLS_AES_"),
        (vec![&TLS12], "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_"),
    ] {
        let port = authority.serve("localhost", versions, |mut stream| {
            let _ = stream.read(&mut [0; 64]);
        });
        let reply = connect(&authority, "localhost", port);
        assert_eq!(reply["connected"], true, "{reply}");
        assert_eq!(reply["tls"], true);
        assert_eq!(reply["address"], format!("localhost:{port}"));
        assert_eq!(reply["remote_addr"], format!("127.0.0.1:{port}"));
        assert!(
            reply["local_addr"]
                .as_str()
                .unwrap()
                .starts_with("127.0.0.1:")
        );
        assert_eq!(reply["tls_version"], version);
        assert!(
            reply["tls_cipher_suite"]
                .as_str()
                .unwrap()
                .starts_with(suites),
            "{reply}"
        );
        assert_eq!(reply["tls_server_name"], "localhost");
        assert_eq!(reply["tls_cert_subject"], "CN=localhost,O=Toll");
        assert_eq!(reply["tls_cert_issuer"], "CN=The test's own authority");
        assert_eq!(reply["tls_cert_not_after"], "4096-01-01T00:00:00Z");
    }
}

#[test]
fn an_address_has_no_server_name() {
    let authority = Authority::new();
    let port = authority.serve("127.0.0.1", vec![&TLS13], |mut stream| {
        assert_eq!(stream.conn.server_name(), None);
        let _ = stream.read(&mut [0; 64]);
    });
    let reply = connect(&authority, "127.0.0.1", port);
    assert_eq!(reply["connected"], true, "{reply}");
    assert!(reply.get("tls_server_name").is_none());
}

#[test]
fn certificates_that_prove_nothing_are_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let wait = |mut stream: authority::ServerStream| {
        let _ = stream.read(&mut [0; 64]);
    };
    let good = authority.serve("localhost", vec![&TLS13], wait);
    let other_name = authority.serve("example.com", vec![&TLS13], wait);
    let expired = authority.serve_expired("localhost", wait);
    let itself = authority.serve_itself(wait);
    for (who, port, why) in [
        // One of the same name, but not the same.
        (&stranger, good, "not the trusted one of this name signed"),
        (&stranger, good, "BadSignature"),
        (
            &authority,
            other_name,
            "the server's certificate is for another name",
        ),
        (&authority, other_name, "not valid for name"),
        (&authority, expired, "the server's certificate has expired"),
        (
            &authority,
            itself,
            "the certificate of an authority as its own",
        ),
    ] {
        let reply = connect(who, "localhost", port);
        assert_eq!(error(&reply), ("tls", "TLS_ERROR"), "{reply}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
        assert_eq!(reply["connected"], false);
        assert!(reply.get("tls_version").is_none() && reply.get("remote_addr").is_none());
    }
}

#[test]
fn old_versions_and_other_protocols_are_refused() {
    let authority = Authority::new();
    // A server that chooses TLS 1.1: the whole of its hello.
    let mut hello = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    for answer in [
        hello,
        b"220 mail.example.com ESMTP\r\n".to_vec(),
        vec![0x15, 3, 1, 0, 2, 2, 70],
        vec![],
    ] {
        let answer_is_mail = answer.starts_with(b"220");
        let port = server(move |mut stream| {
            let mut start = [0; 5];
            if stream.read_exact(&mut start).is_ok() {
                // All of it, so that closing resets nothing.
                let mut rest = vec![0; u16::from_be_bytes([start[3], start[4]]).into()];
                let _ = stream.read_exact(&mut rest);
                let _ = stream.write_all(&answer);
            }
        });
        let reply = in_time(SOON, || connect(&authority, "localhost", port));
        assert_eq!(error(&reply), ("tls", "TLS_ERROR"), "{reply}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert_eq!(
            message.contains("does not speak TLS on this port"),
            answer_is_mail,
            "{message}"
        );
    }
}

#[test]
fn a_handshake_ends_by_the_deadline() {
    let authority = Authority::new();
    let port = server(silent);
    let plugin = plugin_in(authority.trusted(), "tcp_connect", &FREE);
    for limit in [
        json!({"timeout_ms": 300}),
        json!({"context": {"timeout_ms": 300}}),
    ] {
        let mut request = limit;
        request["host"] = json!("127.0.0.1");
        request["port"] = json!(port.to_string());
        request["tls"] = json!(true);
        let reply = in_time(SOON, || ask(&plugin, request));
        assert_eq!(error(&reply), ("timeout", "ETIMEDOUT"), "{reply}");
        assert_eq!(reply["error"]["is_timeout"], true);
    }
}

#[test]
fn grants_hold_for_tls_as_for_anything() {
    let authority = Authority::new();
    let port = authority.serve("localhost", vec![&TLS13], |mut stream| {
        let _ = stream.read(&mut [0; 64]);
    });
    let exact = format!("network:outbound:localhost:{port}");
    for (grants, expected) in [
        (vec![exact.as_str(), "network:outbound:loopback"], "none"),
        (vec![&exact], "ssrf_protection"),
        (
            vec!["network:outbound:443", "network:outbound:private"],
            "capability",
        ),
        (vec![], "capability"),
    ] {
        let plugin = plugin_in(authority.trusted(), "tcp_connect", &grants);
        let reply = ask(
            &plugin,
            json!({"host": "localhost", "port": port.to_string(), "tls": true}),
        );
        assert_eq!(error(&reply).0, expected, "{grants:?}: {reply}");
    }
}

#[test]
fn https_is_fetched_from_whom_it_names() {
    let authority = Authority::new();
    let answer = |mut stream: authority::ServerStream| {
        if read_request(&mut stream).is_some() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    };
    let good = authority.serve("localhost", vec![&TLS12, &TLS13], answer);
    let bad = authority.serve("example.com", vec![&TLS13], answer);
    let cut = authority.serve("localhost", vec![&TLS13], |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello");
    });
    let plugin = plugin_in(authority.trusted(), "http_request", &FREE);
    let get = |port: u16| {
        ask(
            &plugin,
            json!({"url": format!("https://localhost:{port}/")}),
        )
    };
    assert_eq!(get(good)["body"], "aGVsbG8=", "{}", get(good));
    assert_eq!(error(&get(bad)), ("tls", "TLS_ERROR"));
    // Who cuts the connection cannot pass a piece off as the whole.
    assert_eq!(error(&get(cut)), ("network", "ECONNRESET"));
}

#[test]
fn credentials_do_not_go_from_https_to_http() {
    let authority = Authority::new();
    let (plain, seen) = loopback::always("HTTP/1.1 204 No Content\r\n\r\n");
    let secure = authority.serve("localhost", vec![&TLS13], move |mut stream| {
        read_request(&mut stream);
        let _ = write!(
            stream,
            "HTTP/1.1 302 Down\r\nlocation: http://localhost:{plain}/\r\n\r\n"
        );
    });
    let plugin = plugin_in(authority.trusted(), "http_request", &FREE);
    let url = format!("https://localhost:{secure}/");
    let reply = ask(
        &plugin,
        json!({"url": url, "headers": {"Cookie": ["s3cret"]}}),
    );
    assert_eq!(error(&reply), ("network", "EACCES"), "{reply}");
    assert_eq!(seen.take(), [""; 0]);
    assert_eq!(ask(&plugin, json!({"url": url}))["status_code"], 204);
}

#[test]
fn roots_that_are_none_are_refused() {
    for pem in [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let system = tollgate::world::System::new().unwrap();
        assert!(system.with_roots(pem.as_bytes()).is_err(), "{pem:?}");
    }
}
