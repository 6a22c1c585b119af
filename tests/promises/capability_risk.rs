//! Risk levels are those of the v1 analyser's rows, and a wider grant never has a lower risk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use crate::capability_rows;

use capability_rows::{rows, text, texts};
use tollgate::capability::risk::{assess, interpreter};
use tollgate::capability::{Capability, Level};

#[test]
fn the_risk_rows() {
    for row in rows("risk") {
        let cap = &row["cap"];
        if cap.is_object() {
            let cap = format!("{}:{}", text(cap, "kind"), text(cap, "pattern"));
            let risk = assess(&cap).unwrap();
            let expected = &row["expect"];
            let mut told = 0;
            if let Some(broad) = expected["broad"].as_bool() {
                // git runs what an alias or a hook says; by program, it is as broad as a shell.
                let departs = row["case"] == "exec specific command";
                assert_eq!(risk.is_broad(), broad || departs, "{row}");
                told += 1;
            }
            if let Some(level) = expected["risk"].as_str() {
                assert_eq!(risk.level.as_str(), level, "{row}");
                told += 1;
            }
            for part in texts(expected, "description_mentions") {
                assert!(
                    risk.reason.as_str().contains(&part),
                    "{row}: {}",
                    risk.reason
                );
                told += 1;
            }
            assert!(told > 0, "nothing expected in {row}");
            continue;
        }
        match text(&row, "test") {
            "Test_isInterpreterVariant" => {
                let (pattern, base) = (text(&row, "pattern"), text(&row, "base"));
                let is = interpreter(pattern).is_some_and(|name| name.starts_with(base));
                assert_eq!(Some(is), row["expect"].as_bool(), "{row}");
            }
            "Test_matchesInterpreter" => {
                let is = interpreter(text(&row, "pattern")).is_some();
                assert_eq!(Some(is), row["expect"].as_bool(), "{row}");
            }
            "Test_extractInterpreterName" => {
                assert_eq!(
                    interpreter(text(&row, "pattern")),
                    row["expect"].as_str(),
                    "{row}"
                );
            }
            "Test_RiskLevel_String" => {
                // 99 cannot be written here: a level is one of three.
                let levels = [Level::Low, Level::Medium, Level::High];
                let value = usize::try_from(row["value"].as_u64().unwrap()).unwrap();
                let name = levels.get(value).map_or("unknown", |level| level.as_str());
                assert_eq!(name, text(&row, "expect"));
            }
            // Whether a list contains a text.
            "Test_matchesAny" => {
                let found = texts(&row, "list")
                    .iter()
                    .any(|item| item == text(&row, "pattern"));
                assert_eq!(Some(found), row["expect"].as_bool());
            }
            other => panic!("unknown test {other}"),
        }
    }
}

#[test]
fn levels_of_our_own() {
    for (cap, level) in [
        ("fs:write:**", Level::High),
        ("fs:read:/etc/**", Level::High),
        ("fs:write:/", Level::High),
        ("fs:read:/var/**", Level::Medium),
        ("fs:read:/*/secrets", Level::Medium),
        ("fs:write:/etc/passwd", Level::Medium),
        ("fs:write:/usr/bin/tool", Level::Medium),
        ("fs:read:/home/me/x", Level::Low),
        ("fs:read:/etcetera/x", Level::Low),
        ("fs:read:conf/**", Level::Low),
        ("exec:/usr/bin/python3.11", Level::High),
        ("exec:/bin/dash", Level::High),
        ("exec:/usr/bin/env", Level::High),
        ("exec:sudo", Level::High),
        ("exec:/usr/bin/git", Level::High),
        ("exec:ls", Level::Medium),
        ("exec:ls,cat", Level::Medium),
        ("exec:ls -l *", Level::Medium),
        ("exec:/bin/sh -c uptime", Level::Medium),
        ("exec:/bin/sh -c *", Level::High),
        ("exec:/usr/bin/systemctl is-active *", Level::High),
        ("exec:/usr/bin/systemctl is-active cron", Level::Medium),
        ("exec:/usr/bin/git log **", Level::High),
        ("exec:/bin/*", Level::High),
        ("exec:/opt/tools/*", Level::High),
        ("exec:glob:/opt/tools/x-?", Level::High),
        ("exec:glob:**", Level::High),
        ("network:outbound:1-65535", Level::High),
        ("network:outbound:1-30000,30001-65535", Level::High),
        ("network:outbound:*:*", Level::High),
        ("network:outbound:metadata", Level::High),
        ("network:outbound:private", Level::Medium),
        ("network:outbound:example.com:*", Level::Medium),
        ("network:outbound:https://e.com", Level::Medium),
        ("env:*", Level::High),
        ("env:AZURE_*", Level::High),
        ("env:APP_*", Level::Low),
        ("kv:*", Level::Low),
    ] {
        let capability: Capability = cap.parse().unwrap();
        let risk = capability.risk();
        assert_eq!(risk.level, level, "{cap}: {}", risk.reason);
        assert_eq!(capability.is_broad(), level == Level::High, "{cap}");
        assert!(
            risk.reason.as_str().ends_with('.') && !risk.reason.as_str().contains(". "),
            "{}",
            risk.reason
        );
        assert_eq!(assess(cap).unwrap(), risk);
    }
    for cap in ["fs:x", "network:80", "exec:a*", "x"] {
        assert!(assess(cap).is_err(), "{cap}");
    }
}

#[test]
fn a_wildcard_for_commands_is_high_risk_in_these_words() {
    for wildcard in ["exec:**", "exec:*", "exec:/usr/bin/*", "exec:glob:/opt/x*"] {
        let reason = assess(wildcard).unwrap().reason;
        let words = "a program that is not in the table of programs that run code is allowed, \
                     so every wildcard for commands is high risk";
        assert!(reason.as_str().contains(words), "{reason}");
    }
    let fixed = assess("exec:/bin/sh -c uptime").unwrap().reason;
    assert!(
        fixed.as_str().contains("a shell") && fixed.as_str().contains("fixed"),
        "{fixed}"
    );
}

#[test]
fn what_includes_what() {
    for (own, other, included) in [
        ("fs:read:/**", "fs:read:/etc/*.conf", true),
        ("fs:read:/etc/**", "fs:read:/etc", true),
        ("fs:read:/etc/**", "fs:read:/etc/ssh/*", true),
        ("fs:read:/etc/**", "fs:read:/etcetera/*", false),
        ("fs:read:/etc/**", "fs:write:/etc/x", false),
        ("fs:read:/etc/*", "fs:read:/etc/hosts", true),
        ("fs:read:/etc/*", "fs:read:/etc/**", false),
        ("fs:read:/w/**", "fs:read:x/*", true),
        ("network:outbound:*", "network:outbound:80,443", true),
        ("network:outbound:*", "network:outbound:80,private", false),
        ("network:outbound:1-100", "network:outbound:80,90-95", true),
        (
            "network:outbound:1-50,51-100",
            "network:outbound:40-60",
            true,
        ),
        (
            "network:outbound:1-50,52-100",
            "network:outbound:40-60",
            false,
        ),
        (
            "network:outbound:443",
            "network:outbound:example.com:443",
            true,
        ),
        (
            "network:outbound:443",
            "network:outbound:https://example.com/x",
            true,
        ),
        (
            "network:outbound:example.com:443",
            "network:outbound:443",
            false,
        ),
        (
            "network:outbound:*.example.com:*",
            "network:outbound:a.example.com:443",
            true,
        ),
        (
            "fs:read:/etc/{hosts,passwd}",
            "fs:read:glob:/etc/{hosts,passwd}",
            false,
        ),
        ("fs:read:/etc/*", "fs:read:glob:/etc/{hosts,passwd}", true),
        (
            "fs:read:glob:/etc/{hosts,passwd}",
            "fs:read:/etc/hosts",
            true,
        ),
        (
            "fs:read:glob:/etc/{passwd,hosts,group}",
            "fs:read:glob:/etc/{hosts,passwd}",
            true,
        ),
        (
            "fs:read:glob:/etc/{passwd,hosts}",
            "fs:read:glob:/etc/{hosts,group}",
            false,
        ),
        ("fs:read:glob:/{etc,usr}/**", "fs:read:/etc/*/x", true),
        ("fs:read:/var/*/x", "fs:read:/var/lo[gh]/x", true),
        ("fs:read:**", "fs:read:glob:{a,b/**}", true),
        ("fs:read:glob:./{a,b}/*", "fs:read:/w/a/*", true),
        (
            "network:outbound:{a,b}.example.com:*",
            "network:outbound:a.example.com:443",
            true,
        ),
        (
            "network:outbound:*.example.com:*",
            "network:outbound:{a,b}.example.com:443",
            true,
        ),
        ("env:glob:{A,B}_*", "env:A_X", true),
        ("env:glob:{A,B}_*", "env:glob:B_{X,Y}", true),
        ("env:AWS_*", "env:AWS_REGION", true),
        ("env:AWS_*", "env:AWS_S*", true),
        ("env:AWS_S*", "env:AWS_*", false),
        ("exec:**", "exec:ls", true),
        ("exec:**", "exec:bash", false),
        ("exec:/bin/*", "exec:/bin/ls", true),
        ("exec:ls,cat", "exec:cat", true),
        ("exec:cat", "exec:ls,cat", false),
        ("exec:/bin/*", "exec:/bin/ls -l", true),
        ("exec:/bin/*", "exec:/bin/sh -c x", false),
        ("exec:**", "exec:/bin/ls *", true),
        ("exec:**", "exec:git status", false),
        ("exec:git", "exec:git status", true),
        ("exec:ls,cat", "exec:cat x", true),
        ("exec:git status", "exec:git", false),
        ("exec:git status", "exec:ls status", false),
        ("exec:git *", "exec:git status", true),
        ("exec:git *", "exec:git \"*\"", true),
        ("exec:git \"*\"", "exec:git *", false),
        ("exec:git *", "exec:git **", false),
        ("exec:git * **", "exec:git **", false),
        ("exec:git **", "exec:git * **", true),
        ("exec:git a **", "exec:git a b *", true),
        ("exec:git a **", "exec:git * b", false),
        ("exec:git * *", "exec:git *", false),
        ("kv:a*", "kv:ab", true),
        ("kv:*", "queue:a", false),
    ] {
        let (own, other): (Capability, Capability) = (own.parse().unwrap(), other.parse().unwrap());
        assert_eq!(own.includes(&other, Some("/w")), included, "{own} {other}");
    }
}
