//! `dns_lookup`: the form of each kind of record, which name servers may be queried, and how responses
//! that are late, truncated, forged, malformed or endless are reported. The servers are real, on
//! loopback.

#![cfg(feature = "net")]

use crate::{loopback, nameserver, support};

use loopback::{Seen, error, free, in_time, plugin};
use nameserver::{Way, bytes, knowing, nameserver, reply};
use serde_json::{Value, json};
use simple_dns::{
    Name, PacketFlag, RCODE,
    rdata::{A, AAAA, CNAME, MX, NS, RData, TXT},
};
use std::time::Duration;
use support::ask;

const SOON: Duration = Duration::from_secs(10);

fn name(text: &'static str) -> Name<'static> {
    Name::new_unchecked(text)
}

fn lookup(server: &str, hostname: &str, kind: &str) -> Value {
    ask(
        &free("dns_lookup"),
        json!({"hostname": hostname, "type": kind, "nameserver": server}),
    )
}

fn a(address: [u8; 4]) -> RData<'static> {
    RData::A(A {
        address: u32::from_be_bytes(address),
    })
}

#[test]
fn each_kind_of_record_is_told_in_its_own_form() {
    let mut long = TXT::new();
    long.add_string("one=1; ").unwrap();
    long.add_string("two").unwrap();
    let (server, seen) = knowing(vec![
        ("E.com", a([192, 0, 2, 2])),
        ("e.com", a([192, 0, 2, 1])),
        ("other.com", a([192, 0, 2, 9])),
        ("e.com", RData::AAAA(AAAA { address: 1 })),
        ("e.com", RData::TXT(long)),
        (
            "e.com",
            RData::TXT(TXT::new().with_string("three").unwrap()),
        ),
        (
            "e.com",
            RData::MX(MX {
                preference: 20,
                exchange: name("b.e.com"),
            }),
        ),
        (
            "e.com",
            RData::MX(MX {
                preference: 10,
                exchange: name("a.e.com"),
            }),
        ),
        ("e.com", RData::NS(NS(name("ns.e.com")))),
    ]);
    let records = |kind: &str| lookup(&server, "e.com.", kind);
    for (kind, expected) in [
        ("A", json!({"records": ["192.0.2.2", "192.0.2.1"]})),
        ("aaaa", json!({"records": ["::1"]})),
        ("", json!({"records": ["192.0.2.2", "192.0.2.1", "::1"]})),
        ("CNAME", json!({"records": ["e.com."]})),
        ("TXT", json!({"records": ["one=1; two", "three"]})),
        (
            "MX",
            json!({"mx_records": [{"host": "a.e.com.", "pref": 10}, {"host": "b.e.com.", "pref": 20}]}),
        ),
        ("NS", json!({"records": ["ns.e.com."]})),
    ] {
        assert_eq!(records(kind), expected, "{kind}");
    }
    assert!(
        seen.take()
            .iter()
            .all(|asked| asked.starts_with("udp e.com "))
    );
}

#[test]
fn aliases_are_followed_to_their_end() {
    let (server, _) = knowing(vec![
        ("c.e.com", a([192, 0, 2, 1])),
        ("a.e.com", RData::CNAME(CNAME(name("B.e.com")))),
        ("b.e.com", RData::CNAME(CNAME(name("c.e.com")))),
    ]);
    assert_eq!(
        lookup(&server, "a.e.com", "CNAME"),
        json!({"records": ["c.e.com."]})
    );
    assert_eq!(
        lookup(&server, "a.e.com", "A"),
        json!({"records": ["192.0.2.1"]})
    );
    // A name without such records has none; that is no error.
    assert_eq!(lookup(&server, "a.e.com", "AAAA"), json!({}));
    let (circle, _) = knowing(vec![
        ("a.e.com", RData::CNAME(CNAME(name("b.e.com")))),
        ("b.e.com", RData::CNAME(CNAME(name("a.e.com")))),
    ]);
    assert_eq!(
        error(&lookup(&circle, "a.e.com", "A")),
        ("network", "EPROTO")
    );
}

#[test]
fn what_servers_refuse_has_a_code() {
    for (rcode, code) in [
        (RCODE::NameError, "NXDOMAIN"),
        (RCODE::ServerFailure, "SERVFAIL"),
        (RCODE::Refused, "REFUSED"),
        (RCODE::FormatError, "FORMERR"),
        (RCODE::NotImplemented, "NOTIMP"),
        (RCODE::NOTZONE, "EPROTO"),
    ] {
        let (server, _) = nameserver(move |query, _| {
            let mut packet = reply(query, &[]);
            *packet.rcode_mut() = rcode;
            vec![bytes(&packet)]
        });
        let reply = lookup(&server, "e.com", "A");
        assert_eq!(error(&reply), ("network", code), "{reply}");
        assert_eq!(reply["error"]["is_not_found"] == true, code == "NXDOMAIN");
    }
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again_by_tcp() {
    let (server, seen) = nameserver(|query, way| {
        let many: Vec<_> = (0..=255)
            .map(|last| ("e.com", a([192, 0, 2, last])))
            .collect();
        let mut packet = reply(query, if way == Way::Stream { &many } else { &[] });
        if way == Way::Datagram {
            packet.set_flags(PacketFlag::TRUNCATION);
        }
        vec![bytes(&packet)]
    });
    let reply = lookup(&server, "e.com", "A");
    assert_eq!(reply["records"].as_array().unwrap().len(), 256, "{reply}");
    assert_eq!(seen.take(), ["udp e.com TYPE(A)", "tcp e.com TYPE(A)"]);
}

#[test]
fn answers_to_other_questions_are_not_heard() {
    let (server, _) = nameserver(|query, _| {
        let forged = [("e.com", a([6, 6, 6, 6]))];
        let mut wrong_id = bytes(&reply(query, &forged));
        wrong_id[0] ^= 1;
        let mut wrong_name = bytes(&reply(query, &forged));
        wrong_name[13] = b'f';
        let mut question = bytes(&reply(query, &forged));
        question[2] &= 0x7f;
        let honest = bytes(&reply(query, &[("e.com", a([192, 0, 2, 1]))]));
        vec![wrong_id, wrong_name, question, vec![], vec![0; 5], honest]
    });
    assert_eq!(
        lookup(&server, "e.com", "A"),
        json!({"records": ["192.0.2.1"]})
    );
    // Nothing but forgeries is no answer at all.
    let (forger, _) = nameserver(|query, _| {
        let mut wrong_id = bytes(&reply(query, &[("e.com", a([6, 6, 6, 6]))]));
        wrong_id[0] ^= 1;
        vec![wrong_id]
    });
    let request =
        json!({"hostname": "e.com", "type": "A", "nameserver": forger, "timeout_ms": 300});
    assert_eq!(
        error(&ask(&free("dns_lookup"), request)),
        ("timeout", "ETIMEDOUT")
    );
}

#[test]
fn answers_that_cannot_be_read_are_errors() {
    // A name that points at itself; one that points beyond the end; more records than there are;
    // and a datagram far larger than any is allowed to be.
    let spoil: [fn(&mut Vec<u8>); 4] = [
        |answer| answer.extend([0xc0, 0x17, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]),
        |answer| answer.extend([0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]),
        |answer| answer[6] = 0xff,
        |answer| answer.extend(vec![0xc0; 60_000]),
    ];
    for (index, spoil) in spoil.into_iter().enumerate() {
        let (server, _) = nameserver(move |query, _| {
            let mut answer = bytes(&reply(query, &[]));
            answer[7] = 1;
            spoil(&mut answer);
            vec![answer]
        });
        let reply = in_time(SOON, || lookup(&server, "e.com", "A"));
        assert_eq!(error(&reply), ("network", "EPROTO"), "{index}: {reply}");
    }
}

#[test]
fn a_silent_server_is_not_waited_for() {
    let (server, seen) = nameserver(|_, _| Vec::new());
    for limit in [
        json!({"timeout_ms": 300}),
        json!({"context": {"timeout_ms": 300}}),
    ] {
        let mut request = limit;
        request["hostname"] = json!("e.com");
        request["nameserver"] = json!(server);
        let reply = in_time(SOON, || ask(&free("dns_lookup"), request));
        assert_eq!(error(&reply), ("timeout", "ETIMEDOUT"), "{reply}");
        assert_eq!(reply["error"]["is_timeout"], true);
    }
    assert_eq!(seen.take().len(), 2);
    // A server that answers only half by TCP.
    let (half, _) = nameserver(|query, way| {
        let mut packet = reply(query, &[]);
        packet.set_flags(PacketFlag::TRUNCATION);
        if way == Way::Stream {
            vec![]
        } else {
            vec![bytes(&packet)]
        }
    });
    assert_eq!(
        error(&lookup(&half, "e.com", "A")),
        ("network", "ECONNRESET")
    );
}

#[test]
fn a_lost_question_is_asked_again() {
    let (log, first) = (Seen::default(), Seen::default());
    let note = first.clone();
    let (server, _) = nameserver(move |query, _| {
        log.add("asked");
        note.add("asked");
        if log.lock().len() < 2 {
            vec![]
        } else {
            vec![bytes(&reply(query, &[("e.com", a([192, 0, 2, 1]))]))]
        }
    });
    assert_eq!(
        lookup(&server, "e.com", "A"),
        json!({"records": ["192.0.2.1"]})
    );
    assert_eq!(first.take().len(), 2);
}

#[test]
fn a_name_server_needs_its_own_grant_and_an_open_address() {
    let (server, seen) = knowing(vec![("e.com", a([192, 0, 2, 1]))]);
    let port = server.rsplit_once(':').unwrap().1.to_owned();
    let own = format!("network:outbound:{port}");
    let whole = format!("network:outbound:{server}");
    for (grants, expected) in [
        (vec![own.as_str(), "network:outbound:loopback"], "none"),
        (vec![&whole, "network:outbound:private"], "none"),
        (vec![&own], "ssrf_protection"),
        (
            vec!["network:outbound:53", "network:outbound:loopback"],
            "capability",
        ),
        (vec!["network:outbound:53"], "capability"),
        (vec![], "capability"),
    ] {
        let request = json!({"hostname": "e.com", "type": "A", "nameserver": server});
        let reply = ask(&plugin("dns_lookup", &grants), request);
        assert_eq!(error(&reply).0, expected, "{grants:?}: {reply}");
        assert_eq!(seen.take().len(), usize::from(expected == "none"));
    }
    // Without a port it is port 53's grant that counts.
    let request = json!({"hostname": "e.com", "type": "A", "nameserver": "127.0.0.1"});
    let denied = ask(&plugin("dns_lookup", &[&own]), request);
    assert!(
        denied["error"]["message"]
            .as_str()
            .unwrap()
            .contains("network:outbound:127.0.0.1:53"),
        "{denied}"
    );
}

#[test]
fn the_machines_own_resolver_knows_its_hosts_file() {
    let granted = plugin("dns_lookup", &["network:outbound:53"]);
    let reply = ask(&granted, json!({"hostname": "localhost", "type": "A"}));
    assert_eq!(reply, json!({"records": ["127.0.0.1"]}));
    // An address is its own, and nobody is asked.
    for (hostname, kind, expected) in [
        ("192.0.2.1", "A", json!({"records": ["192.0.2.1"]})),
        ("192.0.2.1", "AAAA", json!({})),
        ("::1", "", json!({"records": ["::1"]})),
    ] {
        assert_eq!(
            ask(&granted, json!({"hostname": hostname, "type": kind})),
            expected
        );
    }
}

#[test]
fn the_grant_is_asked_for_before_the_request_is_judged() {
    let granted = plugin("dns_lookup", &["network:outbound:53"]);
    let bare = plugin("dns_lookup", &["fs:read:/x"]);
    for (request, expected) in [
        (json!({"hostname": ""}), ("config", "")),
        (
            json!({"hostname": "e.com", "type": "INVALID"}),
            ("config", "UNSUPPORTED_TYPE"),
        ),
        (json!({"hostname": "a..b"}), ("config", "")),
        (json!({"hostname": "x".repeat(254)}), ("config", "")),
        (json!({"hostname": "127.1"}), ("config", "")),
        (
            json!({"hostname": "192.0.2.1", "type": "MX"}),
            ("config", ""),
        ),
        (
            json!({"hostname": "e.com", "nameserver": "127.1"}),
            ("config", ""),
        ),
        (
            json!({"hostname": "e.com", "nameserver": "9.9.9.9:0"}),
            ("config", ""),
        ),
    ] {
        assert_eq!(
            error(&ask(&granted, request.clone())),
            expected,
            "{request}"
        );
        assert_eq!(
            error(&ask(&bare, request.clone())),
            ("capability", "EACCES"),
            "{request}"
        );
    }
    let message = ask(&granted, json!({"hostname": "e.com", "type": "SRV"}));
    assert_eq!(message["error"]["message"], "unsupported record type: SRV");
}
