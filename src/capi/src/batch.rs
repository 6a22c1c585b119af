//! Many calls of one plugin, over the machine's cores, reported in the order of their configs.

use crate::{
    arguments::{handle, slice, text},
    call::{Settings, failure, observation, parse_config},
    cancel::CancelHandle,
    error::{ErrorHandle, Failure, guarded},
    events::{self, Denied},
    plugin::PluginHandle,
};
use std::{
    collections::BTreeMap,
    ffi::{CString, c_char, c_void},
    ops::ControlFlow,
    ptr,
    sync::{Mutex, PoisonError},
};
use tollgate::{Config, printable};

/// Gets the context, an index, and an observation or an error. Returns whether to go on.
type Report = unsafe extern "C" fn(*mut c_void, usize, *const c_char, *const ErrorHandle) -> bool;

/// # Safety
///
/// The handles are NULL or alive; `configs` is NULL or points to `count` texts, each of which is NULL or ends
/// with NUL; `report` may be called with the context; `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_observe_many(
    plugin: *const PluginHandle,
    configs: *const *const c_char,
    count: usize,
    options: *const c_char,
    cancel: *const CancelHandle,
    report: Option<Report>,
    context: *mut c_void,
    error: *mut *mut ErrorHandle,
) -> bool {
    let body = || {
        // SAFETY: the caller promises it.
        let plugin = unsafe { handle(plugin, "plugin") }?;
        // SAFETY: the caller promises it.
        let (settings, threads) = unsafe { Settings::read_many(options, cancel, &plugin.limits) }?;
        let report = report.ok_or_else(|| Failure::argument("the report is NULL"))?;
        let texts = match count {
            0 => &[],
            // SAFETY: the caller promises it.
            _ => unsafe { slice(configs, count, "configs") }?,
        };
        // SAFETY: the caller promises it.
        let report = |index, outcome| unsafe { deliver(report, context, index, outcome) };
        // SAFETY: the caller promises it.
        let read = |config: &*const c_char| unsafe { text(*config, "config") };
        let read = texts.iter().map(|config| parse_config(read(config)?));
        let flow = many(plugin, read.collect(), &settings, threads, report);
        Ok(flow.is_continue())
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, false, body) }
}

type Outcome = Result<String, Failure>;

/// Runs the calls whose configs can be read, and reports those of the others in their places.
fn many(
    plugin: &PluginHandle,
    configs: Vec<Result<Config, Failure>>,
    settings: &Settings,
    threads: Option<std::num::NonZero<usize>>,
    mut report: impl FnMut(usize, Outcome) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut unreadable = BTreeMap::new();
    let mut calls = Vec::new();
    let mut indices = Vec::new();
    for (index, config) in configs.into_iter().enumerate() {
        match config {
            Ok(config) => {
                calls.push(config);
                indices.push(index);
            }
            Err(failure) => {
                unreadable.insert(index, failure);
            }
        }
    }
    let denied: Mutex<BTreeMap<usize, Denied>> = Mutex::default();
    let denied_in = |call: usize| {
        let mut denied = denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.remove(&call).unwrap_or_default()
    };
    // The thread that takes a call runs it next.
    let calls = calls.into_iter().enumerate().map(|(call, config)| {
        let noted = Denied::default();
        events::begin(Some(noted.clone()));
        let mut denied = denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.insert(call, noted);
        settings.call(config)
    });
    let mut indices = indices.into_iter();
    let mut flow = ControlFlow::Continue(());
    plugin.plugin.observe_many(calls, threads, |call, outcome| {
        let denied = denied_in(call);
        let index = indices.next().unwrap_or_default();
        let later = unreadable.split_off(&index);
        for (index, failure) in std::mem::replace(&mut unreadable, later) {
            flow = report(index, Err(failure));
            if flow.is_break() {
                return flow;
            }
        }
        flow = report(
            index,
            match outcome {
                Ok(seen) => Ok(printable::json(&observation(&seen, &denied).to_string())),
                Err(error) => Err(failure(error, &denied)),
            },
        );
        flow
    });
    flow?;
    unreadable
        .into_iter()
        .try_for_each(|(index, failure)| report(index, Err(failure)))
}

/// # Safety
///
/// The report may be called with the context.
unsafe fn deliver(
    report: Report,
    context: *mut c_void,
    index: usize,
    outcome: Outcome,
) -> ControlFlow<()> {
    let goes_on = match outcome {
        Ok(seen) => {
            let seen = CString::new(seen).unwrap_or_default();
            // SAFETY: the caller promises it, and the text lives until it returns.
            unsafe { report(context, index, seen.as_ptr(), ptr::null()) }
        }
        Err(failure) => {
            let error = ErrorHandle::from(failure);
            // SAFETY: the caller promises it, and the error lives until it returns.
            unsafe { report(context, index, ptr::null(), &raw const error) }
        }
    };
    match goes_on {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    }
}
