//! Matching agrees with matchers too simple to be wrong, and no text whatever makes it panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use proptest::prelude::*;
use tollgate::capability::address::{judge, parse_destination, parse_host};
use tollgate::capability::command::{env_allowed, env_allowed_freely, family};
use tollgate::capability::risk::assess;
use tollgate::capability::{Capability, GrantSet, Wish, decide};

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

fn any_wish() -> impl Strategy<Value = Wish> {
    let text = || prop_oneof!["[a-c*?\\[\\]/.,~]{0,10}", any::<String>()];
    prop_oneof![
        text().prop_map(Wish::Read),
        text().prop_map(Wish::Write),
        (prop::option::of(text()), any::<u16>())
            .prop_map(|(host, port)| Wish::Connect { host, port }),
        any::<u16>().prop_map(|port| Wish::Listen { port }),
        text().prop_map(Wish::Url),
        text().prop_map(Wish::Env),
        (text(), prop::collection::vec(text(), 0..4))
            .prop_map(|(command, args)| Wish::Exec { command, args }),
        (text(), text()).prop_map(|(kind, value)| Wish::Custom { kind, value }),
        near_grammar().prop_filter_map("no wish", |text| text.parse().ok()),
    ]
}

proptest! {
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
        let covered = grant.covers(&Wish::Read(path.clone()), None);
        prop_assert_eq!(covered, reference_path(&parts, &names), "{} {}", grant, path);
        // The same from a working directory, with both sides relative.
        let relative: Capability = format!("fs:read:.{pattern}").parse().unwrap();
        let below = Wish::Read(format!("./{}", names.join("/")));
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
            let covered = grant.covers(&Wish::Connect { host: None, port }, None);
            prop_assert_eq!(covered, port != 0 && reference_ports(&list, port), "{} {}", list, port);
            let named: Capability = format!("network:outbound:e.com:{list}").parse().unwrap();
            let wish = Wish::Connect { host: Some("E.com.".into()), port };
            prop_assert_eq!(named.covers(&wish, None), covered);
        }
    }

    #[test]
    fn a_cleaned_path_never_leaves_its_grant(tail in "(/(\\.|\\.\\.|a|)){0,12}") {
        let grant: Capability = "fs:read:/safe/**".parse().unwrap();
        let path = format!("/safe{tail}");
        let inside = reference_clean(&path).first() == Some(&"safe");
        prop_assert_eq!(grant.covers(&Wish::Read(path), None), inside);
    }

    #[test]
    fn canonical_texts_parse_to_the_same(text in near_grammar()) {
        if let Ok(capability) = text.parse::<Capability>() {
            let again: Capability = capability.to_string().parse().unwrap();
            prop_assert_eq!(again.to_string(), capability.to_string());
            prop_assert!(capability.includes(&again, None));
            let _ = capability.risk();
        }
        if let Ok(wish) = text.parse::<Wish>() {
            prop_assert_eq!(wish.to_string().parse::<Wish>().unwrap(), wish);
        }
    }

    #[test]
    fn what_a_wish_needs_covers_it(wish in any_wish()) {
        if let Some(needed) = wish.needed() {
            prop_assert!(needed.covers(&wish, Some("/w")), "{:?} {}", wish, needed);
            prop_assert_eq!(needed.to_string().parse::<Capability>().unwrap(), needed);
        }
    }

    #[test]
    fn nothing_panics(text in near_grammar(), grant in near_grammar(), wish in any_wish()) {
        let _ = assess(&text);
        let _ = decide(&text, &grant, &text, Some(&grant));
        for kind in ["fs", "network", "env", "exec", "kv"] {
            let _ = decide(kind, &text, &grant, Some("/w"));
        }
        if let Ok(grant) = grant.parse::<Capability>() {
            let _ = grant.covers(&wish, Some(&text));
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
