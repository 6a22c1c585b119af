//! A plugin that abandons look-ups at a silent name server does not keep other plugins from looking up
//! names. The server is on loopback; a mount namespace makes it this machine's own, which needs root.
#![cfg(all(target_os = "linux", feature = "net"))]

use crate::support;

use serde_json::{Value, json};
use std::{fs, net::UdpSocket, process::Command};
use support::{Guest, ask};
use tollgate::Runtime;

/// Where the silent server is.
const SERVER: &str = "127.77.0.53";

#[test]
fn lookups_left_behind_by_one_plugin_keep_no_other_from_asking() {
    if support::needs::needs("root").is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("resolv.conf");
    fs::write(
        &config,
        format!("nameserver {SERVER}\noptions timeout:30\n"),
    )
    .unwrap();
    let again = support::again(module_path!(), "the_task");
    let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", script])
        .arg(config)
        .arg(again.get_program())
        .args(again.get_args())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{errors}"
    );
}

#[test]
#[ignore = "run by the test above, in a namespace of its own"]
fn the_task() {
    let _silent = UdpSocket::bind((SERVER, 53)).unwrap();
    let mut builder = Runtime::builder();
    for name in ["greedy", "other"] {
        builder = builder.grant(name, "network:outbound:*".parse().unwrap());
    }
    let runtime = builder.build().unwrap();
    let wasm = Guest::relay("dns_lookup").bytes();
    let [greedy, other] = ["greedy", "other"].map(|name| runtime.load(name, &wasm).unwrap());
    let code = |reply: &Value| reply["error"]["code"].as_str().unwrap_or("none").to_owned();
    let soon = json!({"hostname": "silent.example", "type": "A", "timeout_ms": 1});
    let codes: Vec<String> = (0..64).map(|_| code(&ask(&greedy, soon.clone()))).collect();
    assert!(
        codes
            .iter()
            .all(|code| ["ETIMEDOUT", "EAGAIN"].contains(&code.as_str())),
        "{codes:?}"
    );
    let refused = ask(&greedy, soon);
    assert_eq!(code(&refused), "EAGAIN", "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("too many lookups of this plugin"),
        "{message}"
    );
    // The other one asks for what the machine itself knows.
    for _ in 0..16 {
        let reply = ask(&other, json!({"hostname": "localhost", "type": "A"}));
        assert_eq!(reply, json!({"records": ["127.0.0.1"]}));
    }
}
