//! The advice of a denial ends: granted once, it is enough. For every kind of request, in a simulated world, against
//! any grants that the plugin has already.

use super::{Simulated, World as _, simulated::Special};
use crate::{
    capability::{Capability, Request, explain_all},
    effect::{
        Access, Effect, Handle, Nameserver, Need, OpenOptions, RecordType, Security, Times,
        WriteMode,
    },
    gate::{Event, Gate, HostFunctions, Observer, Policy},
    limits::{Interrupt, Limits},
};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);

/// The kinds of needs. Without a default arm: a new one must be numbered here, and then the test wants effects
/// that have it.
fn kind(need: &Need<'_>) -> usize {
    match need {
        Need::Names(_) => 0,
        Need::Opened(..) => 1,
        Need::Examined(_) => 2,
        Need::Changed(_) => 3,
        Need::Variable(_) => 4,
        Need::Variables => 5,
        Need::Connect { .. } => 6,
        Need::Fetch { .. } => 7,
        Need::Resolve => 8,
        Need::Run { .. } => 9,
        Need::Custom { .. } => 10,
        Need::Nothing => 11,
    }
}

const KINDS: usize = 12;

fn world() -> Simulated {
    let mut world = Simulated::new().at("/d");
    for file in [
        "/d/a",
        "/d/sub/f",
        "/d/app.db",
        "/secret/x",
        "/d/sub/deep/g",
    ] {
        world = world.file(file, "content");
    }
    for (link, target) in [
        ("/d/link", "a"),
        ("/d/down", "sub"),
        ("/d/out", "/secret/x"),
        ("/d/away", "/secret"),
        ("/d/app.db-link", "/secret/x"),
        ("/bin/python3", "tool"),
        ("/bin/other", "sh"),
    ] {
        world = world.link(link, target);
    }
    world = world.special("/d/fifo", Special::Fifo);
    for program in ["/bin/tool", "/bin/sh", "/bin/git", "/d/run", "/d/sub/run"] {
        world = world.file(program, "").mode(program, 0o755);
    }
    world
        .variable("PATH", "/bin")
        .host("example.com", ["93.184.215.14".parse().unwrap()])
}

/// A path, often one with links, and with `..` behind names.
fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "a",
        "sub",
        "f",
        "link",
        "down",
        "out",
        "away",
        "x",
        "fifo",
        "none",
        "..",
        "deep",
        "app.db",
        "app.db-journal",
        "app.db-link",
        "etilqs_5f0e2d91",
    ]);
    (
        prop::collection::vec(name, 1..4),
        prop::sample::select(vec!["/d/", "/", "/d/sub/"]),
    )
        .prop_map(|(names, start)| format!("{start}{}", names.join("/")))
}

/// A path for a new link. A grant of a link to a directory grants that directory, through which no new link may
/// lead then, so no advice is enough for a link in place of that one.
fn without_links(path: &str) -> String {
    path.replace("down", "new").replace("away", "new")
}

fn options() -> impl Strategy<Value = OpenOptions> {
    any::<[bool; 7]>().prop_map(
        |[
            read,
            write,
            create,
            exclusive,
            truncate,
            directory,
            no_follow,
        ]| {
            OpenOptions {
                read,
                write,
                create,
                exclusive,
                truncate,
                directory,
                no_follow,
            }
        },
    )
}

fn host() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "8.8.8.8",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "localhost",
        "example.com",
    ])
    .prop_map(str::to_owned)
}

/// What happens before the effect, if it needs an open file, and the effect.
fn steps() -> impl Strategy<Value = Vec<Effect>> {
    let one = |effect| vec![effect];
    let handle: Handle = 0;
    let opened = (path(), options(), 0..7).prop_map(move |(path, options, what)| {
        let then = match what {
            0 => Effect::ReadAt {
                handle,
                offset: 0,
                limit: 8,
            },
            1 => Effect::WriteAt {
                handle,
                offset: None,
                bytes: vec![1],
            },
            2 => Effect::StatOpen { handle },
            3 => Effect::SetTimesOpen {
                handle,
                times: Times::default(),
            },
            4 => Effect::List { handle },
            5 => Effect::Sync { handle },
            _ => Effect::SetSize { handle, size: 1 },
        };
        vec![Effect::Open { path, options }, then]
    });
    let files = prop_oneof![
        (path(), options()).prop_map(|(path, options)| Effect::Open { path, options }),
        (path(), any::<bool>()).prop_map(|(path, follow)| Effect::Stat { path, follow }),
        path().prop_map(|path| Effect::ReadLink { path }),
        (path(), any::<bool>()).prop_map(|(path, follow)| {
            let times = Times::default();
            Effect::SetTimes {
                path,
                follow,
                times,
            }
        }),
        (path(), 0..3).prop_map(|(path, mode)| {
            let mode = [WriteMode::Replace, WriteMode::CreateNew, WriteMode::Append][mode as usize];
            Effect::WriteFile {
                path,
                content: vec![1],
                mode,
            }
        }),
        path().prop_map(|path| Effect::MakeDirectory { path }),
        path().prop_map(|path| Effect::RemoveDirectory { path }),
        path().prop_map(|path| Effect::RemoveFile { path }),
        (path(), path()).prop_map(|(from, to)| Effect::Rename {
            from,
            to: without_links(&to)
        }),
        (path(), path()).prop_map(|(from, to)| Effect::HardLink {
            from,
            to: without_links(&to)
        }),
        (
            path(),
            prop::sample::select(vec!["a", "/d/a", "/secret/x", "../a", "sub/f"])
        )
            .prop_map(|(path, target)| {
                let path = without_links(&path);
                let leads_to = match target.starts_with('/') {
                    true => target.to_owned(),
                    false => format!(
                        "{}/{target}",
                        path.rsplit_once('/').map_or("", |(holder, _)| holder)
                    ),
                };
                Effect::Symlink {
                    path,
                    target: target.to_owned(),
                    leads_to,
                }
            }),
    ];
    let network =
        (host(), 1..100_u16, 0..4, 0..3).prop_map(|(host, port, what, server)| match what {
            0 => Effect::Exchange {
                host,
                port,
                send: Vec::new(),
                receive: 1,
                timeout: SECOND,
            },
            1 => Effect::Tls {
                host,
                port,
                timeout: SECOND,
            },
            2 => Effect::Greet {
                host,
                port,
                security: Security::None,
                timeout: SECOND,
            },
            _ => Effect::Lookup {
                name: "example.com".into(),
                records: RecordType::A,
                nameserver: (server > 0).then_some(Nameserver { host, port }),
                timeout: SECOND,
            },
        });
    let fetch = (host(), any::<bool>()).prop_map(|(host, tls)| {
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        Effect::Http {
            method: "GET".into(),
            url: format!("{}://{host}/x?b=1&a", if tls { "https" } else { "http" }),
            headers: Vec::new(),
            body: Vec::new(),
            body_limit: 1,
            timeout: SECOND,
        }
    });
    let run = (
        prop::sample::select(vec![
            "tool",
            "/bin/tool",
            "sh",
            "/bin/sh",
            "python3",
            "/bin/python3",
            "other",
            "/bin/other",
            "git",
            "/bin/git",
            "./run",
            "/d/sub/run",
            "../bin/tool",
            "none",
            "/bin/none",
        ]),
        prop::sample::subsequence(vec!["-a", "b c"], 0..=2),
        prop::option::of(prop::sample::select(vec![
            "/d/sub", "/d/down", "/secret", "/d",
        ])),
        prop::sample::subsequence(vec!["LANG", "APP", "LD_PRELOAD"], 0..=3),
    )
        .prop_map(|(command, args, directory, names)| Effect::Run {
            command: command.to_owned(),
            args: args.into_iter().map(str::to_owned).collect(),
            directory: directory.map(str::to_owned),
            environment: names
                .into_iter()
                .map(|name| (name.to_owned(), "1".to_owned()))
                .collect(),
            timeout: SECOND,
            output_limit: 1,
        });
    let rest = prop::sample::select(vec![
        Effect::Variable { name: "APP".into() },
        Effect::Variable { name: "A*".into() },
        Effect::Variables,
        Effect::Random { length: 1 },
        Effect::Custom {
            kind: "kv".into(),
            function: "store.get".into(),
            request: serde_json::Value::Null,
        },
    ]);
    prop_oneof![
        3 => opened,
        6 => files.prop_map(one),
        2 => network.prop_map(one),
        2 => fetch.prop_map(one),
        3 => run.prop_map(one),
        1 => rest.prop_map(one),
    ]
}

/// What the plugin has already.
fn grants() -> impl Strategy<Value = Vec<&'static str>> {
    let all = vec![
        "fs:read:/d/*",
        "fs:write:/d/**",
        "fs:read:/d/a",
        "fs:write:/d/a",
        "fs:read:/d/**",
        "fs:write:/d/link",
        "fs:read:/d/sub/deep/**",
        "fs:read:/secret/**",
        "fs:write:/secret/*",
        "network:outbound:80",
        "network:outbound:*",
        "network:outbound:loopback",
        "network:outbound:*.com:*",
        "exec:/bin/*",
        "exec:tool -a",
        "exec:/bin/tool -a",
        "exec:/bin/sh -c *",
        "exec:**",
        "exec:/bin/git",
        "env:A*",
    ];
    prop::sample::subsequence(all, 0..=4)
}

/// Lets the effects happen with these grants. Returns what was denied last of all, and the advice.
fn denied(steps: &[Effect], grants: &BTreeSet<String>) -> Vec<(String, Vec<String>)> {
    let world = world();
    let resolve = |path: &str| world.real_name(path);
    let cwd = Some("/d");
    let written: Vec<Capability> = grants
        .iter()
        .filter_map(|grant| grant.parse::<Capability>().unwrap().resolved(&resolve, cwd))
        .collect();
    let pinned: Vec<Capability> = written
        .iter()
        .flat_map(|grant| grant.pinned(&resolve, cwd))
        .collect();
    let mut functions = HostFunctions::default();
    functions.add("store", "get", "kv", |(): (), _| Ok(()));
    let policy = Policy::new(&written, &pinned, "/d".to_owned(), Arc::new(functions));
    let seen = Arc::<Mutex<Vec<(String, Vec<String>)>>>::default();
    let sink = seen.clone();
    let observer = Observer {
        callback: Some(Arc::new(move |_: &str, event: &Event| {
            if let Event::Denied(denial) = event {
                let advice = denial.grants().map(ToString::to_string).collect();
                sink.lock()
                    .unwrap()
                    .push((denial.request.to_string(), advice));
            }
        })),
        ..Observer::default()
    };
    let mut gate = Gate::new(
        "plugin".into(),
        Arc::new(policy),
        Box::new(world.clone()),
        &Limits::default(),
        Interrupt::default(),
        observer,
    );
    for step in steps {
        // Transcripts write an effect by the name of its kind, alone or before what it holds.
        let written = serde_json::to_value(step).unwrap();
        assert!(written == step.kind() || written.get(step.kind()).is_some());
        let _ = gate.pass(step);
        if !seen.lock().unwrap().is_empty() {
            break;
        }
    }
    let seen = seen.lock().unwrap();
    seen.clone()
}

/// Follows the advice for each step once, and returns the kinds of needs that were advised on.
fn follow(steps: &[Effect], grants: &[&str]) -> Result<BTreeSet<usize>, TestCaseError> {
    let mut grants: BTreeSet<String> = grants.iter().map(|grant| (*grant).to_owned()).collect();
    let mut kinds = BTreeSet::new();
    for end in 1..=steps.len() {
        let steps = &steps[..end];
        let first = denied(steps, &grants);
        let is_possible = |denied: &Vec<(String, Vec<String>)>| {
            denied.iter().any(|(_, advice)| !advice.is_empty())
        };
        if first.is_empty() {
            continue;
        }
        if is_possible(&first) {
            kinds.insert(kind(&steps[end - 1].need()));
        }
        grants.extend(first.iter().flat_map(|(_, advice)| advice.clone()));
        let second = denied(steps, &grants);
        prop_assert!(
            !is_possible(&second),
            "{steps:?}\nfirst: {first:#?}\nsecond: {second:#?}"
        );
        // What is said to be possible is possible.
        for (text, _) in &second {
            prop_assert!(
                first
                    .iter()
                    .any(|(before, advice)| advice.is_empty() && before == text),
                "{steps:?}\nfirst: {first:#?}\nsecond: {second:#?}"
            );
        }
        if !second.is_empty() {
            break;
        }
    }
    Ok(kinds)
}

#[test]
fn advice_that_is_followed_once_is_enough() {
    let all = std::env::var("TOLLGATE_TESTS").is_ok_and(|which| which == "all");
    let cases = if all { 20_000 } else { 2_000 };
    let seen = Mutex::new((BTreeSet::new(), BTreeSet::new()));
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // The same steps each time, unless others are asked for: of paths with links and `..`, one in thousands finds
    // something new, which should not stop an unrelated change.
    let mut runner = match std::env::var_os("TOLLGATE_RANDOM_STEPS") {
        Some(_) => TestRunner::new(config),
        None => {
            let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            TestRunner::new_with_rng(config, random)
        }
    };
    let checked = runner.run(&(steps(), grants()), |(steps, grants)| {
        let advised = follow(&steps, &grants)?;
        let mut seen = seen.lock().unwrap();
        seen.0.extend(steps.iter().map(|step| kind(&step.need())));
        seen.1.extend(advised);
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
    let (kinds, mut advised) = seen.into_inner().unwrap();
    // Too rare to be sure that it was among them.
    let options = OpenOptions {
        read: true,
        ..OpenOptions::default()
    };
    let times = Times::default();
    let changed = [
        Effect::Open {
            path: "/d/a".into(),
            options,
        },
        Effect::SetTimesOpen { handle: 0, times },
    ];
    advised.extend(follow(&changed, &[]).unwrap());
    let written = OpenOptions {
        write: true,
        ..OpenOptions::default()
    };
    let examined = [
        Effect::Open {
            path: "/d/a".into(),
            options: written,
        },
        Effect::StatOpen { handle: 0 },
    ];
    advised.extend(follow(&examined, &["fs:write:/d/a"]).unwrap());
    assert_eq!(kinds, (0..KINDS).collect(), "an effect of each kind");
    // The others are never denied, or fail.
    assert_eq!(advised, BTreeSet::from([0, 2, 3, 4, 6, 7, 8, 9, 10]));
}

/// Found by the property above.
#[test]
fn advice_for_a_name_that_goes_up_is_for_the_real_name() {
    let renamed = [Effect::Rename {
        from: "/a/..".into(),
        to: "/d/sub/a".into(),
    }];
    follow(&renamed, &["fs:read:/d/**"]).unwrap();
    let neither_is_moved = [Effect::Rename {
        from: "/d/..".into(),
        to: "/d/a/..".into(),
    }];
    follow(&neither_is_moved, &[]).unwrap();
}

/// The advice for a connection is enough by itself: whoever replaces a grant by it is not asked for that grant again.
#[test]
fn advice_for_a_connection_is_enough_alone() {
    let connect = |host: &str| {
        vec![Effect::Exchange {
            host: host.into(),
            port: 1,
            send: Vec::new(),
            receive: 1,
            timeout: SECOND,
        }]
    };
    for (host, given) in [
        ("127.0.0.1", "network:outbound:loopback"),
        ("127.0.0.1", "network:outbound:1"),
        ("10.0.0.1", "network:outbound:private"),
        ("169.254.169.254", "network:outbound:metadata"),
        ("localhost", "network:outbound:loopback"),
    ] {
        let first = denied(&connect(host), &BTreeSet::from([given.to_owned()]));
        let [(_, advice)] = first.as_slice() else {
            panic!("{first:?}")
        };
        assert_eq!(advice.len(), 2, "{advice:?}");
        let alone = advice.iter().cloned().collect();
        assert_eq!(denied(&connect(host), &alone), [], "{host} {given}");
    }
    let never = denied(&connect("0.0.0.0"), &BTreeSet::new());
    assert_eq!(never[0].1, Vec::<String>::new());
}

#[test]
fn a_file_opened_for_both_needs_both_grants_at_once() {
    let options = OpenOptions {
        read: true,
        write: true,
        ..OpenOptions::default()
    };
    assert_eq!(
        options.access(),
        Access {
            read: true,
            write: true
        }
    );
    let open = |path: &str| {
        vec![Effect::Open {
            path: path.into(),
            options,
        }]
    };
    let first = denied(&open("/d/a"), &BTreeSet::new());
    assert_eq!(first[0].1, ["fs:read:/d/a", "fs:write:/d/a"]);
    let special = denied(&open("/d/fifo"), &BTreeSet::new());
    assert_eq!(special[0].1, Vec::<String>::new());
}

/// The request that an effect makes of the gate, of those that `explain` can be asked about.
fn effect(request: &Request) -> Option<Effect> {
    let exchange = |host: &str, port| Effect::Exchange {
        host: host.to_owned(),
        port,
        send: Vec::new(),
        receive: 1,
        timeout: SECOND,
    };
    match request {
        Request::Read(path) => Some(Effect::Open {
            path: absolute(path)?,
            options: OpenOptions {
                read: true,
                ..OpenOptions::default()
            },
        }),
        Request::Write(path) => Some(Effect::WriteFile {
            path: absolute(path)?,
            content: vec![1],
            mode: WriteMode::Replace,
        }),
        Request::Connect {
            host: Some(host),
            port,
        } => Some(exchange(host, *port)),
        Request::Connect {
            host: None,
            port: 53,
        } => Some(Effect::Lookup {
            name: "example.com".into(),
            records: RecordType::A,
            nameserver: None,
            timeout: SECOND,
        }),
        Request::Url(url) => Some(Effect::Http {
            method: "GET".into(),
            url: url.clone(),
            headers: Vec::new(),
            body: Vec::new(),
            body_limit: 1,
            timeout: SECOND,
        }),
        Request::Env(name) => Some(Effect::Variable { name: name.clone() }),
        Request::Exec { command, args } => Some(Effect::Run {
            command: command.clone(),
            args: args.clone(),
            directory: None,
            environment: Vec::new(),
            timeout: SECOND,
            output_limit: 1,
        }),
        // No effect requests these.
        Request::Connect { host: None, .. }
        | Request::Listen { .. }
        | Request::Address(_)
        | Request::Custom { .. } => None,
    }
}

fn absolute(path: &str) -> Option<String> {
    Some(match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/d/{path}"),
    })
}

/// Whether `explain` and the gate agree, and what they say; `None` if one of the texts is invalid.
fn agree(grant: &str, request: &str) -> Option<bool> {
    let parsed: Capability = grant.parse().ok()?;
    let request: Request = request.parse().ok()?;
    let effect = effect(&request)?;
    let world = world();
    let resolve = |path: &str| match path.contains('/') {
        true => world.real_name(path),
        false => world.real_name(&format!("/bin/{path}")),
    };
    let explained = explain_all(&[parsed], &request, Some("/d"), &resolve);
    let denied = denied(&[effect], &BTreeSet::from([grant.to_owned()]));
    assert_eq!(
        explained.allowed,
        denied.is_empty(),
        "{grant} {request}: {}; the gate: {denied:?}",
        explained.reason
    );
    Some(explained.allowed)
}

#[test]
fn explain_and_the_gate_agree() {
    let mut verdicts = [0, 0];
    let mut check = |grant: &str, request: &str| {
        if let Some(allowed) = agree(grant, request) {
            verdicts[usize::from(allowed)] += 1;
        }
    };
    // The decision tables.
    for line in std::fs::read_to_string("tests/cases/decisions.jsonl")
        .unwrap()
        .lines()
    {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let kind = text("kind");
        check(
            &format!("{kind}:{}", text("granted")),
            &format!("{kind}:{}", text("requested")),
        );
    }
    for line in std::fs::read_to_string("tests/cases/policy-v1.jsonl")
        .unwrap()
        .lines()
    {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |of: &serde_json::Value| {
            let word = |key: &str| of[key].as_str().unwrap_or_default().to_owned();
            format!("{}:{}", word("kind"), word("pattern"))
        };
        for grant in row["grants"].as_array().into_iter().flatten() {
            check(&text(grant), &text(&row["request"]));
        }
    }
    // Links, addresses, families of commands.
    let grants = [
        "fs:read:/d/*",
        "fs:read:/d/link",
        "fs:read:/d/down/*",
        "fs:read:/d/sub/*",
        "fs:read:/d/out",
        "fs:read:/d/down",
        "fs:read:down/../a",
        "fs:write:/d/**",
        "fs:write:/d/link",
        "fs:write:a",
        "network:outbound:*",
        "network:outbound:127.0.0.1:1",
        "network:outbound:loopback",
        "network:outbound:*.com:443",
        "network:outbound:https://example.com/*",
        "exec:/bin/*",
        "exec:**",
        "exec:python3",
        "exec:tool",
        "exec:/bin/tool",
        "exec:/bin/git",
        "exec:git",
        "exec:/bin/git log *",
        "exec:./run",
        "exec:/bin/sh",
        "env:A*",
        "env:PATH",
    ];
    let requests = [
        "fs:read:/d/a",
        "fs:read:/d/link",
        "fs:read:/d/out",
        "fs:read:/d/down/f",
        "fs:read:/d/down",
        "fs:read:/d/down/../a",
        "fs:read:a",
        "fs:read:/d",
        "fs:read:/d/sub",
        "fs:write:/d/link",
        "fs:write:/d/new",
        "fs:write:/d/down/new",
        "fs:write:/d/out",
        "network:outbound:127.0.0.1:1",
        "network:outbound:0.0.0.0:1",
        "network:outbound:[::1]:1",
        "network:outbound:example.com:443",
        "network:outbound:https://example.com/",
        "network:outbound:http://10.0.0.1/",
        "network:outbound:53",
        "exec:tool",
        "exec:/bin/tool",
        "exec:python3",
        "exec:/bin/python3",
        "exec:sh",
        "exec:/bin/sh",
        "exec:git",
        "exec:/bin/git",
        "exec:git log -p",
        "exec:/bin/git log",
        "exec:./run",
        "exec:other",
        "exec:none",
        "env:APP",
        "env:PATH",
    ];
    for grant in grants {
        for request in requests {
            check(grant, request);
        }
    }
    assert!(verdicts.iter().all(|count| *count > 60), "{verdicts:?}");
}

/// Either spelling of a command is covered by a grant of the file; a link of another name is not.
#[test]
fn a_grant_of_a_commands_file_covers_its_name() {
    for (grant, request, allowed) in [
        ("exec:/bin/git", "exec:git", true),
        ("exec:/bin/git", "exec:/bin/git", true),
        ("exec:git", "exec:git", true),
        ("exec:git", "exec:/bin/git", false),
        ("exec:/bin/git log *", "exec:git log -p", true),
        ("exec:/bin/git log *", "exec:git push", false),
        ("exec:/bin/tool", "exec:python3", false),
        ("exec:/bin/tool", "exec:/bin/python3", false),
        ("exec:/bin/python3", "exec:/bin/python3", true),
    ] {
        assert_eq!(agree(grant, request), Some(allowed), "{grant} {request}");
    }
}
