//! Matching agrees with simple reference matchers, and no text makes it panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use crate::choices;

use choices::written_out;
use proptest::prelude::*;
use tollgate::capability::address::{judge, parse_destination, parse_host};
use tollgate::capability::command::{env_allowed, env_allowed_freely, family};
use tollgate::capability::risk::assess;
use tollgate::capability::{Capability, GrantSet, Request, decide};

/// Globs by definition: try everything. `*` and `?` never take a `/`.
fn reference_part(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => {
            (0..=name.len()).any(|taken| reference_part(rest, &name[taken..]))
        }
        (Some(('?', rest)), Some((_, names))) => reference_part(rest, names),
        (Some((own, rest)), Some((other, names))) => own == other && reference_part(rest, names),
        _ => false,
    }
}

fn reference_path(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            (0..=path.len()).any(|taken| reference_path(rest, &path[taken..]))
        }
        (Some((own, rest)), Some((name, names))) => {
            let (own, name): (Vec<_>, Vec<_>) = (own.chars().collect(), name.chars().collect());
            reference_part(&own, &name) && reference_path(rest, names)
        }
        _ => false,
    }
}

fn reference_clean(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts
}

fn reference_ports(list: &str, port: u16) -> bool {
    list.split(',').any(|item| match item.split_once('-') {
        Some((low, high)) => (low.parse::<u16>().unwrap()..=high.parse().unwrap()).contains(&port),
        None => item.parse() == Ok(port),
    })
}

fn port_item() -> impl Strategy<Value = String> {
    prop_oneof![
        (1..=u16::MAX).prop_map(|port| port.to_string()),
        (1..=u16::MAX, 0..=1000_u16)
            .prop_map(|(low, more)| format!("{low}-{}", low.saturating_add(more))),
    ]
}

/// Texts near the grammar, so that the deeper code is reached too.
fn near_grammar() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("fs".to_owned()),
        Just("network".to_owned()),
        Just("env".to_owned()),
        Just("exec".to_owned()),
        Just("kv".to_owned()),
        Just("read".to_owned()),
        Just("write".to_owned()),
        Just("outbound".to_owned()),
        Just("inbound".to_owned()),
        Just("glob".to_owned()),
        Just("https://e.com/x?y".to_owned()),
        "[a-c0-9*?{}\\[\\]/.,~%@é\\\\ :-]{0,12}",
    ];
    prop_oneof![
        prop::collection::vec(word, 1..5).prop_map(|words| words.join(":")),
        any::<String>()
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    let text = || prop_oneof!["[a-c*?\\[\\]/.,~]{0,10}", any::<String>()];
    prop_oneof![
        text().prop_map(Request::Read),
        text().prop_map(Request::Write),
        (prop::option::of(text()), any::<u16>())
            .prop_map(|(host, port)| Request::Connect { host, port }),
        any::<u16>().prop_map(|port| Request::Listen { port }),
        text().prop_map(Request::Url),
        text().prop_map(Request::Env),
        (text(), prop::collection::vec(text(), 0..4))
            .prop_map(|(command, args)| Request::Exec { command, args }),
        (text(), text()).prop_map(|(kind, value)| Request::Custom { kind, value }),
        near_grammar().prop_filter_map("no wish", |text| text.parse().ok()),
    ]
}

/// Globs with choices, nested, with all that can stand in them.
fn with_choices() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a", "b", "a", "/", "/", "*", "?", "**", "/**", "**/", ".", "", "[{]", "[,]",
    ]);
    let word = word.prop_map(str::to_owned);
    word.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|words| words.concat()),
            prop::collection::vec(inner, 1..4)
                .prop_map(|alternatives| format!("{{{}}}", alternatives.join(","))),
        ]
    })
}

/// Few enough to be written out.
fn few_choices() -> impl Strategy<Value = String> {
    with_choices().prop_filter("too many", |glob| glob.matches(['{', ',']).count() < 12)
}

/// `[{]` and `[,]`, which the reference for parts does not know, as other characters.
fn plain(text: &str) -> String {
    text.replace("[{]", "y").replace("[,]", "z")
}

/// Whether one of the texts that the choices make is no glob, or none that can be seen from the
/// choices alone: with a `**` within a part, also one that two choices make, or a part `..`.
fn may_be_refused(glob: &str) -> bool {
    let parts = |text: &String| text.split('/').any(|part| part == "..") || text.contains("**");
    written_out(glob).iter().any(parts)
}

/// Whether one of the texts that the choices make has a `**` within a part.
fn must_be_refused(glob: &str) -> bool {
    let bad = |part: &str| part.contains("**") && part != "**";
    written_out(glob)
        .iter()
        .any(|text| text.split('/').any(bad))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::support::tenth(256)))]

    #[test]
    fn choices_in_paths_match_like_the_reference(
        glob in few_choices(),
        path in "(/([abyz.]|[ab]{2}|\\.)){0,5}",
        relative in any::<bool>(),
    ) {
        let glob = match relative {
            true => format!("./{glob}"),
            false => format!("/{glob}"),
        };
        let read = format!("fs:read:glob:{glob}").parse::<Capability>();
        let Ok(grant) = read else {
            prop_assert!(may_be_refused(&glob), "{} {:?}", glob, read);
            return Ok(());
        };
        prop_assert!(!must_be_refused(&glob), "{}", glob);
        // A relative pattern can leave the working directory by `..`.
        let directory = if relative { "/w" } else { "" };
        let place = format!("{directory}{path}");
        let names: Vec<String> = reference_clean(&place).iter().map(|name| plain(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let expected = written_out(&glob).iter().any(|text| {
            let pattern = format!("{directory}/{}", plain(text));
            reference_path(&reference_clean(&pattern), &names)
        });
        let asked = path.replace('y', "{").replace('z', ",");
        let request = match relative {
            true => Request::Read(format!("/w{asked}")),
            false => Request::Read(format!("/{asked}")),
        };
        let covered = grant.covers(&request, Some("/w"));
        prop_assert_eq!(covered, expected, "{} {:?}", grant, request);
        // The v2 form means the same, and is one capability.
        let set = serde_json::json!({"fs": {"rules": [{"read": [glob]}]}});
        let set: GrantSet = serde_json::from_value(set).unwrap();
        prop_assert_eq!(set.capabilities().unwrap(), vec![grant.clone()]);
        prop_assert_eq!(grant.to_string().parse::<Capability>().unwrap(), grant);
    }

    #[test]
    fn choices_in_names_match_like_the_reference(
        glob in few_choices(),
        name in "[ab.]{1,3}(/[ab.]{0,2}){0,3}",
    ) {
        let glob = glob.replace("[{]", "c").replace("[,]", "d");
        let read = format!("kv:glob:{glob}").parse::<Capability>();
        let Ok(grant) = read else {
            prop_assert!(may_be_refused(&glob), "{} {:?}", glob, read);
            return Ok(());
        };
        prop_assert!(!must_be_refused(&glob), "{}", glob);
        let names: Vec<&str> = name.split('/').collect();
        let expected = written_out(&glob).iter().any(|text| {
            reference_path(&text.split('/').collect::<Vec<_>>(), &names)
        });
        let request = Request::Custom { kind: "kv".to_owned(), value: name };
        prop_assert_eq!(grant.covers(&request, None), expected, "{} {:?}", grant, request);
    }

    #[test]
    fn choices_in_hosts_match_like_the_reference(
        glob in few_choices(),
        host in "[ab]{1,3}(\\.[ab]{1,2}){0,3}",
    ) {
        let glob = glob.replace('/', "").replace("[{]", "").replace("[,]", "");
        if !glob.contains(['{', '*', '?']) {
            return Ok(());
        }
        let read = format!("network:outbound:{glob}:80").parse::<Capability>();
        let Ok(grant) = read else {
            prop_assert!(may_be_refused(&glob), "{} {:?}", glob, read);
            return Ok(());
        };
        let expected = written_out(&glob).iter().any(|text| reference_path(&[text], &[&host]));
        let request = Request::Connect { host: Some(host), port: 80 };
        prop_assert_eq!(grant.covers(&request, None), expected, "{} {:?}", grant, request);
    }

    #[test]
    fn a_glob_is_as_risky_as_the_riskiest_of_its_choices(
        words in prop::collection::vec(prop::sample::select(vec![
            "/", "etc", "root", "home", "usr", "**", "*", "{", ",", "}", "x", "/etc", "/**",
        ]), 1..9),
    ) {
        let glob = format!("/{}", words.concat());
        for kind in ["fs:read:", "fs:write:", "env:", "exec:"] {
            let Ok(grant) = format!("{kind}glob:{glob}").parse::<Capability>() else {
                continue;
            };
            for text in written_out(&glob) {
                if let Ok(one) = format!("{kind}glob:{text}").parse::<Capability>() {
                    prop_assert!(grant.risk().level >= one.risk().level, "{} {}", grant, one);
                }
            }
        }
    }

    #[test]
    fn what_is_included_opens_nothing_more(
        own in few_choices(),
        other in few_choices(),
        kind in prop::sample::select(vec!["fs:read:glob:/", "fs:read:glob:./", "kv:glob:"]),
        path in "[ab]{1,2}(/[ab.]{1,2}){0,3}",
    ) {
        let read = |glob: &str| format!("{kind}{glob}").parse::<Capability>();
        let (Ok(own), Ok(other)) = (read(&own), read(&other)) else {
            return Ok(());
        };
        let requests = [
            Request::Read(format!("/{path}")),
            Request::Read(format!("/w/{path}")),
            Request::Custom { kind: "kv".to_owned(), value: path },
        ];
        prop_assert!(own.includes(&own, Some("/w")));
        if own.includes(&other, Some("/w")) {
            for request in requests {
                let opens = other.covers(&request, Some("/w"));
                prop_assert!(!opens || own.covers(&request, Some("/w")), "{} {} {}", own, other, request);
            }
        }
    }

    #[test]
    fn globs_match_like_the_reference(
        pattern in "(/(\\*\\*|[ab*?]{1,4})){1,5}",
        path in "(/([ab]{1,3}|\\.|\\.\\.|)){0,6}",
    ) {
        let Ok(grant) = format!("fs:read:{pattern}").parse::<Capability>() else {
            // Three stars, or two within a name.
            prop_assert!(pattern.contains("**"));
            return Ok(());
        };
        let path = format!("/{path}");
        let (parts, names) = (reference_clean(&pattern), reference_clean(&path));
        let covered = grant.covers(&Request::Read(path.clone()), None);
        prop_assert_eq!(covered, reference_path(&parts, &names), "{} {}", grant, path);
        // The same from a working directory, with both sides relative.
        let relative: Capability = format!("fs:read:.{pattern}").parse().unwrap();
        let below = Request::Read(format!("./{}", names.join("/")));
        prop_assert_eq!(relative.covers(&below, Some("/w/../cwd")), covered, "{}", relative);
    }

    #[test]
    fn ports_match_like_the_reference(
        items in prop::collection::vec(port_item(), 1..6),
        port in any::<u16>(),
        nudge in 0..6_usize,
    ) {
        let list = items.join(",");
        let grant: Capability = format!("network:outbound:{list}").parse().unwrap();
        // Random ports seldom meet random lists: ask for the ends of the ranges as well.
        let end = items.get(nudge).and_then(|item| item.rsplit('-').next()?.parse().ok());
        for port in [port, end.unwrap_or(port), end.unwrap_or(port).saturating_add(1)] {
            let covered = grant.covers(&Request::Connect { host: None, port }, None);
            prop_assert_eq!(covered, port != 0 && reference_ports(&list, port), "{} {}", list, port);
            let named: Capability = format!("network:outbound:e.com:{list}").parse().unwrap();
            let request = Request::Connect { host: Some("E.com.".into()), port };
            prop_assert_eq!(named.covers(&request, None), covered);
        }
    }

    #[test]
    fn lists_of_ports_are_compared_as_sets(
        own in prop::collection::vec((1..40_u16, 0..12_u16), 1..6),
        other in prop::collection::vec((1..40_u16, 0..12_u16), 1..6),
    ) {
        let ports = |ranges: &[(u16, u16)]| -> std::collections::BTreeSet<u16> {
            ranges.iter().flat_map(|(low, more)| *low..=low + more).collect()
        };
        let grant = |ranges: &[(u16, u16)]| -> Capability {
            let items = ranges.iter().map(|(low, more)| format!("{low}-{}", low + more));
            let items: Vec<String> = items.collect();
            format!("network:outbound:{}", items.join(",")).parse().unwrap()
        };
        let included = grant(&own).includes(&grant(&other), None);
        prop_assert_eq!(included, ports(&own).is_superset(&ports(&other)));
    }

    #[test]
    fn a_cleaned_path_never_leaves_its_grant(tail in "(/(\\.|\\.\\.|a|)){0,12}") {
        let grant: Capability = "fs:read:/safe/**".parse().unwrap();
        let path = format!("/safe{tail}");
        let inside = reference_clean(&path).first() == Some(&"safe");
        prop_assert_eq!(grant.covers(&Request::Read(path), None), inside);
    }

    #[test]
    fn canonical_texts_parse_to_the_same(text in near_grammar()) {
        if let Ok(capability) = text.parse::<Capability>() {
            let again: Capability = capability.to_string().parse().unwrap();
            prop_assert_eq!(again.to_string(), capability.to_string());
            prop_assert!(capability.includes(&again, None));
            let _ = capability.risk();
        }
        if let Ok(request) = text.parse::<Request>() {
            prop_assert_eq!(request.to_string().parse::<Request>().unwrap(), request);
        }
    }

    #[test]
    fn what_a_request_needs_covers_it(request in any_request()) {
        if let Some(needed) = request.needed() {
            prop_assert!(needed.covers(&request, Some("/w")), "{:?} {}", request, needed);
            prop_assert_eq!(needed.to_string().parse::<Capability>().unwrap(), needed);
        }
    }

    #[test]
    fn nothing_panics(text in near_grammar(), grant in near_grammar(), request in any_request()) {
        let _ = assess(&text);
        let _ = decide(&text, &grant, &text, Some(&grant));
        for kind in ["fs", "network", "env", "exec", "kv"] {
            let _ = decide(kind, &text, &grant, Some("/w"));
        }
        if let Ok(grant) = grant.parse::<Capability>() {
            let _ = grant.covers(&request, Some(&text));
            let _ = grant.pinned(&|path| Some(format!("{path}/{text}")), Some("/w"));
        }
        let _ = parse_host(&text).is_ok() && parse_destination(&text).is_ok();
        let _ = (family(&text), env_allowed(&text, &grant, |_| true));
        prop_assert!(env_allowed(&text, &grant, |_| false) <= env_allowed_freely(&text, &grant));
        let rules = serde_json::json!({"hosts": [text], "ports": [grant]});
        let set = serde_json::json!({
            "network": {"rules": [rules]},
            "fs": {"rules": [{"read": [text]}]},
            "env": {"vars": [grant]},
            "exec": {"commands": [text]},
            "kv": {"rules": [{"op": "read-write", "keys": [text]}]},
        });
        let _ = serde_json::from_value::<GrantSet>(set).unwrap().capabilities();
    }

    #[test]
    fn a_verdict_has_one_reading(bits in any::<u128>(), mapped in any::<u32>()) {
        let v6 = judge(std::net::Ipv6Addr::from_bits(bits).into());
        let v4 = std::net::Ipv4Addr::from_bits(mapped);
        let (v4, inner) = (judge(v4.into()), judge(v4.to_ipv6_mapped().into()));
        prop_assert_eq!(v4, inner);
        for verdict in [v4, v6] {
            prop_assert_eq!(verdict.blocked, verdict.range != "public");
            prop_assert!(verdict.blocked || verdict.word.is_none());
            prop_assert_eq!(verdict.opened_by(|_| false), !verdict.blocked);
        }
    }
}
