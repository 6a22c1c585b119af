//! `observe --audit`: lists the grants that a run used, and those it lacked.

use crate::output::{say, shell_word};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use tollgate::{Event, printable::counted};

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
            needed.impossible += 1;
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
            impossible,
        } = &*needed;
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
        for (grant, granted) in grants {
            let verdict = if *granted { "granted" } else { "denied" };
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
