//! The examples of the table of host functions are real: a plugin that sends the example request
//! receives the example reply, and causes no other effects than the table names.

use crate::support::{Guest, text_at};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate::{
    Config, Plugin, Runtime,
    abi::functions::{FUNCTIONS, Function},
    world::Simulated,
};

fn world() -> Simulated {
    let world = json!({
        "variables": {"HOME": "/root"},
        "files": {
            "/etc/hostname": {"content": "web-1\n", "mode": "0644", "modified": "2026-01-02T03:04:05Z"},
            "/etc/ssl": {"directory": true},
            "/var/lib/agent": {"directory": true},
        },
        "hosts": {"cache.example.com": ["93.184.215.14"], "example.com": ["93.184.215.14"], "mail.example.com": ["93.184.215.14"]},
        "answers": [
            {"when": {"exchange": {"host": "cache.example.com", "port": 6379, "send": "PING\r\n"}},
             "answer": {"exchanged": {"received": "+PONG\r\n", "truncated": false, "timed_out": false,
                "remote": "93.184.215.14:6379", "local": "192.0.2.10:50000", "connect_time": 12_000_000}}},
            {"when": {"tls": {"host": "example.com", "port": 443}},
             "answer": {"secured": {"remote": "93.184.215.14:443", "local": "192.0.2.10:50000", "took": 31_000_000,
                "session": {"version": "TLS 1.3", "cipher_suite": "TLS_AES_256_GCM_SHA384", "server_name": "example.com",
                    "subject": "CN=example.com", "issuer": "CN=Example CA", "not_after": "2027-01-01T00:00:00Z"}}}},
            {"when": {"run": {"command": "/bin/uname", "args": ["-r"]}},
             "answer": {"ran": {"stdout": "6.12.0\n", "duration": 3_000_000}}},
            {"when": {"http": {"method": "GET", "url": "https://example.com/health"}},
             "answer": {"fetched": {"status": 200, "protocol": "HTTP/1.1", "headers": [["content-type", "application/json"]],
                "body": "{\"ok\":true}"}}},
            {"when": {"lookup": {"name": "example.com"}},
             "answer": {"found": {"records": {"mail_servers": [[10, "mail.example.com."]]}}}},
            {"when": {"greet": {"host": "mail.example.com", "port": 25}},
             "answer": {"greeted": {"banner": "220 mail.example.com ESMTP", "took": 40_000_000}}},
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
    let mut builder = Runtime::builder().world(world);
    for grant in [
        "fs:read:/**",
        "fs:write:/**",
        "env:*",
        "network:outbound:*",
        "exec:/bin/uname -r",
    ] {
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    guest.load_in(&builder.build().unwrap())
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
            !effects.is_empty() && effects.is_subset(&named),
            "{name}: {effects:?}"
        );
    }
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
