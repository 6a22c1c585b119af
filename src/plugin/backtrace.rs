//! Where a call of the guest was stopped. The engine does not say that, so a call that fails is repeated with
//! instruments: its effects were noted, and its fuel ends it at the same place.

use super::{Plugin, call::RecordedRun};
use crate::{
    error::{Backtrace, Error, Fault, INSTANTIATE},
    gate::{Noting, Nowhere, Repeat, SharedJournal},
    guest,
    limits::{FuelLimit, Limits},
    module::Instruments,
    plugin::call::Allowance,
    sync::{Mutex, lock},
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use tollgate_abi::names::export;

/// Calls the guest.
type Enter<'a> = &'a dyn Fn(&mut guest::Instance) -> Result<Vec<u8>, Error>;

impl Plugin {
    /// Adds to the error of a run that was noted the calls that were running, if they can be found out.
    /// `enter` calls the guest as it was called, and `replayed` is the recorded run that was repeated.
    pub(super) fn with_backtrace(
        &self,
        mut error: Error,
        noting: &Mutex<Noting>,
        replayed: Option<&RecordedRun>,
        allowance: &Allowance,
        enter: Enter<'_>,
    ) -> Error {
        let found = match &error {
            // Nobody waits for it any more.
            Error::Fault {
                fault: Fault::Cancelled | Fault::HostOutOfMemory,
                ..
            } => None,
            Error::Fault { export, usage, .. } | Error::Protocol { export, usage, .. } => {
                let in_initialization = matches!(*export, INSTANTIATE | export::INITIALIZE);
                let ended = ended(allowance, in_initialization, usage.fuel);
                let journal = lock(noting).repeat();
                journal.and_then(|journal| self.stopped_at(journal, replayed, &ended, enter))
            }
            _ => None,
        };
        if let Error::Fault { backtrace, .. } | Error::Protocol { backtrace, .. } = &mut error {
            *backtrace = found.map(Box::new);
        }
        error
    }

    /// Repeats a run that was stopped.
    fn stopped_at(
        &self,
        journal: Repeat,
        replayed: Option<&RecordedRun>,
        allowance: &Allowance,
        enter: Enter<'_>,
    ) -> Option<Backtrace> {
        let journal: SharedJournal = Arc::new(Mutex::new(journal));
        let traced = self.instrumented(Instruments::TRACE).ok()?;
        let parts = self.parts();
        let run = RecordedRun {
            name: replayed.map_or(&parts.name, |run| &run.name).clone(),
            policy: replayed.map_or(&parts.policy, |run| &run.policy).clone(),
            initialization: allowance.initialization.clone(),
            limits: allowance.call.clone(),
            world: || Box::new(Nowhere("internal error: a repeated run asked its world")),
            is_reported: true,
        };
        let ended = traced
            .start_replay(&run, &journal, allowance, &mut None)
            .and_then(|mut instance| {
                enter(&mut instance)?;
                Ok(instance.returned())
            });
        let running: Vec<u64> = match &ended {
            Ok(returned) => returned.iter().copied().map(u64::from).collect(),
            Err(error) => {
                let frames = &error.backtrace()?.frames;
                frames.iter().map(|frame| frame.offset).collect()
            }
        };
        let backtrace = self.symbols().backtrace_at(running);
        (!backtrace.frames.is_empty()).then_some(backtrace)
    }

    /// An instance for a call that is noted.
    pub(super) fn start_noted(
        &self,
        noting: &Arc<Mutex<Noting>>,
        allowance: &Allowance,
    ) -> Result<Box<guest::Instance>, Error> {
        self.check_idle()?;
        let journal: SharedJournal = noting.clone();
        self.start_recorded(&journal, allowance)
    }

    /// Notes what a run does, if its error gets a backtrace.
    pub(super) fn noting(
        &self,
        wanted: bool,
        journal: Option<&SharedJournal>,
    ) -> Option<Arc<Mutex<Noting>>> {
        let wanted = wanted || self.parts().settings.backtraces;
        wanted.then(|| Arc::new(Mutex::new(Noting::new(journal.cloned()))))
    }
}

/// What a run may use that ends where one ended which had burnt so much fuel. The frames of instruments are
/// larger, so it is fuel that ends a recursion which took all of the stack.
fn ended(allowance: &Allowance, in_initialization: bool, fuel: u64) -> Allowance {
    let ending = |limits: &Limits, ends: bool| {
        let fuel = match ends {
            true => FuelLimit::Units(fuel),
            false => limits.fuel,
        };
        Arc::new(Limits {
            fuel,
            deadline: None,
            ..limits.clone()
        })
    };
    Allowance {
        initialization: ending(&allowance.initialization, in_initialization),
        call: ending(&allowance.call, !in_initialization),
        interrupt: allowance.interrupt.without_deadline(),
    }
}
