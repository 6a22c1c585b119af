//! `smtp_connect`: the greeting of a mail server in plain text, in TLS and with STARTTLS, and how
//! servers that send too much, too little or something else are reported.

#![cfg(feature = "net")]

use crate::{authority, loopback, support};

use authority::Authority;
use loopback::{
    Seen, closed_port, error, free, hangs_on, in_time, plugin, plugin_in, server, silent,
};
use rustls::{ServerConnection, StreamOwned, version::TLS13};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};
use support::ask;

const SOON: Duration = Duration::from_secs(10);

const FREE: [&str; 2] = ["network:outbound:*", "network:outbound:loopback"];

fn greet(port: u16) -> Value {
    ask(
        &free("smtp_connect"),
        json!({"host": "127.0.0.1", "port": port.to_string()}),
    )
}

/// A server that says this and waits.
fn saying(text: impl Into<String>) -> u16 {
    let text = text.into();
    server(move |mut stream| {
        let _ = stream.write_all(text.as_bytes());
        silent(stream);
    })
}

#[test]
fn a_greeting_is_told() {
    for (text, banner) in [
        (
            "220 mail.example.com ESMTP\r\n",
            "220 mail.example.com ESMTP",
        ),
        (
            "220-one\r\n220-two \r\n220 three\r\n",
            "220 one\ntwo \nthree",
        ),
        ("220\r\n", "220 "),
        ("220 bare line end\n", "220 bare line end"),
        ("220 \u{fc}\r\n250 not read\r\n", "220 \u{fc}"),
    ] {
        let port = saying(text);
        let reply = greet(port);
        assert_eq!(reply["banner"], banner, "{reply}");
        assert_eq!(reply["connected"], true);
        assert_eq!(reply["address"], format!("127.0.0.1:{port}"));
        assert!(reply.get("tls").is_none() && reply.get("error").is_none());
    }
}

#[test]
fn a_greeting_of_another_kind_is_an_error_of_the_network() {
    let long = "220-x\r\n".repeat(64);
    for (text, message) in [
        ("554 no service here\r\n".to_owned(), "554 no service here"),
        ("421-busy\r\n421 come back\r\n".into(), "421"),
        ("SSH-2.0-OpenSSH_9.6\r\n".into(), "SSH-2.0"),
        ("220+ odd\r\n".into(), "220+ odd"),
        (
            format!("220 {}\r\n", "x".repeat(600)),
            "more than 512 bytes",
        ),
        (format!("{long}220 end\r\n"), "more than 64 lines"),
    ] {
        let reply = in_time(SOON, || greet(saying(text.clone())));
        assert_eq!(error(&reply), ("network", "EPROTO"), "{reply}");
        let told = reply["error"]["message"].as_str().unwrap();
        assert!(told.contains(message), "{told}");
        assert_eq!(reply["connected"], false);
    }
    assert!(greet(saying(format!("{}220 end\r\n", "220-x\r\n".repeat(63))))["connected"] == true);
    let hanging_up = server(|mut stream| {
        let _ = stream.write_all(b"220 half a li");
    });
    assert_eq!(error(&greet(hanging_up)), ("network", "ECONNRESET"));
    assert_eq!(error(&greet(closed_port())), ("network", "ECONNREFUSED"));
}

#[test]
fn a_server_that_never_speaks_is_not_waited_for() {
    let drip = server(|mut stream| {
        while hangs_on(&mut stream, Duration::from_millis(50)) && stream.write_all(b"2").is_ok() {}
    });
    for port in [server(silent), saying("220-more\r\n"), drip] {
        for mode in ["tls", "starttls", "neither"] {
            let mut request =
                json!({"host": "127.0.0.1", "port": port.to_string(), "timeout_ms": 300});
            request[mode] = json!(true);
            let reply = in_time(SOON, || ask(&free("smtp_connect"), request));
            // What is no TLS may be seen before the time is up.
            assert!(
                matches!(
                    error(&reply),
                    ("timeout", "ETIMEDOUT") | ("tls", "TLS_ERROR")
                ),
                "{mode}: {reply}"
            );
            assert!(
                mode == "tls" || error(&reply).0 == "timeout",
                "{mode}: {reply}"
            );
        }
    }
}

/// A server that offers STARTTLS and does it; what it was told.
fn starting_tls(authority: &Authority, name: &str) -> (u16, Seen) {
    let config = authority.config(name, 4096, &[&TLS13]);
    let seen = Seen::default();
    let log = seen.clone();
    let port = server(move |stream| {
        let Some(stream) = up_to_tls(stream, &log) else {
            return;
        };
        let session = ServerConnection::new(config.clone()).unwrap();
        let mut text = String::new();
        let _ = StreamOwned::new(session, stream).read_to_string(&mut text);
        log.add(text);
    });
    (port, seen)
}

/// The conversation before the handshake.
fn up_to_tls(mut stream: TcpStream, log: &Seen) -> Option<TcpStream> {
    stream.write_all(b"220-mail\r\n220 ready\r\n").ok()?;
    for answer in [
        "250-mail greets you\r\n250-SIZE 1000\r\n250 STARTTLS\r\n",
        "220 go ahead\r\n",
    ] {
        let mut line = String::new();
        BufReader::with_capacity(1, &stream)
            .read_line(&mut line)
            .ok()?;
        log.add(line);
        stream.write_all(answer.as_bytes()).ok()?;
    }
    Some(stream)
}

#[test]
fn starttls_reads_the_greeting_once_and_then_speaks_tls() {
    let authority = Authority::new();
    let (port, seen) = starting_tls(&authority, "localhost");
    let plugin = plugin_in(authority.trusted(), "smtp_connect", &FREE);
    let reply = ask(
        &plugin,
        json!({"host": "localhost", "port": port.to_string(), "starttls": true}),
    );
    assert_eq!(reply["banner"], "220 mail\nready", "{reply}");
    assert_eq!(
        (&reply["connected"], &reply["tls"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(reply["tls_version"], "TLS 1.3");
    assert!(
        reply["tls_cipher_suite"]
            .as_str()
            .unwrap()
            .starts_with("TLS_")
    );
    assert_eq!(reply["tls_server_name"], "localhost");
    assert_eq!(seen.lock()[..2], ["EHLO localhost\r\n", "STARTTLS\r\n"]);
    // The handshake is judged like any other.
    let (wrong, _) = starting_tls(&authority, "example.com");
    let reply = ask(
        &plugin,
        json!({"host": "localhost", "port": wrong.to_string(), "starttls": true}),
    );
    assert_eq!(error(&reply), ("tls", "TLS_ERROR"), "{reply}");
}

#[test]
fn starttls_that_is_not_offered_or_refused_has_its_own_code() {
    for (offer, answer) in [
        ("250 SIZE 1000\r\n", ""),
        ("502 what?\r\n", ""),
        ("250 starttls\r\n", "454 not now\r\n"),
    ] {
        let port = server(move |mut stream| {
            let _ = write!(stream, "220 hi\r\n");
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(offer.as_bytes());
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(answer.as_bytes());
            silent(stream);
        });
        let request = json!({"host": "127.0.0.1", "port": port.to_string(), "starttls": true, "timeout_ms": 5000});
        let reply = ask(&free("smtp_connect"), request);
        assert_eq!(
            error(&reply),
            ("tls", "STARTTLS_ERROR"),
            "{offer}{answer}: {reply}"
        );
    }
}

#[test]
fn plain_text_smuggled_before_tls_is_not_heard() {
    let port = server(|mut stream| {
        let _ = write!(stream, "220 hi\r\n");
        let _ = stream.read(&mut [0; 64]);
        let _ = write!(stream, "250 STARTTLS\r\n");
        let _ = stream.read(&mut [0; 64]);
        let _ = write!(stream, "220 go\r\n250 you are in TLS now\r\n");
        silent(stream);
    });
    let reply = ask(
        &free("smtp_connect"),
        json!({"host": "127.0.0.1", "port": port.to_string(), "starttls": true}),
    );
    assert_eq!(error(&reply), ("tls", "TLS_ERROR"), "{reply}");
}

#[test]
fn implicit_tls_greets_inside() {
    let authority = Authority::new();
    let port = authority.serve("localhost", vec![&TLS13], |mut stream| {
        let _ = stream.write_all(b"220 inside\r\n");
        let _ = stream.read(&mut [0; 64]);
    });
    let plugin = plugin_in(authority.trusted(), "smtp_connect", &FREE);
    let reply = ask(
        &plugin,
        json!({"host": "localhost", "port": port.to_string(), "tls": true}),
    );
    assert_eq!(
        (&reply["banner"], &reply["tls"]),
        (&json!("220 inside"), &json!(true)),
        "{reply}"
    );
    let reply = ask(
        &plugin,
        json!({"host": "localhost", "port": port.to_string(), "tls": true, "starttls": true}),
    );
    assert_eq!(error(&reply), ("config", ""));
}

#[test]
fn grants_and_arguments_are_checked_as_for_any_connection() {
    let port = saying("220 hi\r\n");
    let exact = format!("network:outbound:{port}");
    let request = json!({"host": "127.0.0.1", "port": port.to_string()});
    for (grants, expected) in [
        (vec![exact.as_str(), "network:outbound:loopback"], "none"),
        (vec![&exact], "ssrf_protection"),
        (
            vec!["network:outbound:25", "network:outbound:private"],
            "capability",
        ),
        (vec![], "capability"),
    ] {
        let reply = ask(&plugin("smtp_connect", &grants), request.clone());
        assert_eq!(error(&reply).0, expected, "{grants:?}: {reply}");
    }
    let free = free("smtp_connect");
    for (host, port, expected) in [
        ("", "25", "config"),
        ("127.0.0.1", "", "config"),
        ("127.0.0.1", "0", "capability"),
        ("127.0.0.1", "-1", "capability"),
        ("127.0.0.1", "65536", "capability"),
        ("127.0.0.1", "smtpx", "capability"),
    ] {
        let reply = ask(&free, json!({"host": host, "port": port}));
        assert_eq!(error(&reply).0, expected, "{host} {port}: {reply}");
    }
}
