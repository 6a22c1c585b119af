//! `abi/migrating.md` says which grants of Reglet mean something else here. Each row of its tables is
//! checked against Reglet's rules, which are repeated here in a few lines, and against this host.

use std::fs;
use tollgate::capability::{Capability, Request};

/// The working directory of both hosts.
const CWD: &str = "/w";

/// The rows of the table under a heading, without its head. Cells keep their backquotes.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string("abi/migrating.md").unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<Vec<String>> = lines
        .skip(1)
        .map(|line| {
            let line = line.trim_start_matches("| ").trim_end_matches(" |");
            line.split(" | ").map(str::to_owned).collect()
        })
        .collect();
    assert!(rows.len() > 1, "{heading}");
    rows
}

/// A grant or a request, without its backquotes.
fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

fn allows(grant: &str, request: &str) -> bool {
    let request: Request = request.parse().unwrap_or_else(|error| panic!("{error}"));
    let grant = grant
        .parse::<Capability>()
        .unwrap_or_else(|error| panic!("{error}"));
    grant.covers(&request, Some(CWD))
}

/// Reglet's rules for what its plugins do, by the kind of the grant.
fn allowed_in_reglet(plugin: &str, grant: &str, request: &str) -> bool {
    let Some((kind, pattern)) = grant.split_once(':') else {
        // A command gets every variable that the plugin passes.
        return plugin == "command" && request.starts_with("env:");
    };
    let (_, wanted) = request.split_once(':').unwrap();
    match (plugin, kind) {
        ("file", "fs") => {
            let (operation, path) = pattern.split_once(':').unwrap();
            let (wanted_operation, wanted) = wanted.split_once(':').unwrap();
            // Each grant opens a directory with all below it, for writing or for reading only.
            let directory = opened_directory(path);
            let wanted = absolute(wanted);
            (operation == "write" || operation == wanted_operation)
                && (directory == "/" || wanted.starts_with(&format!("{directory}/")))
        }
        ("command", "exec") => {
            let command = wanted.split(' ').next().unwrap();
            let (directory, _) = command.rsplit_once('/').unwrap_or(("", command));
            pattern == "**" || pattern == command || pattern.strip_suffix("/*") == Some(directory)
        }
        // A lookup needs the grant of port 53, whichever name server the config names.
        ("dns", "network") => matches_port(pattern, "53"),
        // Blocked addresses of all sorts have one word.
        (_, "network")
            if ["private", "loopback", "metadata"]
                .iter()
                .any(|word| wanted.ends_with(word)) =>
        {
            matches_port(pattern, "private")
        }
        // Redirects are not checked.
        ("http", "network") => true,
        ("tcp" | "smtp", "network") => {
            let (_, port) = wanted.rsplit_once(':').unwrap();
            matches_port(pattern, port)
        }
        other => panic!("{other:?}"),
    }
}

fn absolute(path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{CWD}/{path}"),
    }
}

fn opened_directory(pattern: &str) -> String {
    let pattern = absolute(pattern);
    pattern
        .rsplit_once('/')
        .map(|(directory, _)| directory.to_owned())
        .unwrap()
}

fn matches_port(pattern: &str, wanted: &str) -> bool {
    let targets = pattern.strip_prefix("outbound:").unwrap();
    targets == "*" || targets.split(',').any(|item| item.trim() == wanted)
}

#[test]
fn what_means_less_is_denied_here_and_allowed_by_what_to_write() {
    for row in rows("Grants that mean less") {
        let [plugin, old, request, new, _why] = row.as_slice() else {
            panic!("{row:?}");
        };
        let (old, request, new) = (code(old), code(request), code(new));
        assert!(allowed_in_reglet(plugin, old, request), "Reglet: {row:?}");
        assert!(old == "none" || !allows(old, request), "{row:?}");
        assert!(allows(new, request), "{row:?}");
    }
}

#[test]
fn what_means_more_is_allowed_here_and_not_by_what_to_write() {
    for row in rows("Grants that mean more") {
        let [plugin, old, request, new, _why] = row.as_slice() else {
            panic!("{row:?}");
        };
        let (old, request, new) = (code(old), code(request), code(new));
        assert!(!allowed_in_reglet(plugin, old, request), "Reglet: {row:?}");
        assert!(allows(old, request), "{row:?}");
        assert!(!allows(new, request), "{row:?}");
    }
    // Both open the working directory.
    assert!(allowed_in_reglet("file", "fs:read:**", "fs:read:/w/a"));
    assert!(allows("fs:read:./**", "fs:read:/w/a"));
}

#[test]
fn the_other_differences_name_tests_that_exist() {
    let page = fs::read_to_string("abi/migrating.md").unwrap();
    let mut named = 0;
    for test in page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.contains("::"))
    {
        let (module, function) = test.split_once("::").unwrap();
        let source = fs::read_to_string(format!("tests/promises/{module}.rs"));
        let source = source.unwrap_or_else(|error| panic!("{module}: {error}"));
        assert!(
            source.contains(&format!("#[test]\nfn {function}() {{")),
            "{test}"
        );
        named += 1;
    }
    assert!(named >= rows("Other verdicts that differ").len());
    assert!(fs::exists("tests/promises/replies_agree_with_reglet.rs").unwrap());
}

/// What the page says of no grant at all.
#[test]
fn what_no_grant_opens() {
    use tollgate::capability::{address::judge, command::env_never_allowed};
    for name in ["LD_PRELOAD", "BASH_ENV"] {
        assert!(env_never_allowed(name), "{name}");
    }
    for address in ["224.0.0.1", "0.0.0.0", "240.0.0.1"] {
        let verdict = judge(address.parse().unwrap());
        assert!(verdict.blocked && verdict.word.is_none(), "{address}");
    }
    let object = r#"{"file": [{"kind": "fs", "pattern": "read:/etc/hosts"}]}"#;
    let text = r#"{"file": ["fs:read:/etc/hosts"]}"#;
    let read = |json: &str| serde_json::from_str::<tollgate::Grants>(json).unwrap();
    assert_eq!(
        serde_json::to_value(read(object)).unwrap(),
        serde_json::to_value(read(text)).unwrap()
    );
}
