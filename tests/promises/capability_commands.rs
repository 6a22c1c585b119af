//! Programs that can run code are recognised by name and need a literal grant. Variables that make
//! other programs run code are withheld.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests fail by panicking.

use crate::capability_rows;

use capability_rows::{rows, text};
use tollgate::capability::command::{
    Family, base_name, env_allowed, env_allowed_freely, env_never_allowed, family, is_interpreter,
    is_shell,
};
use tollgate::capability::{Capability, Request};

/// Rows about arguments, which we do not look at: a program that can run code needs a literal
/// grant whatever its arguments are, and any other is allowed with all of them. The test, the case,
/// and whether our rule calls it dangerous.
const BY_PROGRAM: &[(&str, &str, bool)] = &[
    ("TestHasCodeExecutionFlags", "python module", true),
    ("TestHasCodeExecutionFlags", "perl script", true),
    ("TestHasCodeExecutionFlags", "ruby script", true),
    ("TestHasCodeExecutionFlags", "php script", true),
    ("TestHasCodeExecutionFlags", "lua script", true),
    ("TestHasCodeExecutionFlags", "awk pattern", true),
    ("TestInterpreterBypassAttempts", "safe python script", true),
    ("TestHasSuspiciousFlags", "-E flag", false),
    ("TestHasSuspiciousFlags", "-r flag", false),
    ("TestHasSuspiciousFlags", "--eval flag", false),
    ("TestHasSuspiciousFlags", "--command flag", false),
];

#[test]
fn the_detection_rows() {
    let mut departures = 0;
    for row in rows("exec-detection") {
        let command = row["command"].as_str().unwrap_or("mycommand");
        let expected = &row["expect"];
        let seen = match text(&row, "test") {
            "Test_isShellExecution" => {
                assert_eq!(
                    Some(is_shell(command)),
                    expected["shell"].as_bool(),
                    "{row}"
                );
                continue;
            }
            "TestGetBasename" => {
                assert_eq!(base_name(command), text(&row, "expect"));
                continue;
            }
            // Says itself that it proves nothing: it is about a process nobody starts.
            "TestEnvironmentVariableIsolation" => continue,
            "TestIsKnownInterpreter" | "TestHasCodeExecutionFlags" => is_interpreter(command),
            "TestHasSuspiciousFlags" | "TestInterpreterBypassAttempts" => family(command).is_some(),
            other => panic!("unknown test {other}"),
        };
        let ours = BY_PROGRAM
            .iter()
            .find(|(test, case, _)| (*test, *case) == (text(&row, "test"), text(&row, "case")));
        if let Some((.., dangerous)) = ours {
            assert_eq!(seen, *dangerous, "{row}");
            departures += 1;
            continue;
        }
        let expected = expected.as_bool().or(expected["dangerous"].as_bool());
        assert_eq!(Some(seen), expected, "{row}");
    }
    assert_eq!(departures, BY_PROGRAM.len());
}

/// Names by kind: what each family is for, under the names that systems give its programs.
#[test]
fn programs_that_can_run_code_are_known_by_name() {
    for (expected, names) in [
        (
            Family::Shell,
            "sh bash bash-static gsh dash zsh ksh csh tcsh fish ash rbash mksh ksh93 pwsh git-shell -sh SH bash5.2 \
             zsh-5.9 bash.exe /bin//sh",
        ),
        (
            Family::Interpreter,
            "python python3 python3-dbg .python3-wrapped python3.11 python3.14t pypy3.10 perl perl5.36.0 perl5.36-x86_64-linux-gnu \
             ruby ruby3.2 node nodejs node18 deno php8.2 lua5.4 luajit tclsh8.6 wish wish8.6 awk gawk \
             mawk nawk original-awk sed gsed bc dc gnuplot R Rscript julia ghci gs latex m4 \
             groff jshell java jrunscript pydoc3.11 osascript wasmtime",
        ),
        (
            Family::Launcher,
            "env genv gnuenv uu_env env-rs su-exec gosu sudo-rs xargs gxargs find timeout nice nohup setsid script time stdbuf ionice chrt taskset prlimit \
             setarch x86_64 i386 linux32 flock watch parallel sudo su doas pkexec runuser sg chroot \
             unshare nsenter capsh setpriv start-stop-daemon run-parts split sort openssl ip tc screen \
             tmux fdfind rg fzf entr ld-linux-x86-64.so.2 ld-2.31.so ld-musl-x86_64.so.1 \
             ldd iptables xdg-open dbus-send mount logsave gpg",
        ),
        (
            Family::Editor,
            "vi vim vim.basic vim.tiny nvim ex ed red view rview nano emacs emacs-nox less more most man \
             pager editor sensible-editor vipw visudo zless cscope batcat",
        ),
        (
            Family::Debugger,
            "gdb gdb-multiarch lldb-15 strace ltrace perf valgrind valgrind.bin rr bpftrace gcore pdb3.11 \
             sotruss jdb jcmd x86_64-linux-gnu-gdb",
        ),
        (
            Family::BuildTool,
            "make gmake cmake ninja gcc gcc-12 g++-12 cc c++ clang clang++-15 x86_64-linux-gnu-gcc \
             x86_64-linux-gnu-gcc-12 arm-none-eabi-gcc ld ld.bfd ld.gold as cargo rustc go git git-upload-pack \
             git-lfs hg svn mvn gradle pytest prove ctest cpp nm ar ranlib strip objcopy opt-14 llc llvm-ar-14",
        ),
        (
            Family::PackageManager,
            "apt apt-get apt-cache dpkg dpkg-query rpm yum dnf zypper pacman apk snap flatpak brew pip pip3 \
             pip3.11 npm npx yarn gem cpan cpan5.36-x86_64-linux-gnu conda nix-env opam update-alternatives",
        ),
        (
            Family::System,
            "systemctl systemd-run init telinit service crontab cron at batch busybox toybox docker podman \
             kubectl lxc virsh qemu-system-x86_64 qemu-img runc machinectl insmod modprobe sysctl ansible \
             ansible-playbook vagrant terraform journalctl dnsmasq nginx",
        ),
        (
            Family::Remote,
            "ssh ssh-agent ssh-keygen scp sftp rsync ftp telnet nc nc.openbsd ncat socat mail mailx bsd-mailx \
             sendmail exim4 mutt procmail tcpdump nmap wget lftp rclone mosh sshpass",
        ),
        (
            Family::Database,
            "psql mysql mariadb sqlite3 sqlite mongo mongosh redis-cli pgbench sqlplus duckdb pg_ctl",
        ),
        (
            Family::Archiver,
            "tar gtar bsdtar cpio zip unzip 7z 7za rar gzip gunzip bzip2 xz zstd rsnapshot borg",
        ),
        (
            Family::Writer,
            "cp mv ln dd tee install curl shred truncate chmod chown setcap patch uniq shuf csplit iconv xxd",
        ),
    ] {
        for name in names.split_whitespace() {
            assert_eq!(family(name), Some(expected), "{name}");
        }
    }
    for name in UNUSUAL.split_whitespace() {
        assert!(family(name).is_some(), "{name}");
    }
    for name in "ls cat echo grep egrep head tail wc stat df du free uptime uname hostname id whoami who w \
                 date cal ps pgrep pidof kill ping dig host nslookup ss netstat lsof lsblk lscpu lsmod mkdir rm touch \
                 sleep true false yes test printf printenv pwd readlink realpath md5sum sha256sum cut tr paste comm \
                 diff file which jq bashful shiny shell-like mycommand nodejs-dev python-config make-believe \
                 getent getconf findmnt last nproc sync tac nl od base64 dmesg vmstat iostat"
        .split_whitespace()
        .chain([""])
    {
        assert_eq!(family(name), None, "{name}");
    }
}

/// Programs that run code in ways that few know, and names that systems give to known ones: loaders, runtimes
/// for plugins like this one, clients that load libraries, what changes into a root of the caller's own.
const UNUSUAL: &str = "tollgate reglet libc.so libc.musl-x86_64.so.1 linker64 bbsuid busyboxsuid toybox-aarch64 \
    convert-im6.q16 convert-im7.q16hdri gnuplot-qt gnuplot-x11 netcat-traditional wine-stable ksh93u+m python3-intel64 \
    socat-x86_64 socat_linux_amd64 python3-linux-arm64 tar-linux nmap-x86_64-portable sudo-ldap gcc12 \
    mysqladmin mysqlshow mysqlslap mysqlbinlog createdb vacuumdb pg_wrapper sqldiff ffprobe ffplay aplay cryptsetup \
    svnsync svnrdump pwconv grpunconv systemd-sysctl systemd-binfmt libnetcfg erb runghc gvpr optscript makeinfo \
    texi2any epstopdf dvipdf xdvi timidity mlr xidel csvpy rackup rubocop perlcritic run_erl beam.smp swift-run \
    s6-setlock execlineb spawn-fcgi slattach xrdb plymouth fastfetch needrestart gtester csvtool check_ssl_cert \
    task runscript rtorrent pg easyrsa acr genie jtag volatility tailscale sshuttle clamscan yq xq-python sops vault \
    aws-vault vmtoolsd steam sk gum remind at-linux pprof debootstrap dput debsign sa-learn postmap named unbound enosys pipesz varlinkctl app_process64";

#[test]
fn names_that_a_file_system_may_take_for_another_are_that_one() {
    for name in [
        "BASH",
        "ba\u{17f}h",
        "\u{212a}sh",
        "ba\u{200c}sh",
        "bash ",
        "bash.",
        "bash.exe.",
        "bash:stream",
        ".bash",
    ] {
        assert_eq!(family(name), Some(Family::Shell), "{name:?}");
    }
}

#[test]
fn literal_grants_for_what_runs_code() {
    let covers = |grant: &str, line: &str| {
        let request: Request = format!("exec:{line}").parse().unwrap();
        grant.parse::<Capability>().unwrap().covers(&request, None)
    };
    for (grant, line, allowed) in [
        ("exec:**", "bash", false),
        ("exec:**", "bash -c x", false),
        ("exec:bash", "bash -c x", true),
        ("exec:bash", "bash", true),
        ("exec:/bin/*", "/bin/sh x", false),
        ("exec:/bin/sh", "/bin/sh x", true),
        ("exec:/bin/sh", "/bin//sh x", true),
        ("exec:glob:/bin/s*", "/bin/sh x", false),
        ("exec:glob:/bin/s*", "/bin/stat x", true),
        ("exec:**", "python3 script.py", false),
        ("exec:python3", "python3 -c x", true),
        ("exec:python3", "/usr/bin/python3 -c x", false),
        ("exec:**", "grep -E x", true),
        ("exec:**", "unknown -c x --eval", true),
        ("exec:grep,ls", "grep -E x", true),
        ("exec:**", "timeout 5 ls", false),
        ("exec:/usr/bin/*", "/usr/bin/env", false),
        ("exec:/usr/bin/env", "/usr/bin/env ls", true),
        ("exec:/usr/bin/git", "/usr/bin/git status", true),
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
        // One name for another, as Debian's alternatives have it: both count.
        (
            "exec:/usr/bin/*",
            "/usr/bin/awk",
            "/usr/bin/mawk",
            &[],
            false,
        ),
        (
            "exec:/usr/bin/*",
            "/usr/bin/page",
            "/usr/bin/less",
            &[],
            false,
        ),
        (
            "exec:/usr/bin/*",
            "/usr/bin/pager",
            "/usr/bin/plain",
            &[],
            false,
        ),
        (
            "exec:/usr/bin/*",
            "/usr/bin/one",
            "/usr/bin/two",
            &args,
            true,
        ),
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
        "LD_LIBRARY_PATH",
        "DYLD_X",
        "_RLD_LIST",
        "LDR_PRELOAD",
        "LIBPATH",
        "IFS",
        "BASH_ENV",
        "ENV",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "LOCPATH",
        "NLSPATH",
        "SHELLOPTS",
        "BASHOPTS",
        "BASH_FUNC_ls%%",
        "PROMPT_COMMAND",
        "MALLOC_TRACE",
        "",
        "A=B",
        "A\0",
        // Where variables are printed line by line, they would be two.
        "LC_A\nLD_PRELOAD",
        "\nLD_PRELOAD",
        "A\u{9b}",
    ] {
        assert!(
            !env_allowed(name, "x", all) && env_never_allowed(name),
            "{name}"
        );
    }
    for name in [
        "PATH",
        "HOME",
        "USER",
        "GOOD",
        "RUBYOPT",
        "PERL5OPT",
        "LUA_INIT",
        "PYTHONPYCACHEPREFIX",
        "TCL_LIBRARY",
        "GIT_SSH_COMMAND",
        "JAVA_TOOL_OPTIONS",
        "TAR_OPTIONS",
        "PAGER",
        "LESSOPEN",
        "HOSTALIASES",
        "LANGUAGE",
        "TERMINFO",
        "TZDIR",
        "LC",
        "lang",
        "ld_preload",
    ] {
        assert!(env_allowed(name, "x", |granted| granted == name), "{name}");
        assert!(!env_allowed(name, "x", |_| false), "{name}");
    }
    for (name, value, free) in [
        ("LANG", "en_US.UTF-8", true),
        ("LANG", "", true),
        ("LC_ALL", "C", true),
        ("TERM", "xterm-256color", true),
        ("LC_", "C", true),
        ("LC_ALL B", "C", false),
        ("LC_A;id", "C", false),
        ("LC_$(id)", "C", false),
        ("LC_all", "C", false),
        ("LC_\u{e9}", "C", false),
        ("TZ", "Europe/Berlin", true),
        ("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", true),
        ("LANG", "../../tmp/locale", false),
        ("LC_MESSAGES", "%s", false),
        ("TERM", "/tmp/x", false),
        ("TERM", "a b", false),
        ("TZ", "/tmp/zone", false),
        ("TZ", ":/tmp/zone", false),
        ("TZ", "../../tmp/zone", false),
        ("TZ", "a\u{9b}", false),
    ] {
        assert_eq!(env_allowed_freely(name, value), free, "{name}={value}");
        assert_eq!(env_allowed(name, value, |_| false), free, "{name}={value}");
        assert!(env_allowed(name, value, all), "{name}={value}");
    }
    assert!(!env_allowed_freely("LANG", &"x".repeat(256)));
    assert!(!env_allowed("ANY", "a\0b", all));
}

#[test]
fn a_grant_is_advised_that_helps_for_every_name() {
    let request = |command: &str, args: &[&str]| Request::Exec {
        command: command.to_owned(),
        args: args.iter().map(ToString::to_string).collect(),
    };
    for (command, args, needed) in [
        ("/usr/bin/env", &["sh", "-c"][..], "exec:/usr/bin/env"),
        ("/usr$bin,bash", &["-c"], "exec:\"/usr$bin,bash\""),
        ("/opt/a,b", &[], "exec:\"/opt/a,b\""),
        ("/opt/my tool", &["x"], "exec:\"/opt/my tool\""),
        ("/opt/*", &[], "exec:\"/opt/*\""),
        ("**", &[], "exec:\"**\""),
        ("glob:x", &[], "exec:\"glob:x\""),
        ("python:x", &[], "exec:\"python:x\""),
        ("/opt/\u{9b}x\n\"", &[], "exec:\"/opt/\\u{9b}x\\n\\\"\""),
    ] {
        let request = request(command, args);
        let found = request.needed().unwrap();
        assert_eq!(found.to_string(), needed);
        assert!(found.covers(&request, None), "{found}");
    }
    assert_eq!(request("/bin/", &[]).needed(), None);
}
