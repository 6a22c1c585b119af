//! `observe --audit`: lists the grants that a run used, and those it lacked.

use crate::output::{say, shell_word};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};
use tollgate::{
    Event,
    printable::{Text, counted},
};

/// The most grants that are listed.
const MOST: usize = 1000;

/// Collects the requests of a run.
#[derive(Default)]
pub struct Audit(Mutex<Needed>);

#[derive(Default)]
struct Needed {
    /// The smallest grants, and whether the run had them.
    grants: BTreeMap<String, bool>,
    /// Requests beyond the limit, and how many of them were denied.
    more: u64,
    more_denied: u64,
    /// Requests that no grant can allow.
    impossible: u64,
    /// What denied requests need besides. The run may have had it.
    also: BTreeSet<String>,
}

impl Needed {
    fn note(&mut self, needs: &Text, granted: bool) {
        if needs.is_empty() {
            self.impossible += 1;
        } else if let Some(had) = self.grants.get_mut(needs.as_str()) {
            *had &= granted;
        } else if self.grants.len() < MOST {
            self.grants.insert(needs.as_str().to_owned(), granted);
        } else {
            self.more += 1;
            self.more_denied += u64::from(!granted);
        }
    }
}

impl Audit {
    pub fn note(&self, event: &Event) {
        let mut needed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Granted { needs, .. } => needed.note(needs, true),
            Event::Denied(denial) => {
                needed.note(&denial.needs, false);
                let also = denial.also.iter().map(|grant| grant.as_str().to_owned());
                needed.also.extend(also.take(MOST));
            }
            _ => {}
        }
    }

    pub fn report(&self) {
        let needed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Needed {
            grants,
            more,
            more_denied,
            impossible,
            also,
        } = &*needed;
        let also: Vec<&String> = also
            .iter()
            .filter(|grant| !grants.contains_key(*grant))
            .take(MOST)
            .collect();
        let missing = grants.values().filter(|granted| !**granted).count();
        let used = grants.len() - missing;
        let lacked = match missing {
            0 => String::new(),
            missing => format!(" and lacked {missing}"),
        };
        let colon = if grants.is_empty() { "" } else { ":" };
        say(format_args!(
            "audit: this run used {}{lacked}{colon}",
            counted(used, "grant")
        ));
        let verdict = |granted: bool| if granted { "granted" } else { "denied" };
        let listed = grants
            .iter()
            .map(|(grant, granted)| (grant, verdict(*granted)));
        let also = also
            .into_iter()
            .map(|grant| (grant, "needed with a denied one"));
        for (grant, verdict) in listed.chain(also) {
            match shell_word(grant) {
                Some(word) => say(format_args!("audit: --grant {word} ({verdict})")),
                None => say(format_args!(
                    "audit: {grant} ({verdict}), for a grants file only"
                )),
            }
        }
        if *more > 0 {
            say(format_args!(
                "audit: {}, {more_denied} denied; only {MOST} grants are listed",
                counted(more, "more request")
            ));
        }
        if *impossible > 0 {
            say(format_args!(
                "audit: {} that no grant can allow",
                counted(impossible, "request")
            ));
        }
        if missing > 0 || *more_denied > 0 {
            say(format_args!(
                "audit: run again with these grants: after a denial, a plugin may request less than it needs"
            ));
        }
    }
}
