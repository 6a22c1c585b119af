//! An initialised plugin as a file: loading it is as good as initialising the original.

use super::Plugin;
use crate::{
    error::{BakeError, Error, Unforkable},
    module::{Baked, State, engine_name},
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use tollgate_abi::names::export;

/// What a plugin may be asked of itself.
const QUESTIONS: [&str; 4] = [
    export::DESCRIBE,
    export::SCHEMA,
    export::MANIFEST,
    export::SCHEMA_V2,
];

impl Plugin {
    /// Initialises the plugin and writes it as a module that is initialised already. What its
    /// initialisation saw of the world (variables, clocks, random bytes) is in it for ever: see
    /// [`RuntimeBuilder::deterministic_init`](crate::RuntimeBuilder::deterministic_init).
    ///
    /// The module says in a custom section what it was made from, and what it answers when it is
    /// asked to describe itself, so that a runtime need not execute it for that.
    ///
    /// # Errors
    ///
    /// [`Error::Bake`] if its state cannot be written, and as [`describe`](Self::describe) if
    /// initialisation fails.
    pub fn bake(&self) -> Result<Vec<u8>, Error> {
        let failed = |problem| Error::Bake {
            plugin: self.name().into(),
            problem,
        };
        let parts = self.parts();
        if parts.compiled.was_baked() {
            return Err(failed(BakeError::AlreadyBaked));
        }
        let snapshot = match self.snapshot()? {
            Ok(snapshot) => snapshot,
            Err(Some(why)) => return Err(failed(why.into())),
            Err(None) => return Err(failed(BakeError::NeverForked)),
        };
        let Some(flags) = snapshot.flags() else {
            return Err(failed(BakeError::HostState));
        };
        let grants = parts.policy.written().iter();
        let mut baked = Baked::new(
            parts.compiled.digest().to_owned(),
            engine_name(),
            grants.map(ToString::to_string).collect(),
            snapshot.usage().fuel,
            flags,
        );
        if !baked.fits() {
            return Err(failed(BakeError::ManyGrants));
        }
        for name in QUESTIONS.into_iter().filter(|name| self.exports(name)) {
            // What it cannot answer now, it may be asked again.
            if let Ok(bytes) = self.start(&self.allowance())?.ask(name)
                && let Ok(answer) = String::from_utf8(bytes)
            {
                baked.keep(name, answer);
            }
        }
        let memory = snapshot.memory();
        let memory = memory.map_err(|error| failed(Unforkable::from(error).into()))?;
        let state = State {
            memory: &memory,
            globals: snapshot.globals(),
        };
        let written = parts.compiled.bake(&state, &baked);
        written.map_err(|problem| failed(problem.into()))
    }
}
