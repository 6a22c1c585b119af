//! In a simulated world hosts, servers and commands give the configured answers, and the gate checks
//! them like real ones. Needs neither the feature `net` nor `exec`.

use crate::{loopback, support};

use loopback::{error, plugin_in};
use serde_json::{Value, json};
use std::{net::IpAddr, time::Duration};
use support::ask;
use tollgate::{
    Runtime,
    effect::{Answer, CommandOutput, Failure, HttpResponse},
    world::Simulated,
};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What this function replies in this world under these grants.
fn reply(world: &Simulated, function: &str, grants: &[&str], request: Value) -> Value {
    let world = world.clone();
    let builder = Runtime::builder().world(move || world.clone());
    ask(&plugin_in(builder, function, grants), request)
}

fn anywhere(world: &Simulated, function: &str, request: Value) -> Value {
    reply(world, function, &["network:outbound:*"], request)
}

#[test]
fn names_lead_where_the_world_says() {
    let world = Simulated::new()
        .host(
            "both.com",
            [address("93.184.215.14"), address("2606:4700::1")],
        )
        .host("Mixed.COM", [address("93.184.215.15")])
        .host("not a name", [address("93.184.215.16")]);
    let look_up = |name: &str, kind: &str| {
        anywhere(
            &world,
            "dns_lookup",
            json!({"hostname": name, "type": kind}),
        )
    };
    assert_eq!(
        look_up("both.com", "A")["records"],
        json!(["93.184.215.14"])
    );
    assert_eq!(
        look_up("both.com", "AAAA")["records"],
        json!(["2606:4700::1"])
    );
    assert_eq!(
        look_up("mixed.com", "A")["records"],
        json!(["93.184.215.15"])
    );
    assert_eq!(error(&look_up("both.com", "TXT")), ("network", "NODATA"));
    for name in ["none.com", "localhost"] {
        assert_eq!(
            error(&look_up(name, "A")),
            ("network", "NXDOMAIN"),
            "{name}"
        );
    }
    let asked_of = |server: &str| {
        let request = json!({"hostname": "mixed.com", "type": "A", "nameserver": server});
        anywhere(&world, "dns_lookup", request)
    };
    assert_eq!(asked_of("9.9.9.9")["records"], json!(["93.184.215.15"]));
    assert_eq!(error(&asked_of("10.0.0.1")).0, "ssrf_protection");
    assert_eq!(error(&asked_of("none.com")), ("network", "NXDOMAIN"));
}

#[test]
fn whoever_has_no_answer_refuses_and_every_address_is_judged() {
    let world = Simulated::new()
        .host("e.com", [address("10.0.0.1"), address("93.184.215.14")])
        .host("inside.com", [address("10.0.0.1")])
        .host("nowhere.com", [])
        .exchange("e.com", 80, "hello, world")
        .exchange("inside.com", 80, "secret")
        .exchange("93.184.215.20", 7, "by address");
    let connect = |host: &str, port: u16, receive: u64| {
        let request = json!({"host": host, "port": port, "receive": receive, "encoding": "utf-8"});
        anywhere(&world, "net_connect", request)
    };
    let hello = connect("e.com", 80, 100);
    assert_eq!(hello["received"], "hello, world");
    assert_eq!(hello["remote_addr"], "93.184.215.14:80");
    assert_eq!(hello["local_addr"], "192.0.2.1:49152");
    let cut = connect("e.com", 80, 5);
    assert_eq!(
        (&cut["received"], &cut["truncated"]),
        (&json!("hello"), &json!(true))
    );
    let none = connect("e.com", 80, 0);
    assert_eq!(
        (&none["received"], &none["connected"]),
        (&json!(""), &json!(true))
    );
    assert_eq!(connect("93.184.215.20", 7, 50)["received"], "by address");
    assert_eq!(error(&connect("e.com", 81, 1)), ("network", "ECONNREFUSED"));
    assert_eq!(error(&connect("inside.com", 80, 1)).0, "ssrf_protection");
    assert_eq!(
        error(&connect("nowhere.com", 80, 1)),
        ("network", "NXDOMAIN")
    );
    let opened = ["network:outbound:*", "network:outbound:private"];
    let request = json!({"host": "inside.com", "port": 80, "receive": 9, "encoding": "utf-8"});
    assert_eq!(
        reply(&world, "net_connect", &opened, request)["received"],
        "secret"
    );
    let denied = json!({"host": "e.com", "port": 80});
    assert_eq!(
        error(&reply(&world, "net_connect", &[], denied)).0,
        "capability"
    );
}

#[test]
fn urls_are_answered_and_lead_elsewhere() {
    let moved = HttpResponse {
        status: 302,
        protocol: "HTTP/1.1".into(),
        headers: vec![("location".into(), "/there".into())],
        body: b"moved".to_vec(),
        truncated: false,
        took: Duration::from_secs(2),
    };
    let slow = HttpResponse {
        status: 200,
        took: Duration::from_secs(3),
        ..moved.clone()
    };
    let world = Simulated::new()
        .host("e.com", [address("93.184.215.14")])
        .answer(
            json!({"http": {"url": "http://E.com:80/here"}}),
            Ok(Answer::Fetched(moved)),
        )
        .unwrap()
        .http("http://e.com/there", 200, "found")
        .unwrap()
        .answer(
            json!({"http": {"method": "POST", "url": "http://e.com/"}}),
            Ok(Answer::Fetched(slow)),
        )
        .unwrap();
    let fetch = |request: Value| anywhere(&world, "http_request", request);
    let found = fetch(json!({"url": "http://e.com/here"}));
    assert_eq!(
        (&found["status_code"], &found["body"]),
        (&json!(200), &json!("Zm91bmQ="))
    );
    assert_eq!(
        error(&fetch(json!({"url": "http://e.com/"}))),
        ("network", "ECONNREFUSED")
    );
    let post = |timeout: u64| {
        fetch(json!({"url": "http://e.com", "method": "POST", "timeout_ms": timeout}))
    };
    assert_eq!(post(3000)["status_code"], 200);
    assert_eq!(error(&post(2999)), ("timeout", "ETIMEDOUT"));
    // Two seconds for the first hop leave none for the second.
    let late = fetch(json!({"url": "http://e.com/here", "timeout_ms": 2000}));
    assert_eq!(error(&late), ("timeout", "ETIMEDOUT"));
    assert!(Simulated::new().http("ftp://e.com/", 200, "").is_err());
}

#[test]
fn everything_else_is_answered_by_its_pattern() {
    let world = Simulated::from_json(
        r#"{"hosts": {"e.com": ["93.184.215.14"]}, "answers": [
            {"when": {"tls": {"port": 443}},
             "answer": {"secured": {"session": {"version": "TLS 1.3"}}}},
            {"when": {"greet": {"host": "e.com"}}, "answer": {"greeted": {"banner": "220 once"}}, "once": true},
            {"when": {"greet": {}}, "answer": {"greeted": {"banner": "220 again"}}},
            {"when": {"lookup": {"records": "mx"}},
             "answer": {"found": {"records": {"mail_servers": [[10, "mx.e.com."]]}}}},
            {"when": {"exchange": {"port": 5432, "send": "ping"}},
             "fail": {"kind": "network", "code": "ECONNRESET", "message": "gone"}},
            {"when": {"read_at": {}}, "fail": {"kind": "fs", "code": "EIO", "message": "old disk"}},
            {"when": {"stat": {"path": "/there"}}, "fail": {"kind": "fs", "code": "EIO", "message": "bad"}}
        ], "files": {"/there": "x"}}"#,
    )
    .unwrap();
    let tls = json!({"host": "e.com", "port": "443", "tls": true});
    let secured = anywhere(&world, "tcp_connect", tls);
    assert_eq!(secured["tls_version"], "TLS 1.3", "{secured}");
    assert_eq!(secured["remote_addr"], "93.184.215.14:443");
    let greet = || {
        anywhere(
            &world,
            "smtp_connect",
            json!({"host": "e.com", "port": "25"}),
        )
    };
    // Once in each instance's world.
    assert_eq!(greet()["banner"], "220 once");
    assert_eq!(greet()["banner"], "220 once");
    let found = anywhere(
        &world,
        "dns_lookup",
        json!({"hostname": "any.org", "type": "MX"}),
    );
    assert_eq!(
        found["mx_records"],
        json!([{"host": "mx.e.com.", "pref": 10}])
    );
    let send = |text: &str| {
        let request = json!({"host": "e.com", "port": 5432, "send": text, "encoding": "utf-8"});
        anywhere(&world, "net_connect", request)
    };
    assert_eq!(error(&send("ping")), ("network", "ECONNRESET"));
    assert_eq!(error(&send("pong")), ("network", "ECONNREFUSED"));
    // A failure is told to those only who may know of the file.
    let granted: &[&str] = &["fs:read:/**"];
    let stat = |grants| reply(&world, "fs_stat", grants, json!({"path": "/there"}));
    assert_eq!(error(&stat(granted)), ("fs", "EIO"));
    assert_eq!(error(&stat(&["fs:read:/else"])).0, "capability");
    let read = reply(&world, "fs_read", granted, json!({"path": "/there"}));
    assert_eq!(error(&read), ("fs", "EIO"));
}

#[test]
fn commands_are_found_judged_and_answered() {
    let ran = |text: &str| CommandOutput {
        stdout: text.as_bytes().to_vec(),
        ..CommandOutput::default()
    };
    let world = Simulated::new()
        .at("/work")
        .variable("PATH", "relative:/bin:/usr/bin")
        .command("/usr/bin/uname", &["-r"], ran("6.1.0\n"))
        .command("/usr/bin/uname", &[], ran("Linux\n"))
        .link("/bin/name", "../usr/bin/uname")
        .file("/bin/text", "not a program")
        .directory("/secret");
    let run = |grants: &[&str], request: Value| reply(&world, "exec_run", grants, request);
    let granted: &[&str] = &["exec:uname", "exec:/usr/bin/uname", "exec:/bin/*"];
    for (command, args, stdout) in [
        ("uname", json!(["-r"]), "6.1.0\n"),
        ("/usr/bin/uname", json!([]), "Linux\n"),
        ("/bin/name", json!([]), "Linux\n"),
    ] {
        let reply = run(granted, json!({"command": command, "args": args}));
        assert_eq!(reply["stdout"], stdout, "{command}: {reply}");
    }
    let failed = |request: Value| {
        let reply = run(granted, request);
        let (kind, code) = error(&reply);
        format!("{kind} {code}")
    };
    assert_eq!(
        failed(json!({"command": "uname", "args": ["-a"]})),
        "execution ENOEXEC"
    );
    assert_eq!(failed(json!({"command": "/bin/text"})), "execution EACCES");
    assert_eq!(failed(json!({"command": "/bin/none"})), "execution ENOENT");
    assert_eq!(failed(json!({"command": "other"})), "capability EACCES");
    let here = json!({"command": "uname", "dir": "/work"});
    assert_eq!(run(granted, here)["stdout"], "Linux\n");
    // A directory needs a grant where the arguments are limited only.
    let there = json!({"command": "uname", "args": ["-r"], "dir": "/secret"});
    assert_eq!(run(granted, there.clone())["stdout"], "6.1.0\n");
    assert_eq!(
        error(&run(&["exec:uname -r"], there)),
        ("capability", "EACCES")
    );
    let there = json!({"command": "/usr/bin/uname", "args": ["-r"], "dir": "/secret"});
    assert_eq!(
        error(&run(&["exec:/usr/bin/uname -r"], there)),
        ("capability", "EACCES")
    );
    let relative = json!({"command": "../bin/name", "dir": "/work"});
    assert_eq!(run(granted, relative)["stdout"], "Linux\n");
    assert_eq!(
        failed(json!({"command": "./uname", "dir": "/secret"})),
        "capability EACCES"
    );
    assert_eq!(
        failed(json!({"command": "uname", "dir": "/nowhere"})),
        "execution ENOENT"
    );
    assert_eq!(
        error(&run(&[], json!({"command": "/usr/bin/uname"}))).0,
        "capability"
    );
    // The name alone is not enough where it leads to a file that is not granted.
    assert_eq!(
        error(&run(&["exec:/bin/text"], json!({"command": "/bin/name"}))).0,
        "capability"
    );
}

#[test]
fn patterns_and_answers_that_do_not_fit_are_refused() {
    let done = || Ok(Answer::Done);
    let failure = || Err(Failure::new("fs", "EIO", "no"));
    let refused = |pattern: Value, outcome: Result<Answer, Failure>| {
        Simulated::new()
            .answer(pattern, outcome)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(json!({"http": {"ulr": "x"}}), failure()).contains("`ulr`"));
    assert!(refused(json!({"http": {"url": "x"}}), failure()).contains("\"x\""));
    assert!(refused(json!({"htpp": {}}), failure()).contains("`htpp`"));
    assert!(refused(json!({"exchange": {"port": "80"}}), failure()).contains("u16"));
    assert!(refused(json!({"http": {}}), done()).contains("no answer to `http`"));
    // Who could see all variables by an answer would see those that are not granted.
    assert!(refused(json!("variables"), failure()).contains("one key"));
    assert!(refused(json!({"variables": {}}), failure()).contains("`variables`"));
    for kind in ["stat", "read_at", "now", "random", "variable"] {
        assert!(
            refused(json!({ kind: {} }), done()).contains("no answer"),
            "{kind}"
        );
        Simulated::new()
            .answer(json!({ kind: {} }), failure())
            .unwrap();
    }
}
