//! A recording or a baked module replaces a file only when it is complete; an interrupted recording is
//! kept beside it. No command overwrites its own input. Needs the feature `cli`.

#![cfg(all(feature = "cli", unix))]

use crate::support::{self, program::tollgate};

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use support::{Guest, data, text_at};
use tollgate::{Config, ConfigError, Error, Plugin, Runtime, RuntimeBuilder, replay::Replay};

const LINE: &str = r#"{"level":"INFO","message":"hello"}"#;

/// Logs two lines, and does something else then.
fn logging(then: &str) -> Guest {
    let say = format!("(call $log {})", text_at(1024, LINE.len()));
    Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        more: data(1024, LINE),
        ..Guest::observing(format!(
            "{say} {say} {then} {}",
            text_at(256, support::EVIDENCE.len())
        ))
    }
}

fn load(builder: RuntimeBuilder) -> Plugin {
    logging("").load_in(&builder.build().unwrap())
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn is_whole(transcript: &Path) {
    let replay = Replay::open(transcript).unwrap();
    replay.run(&load(Runtime::builder())).unwrap();
}

#[test]
fn a_recording_gets_its_name_when_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("run.jsonl");
    let here = directory.path().to_owned();
    let plugin = load(Runtime::builder().on_event(move |_, _| {
        assert_eq!(names(&here), ["run.jsonl.partial"]);
    }));
    plugin.record(Config::new(), &transcript).unwrap().unwrap();
    assert_eq!(names(directory.path()), ["run.jsonl"]);
    is_whole(&transcript);
}

#[test]
fn a_recording_that_replaces_a_file_keeps_its_mode_and_follows_its_link() {
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (directory.path().join("real"), directory.path().join("link"));
    fs::write(&real, "an older one").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    symlink("real", &link).unwrap();
    let old = real.clone();
    let plugin = load(Runtime::builder().on_event(move |_, _| {
        assert_eq!(fs::read(&old).unwrap(), b"an older one");
    }));
    plugin.record(Config::new(), &link).unwrap().unwrap();
    is_whole(&real);
    assert!(link.is_symlink());
    let mode = fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(names(directory.path()), ["link", "real"]);
}

#[test]
fn what_stands_under_the_other_name_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("run.jsonl");
    let precious = directory.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    // An earlier recording that was interrupted, and a link that somebody planted.
    fs::write(directory.path().join("run.jsonl.partial"), "earlier").unwrap();
    symlink("precious", directory.path().join("run.jsonl.partial.2")).unwrap();
    let plugin = load(Runtime::builder());
    plugin.record(Config::new(), &transcript).unwrap().unwrap();
    is_whole(&transcript);
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    let kept = fs::read(directory.path().join("run.jsonl.partial")).unwrap();
    assert_eq!(kept, b"earlier");
    assert_eq!(names(directory.path()).len(), 4);
}

#[test]
fn an_error_names_the_file_that_has_what_was_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("run.jsonl");
    // A directory comes to stand where the transcript was to go.
    let there = transcript.clone();
    let plugin = load(Runtime::builder().on_event(move |_, _| {
        let _ = fs::create_dir(&there);
    }));
    let error = plugin.record(Config::new(), &transcript).unwrap_err();
    let partial = directory
        .path()
        .canonicalize()
        .unwrap()
        .join("run.jsonl.partial");
    let text = error.to_string();
    assert!(
        text.contains("incomplete content is in") && text.ends_with("run.jsonl.partial"),
        "{text}"
    );
    is_whole(&partial);
}

#[test]
fn a_device_is_written_to_as_it_is() {
    let plugin = load(Runtime::builder());
    plugin.record(Config::new(), "/dev/null").unwrap().unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert!(!Path::new("/dev/null.partial").exists());
    let error = plugin.record(Config::new(), "/dev/full");
    if cfg!(target_os = "linux") {
        error.unwrap_err();
    }
}

#[cfg(feature = "schema")]
#[test]
fn a_config_that_is_refused_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("run.jsonl");
    let schema = r#"{"required":["path"]}"#;
    let guest = Guest::default()
        .wat()
        .replace(&data(300, "{}"), &data(300, schema));
    let guest = guest.replace(&text_at(300, 2), &text_at(300, schema.len()));
    let runtime = Runtime::builder()
        .validate_configs(tollgate::ConfigValidation::Strict)
        .build()
        .unwrap();
    let plugin = runtime.load("odd", wat::parse_str(guest).unwrap()).unwrap();
    let refused = plugin.record(Config::new(), &transcript).unwrap();
    let Err(Error::Config { problem, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(matches!(problem, ConfigError::Invalid(_)), "{problem}");
    assert_eq!(names(directory.path()), Vec::<String>::new());
}

#[test]
fn a_recording_that_is_killed_leaves_what_it_had_and_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("odd.wasm");
    fs::write(&module, logging("(loop $again (br $again))").bytes()).unwrap();
    let transcript = directory.path().join("run.jsonl");
    fs::write(&transcript, "an older one").unwrap();
    let mut child = tollgate(&["observe", module.to_str().unwrap(), "--no-validate"])
        .args(["--fuel", "unlimited", "--deadline-ms", "0", "--record"])
        .arg(&transcript)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // When the second line is told, the first is recorded.
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..2 {
        assert!(told.next().unwrap().unwrap().contains("hello"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read(&transcript).unwrap(), b"an older one");
    let kept = directory.path().join("run.jsonl.partial");
    let lines = fs::read_to_string(kept).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines.len() >= 2 && lines[1].contains("hello"), "{lines:?}");
}

/// The files that `observe` and `bake` read.
struct Inputs {
    directory: tempfile::TempDir,
}

impl Inputs {
    fn new() -> Inputs {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            fs::write(directory.path().join(name), content).unwrap();
        };
        write("odd.wasm", &logging("").bytes());
        write("config.json", b"{}");
        write("grants.json", b"{}");
        write("world.json", b"{}");
        Inputs { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Every name that the file has: its own, another spelling, a hard link and a symbolic one.
    fn names_of(&self, name: &str) -> Vec<String> {
        let (hard, soft) = (format!("hard-{name}"), format!("soft-{name}"));
        fs::hard_link(self.path(name), self.path(&hard)).unwrap();
        symlink(name, self.path(&soft)).unwrap();
        fs::create_dir_all(self.path("sub")).unwrap();
        [name, &hard, &soft, &format!("sub/../{name}")]
            .map(|name| self.text(name))
            .to_vec()
    }
}

#[test]
fn nothing_is_written_over_its_own_input() {
    let inputs = Inputs::new();
    let observing = [
        "observe",
        &inputs.text("odd.wasm"),
        "--config-file",
        &inputs.text("config.json"),
        "--grants-file",
        &inputs.text("grants.json"),
        "--world",
        &inputs.text("world.json"),
        "--record",
    ]
    .map(str::to_owned);
    let baking = [
        "bake",
        &inputs.text("odd.wasm"),
        "--grants-file",
        &inputs.text("grants.json"),
        "--world",
        &inputs.text("world.json"),
        "--output",
    ]
    .map(str::to_owned);
    for (name, what) in [
        ("odd.wasm", "the plugin"),
        ("config.json", "the config file"),
        ("grants.json", "the grants file"),
        ("world.json", "the world"),
    ] {
        let before = fs::read(inputs.path(name)).unwrap();
        for other in inputs.names_of(name) {
            for command in [observing.as_slice(), &baking] {
                if command[0] == "bake" && name == "config.json" {
                    continue;
                }
                let args: Vec<&str> = command.iter().map(String::as_str).collect();
                let output = tollgate(&args).arg(&other).output().unwrap();
                assert_eq!(output.status.code(), Some(2), "{other}: {output:?}");
                let told = words(&output);
                assert!(told.contains(&format!("would overwrite {what}")), "{told}");
                assert_eq!(fs::read(inputs.path(name)).unwrap(), before, "{other}");
            }
        }
    }
    // Somewhere else, both work.
    for command in [observing.as_slice(), &baking] {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = tollgate(&args).arg(inputs.text("out")).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

/// `-` is a name of the file that standard input comes from.
#[test]
fn nothing_is_written_over_standard_input() {
    let inputs = Inputs::new();
    for (name, args) in [
        (
            "config.json",
            vec!["observe", "odd.wasm", "--config-file", "-", "--record"],
        ),
        ("odd.wasm", vec!["bake", "/dev/stdin", "--output"]),
    ] {
        let before = fs::read(inputs.path(name)).unwrap();
        let output = tollgate(&args)
            .arg(name)
            .current_dir(inputs.path(""))
            .stdin(fs::File::open(inputs.path(name)).unwrap())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(words(&output).contains("would overwrite"), "{output:?}");
        assert_eq!(fs::read(inputs.path(name)).unwrap(), before, "{name}");
    }
}

#[test]
fn what_the_process_has_open_is_written_to_at_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink("/dev/stdout", &link).unwrap();
    for name in ["/dev/stdout", "/proc/self/fd/1", link.to_str().unwrap()] {
        let log = directory.path().join("log");
        fs::write(&log, "before\n").unwrap();
        let stdout = fs::File::options().append(true).open(&log).unwrap();
        let plugin = directory.path().join("odd.wasm");
        fs::write(&plugin, logging("").bytes()).unwrap();
        let args = ["observe", plugin.to_str().unwrap(), "--record", name];
        let output = tollgate(&args).stdout(stdout).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = fs::read_to_string(&log).unwrap();
        assert!(text.starts_with("before\n{\"transcript\""), "{text}");
        assert!(text.contains("\"end\""), "{text}");
    }
}

/// A file system in memory has files like any other, wherever it is mounted.
#[cfg(target_os = "linux")]
#[test]
fn files_below_dev_and_proc_are_replaced_whole_too() {
    let shared = tempfile::tempdir_in("/dev/shm").unwrap();
    let target = shared.path().join("run.jsonl");
    let own = std::process::id();
    for name in [
        target.clone(),
        PathBuf::from(format!("/proc/{own}/root{}", target.display())),
    ] {
        fs::write(&target, "old").unwrap();
        let before = fs::File::open(&target).unwrap();
        let recorded = load(Runtime::builder()).record(Config::new(), &name);
        recorded.unwrap().unwrap();
        is_whole(&target);
        // The old file was not written to.
        assert_eq!(io::read_to_string(before).unwrap(), "old");
    }
}

#[test]
fn a_new_project_goes_over_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("project");
    let dir = target.to_str().unwrap();
    let make = || {
        tollgate(&["new", "demo", "--lang", "c", "--dir", dir])
            .output()
            .unwrap()
    };
    fs::create_dir(&target).unwrap();
    fs::write(target.join("README.md"), "mine").unwrap();
    assert_eq!(make().status.code(), Some(2));
    assert_eq!(names(&target), ["README.md"]);
    fs::remove_file(target.join("README.md")).unwrap();
    assert_eq!(make().status.code(), Some(0));
}

/// A baked module written in place would show under the other name, too.
#[test]
fn a_baked_module_replaces_a_file_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (out, old) = (directory.path().join("out"), directory.path().join("old"));
    fs::write(&out, "an older one").unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&out, &old).unwrap();
    let module = "fixtures/file/file.wasm";
    let baked = tollgate(&["bake", module, "-o", out.to_str().unwrap()]).output();
    let baked = baked.unwrap();
    assert!(baked.status.success(), "{}", words(&baked));
    assert!(fs::read(&out).unwrap().starts_with(b"\0asm"));
    assert_eq!(fs::read(&old).unwrap(), b"an older one");
    assert_eq!(
        fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(names(directory.path()), ["old", "out"]);
    // A pipe is written to directly.
    let piped = tollgate(&["bake", module, "-o", "/dev/stdout"]).output();
    assert!(piped.unwrap().stdout.starts_with(b"\0asm"));
}
