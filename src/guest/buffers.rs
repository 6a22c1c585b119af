//! Buffers that the host asks a guest for and gives back: so that its heap has its size, and to see whether
//! it uses that memory again.

use super::Instance;
use crate::error::Error;
use tollgate_abi::names::export;
use wasmi::TypedFunc;

/// The size of a buffer, in bytes, and how many there are in each half.
const SIZE: u32 = 16 * 1024;
const BUFFERS: u32 = 1024;

impl Instance {
    /// Asks for a buffer of so many bytes, and gives it back.
    pub(crate) fn borrow_buffer(&mut self, bytes: u32) -> Result<(), Error> {
        let deallocate = self.function::<(i32, i32), ()>(export::DEALLOCATE, export::DEALLOCATE)?;
        self.borrow(deallocate, bytes.cast_signed())
    }

    /// Asks for buffers and gives them back, one after the other. By the second half, free lists
    /// are filled and collectors have run; a guest that still grows by half of what it is asked
    /// for does not use buffers again.
    pub(crate) fn reuses_buffers(&mut self) -> Result<bool, Error> {
        let deallocate = self.function::<(i32, i32), ()>(export::DEALLOCATE, export::DEALLOCATE)?;
        self.exercise(deallocate)?;
        let before = self.exports.memory.size(&self.store);
        self.exercise(deallocate)?;
        let grown = self.exports.memory.size(&self.store).saturating_sub(before);
        let asked = u64::from(SIZE) * u64::from(BUFFERS) / 65536;
        Ok(grown < asked / 2)
    }

    fn exercise(&mut self, deallocate: TypedFunc<(i32, i32), ()>) -> Result<(), Error> {
        for _ in 0..BUFFERS {
            self.borrow(deallocate, SIZE.cast_signed())?;
        }
        Ok(())
    }

    fn borrow(&mut self, deallocate: TypedFunc<(i32, i32), ()>, size: i32) -> Result<(), Error> {
        let allocated = super::run::call(&mut self.store, self.exports.allocate, size);
        let block = allocated.map_err(|stop| self.fail(export::ALLOCATE, stop))?;
        let freed = super::run::call(&mut self.store, deallocate, (block, size));
        freed.map_err(|stop| self.fail(export::DEALLOCATE, stop))
    }
}
