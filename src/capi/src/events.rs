//! What plugins are denied while they run: noted for each call, so that its outcome names the grants that are
//! missing. Events come on the thread that runs the plugin.

use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};
use tollgate::Event;

/// What one call was denied.
#[derive(Clone, Default)]
pub(crate) struct Denied(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    /// As in events.
    denials: Vec<Value>,
    grants: BTreeSet<String>,
}

thread_local! {
    static CURRENT: RefCell<Option<Denied>> = const { RefCell::new(None) };
}

/// Notes the denials of what runs on this thread from now on.
pub(crate) fn begin(denied: Option<Denied>) -> Option<Denied> {
    CURRENT.with(|current| current.replace(denied))
}

/// Runs a call and notes its denials.
pub(crate) fn noting<T>(call: impl FnOnce() -> T) -> (T, Denied) {
    let denied = Denied::default();
    // A host function may call another plugin, whose denials are its own.
    let before = Restore(begin(Some(denied.clone())));
    let outcome = call();
    drop(before);
    (outcome, denied)
}

/// Goes on with the call around this one, also after a panic.
struct Restore(Option<Denied>);

impl Drop for Restore {
    fn drop(&mut self) {
        begin(self.0.take());
    }
}

/// Notes an event, if it is a denial.
pub(crate) fn note(event: &Event) {
    let Event::Denied(denial) = event else {
        return;
    };
    let Some(current) = CURRENT.with(|current| current.borrow().clone()) else {
        return;
    };
    let mut noted = current.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fields = json!(event);
    if let Value::Object(fields) = &mut fields {
        fields.remove("type");
    }
    noted.denials.push(fields);
    let grants = denial.grants().map(|grant| grant.as_str().to_owned());
    noted.grants.extend(grants);
}

impl Denied {
    /// The denials, as in events.
    pub(crate) fn denials(&self) -> Vec<Value> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.denials.clone()
    }

    /// The grants that all of them need, each once.
    pub(crate) fn grants(&self) -> Vec<String> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.grants.iter().cloned().collect()
    }
}
