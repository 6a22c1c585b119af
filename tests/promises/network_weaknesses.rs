//! Known weaknesses of the network functions of Reglet's own runtime, each by its number. N1, N2, N13,
//! N14 and N15 belong to the policy (capability_weaknesses), N12 to every connection
//! (networks_are_reached_only_where_granted). The long forms of N3, N4, N6 and N8 to N11 are in the
//! tests of the functions.

#![cfg(feature = "net")]

use crate::{loopback, support};

use loopback::{
    Seen, always, error, free, in_time, plugin, plugin_in, read_request, server, silent,
};
use serde_json::json;
use std::{
    io::{Read as _, Write as _},
    net::UdpSocket,
    time::Duration,
};
use support::ask;
use tollgate::{Config, Error, Fault, Runtime};

const SOON: Duration = Duration::from_secs(10);

const FREE: [&str; 2] = ["network:outbound:*", "network:outbound:loopback"];

#[test]
fn n3_a_redirect_needs_a_grant_of_its_own() {
    let (second, seen) = always("HTTP/1.1 200 OK\r\n\r\n");
    let location = format!("HTTP/1.1 302 On\r\nlocation: http://127.0.0.1:{second}/\r\n\r\n");
    let (first, _) = always(location);
    let first_only = format!("network:outbound:{first}");
    let plugin = plugin("http_request", &[&first_only, "network:outbound:private"]);
    let reply = ask(
        &plugin,
        json!({"url": format!("http://127.0.0.1:{first}/")}),
    );
    assert_eq!(error(&reply), ("capability", "EACCES"));
    assert_eq!(seen.take(), [""; 0]);
}

#[test]
fn n4_headers_of_ones_own_do_not_follow_to_another_port() {
    let (second, seen) = always("HTTP/1.1 204 No\r\n\r\n");
    let location = format!("HTTP/1.1 302 On\r\nlocation: http://127.0.0.1:{second}/\r\n\r\n");
    let (first, _) = always(location);
    let headers =
        json!({"X-Api-Key": ["s3cret"], "X-Anything": ["s3cret"], "Authorization": ["s3cret"]});
    let request = json!({"url": format!("http://127.0.0.1:{first}/"), "headers": headers});
    assert_eq!(ask(&free("http_request"), request)["status_code"], 204);
    assert!(!seen.take().concat().contains("s3cret"));
}

/// The resolver of the machine cannot be made slow here; a name server can.
#[test]
fn n5_resolving_ends_by_the_requests_deadline() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let request = json!({
        "hostname": "e.com", "type": "A", "nameserver": server.local_addr().unwrap().to_string(),
        "context": {"timeout_ms": 200},
    });
    let reply = in_time(SOON, || ask(&free("dns_lookup"), request));
    assert_eq!(error(&reply), ("timeout", "ETIMEDOUT"));
}

#[test]
fn n6_the_deadline_of_the_call_ends_a_request_too() {
    let port = server(silent);
    let builder = Runtime::builder().deadline(Duration::from_millis(200));
    let plugin = plugin_in(builder, "http_request", &FREE);
    let config = Config::new().set("url", format!("http://127.0.0.1:{port}/"));
    let error = in_time(SOON, || plugin.observe(&config)).unwrap_err();
    let deadline = matches!(
        error,
        Error::Fault {
            fault: Fault::Deadline { .. },
            ..
        }
    );
    assert!(deadline, "{error}");
}

#[test]
fn n7_no_connection_outlives_its_request() {
    let seen = Seen::default();
    let log = seen.clone();
    let (closed, hung_up) = std::sync::mpsc::channel();
    let port = server(move |mut stream| {
        log.add(read_request(&mut stream).unwrap_or_default());
        // It would gladly go on.
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n");
        let _ = closed.send(stream.read(&mut [0; 64]));
    });
    let plugin = free("http_request");
    for _ in 0..2 {
        let reply = ask(&plugin, json!({"url": format!("http://127.0.0.1:{port}/")}));
        assert_eq!(reply["status_code"], 200);
        assert_eq!(hung_up.recv_timeout(SOON).unwrap().unwrap(), 0);
    }
    assert_eq!(seen.take().len(), 2);
}

#[test]
fn n8_n9_n10_no_handshake_and_no_greeting_is_waited_for() {
    let port = server(silent).to_string();
    for (function, mode) in [
        ("tcp_connect", "tls"),
        ("smtp_connect", "tls"),
        ("smtp_connect", "starttls"),
    ] {
        let mut request = json!({"host": "127.0.0.1", "port": port, "timeout_ms": 200});
        request[mode] = json!(true);
        let reply = in_time(SOON, || ask(&free(function), request));
        assert_eq!(error(&reply), ("timeout", "ETIMEDOUT"), "{function} {mode}");
    }
}

#[test]
fn n11_a_name_server_is_a_destination_like_any_other() {
    for (grants, expected) in [
        (["network:outbound:53", "env:X"], "capability"),
        (["network:outbound:*", "env:X"], "ssrf_protection"),
    ] {
        let request = json!({"hostname": "e.com", "type": "A", "nameserver": "127.0.0.1:5353"});
        assert_eq!(
            error(&ask(&plugin("dns_lookup", &grants), request)).0,
            expected
        );
    }
}
