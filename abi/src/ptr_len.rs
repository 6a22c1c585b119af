//! A pointer and a length packed into one 64-bit value, the only thing that crosses the boundary
//! besides linear memory itself.

use core::fmt;

/// A range of guest memory: `ptr << 32 | len`, both unsigned.
///
/// Packed 0 means "nothing". Pointer 0 with a length above 0 is invalid: guests return it when they
/// lose an error.
///
/// ```
/// use tollgate_abi::PtrLen;
///
/// let range = PtrLen::new(0x1234_5678, 0xABCD_EF00)?;
/// assert_eq!(range.pack(), 0x1234_5678_ABCD_EF00);
/// assert_eq!(PtrLen::unpack(range.pack()), Ok(range));
/// assert!(PtrLen::new(0, 100).is_err());
/// # Ok::<(), tollgate_abi::NullPointer>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PtrLen {
    ptr: u32,
    len: u32,
}

/// A packed value with pointer 0 and a length above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NullPointer {
    /// The length that came with the null pointer, in bytes.
    pub len: u32,
}

impl fmt::Display for NullPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "null pointer with a length of {} bytes", self.len)
    }
}

impl core::error::Error for NullPointer {}

impl PtrLen {
    /// The value 0: no bytes at all.
    pub const NOTHING: PtrLen = PtrLen { ptr: 0, len: 0 };

    /// Creates the range of `len` bytes at `ptr`.
    ///
    /// # Errors
    ///
    /// [`NullPointer`] if `ptr` is 0 and `len` is not.
    pub const fn new(ptr: u32, len: u32) -> Result<PtrLen, NullPointer> {
        if ptr == 0 && len > 0 {
            return Err(NullPointer { len });
        }
        Ok(PtrLen { ptr, len })
    }

    /// Splits a packed value. Never sign-extends: pointers above 2 GiB have the top bit set.
    ///
    /// # Errors
    ///
    /// [`NullPointer`] if the pointer is 0 and the length is not.
    pub const fn unpack(packed: u64) -> Result<PtrLen, NullPointer> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the lower half is the length"
        )]
        PtrLen::new((packed >> 32) as u32, packed as u32)
    }

    /// The packed form, `ptr << 32 | len`.
    pub const fn pack(self) -> u64 {
        (self.ptr as u64) << 32 | self.len as u64
    }

    /// Where the range begins, in bytes from the start of linear memory.
    pub const fn ptr(self) -> u32 {
        self.ptr
    }

    /// How long the range is, in bytes.
    pub const fn len(self) -> u32 {
        self.len
    }

    /// Whether the range holds no bytes.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_bits_are_not_sign_extended() {
        for (ptr, len) in [
            (0, 0),
            (1, 1),
            (1, 0),
            (0x8000_0000, 0x8000_0000),
            (u32::MAX, u32::MAX),
        ] {
            let range = PtrLen::new(ptr, len).unwrap();
            assert_eq!(PtrLen::unpack(range.pack()), Ok(range));
            assert_eq!((range.ptr(), range.len()), (ptr, len));
        }
    }

    #[test]
    fn a_null_pointer_with_a_length_is_refused_both_ways() {
        assert_eq!(PtrLen::new(0, 100), Err(NullPointer { len: 100 }));
        assert_eq!(PtrLen::unpack(1), Err(NullPointer { len: 1 }));
        assert_eq!(PtrLen::unpack(0), Ok(PtrLen::NOTHING));
    }
}
