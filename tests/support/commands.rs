//! A plugin that asks for commands, a directory for them to work in, and a look at what is left
//! of them.

use crate::support::Guest;
pub use crate::support::{ask, kind};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use tollgate::{Limits, Plugin, Runtime, RuntimeBuilder, world::System};

/// Long enough for anything that is not stuck.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of its own, which the commands of one test work in, and which is the world's
/// working directory.
pub struct Workplace {
    root: tempfile::TempDir,
}

impl Workplace {
    pub fn new() -> Workplace {
        Workplace {
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// The real path of a name in the directory.
    pub fn path(&self, name: &str) -> String {
        let root = self.root.path().canonicalize().unwrap();
        let path = if name.is_empty() {
            root
        } else {
            root.join(name)
        };
        path.to_str().unwrap().to_owned()
    }

    /// Makes a file that can be executed.
    pub fn program(&self, name: &str, content: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Makes a FIFO, by which one part of a script can wait for another.
    pub fn fifo(&self, name: &str) {
        let made = std::process::Command::new("mkfifo")
            .arg(self.path(name))
            .status();
        assert!(made.unwrap().success());
    }

    pub fn builder(&self, grants: &[&str]) -> RuntimeBuilder {
        let base = self.path("");
        let mut builder = Runtime::builder()
            .world(move || System::at(Path::new(&base)).unwrap())
            // What a command wrote is looked at whole.
            .evidence_bytes(None);
        for grant in grants {
            let grant = grant.replace("ROOT", &self.path(""));
            builder = builder.grant("odd", grant.parse().unwrap());
        }
        builder
    }

    pub fn plugin(&self, grants: &[&str]) -> Plugin {
        Guest::relay("exec_run").load_in(&self.builder(grants).build().unwrap())
    }

    /// A plugin whose commands may each write so much.
    pub fn plugin_with_limit(&self, grants: &[&str], reply_bytes: u32) -> Plugin {
        let limits = Limits {
            reply_bytes,
            evidence_bytes: None,
            ..Limits::default()
        };
        let runtime = self.builder(grants).limits(limits).build().unwrap();
        Guest::relay("exec_run").load_in(&runtime)
    }

    /// Waits until no process has its working directory here, and says whose are left if some
    /// never go away. A process that has ended and waits to be reaped has none.
    pub fn assert_deserted(&self) {
        let place = self.path("");
        let waited = Instant::now();
        loop {
            let left = inhabitants(Path::new(&place));
            if left.is_empty() {
                return;
            }
            assert!(waited.elapsed() < PATIENCE, "left behind: {left:?}");
            std::thread::yield_now();
        }
    }
}

fn inhabitants(place: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|at| at == place))
        .map(|process| {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).replace('\0', " ")
        })
        .collect()
}

/// Children of this process that have ended and were not reaped.
pub fn zombies() -> usize {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read_to_string(process.path().join("stat")).ok())
        .filter_map(|stat| {
            let behind_name = stat.rsplit_once(')')?.1;
            let mut fields = behind_name.split_ascii_whitespace();
            Some((fields.next()? == "Z") && (fields.next()? == own))
        })
        .filter(|is_zombie| *is_zombie)
        .count()
}

/// Runs a script in a shell, in the world's working directory.
pub fn shell(plugin: &Plugin, script: &str, timeout_ms: u64) -> Value {
    ask(
        plugin,
        json!({"command": "/bin/sh", "args": ["-c", script], "timeout_ms": timeout_ms}),
    )
}

/// What a command that ran wrote to its standard output.
pub fn stdout(reply: &Value) -> &str {
    assert_eq!(kind(reply), "none", "{reply}");
    reply["stdout"].as_str().unwrap()
}
