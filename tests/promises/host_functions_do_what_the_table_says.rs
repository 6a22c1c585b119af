//! The examples of the table of host functions are real: a plugin that sends the example request
//! receives the example reply, and causes no other effects than the table names.

use crate::support::{Guest, text_at};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate::{
    Config, Plugin, Runtime,
    abi::{
        functions::{FUNCTIONS, Function},
        host::kinds,
    },
    world::Simulated,
};

fn world() -> Simulated {
    let address = json!(["93.184.215.14"]);
    let expired = json!({"kind": "tls", "code": "TLS_ERROR",
        "message": "TLS handshake with expired.example.com: the server's certificate has expired"});
    let world = json!({
        "variables": {"HOME": "/root"},
        "files": {
            "/etc/hostname": {"content": "web-1\n", "mode": "0644", "modified": "2026-01-02T03:04:05Z"},
            "/etc/ssl": {"directory": true},
            "/srv/key": {"content": {"base64": "AP8="}},
            "/srv/out": {"link": "/root/secret"},
            "/srv/loop": {"link": "loop"},
            "/root/secret": "secret",
            "/var/lib/agent": {"directory": true},
            "/var/lib/agent/old": "",
            "/bin/slow": {"content": "", "mode": "0755"},
        },
        "hosts": {"cache.example.com": address, "example.com": address, "mail.example.com": address,
            "expired.example.com": address, "internal.example.com": ["10.0.0.7"]},
        "answers": [
            {"when": {"exchange": {"host": "cache.example.com", "port": 6379, "send": "PING\r\n"}},
             "answer": {"exchanged": {"received": "+PONG\r\n", "truncated": false, "timed_out": false,
                "remote": "93.184.215.14:6379", "local": "192.0.2.10:50000", "connect_time": 12_000_000}}},
            {"when": {"exchange": {"host": "cache.example.com", "port": 6381}},
             "answer": {"exchanged": {"received": "", "connect_time": 200_000_000}}},
            {"when": {"tls": {"host": "example.com", "port": 443}},
             "answer": {"secured": {"remote": "93.184.215.14:443", "local": "192.0.2.10:50000", "took": 31_000_000,
                "session": {"version": "TLS 1.3", "cipher_suite": "TLS_AES_256_GCM_SHA384", "server_name": "example.com",
                    "subject": "CN=example.com", "issuer": "CN=Example CA", "not_after": "2027-01-01T00:00:00Z"}}}},
            {"when": {"tls": {"host": "expired.example.com"}}, "fail": expired},
            {"when": {"run": {"command": "/bin/uname", "args": ["-r"]}},
             "answer": {"ran": {"stdout": "6.12.0\n", "duration": 3_000_000}}},
            {"when": {"run": {"command": "/bin/slow"}},
             "answer": {"ran": {"stdout": "one of many lines\n", "duration": 100_000_000, "timed_out": true}}},
            {"when": {"http": {"method": "GET", "url": "https://example.com/health"}},
             "answer": {"fetched": {"status": 200, "protocol": "HTTP/1.1", "headers": [["content-type", "application/json"]],
                "body": "{\"ok\":true}"}}},
            {"when": {"http": {"url": "https://example.com/away"}},
             "answer": {"fetched": {"status": 302, "headers": [["location", "https://other.example.org/"]]}}},
            {"when": {"http": {"url": "https://example.com/slow"}},
             "answer": {"fetched": {"status": 200, "took": 200_000_000}}},
            {"when": {"http": {"url": "https://expired.example.com/"}}, "fail": expired},
            {"when": {"lookup": {"name": "example.com", "records": "mx"}},
             "answer": {"found": {"records": {"mail_servers": [[10, "mail.example.com."]]}}}},
            {"when": {"lookup": {"name": "example.com", "records": "txt"}},
             "answer": {"found": {"records": {"texts": []}}}},
            {"when": {"lookup": {"name": "slow.example.com"}},
             "answer": {"found": {"records": {"texts": []}, "took": 200_000_000}}},
            {"when": {"greet": {"host": "mail.example.com", "port": 25}},
             "answer": {"greeted": {"banner": "220 mail.example.com ESMTP", "took": 40_000_000}}},
            {"when": {"greet": {"host": "mail.example.com", "port": 27}},
             "answer": {"greeted": {"banner": "220 mail.example.com ESMTP", "took": 200_000_000}}},
            {"when": {"greet": {"host": "mail.example.com", "port": 80}},
             "fail": {"kind": "network", "code": "EPROTO", "message": "mail.example.com:80: the server did not send a greeting"}},
            {"when": {"greet": {"host": "expired.example.com"}}, "fail": expired},
            {"when": {"write_file": {"path": "/var/lib/agent/full"}},
             "fail": {"kind": "fs", "code": "ENOSPC", "message": "write /var/lib/agent/full: no space left on device"}},
        ],
    });
    Simulated::from_json(&world.to_string()).unwrap()
}

fn plugin(function: &Function) -> Plugin {
    let guest = match function.reply {
        Some(_) => Guest::relay(function.name),
        None => Guest {
            imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
            observe: format!(
                "(call $log (call $pack (local.get $config) (local.get $len))) {}",
                text_at(300, 2)
            ),
            ..Guest::default()
        },
    };
    runtime().load("example", guest.bytes()).unwrap()
}

/// The world and the grants of the examples.
pub fn runtime() -> Runtime {
    let mut builder = Runtime::builder().world(world);
    for grant in [
        "fs:read:/etc",
        "fs:read:/etc/**",
        "fs:read:/srv/**",
        "fs:write:/var/lib/agent/**",
        "env:HOME",
        "network:outbound:example.com:*",
        "network:outbound:*.example.com:*",
        "network:outbound:53",
        "exec:/bin/uname -r",
        "exec:/bin/slow",
        "exec:/bin/missing",
    ] {
        builder = builder.grant("example", grant.parse().unwrap());
    }
    builder.build().unwrap()
}

#[test]
fn every_example_is_a_call_with_this_reply_and_these_effects() {
    for function in FUNCTIONS {
        let name = function.name;
        let request: Value = serde_json::from_str(function.request_example).unwrap();
        let config = Config::try_from(request).unwrap();
        let recording = plugin(function)
            .observe_recorded(&config, Vec::new())
            .unwrap();
        let evidence = recording.outcome.unwrap().evidence;
        if function.reply.is_some() {
            let example: Value = serde_json::from_str(function.reply_example).unwrap();
            assert_eq!(Value::Object(evidence.data), example, "{name}");
        }
        let text = String::from_utf8(recording.sink).unwrap();
        let effects: BTreeSet<String> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter_map(|line| Some(line.get("effect")?.as_object()?.keys().next()?.clone()))
            .collect();
        let named: BTreeSet<String> = function
            .effects
            .iter()
            .map(|&effect| effect.into())
            .collect();
        assert!(
            effects.is_empty() == named.is_empty() && effects.is_subset(&named),
            "{name}: {effects:?}"
        );
    }
}

#[test]
fn every_error_example_is_a_call_with_this_reply() {
    let mut kinds = BTreeSet::new();
    let mut wrong = Vec::new();
    for function in FUNCTIONS {
        let plugin = plugin(function);
        for example in function.errors {
            let mut instance = plugin.instance().unwrap();
            let answer = instance.observe_bytes(example.request.as_bytes()).unwrap();
            let answer = String::from_utf8(answer).unwrap();
            let reply = answer.strip_prefix("{\"status\":true,\"data\":").unwrap();
            let reply = reply.strip_suffix('}').unwrap();
            let read: Value = serde_json::from_str(reply).unwrap();
            if let Some(kind) = read["error"]["type"].as_str() {
                kinds.insert(kind.to_owned());
            }
            if reply != example.reply || read["error"].is_null() {
                wrong.push(format!("{} {}\n{reply}", function.name, example.request));
            }
        }
    }
    assert!(wrong.is_empty(), "the host replies:\n{}", wrong.join("\n"));
    // A panic is the plugin's own error.
    let all = kinds::ALL.iter().map(|(kind, _)| (*kind).to_owned());
    let others: Vec<String> = all.filter(|kind| !kinds.contains(kind)).collect();
    assert_eq!(others, ["panic"]);
}

#[test]
fn a_port_is_a_string_or_a_number_in_every_function() {
    for function in FUNCTIONS {
        let name = function.name;
        let mut request: Value = serde_json::from_str(function.request_example).unwrap();
        let Some(text) = request["port"].as_str() else {
            continue;
        };
        let number: u16 = text.parse().unwrap();
        request["port"] = number.into();
        let config = Config::try_from(request.clone()).unwrap();
        let plugin = plugin(function);
        let data = plugin.observe(&config).unwrap().evidence.data;
        assert_eq!(data["connected"], true, "{name}: {data:?}");
        for port in [json!(65536), json!(-1), json!(1.5), json!(true)] {
            request["port"] = port.clone();
            let config = Config::try_from(request.clone()).unwrap();
            let data = plugin.observe(&config).unwrap().evidence.data;
            let message = data["error"]["message"].as_str().unwrap();
            assert!(
                message.contains("expected a port from 0 to 65535"),
                "{name}: {message}"
            );
        }
        for port in ["65536", "-1", "1.5", "080", "+80", "", "http"] {
            request["port"] = port.into();
            let config = Config::try_from(request.clone()).unwrap();
            let data = plugin.observe(&config).unwrap().evidence.data;
            assert!(
                data["error"]["message"].is_string(),
                "{name}: {port:?}: {data:?}"
            );
        }
    }
}
