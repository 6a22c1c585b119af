//! The Rust fixtures end to end: a real listener, a real variable, and the text of a denial.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};
use tollgate::{Config, Evidence, Runtime};

fn observe(name: &str, grants: &[&str], config: &Config) -> Evidence {
    let mut builder = Runtime::builder();
    for grant in grants {
        builder = builder.grant(name, grant.parse().unwrap());
    }
    let bytes = fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap();
    let plugin = builder.build().unwrap().load(name, &bytes).unwrap();
    plugin.observe(config).unwrap().evidence
}

/// Without the grant the evidence says which one is missing, and giving it helps.
fn missing(evidence: &Evidence) -> String {
    let error = evidence.error.as_ref().unwrap();
    assert!(!evidence.status);
    let (_, after) = error
        .message
        .split_once("the grant ")
        .unwrap_or_else(|| panic!("{error}"));
    after.strip_suffix(" would allow it").unwrap().to_owned()
}

#[test]
fn net_talks_to_a_listener_once_it_has_the_grants_that_a_denial_names() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut greeting = [0; 2];
            stream.read_exact(&mut greeting).unwrap();
            stream.write_all(b"you said ").unwrap();
            stream.write_all(&greeting).unwrap();
        }
    });
    let config = Config::new()
        .set("host", "127.0.0.1")
        .set("port", port)
        .set("send", "hi")
        .set("receive", 99);
    let denied = observe("net", &[], &config);
    let message = denied.error.unwrap().message;
    let (_, named) = message.split_once("the grants ").unwrap();
    let (named, _) = named.split_once(" together").unwrap();
    let grants: Vec<&str> = named.split(" and ").collect();
    let evidence = observe("net", &grants, &config);
    assert!(evidence.status, "{evidence:?}");
    assert_eq!(evidence.data["received"], "you said hi");
    assert_eq!(
        grants,
        [
            format!("network:outbound:127.0.0.1:{port}").as_str(),
            "network:outbound:loopback"
        ]
    );
}

#[test]
fn env_reads_a_variable() {
    let config = Config::new().set("name", "CARGO_PKG_NAME");
    let grant = missing(&observe("env", &[], &config));
    assert_eq!(grant, "env:CARGO_PKG_NAME");
    assert_eq!(observe("env", &[&grant], &config).data["value"], "tollgate");
}

#[test]
fn file_reads_a_file() {
    let path = fs::canonicalize("Cargo.toml")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let config = Config::new()
        .set("path", path.clone())
        .set("read_content", true);
    let grant = missing(&observe("file", &[], &config));
    assert_eq!(grant, format!("fs:read:{path}"));
    let evidence = observe("file", &[&grant], &config);
    let content = tollgate::abi::base64::decode(evidence.data["content_b64"].as_str().unwrap());
    assert_eq!(content.unwrap(), fs::read("Cargo.toml").unwrap());
}
