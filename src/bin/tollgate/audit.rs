//! `observe --audit`: the grants that a run needed, and whether it had them.

use crate::output::{say, shell_word};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use tollgate::Event;

/// The most grants that are kept and listed.
const MOST: usize = 1000;

/// What a run requested, collected while it runs.
#[derive(Default)]
pub struct Audit(Mutex<Needed>);

#[derive(Default)]
struct Needed {
    /// The smallest grants, and whether the run had them.
    grants: BTreeMap<String, bool>,
    /// Requests whose grants are not remembered, and how many of those were denied.
    more: u64,
    more_denied: u64,
    /// Requests that no grant can allow.
    hopeless: u64,
}

impl Audit {
    pub fn note(&self, event: &Event) {
        let (needs, granted) = match event {
            Event::Granted { needs, .. } => (needs, true),
            Event::Denied(denial) => (&denial.needs, false),
            _ => return,
        };
        let mut needed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if needs.is_empty() {
            needed.hopeless += 1;
        } else if let Some(had) = needed.grants.get_mut(needs.as_str()) {
            *had &= granted;
        } else if needed.grants.len() < MOST {
            needed.grants.insert(needs.as_str().to_owned(), granted);
        } else {
            needed.more += 1;
            needed.more_denied += u64::from(!granted);
        }
    }

    pub fn report(&self) {
        let needed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Needed {
            grants,
            more,
            more_denied,
            hopeless,
        } = &*needed;
        let missing = grants.values().filter(|granted| !**granted).count();
        say(format_args!(
            "audit: this run needed {} grants, {missing} of which it did not have",
            grants.len()
        ));
        for (grant, granted) in grants {
            let verdict = if *granted { "granted" } else { "denied" };
            match shell_word(grant) {
                Some(word) => say(format_args!("audit: --grant {word} ({verdict})")),
                None => say(format_args!(
                    "audit: {grant} ({verdict}), to be written in a grants file"
                )),
            }
        }
        if *more > 0 {
            say(format_args!(
                "audit: and {more} more requests, {more_denied} of them denied; only {MOST} grants are listed"
            ));
        }
        if *hopeless > 0 {
            say(format_args!(
                "audit: and {hopeless} requests that no grant can allow"
            ));
        }
        if missing > 0 || *more_denied > 0 {
            say(format_args!(
                "audit: run again with these grants; after a denial a plugin may request less than it needs"
            ));
        }
    }
}
