//! Limits of a form of their own: fuel, which can be unlimited, memory in pages, and the two of a stack.

use super::PAGE_BYTES;
use crate::printable::counted;
use serde::{Deserialize, Serialize};

/// The most pages a 32-bit memory can have (4 GiB).
const MAX_PAGES: u32 = 65_536;

const PAGES_PER_MB: u32 = 16;

/// How much fuel a call may burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u64>", into = "Option<u64>")]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is a limit, or there is none"
)]
pub enum FuelLimit {
    /// So many units; 0 is refused when the runtime is built.
    Units(u64),
    /// No limit. A plugin that loops runs until the deadline, if there is one.
    Unlimited,
}

/// 100 000 000 000 units, see [`Limits::fuel`](crate::Limits::fuel).
impl Default for FuelLimit {
    fn default() -> FuelLimit {
        FuelLimit::Units(100_000_000_000)
    }
}

impl From<u64> for FuelLimit {
    fn from(units: u64) -> FuelLimit {
        FuelLimit::Units(units)
    }
}

impl From<Option<u64>> for FuelLimit {
    fn from(units: Option<u64>) -> FuelLimit {
        units.map_or(FuelLimit::Unlimited, FuelLimit::Units)
    }
}

impl From<FuelLimit> for Option<u64> {
    fn from(limit: FuelLimit) -> Option<u64> {
        match limit {
            FuelLimit::Units(units) => Some(units),
            FuelLimit::Unlimited => None,
        }
    }
}

impl FuelLimit {
    /// The units, with "unlimited" as the largest number.
    pub(crate) fn units(self) -> u64 {
        match self {
            FuelLimit::Units(units) => units,
            FuelLimit::Unlimited => u64::MAX,
        }
    }
}

/// How much linear memory an instance may have, in whole pages of 64 KiB.
///
/// ```
/// use tollgate::MemoryLimit;
///
/// assert_eq!(MemoryLimit::from_megabytes(100)?.pages(), 1600);
/// assert_eq!(MemoryLimit::default(), MemoryLimit::from_megabytes(256)?);
/// assert_eq!(MemoryLimit::UNLIMITED, MemoryLimit::from_megabytes(4096)?); // all that 32 bits reach
/// assert!(MemoryLimit::from_megabytes(0).is_err());
/// assert!(MemoryLimit::from_megabytes(4097).is_err());
/// # Ok::<(), tollgate::InvalidMemoryLimit>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Pages", into = "Pages")]
pub struct MemoryLimit {
    pages: u32,
}

/// A memory limit as JSON, which may have any number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    pages: u32,
}

impl From<Pages> for MemoryLimit {
    fn from(Pages { pages }: Pages) -> MemoryLimit {
        MemoryLimit::from_pages(pages)
    }
}

impl From<MemoryLimit> for Pages {
    fn from(MemoryLimit { pages }: MemoryLimit) -> Pages {
        Pages { pages }
    }
}

impl MemoryLimit {
    /// All that a 32-bit memory can have: 4 GiB.
    pub const UNLIMITED: MemoryLimit = MemoryLimit { pages: MAX_PAGES };

    /// A limit of `pages` pages of 64 KiB; more than 65 536 is the same as unlimited.
    #[must_use]
    pub const fn from_pages(pages: u32) -> MemoryLimit {
        MemoryLimit {
            pages: if pages > MAX_PAGES { MAX_PAGES } else { pages },
        }
    }

    /// A limit of 1 to 4096 megabytes.
    ///
    /// # Errors
    ///
    /// Any other number.
    pub fn from_megabytes(megabytes: u32) -> Result<MemoryLimit, InvalidMemoryLimit> {
        match megabytes {
            1..=4096 => Ok(MemoryLimit::from_pages(megabytes * PAGES_PER_MB)),
            _ => Err(InvalidMemoryLimit { megabytes }),
        }
    }

    /// The limit in pages of 64 KiB.
    #[must_use]
    pub const fn pages(self) -> u32 {
        self.pages
    }

    pub(crate) fn bytes(self) -> u64 {
        u64::from(self.pages) * PAGE_BYTES
    }
}

/// 256 MB.
impl Default for MemoryLimit {
    fn default() -> MemoryLimit {
        MemoryLimit {
            pages: 256 * PAGES_PER_MB,
        }
    }
}

impl core::fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.pages.is_multiple_of(PAGES_PER_MB) {
            write!(f, "{} MB", self.pages / PAGES_PER_MB)
        } else {
            write!(f, "{}", counted(self.pages, "page"))
        }
    }
}

/// A number of megabytes that is no memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid WASM memory limit: {megabytes} MB (must be from 1 to 4096 MB)")]
#[non_exhaustive]
pub struct InvalidMemoryLimit {
    /// The number.
    pub megabytes: u32,
}

limits! {
    /// How deep the guest may call. The guest's stack lives on the heap, so these bound memory; the
    /// host's own stack is never at stake.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct StackLimit {
        /// Nested calls. Default: 65 536; Go plugins need more than the engine's own default of 1 000.
        frames: u32 = 65_536, in "frames";
        /// Bytes of values on the stack. Default: 16 MiB.
        bytes: u32 = 16 << 20, in "bytes";
    }
}
