//! Whether one capability includes another, for reviews that compare what a plugin declares with its
//! grants. The gate does not use this: it matches requests.

use alloc::{collections::BTreeSet, string::String};

use super::command::family;
use super::exec::{ExecPattern, parent};
use super::name::NamePattern;
use super::network::{HostPattern, NetworkPattern, Target};
use super::{Capability, GrantPattern};

impl Capability {
    /// Whether this allows everything that `other` allows. Relative patterns count from `cwd`.
    ///
    /// Conservative: `false` where it is not certain, for example for two globs that are written
    /// differently and happen to match the same texts. A wildcard over commands includes a literal
    /// command unless that can run code, which needs a literal grant. Arguments of commands are
    /// compared word by word.
    #[must_use]
    pub fn includes(&self, other: &Capability, cwd: Option<&str>) -> bool {
        if self == other {
            return true;
        }
        match (&self.pattern, &other.pattern) {
            (GrantPattern::Read(own), GrantPattern::Read(other))
            | (GrantPattern::Write(own), GrantPattern::Write(other)) => own.includes(other, cwd),
            (GrantPattern::Network(own), GrantPattern::Network(other)) => network(own, other),
            (GrantPattern::Env(own), GrantPattern::Env(other)) => names(own, other),
            (GrantPattern::Exec(own), GrantPattern::Exec(other)) => commands(own, other),
            (GrantPattern::Custom(own), GrantPattern::Custom(wanted)) => {
                self.kind() == other.kind() && names(own, wanted)
            }
            _ => false,
        }
    }
}

fn names(own: &NamePattern, other: &NamePattern) -> bool {
    match (own, other) {
        (NamePattern::All, _) => true,
        (NamePattern::Prefix(own), NamePattern::Prefix(other)) => other.starts_with(own.as_str()),
        (own, NamePattern::Exact(name)) => own.matches(name),
        (NamePattern::Glob(own), NamePattern::Glob(other)) => own.includes_texts(other),
        _ => false,
    }
}

fn network(own: &NetworkPattern, other: &NetworkPattern) -> bool {
    if own.inbound != other.inbound {
        return false;
    }
    match (&own.target, &other.target) {
        (Target::Any, Target::Items(_, words)) => words.is_empty(),
        (Target::Any, _) => true,
        (Target::Items(ports, _), Target::Any) => ports.are_all(),
        (Target::Items(ports, words), Target::Items(other_ports, other_words)) => {
            ports.contain_all(other_ports) && other_words.iter().all(|word| words.contains(word))
        }
        (Target::Items(ports, _), Target::Host(_, other)) => ports.contain_all(other),
        (Target::Host(host, ports), Target::Host(other, other_ports)) => {
            let same = match (host, other) {
                (HostPattern::Any, _) => true,
                (host, HostPattern::Exact(other)) => host.matches(other),
                (HostPattern::Glob(host), HostPattern::Glob(other)) => host.includes_texts(other),
                _ => false,
            };
            same && ports.contain_all(other_ports)
        }
        (_, Target::Url(url)) => own.covers_url(url),
        _ => false,
    }
}

fn commands(own: &ExecPattern, other: &ExecPattern) -> bool {
    let is_in = |dir: &str, name: &str| parent(name) == Some(dir);
    match (own, other) {
        (ExecPattern::Any, ExecPattern::Names(names)) => {
            names.iter().all(|name| family(name).is_none())
        }
        (ExecPattern::Any, ExecPattern::Command(name, _)) => family(name).is_none(),
        (ExecPattern::Any, _) => true,
        (ExecPattern::Dir(dir), ExecPattern::Names(names)) => names
            .iter()
            .all(|name| is_in(dir, name) && family(name).is_none()),
        (ExecPattern::Dir(dir), ExecPattern::Command(name, _)) => {
            is_in(dir, name) && family(name).is_none()
        }
        (ExecPattern::Names(own), ExecPattern::Names(names)) => {
            // A set, because both lists may be long.
            let own: BTreeSet<&String> = own.iter().collect();
            names.iter().all(|name| own.contains(name))
        }
        (ExecPattern::Names(own), ExecPattern::Command(name, _)) => own.contains(name),
        (ExecPattern::Command(own, arguments), ExecPattern::Command(name, wanted)) => {
            own == name && arguments.include(wanted)
        }
        _ => false,
    }
}
