//! Special address ranges are closed in every spelling, and opened by the words that name them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use crate::capability_rows;

use capability_rows::{rows, text, texts};
use serde_json::Value;
use tollgate::capability::address::{
    AddressWord, Host, Verdict, judge, parse_destination, parse_host,
};
use tollgate::capability::{Capability, Request};

fn judged(ip: &str) -> Verdict {
    judge(ip.parse().unwrap())
}

/// The denial of a connection to `host`, or `None` if these grants let it through.
fn denial(host: &str, grants: &[String]) -> Option<String> {
    let grants: Vec<Capability> = grants.iter().map(|text| text.parse().unwrap()).collect();
    let Ok(Host::Ip(ip)) = parse_host(host) else {
        panic!("{host} is no address")
    };
    let verdict = judge(ip);
    let granted = |word| {
        grants
            .iter()
            .any(|grant| grant.covers(&Request::Address(word), None))
    };
    (!verdict.opened_by(granted)).then(|| format!("destination is {}", verdict.refusal(ip)))
}

#[test]
fn the_address_rows() {
    for row in rows("addresses") {
        match text(&row, "test") {
            "TestIsPrivateOrReservedIP" => {
                let blocked = judged(text(&row, "ip")).blocked;
                assert_eq!(Some(blocked), row["expect"]["blocked"].as_bool(), "{row}");
            }
            // Upstream lets `private` open the metadata service. The recommended verdict is that
            // it needs a word of its own, so these rows are turned around.
            "TestValidateDestination_PrivateIPs_AllowedWithCapability"
                if judged(text(&row, "host")).word == Some(AddressWord::Metadata) =>
            {
                let (host, mut grants) = (text(&row, "host"), texts(&row, "grants"));
                assert!(denial(host, &grants).is_some(), "{row}");
                grants.push("network:outbound:metadata".to_owned());
                assert_eq!(denial(host, &grants), None, "{row}");
            }
            // Resolving is not done here; the name must only be taken for a name.
            "TestValidateDestination_DNSResolutionError" => {
                assert!(
                    matches!(parse_host(text(&row, "host")), Ok(Host::Name(_))),
                    "{row}"
                );
            }
            "TestValidateDestination_NilChecker" => {
                for (host, expected) in row["hosts"].as_object().unwrap() {
                    let denied = denial(host, &[]);
                    assert_eq!(denied.is_none(), expected == "allowed", "{row}");
                }
            }
            name if name.starts_with("TestValidateDestination_") => {
                let denied = denial(text(&row, "host"), &texts(&row, "grants"));
                if row["expect"] == "allowed" {
                    assert_eq!(denied, None, "{row}");
                } else {
                    assert_eq!(row["expect"]["denied"], true, "{row}");
                    for part in texts(&row["expect"], "message_contains") {
                        assert!(
                            denied.as_ref().unwrap().contains(&part),
                            "{row}: {denied:?}"
                        );
                    }
                }
            }
            other => panic!("unknown test {other}"),
        }
    }
}

/// Rows that concern dialling, TLS and retries, which are the world's business.
const NOT_HERE: [&str; 5] = [
    "Test_SecureDialer_CallsOnDNSPinning",
    "Test_SecureDialer_InvalidAddress",
    "Test_SSRFBlockedError",
    "Test_IsRetryableStatus",
    "Test_TLSConfig_HasSecureCipherSuites",
];

fn host_covered(pattern: &str, host: &str, port: u16) -> bool {
    let grant: Capability = format!("network:outbound:{pattern}:*").parse().unwrap();
    grant.covers(
        &Request::Connect {
            host: Some(host.to_owned()),
            port,
        },
        None,
    )
}

#[test]
fn the_v2_filter_rows() {
    for row in rows("netfilter-v2") {
        let table = || row["table"].as_array().unwrap().iter();
        match text(&row, "test") {
            test if NOT_HERE.contains(&test) => {}
            "TestValidateAddress_EmptyAddress" => {
                assert!(parse_destination(text(&row, "address")).is_err());
            }
            "TestValidateAddress_PortRestrictions" => {
                for case in table() {
                    let ports = case[1].to_string();
                    let ports = ports.trim_matches(['[', ']']);
                    let grant: Capability = format!("network:outbound:{ports}").parse().unwrap();
                    let (host, port) = parse_destination(case[0].as_str().unwrap()).unwrap();
                    let request = Request::Connect {
                        host: Some(host.to_string()),
                        port: port.unwrap(),
                    };
                    assert_eq!(
                        Some(grant.covers(&request, None)),
                        case[2].as_bool(),
                        "{case}"
                    );
                }
            }
            "TestParseAddress" => {
                for case in table() {
                    let (host, port) = parse_destination(case[0].as_str().unwrap()).unwrap();
                    let found = serde_json::json!([case[0], host.to_string(), port.unwrap_or(0)]);
                    assert_eq!(found, *case);
                }
            }
            "TestMatchesPattern" => {
                for case in table() {
                    let (host, pattern) = (case[0].as_str().unwrap(), case[1].as_str().unwrap());
                    assert_eq!(
                        Some(host_covered(pattern, host, 80)),
                        case[2].as_bool(),
                        "{case}"
                    );
                }
            }
            "Test_NormalizeURL" => {
                for case in table() {
                    let normal = |at: usize| {
                        let url = case[at].as_str().unwrap();
                        format!("network:outbound:{url}")
                            .parse::<Capability>()
                            .unwrap()
                    };
                    assert_eq!(normal(0), normal(1));
                    assert_eq!(
                        normal(0).pattern(),
                        format!("outbound:{}", case[1].as_str().unwrap())
                    );
                }
            }
            "Test_SecureDialer_AllowsPrivateIPWithFlag" => {
                let (host, _) = parse_destination(text(&row, "addr")).unwrap();
                let Host::Ip(ip) = host else { panic!("{row}") };
                assert!(judge(ip).opened_by(|word| word == AddressWord::Private));
            }
            name if name.starts_with("TestValidateAddress_") => validate(&row),
            other => panic!("unknown test {other}"),
        }
    }
}

fn validate(row: &Value) {
    let (host, _) = parse_destination(text(row, "address")).unwrap();
    if let Host::Name(name) = &host {
        assert_eq!(row["expect"], "allowed", "{row}");
        assert!(
            texts(row, "allow")
                .iter()
                .any(|pattern| host_covered(pattern, name, 80)),
            "{row}"
        );
        return;
    }
    let Host::Ip(ip) = host else { panic!("{row}") };
    let verdict = judge(ip);
    assert_eq!(
        Some(!verdict.blocked),
        row["expect"]["allowed"].as_bool(),
        "{row}"
    );
    let reason = row["expect"]["reason_contains"]
        .as_str()
        .unwrap_or_default();
    assert!(verdict.range.contains(reason), "{row}: {}", verdict.range);
}

/// First and last address of every special range, its neighbours, and the word: the entries of the
/// IANA registries of special-purpose addresses, multicast, forms that hold an IPv4 address, and
/// metadata services.
#[test]
fn every_range_with_its_edges() {
    use AddressWord::{Loopback, Metadata, Private};
    for (first, last, word) in [
        ("127.0.0.0", "127.255.255.255", Some(Loopback)),
        ("10.0.0.0", "10.255.255.255", Some(Private)),
        ("172.16.0.0", "172.31.255.255", Some(Private)),
        ("192.168.0.0", "192.168.255.255", Some(Private)),
        ("169.254.0.0", "169.254.255.255", Some(Metadata)),
        ("224.0.0.0", "239.255.255.255", None),
        ("240.0.0.0", "255.255.255.255", None),
        ("0.0.0.0", "0.255.255.255", None),
        ("100.64.0.0", "100.127.255.255", Some(Private)),
        ("100.100.100.200", "100.100.100.200", Some(Metadata)),
        ("192.0.0.0", "192.0.0.255", None),
        ("192.0.0.192", "192.0.0.192", Some(Metadata)),
        ("192.0.2.0", "192.0.2.255", None),
        ("198.51.100.0", "198.51.100.255", None),
        ("203.0.113.0", "203.0.113.255", None),
        ("198.18.0.0", "198.19.255.255", Some(Private)),
        ("192.88.99.0", "192.88.99.255", None),
        ("168.63.129.16", "168.63.129.16", Some(Metadata)),
        ("::1", "::1", Some(Loopback)),
        ("::", "::", None),
        (
            "fc00::",
            "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some(Private),
        ),
        (
            "fd00:ec2::",
            "fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff",
            Some(Metadata),
        ),
        (
            "fe80::",
            "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some(Metadata),
        ),
        (
            "fec0::",
            "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some(Private),
        ),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("::2", "::ffff:ffff", None),
        ("::ffff:127.0.0.0", "::ffff:127.255.255.255", Some(Loopback)),
        ("::ffff:10.0.0.0", "::ffff:10.255.255.255", Some(Private)),
        ("64:ff9b::7f00:1", "64:ff9b::7fff:ffff", Some(Loopback)),
        ("64:ff9b::a9fe:a9fe", "64:ff9b::a9fe:a9fe", Some(Metadata)),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", None),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("100::", "100::ffff:ffff:ffff:ffff", None),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("0.0.0.0", "0.0.0.0", None),
        ("192.0.0.0", "192.0.0.7", None),
        ("192.0.0.8", "192.0.0.10", None),
        ("192.0.0.170", "192.0.0.171", None),
        ("192.0.0.191", "192.0.0.193", None),
        ("192.31.196.0", "192.31.196.255", None),
        ("192.52.193.0", "192.52.193.255", None),
        ("192.88.99.2", "192.88.99.2", None),
        ("192.175.48.0", "192.175.48.255", None),
        ("255.255.255.255", "255.255.255.255", None),
        ("::ffff:0:0:0", "::ffff:0:ffff:ffff", None),
        ("::ffff:0:127.0.0.1", "::ffff:0:169.254.169.254", None),
        ("::ffff:192.31.196.0", "::ffff:192.31.196.255", None),
        ("64:ff9b::c01f:c400", "64:ff9b::c01f:c4ff", None),
        ("64:ff9b::", "64:ff9b::ff:ffff", None),
        ("100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", None),
        ("2001:1::", "2001:1::", None),
        ("2001:1::4", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:2:1::", "2001:2:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ("2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        (
            "2620:4f:8000::",
            "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
            None,
        ),
        (
            "fd00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            Some(Private),
        ),
        ("fd00:42::42", "fd00:42::42", Some(Metadata)),
        ("fd00:42::41", "fd00:42::43", Some(Private)),
        (
            "fd20:ce::",
            "fd20:ce:ffff:ffff:ffff:ffff:ffff:ffff",
            Some(Metadata),
        ),
        // ISATAP, in a network that is open otherwise, and in one that is not.
        ("2003::5efe:a00:1", "2003::200:5efe:808:808", None),
        ("fe80::5efe:a00:1", "fe80::200:5efe:808:808", Some(Metadata)),
        // A tunnel is not the operator's own network, and may end at a metadata service.
        ("fd00::5efe:a9fe:a9fe", "fd00::200:5efe:7f00:1", None),
        // Oracle's and Linode's metadata services.
        (
            "fd00:c1::",
            "fd00:c1:ffff:ffff:ffff:ffff:ffff:ffff",
            Some(Metadata),
        ),
        (
            "fd00:a9fe:a9fe::",
            "fd00:a9fe:a9fe:ffff:ffff:ffff:ffff:ffff",
            Some(Metadata),
        ),
    ] {
        for ip in [first, last] {
            let verdict = judged(ip);
            assert!(verdict.blocked && verdict.word == word, "{ip}: {verdict:?}");
            // `private` opens this machine too, and nothing else but its own.
            let by_private = matches!(word, Some(Private | Loopback));
            assert_eq!(
                verdict.opened_by(|word| word == Private),
                by_private,
                "{ip}"
            );
            assert_eq!(verdict.opened_by(|_| true), word.is_some(), "{ip}");
            assert!(!verdict.opened_by(|_| false), "{ip}");
            assert!(verdict.refusal(ip.parse().unwrap()).contains(verdict.range));
        }
    }
    for ip in [
        "126.255.255.255",
        "128.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "223.255.255.255",
        "1.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "198.17.255.255",
        "198.20.0.0",
        "192.88.98.255",
        "192.88.100.0",
        "168.63.129.15",
        "168.63.129.17",
        "8.8.8.8",
        "2001:4860:4860::8888",
        "2003::1",
        "2001:1::1",
        "2001:1::2",
        "2001:1::3",
        "2001:db7::1",
        "2606:4700::1111",
        "101::1",
        "4000::1",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
        "64:ff9c::1",
        "fbff::1",
        "192.31.195.255",
        "192.31.197.0",
        "192.52.192.255",
        "192.52.194.0",
        "192.175.47.255",
        "192.175.49.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "::1:0:0",
        "::fffe:ffff:ffff",
        "::fffe:ffff:ffff:ffff",
        "::ffff:1:0:0",
        "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff",
        "64:ff9b::1:0:0",
        "64:ff9b:0:ffff:ffff:ffff:ffff:ffff",
        "64:ff9b:2::",
        "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "100:0:0:2::",
        "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:200::",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::",
        "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
        "2620:4f:8001::",
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
        "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "5f01::",
        "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe00::",
        "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::5eff:a00:1",
        "2003::100:5efe:a00:1",
    ] {
        let verdict = judged(ip);
        assert_eq!(
            (verdict.blocked, verdict.range, verdict.word),
            (false, "public", None),
            "{ip}"
        );
        assert!(verdict.opened_by(|_| false) && verdict.refusal(ip.parse().unwrap()).is_empty());
    }
}
