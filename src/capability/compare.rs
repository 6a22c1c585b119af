//! Whether one capability includes another: for reviews that compare what a plugin declares with
//! what it holds. The gate never asks this; it asks about requests.

use std::collections::BTreeSet;

use super::command::family;
use super::exec::{ExecPattern, parent};
use super::name::NamePattern;
use super::network::{HostPattern, NetworkPattern, Target};
use super::{Capability, Matcher};

impl Capability {
    /// Whether everything `other` covers is covered by this too. Relative patterns count from
    /// `cwd`.
    ///
    /// Cautious: true only where it is plain to see, so two globs that happen to mean the same are
    /// not found. A wildcard over commands includes a command named literally unless that can run
    /// code: such a program needs the literal grant. Arguments of commands are compared word by
    /// word, and exactly.
    pub fn includes(&self, other: &Capability, cwd: Option<&str>) -> bool {
        if self == other {
            return true;
        }
        match (&self.matcher, &other.matcher) {
            (Matcher::Read(own), Matcher::Read(other))
            | (Matcher::Write(own), Matcher::Write(other)) => own.includes(other, cwd),
            (Matcher::Network(own), Matcher::Network(other)) => network(own, other),
            (Matcher::Env(own), Matcher::Env(other)) => names(own, other),
            (Matcher::Exec(own), Matcher::Exec(other)) => commands(own, other),
            (Matcher::Custom(own), Matcher::Custom(wanted)) => {
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
    let lies_in = |dir: &str, name: &str| parent(name) == Some(dir);
    match (own, other) {
        (ExecPattern::Any, ExecPattern::Names(names)) => {
            names.iter().all(|name| family(name).is_none())
        }
        (ExecPattern::Any, ExecPattern::Command(name, _)) => family(name).is_none(),
        (ExecPattern::Any, _) => true,
        (ExecPattern::Dir(dir), ExecPattern::Names(names)) => names
            .iter()
            .all(|name| lies_in(dir, name) && family(name).is_none()),
        (ExecPattern::Dir(dir), ExecPattern::Command(name, _)) => {
            lies_in(dir, name) && family(name).is_none()
        }
        (ExecPattern::Names(own), ExecPattern::Names(names)) => {
            // Not one list for each name of the other: they may be long.
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
