//! Commands that run code out of their arguments are told apart, and the variables that would do
//! the same are held back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

mod capability_rows;

use capability_rows::{rows, text, texts};
use tollgate::capability::command::{
    Class, allowed_env, base_name, classify, env_allowed, env_never_allowed, inspect,
    is_interpreter, is_shell, needs_literal,
};
use tollgate::capability::{Capability, Wish};

fn class(line: &str) -> Class {
    let mut words = line.split(' ').map(str::to_owned);
    let command = words.next().unwrap();
    classify(&command, &words.collect::<Vec<_>>())
}

#[test]
fn the_detection_rows() {
    for row in rows("exec-detection") {
        let command = row["command"].as_str().unwrap_or("mycommand");
        let args = texts(&row, "args");
        let expected = &row["expect"];
        match text(&row, "test") {
            "Test_isShellExecution" => {
                assert_eq!(
                    Some(is_shell(command)),
                    expected["shell"].as_bool(),
                    "{row}"
                );
            }
            "TestGetBasename" => assert_eq!(base_name(command), text(&row, "expect")),
            "TestIsKnownInterpreter" => {
                assert_eq!(Some(is_interpreter(command)), expected.as_bool(), "{row}");
            }
            "TestHasCodeExecutionFlags" => {
                let code = classify(command, &args) == Class::Interpreter;
                assert_eq!(Some(code), expected.as_bool(), "{row}");
            }
            "TestHasSuspiciousFlags" => {
                let suspicious = classify(command, &args) == Class::Suspicious;
                assert_eq!(Some(suspicious), expected.as_bool(), "{row}");
            }
            "TestInterpreterBypassAttempts" => {
                let dangerous = needs_literal(command, &args);
                assert_eq!(Some(dangerous), expected["dangerous"].as_bool(), "{row}");
            }
            // Says itself that it proves nothing: it is about a process nobody starts.
            "TestEnvironmentVariableIsolation" => {}
            other => panic!("unknown test {other}"),
        }
    }
}

#[test]
fn the_v2_rows() {
    for row in rows("exec-v2") {
        let command = row["command"].as_str().unwrap_or_default();
        let args = texts(&row, "args");
        let expected = &row["expect"];
        match text(&row, "test") {
            "TestIsAlwaysBlockedEnv" => {
                let blocked = env_never_allowed(text(&row, "env"));
                assert_eq!(Some(blocked), expected["blocked"].as_bool(), "{row}");
            }
            "TestSanitizeEnv" => {
                let granted: Option<Capability> =
                    row["granted"].as_str().map(|text| text.parse().unwrap());
                let env = texts(&row, "env");
                assert_eq!(
                    allowed(&env, granted.as_slice()),
                    texts(&row, "expect"),
                    "{row}"
                );
            }
            "TestPerformExecCommand_WithEnvSanitization"
            | "TestPerformExecCommand_WithEnvSanitization_AllowsCapability"
            | "TestPerformSecureExecCommand" => {
                let granted: Vec<Capability> = texts(&row, "granted")
                    .iter()
                    .map(|text| text.parse().unwrap())
                    .collect();
                let env = allowed(&texts(&row["req"], "env"), &granted);
                assert!(
                    env.iter().any(|entry| entry == text(expected, "contains")),
                    "{row}"
                );
                for lacking in texts(expected, "lacks") {
                    assert!(
                        !env.iter().any(|entry| entry.starts_with(&lacking)),
                        "{row}"
                    );
                }
            }
            // Running commands is the world's business.
            name if name.starts_with("TestPerform") => assert!(row["req"].is_object(), "{row}"),
            "TestIsShellExecution" => {
                assert_eq!(Some(is_shell(command)), expected.as_bool(), "{row}");
            }
            "TestIsKnownInterpreter(v2)" => {
                assert_eq!(Some(is_interpreter(command)), expected.as_bool(), "{row}");
            }
            "TestIsDangerousExecution" => {
                assert_eq!(
                    Some(needs_literal(command, &args)),
                    expected.as_bool(),
                    "{row}"
                );
            }
            "TestDetectExecutionType" | "TestGetExecutionTypeDescription" => {
                assert_eq!(
                    classify(command, &args).describe(),
                    text(&row, "expect"),
                    "{row}"
                );
            }
            other => panic!("unknown test {other}"),
        }
    }
}

fn allowed(env: &[String], granted: &[Capability]) -> Vec<String> {
    let granted = |name: &str| {
        granted
            .iter()
            .any(|grant| grant.covers(&Wish::Env(name.to_owned()), None))
    };
    allowed_env(env, granted)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// The names and forms that reglet-abi 3.6.1 lists as not detected upstream.
#[test]
fn what_upstream_misses() {
    for line in [
        "busybox sh -c x",
        "ash -c x",
        "/bin/busybox ash x",
        "env sh -c x",
        "env -i A=b -u C bash x",
        "xargs sh",
        "xargs -n 1 -I{} bash -c x",
        "find . -exec sh -c x {} ;",
        "find . -name y -ok dash {} +",
        "sudo -u root bash x",
        "sudo -s",
        "sudo --unknown value sh x",
        "timeout --unknown value 5 sh x",
        "systemd-run -E A sh x",
        "nice -n 5 sh x",
        "nice -5 sh x",
        "timeout -s KILL 5 sh x",
        "timeout 5 env nice bash x",
        "nohup setsid sh x",
        "ssh -p 22 host bash x",
        "bash -ec x",
        "bash5.2 x",
        "zsh-5.9 x",
        "-sh x",
        "SH x",
        "bash.exe x",
        "stdbuf -o L sh x",
        "/lib64/ld-linux-x86-64.so.2 --library-path /x /bin/sh x",
        "watch ls",
    ] {
        assert_eq!(class(line), Class::Shell, "{line}");
    }
    for line in [
        "python3.13 -c x",
        "python3.14t -c x",
        "pypy3.10 -c x",
        "python -Bc x",
        "python -cimport",
        "python -W ignore -c x",
        "python -Wonce -Bc x",
        "perl -ne x",
        "perl -I lib -lne x",
        "perl -MPOSIX;system(1)",
        "ruby -ne x",
        "ruby3.2 -e=x",
        "node -p x",
        "node --print x",
        "node --eval=x",
        "node --require x -pe y",
        "deno eval x",
        "php -B x",
        "php8.2 -r x",
        "lua5.4 -e x",
        "tclsh8.6 -c x",
        "awk {system(\"x\")}",
        "gawk END{x}",
        "mawk {print|\"sh\"}",
        "awk {\"date\"|getline}",
        "julia -E x",
        "Rscript -e x",
        "timeout 5 python -c x",
        "sudo -n perl -e x",
    ] {
        let expected = if line.contains("3.14t") {
            Class::Suspicious
        } else {
            Class::Interpreter
        };
        assert_eq!(class(line), expected, "{line}");
    }
    for line in [
        "sed 1e",
        "sed -l 5 s/a/b/e /data/x",
        "sed s/a/b/e",
        "sed -n s|a|b|ge",
        "sed --expression=e",
        "tar --to-command=x -f y",
        "tar --checkpoint-action=exec=x",
        "tar --use-comp=x",
        "tar -I x",
        "rsync --rsh=x a b",
        "rsync -essh a b",
        "ssh -oProxyCommand=x host",
        "git -calias.x=!y x",
        "env -S python",
        "mycommand -c x",
        "grep -E x",
    ] {
        assert_eq!(class(line), Class::Suspicious, "{line}");
    }
    for line in [
        "ls -la",
        "bash",
        "python -m pytest -v",
        "python -Wonce script.py",
        "python script.py --command-line",
        "perl script.pl -verbose",
        "node server.js",
        "awk {print}",
        "awk /a|b/",
        "sed s/a/b/g",
        "sed s/a/b/g /data/pipe",
        "sed -l 5 s/a/b/ /data/pipe",
        "sed -n 1,5p file",
        "tar -xf x",
        "rsync -a x y",
        "git status",
        "env",
        "env A=b ls -l",
        "timeout 5 ls",
        "xargs ls",
        "find . -name sh",
        "sudo -n ls",
        "nice -n 5 ls",
        "busybox ls",
        "bashful x",
        "shiny x",
        "",
    ] {
        assert_eq!(class(line), Class::Safe, "{line}");
    }
}

#[test]
fn a_chain_without_end_is_suspicious() {
    let args: Vec<String> = vec!["env".to_owned(); 10_000];
    assert_eq!(classify("env", &args), Class::Suspicious);
    let finds: Vec<String> = (0..10_000)
        .flat_map(|_| ["-exec".to_owned(), "find".to_owned()])
        .collect();
    assert_ne!(classify("find", &finds), Class::Safe);
    let found = inspect("timeout", &args[..3]);
    assert_eq!((found.class, found.started.len()), (Class::Safe, 2));
}

#[test]
fn literal_grants_for_what_runs_code() {
    let covers = |grant: &str, line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let wish = Wish::Exec {
            command: words.next().unwrap(),
            args: words.collect(),
        };
        grant.parse::<Capability>().unwrap().covers(&wish, None)
    };
    for (grant, line, allowed) in [
        ("exec:**", "bash", true),
        ("exec:**", "bash -c x", false),
        ("exec:bash", "bash -c x", true),
        ("exec:/bin/*", "/bin/sh x", false),
        ("exec:/bin/sh", "/bin/sh x", true),
        ("exec:/bin/sh", "/bin//sh x", true),
        ("exec:glob:/bin/s*", "/bin/sh x", false),
        ("exec:glob:/bin/s*", "/bin/stat x", true),
        ("exec:**", "python3 -c x", false),
        ("exec:python3", "python3 -c x", true),
        ("exec:python3", "/usr/bin/python3 -c x", false),
        ("exec:**", "grep -E x", false),
        ("exec:grep,ls", "grep -E x", true),
        // A wildcard covers a wrapper only with what it starts.
        ("exec:**", "timeout 5 ls", true),
        ("exec:/usr/bin/*", "/usr/bin/timeout 5 /usr/bin/ls", true),
        ("exec:/usr/bin/*", "/usr/bin/timeout 5 /opt/evil", false),
        ("exec:/usr/bin/*", "/usr/bin/env ls", false),
        ("exec:/usr/bin/env", "/usr/bin/env ls", true),
    ] {
        assert_eq!(covers(grant, line), allowed, "{grant} {line}");
    }
}

#[test]
fn the_real_name_counts_as_well_as_the_given_one() {
    let args = ["-c".to_owned(), "x".to_owned()];
    let script = ["x.sh".to_owned()];
    for (grant, given, real, args, allowed) in [
        ("exec:ls", "ls", "/usr/bin/ls", &[][..], true),
        ("exec:/usr/bin/ls", "ls", "/usr/bin/ls", &[], true),
        // A link among granted commands that leads elsewhere.
        ("exec:/usr/bin/*", "/usr/bin/tool", "/opt/tool", &[], false),
        (
            "exec:/usr/bin/tool",
            "/usr/bin/tool",
            "/opt/tool",
            &[],
            false,
        ),
        // A shell under another name, and another program under a shell's name.
        (
            "exec:/usr/bin/*",
            "/usr/bin/tool",
            "/usr/bin/bash",
            &script,
            false,
        ),
        ("exec:/bin/*", "/bin/sh", "/bin/busybox", &script, false),
        (
            "exec:/bin/busybox",
            "/bin/sh",
            "/bin/busybox",
            &script,
            true,
        ),
        ("exec:**", "tool", "/usr/bin/dash", &args, false),
    ] {
        let grant: Capability = grant.parse().unwrap();
        assert_eq!(
            grant.covers_exec(given, real, args, None),
            allowed,
            "{grant} {given} {real}"
        );
    }
}

#[test]
fn variables_that_steer_a_command() {
    let all = |_: &str| true;
    for name in [
        "LD_PRELOAD",
        "DYLD_X",
        "IFS",
        "BASH_ENV",
        "ENV",
        "GCONV_PATH",
        "NLSPATH",
        "SHELLOPTS",
        "BASHOPTS",
        "BASH_FUNC_ls%%",
        "PROMPT_COMMAND",
        "",
        "A=B",
        "A\0",
    ] {
        assert!(!env_allowed(name, all) && env_never_allowed(name), "{name}");
    }
    for name in [
        "PATH",
        "HOME",
        "RUBYOPT",
        "PERL5OPT",
        "GIT_SSH_COMMAND",
        "JAVA_TOOL_OPTIONS",
        "TAR_OPTIONS",
        "RSYNC_RSH",
        "PAGER",
        "LESSOPEN",
        "OPENSSL_CONF",
        "CURL_HOME",
        "XDG_CONFIG_HOME",
    ] {
        assert!(env_allowed(name, |granted| granted == name), "{name}");
        assert!(!env_allowed(name, |_| false), "{name}");
    }
    for name in ["TERM", "LANG", "MY_LD_X", "ld_preload", "ENVX"] {
        assert!(env_allowed(name, |_| false), "{name}");
    }
}

#[test]
fn a_grant_is_advised_only_where_it_would_help() {
    let wish = |command: &str, args: &[&str]| tollgate::capability::Wish::Exec {
        command: command.to_owned(),
        args: args.iter().map(ToString::to_string).collect(),
    };
    // It runs a shell, for which only a literal grant will do, and a comma cannot be written in one.
    assert_eq!(wish("/usr$bin,env", &["sh", "-c"]).needed(), None);
    let shell = wish("/usr/bin/env", &["sh", "-c"]);
    assert!(shell.needed().unwrap().covers(&shell, None));
    let plain = wish("/opt/a,b", &[]);
    assert!(plain.needed().unwrap().covers(&plain, None));
}
