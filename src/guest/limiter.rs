//! How much memory and how many table elements an instance gets. A refusal is first an ordinary
//! answer of `memory.grow` (-1), which a guest may handle; a guest that keeps asking is stopped.

use crate::{
    error::Fault,
    limits::{Limits, MemoryLimit, PAGE_BYTES},
    room,
};
use wasmi::errors::{MemoryError, TableError};
use wasmi_core::LimiterError;

/// So many refusals are answered with -1; the next one ends the call. A guest that handles a
/// refusal needs one or two, and one that loops would otherwise burn all its fuel on asking.
const POLITE_REFUSALS: u32 = 64;

/// So many tables an instance may have.
const MOST_TABLES: usize = 16;

/// Bytes of an element of a table, with what its growing takes.
const TABLE_ELEMENT: usize = 32;

pub(crate) struct Limiter {
    memory: MemoryLimit,
    table_elements: u32,
    /// About as many bytes as the engine holds for the memory.
    capacity: usize,
    /// The elements of all tables, which never shrink.
    elements: u64,
    /// So many of them are in the host's own table, and come on top of the limit.
    ours: u64,
    /// Bytes of the memory of instruments, which comes after the guest's and on top of its limit.
    notes: usize,
    /// How many memories there are.
    memories: usize,
    refusals: u32,
    /// The last thing refused.
    refused: Option<Fault>,
    /// Whether it was refused by ending the call.
    has_ended: bool,
}

impl Limiter {
    /// For an instance that has `ours` elements of the host's besides its own, and instruments with a
    /// memory of so many pages.
    pub(crate) fn new(memory: MemoryLimit, table_elements: u32, ours: u32, notes: u32) -> Limiter {
        Limiter {
            memory,
            table_elements,
            capacity: 0,
            elements: 0,
            ours: ours.into(),
            notes: usize::try_from(u64::from(notes) * PAGE_BYTES).unwrap_or(usize::MAX),
            memories: 0,
            refusals: 0,
            refused: None,
            has_ended: false,
        }
    }

    /// Another call begins with what the last one left.
    pub(crate) fn begin_call(&mut self, limits: &Limits) {
        self.memory = limits.memory;
        self.table_elements = limits.table_elements;
        self.refusals = 0;
        self.refused = None;
        self.has_ended = false;
    }

    /// Why the guest may have given up, if something was refused to it.
    pub(crate) fn refused(&self) -> Option<Fault> {
        self.refused.clone()
    }

    /// Why the call ends, if something was refused that ends it.
    pub(crate) fn ended(&self) -> Option<Fault> {
        self.refused.clone().filter(|_| self.has_ended)
    }

    /// Whether the memory may have so many bytes.
    pub(crate) fn allows_memory(&self, bytes: u64) -> bool {
        bytes <= self.memory.bytes()
    }

    /// Whether there may be so many more elements in tables.
    pub(crate) fn allows_elements(&self, more: u64) -> bool {
        let most = u64::from(self.table_elements).saturating_add(self.ours);
        self.elements.saturating_add(more) <= most
    }

    fn refuse(&mut self, fault: Fault) -> Result<bool, LimiterError> {
        self.refused = Some(fault);
        self.refusals += 1;
        if self.refusals > POLITE_REFUSALS {
            self.has_ended = true;
            return Err(LimiterError::ResourceLimiterDeniedAllocation);
        }
        Ok(false)
    }

    /// Real memory ran out. The guest must not see it: it would run differently on another day.
    fn host_out_of_memory(&mut self) -> Result<(), LimiterError> {
        self.refused = Some(Fault::HostOutOfMemory);
        self.has_ended = true;
        Err(LimiterError::ResourceLimiterDeniedAllocation)
    }
}

impl wasmi::ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        if current == 0 {
            self.memories += 1;
            if self.memories == 2 && self.notes > 0 && desired == self.notes {
                if room::check(desired).is_err() {
                    self.host_out_of_memory()?;
                }
                return Ok(true);
            }
        }
        if !self.allows_memory(desired as u64) {
            return self.refuse(Fault::OutOfMemory { limit: self.memory });
        }
        if desired > self.capacity {
            // The engine's list of bytes doubles. It reserves fallibly, but leaves nothing over.
            let capacity = self.capacity.saturating_mul(2).max(desired);
            if room::check(capacity - self.capacity).is_err() {
                self.host_out_of_memory()?;
            }
            self.capacity = capacity;
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        if self.allows_elements(more) {
            // The engine's list doubles, so it takes memory once between two powers of two.
            let takes = desired > current.checked_next_power_of_two().unwrap_or(0);
            if takes && room::check(desired.saturating_mul(TABLE_ELEMENT)).is_err() {
                self.host_out_of_memory()?;
            }
            // Whatever goes wrong from here on ends the call, and the instance with it.
            self.elements = self.elements.saturating_add(more);
            return Ok(true);
        }
        self.refuse(Fault::OutOfTable {
            limit: self.table_elements,
        })
    }

    fn memory_grow_failed(&mut self, error: &MemoryError) -> Result<(), LimiterError> {
        match error {
            MemoryError::OutOfSystemMemory => self.host_out_of_memory(),
            _ => Ok(()),
        }
    }

    fn table_grow_failed(&mut self, error: &TableError) -> Result<(), LimiterError> {
        match error {
            TableError::OutOfSystemMemory => self.host_out_of_memory(),
            _ => Ok(()),
        }
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        MOST_TABLES + usize::from(self.ours > 0) + usize::from(self.notes > 0)
    }

    fn memories(&self) -> usize {
        1 + usize::from(self.notes > 0)
    }
}
