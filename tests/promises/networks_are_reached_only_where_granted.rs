//! Connections reach only granted hosts and ports, at addresses that were checked, and each failure has
//! its own code. The listeners are real, on loopback.

use crate::support;

use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};
use support::{Guest, ask, kind};
use tollgate::{Plugin, Runtime};

fn plugin(function: &str, grants: &[&str]) -> Plugin {
    let mut builder = Runtime::builder();
    for grant in grants {
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    Guest::relay(function).load_in(&builder.build().unwrap())
}

/// A server that treats each connection the same way; its port.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

/// A server that answers with what it got, upper case, once the other side has sent five bytes.
fn shouting() -> u16 {
    server(|mut stream| {
        let mut word = [0; 5];
        if stream.read_exact(&mut word).is_ok() {
            let _ = stream.write_all(&word.to_ascii_uppercase());
        }
    })
}

/// A port that nothing listens on.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn code(reply: &Value) -> &str {
    reply["error"]["code"].as_str().unwrap_or("none")
}

#[test]
fn bytes_are_sent_and_received() {
    let port = shouting();
    let grants = [
        &format!("network:outbound:{port}"),
        "network:outbound:loopback",
    ];
    let plugin = plugin("net_connect", &grants);
    let request = json!({"host": "127.0.0.1", "port": port, "send": "hello", "encoding": "utf-8", "receive": 100});
    let reply = ask(&plugin, request);
    assert_eq!(
        (&reply["connected"], &reply["received"]),
        (&json!(true), &json!("HELLO")),
        "{reply}"
    );
    assert_eq!(reply["remote_addr"], format!("127.0.0.1:{port}"));
    assert!(reply.get("truncated").is_none() && reply.get("is_timeout").is_none());
    // By default bytes are base64, and a limit cuts.
    let request = json!({"host": "127.0.0.1", "port": port, "send": "aGVsbG8=", "receive": 2});
    let reply = ask(&plugin, request);
    assert_eq!(
        (&reply["received"], &reply["truncated"]),
        (&json!("SEU="), &json!(true))
    );
}

#[test]
fn a_name_is_resolved_and_its_addresses_are_judged() {
    let port = shouting();
    for (grants, expected) in [
        (
            vec![
                format!("network:outbound:localhost:{port}"),
                "network:outbound:loopback".into(),
            ],
            "none",
        ),
        (
            vec![
                format!("network:outbound:{port}"),
                "network:outbound:private".into(),
            ],
            "none",
        ),
        (vec![format!("network:outbound:{port}")], "ssrf_protection"),
        (vec!["network:outbound:*".into()], "ssrf_protection"),
        (
            vec![
                format!("network:outbound:{port}"),
                "network:outbound:metadata".into(),
            ],
            "ssrf_protection",
        ),
        (
            vec![
                format!("network:outbound:example.com:{port}"),
                "network:outbound:loopback".into(),
            ],
            "capability",
        ),
        (
            vec![
                "network:outbound:1".into(),
                "network:outbound:loopback".into(),
            ],
            "capability",
        ),
        (vec![], "capability"),
    ] {
        let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
        for (function, port) in [
            ("net_connect", json!(port)),
            ("tcp_connect", json!(port.to_string())),
        ] {
            let reply = ask(
                &plugin(function, &grants),
                json!({"host": "localhost", "port": port}),
            );
            assert_eq!(kind(&reply), expected, "{function} {grants:?}: {reply}");
            assert_eq!(reply["connected"], expected == "none");
        }
    }
}

#[test]
fn a_denial_names_the_grant() {
    let message = |grants: &[&str]| {
        let reply = ask(
            &plugin("net_connect", grants),
            json!({"host": "127.0.0.1", "port": 81}),
        );
        reply["error"]["message"].as_str().unwrap().to_owned()
    };
    let both =
        "the grants network:outbound:127.0.0.1:81 and network:outbound:loopback together would";
    assert!(message(&[]).contains(both));
    let private = message(&["network:outbound:81"]);
    assert!(private.contains("SSRF protection"), "{private}");
    assert!(
        private.contains(
            "the grants network:outbound:loopback and network:outbound:127.0.0.1:81 together would"
        ),
        "{private}"
    );
}

#[test]
fn forbidden_addresses_stay_forbidden_in_every_spelling() {
    let port = shouting();
    let any = plugin(
        "net_connect",
        &["network:outbound:*", "network:outbound:loopback"],
    );
    for host in [
        "0.0.0.0",
        "[::]",
        "::",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "10.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "2002:7f00:1::",
        "64:ff9b::a00:1",
    ] {
        let reply = ask(&any, json!({"host": host, "port": port, "timeout_ms": 500}));
        assert_eq!(kind(&reply), "ssrf_protection", "{host}: {reply}");
    }
    // Texts that resolvers disagree on are refused before anything is resolved.
    for host in [
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "fe80::1%lo",
        "a b",
        "a\u{0}b",
    ] {
        let reply = ask(&any, json!({"host": host, "port": port}));
        assert!(
            ["config", "capability"].contains(&kind(&reply)),
            "{host}: {reply}"
        );
        assert_eq!(reply["connected"], false);
    }
}

#[test]
fn private_networks_have_a_word_of_their_own() {
    let any = plugin(
        "net_connect",
        &["network:outbound:*", "network:outbound:private"],
    );
    for host in ["169.254.169.254", "0.0.0.0", "224.0.0.1"] {
        assert_eq!(
            kind(&ask(&any, json!({"host": host, "port": 80}))),
            "ssrf_protection",
            "{host}"
        );
    }
}

#[test]
fn the_tcp_connect_of_existing_plugins() {
    let port = shouting().to_string();
    let plugin = plugin(
        "tcp_connect",
        &["network:outbound:*", "network:outbound:private"],
    );
    let reply = ask(
        &plugin,
        json!({"host": "127.0.0.1", "port": port, "timeout_ms": 5000, "tls": false}),
    );
    assert_eq!(reply["connected"], true, "{reply}");
    assert_eq!(reply["address"], format!("127.0.0.1:{port}"));
    assert_eq!(reply["remote_addr"], reply["address"]);
    // A port may be a number, too.
    let number: u16 = port.parse().unwrap();
    let same = ask(&plugin, json!({"host": "127.0.0.1", "port": number}));
    assert_eq!(same["address"], reply["address"], "{same}");
    for (request, expected, part) in [
        (
            json!({"host": "", "port": "80"}),
            "config",
            "host cannot be empty",
        ),
        (
            json!({"host": "127.0.0.1", "port": ""}),
            "config",
            "port cannot be empty",
        ),
        (
            json!({"host": "127.0.0.1", "port": "0"}),
            "capability",
            "network:outbound:0",
        ),
        (
            json!({"host": "127.0.0.1", "port": "65536"}),
            "capability",
            "network:outbound:65536",
        ),
        (
            json!({"host": "127.0.0.1", "port": "httpx"}),
            "capability",
            "network:outbound:httpx",
        ),
        (
            json!({"host": "127.0.0.1", "port": true}),
            "internal",
            "failed to unmarshal",
        ),
    ] {
        let reply = ask(&plugin, request.clone());
        assert_eq!(kind(&reply), expected, "{request}: {reply}");
        assert!(
            reply["error"]["message"].as_str().unwrap().contains(part),
            "{reply}"
        );
    }
    // With nothing granted, the grant is what is spoken of first.
    let without = self::plugin("tcp_connect", &[]);
    for request in [
        json!({"host": "", "port": "80"}),
        json!({"host": "x", "port": ""}),
    ] {
        assert_eq!(kind(&ask(&without, request)), "capability");
    }
}

#[test]
fn each_failure_has_its_code() {
    let refused = closed_port();
    let silent = server(|stream| {
        // Held open until the other side goes.
        let mut stream = stream;
        let _ = stream.read(&mut [0; 64]);
    });
    let any = plugin(
        "net_connect",
        &["network:outbound:*", "network:outbound:loopback"],
    );
    let reply = ask(&any, json!({"host": "127.0.0.1", "port": refused}));
    assert_eq!(
        (kind(&reply), code(&reply)),
        ("network", "ECONNREFUSED"),
        "{reply}"
    );
    let reply = ask(
        &any,
        json!({"host": "127.0.0.1", "port": silent, "receive": 1, "timeout_ms": 100}),
    );
    assert_eq!(
        (kind(&reply), code(&reply)),
        ("timeout", "ETIMEDOUT"),
        "{reply}"
    );
    assert_eq!(reply["error"]["is_timeout"], true);
    let reply = ask(&any, json!({"host": "no-such-name.invalid", "port": 80}));
    assert_eq!(
        (kind(&reply), code(&reply)),
        ("network", "NXDOMAIN"),
        "{reply}"
    );
    assert_eq!(reply["error"]["is_not_found"], true);
    for context in [
        json!({"timeout_ms": 100}),
        json!({"deadline": "2020-01-01T00:00:00Z"}),
    ] {
        let request =
            json!({"host": "127.0.0.1", "port": silent, "receive": 1, "context": context});
        assert_eq!(kind(&ask(&any, request)), "timeout", "{context}");
    }
}

#[test]
fn what_came_before_the_time_was_up_is_told() {
    let port = server(|mut stream| {
        let _ = stream.write_all(b"half");
        let _ = stream.read(&mut [0; 64]);
    });
    let any = plugin(
        "net_connect",
        &["network:outbound:*", "network:outbound:loopback"],
    );
    let request = json!({"host": "127.0.0.1", "port": port, "receive": 100, "timeout_ms": 200, "encoding": "utf-8"});
    let reply = ask(&any, request);
    assert_eq!(
        (&reply["received"], &reply["is_timeout"]),
        (&json!("half"), &json!(true)),
        "{reply}"
    );
}

#[test]
fn the_deadline_of_the_call_holds_inside_an_effect() {
    let silent = server(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
    });
    let limit = std::time::Duration::from_millis(100);
    let mut builder = Runtime::builder().deadline(limit);
    for grant in ["network:outbound:*", "network:outbound:loopback"] {
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    let plugin = Guest::relay("net_connect").load_in(&builder.build().unwrap());
    let config = tollgate::Config::new()
        .set("host", "127.0.0.1")
        .set("port", silent)
        .set("receive", 1);
    let error = plugin.observe(&config).unwrap_err();
    assert!(
        matches!(
            error,
            tollgate::Error::Fault {
                fault: tollgate::Fault::Deadline { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn n5_resolving_a_name_is_under_the_requests_own_deadline() {
    let port = shouting();
    let any = plugin(
        "net_connect",
        &["network:outbound:*", "network:outbound:loopback"],
    );
    for context in [
        json!({"deadline": "2020-01-01T00:00:00Z"}),
        json!({"Canceled": true}),
    ] {
        // A host that ignored the context would resolve this name and connect.
        let request = json!({"host": "localhost", "port": port, "context": context});
        let reply = ask(&any, request);
        assert_eq!(
            (kind(&reply), &reply["connected"]),
            ("timeout", &json!(false)),
            "{context}"
        );
    }
}

#[test]
fn n8_a_silent_server_does_not_outlast_the_timeout() {
    let silent = server(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
    });
    let any = plugin(
        "net_connect",
        &["network:outbound:*", "network:outbound:loopback"],
    );
    for limit in [
        json!({"timeout_ms": 50}),
        json!({"context": {"timeout_ms": 50}}),
    ] {
        let mut request = json!({"host": "127.0.0.1", "port": silent, "receive": 1});
        for (key, value) in limit.as_object().unwrap() {
            request[key] = value.clone();
        }
        // Without the limit this would wait for the default of 30 seconds.
        let started = std::time::Instant::now();
        assert_eq!(kind(&ask(&any, request)), "timeout", "{limit}");
        assert!(
            started.elapsed() < std::time::Duration::from_secs(15),
            "{limit}"
        );
    }
}

#[test]
fn n12_every_address_of_a_name_is_tried() {
    use std::net::{SocketAddr, ToSocketAddrs as _};
    let addresses: Vec<SocketAddr> = ("localhost", 0).to_socket_addrs().unwrap().collect();
    // Whichever address comes last is the one that answers.
    let last = addresses.last().copied().unwrap();
    let listener = TcpListener::bind(last).unwrap();
    let port = listener.local_addr().unwrap().port();
    let any = plugin(
        "net_connect",
        &["network:outbound:*", "network:outbound:loopback"],
    );
    let reply = ask(&any, json!({"host": "localhost", "port": port}));
    assert_eq!(reply["connected"], true, "{addresses:?}: {reply}");
    assert_eq!(
        reply["remote_addr"],
        SocketAddr::new(last.ip(), port).to_string()
    );
}

/// A peer that takes a little now and then must not win more time with every byte.
#[test]
fn sending_ends_when_the_time_is_up() {
    let slow = server(|mut stream| {
        let mut piece = vec![0; 256 << 10];
        for _ in 0..40 {
            std::thread::sleep(std::time::Duration::from_millis(150));
            if stream.read(&mut piece).is_err() {
                return;
            }
        }
    });
    let limits = tollgate::Limits {
        request_bytes: 64 << 20,
        ..tollgate::Limits::default()
    };
    let mut builder = Runtime::builder().limits(limits);
    for grant in ["network:outbound:*", "network:outbound:loopback"] {
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    let mut guest = Guest::relay("net_connect");
    guest.memory = "(memory (export \"memory\") 1024)";
    let plugin = guest.load_in(&builder.build().unwrap());
    let reply = ask(
        &plugin,
        json!({"host": "127.0.0.1", "port": slow, "timeout_ms": 300, "encoding": "utf-8",
            "send": "x".repeat(16 << 20)}),
    );
    assert_eq!(code(&reply), "ETIMEDOUT", "{reply}");
}
