//! What a baked module says of its making, in a custom section. Anybody can write such a section,
//! so it is believed where a module could as well lie by what it does: in what it says of itself.
//! It is never taken for another module's name, and never excuses a check.

use super::sections::{Reader, Section, id, push_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the section.
const NAME: &str = "tollgate.baked";

/// The form of the section; others are not read.
const FORMAT: u32 = 1;

/// The longest section that is read. A list of empty texts takes eight times its length in memory,
/// and nobody says so much of a plugin.
const MOST_BYTES: usize = 1 << 20;

/// The flags of the descriptors that are open from the start.
pub(crate) type DescriptorFlags = [u16; 4];

/// What a baked module says of its making. Nothing of it is proven.
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
    /// What was granted to it.
    pub grants: Vec<String>,
    /// The fuel of its initialisation.
    pub fuel: u64,
    /// The flags that it gave its first descriptors.
    pub(crate) flags: DescriptorFlags,
    /// What it answered when it was asked what it is, by export.
    pub(crate) answers: BTreeMap<String, String>,
}

impl Baked {
    pub(crate) fn new(
        original: String,
        grants: Vec<String>,
        fuel: u64,
        flags: DescriptorFlags,
    ) -> Baked {
        Baked {
            format: FORMAT,
            original,
            tollgate: env!("CARGO_PKG_VERSION").to_owned(),
            engine: super::ENGINE.to_owned(),
            grants,
            fuel,
            flags,
            answers: BTreeMap::new(),
        }
    }

    /// Keeps an answer, if there is room for it; what is not kept can be asked for.
    pub(crate) fn keep(&mut self, export: &str, answer: String) {
        self.answers.insert(export.to_owned(), answer);
        if !self.fits() {
            self.answers.remove(export);
        }
    }

    /// Whether it will be read.
    pub(crate) fn fits(&self) -> bool {
        self.text().len() <= MOST_BYTES
    }

    /// What the first such section says, if it can be read.
    pub(super) fn find(sections: &[Section<'_>]) -> Option<Baked> {
        let content = sections.iter().find_map(content)?;
        if content.len() > MOST_BYTES {
            return None;
        }
        let baked: Baked = serde_json::from_slice(content).ok()?;
        (baked.format == FORMAT).then_some(baked)
    }

    /// Whether there is such a section, readable or not.
    pub(super) fn is_there(sections: &[Section<'_>]) -> bool {
        sections.iter().any(|section| content(section).is_some())
    }

    /// The content of a section that says all this.
    pub(super) fn section(&self) -> Vec<u8> {
        let mut section = Vec::new();
        push_name(&mut section, NAME.as_bytes());
        section.extend(self.text());
        section
    }

    fn text(&self) -> Vec<u8> {
        // Numbers and texts under texts can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn content<'a>(section: &Section<'a>) -> Option<&'a [u8]> {
    let mut reader = Reader(section.content);
    let is_it = section.id == id::CUSTOM && reader.name() == Some(NAME.as_bytes());
    is_it.then_some(reader.0)
}
