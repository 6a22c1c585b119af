//! `http_request`: every framing of a body, gzip, the size limit, malformed responses and slow servers.
//! The servers are real, on loopback.

#![cfg(feature = "net")]

use crate::{capability_rows as case_files, loopback, support};

use case_files::rows;
use flate2::{Compression, write::GzEncoder};
use loopback::{always, body, closed_port, error, free, get, hangs_on, in_time, server, silent};
use serde_json::json;
use std::{io::Write as _, time::Duration};
use support::ask;
use tollgate::abi::base64;

/// Long enough for a slow machine, short of every default.
const SOON: Duration = Duration::from_secs(10);

/// How long a slow server waits before it says more.
const PACE: Duration = Duration::from_millis(10);

#[test]
fn bodies_come_in_every_framing() {
    for answer in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\ntrailer: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello more",
    ] {
        let (port, _) = always(answer);
        let reply = get(port);
        assert_eq!(body(&reply), "hello", "{answer}: {reply}");
    }
}

#[test]
fn broken_answers_are_errors_of_the_network() {
    for (answer, code) in [
        ("", "ECONNRESET"),
        ("HTTP/1.1 200 OK\r\ncontent-le", "ECONNRESET"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello",
            "ECONNRESET",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
            "ECONNRESET",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
            "EPROTO",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: nine\r\n\r\nhello",
            "EPROTO",
        ),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n\r\n", "EPROTO"),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\nnot a gzip file",
            "EPROTO",
        ),
    ] {
        let (port, _) = always(answer);
        let reply = get(port);
        assert_eq!(error(&reply), ("network", code), "{answer:?}: {reply}");
    }
    let (port, _) = always(format!(
        "HTTP/1.1 200 OK\r\nx: {}\r\n\r\n",
        "y".repeat(200_000)
    ));
    assert_eq!(error(&get(port)).0, "network");
    assert_eq!(error(&get(closed_port())), ("network", "ECONNREFUSED"));
}

/// An answer with a body of so many bytes.
fn sized(bytes: usize) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + bytes, b'x');
    answer
}

#[test]
fn ten_mebibytes_come_back_and_a_byte_more_is_cut() {
    let mut sizes: Vec<(usize, bool)> = Vec::new();
    for row in rows("body-cap") {
        assert_eq!(row["limit"], 10_485_760);
        let bytes = row["body_bytes"].as_u64().unwrap().try_into().unwrap();
        sizes.push((bytes, row["expect"]["truncated"].as_bool().unwrap()));
    }
    sizes.push((10_485_761, true));
    for (bytes, truncated) in sizes {
        let (port, _) = always(sized(bytes));
        let reply = get(port);
        let kept = bytes.min(10_485_760);
        assert_eq!(
            reply["body"].as_str().unwrap().len(),
            kept.div_ceil(3) * 4,
            "{bytes}"
        );
        assert_eq!(
            reply["body_truncated"].as_bool().unwrap_or(false),
            truncated,
            "{bytes}"
        );
    }
}

#[test]
fn gzip_is_undone_and_a_bomb_is_cut_at_the_cap() {
    let zip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let answer = |zipped: &[u8]| {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            zipped.len()
        )
        .into_bytes();
        answer.extend_from_slice(zipped);
        answer
    };
    let zipped = zip(b"hello");
    let (port, _) = always(answer(&zipped));
    let reply = get(port);
    assert_eq!(
        reply,
        json!({"status_code": 200, "proto": "HTTP/1.1", "body": "aGVsbG8="})
    );
    // Who asks for an encoding gets it as it is.
    let request = json!({"url": format!("http://127.0.0.1:{port}/"), "headers": {"Accept-Encoding": ["gzip"]}});
    let reply = ask(&free("http_request"), request);
    assert_eq!(reply["body"], base64::encode(&zipped));
    assert_eq!(reply["headers"]["Content-Encoding"], json!(["gzip"]));
    // A hundred megabytes in a hundred kilobytes.
    let (port, _) = always(answer(&zip(&vec![0; 100 << 20])));
    let reply = get(port);
    assert_eq!(reply["body_truncated"], true);
    assert_eq!(reply["body"].as_str().unwrap().len(), 13_981_016);
}

#[test]
fn one_deadline_holds_for_everything() {
    let drip = || {
        server(|mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
            while hangs_on(&mut stream, PACE) && stream.write_all(b"x").is_ok() {}
        })
    };
    let drip_head = || {
        server(
            |mut stream| {
                while hangs_on(&mut stream, PACE) && stream.write_all(b"H").is_ok() {}
            },
        )
    };
    let onward = server(|mut stream| {
        if hangs_on(&mut stream, PACE * 6) {
            let _ = stream.write_all(b"HTTP/1.1 302 On\r\nlocation: /\r\n\r\n");
        }
    });
    for port in [server(silent), drip(), onward] {
        for limit in [
            json!({"timeout_ms": 300}),
            json!({"context": {"timeout_ms": 300}}),
        ] {
            let mut request = limit;
            request["url"] = json!(format!("http://127.0.0.1:{port}/"));
            let reply = in_time(SOON, || ask(&free("http_request"), request));
            assert_eq!(error(&reply), ("timeout", "ETIMEDOUT"), "{reply}");
            assert_eq!(reply["error"]["is_timeout"], true);
        }
    }
    // One that never gets to the end of a line is cut by size or by time.
    let request = json!({"url": format!("http://127.0.0.1:{}/", drip_head()), "timeout_ms": 300});
    let reply = in_time(SOON, || ask(&free("http_request"), request));
    assert!(matches!(error(&reply).0, "timeout" | "network"), "{reply}");
}
