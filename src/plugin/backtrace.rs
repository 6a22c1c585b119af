//! Where a call of the guest was stopped. The engine does not say that, so a call that fails is repeated with
//! instruments: its effects were noted, and its fuel ends it at the same place.

use super::{Plugin, call::RecordedRun};
use crate::{
    error::{Backtrace, Error, Fault, INSTANTIATE},
    gate::{Noting, Nowhere, SharedJournal},
    guest,
    limits::{FuelLimit, Limits},
    module::Instruments,
    plugin::call::Allowance,
    sync::lock,
};
use std::sync::{Arc, Mutex};
use tollgate_abi::names::export;

/// A run whose error gets a backtrace.
pub(super) struct Failed<'a> {
    pub(super) noting: Arc<Mutex<Noting>>,
    /// The recorded run that it repeats, if it does.
    pub(super) replayed: Option<&'a RecordedRun>,
    pub(super) allowance: &'a Allowance,
    /// Calls the guest as it was called.
    pub(super) enter: &'a dyn Fn(&mut guest::Instance) -> Result<Vec<u8>, Error>,
}

impl Plugin {
    /// Adds to an error the calls that were running, if they can be found out.
    pub(super) fn with_backtrace(&self, mut error: Error, failed: Failed<'_>) -> Error {
        let found = match &error {
            // Nobody waits for it any more.
            Error::Fault {
                fault: Fault::Cancelled | Fault::HostOutOfMemory,
                ..
            } => None,
            Error::Fault { export, usage, .. } | Error::Protocol { export, usage, .. } => {
                self.stopped_at(export, usage.fuel, failed)
            }
            _ => None,
        };
        if let Error::Fault { backtrace, .. } | Error::Protocol { backtrace, .. } = &mut error {
            *backtrace = found.map(Box::new);
        }
        error
    }

    /// Repeats a run that was stopped in an export when it had burnt so much fuel.
    fn stopped_at(&self, stopped: &str, fuel: u64, failed: Failed<'_>) -> Option<Backtrace> {
        let Failed {
            noting,
            replayed,
            allowance,
            enter,
        } = failed;
        let journal: SharedJournal = Arc::new(Mutex::new(lock(&noting).repeat()?));
        let traced = self.instrumented(Instruments::TRACE).ok()?;
        // The frames of the instruments are larger, so it is fuel that ends a recursion which took all of the
        // stack.
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
        let in_initialization = matches!(stopped, INSTANTIATE | export::INITIALIZE);
        let allowance = Allowance {
            initialization: ending(&allowance.initialization, in_initialization),
            call: ending(&allowance.call, !in_initialization),
            interrupt: allowance.interrupt.without_deadline(),
        };
        let parts = self.parts();
        let run = RecordedRun {
            name: replayed.map_or(&parts.name, |run| &run.name).clone(),
            policy: replayed.map_or(&parts.policy, |run| &run.policy).clone(),
            initialization: allowance.initialization.clone(),
            limits: allowance.call.clone(),
            world: || Box::new(Nowhere("internal error: a repeated run asked its world")),
        };
        let ended = traced
            .start_replay(&run, &journal, &allowance)
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
        let symbols = self.symbols();
        let running = running
            .into_iter()
            .filter_map(|offset| Some((symbols.function_at(offset)?, offset)));
        let backtrace = symbols.backtrace(running);
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
