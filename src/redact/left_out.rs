//! What stands for the redactor in a build without the feature `redact`: a type without values, so that what would
//! use one is dropped.

use crate::{
    effect::{Denial, LogSource},
    error::Error,
};
use alloc::{string::String, vec::Vec};
use serde_json::Value;
use tollgate_abi::{ConfigSchema, Evidence, PluginInfo, host::LogAttr};

#[derive(Clone, Debug)]
pub(crate) enum Redactor {}

impl Redactor {
    pub(crate) fn redact(&self, _: &str) -> String {
        match *self {}
    }

    pub(crate) fn redact_bytes(&self, _: &[u8]) -> Vec<u8> {
        match *self {}
    }

    pub(crate) fn redact_json(&self, _: &mut Value) {
        match *self {}
    }

    pub(crate) fn redact_evidence(&self, _: &mut Evidence) {
        match *self {}
    }

    pub(crate) fn attribute(&self, _: &mut LogAttr) {
        match *self {}
    }

    pub(crate) fn info(&self, _: &PluginInfo) -> PluginInfo {
        match *self {}
    }

    pub(crate) fn schema(&self, _: &ConfigSchema) -> ConfigSchema {
        match *self {}
    }

    #[cfg(feature = "schema")]
    pub(crate) fn validation(&self, _: &mut crate::schema::Validation) {
        match *self {}
    }

    pub(crate) fn denial(&self, _: &mut Denial) {
        match *self {}
    }

    pub(crate) fn error(&self, _: Error) -> Error {
        match *self {}
    }
}

/// The log streams of one instance.
#[derive(Default)]
pub(crate) struct Lines {}

impl Lines {
    pub(crate) fn redact(&mut self, redactor: &Redactor, _: LogSource, _: &str, _: bool) -> String {
        match *redactor {}
    }
}
