//! How many capabilities one plugin may declare and one grants file may hold. All are counted
//! before any is read, and every count is proportional to the bytes written.

use std::fmt;

use super::glob::wild_bytes;

/// How much may be written down in one place.
#[derive(Debug, PartialEq, Eq)]
struct Limits {
    /// Capabilities. Each pattern of the structured v2 form is one, hosts and keys of a store one
    /// for each rule and operation.
    capabilities: usize,
    /// Capabilities with a wildcard or a brace in them.
    globs: usize,
    /// The bytes from the part with the first wildcard on, in all of them: what is compared with a
    /// request character by character.
    wild_bytes: usize,
    /// The bytes of all of them.
    bytes: usize,
    /// What to do instead.
    advice: &'static str,
}

/// What one plugin may declare.
const OF_PLUGIN: Limits = Limits {
    capabilities: 1000,
    globs: 256,
    wild_bytes: 32 << 10,
    bytes: 32 << 10,
    advice: "a plugin should declare fewer and wider ones",
};

/// What one grants file may hold, for all plugins.
const OF_FILE: Limits = Limits {
    capabilities: 10_000,
    globs: 1000,
    wild_bytes: 64 << 10,
    bytes: 1 << 20,
    advice: "grant fewer and wider ones",
};

/// More capabilities than one plugin may declare, or one grants file may hold.
///
/// A plugin may declare 1000 capabilities, 256 of them with wildcards or braces, in 32 KiB of text
/// together; a grants file may hold 10 000, 1000 of them with wildcards or braces, in 1 MiB, of which
/// 64 KiB from the part of a pattern with its first wildcard on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooManyCapabilities {
    what: &'static str,
    found: usize,
    limit: usize,
    advice: &'static str,
}

impl TooManyCapabilities {
    /// How many there are.
    pub fn found(&self) -> usize {
        self.found
    }

    /// How many there may be.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for TooManyCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooManyCapabilities {
            what,
            found,
            limit,
            advice,
        } = self;
        write!(
            f,
            "{found} {what}, more than the limit of {limit}; {advice}"
        )
    }
}

impl std::error::Error for TooManyCapabilities {}

/// A running count.
#[derive(Debug)]
pub(super) struct Tally {
    limits: &'static Limits,
    capabilities: usize,
    globs: usize,
    wild_bytes: usize,
    bytes: usize,
}

impl Tally {
    pub(super) fn of_plugin() -> Tally {
        Tally::new(&OF_PLUGIN)
    }

    pub(super) fn of_file() -> Tally {
        Tally::new(&OF_FILE)
    }

    fn new(limits: &'static Limits) -> Tally {
        Tally {
            limits,
            capabilities: 0,
            globs: 0,
            wild_bytes: 0,
            bytes: 0,
        }
    }

    /// Counts one capability with this pattern, and this many further bytes.
    pub(super) fn add(&mut self, pattern: &str, beside: usize) {
        self.capabilities = self.capabilities.saturating_add(1);
        let wild = wild_bytes(pattern);
        self.globs = self.globs.saturating_add((wild > 0).into());
        self.wild_bytes = self.wild_bytes.saturating_add(wild);
        let bytes = pattern.len().saturating_add(beside);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// # Errors
    ///
    /// The first of the counts that is above its limit.
    pub(super) fn check(&self) -> Result<(), TooManyCapabilities> {
        let Limits { advice, .. } = *self.limits;
        [
            ("capabilities", self.capabilities, self.limits.capabilities),
            (
                "capabilities with wildcards or braces",
                self.globs,
                self.limits.globs,
            ),
            ("bytes of capabilities", self.bytes, self.limits.bytes),
            (
                "bytes from wildcards on",
                self.wild_bytes,
                self.limits.wild_bytes,
            ),
        ]
        .into_iter()
        .find(|(_, found, limit)| found > limit)
        .map_or(Ok(()), |(what, found, limit)| {
            Err(TooManyCapabilities {
                what,
                found,
                limit,
                advice,
            })
        })
    }
}

/// Whether one plugin may declare so much.
pub(crate) fn check_declared(
    declared: &[tollgate_abi::Capability],
) -> Result<(), TooManyCapabilities> {
    let mut tally = Tally::of_plugin();
    for capability in declared {
        tally.add(&capability.pattern, capability.kind.len());
    }
    tally.check()
}
