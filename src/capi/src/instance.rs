//! `tollgate_instance`: one instance that remembers from call to call, and is reset.

use crate::{
    arguments::handle,
    call::{Settings, answer, read_config},
    cancel::CancelHandle,
    error::{ErrorHandle, Failure, guarded},
    events::noting,
    plugin::PluginHandle,
};
use std::{
    ffi::c_char,
    ptr,
    sync::{Arc, Mutex, MutexGuard, TryLockError},
};
use tollgate::{Error, Instance, Limits};

/// `tollgate_instance`.
#[derive(Debug)]
pub struct InstanceHandle {
    inner: Mutex<Instance>,
    limits: Arc<Limits>,
}

impl InstanceHandle {
    /// It has one user at a time. Waiting would be for ever where a host function calls the very instance
    /// that called it.
    fn take(&self) -> Result<MutexGuard<'_, Instance>, Failure> {
        match self.inner.try_lock() {
            Ok(instance) => Ok(instance),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Failure::argument(
                "the instance is in use; make one for each thread",
            )),
        }
    }
}

/// # Safety
///
/// The handle is NULL or alive; `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_instance_new(
    plugin: *const PluginHandle,
    error: *mut *mut ErrorHandle,
) -> *mut InstanceHandle {
    let body = || {
        // SAFETY: the caller promises it.
        let plugin = unsafe { handle(plugin, "plugin") }?;
        Ok(Box::into_raw(Box::new(InstanceHandle {
            inner: Mutex::new(plugin.plugin.instance()?),
            limits: plugin.limits.clone(),
        })))
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The handles are NULL or alive; the texts are NULL or end with NUL; `error` is NULL or points to NULL or an
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_instance_observe(
    instance: *const InstanceHandle,
    config: *const c_char,
    options: *const c_char,
    cancel: *const CancelHandle,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let (instance, config) = unsafe { (handle(instance, "instance")?, read_config(config)?) };
        // SAFETY: the caller promises it.
        let settings = unsafe { Settings::read(options, cancel, &instance.limits) }?;
        let mut inner = instance.take()?;
        let (outcome, denied) = noting(|| inner.observe(settings.call(config)));
        answer(outcome, &denied)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The handle is NULL or alive; `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_instance_snapshot(
    instance: *const InstanceHandle,
    error: *mut *mut ErrorHandle,
) -> bool {
    // SAFETY: the caller promises it.
    unsafe { change(instance, error, Instance::snapshot) }
}

/// # Safety
///
/// As [`tollgate_instance_snapshot`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_instance_reset(
    instance: *const InstanceHandle,
    error: *mut *mut ErrorHandle,
) -> bool {
    // SAFETY: the caller promises it.
    unsafe { change(instance, error, Instance::reset) }
}

/// # Safety
///
/// The handle is NULL or alive; `error` is NULL or points to NULL or an error.
unsafe fn change(
    instance: *const InstanceHandle,
    error: *mut *mut ErrorHandle,
    change: fn(&mut Instance) -> Result<(), Error>,
) -> bool {
    let body = || {
        // SAFETY: the caller promises it.
        let instance = unsafe { handle(instance, "instance") }?;
        change(&mut *instance.take()?)?;
        Ok(true)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, false, body) }
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_instance_free(instance: *mut InstanceHandle) {
    if !instance.is_null() {
        // SAFETY: it came from `tollgate_instance_new`, as the caller promises.
        drop(unsafe { Box::from_raw(instance) });
    }
}
