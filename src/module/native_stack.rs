//! How much of the native stack the engine takes: a module calls the host, which sees how deep it is called.

use alloc::sync::Arc;
use core::{
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
};
use wasmi::{Caller, Instance, Linker, Module, Store};

/// How deep the native stack was whenever a module called the host.
#[derive(Clone)]
pub(super) struct Depths {
    low: Arc<AtomicUsize>,
    high: Arc<AtomicUsize>,
}

impl Default for Depths {
    fn default() -> Depths {
        Depths {
            low: Arc::new(AtomicUsize::new(usize::MAX)),
            high: Arc::default(),
        }
    }
}

impl Depths {
    /// Instantiates a module that calls the host by `self.probe`, with all fuel.
    pub(super) fn instantiate(
        &self,
        module: &Module,
    ) -> Result<(Store<()>, Instance), wasmi::Error> {
        let mut linker = Linker::<()>::new(module.engine());
        let seen = self.clone();
        linker.func_wrap("self", "probe", move |_: Caller<'_, ()>| {
            let here = 0u8;
            let depth = black_box(&raw const here).addr();
            seen.low.fetch_min(depth, Ordering::Relaxed);
            seen.high.fetch_max(depth, Ordering::Relaxed);
        })?;
        linker.func_wrap("self", "host", |value: i32| value)?;
        let mut store = Store::new(module.engine(), ());
        store.set_fuel(u64::MAX)?;
        let instance = linker.instantiate_and_start(&mut store, module)?;
        Ok((store, instance))
    }

    pub(super) fn forget(&self) {
        self.low.store(usize::MAX, Ordering::Relaxed);
        self.high.store(0, Ordering::Relaxed);
    }

    /// Bytes between the shallowest and the deepest call.
    pub(super) fn growth(&self) -> usize {
        let (low, high) = (&self.low, &self.high);
        high.load(Ordering::Relaxed)
            .saturating_sub(low.load(Ordering::Relaxed))
    }
}
