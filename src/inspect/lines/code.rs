//! Bytes and text of sections with debug information, and where the functions are that it is about.

use super::budget::{Budget, Stop};
use alloc::borrow::Cow;
use core::ops::Range;
use gimli::{EndianSlice, LittleEndian};

/// Bytes of a section.
pub(super) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Text of a section.
pub(super) fn text<'a>(bytes: Slice<'a>, budget: &mut Budget) -> Result<Cow<'a, str>, Stop> {
    budget.spend(bytes.len())?;
    Ok(bytes.to_string_lossy())
}

/// Where the functions are.
pub(super) struct Code<'a> {
    pub start: usize,
    pub bodies: &'a [Range<usize>],
}

impl Code<'_> {
    /// The addresses of the body that contains this one.
    pub(super) fn body(&self, address: u32) -> Option<Range<u32>> {
        let offset = self.start.checked_add(address as usize)?;
        let at = self.bodies.partition_point(|body| body.end <= offset);
        let body = self.bodies.get(at).filter(|body| body.contains(&offset))?;
        let address = |offset: usize| u32::try_from(offset.checked_sub(self.start)?).ok();
        Some(address(body.start)?..address(body.end)?)
    }
}
