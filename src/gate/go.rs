//! What the host reports to a program in Go about its memory, in the variables that Go's runtime reads.
//!
//! In WebAssembly nothing interrupts a program in Go, so its collector, which expects to run beside the
//! program, gets its turns only as long as it is quick. On a slow machine Go limits the collector's
//! share of the time; then no collection ends any more, and a program that makes garbage takes all
//! memory there is, however little it keeps. `gcstoptheworld` lets each collection end before the
//! program goes on. `GOGC` makes collections rare while little is kept, and `GOMEMLIMIT` makes them
//! frequent before memory is short.

use crate::limits::MemoryLimit;
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

/// Collections do not run beside the program.
const COLLECTOR: (&str, &str) = ("GODEBUG", "gcstoptheworld=1");
/// The heap grows to five times what is kept.
const GROWTH: (&str, &str) = ("GOGC", "400");
/// The bytes that the heap is kept below, if that is possible.
const LIMIT: &str = "GOMEMLIMIT";

/// How much memory a program in Go may take for its heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoHeap(u64);

impl GoHeap {
    /// For a program that starts with so many bytes of memory.
    pub(crate) fn new(limit: MemoryLimit, at_start: u64) -> GoHeap {
        GoHeap(limit.bytes().saturating_sub(at_start))
    }

    /// Adds its variables to those that are granted and set, which take precedence.
    pub(super) fn add_to(self, variables: &mut Vec<(String, String)>) {
        // The rest is for pieces between blocks in use, and for lists of the runtime.
        let limit = (self.0 - self.0 / 8).to_string();
        for (name, value) in [COLLECTOR, GROWTH, (LIMIT, &limit)] {
            if !variables.iter().any(|(set, _)| set == name) {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        effect::{Answer, Effect, Reply},
        gate::{At, Gate, HostFunctions, Journal, Nowhere, Observer, Policy},
        limits::{Interrupt, Limits},
    };
    use std::sync::{Arc, Mutex};

    /// A transcript of the time before the host gave any.
    struct Old;

    impl Journal for Old {
        fn answer(&mut self, _: &Effect, _: At) -> Option<Reply> {
            Some(Ok(Answer::Variables(Vec::new())))
        }

        fn note(&mut self, _: &Effect, _: &Reply, _: At) {}

        fn is_over(&self) -> bool {
            false
        }

        fn called_from(&mut self, _: Vec<u32>) {}
    }

    #[test]
    fn a_replay_gives_what_was_recorded() {
        let policy = Policy {
            grants: Vec::new(),
            written: 0,
            working_directory: "/".into(),
            host_functions: Arc::<HostFunctions>::default(),
        };
        let mut gate = Gate::new(
            "plugin".into(),
            Arc::new(policy),
            Box::new(Nowhere("")),
            &Limits::default(),
            Interrupt::default(),
            Observer::default(),
        );
        gate.set_go(Some(GoHeap::new(MemoryLimit::default(), 0)));
        gate.keep(Arc::new(Mutex::new(Old)));
        assert_eq!(
            gate.pass(&Effect::Variables),
            Ok(Answer::Variables(Vec::new()))
        );
    }

    #[test]
    fn variables_that_are_set_stay_as_they_are() {
        let limit = MemoryLimit::from_pages(16);
        let mut variables = vec![("GOGC".to_owned(), "50".to_owned())];
        GoHeap::new(limit, 8 << 16).add_to(&mut variables);
        let (memory, collector) = ("458752", "gcstoptheworld=1");
        let expected = [
            ("GOGC", "50"),
            ("GODEBUG", collector),
            ("GOMEMLIMIT", memory),
        ];
        assert_eq!(
            variables,
            expected.map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        // A program that does not fit is refused elsewhere.
        assert_eq!(GoHeap::new(limit, 17 << 16), GoHeap(0));
    }
}
