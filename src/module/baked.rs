//! What a baked module records about its origin, in a custom section. Anyone can write such a section,
//! so it is used only for what a module could claim at run time as well: its description and schema. It
//! never identifies another module, and never replaces a check.

use super::encode::push_name;
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The name of the section.
pub(super) const NAME: &str = "tollgate.baked";

/// The version of the section's format; others are ignored.
const FORMAT: u32 = 1;

/// The longest section that is read: parsed, it can take eight times its length in memory.
const MOST_BYTES: usize = 1 << 20;

/// The flags of the descriptors that are open from the start.
pub(crate) type DescriptorFlags = [u16; 4];

/// What a baked module claims about its origin. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baked {
    format: u32,
    /// SHA-256 of the module that was initialised, in hexadecimal.
    pub original: String,
    /// The version of this crate that initialised it.
    pub tollgate: String,
    /// The engine that it ran on.
    pub engine: String,
    /// The grants that it had.
    pub grants: Vec<String>,
    /// The fuel of its initialisation.
    pub fuel: u64,
    /// The flags of its first descriptors.
    pub(crate) flags: DescriptorFlags,
    /// What it returned about itself, by export.
    pub(crate) answers: BTreeMap<String, String>,
}

impl Baked {
    pub(crate) fn new(
        original: String,
        engine: &str,
        grants: Vec<String>,
        fuel: u64,
        flags: DescriptorFlags,
    ) -> Baked {
        Baked {
            format: FORMAT,
            original,
            tollgate: env!("CARGO_PKG_VERSION").to_owned(),
            engine: engine.to_owned(),
            grants,
            fuel,
            flags,
            answers: BTreeMap::new(),
        }
    }

    /// Records an answer if it fits; without it the plugin is called.
    pub(crate) fn keep(&mut self, export: &str, answer: String) {
        self.answers.insert(export.to_owned(), answer);
        if !self.fits() {
            self.answers.remove(export);
        }
    }

    /// Returns whether the section is short enough to be read.
    pub(crate) fn fits(&self) -> bool {
        self.text().len() <= MOST_BYTES
    }

    /// Reads the data of such a section.
    pub(super) fn read(data: &[u8]) -> Option<Baked> {
        if data.len() > MOST_BYTES {
            return None;
        }
        let baked: Baked = serde_json::from_slice(data).ok()?;
        (baked.format == FORMAT).then_some(baked)
    }

    /// Returns the content of the section.
    pub(super) fn section(&self) -> Vec<u8> {
        let mut section = Vec::new();
        push_name(&mut section, NAME.as_bytes());
        section.extend(self.text());
        section
    }

    fn text(&self) -> Vec<u8> {
        // Numbers, texts and maps of texts always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
