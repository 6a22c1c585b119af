//! A linker with the functions that one module imports, and none of the others: a plugin keeps its
//! linker as long as it is loaded. What is offered, and with which types, is decided elsewhere.

use crate::guest::Host;
use alloc::collections::BTreeSet;
use wasmi::{IntoFunc, Linker, Module};

/// Takes every function that is offered, and keeps those that a module imports.
pub(super) struct Imported<'m> {
    names: BTreeSet<(&'m str, &'m str)>,
    linker: Linker<Host>,
}

impl<'m> Imported<'m> {
    pub(super) fn by(module: &'m Module) -> Imported<'m> {
        let imports = module.imports();
        Imported {
            names: imports
                .map(|import| (import.module(), import.name()))
                .collect(),
            linker: Linker::new(module.engine()),
        }
    }

    /// Defines a function, if the module imports it.
    pub(super) fn func_wrap<Params, Args>(
        &mut self,
        module: &str,
        name: &str,
        function: impl IntoFunc<Host, Params, Args>,
    ) -> Result<(), wasmi::Error> {
        if self.names.contains(&(module, name)) {
            self.linker.func_wrap(module, name, function)?;
        }
        Ok(())
    }

    pub(super) fn linker(self) -> Linker<Host> {
        self.linker
    }
}
