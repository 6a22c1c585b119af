//! How much a capability hands out, for a person who is asked to grant it (reglet-abi 4.8).
//! Advice only: nothing is allowed or denied by it.

use std::fmt;

use super::address::AddressWord;
use super::command::{base_name, is_shell, is_wrapper, runs_code};
use super::exec::ExecPattern;
use super::fs::PathGlob;
use super::name::NamePattern;
use super::network::{HostPattern, NetworkPattern, Target};
use super::{Capability, CapabilityError, Matcher};
use crate::printable::Text;

/// How much harm a capability can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// One file, one variable, a kind of the embedder's.
    Low,
    /// Reaches out, runs something, or touches the configuration of the system.
    Medium,
    /// Hands out the system, or secrets as such.
    High,
}

impl Level {
    /// `low`, `medium` or `high`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A level and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// How much harm.
    pub level: Level,
    /// One sentence.
    pub reason: Text,
}

impl Risk {
    fn new(level: Level, reason: impl Into<Text>) -> Risk {
        Risk {
            level,
            reason: reason.into(),
        }
    }

    /// Whether the capability is broader than any plugin should need: the level is high.
    pub fn is_broad(&self) -> bool {
        self.level == Level::High
    }
}

/// The risk of what `text` says, also where it is no capability but meant as a broad one: `fs:**`,
/// `network:*`, `exec:*`, `exec:python:*`. Those grant nothing, but whoever writes or declares
/// them wants everything.
///
/// # Errors
///
/// [`CapabilityError`] for any other text that is no capability.
pub fn assess(text: &str) -> Result<Risk, CapabilityError> {
    let error = match text.parse::<Capability>() {
        Ok(capability) => return Ok(capability.risk()),
        Err(error) => error,
    };
    match text.split_once(':') {
        Some(("fs", "**" | "/**")) => Ok(everything("Reads and modifies")),
        Some(("network", "*")) => Ok(any_host()),
        Some(("exec", "*")) => Ok(any_command()),
        Some(("exec", pattern)) => match interpreter(pattern) {
            Some(name) => Ok(runs_any_code(name)),
            None => Err(error),
        },
        _ => Err(error),
    }
}

/// The interpreter or shell that the command pattern names by its bare name, also with a version
/// (`python3.11`) or with something behind a colon (`node:/app.js`).
pub fn interpreter(pattern: &str) -> Option<&str> {
    let name = pattern.split_once(':').map_or(pattern, |(name, _)| name);
    (!name.contains('/') && runs_code(name)).then_some(name)
}

fn everything(verb: &str) -> Risk {
    Risk::new(Level::High, format!("{verb} ALL files of the system."))
}

fn any_host() -> Risk {
    Risk::new(
        Level::High,
        "Connects to any host on the internet, on any port.",
    )
}

fn any_command() -> Risk {
    Risk::new(
        Level::High,
        "Runs any command of the system, which is arbitrary code execution.",
    )
}

fn runs_any_code(name: &str) -> Risk {
    let what = if is_shell(name) {
        "a shell"
    } else {
        "an interpreter"
    };
    Risk::new(
        Level::High,
        format!("Runs arbitrary code: {} is {what}.", base_name(name)),
    )
}

impl Capability {
    /// How much this hands out, and why.
    pub fn risk(&self) -> Risk {
        match &self.matcher {
            Matcher::Read(glob) => read_risk(glob),
            Matcher::Write(glob) => write_risk(glob),
            Matcher::Network(pattern) => network_risk(pattern),
            Matcher::Env(pattern) => env_risk(pattern),
            Matcher::Exec(pattern) => exec_risk(pattern),
            Matcher::Custom(_) => Risk::new(
                Level::Low,
                format!("Reaches what the embedder offers as {}.", self.kind()),
            ),
        }
    }

    /// Whether this is broader than any plugin should need; see [`Risk::is_broad`].
    pub fn is_broad(&self) -> bool {
        self.risk().is_broad()
    }
}

/// Trees that hold secrets or the configuration of the whole system.
const SENSITIVE_TREES: [&str; 3] = ["/etc", "/root", "/home"];

/// Where a changed file changes the system.
const SYSTEM_DIRS: [&str; 12] = [
    "/etc",
    "/root",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/boot",
    "/dev",
    "/proc",
    "/sys",
    "/var/spool",
];

/// Where a glob begins, and whether it is that directory and everything below it. Relative globs
/// begin where the working directory is, which is not known here.
fn place(glob: &PathGlob) -> (String, bool) {
    match glob.literal_prefix(None) {
        Some((prefix, rest)) => (prefix, rest == "**"),
        None => (String::new(), false),
    }
}

fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Broad ones, and trees at the root, which are as good as broad; else `None`.
fn tree_risk(glob: &PathGlob, verb: &str) -> Option<Risk> {
    let (prefix, tree) = place(glob);
    if glob.is_everything() {
        return Some(everything(verb));
    }
    // The root directory itself: upstream's list, though only its names are handed out here.
    if prefix == "/" && glob.text() == "/" {
        return Some(Risk::new(
            Level::High,
            format!("{verb} the root directory of the system."),
        ));
    }
    if tree && SENSITIVE_TREES.contains(&prefix.as_str()) {
        let what = match prefix.as_str() {
            "/etc" => "sensitive system configuration",
            "/root" => "the home of the administrator, with its secrets",
            _ => "the files of all users, with their secrets",
        };
        return Some(Risk::new(
            Level::High,
            format!("{verb} ALL files below {prefix}: {what}."),
        ));
    }
    let top_level = tree && prefix.rfind('/') == Some(0);
    let wild_root = prefix == "/";
    (top_level || wild_root).then(|| {
        Risk::new(
            Level::Medium,
            format!("{verb} large parts of the system ({}).", glob.text()),
        )
    })
}

fn read_risk(glob: &PathGlob) -> Risk {
    let (prefix, _) = place(glob);
    tree_risk(glob, "Reads").unwrap_or_else(|| match is_below(&prefix, "/etc") {
        true => Risk::new(
            Level::Medium,
            "Reads sensitive files of the system configuration.",
        ),
        false => Risk::new(Level::Low, format!("Reads files ({}).", glob.text())),
    })
}

fn write_risk(glob: &PathGlob) -> Risk {
    let (prefix, _) = place(glob);
    let system = SYSTEM_DIRS.iter().any(|dir| is_below(&prefix, dir));
    tree_risk(glob, "Can create and modify files:").unwrap_or_else(|| match system {
        true => Risk::new(
            Level::Medium,
            format!(
                "Can create and modify files that the system relies on ({}).",
                glob.text()
            ),
        ),
        false => Risk::new(
            Level::Low,
            format!("Can create and modify files ({}).", glob.text()),
        ),
    })
}

fn network_risk(pattern: &NetworkPattern) -> Risk {
    if pattern.inbound {
        return match &pattern.target {
            Target::Any => Risk::new(Level::High, "Accepts connections on any port."),
            _ => Risk::new(Level::Medium, "Accepts connections on the ports named."),
        };
    }
    match &pattern.target {
        Target::Any => any_host(),
        Target::Url(_) => Risk::new(Level::Medium, "Connects to the host of one URL."),
        Target::Host(HostPattern::Any, ports) if ports.are_all() => any_host(),
        Target::Host(HostPattern::Any, _) => {
            Risk::new(Level::Medium, "Connects to any host on the ports named.")
        }
        Target::Host(..) => Risk::new(Level::Medium, "Connects to the hosts named."),
        Target::Items(ports, _) if ports.are_all() => any_host(),
        Target::Items(_, words) if words.contains(&AddressWord::Metadata) => Risk::new(
            Level::High,
            "Reaches the metadata service, which hands out the credentials of this machine.",
        ),
        Target::Items(_, words) if !words.is_empty() => Risk::new(
            Level::Medium,
            "Reaches services that are closed to the internet.",
        ),
        Target::Items(..) => Risk::new(
            Level::Medium,
            "Connects to any host on the internet, on the ports named.",
        ),
    }
}

/// Prefixes of a cloud's variables, the cloud, and what they hold.
const CLOUDS: [(&str, &str, &str); 3] = [
    ("AWS_", "AWS", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ("AZURE_", "Azure", "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
    ("GCP_", "GCP", "GCP_PROJECT and GCP_SERVICE_ACCOUNT_KEY"),
];

fn env_risk(pattern: &NamePattern) -> Risk {
    let all = || {
        Risk::new(
            Level::High,
            "Reads ALL environment variables: Secrets, API keys and tokens are among them.",
        )
    };
    match pattern {
        NamePattern::All => all(),
        NamePattern::Glob(glob) if matches!(glob.text(), "*" | "**") => all(),
        NamePattern::Prefix(prefix) => match CLOUDS.iter().find(|(cloud, ..)| cloud == prefix) {
            Some((_, cloud, held)) => Risk::new(
                Level::High,
                format!("Reads ALL {cloud} variables, credentials such as {held} among them."),
            ),
            None => Risk::new(
                Level::Low,
                format!("Reads the environment variables whose names begin with {prefix}."),
            ),
        },
        NamePattern::Exact(name) => Risk::new(
            Level::Low,
            format!("Reads the environment variable {name}."),
        ),
        NamePattern::Glob(glob) => Risk::new(
            Level::Low,
            format!(
                "Reads the environment variables whose names match {}.",
                glob.text()
            ),
        ),
    }
}

fn exec_risk(pattern: &ExecPattern) -> Risk {
    match pattern {
        ExecPattern::Any => any_command(),
        ExecPattern::Glob(glob) if matches!(glob.text(), "*" | "**" | "/**") => any_command(),
        ExecPattern::Names(names) => {
            if let Some(name) = names
                .iter()
                .find(|name| runs_code(name) || interpreter(name).is_some())
            {
                return runs_any_code(interpreter(name).unwrap_or(name));
            }
            if let Some(name) = names.iter().find(|name| is_wrapper(name)) {
                let name = base_name(name);
                return Risk::new(
                    Level::High,
                    format!("Runs any command given to it, so arbitrary code: {name}."),
                );
            }
            Risk::new(Level::Medium, format!("Runs {}.", names.join(" and ")))
        }
        ExecPattern::Dir(dir) => Risk::new(
            Level::Medium,
            format!("Runs every command that lies in {dir}."),
        ),
        ExecPattern::Glob(glob) => Risk::new(
            Level::Medium,
            format!("Runs every command that matches {}.", glob.text()),
        ),
    }
}
