//! What plugins of Reglet see is what they saw there, in the real and in the simulated world: names
//! without records, ports by name, negative time limits, redirects, times before 1970.

use crate::{loopback, support};

use loopback::{error, free, plugin_in, server};
use serde_json::{Value, json};
use support::{Guest, ask};
use tollgate::{
    Plugin, Runtime,
    abi::rfc3339::{self, Moment},
    world::Simulated,
};

const EVERYWHERE: [&str; 2] = ["network:outbound:*", "network:outbound:loopback"];

fn simulated(world: &Simulated, function: &str) -> Plugin {
    let world = world.clone();
    let builder = Runtime::builder().world(move || world.clone());
    plugin_in(builder, function, &EVERYWHERE)
}

/// Names with records of some types: what Go's resolver reports as not found is not found.
#[cfg(feature = "net")]
#[test]
fn a_name_without_records_of_the_type_is_not_found() {
    use crate::nameserver::{Way, bytes, nameserver, reply};
    use simple_dns::rdata::{A, AAAA, CNAME, RData, TXT};
    use simple_dns::{Name, Packet};

    let (server, _) = nameserver(|query, _: Way| {
        let asked = Packet::parse(query).unwrap().questions[0].qname.to_string();
        let records = match asked.as_str() {
            "four.e.com" => vec![("four.e.com", RData::A(A { address: 1 }))],
            "six.e.com" => vec![("six.e.com", RData::AAAA(AAAA { address: 1 }))],
            "alias.e.com" => vec![(
                "alias.e.com",
                RData::CNAME(CNAME(Name::new_unchecked("gone.e.com"))),
            )],
            "text.e.com" => vec![(
                "text.e.com",
                RData::TXT(TXT::new().with_string("x").unwrap()),
            )],
            _ => vec![],
        };
        vec![bytes(&reply(query, &records))]
    });
    let world = Simulated::from_json(
        r#"{"hosts": {"four.e.com": ["0.0.0.1"], "six.e.com": ["::1"], "text.e.com": []}, "answers": [
            {"when": {"lookup": {"name": "text.e.com", "records": "txt"}},
             "answer": {"found": {"records": {"texts": ["x"]}}}},
            {"when": {"lookup": {"name": "text.e.com", "records": "mx"}},
             "answer": {"found": {"records": {"mail_servers": []}}}},
            {"when": {"lookup": {"name": "alias.e.com", "records": "cname"}},
             "answer": {"found": {"records": {"texts": ["gone.e.com."]}}}}]}"#,
    )
    .unwrap();
    let simulated = simulated(&world, "dns_lookup");
    for (name, kind, records) in [
        ("four", "A", Some(json!(["0.0.0.1"]))),
        ("four", "AAAA", Some(json!(null))),
        ("four", "CNAME", Some(json!(["four.e.com."]))),
        ("four", "MX", None),
        ("four", "TXT", None),
        ("four", "NS", None),
        ("six", "A", Some(json!(null))),
        ("six", "AAAA", Some(json!(["::1"]))),
        ("six", "", Some(json!(["::1"]))),
        ("six", "CNAME", Some(json!(["six.e.com."]))),
        ("alias", "CNAME", Some(json!(["gone.e.com."]))),
        ("text", "TXT", Some(json!(["x"]))),
        ("text", "MX", None),
        ("text", "A", None),
        ("text", "AAAA", None),
        ("text", "", None),
        ("text", "CNAME", None),
        ("nothing", "TXT", None),
    ] {
        let hostname = format!("{name}.e.com");
        let request = json!({"hostname": hostname, "type": kind});
        let mut asked = request.clone();
        asked["nameserver"] = json!(server);
        for (world, reply) in [
            ("real", ask(&free("dns_lookup"), asked)),
            ("simulated", ask(&simulated, request)),
        ] {
            let what = format!("{hostname} {kind}, {world}: {reply}");
            match &records {
                Some(records) => assert_eq!(
                    (error(&reply).0, &reply["records"]),
                    ("none", records),
                    "{what}"
                ),
                None => {
                    assert_eq!(error(&reply).0, "network", "{what}");
                    assert_eq!(reply["error"]["is_not_found"], true, "{what}");
                    let message = reply["error"]["message"].as_str().unwrap();
                    assert!(message.contains("no such host"), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_port_may_be_the_name_of_a_service() {
    let world = Simulated::from_json(
        r#"{"hosts": {"e.com": ["93.184.215.14"]}, "answers": [
            {"when": {"exchange": {"port": 80}}, "answer": {"exchanged": {}}},
            {"when": {"exchange": {"port": 22}}, "answer": {"exchanged": {}}},
            {"when": {"greet": {"port": 25}}, "answer": {"greeted": {"banner": "220 hi"}}}]}"#,
    )
    .unwrap();
    let connect = |function: &str, port: &str| {
        ask(
            &simulated(&world, function),
            json!({"host": "e.com", "port": port}),
        )
    };
    for (function, port, number) in [
        ("tcp_connect", "http", 80),
        ("tcp_connect", "SSH", 22),
        ("net_connect", "http", 80),
    ] {
        let reply = connect(function, port);
        let remote = format!("93.184.215.14:{number}");
        assert_eq!(reply["remote_addr"], remote, "{function} {port}: {reply}");
    }
    assert_eq!(connect("tcp_connect", "http")["address"], "e.com:http");
    assert_eq!(connect("smtp_connect", "smtp")["banner"], "220 hi");
    assert_eq!(error(&connect("tcp_connect", "htpp")).0, "capability");
    // The grant is that of the port.
    for (grant, kind) in [("80", "ssrf_protection"), ("81", "capability")] {
        let grants = [format!("network:outbound:{grant}")];
        let plugin = loopback::plugin("tcp_connect", &[&grants[0]]);
        let reply = ask(&plugin, json!({"host": "127.0.0.1", "port": "http"}));
        assert_eq!(error(&reply).0, kind, "{reply}");
    }
}

#[test]
fn a_negative_time_is_no_limit() {
    let port = server(|_| {});
    let context = json!({"timeout_ms": -1});
    for function in ["tcp_connect", "net_connect"] {
        let request =
            json!({"host": "127.0.0.1", "port": port, "timeout_ms": -5, "context": context});
        let reply = ask(&free(function), request);
        assert_eq!(reply["connected"], true, "{reply}");
    }
    let world = Simulated::from_json(
        r#"{"hosts": {"e.com": ["93.184.215.14"]},
            "answers": [{"when": {"exchange": {}}, "answer": {"exchanged": {}}}]}"#,
    )
    .unwrap();
    let request = json!({"host": "e.com", "port": "80", "timeout_ms": -5, "context": context});
    let reply = ask(&simulated(&world, "tcp_connect"), request);
    assert_eq!(reply["connected"], true, "{reply}");
}

/// Go's client makes ten requests, and reports the tenth redirect instead of following it.
#[cfg(feature = "net")]
#[test]
fn the_tenth_redirect_is_not_followed() {
    let (port, _) = loopback::http(|request, stream| {
        let step: u32 = request.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        let _ = match step {
            0 => write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            step => write!(stream, "HTTP/1.1 302 On\r\nlocation: /{}\r\n\r\n", step - 1),
        };
    });
    let mut world = Simulated::new().host("e.com", ["93.184.215.14".parse().unwrap()]);
    for step in 0..=10_u32 {
        let answer = match step.checked_sub(1) {
            None => json!({"status": 200, "protocol": "HTTP/1.1"}),
            Some(next) => {
                json!({"status": 302, "protocol": "HTTP/1.1", "headers": [["location", format!("/{next}")]]})
            }
        };
        let answer = serde_json::from_value(json!({"fetched": answer})).unwrap();
        let when = json!({"http": {"url": format!("http://e.com/{step}")}});
        world = world.answer(when, Ok(answer)).unwrap();
    }
    let simulated = simulated(&world, "http_request");
    for (steps, expected) in [(9, "none"), (10, "network")] {
        for (plugin, host) in [
            (&free("http_request"), format!("127.0.0.1:{port}")),
            (&simulated, "e.com".to_owned()),
        ] {
            let reply = ask(plugin, json!({"url": format!("http://{host}/{steps}")}));
            assert_eq!(error(&reply).0, expected, "{host}: {reply}");
        }
    }
}

/// Reads the modification time by WASI, as Go's `os.Stat` does.
fn modified(builder: tollgate::RuntimeBuilder, path: &str) -> i64 {
    let guest = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"path_filestat_get\"
            (func $stat (param i32 i32 i32 i32 i32) (result i32)))",
        observe: format!(
            "(local $time i64) (local $at i32)
             (if (call $stat (i32.const 3) (i32.const 1) (i32.const 2048) (i32.const {}) (i32.const 1024))
                 (then unreachable))
             (local.set $time (i64.load (i32.const 1072)))
             (local.set $at (i32.const 1523))
             (loop $digits
                 (i32.store8 (local.get $at) (i32.add (i32.const 97)
                     (i32.wrap_i64 (i64.and (local.get $time) (i64.const 15)))))
                 (local.set $time (i64.shr_u (local.get $time) (i64.const 4)))
                 (local.set $at (i32.sub (local.get $at) (i32.const 1)))
                 (br_if $digits (i32.gt_u (local.get $at) (i32.const 1507))))
             {}",
            path.len() - 1,
            support::text_at(1480, 47),
        ),
        more: format!(
            "{} {}",
            support::data(1480, br#"{"status":true,"data":{"t":"0123456789abcdef"}}"#),
            support::data(2048, &path[1..]),
        ),
        ..Guest::default()
    };
    let runtime = builder
        .grant("odd", "fs:read:/**".parse().unwrap())
        .build()
        .unwrap();
    let seen = guest
        .load_in(&runtime)
        .observe(&tollgate::Config::new())
        .unwrap();
    let Value::String(text) = &seen.evidence.data["t"] else {
        panic!("{seen:?}");
    };
    let digits = text.bytes().map(|byte| u64::from(byte - b'a'));
    digits.fold(0, |all, digit| all << 4 | digit).cast_signed()
}

#[cfg(unix)]
#[test]
fn times_before_1970_are_what_they_are() {
    use std::{
        fs::File,
        time::{Duration, SystemTime},
    };
    let place = tempfile::NamedTempFile::new().unwrap();
    let path = place.path().canonicalize().unwrap();
    let before = SystemTime::UNIX_EPOCH - Duration::from_millis(86_400_500);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(before)
        .unwrap();
    let path = path.to_str().unwrap();
    let expected = -86_400_500_000_000;
    assert_eq!(modified(Runtime::builder(), path), expected);
    let moment = Moment {
        seconds: -86_401,
        nanos: 500_000_000,
    };
    let world = Simulated::new().file(path, "").modified(path, moment);
    assert_eq!(
        modified(Runtime::builder().world(move || world.clone()), path),
        expected
    );
    assert_eq!(rfc3339::format(moment), "1969-12-30T23:59:59.5Z");
}
