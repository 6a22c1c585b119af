//! Every row of the decision table holds, and so do the rows of the v1 policy, of what a grant exposes
//! and of lists of grants.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use crate::capability_rows;

use capability_rows::{rows, text, texts};
use tollgate::capability::{Capability, Grants, Request, decide, decide_resolved};

/// The links the table was made with: W is /x/w.
fn resolve(path: &str) -> Option<String> {
    for (link, target) in [
        ("/x/w/data/lnkdir", "/x/w/other"),
        ("/x/w/data/lnk", "/x/w/other/secret"),
        ("/x/w/datalink", "/x/w/data"),
    ] {
        if let Some(rest) = path.strip_prefix(link)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return resolve(&format!("{target}{rest}"));
        }
    }
    let missing = path.ends_with("/nonexistent") || path.ends_with("/new.txt");
    (!missing).then(|| path.to_owned())
}

/// Rows that are denied here, because a program that can run code needs a literal grant even
/// without arguments.
const SHELLS_BY_WILDCARD: [&str; 2] = ["D1-121", "D1-130"];

#[test]
fn the_decision_table() {
    let mut departures = 0;
    for row in rows("decisions") {
        let decision = decide_resolved(
            text(&row, "kind"),
            text(&row, "requested"),
            text(&row, "granted"),
            Some(text(&row, "cwd")),
            &resolve,
        );
        let departs = SHELLS_BY_WILDCARD.contains(&text(&row, "id"));
        departures += usize::from(departs);
        let expected = text(&row, "recommended") == "allow" && !departs;
        assert_eq!(decision.allowed, expected, "{row}\n{}", decision.reason);
    }
    assert_eq!(departures, SHELLS_BY_WILDCARD.len());
}

/// Rows of ours, of the kinds the table has.
#[test]
fn decisions_beyond_the_table() {
    for (kind, requested, granted, cwd, allowed) in [
        (
            "network",
            "outbound:example.com:443",
            "outbound:443",
            "",
            true,
        ),
        (
            "network",
            "outbound:EXAMPLE.com:443",
            "outbound:example.COM:80,443",
            "",
            true,
        ),
        (
            "network",
            "outbound:example.com.:443",
            "outbound:example.com:*",
            "",
            true,
        ),
        (
            "network",
            "outbound:example.com:80",
            "outbound:example.com:443",
            "",
            false,
        ),
        (
            "network",
            "outbound:a.b.example.com:443",
            "outbound:*.example.com:443",
            "",
            true,
        ),
        (
            "network",
            "outbound:example.com:443",
            "outbound:*.example.com:443",
            "",
            false,
        ),
        (
            "network",
            "outbound:example.com:443",
            "outbound:*:443",
            "",
            true,
        ),
        (
            "network",
            "outbound:10.1.2.3:443",
            "outbound:10.0.0.0/8:443",
            "",
            true,
        ),
        (
            "network",
            "outbound:11.1.2.3:443",
            "outbound:10.0.0.0/8:443",
            "",
            false,
        ),
        (
            "network",
            "outbound:[fd00::1]:443",
            "outbound:[fd00::/8]:443",
            "",
            true,
        ),
        (
            "network",
            "outbound:[::1]:443",
            "outbound:[::1]:443",
            "",
            true,
        ),
        ("network", "outbound:127.1:443", "outbound:*", "", false),
        (
            "network",
            "outbound:2130706433:443",
            "outbound:443",
            "",
            false,
        ),
        ("network", "outbound:loopback", "outbound:*", "", false),
        (
            "network",
            "outbound:metadata",
            "outbound:private",
            "",
            false,
        ),
        (
            "network",
            "outbound:metadata",
            "outbound:metadata",
            "",
            true,
        ),
        (
            "network",
            "outbound:loopback",
            "outbound:private,loopback",
            "",
            true,
        ),
        ("network", "outbound:443", "outbound:private", "", false),
        ("network", "inbound:80", "inbound:80", "", true),
        ("network", "outbound:80", "inbound:80", "", false),
        (
            "network",
            "outbound:https://e.com/x",
            "outbound:https://E.com:443/x#y",
            "",
            true,
        ),
        (
            "network",
            "outbound:https://e.com/x",
            "outbound:443",
            "",
            true,
        ),
        (
            "network",
            "outbound:https://e.com:8443/x",
            "outbound:443",
            "",
            false,
        ),
        (
            "network",
            "outbound:https://e.com/x/../y",
            "outbound:https://e.com/x",
            "",
            false,
        ),
        (
            "network",
            "outbound:443",
            "outbound:https://e.com/x",
            "",
            false,
        ),
        ("network", "outbound:80", "outbound:80-65536", "", false),
        ("network", "outbound:80", "outbound:80,,81", "", false),
        ("fs", "read:/a/x/y", "read:/a/**/**/y", "", true),
        ("fs", "read:/a/y", "read:/a/**/y", "", true),
        ("fs", "read:/a/.hidden", "read:/a/*", "", true),
        ("fs", "read:/a/b", "read:/a/[!b]", "", false),
        ("fs", "read:/a/c", "read:/a/[^b]", "", true),
        ("fs", "read:/a/b", "read:/a/[^b]", "", false),
        ("fs", "read:/a/b/c", "read:/a/b**", "", false),
        ("fs", "read:/a\0b", "read:/**", "", false),
        ("fs", "read:x", "read:**", "", false),
        ("fs", "read:x", "read:**", "/w", true),
        ("fs", "read:/w/../etc/x", "read:./**", "/w", false),
        ("fs", "read:/w", "read:.", "/w", true),
        ("fs", "read:/wide/x", "read:./**", "/w", false),
        ("fs", "read:/x", "read:../*", "/w", true),
        ("env", "A=B", "*", "", false),
        ("env", "A", "A=B", "", false),
        ("env", "X_KEY", "glob:*_KEY", "", true),
        ("exec", "ls", "ls,cat", "", true),
        ("exec", "/bin/cat", "/bin/ls, /bin/cat", "", true),
        ("exec", "sh", "bash,sh", "", false),
        ("exec", "ls", "ls,bash", "", false),
        ("exec", "./ls", "./*", "/w", true),
        ("exec", "/w/ls", "./*", "/w", true),
        ("exec", "/w/ls", "./ls", "/w", true),
        ("exec", "/bin/..", "/bin/*", "", false),
        ("exec", "a\0b", "**", "", false),
        ("kv", "", "*", "", false),
        ("kv", "config/a/b", "glob:config/*", "", false),
        ("KV", "x", "x", "", false),
    ] {
        let decision = decide(kind, requested, granted, Some(cwd));
        assert_eq!(
            decision.allowed, allowed,
            "{kind} {requested:?} {granted:?}: {}",
            decision.reason
        );
    }
}

#[test]
fn the_v1_policy() {
    for row in rows("policy-v1") {
        let request = &row["request"];
        let grants = row["grants"].as_array().unwrap();
        let allowed = grants.iter().any(|grant| {
            assert!(!grant.is_null());
            text(grant, "kind") == text(request, "kind")
                && decide(
                    text(grant, "kind"),
                    text(request, "pattern"),
                    text(grant, "pattern"),
                    Some(text(&row, "cwd")),
                )
                .allowed
        });
        assert_eq!(Some(allowed), row["expect"].as_bool(), "{row}");
    }
}

#[test]
fn hostile_patterns_are_survived() {
    for row in rows("policy-fuzz") {
        assert_eq!(text(&row, "expect"), "no panic");
        let kind = text(&row, "kind");
        let seeds = texts(&row, "granted_pattern_seeds");
        assert!(!seeds.is_empty(), "{row}");
        let seeds = seeds.iter().map(|seed| match seed.split_once('<') {
            Some((before, rest)) if rest.ends_with("NUL bytes>") => {
                let count = rest.split(' ').next().unwrap().parse().unwrap();
                format!("{before}{}", "\0".repeat(count))
            }
            _ => seed.clone(),
        });
        let seeds: Vec<String> = seeds.collect();
        for granted in &seeds {
            for requested in &seeds {
                let decision = decide(kind, requested, granted, Some("/w"));
                // Nothing with a NUL byte or without a text is ever allowed.
                if requested.contains('\0') || granted.contains('\0') || requested.is_empty() {
                    assert!(!decision.allowed, "{requested:?} {granted:?}");
                }
            }
        }
    }
}

/// What is exposed, as paths that may and may not be read and written: the prose of the file,
/// with the working directory /w/cwd.
fn probes(grant: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match grant {
        "fs:read:/etc/ssh/sshd_config" => (&["/etc/ssh/sshd_config"], &["/etc/ssh", "/etc/ssh/x"]),
        "fs:read:/etc/hosts" => (&["/etc/hosts"], &["/etc", "/etc/passwd", "/etc/hosts/x"]),
        "fs:read:/etc" => (&["/etc"], &["/etc/hosts", "/"]),
        "fs:read:/var/log/**" => (&["/var/log", "/var/log/a/b"], &["/var", "/var/logs"]),
        "fs:read:/var/log/*" => (&["/var/log/a"], &["/var/log", "/var/log/a/b"]),
        "fs:read:/var/log/*.log" => (&["/var/log/a.log"], &["/var/log/a", "/var/log/b/a.log"]),
        "fs:read:/var/*/a.log" => (&["/var/x/a.log"], &["/var/x/b.log", "/var/x/y/a.log"]),
        "fs:read:/**" | "fs:read:**" => (&["/", "/etc/shadow", "/a/b/c"], &[]),
        "fs:read:foo.txt" => (&["/w/cwd/foo.txt"], &["/w/cwd", "/w/cwd/bar", "/foo.txt"]),
        "fs:write:output.log" => (&["/w/cwd/output.log"], &["/w/cwd/x", "/output.log"]),
        "fs:read:sub/x" => (&["/w/cwd/sub/x"], &["/w/cwd/sub", "/sub/x"]),
        "fs:read:../x" => (&["/w/x"], &["/w", "/w/cwd/x", "/w/y"]),
        "fs:write:/var/log/app.log" => (&["/var/log/app.log"], &["/var/log/x", "/var/log"]),
        "fs:read:/" => (&["/"], &["/etc"]),
        _ => return None,
    })
}

#[test]
fn grants_expose_what_they_name() {
    let cwd = Some("/w/cwd");
    for row in rows("exposure") {
        let Some(named) = row["grant"].as_str() else {
            // Several grants: their order must not matter.
            let grants = texts(&row, "grants");
            assert_eq!(grants.len(), 2, "{row}");
            let grants: Vec<Capability> = grants.iter().map(|text| text.parse().unwrap()).collect();
            let read = |path: &str| {
                grants
                    .iter()
                    .any(|g| g.covers(&Request::Read(path.into()), cwd))
            };
            let write = |path: &str| {
                grants
                    .iter()
                    .any(|g| g.covers(&Request::Write(path.into()), cwd))
            };
            assert!(
                read("/d/x/y") && read("/d/out.txt") && write("/d/out.txt"),
                "{row}"
            );
            assert!(!write("/d/x") && !write("/d") && !read("/e"), "{row}");
            continue;
        };
        let grant: Capability = named.parse().unwrap();
        let (open, closed) = probes(named).unwrap_or_else(|| panic!("no probes for {row}"));
        assert_eq!(
            grant.is_broad(),
            text(&row, "expose").contains("broad") || named == "fs:read:/"
        );
        let writes = named.starts_with("fs:write");
        for (paths, allowed) in [(open, true), (closed, false)] {
            for path in paths {
                let (read, write) = (
                    Request::Read((*path).into()),
                    Request::Write((*path).into()),
                );
                assert_eq!(
                    grant.covers(&read, cwd),
                    allowed && !writes,
                    "{named} {path}"
                );
                assert_eq!(
                    grant.covers(&write, cwd),
                    allowed && writes,
                    "{named} {path}"
                );
            }
        }
    }
}

#[test]
fn lists_of_grants() {
    for row in rows("grant-lists") {
        match text(&row, "test") {
            "TestGrant_Add" => {
                let mut grants = Grants::new();
                let lengths = texts(&row, "ops").into_iter().map(|op| {
                    let added = op.strip_prefix("add ").unwrap();
                    let capability = added.trim_end_matches(" (again)").parse().unwrap();
                    grants.grant("p", capability);
                    grants.for_plugin("p").len() as u64
                });
                let lengths: Vec<u64> = lengths.collect();
                assert_eq!(serde_json::json!(lengths), row["expect"]["len_after_each"]);
            }
            "TestGrant_Contains" => {
                let have = list(&texts(&row, "have"));
                for (wanted, expected) in row["expect"].as_object().unwrap() {
                    let contained = have.contains(&list(std::slice::from_ref(wanted)));
                    assert_eq!(Some(contained), expected.as_bool(), "{wanted}");
                }
            }
            "TestGrant_ContainsAny" => {
                let have = list(&texts(&row, "have"));
                for case in row["expect"].as_array().unwrap() {
                    let wanted = list(&texts(case, "of"));
                    let any = wanted
                        .for_plugin("p")
                        .iter()
                        .any(|c| have.for_plugin("p").contains(c));
                    assert_eq!(Some(any), case["any"].as_bool(), "{case}");
                }
            }
            other => panic!("unknown test {other}"),
        }
    }
}

fn list(texts: &[String]) -> Grants {
    let mut grants = Grants::new();
    for text in texts {
        grants.grant("p", text.parse().unwrap());
    }
    grants
}
