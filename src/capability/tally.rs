//! How many capabilities one plugin may declare and one grants file may contain. They are counted
//! before they are parsed; counting costs time in proportion to the bytes of the file.

use core::fmt;
use serde::Serialize;

use super::glob::wild_bytes;

/// The limits of one place where capabilities are written.
#[derive(Debug, PartialEq, Eq)]
struct CapabilityLimits {
    /// Capabilities. Each pattern of the structured v2 form counts as one; each host counts once for
    /// each rule, and each key of a store once for each operation.
    capabilities: usize,
    /// Capabilities with a wildcard or a brace in them.
    globs: usize,
    /// The bytes after the first wildcard of each, which are compared with a request character by
    /// character. They count from the start of the path part that contains the wildcard.
    wild_bytes: usize,
    /// The bytes of all capabilities.
    bytes: usize,
    /// What the error message advises.
    advice: &'static str,
}

/// The limits of what one plugin declares.
const OF_PLUGIN: CapabilityLimits = CapabilityLimits {
    capabilities: 1000,
    globs: 256,
    wild_bytes: 32 << 10,
    bytes: 32 << 10,
    advice: "a plugin should declare fewer and wider ones",
};

/// The limits of one grants file, for all plugins together.
const OF_FILE: CapabilityLimits = CapabilityLimits {
    capabilities: 10_000,
    globs: 1000,
    wild_bytes: 64 << 10,
    bytes: 1 << 20,
    advice: "grant fewer and wider ones",
};

/// A plugin declares too many capabilities, or a grants file contains too many.
///
/// A plugin may declare 1000 capabilities in 32 KiB of text; 256 of them may contain wildcards or
/// braces. A grants file may contain 10 000 in 1 MiB; 1000 of them may contain wildcards or braces,
/// with at most 64 KiB from the path part with the first wildcard on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TooManyCapabilities {
    what: &'static str,
    found: usize,
    limit: usize,
    advice: &'static str,
}

impl TooManyCapabilities {
    /// How many there are.
    #[must_use]
    pub fn found(&self) -> usize {
        self.found
    }

    /// How many are allowed.
    #[must_use]
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

impl core::error::Error for TooManyCapabilities {}

/// A count of capabilities, and its limits.
#[derive(Debug)]
pub(super) struct Tally {
    limits: &'static CapabilityLimits,
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

    fn new(limits: &'static CapabilityLimits) -> Tally {
        Tally {
            limits,
            capabilities: 0,
            globs: 0,
            wild_bytes: 0,
            bytes: 0,
        }
    }

    /// Counts one capability with this pattern and `extra` further bytes.
    pub(super) fn add(&mut self, pattern: &str, extra: usize) {
        self.capabilities = self.capabilities.saturating_add(1);
        let wild = wild_bytes(pattern);
        self.globs = self.globs.saturating_add((wild > 0).into());
        self.wild_bytes = self.wild_bytes.saturating_add(wild);
        let bytes = pattern.len().saturating_add(extra);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Reports the first count that is above its limit.
    pub(super) fn check(&self) -> Result<(), TooManyCapabilities> {
        let CapabilityLimits { advice, .. } = *self.limits;
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

/// Checks how many capabilities a plugin declares.
pub(crate) fn check_declared(
    declared: &[tollgate_abi::Capability],
) -> Result<(), TooManyCapabilities> {
    let mut tally = Tally::of_plugin();
    for capability in declared {
        tally.add(&capability.pattern, capability.kind.len());
    }
    tally.check()
}
