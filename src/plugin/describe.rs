//! What a plugin answers about itself, which it is asked once.

use super::{Plugin, call::Allowance, once::NoWait};
use crate::{
    answer::{Manifest, read_info, read_manifest, read_schema},
    error::{Error, ProtocolError},
    guest,
    limits::Usage,
    module::AbiVersion,
};
use alloc::sync::Arc;
use tollgate_abi::{ConfigSchema, PluginInfo, names::export};

/// Bytes of memory that an instance is not kept for after a question that is asked once.
const SMALL: usize = 1 << 20;

impl Plugin {
    /// What the plugin is, in its own words. It is asked once: threads that call this at the same
    /// time wait for one run, and a failure is not kept.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] or [`Error::Protocol`], naming the plugin and what it did.
    pub fn describe(&self) -> Result<Arc<PluginInfo>, Error> {
        let info = self.description()?;
        let redactor = self.parts().settings.observer.redactor.as_ref();
        Ok(redactor.map_or(info.clone(), |redactor| redactor.info(&info).into()))
    }

    /// The same, with its secrets: what is declared is compared with what is granted.
    pub(crate) fn description(&self) -> Result<Arc<PluginInfo>, Error> {
        let allowance = &self.allowance();
        let ask = || {
            let info = match self.abi_version() {
                AbiVersion::V1 | AbiVersion::Harness => {
                    self.ask(export::DESCRIBE, allowance, read_info)
                }
                AbiVersion::V2 => Ok(self.manifest(allowance)?.info.clone()),
            };
            info.map(Arc::new)
        };
        let info = self
            .inner
            .info
            .get_or_try(&allowance.interrupt, ask, |why| {
                self.no_wait(why, "asked for its description")
            });
        info.cloned()
    }

    /// The JSON Schema of the plugin's config; asked once, like [`describe`](Self::describe).
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe).
    pub fn schema(&self) -> Result<Arc<ConfigSchema>, Error> {
        let schema = self.whole_schema(&self.allowance())?;
        let redactor = self.parts().settings.observer.redactor.as_ref();
        Ok(redactor.map_or(schema.clone(), |redactor| redactor.schema(&schema).into()))
    }

    /// The same, with its secrets: configs are validated against what the plugin sent.
    pub(crate) fn whole_schema(&self, allowance: &Allowance) -> Result<Arc<ConfigSchema>, Error> {
        let ask = || {
            let names = [export::SCHEMA_V2, export::SCHEMA];
            let schema = match self.abi_version() {
                AbiVersion::V1 | AbiVersion::Harness => {
                    self.ask(export::SCHEMA, allowance, read_schema)
                }
                AbiVersion::V2 => match &self.manifest(allowance)?.schema {
                    Some(schema) => Ok(schema.clone()),
                    None => {
                        let exported = names.into_iter().find(|name| self.exports(name));
                        self.ask(exported.unwrap_or(export::SCHEMA), allowance, read_schema)
                    }
                },
            };
            schema.map(Arc::new)
        };
        let schema = self
            .inner
            .schema
            .get_or_try(&allowance.interrupt, ask, |why| {
                self.no_wait(why, "asked for its schema")
            });
        schema.cloned()
    }

    /// The answer that describes a plugin of the newer generation and its config at once.
    fn manifest(&self, allowance: &Allowance) -> Result<&Manifest, Error> {
        let ask = || self.ask(export::MANIFEST, allowance, read_manifest);
        let manifest = &self.inner.manifest;
        manifest.get_or_try(&allowance.interrupt, ask, |why| {
            self.no_wait(why, "asked for its manifest")
        })
    }

    /// Why a thread does not wait for what another one does with the plugin.
    pub(super) fn no_wait(&self, why: NoWait, doing: &'static str) -> Error {
        match why {
            NoWait::Circle => Error::Busy {
                plugin: self.name().into(),
                doing,
            },
            NoWait::Interrupted(why) => self.interrupted(why),
        }
    }

    pub(super) fn exports(&self, name: &str) -> bool {
        self.parts().compiled.module.get_export(name).is_some()
    }

    /// Asks a fresh instance for something about itself.
    fn ask<T>(
        &self,
        export: &'static str,
        allowance: &Allowance,
        read: impl Fn(&[u8]) -> Result<T, ProtocolError>,
    ) -> Result<T, Error> {
        // A baked module may lie here, but only about itself.
        let parts = self.parts();
        let limit = usize::try_from(parts.settings.limits.result_bytes).unwrap_or(usize::MAX);
        let baked = parts.compiled.baked_answer(export);
        let baked = baked.filter(|answer| answer.len() <= limit);
        if let Some(Ok(answer)) = baked.map(|answer| read(answer.as_bytes())) {
            return Ok(answer);
        }
        // All calls share the answer, so none of them limits it.
        let allowance = &Allowance {
            call: allowance.initialization.clone(),
            ..allowance.clone()
        };
        let noting = self.noting(false, None);
        let started = match &noting {
            Some(noting) => self.start_noted(noting, allowance),
            None => self.start(allowance),
        };
        let answer = started.and_then(|mut instance| {
            let answer = instance.ask(export);
            let answer = answer.and_then(|bytes| {
                read(&bytes).map_err(|error| instance.protocol_error(export, error))
            });
            let answer = answer.map_err(|error| self.redacted(error));
            answer.map(|answer| (answer, instance))
        });
        let explained = |error| match noting {
            None => error,
            Some(noting) => {
                let enter = |instance: &mut guest::Instance| instance.ask(export);
                self.with_backtrace(error, &noting, None, allowance, &enter)
            }
        };
        let (answer, instance) = answer.map_err(explained)?;
        // Many plugins are described and never called: a small instance is as quickly made anew.
        if instance.memory().len() > SMALL {
            self.give_back(instance);
        }
        Ok(answer)
    }

    /// Whether the plugin uses memory again that the host asked it for and gave back: thousands of
    /// buffers are, in a fresh instance. A plugin that does not grows with every call of a host
    /// function.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe); [`ProtocolError::NotExported`] if it has no `deallocate`.
    pub fn reuses_buffers(&self) -> Result<bool, Error> {
        let answer = self
            .start(&self.allowance())
            .and_then(|mut instance| instance.reuses_buffers());
        answer.map_err(|error| self.redacted(error))
    }

    /// What it costs to initialise the plugin: its start function and `_initialize`. Reported here
    /// once, since it is no part of any call. A plugin that was not called yet is initialised for
    /// this.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe), if initialisation fails.
    pub fn init_usage(&self) -> Result<Usage, Error> {
        let initialised = self.initialised(&self.allowance());
        initialised.map(|initialised| initialised.usage)
    }
}
