//! A simulated world in a file: every entry takes effect, and what is not understood is rejected with
//! its place.

use tollgate::{
    abi::rfc3339,
    world::{Simulated, World as _},
};

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (json, place, problem) in [
        ("{", "line 1 column 1", "EOF"),
        ("[]", "line 1 column 1", "list"),
        ("{\n  \"sede\": 1\n}", "line 2 column 8", "`sede`"),
        ("{\"seed\": -1}", "line 1 column 11", "u64"),
        ("{\"start\": \"yesterday\"}", "line 1 column", "RFC 3339"),
        (
            "{\"hosts\": {\"e.com\": [\"1.2.3\"]}}",
            "line 1 column",
            "IP address",
        ),
        (
            "{\"hosts\": {\"e com\": []}}",
            "hosts[\"e com\"]",
            "letters",
        ),
        (
            "{\"hosts\": {\"1.2.3.4\": []}}",
            "hosts[\"1.2.3.4\"]",
            "address",
        ),
        (
            "{\"working_directory\": \"w\"}",
            "working_directory",
            "slash",
        ),
        ("{\"files\": {\"/x\": 1}}", "line 1 column 18", "text"),
        (
            "{\"files\": {\"/x\": {\"mdoe\": \"1\"}}}",
            "line 1 column",
            "`mdoe`",
        ),
        ("{\"files\": {\"/x\": {}}}", "files[\"/x\"]", "exactly one"),
        (
            "{\"files\": {\"/x\": {\"content\": \"\", \"link\": \"y\"}}}",
            "files[\"/x\"]",
            "exactly one",
        ),
        (
            "{\"files\": {\"/x\": {\"content\": \"\", \"mode\": \"0999\"}}}",
            "files[\"/x\"]",
            "0999",
        ),
        (
            "{\"files\": {\"/x\": {\"content\": \"\", \"mode\": \"10000\"}}}",
            "files[\"/x\"]",
            "10000",
        ),
        (
            "{\"files\": {\"/x\": {\"same_as\": \"/y\"}}}",
            "files[\"/x\"]",
            "/y",
        ),
        (
            "{\"files\": {\"/x\": \"\", \"/x/y\": \"\"}}",
            "files[\"/x/y\"]",
            "\"x\" is not a directory",
        ),
        (
            "{\"files\": {\"/x\": \"\", \"/./x\": \"\"}}",
            "files[\"/x\"]",
            "already",
        ),
        ("{\"files\": {\"/\": \"\"}}", "files[\"/\"]", "root"),
        ("{\"files\": {\"/a\\u0000\": \"\"}}", "files", "invalid"),
        ("{\"answers\": [{}]}", "line 1 column", "`when`"),
        (
            "{\"answers\": [{\"when\": {\"http\": {}}}]}",
            "answers[0]",
            "exactly one",
        ),
        (
            "{\"answers\": [{\"when\": {\"http\": {}}, \"answer\": {\"fetched\": {\"bdy\": 1}}}]}",
            "answers[0].answer",
            "`bdy`",
        ),
        (
            "{\"answers\": [{\"when\": {\"http\": {}}, \"answer\": {\"ran\": {}}}]}",
            "answers[0].when",
            "no answer to `http`",
        ),
        (
            "{\"answers\": [{\"when\": {\"lookup\": {\"records\": \"B\"}}, \"answer\": {\"found\": {\"records\": {\"texts\": []}}}}]}",
            "answers[0].when",
            "`B`",
        ),
    ] {
        let error = Simulated::from_json(json).unwrap_err();
        assert!(error.place.as_str().starts_with(place), "{json}: {error}");
        assert!(error.problem.as_str().contains(problem), "{json}: {error}");
        assert_eq!(
            error.to_string(),
            format!("{}: {}", error.place, error.problem)
        );
    }
}

#[test]
fn what_a_description_can_make_the_host_do_is_bounded() {
    let long = "x/".repeat(2048);
    let many = |count: usize, item: &dyn Fn(usize) -> String| {
        (0..count).map(item).collect::<Vec<_>>().join(",")
    };
    let deep = |number| format!("\"/{number}{}\":\"\"", "/x".repeat(1000));
    let address = |number| format!("\"10.0.{}.{}\"", number / 256, number % 256);
    let arguments = |number| {
        let when = format!(
            r#"{{"run":{{"args":[{}]}}}}"#,
            many(number, &|_| "\"\"".into())
        );
        format!(r#"{{"when":{when},"answer":{{"ran":{{}}}}}}"#)
    };
    for (json, place, problem) in [
        (
            format!(r#"{{"files":{{"/{long}":""}}}}"#),
            "files",
            "at most 4095 bytes",
        ),
        (
            format!(r#"{{"working_directory":"/{long}"}}"#),
            "working_directory",
            "at most 4095 bytes",
        ),
        (
            format!(
                r#"{{"answers":[{{"when":{{"run":{{"command":"/{long}"}}}},"answer":{{"ran":{{}}}}}}]}}"#
            ),
            "answers[0].when",
            "at most 4095 bytes",
        ),
        (
            format!(r#"{{"files":{{"/x":{{"link":"{long}"}}}}}}"#),
            "files",
            "at most 4095 bytes",
        ),
        (
            format!(r#"{{"files":{{{}}}}}"#, many(40, &deep)),
            "files",
            "more than 30000 files",
        ),
        (
            format!(r#"{{"variables":{{"A":"{}"}}}}"#, "x".repeat(128 << 10)),
            "variables",
            "131073 bytes",
        ),
        (
            format!(r#"{{"hosts":{{"e.com":[{}]}}}}"#, many(257, &address)),
            "hosts",
            "at most 256 addresses",
        ),
        (
            format!(r#"{{"answers":[{}]}}"#, many(257, &arguments)),
            "answers[256]",
            "more than 256 sets of fields",
        ),
    ] {
        let error = Simulated::from_json(&json).unwrap_err();
        assert!(error.place.as_str().starts_with(place), "{error}");
        assert!(error.problem.as_str().contains(problem), "{error}");
    }
    let same = many(2000, &|_| arguments(1));
    assert!(Simulated::from_json(&format!(r#"{{"answers":[{same}]}}"#)).is_ok());
}

#[test]
fn an_empty_description_is_an_empty_world() {
    let world = Simulated::from_json("{}").unwrap();
    assert_eq!(world.working_directory(), "/");
    assert_eq!(world.real_name("/").as_deref(), Some("/"));
    assert_eq!(format!("{world:?}"), format!("{:?}", Simulated::new()));
}

#[test]
fn json_and_methods_make_the_same_world() {
    let read = Simulated::from_json(
        r#"{
            "seed": 9, "start": "2030-01-01T00:00:00Z", "step": 5, "room": 1000,
            "working_directory": "/w",
            "variables": {"A": "1"},
            "files": {
                "/w/a": "text",
                "/w/b": {"content": {"base64": "/w=="}, "mode": "600", "uid": 1, "gid": 2},
                "c": {"link": "a"},
                "d/e": {"directory": true, "mode": "0700", "modified": "2029-01-01T00:00:00Z"},
                "/w/0": {"same_as": "a"}
            },
            "hosts": {"e.com": ["93.184.215.14"]},
            "answers": [{"when": {"http": {"url": "http://e.com"}}, "answer": {"fetched": {"body": "hi"}}}]
        }"#,
    )
    .unwrap();
    let moment = |text| rfc3339::parse(text).unwrap();
    let built = Simulated::new()
        .seed(9)
        .start(moment("2030-01-01T00:00:00Z"))
        .step(std::time::Duration::from_nanos(5))
        .at("/w")
        .variable("A", "1")
        .file("/w/a", "text")
        .file("/w/b", [0xFF])
        .mode("/w/b", 0o600)
        .owner("/w/b", 1, 2)
        .link("c", "a")
        .directory("d/e")
        .mode("d/e", 0o700)
        .modified("d/e", moment("2029-01-01T00:00:00Z"))
        .hard_link("/w/0", "a")
        .host("e.com", ["93.184.215.14".parse().unwrap()])
        .http("http://e.com/", 200, "hi")
        .unwrap()
        .room(1000);
    assert_eq!(format!("{read:?}"), format!("{built:?}"));
}
