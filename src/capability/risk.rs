//! The risk of a capability, for the person who decides about granting it. This is advice only:
//! nothing is allowed or denied by it.

use alloc::string::String;
use core::fmt;
use serde::Serialize;

use super::address::AddressWord;
use super::command::{Family, base_name, family, is_interpreter, is_shell};
use super::exec::ExecPattern;
use super::fs::PathGlob;
use super::glob::Glob;
use super::name::NamePattern;
use super::network::{HostPattern, NetworkPattern, Target};
use super::{Capability, CapabilityError, GrantPattern};
use crate::printable::Text;

/// How much harm a capability can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// One file, one variable, a kind of the embedder.
    Low,
    /// Connects to a network, runs a program, or affects the configuration of the system.
    Medium,
    /// Gives control of the system, or access to secrets.
    High,
}

impl Level {
    /// Returns `low`, `medium` or `high`.
    #[must_use]
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

/// A risk level and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Risk {
    /// The level.
    pub level: Level,
    /// The reason, in one sentence.
    pub reason: Text,
}

impl Risk {
    fn new(level: Level, reason: impl Into<Text>) -> Risk {
        let reason = reason.into();
        Risk { level, reason }
    }

    fn low(reason: impl Into<Text>) -> Risk {
        Risk::new(Level::Low, reason)
    }

    fn medium(reason: impl Into<Text>) -> Risk {
        Risk::new(Level::Medium, reason)
    }

    fn high(reason: impl Into<Text>) -> Risk {
        Risk::new(Level::High, reason)
    }

    /// Whether the level is high: the capability is broader than a plugin should need.
    #[must_use]
    pub fn is_broad(&self) -> bool {
        self.level == Level::High
    }
}

/// Returns the risk of the capability `text`. A text that is invalid but was written to mean everything
/// has a risk too: `fs:**`, `network:*`, `exec:*`, `exec:python:*`.
///
/// # Errors
///
/// [`CapabilityError`] for any other invalid text.
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

/// Returns the interpreter or shell that a command pattern names by its bare name, also with a version
/// (`python3.11`) or with text after a colon (`node:/app.js`).
#[must_use]
pub fn interpreter(pattern: &str) -> Option<&str> {
    let name = pattern.split_once(':').map_or(pattern, |(name, _)| name);
    (!name.contains('/') && (is_shell(name) || is_interpreter(name))).then_some(name)
}

fn everything(verb: &str) -> Risk {
    Risk::high(format!("{verb} ALL files of the system."))
}

fn any_host() -> Risk {
    Risk::high("Connects to any host on the internet, on any port.")
}

fn any_command() -> Risk {
    wildcard("any command of the system")
}

/// A wildcard over commands. It is always high risk, since the table of programs cannot be complete.
fn wildcard(what: &str) -> Risk {
    Risk::high(format!(
        "Runs {what}, with any arguments: a program that is not in the table of programs that run code \
         is allowed, so every wildcard for commands is high risk and may be arbitrary code execution."
    ))
}

fn runs_any_code(name: &str, family: Family) -> Risk {
    let (name, what) = (base_name(name), family.describe());
    Risk::high(format!("Runs arbitrary code: {name} is {what}."))
}

impl Capability {
    /// Returns how much harm this grant can do, and why.
    #[must_use]
    pub fn risk(&self) -> Risk {
        match &self.pattern {
            GrantPattern::Read(glob) => read_risk(glob),
            GrantPattern::Write(glob) => write_risk(glob),
            GrantPattern::Network(pattern) => network_risk(pattern),
            GrantPattern::Env(pattern) => env_risk(pattern),
            GrantPattern::Exec(pattern) => exec_risk(pattern),
            GrantPattern::Custom(_) => Risk::low(format!(
                "Reaches what the embedder offers as {}.",
                self.kind()
            )),
        }
    }

    /// Whether this is broader than a plugin should need; see [`Risk::is_broad`].
    #[must_use]
    pub fn is_broad(&self) -> bool {
        self.risk().is_broad()
    }
}

/// Trees that contain secrets or the configuration of the whole system.
const SENSITIVE_TREES: [(&str, &str); 3] = [
    ("/etc", "sensitive system configuration"),
    ("/root", "the home of the administrator, with its secrets"),
    ("/home", "the files of all users, with their secrets"),
];

/// Directories whose files affect the whole system.
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

/// The literal path of a glob, and whether it matches everything below that path. The path of a
/// relative glob is unknown.
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

/// The risk of globs that match large parts of the file system; `None` for others.
fn tree_risk(glob: &PathGlob, verb: &str) -> Option<Risk> {
    let (prefix, tree) = place(glob);
    if glob.is_everything() {
        return Some(everything(verb));
    }
    // Only the names in the root directory; existing Reglet tools call this broad too.
    if glob.matches("/", None) {
        return Some(Risk::high(format!(
            "{verb} the root directory of the system."
        )));
    }
    let mut sensitive = SENSITIVE_TREES.iter();
    if let Some((tree, what)) = sensitive.find(|(tree, _)| glob.covers_all_below(tree, None)) {
        return Some(Risk::high(format!(
            "{verb} ALL files below {tree}: {what}."
        )));
    }
    let top_level = tree && prefix.rfind('/') == Some(0);
    let wild_root = prefix == "/";
    (top_level || wild_root).then(|| {
        Risk::medium(format!(
            "{verb} large parts of the system ({}).",
            glob.text()
        ))
    })
}

fn read_risk(glob: &PathGlob) -> Risk {
    let (prefix, _) = place(glob);
    tree_risk(glob, "Reads").unwrap_or_else(|| match is_below(&prefix, "/etc") {
        true => Risk::medium("Reads sensitive files of the system configuration."),
        false => Risk::low(format!("Reads files ({}).", glob.text())),
    })
}

fn write_risk(glob: &PathGlob) -> Risk {
    let (prefix, _) = place(glob);
    let system = SYSTEM_DIRS.iter().any(|dir| is_below(&prefix, dir));
    tree_risk(glob, "Can create and modify files:").unwrap_or_else(|| match system {
        true => Risk::medium(format!(
            "Can create and modify files that the system relies on ({}).",
            glob.text()
        )),
        false => Risk::low(format!("Can create and modify files ({}).", glob.text())),
    })
}

fn network_risk(pattern: &NetworkPattern) -> Risk {
    if pattern.inbound {
        return match &pattern.target {
            Target::Any => Risk::high("Accepts connections on any port."),
            _ => Risk::medium("Accepts connections on the ports named."),
        };
    }
    match &pattern.target {
        Target::Any => any_host(),
        Target::Url(_) => Risk::medium("Connects to the host of one URL."),
        Target::Host(HostPattern::Any, ports) if ports.are_all() => any_host(),
        Target::Host(HostPattern::Any, _) => {
            Risk::medium("Connects to any host on the ports named.")
        }
        Target::Host(..) => Risk::medium("Connects to the hosts named."),
        Target::Items(ports, _) if ports.are_all() => any_host(),
        Target::Items(_, words) if words.contains(&AddressWord::Metadata) => Risk::high(
            "Reaches the metadata service, which hands out the credentials of this machine.",
        ),
        Target::Items(_, words) if !words.is_empty() => {
            Risk::medium("Reaches services that are closed to the internet.")
        }
        Target::Items(..) => {
            Risk::medium("Connects to any host on the internet, on the ports named.")
        }
    }
}

/// Whether a glob over names matches all of them, or all without a `/`.
fn matches_all(glob: &Glob) -> bool {
    glob.covers_names_in("") || glob.covers_all_below("")
}

/// The prefix of the variables of each cloud, its name, and examples of credentials.
const CLOUDS: [(&str, &str, &str); 3] = [
    ("AWS_", "AWS", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ("AZURE_", "Azure", "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
    ("GCP_", "GCP", "GCP_PROJECT and GCP_SERVICE_ACCOUNT_KEY"),
];

fn env_risk(pattern: &NamePattern) -> Risk {
    let all = || {
        Risk::high("Reads ALL environment variables: Secrets, API keys and tokens are among them.")
    };
    match pattern {
        NamePattern::All => all(),
        NamePattern::Glob(glob) if matches_all(glob) => all(),
        NamePattern::Prefix(prefix) => match CLOUDS.iter().find(|(cloud, ..)| cloud == prefix) {
            Some((_, cloud, held)) => Risk::high(format!(
                "Reads ALL {cloud} variables, credentials such as {held} among them."
            )),
            None => Risk::low(format!(
                "Reads the environment variables whose names begin with {prefix}."
            )),
        },
        NamePattern::Exact(name) => Risk::low(format!("Reads the environment variable {name}.")),
        NamePattern::Glob(glob) => Risk::low(format!(
            "Reads the environment variables whose names match {}.",
            glob.text()
        )),
    }
}

fn exec_risk(pattern: &ExecPattern) -> Risk {
    let listed = pattern.listed_program();
    match (pattern, listed) {
        (ExecPattern::Any, _) => any_command(),
        (ExecPattern::Glob(glob), _) if matches_all(glob) || glob.covers_all_below("/") => {
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
                true => Risk::medium(format!(
                    "Runs {name}, which is {what}, with fixed arguments; check whether these run code."
                )),
                false => Risk::high(format!(
                    "Runs {name}, which is {what}, with words of the plugin's choice; one may be an option or a script that runs arbitrary code."
                )),
            }
        }
        (ExecPattern::Names(names), None) => Risk::medium(format!("Runs {}.", names.join(" and "))),
        (ExecPattern::Command(name, _), None) => {
            Risk::medium(format!("Runs {name} with the arguments named."))
        }
    }
}
