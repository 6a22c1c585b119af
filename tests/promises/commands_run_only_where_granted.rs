//! A command runs only through a grant that covers the resolved file and its arguments, and receives
//! only what the request names.

#![cfg(all(target_os = "linux", feature = "exec"))]

use crate::support::{self, commands};

use commands::{Workplace, ask, kind, shell, stdout};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{Arc, Mutex},
};
use tollgate::{Config, Event, replay::Replay};

/// What every command is given.
const FIXED_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";

/// That the request is denied and the marker, which the command would make, is not there.
fn assert_denied(reply: &Value, needs: &str) {
    let error = &reply["error"];
    assert_eq!(
        (kind(reply), &error["code"]),
        ("capability", &json!("EACCES")),
        "{reply}"
    );
    assert_eq!(
        reply["exit_code"], -1,
        "what did not run is no success: {reply}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(&format!("the grant {needs} would allow it")),
        "{message}"
    );
}

#[test]
fn without_a_grant_nothing_runs_and_the_grant_is_named() {
    let place = Workplace::new();
    let touch = json!({"command": "touch", "args": ["marker"]});
    for grants in [
        &[] as &[&str],
        &["exec:echo", "fs:write:/**", "exec:/opt/*"],
    ] {
        let plugin = place.plugin(grants);
        assert_denied(&ask(&plugin, touch.clone()), "exec:touch");
        // Nobody learns which commands exist.
        let missing = json!({"command": "no-such-command", "args": []});
        assert_denied(&ask(&plugin, missing), "exec:no-such-command");
        let missing = json!({"command": "/nowhere/x", "dir": "/nowhere"});
        assert_denied(&ask(&plugin, missing), "exec:/nowhere/x");
    }
    assert!(!Path::new(&place.path("marker")).exists());
    ask(&place.plugin(&["exec:touch"]), touch);
    assert!(Path::new(&place.path("marker")).exists());
}

#[test]
fn following_the_advice_of_a_denial_helps() {
    let place = Workplace::new();
    place.program("tool", "#!/bin/sh\necho ran\n");
    symlink(place.path("tool"), place.path("alias")).unwrap();
    symlink("/bin/sh", place.path("renamed")).unwrap();
    let absolute = place.path("tool");
    for (command, args) in [
        ("echo", json!(["ran"])),
        ("./tool", json!([])),
        ("./alias", json!(["-c", "x"])),
        ("./renamed", json!(["-c", "echo ran"])),
        (absolute.as_str(), json!([])),
    ] {
        let request = json!({"command": command, "args": args});
        let reply = ask(&place.plugin(&["exec:cat"]), request.clone());
        let message = reply["error"]["message"].as_str().unwrap();
        let advice = message.split_once("the grant ").unwrap().1;
        let grant = advice.strip_suffix(" would allow it").unwrap();
        let reply = ask(&place.plugin(&[grant]), request);
        assert_eq!(stdout(&reply), "ran\n", "{grant}");
    }
}

#[test]
fn e1_what_runs_code_needs_a_literal_grant() {
    let place = Workplace::new();
    let broad = &["exec:**", "exec:/bin/*", "exec:/usr/bin/*"];
    let marker = place.path("marker");
    let script = format!("touch {marker}");
    for (command, args) in [
        ("sh", json!(["-c", script])),
        ("/bin/sh", json!(["-c", script])),
        ("/bin/sh", json!([place.program("script", &script)])),
        ("env", json!(["sh", "-c", script])),
        ("awk", json!(["{print}", script])),
    ] {
        let reply = ask(
            &place.plugin(broad),
            json!({"command": command, "args": args}),
        );
        assert_denied(&reply, &format!("exec:{command}"));
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("prevents arbitrary code execution"),
            "{message}"
        );
    }
    assert!(!Path::new(&marker).exists());
    // What is harmless passes, and a shell that is named runs.
    let echo = json!({"command": "echo", "args": ["x"]});
    assert_eq!(stdout(&ask(&place.plugin(broad), echo)), "x\n");
    for literal in ["exec:sh", "exec:/bin/sh"] {
        let command = literal.strip_prefix("exec:").unwrap();
        let request = json!({"command": command, "args": ["-c", "echo x"]});
        assert_eq!(stdout(&ask(&place.plugin(&[literal]), request)), "x\n");
    }
}

#[test]
fn e2_variables_that_steer_loaders_and_shells_are_not_handed_on() {
    let place = Workplace::new();
    let run = |grants: &[&str], env: Value| {
        let grants = [&["exec:env"], grants].concat();
        let reply = ask(
            &place.plugin(&grants),
            json!({"command": "env", "env": env}),
        );
        stdout(&reply).replace(FIXED_PATH, "")
    };
    // D3-24
    let always = json!([
        "LD_PRELOAD=/x.so",
        "LD_AUDIT=x",
        "DYLD_INSERT_LIBRARIES=x",
        "IFS=:",
        "BASH_ENV=x",
        "ENV=x",
        "LOCPATH=x",
        "GCONV_PATH=x",
        "BASH_FUNC_x%%=() { :; }",
        "PROMPT_COMMAND=x",
        "",
        "=x",
        "MALFORMED",
        "NUL=a\u{0}b",
        "GOOD=1"
    ]);
    assert_eq!(run(&[], always.clone()), "");
    assert_eq!(run(&["env:GOOD"], always.clone()), "GOOD=1\n");
    assert_eq!(run(&["env:*"], always), "GOOD=1\n");
    let steering = json!([
        "PATH=/x",
        "HOME=/x",
        "PYTHONPATH=x",
        "GIT_SSH=x",
        "RUBYOPT=x",
        "UNKNOWN=x"
    ]);
    assert_eq!(run(&[], steering.clone()), "");
    assert_eq!(run(&["env:HOME"], steering.clone()), "HOME=/x\n");
    assert_eq!(run(&["env:GIT_*"], steering), "GIT_SSH=x\n");
    // Of a name given twice the last one counts, and nothing is inherited.
    assert_eq!(run(&["env:A"], json!(["A=1", "A=2=3"])), "A=2=3\n");
    assert_eq!(run(&["env:**"], json!([])), "");
    assert_eq!(run(&["env:**"], json!(null)), "");
    // What is known to be harmless needs no grant, as long as it names no file.
    let harmless = json!(["LANG=C", "LC_TIME=C", "TERM=dumb", "TZ=Europe/Berlin"]);
    assert_eq!(
        run(&[], harmless),
        "LANG=C\nLC_TIME=C\nTERM=dumb\nTZ=Europe/Berlin\n"
    );
    let files = json!(["LANG=/x", "LC_TIME=../x", "TERM=/x", "TZ=:/x"]);
    assert_eq!(run(&[], files.clone()), "");
    assert_eq!(run(&["env:TZ"], files), "TZ=:/x\n");
}

#[test]
fn every_command_has_a_fixed_path_unless_another_is_granted() {
    let place = Workplace::new();
    let request = json!({"command": "printenv", "args": ["PATH"], "env": ["PATH=/x"]});
    let reply = ask(&place.plugin(&["exec:printenv"]), request.clone());
    assert_eq!(stdout(&reply), FIXED_PATH.trim_start_matches("PATH="));
    let reply = ask(&place.plugin(&["exec:printenv", "env:PATH"]), request);
    assert_eq!(stdout(&reply), "/x\n");
}

#[test]
fn each_variable_that_is_left_out_is_reported() {
    let place = Workplace::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let events = told.clone();
    let builder = place
        .builder(&["exec:true", "env:GRANTED"])
        .audit()
        .on_event(move |_, event| {
            events.lock().unwrap().push(match event {
                Event::Denied(denial) => (false, denial.request.clone(), denial.needs.clone()),
                Event::Granted { request, needs, .. } => (true, request.clone(), needs.clone()),
                other => panic!("{other:?}"),
            });
        });
    let plugin = support::Guest::relay("exec_run").load_in(&builder.build().unwrap());
    let env = json!([
        "LANG=C",
        "A=1",
        "A=2",
        "LD_PRELOAD=x",
        "GRANTED=x",
        "MALFORMED"
    ]);
    let reply = ask(&plugin, json!({"command": "true", "env": env}));
    assert_eq!(kind(&reply), "none");
    let told = told.lock().unwrap();
    let told: Vec<(bool, &str, &str)> = told
        .iter()
        .map(|(granted, request, needs)| (*granted, request.as_str(), needs.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (false, "env:A", "env:A"),
            (false, "env:LD_PRELOAD", ""),
            (true, "env:GRANTED", "env:GRANTED"),
            (true, "exec:true", "exec:true"),
        ]
    );
}

#[test]
fn a_recording_holds_the_variables_that_were_given_and_replays_under_other_grants() {
    let place = Workplace::new();
    let plugin = place.plugin(&["exec:/usr/bin/env", "env:GIVEN"]);
    let request = json!({"command": "/usr/bin/env", "env": ["GIVEN=1", "HIDDEN=secret", "LANG=C"]});
    let config = Config::try_from(request).unwrap();
    let recording = plugin.observe_recorded(&config, Vec::new()).unwrap();
    let evidence = recording.outcome.unwrap().evidence;
    let transcript = String::from_utf8(recording.sink.clone()).unwrap();
    let effect = transcript.lines().nth(1).unwrap();
    assert!(
        effect.contains(r#""environment":[["GIVEN","1"],["LANG","C"]]"#),
        "{effect}"
    );
    for grants in [&[] as &[&str], &["exec:**", "env:*"]] {
        let replay = Replay::read(recording.sink.clone()).unwrap();
        let replayed = replay.run(&place.plugin(grants)).unwrap();
        assert_eq!(replayed.evidence(), Some(&evidence), "{grants:?}");
    }
}

#[test]
fn a_grant_with_arguments_runs_exactly_these() {
    let place = Workplace::new();
    let tool = place.program("tool", "#!/bin/sh\nfor word; do echo \"<$word>\"; done\n");
    symlink(&tool, place.path("alias")).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (events, events_of_printf) = (told.clone(), told.clone());
    let builder = place
        .builder(&[
            "exec:ROOT/alias show *",
            "exec:/bin/sh -c \"echo a b\"",
            "exec:/bin/*",
            "exec:printf x",
            "exec:printf",
        ])
        .audit()
        .on_event(move |_, event| {
            events.lock().unwrap().push(match event {
                Event::Denied(denial) => (denial.request.clone(), denial.needs.clone()),
                Event::Granted { request, needs, .. } => (request.clone(), needs.clone()),
                other => panic!("{other:?}"),
            });
        });
    let plugin = support::Guest::relay("exec_run").load_in(&builder.build().unwrap());
    let run =
        |command: &str, args: &[&str]| ask(&plugin, json!({"command": command, "args": args}));
    // The link was pinned with the same arguments.
    assert_eq!(stdout(&run("./alias", &["show", "a b"])), "<show>\n<a b>\n");
    assert_eq!(stdout(&run("/bin/sh", &["-c", "echo a b"])), "a b\n");
    let alias = place.path("alias");
    let needed = format!("exec:{alias} show a \"\\u{{9b}}b\"");
    let denied = run(&alias, &["show", "a", "\u{9b}b"]);
    let message = denied["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("with other arguments only")
            && message.contains(&format!("the grant {needed} would allow it")),
        "{message}"
    );
    let plugin_of_advice = place.plugin(&[&needed]);
    let request = json!({"command": alias, "args": ["show", "a", "\u{9b}b"]});
    assert_eq!(
        stdout(&ask(&plugin_of_advice, request)),
        "<show>\n<a>\n<\u{9b}b>\n"
    );
    // Another script of the same shell, by whatever wildcard.
    let denied = run("/bin/sh", &["-c", "echo a b; echo c"]);
    assert_denied(&denied, "exec:/bin/sh -c \"echo a b; echo c\"");
    let told = told.lock().unwrap();
    // What is granted is reported by the grant, without the words of the plugin's.
    assert_eq!(
        told[0],
        ("exec:./alias".into(), format!("exec:{alias} show *").into())
    );
    assert_eq!(told[2], (needed.as_str().into(), needed.into()));
    assert_eq!(told.len(), 4);
    drop(told);
    // Which of two grants of one command it was.
    run("printf", &["x"]);
    run("printf", &["y"]);
    let told = events_of_printf.lock().unwrap();
    assert_eq!(told[4].1, "exec:printf x");
    assert_eq!(told[5].1, "exec:printf");
}

/// Changing into a directory reads nothing.
#[test]
fn e3_the_working_directory_needs_no_grant() {
    let place = Workplace::new();
    fs::create_dir_all(place.path("closed/sub")).unwrap();
    fs::write(place.path("file"), "").unwrap();
    symlink(place.path("closed"), place.path("leak")).unwrap();
    let plugin = place.plugin(&["exec:pwd"]);
    let run = |dir: &str| ask(&plugin, json!({"command": "pwd", "dir": dir}));
    for (dir, expected) in [
        (place.path("closed"), place.path("closed")),
        ("closed/sub".to_owned(), place.path("closed/sub")),
        ("closed/sub/..".to_owned(), place.path("closed")),
        ("leak".to_owned(), place.path("closed")),
        ("/".to_owned(), "/".to_owned()),
    ] {
        assert_eq!(stdout(&run(&dir)).trim_end(), expected);
    }
    for (dir, code, text) in [
        ("missing", "ENOENT", "no such file or directory"),
        ("file", "ENOTDIR", "not a directory"),
        ("file/deeper", "ENOTDIR", "not a directory"),
    ] {
        let reply = run(dir);
        let error = &reply["error"];
        assert_eq!(
            (kind(&reply), &error["code"]),
            ("execution", &json!(code)),
            "{dir}"
        );
        let full = format!("chdir {}: {text}", place.path(dir));
        assert_eq!(error["message"], full);
    }
    // A command that is denied does not show which directories exist.
    for dir in ["closed", "missing"] {
        let reply = ask(&plugin, json!({"command": "ls", "dir": dir}));
        assert_denied(&reply, "exec:ls");
    }
}

/// What a relative argument names depends on the directory.
#[test]
fn a_grant_of_certain_arguments_holds_where_the_directory_is_granted() {
    let place = Workplace::new();
    for directory in ["open", "closed"] {
        fs::create_dir(place.path(directory)).unwrap();
        fs::write(place.path(&format!("{directory}/notes")), directory).unwrap();
    }
    symlink(place.path("closed"), place.path("open/leak")).unwrap();
    let grants = ["exec:cat notes", "fs:read:ROOT/open/**"];
    let cat = |grants: &[&str], dir: &str| {
        let request = json!({"command": "cat", "args": ["notes"], "dir": dir});
        ask(&place.plugin(grants), request)
    };
    assert_eq!(stdout(&cat(&grants, "open")), "open");
    for dir in ["closed", "open/leak", "open/../closed"] {
        let reply = cat(&grants, dir);
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(
            kind(&reply) == "capability" && message.contains("fs:read:"),
            "{reply}"
        );
    }
    // Any arguments may name any file, so the directory adds nothing.
    let any = ["exec:cat notes", "exec:cat"];
    assert_eq!(stdout(&cat(&any, "closed")), "closed");
}

#[test]
fn a_relative_command_begins_at_its_directory() {
    let place = Workplace::new();
    fs::create_dir_all(place.path("a/b")).unwrap();
    place.program("tool", "#!/bin/sh\necho outer\n");
    place.program("a/tool", "#!/bin/sh\necho inner; pwd\n");
    let here = place.path("a");
    let inner = format!("inner\n{here}\n");
    let run = |grants: &[&str], command: &str, dir: &str| {
        ask(
            &place.plugin(grants),
            json!({"command": command, "dir": dir}),
        )
    };
    for command in ["./tool", "b/../tool", "../a/tool", ".//tool"] {
        for dir in ["a", here.as_str()] {
            assert_eq!(stdout(&run(&["exec:ROOT/a/tool"], command, dir)), inner);
        }
    }
    assert_eq!(stdout(&run(&["exec:./a/tool"], "./tool", "a")), inner);
    assert_eq!(stdout(&run(&["exec:ROOT/a/*"], "./tool", "a")), inner);
    assert_eq!(stdout(&run(&["exec:./tool"], "./tool", "")), "outer\n");
    // The grant of one file is not a grant of another with the same relative name.
    let denied = run(&["exec:./tool"], "./tool", "a");
    assert_denied(&denied, &format!("exec:{here}/tool"));
    let missing = run(&["exec:ROOT/a/none"], "./none", "a");
    assert_eq!(
        (kind(&missing), &missing["error"]["code"]),
        ("execution", &json!("ENOENT"))
    );
}

#[test]
fn e8_shells_under_other_names_and_wrappers_are_known() {
    let place = Workplace::new();
    symlink("/bin/sh", place.path("harmless")).unwrap();
    let grants = &["exec:**", "exec:ROOT/*"];
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for line in [
        "busybox sh -c x",
        "ash -c x",
        "env sh -c x",
        "xargs sh",
        "find . -exec sh x ;",
        "bash -lc x",
        "perl -ne x",
        "node --print x",
        "python3.13 -c x",
        "pypy -c x",
        "perl -Mx",
        "php -B x",
        "awk /x/{system(\"x\")}",
        "sed 1e",
        "sed p",
        "vim",
        "tar --to-command=x",
        "rsync --rsh=x",
        "ssh -oProxyCommand=x host",
        "sudo -s",
        "nice sh -c x",
        "timeout 1 sh -c x",
        "./harmless -c x",
    ] {
        let words = words(line);
        let request = json!({"command": words[0], "args": words[1..]});
        let reply = ask(&place.plugin(grants), request);
        assert_denied(&reply, &format!("exec:{}", words[0]));
    }
    // By a link, a shell is still what it is: only its own name or the grant of the link, which
    // covers what the link leads to, lets it run.
    let request = json!({"command": place.path("harmless"), "args": ["-c", "echo x"]});
    assert_eq!(
        kind(&ask(&place.plugin(&["exec:ROOT/*"]), request.clone())),
        "capability"
    );
    assert_eq!(
        stdout(&ask(&place.plugin(&["exec:ROOT/harmless"]), request)),
        "x\n"
    );
}

#[test]
fn e9_a_command_is_the_file_that_it_leads_to() {
    let place = Workplace::new();
    let tool = place.program("tool", "#!/bin/sh\necho tool $0 $1\n");
    fs::create_dir_all(place.path("bin")).unwrap();
    let own = place.program("bin/ls", "#!/bin/sh\necho own\n");
    symlink(&tool, place.path("bin/alias")).unwrap();
    // Another spelling is the same command.
    let plugin = place.plugin(&["exec:ROOT/tool"]);
    for spelled in ["./tool", "bin/../tool", "./bin/..//tool"] {
        let reply = ask(&plugin, json!({"command": spelled, "args": ["a"]}));
        assert!(stdout(&reply).starts_with("tool "), "{reply}");
    }
    let doubled = format!("{}//tool", place.path(""));
    assert!(stdout(&ask(&plugin, json!({"command": doubled}))).starts_with("tool "));
    // A link needs a grant of its own name, and of what it leads to: the first brings the second,
    // as it was when the runtime was built.
    let alias = json!({"command": "bin/alias"});
    assert_denied(&ask(&plugin, alias.clone()), "exec:./bin/alias");
    let named = place.plugin(&["exec:ROOT/bin/alias"]);
    assert!(stdout(&ask(&named, alias)).starts_with("tool "));
    let reply = ask(
        &place.plugin(&["exec:ROOT/bin/*"]),
        json!({"command": "bin/alias"}),
    );
    assert_denied(&reply, "exec:./bin/alias");
    // A bare name is looked up in PATH and nowhere else: `./*` does not cover it.
    let bare = json!({"command": "ls"});
    fs::copy(&own, place.path("ls")).unwrap();
    assert_denied(&ask(&place.plugin(&["exec:./*"]), bare.clone()), "exec:ls");
    let reply = ask(&place.plugin(&["exec:ls"]), bare);
    assert!(!stdout(&reply).contains("own"), "{reply}");
    let reply = ask(&place.plugin(&["exec:./*"]), json!({"command": "./ls"}));
    assert_eq!(stdout(&reply), "own\n");
}

#[test]
fn a_command_gets_nothing_of_ours() {
    let place = Workplace::new();
    let secret = fs::File::create(place.path("secret")).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let plugin = place.plugin(&["exec:/bin/sh", "exec:ls", "exec:cat"]);
    let listing = stdout(&ask(
        &plugin,
        json!({"command": "ls", "args": ["-l", "/proc/self/fd"]}),
    ))
    .to_owned();
    assert!(
        !listing.contains("secret") && !listing.contains("socket"),
        "{listing}"
    );
    assert!(listing.contains("0 -> /dev/null"), "{listing}");
    drop((secret, listener));
    // Its input is empty, and its group is not ours.
    assert_eq!(stdout(&ask(&plugin, json!({"command": "cat"}))), "");
    let reply = shell(&plugin, "read -r all < /proc/self/stat; echo $all", 0);
    let (pid, rest) = stdout(&reply).split_once(' ').unwrap();
    assert_eq!(rest.split(' ').nth(3), Some(pid), "{rest}");
    // It is called what the plugin called it.
    let reply = ask(
        &plugin,
        json!({"command": "/bin/../bin/sh", "args": ["-c", "cat /proc/$$/cmdline"]}),
    );
    assert!(
        stdout(&reply).starts_with("/bin/../bin/sh\0-c\0"),
        "{reply}"
    );
}
