//! How much a capability hands out, for a person who is asked to grant it (reglet-abi 4.8).
//! Advice only: nothing is allowed or denied by it.

use std::fmt;

use super::address::AddressWord;
use super::command::{Family, base_name, family, is_interpreter, is_shell};
use super::exec::ExecPattern;
use super::fs::PathGlob;
use super::glob::Glob;
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
        Some(("exec", pattern)) => interpreter(pattern)
            .and_then(|name| Some(runs_any_code(name, family(name)?)))
            .ok_or(error),
        _ => Err(error),
    }
}

/// The interpreter or shell that the command pattern names by its bare name, also with a version
/// (`python3.11`) or with something behind a colon (`node:/app.js`).
pub fn interpreter(pattern: &str) -> Option<&str> {
    let name = pattern.split_once(':').map_or(pattern, |(name, _)| name);
    (!name.contains('/') && (is_shell(name) || is_interpreter(name))).then_some(name)
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
    wildcard("any command of the system")
}

/// A wildcard over commands. The table of programs cannot be complete, so each of them is high.
fn wildcard(what: &str) -> Risk {
    Risk::new(
        Level::High,
        format!(
            "Runs {what}, with any arguments: a program that is not in the table of programs that \
             run code is allowed, so every wildcard for commands is high risk and may be \
             arbitrary code execution."
        ),
    )
}

fn runs_any_code(name: &str, family: Family) -> Risk {
    let (name, what) = (base_name(name), family.describe());
    Risk::new(
        Level::High,
        format!("Runs arbitrary code: {name} is {what}."),
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
        Some((prefix, _)) => {
            let tree = glob.covers_all_below(&prefix, None);
            (prefix, tree)
        }
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
    if glob.matches("/", None) {
        return Some(Risk::new(
            Level::High,
            format!("{verb} the root directory of the system."),
        ));
    }
    let sensitive = SENSITIVE_TREES.iter().copied();
    if let Some(tree) = sensitive
        .into_iter()
        .find(|tree| glob.covers_all_below(tree, None))
    {
        let what = match tree {
            "/etc" => "sensitive system configuration",
            "/root" => "the home of the administrator, with its secrets",
            _ => "the files of all users, with their secrets",
        };
        return Some(Risk::new(
            Level::High,
            format!("{verb} ALL files below {tree}: {what}."),
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

/// Whether a glob over names means all of them, or all without a `/`.
fn means_all(glob: &Glob) -> bool {
    glob.covers_names_in("") || glob.covers_all_below("")
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
        NamePattern::Glob(glob) if means_all(glob) => all(),
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
    let listed = pattern.listed_program();
    match (pattern, listed) {
        (ExecPattern::Any, _) => any_command(),
        (ExecPattern::Glob(glob), _) if means_all(glob) || glob.covers_all_below("/") => {
            any_command()
        }
        (ExecPattern::Glob(glob), _) => {
            wildcard(&format!("every command that matches {}", glob.text()))
        }
        (ExecPattern::Dir(dir), _) => wildcard(&format!("every command in {dir}")),
        (ExecPattern::Names(_), Some((name, family))) => runs_any_code(name, family),
        (ExecPattern::Command(_, arguments), Some((name, family))) => {
            let (name, what) = (base_name(name), family.describe());
            match arguments.are_fixed() {
                true => Risk::new(
                    Level::Medium,
                    format!(
                        "Runs {name}, which is {what}, with fixed arguments; check whether these run code."
                    ),
                ),
                false => Risk::new(
                    Level::High,
                    format!(
                        "Runs {name}, which is {what}, with words of the plugin's choice; one may be an option or a script that runs arbitrary code."
                    ),
                ),
            }
        }
        (ExecPattern::Names(names), None) => {
            Risk::new(Level::Medium, format!("Runs {}.", names.join(" and ")))
        }
        (ExecPattern::Command(name, _), None) => Risk::new(
            Level::Medium,
            format!("Runs {name} with the arguments named."),
        ),
    }
}
