//! The structured v2 form of grants means what the v2 rows say, with the corrections named here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use crate::capability_rows;

use capability_rows::{rows, text, texts};
use serde_json::{Value, json};
use tollgate::capability::{Capability, GrantSet, Grants, Level, Request};

fn read(set: &Value) -> Vec<Capability> {
    GrantSet::deserialize_from(set).capabilities().unwrap()
}

trait FromValue {
    fn deserialize_from(value: &Value) -> Self;
}

impl FromValue for GrantSet {
    fn deserialize_from(value: &Value) -> GrantSet {
        serde_json::from_value(value.clone()).unwrap()
    }
}

fn read_request(request: &Value) -> Request {
    let field = |key: &str| request[key].as_str().map(str::to_owned);
    if let Some(host) = field("host") {
        let port = u16::try_from(request["port"].as_u64().unwrap()).unwrap();
        return Request::Connect {
            host: Some(host),
            port,
        };
    }
    match (
        field("path"),
        field("var"),
        field("command"),
        field("key"),
        field("op").as_deref(),
    ) {
        (Some(path), None, None, None, Some("read")) => Request::Read(path),
        (Some(path), None, None, None, Some("write")) => Request::Write(path),
        (None, Some(var), None, None, None) => Request::Env(var),
        (None, None, Some(command), None, None) => Request::Exec {
            command,
            args: Vec::new(),
        },
        (None, None, None, Some(key), Some(op)) => Request::Custom {
            kind: "kv".to_owned(),
            value: format!("{op}:{key}"),
        },
        _ => panic!("unknown request {request}"),
    }
}

#[test]
fn the_policy_rows() {
    for row in rows("policy-v2") {
        if row["expect"] == "no panic" {
            let seeds = &row["seeds"];
            let set = json!({"network": {"rules": [{"hosts": ["*.internal"], "ports": ["80"]}]},
                "fs": {"rules": [{"read": ["/data/**"]}]}});
            for capability in read(&set) {
                for host in texts(seeds, "host") {
                    for port in seeds["port"].as_array().unwrap() {
                        let _ = capability
                            .covers(&read_request(&json!({"host": host, "port": port})), None);
                    }
                }
                for path in texts(seeds, "path") {
                    let _ = capability.covers(&Request::Read(path), None);
                }
            }
            continue;
        }
        let request = read_request(&row["request"]);
        let cwd = row["cwd"].as_str();
        let allowed = read(&row["grants"])
            .iter()
            .any(|held| held.covers(&request, cwd));
        assert_eq!(Some(allowed), row["expect"].as_bool(), "{row}");
    }
}

/// Examples of the structured form, with the corrections.
#[test]
fn the_examples() {
    let net = |hosts: Value, ports: Value| json!({"network": {"rules": [{"hosts": hosts, "ports": ports}]}});
    let fs = |operation: &str, glob: &str| json!({"fs": {"rules": [{operation: [glob]}]}});
    let at = |host: &str, port: u16| json!({"host": host, "port": port});
    let path = |operation: &str, path: &str| json!({"path": path, "op": operation});
    let example = net(json!(["example.com"]), json!(["80", "8000-8010"]));
    let internal = net(json!(["*.internal"]), json!(["*"]));
    let etc = fs("read", "/etc/{hosts,passwd}");
    let vars = json!({"env": {"vars": ["APP_*", "DEBUG", "*_URL", "X?Z"]}});
    let exec = |glob: &str| json!({"exec": {"commands": [glob]}});
    let run = |command: &str| json!({"command": command});
    let kv = json!({"kv": {"rules": [{"op": "read", "keys": ["config/*"]}]}});
    for (set, request, allowed) in [
        (&example, at("example.com", 8005), true),
        (&example, at("example.com", 443), false),
        (&example, at("EXAMPLE.com", 80), true),
        (&internal, at("svc.internal", 9999), true),
        (&internal, at("a.b.internal", 80), true),
        (&internal, at("internal", 80), false),
        (
            &net(json!(["API.{a,b}.com"]), json!(["80"])),
            at("api.b.com", 80),
            true,
        ),
        (
            &net(json!(["*"]), json!(["*"])),
            at("anything.example", 1),
            true,
        ),
        (&net(json!(["::1"]), json!(["80"])), at("::1", 80), true),
        (&fs("read", "/data/**"), path("read", "/data/foo/bar"), true),
        (&fs("read", "/data/**"), path("read", "/data"), true),
        (
            &fs("read", "/a/**/d.txt"),
            path("read", "/a/b/c/d.txt"),
            true,
        ),
        (&fs("read", "/a/**/d.txt"), path("read", "/a/d.txt"), true),
        (&fs("write", "/tmp/*"), path("write", "/tmp/foo/bar"), false),
        (&etc, path("read", "/etc/hosts"), true),
        (&etc, path("read", "/etc/{hosts,passwd}"), false),
        (&fs("read", "/**"), path("read", "/any/path"), true),
        (&fs("read", "**"), path("read", "/any/path"), true),
        (&fs("read", "**"), path("read", "relative"), false),
        (&fs("write", "/d/**"), path("read", "/d/x"), false),
        (&vars, json!({"var": "APP_ENV"}), true),
        (&vars, json!({"var": "DEBUG"}), true),
        (&vars, json!({"var": "DB_URL"}), true),
        (&vars, json!({"var": "XYZ"}), true),
        (&vars, json!({"var": "PATH"}), false),
        (&exec("/usr/bin/*"), run("/usr/bin/ls"), true),
        (&exec("/usr/bin/*"), run("/usr/bin/../../bin/sh"), false),
        (&exec("/usr/bin/ls*"), run("/usr/bin/lsblk"), true),
        (&exec("/usr/{bin,sbin}/*"), run("/usr/sbin/x"), true),
        (&exec("ls"), run("/bin/ls"), false),
        (&exec("**"), run("/bin/ls"), true),
        (&exec("**"), run("/bin/sh"), false),
        (&exec("/bin/sh"), run("/bin/sh"), true),
        (&exec("/opt/my tool"), run("/opt/my tool"), true),
        (&exec("/opt/my dir/*"), run("/opt/my dir/x"), true),
        (&exec("/opt/a,b"), run("/opt/a,b"), true),
        (&exec("ls -l"), run("ls"), false),
        (&exec("*"), run("ls"), true),
        (&exec("*"), run("/bin/ls"), false),
        (&kv, json!({"key": "config/db", "op": "read"}), true),
        (&kv, json!({"key": "config/db", "op": "write"}), false),
        (&kv, json!({"key": "config/a/b", "op": "read"}), false),
    ] {
        let request = read_request(&request);
        let found = read(set).iter().any(|held| held.covers(&request, None));
        assert_eq!(found, allowed, "{set} {request}");
    }
    // Everything granted, and still no closed address: the words are not part of this form.
    let all = read(&net(json!(["*"]), json!(["*"])));
    assert!(
        all.iter()
            .all(|held| !held.covers(&"network:outbound:private".parse().unwrap(), None))
    );
    let shell = Request::Exec {
        command: "/bin/sh".into(),
        args: vec!["-c".into()],
    };
    assert!(
        !read(&exec("**"))
            .iter()
            .any(|held| held.covers(&shell, None))
    );
}

#[test]
fn bad_sets_are_refused() {
    for set in [
        json!({"network": {"rules": [{"hosts": ["a"], "ports": ["abc"]}]}}),
        json!({"network": {"rules": [{"hosts": ["a"], "ports": ["-1"]}]}}),
        json!({"network": {"rules": [{"hosts": ["a"], "ports": ["80,private"]}]}}),
        json!({"network": {"rules": [{"hosts": ["a"], "ports": ["65536"]}]}}),
        json!({"network": {"rules": [{"hosts": ["a"], "ports": []}]}}),
        json!({"network": {"rules": [{"ports": ["80"]}]}}),
        json!({"network": {"rules": [{"hosts": ["a:80"], "ports": ["80"]}]}}),
        json!({"network": {"rules": [{"hosts": [""], "ports": ["80"]}]}}),
        json!({"fs": {"rules": [{"read": ["/x/["]}]}}),
        json!({"fs": {"rules": [{"read": ["/x/{a"]}]}}),
        json!({"fs": {"rules": [{"read": [""]}]}}),
        json!({"env": {"vars": ["["]}}),
        json!({"exec": {"commands": ["/bin/["]}}),
        json!({"kv": {"rules": [{"op": "read", "keys": ["["]}]}}),
    ] {
        let error = GrantSet::deserialize_from(&set).capabilities();
        assert!(error.is_err(), "{set} {error:?}");
    }
    for set in [
        json!({"net": {}}),
        json!({"fs": {"rules": [{"reads": []}]}}),
        json!({"kv": {"rules": [{"op": "delete", "keys": []}]}}),
        json!({"kv": {"rules": [{"keys": []}]}}),
        json!({"network": {"rules": [{"hosts": ["a"], "ports": [80]}]}}),
    ] {
        assert!(
            serde_json::from_value::<GrantSet>(set.clone()).is_err(),
            "{set}"
        );
    }
    let empty = json!({"network": null, "fs": {"rules": null}, "env": {"vars": null}, "exec": {}});
    assert_eq!(read(&empty), []);
}

#[test]
fn the_checker_rows() {
    let parsed = |texts: &[&str]| {
        let mut grants = Grants::new();
        grants.extend(
            "p",
            texts.iter().map(|text| text.parse::<Capability>().unwrap()),
        );
        grants
    };
    for row in rows("capability-checker-v2") {
        match (text(&row, "test"), row["case"].as_str().unwrap_or_default()) {
            ("TestCapabilityChecker_CheckExec_NoGrants", _) => {
                let run = Request::Exec {
                    command: text(&row, "command").into(),
                    args: Vec::new(),
                };
                assert_eq!(row["expect"], "denied");
                assert_eq!(
                    Grants::new().covering(text(&row, "plugin"), &run, None),
                    None
                );
            }
            (name, _) if name.starts_with("TestCapabilityChecker_") => {
                let request = match (row["var"].as_str(), row["command"].as_str()) {
                    (Some(var), _) => Request::Env(var.into()),
                    (_, command) => {
                        let command = command.unwrap_or_else(|| text(&row, "capability"));
                        Request::Exec {
                            command: command.into(),
                            args: Vec::new(),
                        }
                    }
                };
                let held = read(&row["grants"]);
                let covered = held.iter().any(|held| held.covers(&request, None));
                assert_eq!(Some(covered), row["expect"].as_bool(), "{row}");
            }
            ("TestGrantSet_Difference", "left null") => {
                assert!(Grants::new().difference(&Grants::new()).is_empty());
                assert!(row["expect"].is_null());
            }
            ("TestGrantSet_Difference", "kv") => {
                let set =
                    |operation, key| json!({"kv": {"rules": [{"op": operation, "keys": [key]}]}});
                let one = read(&set("read", "key1"));
                let two = read(&set("write", "key2"));
                let (mut left, mut right) = (Grants::new(), Grants::new());
                left.extend("p", one.iter().chain(&two).cloned());
                right.extend("p", one);
                assert_eq!(left.difference(&right).for_plugin("p"), two, "{row}");
            }
            ("TestGrantSet_Difference", kind) => {
                let (key, prefix) = match kind {
                    "network" => ("net", "network:outbound:"),
                    "exec" => ("exec", "exec:"),
                    "env" => ("env", "env:"),
                    _ => panic!("unknown case {row}"),
                };
                let side = |side: &str| {
                    let texts = texts(&row[side], key);
                    let texts: Vec<_> =
                        texts.iter().map(|item| format!("{prefix}{item}")).collect();
                    parsed(&texts.iter().map(String::as_str).collect::<Vec<_>>())
                };
                assert_eq!(
                    side("left").difference(&side("right")),
                    side("expect"),
                    "{row}"
                );
            }
            ("TestGrantSet_Contains", case) => {
                let (empty, one) = (Grants::new(), parsed(&["exec:ls"]));
                let two = parsed(&["exec:ls", "env:A"]);
                let contained = match case {
                    "null contains empty" => empty.contains(&Grants::new()),
                    "null contains something" => empty.contains(&one),
                    "something contains null" => one.contains(&empty),
                    "equal" => one.contains(&one),
                    "superset contains subset" => two.contains(&one),
                    "subset contains superset" => one.contains(&two),
                    _ => panic!("unknown case {row}"),
                };
                assert_eq!(Some(contained), row["expect"].as_bool(), "{row}");
            }
            ("TestGrantSet_Merge_Deduplication", _) => {
                let (a, b) = (parsed(&["exec:ls", "env:A"]), parsed(&["env:B", "env:A"]));
                let merged = a.union(&b).union(&b).union(&a);
                assert_eq!(merged, parsed(&["exec:ls", "env:A", "env:B"]), "{row}");
                let mut twice = parsed(&["env:B", "env:A", "env:B"]);
                twice.deduplicate();
                assert_eq!(twice, parsed(&["env:B", "env:A"]));
            }
            // The v2 analyser has a scale of its own: any write is high, and reading everything is
            // medium. Risk here follows v1 (the rows of risk.jsonl), where
            // reading everything is high and writing one file is not.
            ("TestRiskAssessor_*", "fs write") => {
                assert_eq!(row["expect"], "HIGH");
                let all: Capability = "fs:write:**".parse().unwrap();
                assert_eq!(all.risk().level, Level::High);
            }
            ("TestRiskAssessor_*", "fs read **") => {
                let all: Capability = "fs:read:**".parse().unwrap();
                assert!(all.risk().level >= Level::Medium, "{row}");
            }
            _ => panic!("unknown row {row}"),
        }
    }
}

#[test]
fn grants_as_json() {
    let file = r#"{
        "web": ["network:outbound:443", {"kind": "fs", "pattern": "read:/x"},
                {"kind": "fs:read", "pattern": "/x"}],
        "structured": {"env": {"vars": ["APP_*"]}, "exec": {"commands": ["ls", "cat"]}},
        "runs": ["exec:/bin/systemctl   is-active *",
                 {"kind": "exec", "pattern": "/bin/sh -c \"echo a\""}],
        "nothing": []
    }"#;
    let grants: Grants = serde_json::from_str(file).unwrap();
    assert_eq!(
        grants.plugins().collect::<Vec<_>>(),
        ["nothing", "runs", "structured", "web"]
    );
    let texts = |plugin: &str| {
        let held = grants.for_plugin(plugin).iter().map(ToString::to_string);
        held.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(texts("web"), "network:outbound:443 fs:read:/x");
    assert_eq!(
        texts("runs"),
        "exec:/bin/systemctl is-active * exec:/bin/sh -c \"echo a\""
    );
    assert_eq!(texts("structured"), "env:APP_* exec:ls exec:cat");
    let written = serde_json::to_string(&grants).unwrap();
    assert_eq!(serde_json::from_str::<Grants>(&written).unwrap(), grants);

    for (file, parts) in [
        (
            r#"{"web": ["env:A", "fs:read:/x/["]}"#,
            &["\"web\"", "entry 2", "byte 11"][..],
        ),
        (
            r#"{"web": ["env:A", 5]}"#,
            &["\"web\"", "entry 2", "kind:pattern"],
        ),
        (r#"{"web": [{"kind": "fs"}]}"#, &["\"web\"", "entry 1"]),
        (
            r#"{"web": {"exec": {"commands": ["["]}}}"#,
            &["\"web\"", "exec:"],
        ),
        (r#"{"web": {"execs": {}}}"#, &["\"web\"", "execs"]),
        (r#"{"web": "env:A"}"#, &["\"web\"", "list"]),
        (r#"{"web": [], "web": []}"#, &["\"web\"", "twice"]),
        (r#"[]"#, &["plugin names"]),
    ] {
        let error = serde_json::from_str::<Grants>(file)
            .unwrap_err()
            .to_string();
        assert!(
            parts.iter().all(|part| error.contains(part)),
            "{file}: {error}"
        );
    }

    let custom: Grants = serde_json::from_str(r#"{"p": ["kv:x", "env:A"]}"#).unwrap();
    assert!(custom.check_kinds(&["kv"]).is_ok());
    assert_eq!(custom.check_kinds(&[]).unwrap_err().kind, "kv");
}
