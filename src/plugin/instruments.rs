//! A plugin with instruments, and what its instances show of their last call.

use super::{Instance, Parts, Plugin};
use crate::{
    error::{Error, LoadError},
    imports,
    inspect::{Comparison, Edge, EdgeKind, Symbols},
    module::{self, Instruments},
};
use alloc::{string::ToString, sync::Arc, vec::Vec};

impl Plugin {
    /// The same plugin with instruments, which its runs do not notice: their effects, their evidence, their
    /// memory and their fuel are those of this plugin. It is compiled anew, and takes more time to run.
    ///
    /// ```
    /// use tollgate::{Config, Runtime, inspect::Instruments};
    ///
    /// # let bytes = include_bytes!("../../fixtures/file.wasm");
    /// let plugin = Runtime::new()?.load("file", bytes)?;
    /// let mut instance = plugin.instrumented(Instruments::COVERAGE)?.instance()?;
    /// instance.observe(&Config::new().set("path", "/etc/hostname"))?;
    /// let taken = instance.counters().iter().filter(|counter| **counter > 0).count();
    /// assert!(taken > 0 && taken < instance.edges().len());
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Load`] if the module is too large for instruments.
    pub fn instrumented(&self, which: Instruments) -> Result<Plugin, Error> {
        let parts = self.parts();
        let refused = |problem| Error::Load {
            plugin: self.name().into(),
            problem,
        };
        let limits = &parts.settings.limits;
        let compiled = parts
            .compiled
            .instrumented(which, limits)
            .map_err(refused)?;
        let linker = imports::linker(&compiled.module, &parts.policy.host_functions)
            .map_err(|error| refused(LoadError::Compile(error.to_string().into())))?;
        Ok(Plugin::new(Parts {
            name: parts.name.clone(),
            version: parts.version,
            compiled: Arc::new(compiled),
            linker,
            settings: parts.settings.clone(),
            policy: parts.policy.clone(),
        }))
    }

    /// The names and source lines of its functions.
    #[must_use]
    pub fn symbols(&self) -> Symbols {
        Symbols::new(self.parts().compiled.original())
    }
}

impl Instance {
    /// How often each edge was taken in the last call, as a number of 8 bits that wraps: see
    /// [`edges`](Instance::edges). Empty without [`Instruments::COVERAGE`].
    #[must_use]
    pub fn counters(&self) -> &[u8] {
        self.inner.counters()
    }

    /// What each of the [`counters`](Instance::counters) counts, in the same order. Each call of this reads
    /// the names and lines of the module anew.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge> {
        let installed = self.plugin.parts().compiled.installed.as_ref();
        let counters = installed.map_or(&[][..], |installed| &installed.counters);
        let symbols = self.plugin.symbols();
        let edge = |counter: &module::Counter| {
            let frames = symbols.frames(counter.function, counter.offset.into());
            let kind = EdgeKind::from(counter.edge);
            // There is at least one.
            frames.into_iter().next().map(|at| Edge { at, kind })
        };
        counters.iter().filter_map(edge).collect()
    }

    /// The comparisons of the last call, in their order; of more than 16 384, the last ones. Empty without
    /// [`Instruments::COMPARISONS`].
    #[must_use]
    pub fn comparisons(&self) -> Vec<Comparison> {
        let installed = self.plugin.parts().compiled.installed.as_ref();
        let places = installed.map_or(&[][..], |installed| &installed.comparisons);
        let comparison = |noted: crate::guest::Compared| {
            let place = places.get(usize::try_from(noted.place).ok()?)?;
            Some(Comparison {
                place: noted.place,
                function: place.function,
                offset: place.offset.into(),
                bytes: place.bytes,
                is_float: place.is_float,
                operands: noted.operands,
                loads: noted.loads,
            })
        };
        self.inner.comparisons().filter_map(comparison).collect()
    }
}
