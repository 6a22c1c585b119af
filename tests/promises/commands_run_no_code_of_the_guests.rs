//! A plugin that holds a wildcard for commands cannot run its own code with it: a program that can run
//! code needs a literal grant, whatever its arguments are.

#![cfg(all(target_os = "linux", feature = "exec"))]

use crate::support::commands;

use commands::{Workplace, ask, kind, stdout};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::symlink, path::Path};

/// What each program could be told to run.
const TOUCH: &str = "touch proof";

/// Arguments that made listed programs run `TOUCH` when their options were what was judged:
/// clusters, abbreviated options, and other spellings of the same script.
const TRICKS: &[&[&str]] = &[
    &[
        "tar",
        "-cI",
        "sh -xc 'touch proof'",
        "-f",
        "/dev/stdout",
        "/etc/hostname",
    ],
    &["sed", "/./e touch proof", "/etc/hostname"],
    &["sed", "s/.*/touch proof/e", "/etc/hostname"],
    &["sed", "s/.*/true;touch proof/e", "/etc/hostname"],
    &["sed", "s/.*/touch proof/e # note", "/etc/hostname"],
    &["awk", "{print | (\"tou\" \"ch proof\")}", "/etc/hostname"],
    &["mawk", "{print | (\"tou\" \"ch proof\")}", "/etc/hostname"],
    &["make", "-f", "/dev/null", "X:=$(shell touch proof)"],
    &["split", "--fil=touch proof", "/etc/hostname"],
    &["vim", "-esnc!touch proof"],
    &["ex", "-sc", "!touch proof", "-c", "q"],
    &["script", "-qc", TOUCH, "/dev/null"],
    &[
        "perl",
        "-d:Peek;BEGIN{system(q(touch proof))};#",
        "/dev/null",
    ],
    &[
        "python3",
        "-m",
        "timeit",
        "-n1",
        "-r1",
        "__import__('os').system('touch proof')",
    ],
    &[
        "gdb",
        "-batch",
        "-q",
        "--init-eval-command=shell touch proof",
    ],
    &[
        "timeout", "--kill", "5", "--sig", "9", "5", "sh", "-xc", TOUCH,
    ],
    &["find", "/etc/hostname", "-fprint", "proof"],
    &["find", "/etc/hostname", "-exec", "touch", "proof", ";"],
    &["env", "-S", TOUCH],
    &["xargs", "-a", "/etc/hostname", "touch", "proof"],
    &["nice", "touch", "proof"],
    &["setsid", "touch", "proof"],
    &["flock", ".", "touch", "proof"],
    &["x86_64", "touch", "proof"],
    &["strace", "-o", "/dev/null", "touch", "proof"],
    &["git", "-c", "alias.x=!touch proof", "x"],
    &["ssh", "-oProxyCommand=touch proof", "nowhere"],
    &["sort", "-S1b", "--compress-prog=./program", "/usr/bin/env"],
    &["cp", "/etc/hostname", "proof"],
    &["tee", "proof"],
    &["uniq", "/etc/hostname", "proof"],
    &["ld.so", "/usr/bin/touch", "proof"],
    &["gcc", "-wrapper", "sh,-c,touch proof", "-c", "/dev/null"],
    &[
        "x86_64-linux-gnu-gcc-12",
        "-wrapper",
        "sh,-c,touch proof",
        "-xc",
        "/dev/null",
    ],
    &["tclsh8.6", "/dev/null"],
    &["less", "/etc/hostname"],
    &["busybox", "sh", "-c", TOUCH],
];

#[test]
fn a_wildcard_runs_no_program_that_can_run_code() {
    let place = Workplace::new();
    place.program("program", "#!/bin/sh\ntouch proof\n");
    for wildcard in ["exec:/usr/bin/*", "exec:**", "exec:glob:/usr/bin/*"] {
        let plugin = place.plugin(&[wildcard]);
        for trick in TRICKS {
            let (name, args) = trick.split_first().unwrap();
            let command = format!("/usr/bin/{name}");
            // What is not installed is denied as well: nobody learns which commands exist.
            for args in [args, &[]] {
                let reply = ask(&plugin, json!({"command": command, "args": args}));
                assert_eq!(kind(&reply), "capability", "{wildcard} {trick:?}: {reply}");
                let message = reply["error"]["message"].as_str().unwrap();
                // A file outside of the directory is not granted in the first place.
                assert!(
                    (message.contains("prevents arbitrary code execution")
                        || (*name == "ld.so" && wildcard != "exec:**"))
                        && message.contains(&format!("the grant exec:{command} would allow it")),
                    "{message}"
                );
                assert!(!Path::new(&place.path("proof")).exists(), "{trick:?}");
            }
        }
    }
}

#[test]
fn a_wildcard_still_runs_what_only_looks() {
    let place = Workplace::new();
    let plugin = place.plugin(&["exec:/usr/bin/*", "exec:/bin/*"]);
    for (command, args) in [
        ("cat", json!(["/etc/hostname"])),
        ("echo", json!(["-e", "-c", "--eval"])),
        ("grep", json!(["-E", "-r", "-c", "", "/etc/hostname"])),
        ("id", json!([])),
        ("ls", json!(["-la", "/"])),
        ("stat", json!(["-c", "%n", "/"])),
        ("uname", json!(["-a"])),
        ("wc", json!(["-c", "/etc/hostname"])),
    ] {
        let command = format!("/usr/bin/{command}");
        let reply = ask(&plugin, json!({"command": command, "args": args}));
        assert_eq!(kind(&reply), "none", "{command}: {reply}");
        assert_eq!(reply["exit_code"].as_i64().unwrap_or(0), 0, "{reply}");
    }
}

#[test]
fn a_program_is_judged_by_its_file_as_well_as_by_its_name() {
    let place = Workplace::new();
    fs::create_dir(place.path("bin")).unwrap();
    symlink("/bin/sh", place.path("bin/harmless")).unwrap();
    place.program("bin/awk", "#!/bin/sh\necho awk\n");
    place.program("bin/other", "#!/bin/sh\necho other\n");
    symlink(place.path("bin/other"), place.path("bin/vim")).unwrap();
    symlink(place.path("bin/awk"), place.path("bin/plain")).unwrap();
    let plugin = place.plugin(&["exec:ROOT/bin/*", "exec:**"]);
    for name in ["harmless", "awk", "vim", "plain"] {
        let reply = ask(
            &plugin,
            json!({"command": place.path(&format!("bin/{name}"))}),
        );
        assert_eq!(kind(&reply), "capability", "{name}: {reply}");
    }
    let reply = ask(&plugin, json!({"command": place.path("bin/other")}));
    assert_eq!(stdout(&reply), "other\n");
}

#[test]
fn options_in_a_variable_are_options_too() {
    if !Path::new("/usr/bin/tar").exists() {
        return;
    }
    let place = Workplace::new();
    let program = place.program("program", "#!/bin/sh\necho ran > proof\n");
    let options = "--checkpoint=1 --checkpoint-action=exec=./program";
    let request = json!({
        "command": "/usr/bin/tar",
        "args": ["-cf", "/dev/null", program],
        "env": [format!("TAR_OPTIONS={options}")],
    });
    let reply = ask(&place.plugin(&["exec:/usr/bin/tar"]), request.clone());
    assert_eq!(reply["exit_code"], 0, "{reply}");
    assert!(!Path::new(&place.path("proof")).exists(), "{reply}");

    // Whoever is granted the variable may use it.
    let grants = ["exec:/usr/bin/tar", "env:TAR_OPTIONS"];
    ask(&place.plugin(&grants), request);
    assert!(Path::new(&place.path("proof")).exists());
}

#[test]
fn variables_are_handed_on_by_a_short_list_and_by_grant() {
    let place = Workplace::new();
    // Each of these ran code in a literally granted Lua, Python, Tcl, Java, R or .NET program.
    let names = [
        "LUA_INIT",
        "PYTHONPYCACHEPREFIX",
        "TCL_LIBRARY",
        "CLASSPATH",
        "R_PROFILE",
        "DOTNET_STARTUP_HOOKS",
        "HOSTALIASES",
        "ANYTHING",
    ];
    let set: Vec<String> = names.iter().map(|name| format!("{name}=SET")).collect();
    let run = |grants: &[&str], env: Value| {
        let grants = [&["exec:/usr/bin/env"], grants].concat();
        let request = json!({"command": "/usr/bin/env", "env": env});
        stdout(&ask(&place.plugin(&grants), request)).to_owned()
    };
    let printed = run(&[], json!(set));
    assert!(!printed.contains("SET"), "{printed}");
    let printed = run(&["env:CLASSPATH"], json!(set));
    assert!(printed.contains("CLASSPATH=SET"), "{printed}");
    assert_eq!(printed.matches("SET").count(), 1, "{printed}");
}
