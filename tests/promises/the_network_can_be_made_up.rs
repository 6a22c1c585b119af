//! An embedder's world replaces the network, in any build: it receives typed effects with the limits in
//! force, and the gate checks each hop and address whatever the world.

use crate::{capability_rows as case_files, loopback, support};

use case_files::rows;
use loopback::{error, plugin_in};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use support::ask;
use tollgate::{
    Plugin, Runtime,
    abi::rfc3339,
    effect::{
        Answer, DnsRecords, Effect, HttpResponse, Nameserver, RecordType, Records, Refusal,
        Security, SmtpInfo, TlsInfo, TlsSession,
    },
    gate::{Checkpoint, Permitted},
    world::World,
};

/// Where every name of this world leads.
const ADDRESS: &str = "93.184.215.14";

/// A network of one machine, which is quick about everything but redirects.
#[derive(Clone, Default)]
struct Imagined(Arc<Mutex<Vec<Effect>>>);

impl Imagined {
    fn plugin(&self, function: &str, grants: &[&str]) -> Plugin {
        let world = self.clone();
        plugin_in(
            Runtime::builder().world(move || world.clone()),
            function,
            grants,
        )
    }

    fn seen(&self) -> Vec<Effect> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl World for Imagined {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        self.0.lock().unwrap().push(effect.clone());
        let address: IpAddr = match effect {
            Effect::Http { url, .. } if url.contains("inside") => "10.0.0.1".parse().unwrap(),
            _ => ADDRESS.parse().unwrap(),
        };
        let took = Duration::from_secs(1);
        let session = TlsSession {
            version: "TLS 1.3".into(),
            not_after: rfc3339::parse("2030-01-01T00:00:00Z").unwrap(),
            ..TlsSession::default()
        };
        let answer = match effect {
            Effect::Http { url, .. } => {
                let to = url
                    .split_once("to=")
                    .map(|(_, to)| ("location".into(), to.to_owned()));
                Answer::Fetched(HttpResponse {
                    status: if to.is_some() { 302 } else { 200 },
                    protocol: "HTTP/1.1".into(),
                    headers: to.into_iter().collect(),
                    body: b"made up".to_vec(),
                    truncated: false,
                    took,
                })
            }
            Effect::Lookup {
                records: RecordType::Mx,
                nameserver: None,
                ..
            } => {
                let records = Records::MailServers(vec![(10, "mx.e.com.".into())]);
                return Ok(gate
                    .granted()?
                    .answer(Answer::Found(DnsRecords { records, took })));
            }
            Effect::Lookup { nameserver, .. } => {
                let records = Records::Texts(vec![ADDRESS.into()]);
                let found = Answer::Found(DnsRecords { records, took });
                match nameserver {
                    Some(_) => found,
                    None => return Ok(gate.granted()?.answer(found)),
                }
            }
            Effect::Tls { port, .. } => Answer::Secured(TlsInfo {
                remote: SocketAddr::new(address, *port),
                local: SocketAddr::new(address, 1),
                took,
                session,
            }),
            Effect::Greet { security, .. } => Answer::Greeted(SmtpInfo {
                banner: "220 hi".into(),
                took,
                session: (*security != Security::None).then_some(session),
            }),
            other => panic!("{other:?}"),
        };
        Ok(gate.address(address)?.answer(answer))
    }

    fn real_name(&self, _: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/".into()
    }
}

#[test]
fn urls_are_made_up_hop_by_hop() {
    let world = Imagined::default();
    let plugin = world.plugin(
        "http_request",
        &[
            "network:outbound:e.com:80",
            "network:outbound:inside.com:80",
        ],
    );
    let get = |url: &str| ask(&plugin, json!({"url": url}));
    assert_eq!(get("http://e.com/a?to=/b")["body"], "bWFkZSB1cA==");
    let limits = |effect: &Effect| match effect {
        Effect::Http {
            url,
            timeout,
            body_limit,
            ..
        } => (url.clone(), timeout.as_secs(), *body_limit),
        other => panic!("{other:?}"),
    };
    let seen: Vec<_> = world.seen().iter().map(limits).collect();
    // Thirty seconds are for all hops together.
    assert_eq!(
        seen,
        [
            ("http://e.com/a?to=/b".into(), 30, 10_485_760),
            ("http://e.com/b".into(), 29, 10_485_760)
        ]
    );
    // The second hop is judged, by name before the world sees it, and by address after.
    assert_eq!(
        error(&get("http://e.com/?to=http://f.com/")),
        ("capability", "EACCES")
    );
    assert_eq!(world.seen().len(), 1);
    assert_eq!(
        error(&get("http://e.com/?to=http://inside.com/")),
        ("ssrf_protection", "EACCES")
    );
    world.seen();
    let request = json!({"url": "http://e.com/?to=?to=?to=/", "timeout_ms": 2000});
    assert_eq!(error(&ask(&plugin, request)), ("timeout", "ETIMEDOUT"));
    assert_eq!(world.seen().len(), 2);
}

#[test]
fn lookups_tls_and_mail_are_made_up_too() {
    let world = Imagined::default();
    let free = |function: &str, request: Value| {
        ask(&world.plugin(function, &["network:outbound:*"]), request)
    };
    assert_eq!(
        free("dns_lookup", json!({"hostname": "e.com"})),
        json!({"records": [ADDRESS, ADDRESS]})
    );
    let request = json!({"hostname": "e.com", "type": "TXT", "nameserver": "9.9.9.9:5353"});
    assert_eq!(free("dns_lookup", request), json!({"records": [ADDRESS]}));
    let reply = free(
        "tcp_connect",
        json!({"host": "e.com", "port": "443", "tls": true}),
    );
    assert_eq!(
        reply,
        json!({
            "connected": true, "address": "e.com:443", "remote_addr": format!("{ADDRESS}:443"),
            "local_addr": format!("{ADDRESS}:1"), "response_time_ms": 1000, "tls": true,
            "tls_version": "TLS 1.3", "tls_cert_not_after": "2030-01-01T00:00:00Z",
        })
    );
    let reply = free("smtp_connect", json!({"host": "::1", "port": "25"}));
    assert_eq!(
        reply,
        json!({"connected": true, "address": "[::1]:25", "banner": "220 hi", "response_time_ms": 1000})
    );
    let reply = free(
        "smtp_connect",
        json!({"host": "e.com", "port": "587", "starttls": true}),
    );
    assert_eq!(
        (&reply["tls"], &reply["tls_version"]),
        (&json!(true), &json!("TLS 1.3"))
    );
}

/// The rows of the 2026 host library's own tests, as far as they are about requests. Its codes are
/// our types: `INVALID_REQUEST` is `config`, `SSRF_BLOCKED` is `ssrf_protection`.
#[test]
fn the_rows_of_network_v2() {
    let world = Imagined::default();
    let free = |function: &str, request: Value| {
        ask(&world.plugin(function, &["network:outbound:*"]), request)
    };
    let only_loopback_is_missing = |function: &str, request: &Value| {
        let real = |grants: &[&str]| ask(&loopback::plugin(function, grants), request.clone());
        assert_eq!(error(&real(&["network:outbound:*"])).0, "ssrf_protection");
        let opened = real(&["network:outbound:*", "network:outbound:loopback"]);
        assert_ne!(error(&opened).0, "ssrf_protection");
    };
    let mut elsewhere = Vec::new();
    for row in rows("network-v2") {
        let test = row["test"].as_str().unwrap();
        match test {
            "TestPerformHTTPRequest_InvalidURL" => {
                assert_eq!(error(&free("http_request", row["req"].clone())).0, "config");
            }
            "TestPerformHTTPRequest_DefaultMethod" => {
                assert_eq!(free("http_request", row["req"].clone())["status_code"], 200);
                assert!(
                    matches!(&world.seen()[..], [Effect::Http { method, .. }] if method == "GET")
                );
            }
            "TestPerformTCPConnect_InvalidHost" | "TestPerformSMTPConnect_InvalidHost" => {
                for function in ["tcp_connect", "smtp_connect"] {
                    let reply = free(function, json!({"host": "", "port": "80"}));
                    assert_eq!(
                        (error(&reply).0, &reply["connected"]),
                        ("config", &json!(false))
                    );
                }
            }
            // A port that is none is covered by no grant, which is found out first.
            "TestPerformTCPConnect_InvalidPort" | "TestPerformSMTPConnect_InvalidPort" => {
                for port in row["ports"].as_array().unwrap() {
                    for function in ["tcp_connect", "smtp_connect"] {
                        let reply =
                            free(function, json!({"host": "e.com", "port": port.to_string()}));
                        assert_eq!(error(&reply).0, "capability", "{port}");
                    }
                }
            }
            "TestPerformDNSLookup_UnsupportedType" => {
                let reply = free("dns_lookup", row["req"].clone());
                assert_eq!(error(&reply), ("config", "UNSUPPORTED_TYPE"));
            }
            "TestPerformDNSLookup_RecordTypePaths" => {
                for kind in row["types"].as_array().unwrap() {
                    let reply = free("dns_lookup", json!({"hostname": "e.com", "type": kind}));
                    assert_eq!(error(&reply).0, "none", "{kind}");
                }
                world.seen();
            }
            "TestPerformDNSLookup_WithCustomNameserver" => {
                free(
                    "dns_lookup",
                    json!({"hostname": "e.com", "type": "A", "nameserver": row["nameserver"]}),
                );
                let expected = Nameserver {
                    host: "8.8.8.8".into(),
                    port: 53,
                };
                assert!(
                    matches!(&world.seen()[..], [Effect::Lookup { nameserver: Some(asked), .. }] if *asked == expected)
                );
            }
            "TestDefaultDNSConfig" => {
                free("dns_lookup", json!({"hostname": "e.com", "type": "A"}));
                let five = Duration::from_secs(row["expect"]["timeout_s"].as_u64().unwrap());
                assert!(
                    matches!(&world.seen()[..], [Effect::Lookup { nameserver: None, timeout, .. }] if *timeout == five)
                );
            }
            "TestDefaultSMTPConfig" => {
                free("smtp_connect", json!({"host": "e.com", "port": "25"}));
                let thirty = Duration::from_secs(row["expect"]["timeout_s"].as_u64().unwrap());
                assert!(
                    matches!(&world.seen()[..], [Effect::Greet { timeout, .. }] if *timeout == thirty)
                );
            }
            "TestPerformTCPConnect_SSRFProtection_BlocksPrivateIP" => {
                only_loopback_is_missing(
                    "tcp_connect",
                    &json!({"host": "127.0.0.1", "port": "80"}),
                );
            }
            "TestPerformHTTPRequest_SSRFProtection_BlocksPrivateIP" if cfg!(feature = "net") => {
                only_loopback_is_missing("http_request", &row["req"]);
            }
            "TestPerformSMTPConnect_SSRFProtection_BlocksPrivateIP" if cfg!(feature = "net") => {
                only_loopback_is_missing(
                    "smtp_connect",
                    &json!({"host": "127.0.0.1", "port": "25"}),
                );
            }
            _ => elsewhere.push(test.to_owned()),
        }
    }
    elsewhere.retain(|test| !test.contains("SSRFProtection"));
    assert_eq!(
        elsewhere,
        [
            // urls_are_fetched_hop_by_hop and answers_are_decoded_and_capped; there are no options.
            "TestDefaultHTTPConfig",
            "TestHTTPOptions_IgnoresInvalid",
            // networks_are_reached_only_where_granted, with a listener in place of the Internet.
            "TestPerformTCPConnect_Success",
            "TestPerformTCPConnect_ConnectionRefused",
            // Ours is 30 seconds, as for everything; the first-party plugin sends its own 5.
            "TestDefaultTCPConfig",
            // tls_is_judged_and_told.
            "TestPerformTCPConnect_TLS_Success",
            "TestPerformTCPConnect_TLS_HandshakeFailure",
            // names_are_looked_up_where_granted, with a server in place of the Internet.
            "TestPerformDNSLookup_ARecord",
            "TestPerformDNSLookup_NonexistentDomain",
            "TestPerformDNSLookup_WithTimeout",
            // Versions below 1.2 are never agreed on, and no code is guessed from a text.
            "TestTLSVersionString",
            "TestClassifySMTPError",
        ]
    );
}
