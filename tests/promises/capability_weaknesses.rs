//! Known weaknesses of Reglet's own policy, each by its number, and each closed here. Those that need a
//! file system, a network or a process have their tests elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use tollgate::capability::address::{AddressWord, judge, parse_host};
use tollgate::capability::command::env_allowed;
use tollgate::capability::{Capability, Request, decide, decide_resolved};

fn allowed(grant: &str, request: &str) -> bool {
    let request: Request = request.parse().unwrap();
    grant
        .parse::<Capability>()
        .unwrap()
        .covers(&request, Some("/w"))
}

#[test]
fn f1_a_grant_for_a_file_is_not_one_for_its_directory() {
    assert!(allowed("fs:read:/etc/hosts", "fs:read:/etc/hosts"));
    assert!(!allowed("fs:read:/etc/hosts", "fs:read:/etc/passwd"));
    assert!(!allowed("fs:read:/etc", "fs:read:/"));
}

#[test]
fn f2_a_star_is_one_level_and_filtered() {
    assert!(!allowed("fs:read:/d/*", "fs:read:/d/a/b"));
    assert!(!allowed("fs:read:/d/*.log", "fs:read:/d/a.txt"));
}

#[test]
fn f3_a_relative_grant_is_not_the_working_directory() {
    assert!(allowed("fs:read:a.txt", "fs:read:/w/a.txt"));
    assert!(!allowed("fs:read:a.txt", "fs:read:/w/b.txt"));
    assert!("fs:read:**".parse::<Capability>().unwrap().is_broad());
}

#[test]
fn f4_reading_and_writing_do_not_replace_each_other() {
    assert!(!allowed("fs:read:/d/**", "fs:write:/d/x"));
    assert!(!allowed("fs:write:/d/out", "fs:write:/d/x"));
}

#[test]
fn f8_the_deepest_existing_ancestor_decides() {
    let resolve = |path: &str| match path {
        "/d/link" => Some("/secret".to_owned()),
        "/" | "/d" | "/secret" => Some(path.to_owned()),
        _ => None,
    };
    let create = |path: &str| {
        decide_resolved(
            "fs",
            &format!("write:{path}"),
            "write:/d/**",
            None,
            &resolve,
        )
        .allowed
    };
    assert!(create("/d/new"));
    assert!(!create("/d/link/new") && !create("/d/link/a/b/new") && !create("/d/link"));
}

#[test]
fn f9_double_stars_mean_something_everywhere() {
    for grant in [
        "fs:read:/**",
        "fs:read:**",
        "fs:read:/a/**/c",
        "fs:read:/a/**/*",
    ] {
        assert!(allowed(grant, "fs:read:/a/b/c"), "{grant}");
    }
    assert!(allowed("fs:read:./**", "fs:read:/w/x") && !allowed("fs:read:./**", "fs:read:/x"));
}

#[test]
fn f10_grants_are_pinned_and_brackets_can_be_granted() {
    let resolve = |path: &str| match path {
        "/var/run" => Some("/run".to_owned()),
        "/var/run/my[1].pid" => Some("/run/my[1].pid".to_owned()),
        "/l" => Some("/x/a*b".to_owned()),
        "/var/run/a" | "/var/run/b" => None,
        path => Some(path.to_owned()),
    };
    for (grant, pinned) in [
        ("fs:read:/var/run/**", "fs:read:/run/**"),
        ("fs:read:/l/*", "fs:read:/x/a[*]b/*"),
        ("fs:read:/l", "fs:read:/x/a[*]b"),
        ("fs:read:/etc/**", ""),
        ("fs:read:**", ""),
        ("env:A", ""),
        (
            "fs:read:glob:/{l,etc,var/run/x*}",
            "fs:read:/run/x* fs:read:/x/a[*]b",
        ),
        (
            "fs:write:glob:/var/run/{a,b}",
            "fs:write:/run/a fs:write:/run/b",
        ),
        ("exec:glob:/var/{run,lib}/*", "exec:glob:/run/*"),
        ("exec:glob:/{l,etc}", "exec:glob:/x/a[*]b"),
    ] {
        let grant: Capability = grant.parse().unwrap();
        let found = grant.pinned(&resolve, None);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.join(" "), pinned, "{grant}");
    }
    let relative: Capability = "fs:write:run/x".parse().unwrap();
    assert_eq!(relative.pinned(&resolve, None), []);
    assert_eq!(relative.pinned(&|_| None, Some("/var")), []);
    assert!(allowed("fs:read:/x/a[1].txt", "fs:read:/x/a[1].txt"));
    // What has too many choices to be written out is pinned by the directory in front of them.
    let many = format!("fs:read:glob:/var/run/{}", "{a,b}".repeat(64));
    let pinned = many.parse::<Capability>().unwrap().pinned(&resolve, None);
    let expected = many.replace("/var/run", "/run").parse().unwrap();
    assert_eq!(pinned, [expected]);
}

#[test]
fn n1_no_range_is_forgotten() {
    for ip in [
        "0.0.0.0",
        "::",
        "100.100.100.200",
        "::ffff:0.0.0.0",
        "64:ff9b::7f00:1",
    ] {
        assert!(judge(ip.parse().unwrap()).blocked, "{ip}");
    }
}

#[test]
fn n2_a_star_implies_no_word() {
    for word in ["private", "loopback", "metadata"] {
        let request = format!("network:outbound:{word}");
        assert!(!allowed("network:outbound:*", &request), "{word}");
        assert!(!allowed("network:outbound:*:*", &request), "{word}");
        assert!(!allowed("network:outbound:1-65535", &request), "{word}");
        assert!(allowed(&request, &request), "{word}");
    }
    let metadata = judge("169.254.169.254".parse().unwrap());
    assert!(!metadata.opened_by(|word| word != AddressWord::Metadata));
}

#[test]
fn n13_a_host_can_be_granted_alone() {
    assert!(allowed(
        "network:outbound:e.com:443",
        "network:outbound:e.com:443"
    ));
    assert!(!allowed(
        "network:outbound:e.com:443",
        "network:outbound:evil.com:443"
    ));
    assert!(!allowed(
        "network:outbound:e.com:443",
        "network:outbound:443"
    ));
    assert!(!allowed(
        "network:outbound:e.com:443",
        "network:outbound:e.com:80"
    ));
}

#[test]
fn n14_ports_are_numbers_from_1_to_65535() {
    for port in [
        "0", "65536", "http", "", "+80", "080", " 80", "80 ", "8e1", "0x50", "-1",
    ] {
        let decision = decide("network", &format!("outbound:{port}"), "outbound:*", None);
        assert!(!decision.allowed && decision.malformed, "{port:?}");
    }
    let zero = Request::Connect {
        host: None,
        port: 0,
    };
    assert!(
        !"network:outbound:*"
            .parse::<Capability>()
            .unwrap()
            .covers(&zero, None)
    );
}

#[test]
fn n15_urls_are_compared_as_urls() {
    let grant = "network:outbound:https://e.com/x?a=1,2&b";
    assert!(allowed(grant, "network:outbound:https://e.com/x?a=1,2&b"));
    assert!(allowed(
        grant,
        "network:outbound:HTTPS://E.com:443/./x?b&a=1,2#frag"
    ));
    assert!(!allowed(grant, "network:outbound:https://e.com/X?a=1,2&b"));
    assert!(!allowed(grant, "network:outbound:2"));
}

#[test]
fn e1_and_e8_code_in_arguments_needs_a_literal_grant() {
    let run = |grant: &str, command: &str, args: &[&str]| {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let request = Request::Exec {
            command: command.to_owned(),
            args,
        };
        grant.parse::<Capability>().unwrap().covers(&request, None)
    };
    for grant in ["exec:**", "exec:/bin/*"] {
        assert!(!run(grant, "/bin/sh", &["-c", "x"]), "{grant}");
        assert!(!run(grant, "/bin/busybox", &["sh", "-c", "x"]), "{grant}");
        assert!(!run(grant, "/bin/env", &["sh", "-c", "x"]), "{grant}");
        assert!(!run(grant, "/bin/perl", &["-ne", "x"]), "{grant}");
        assert!(!run(grant, "/bin/perl", &[]), "{grant}");
    }
    assert!(run("exec:/bin/sh", "/bin/sh", &["-c", "x"]));
}

#[test]
fn e2_loader_variables_are_never_handed_on() {
    assert!(!env_allowed("LD_PRELOAD", "x", |_| true));
    assert!(!env_allowed("PATH", "x", |_| false));
    assert!(!env_allowed("LUA_INIT", "x", |_| false));
}

#[test]
fn e9_commands_are_compared_as_paths() {
    assert!(allowed("exec:/bin/sh", "exec:/bin//sh"));
    assert!(!allowed("exec:./*", "exec:ls"));
    let resolve = |path: &str| match path {
        "/bin/tool" => Some("/opt/tool".to_owned()),
        path => Some(path.replace("/bin/sh", "/usr/bin/dash")),
    };
    let decide = |requested: &str, granted: &str| {
        decide_resolved("exec", requested, granted, None, &resolve).allowed
    };
    assert!(!decide("/bin/tool", "/bin/*"));
    assert!(decide("/bin/tool", "/bin/tool"));
    assert!(decide("/bin/sh", "/bin/sh"));
}

#[test]
fn odd_hosts_reach_nothing() {
    for host in [
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "fe80::1%eth0",
        "a..b",
        "",
    ] {
        assert!(parse_host(host).is_err(), "{host}");
        let request = Request::Connect {
            host: Some(host.to_owned()),
            port: 80,
        };
        assert!(
            !"network:outbound:*"
                .parse::<Capability>()
                .unwrap()
                .covers(&request, None),
            "{host}"
        );
        let url = Request::Url(format!("http://{host}/"));
        assert!(
            !"network:outbound:*"
                .parse::<Capability>()
                .unwrap()
                .covers(&url, None),
            "{host}"
        );
    }
}
