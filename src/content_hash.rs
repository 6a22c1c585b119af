//! A fast hash of bytes under a key, for finding equal contents, which are compared after that. It is no digest: who
//! knows the key can make two contents with one hash.

/// The keys of a hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys([u64; 2]);

impl Default for Keys {
    /// The same in every process.
    fn default() -> Keys {
        Keys([0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03])
    }
}

impl Keys {
    /// Keys that nobody outside of this process knows; without `std` there is no randomness, and they are the same
    /// in every process.
    #[cfg(feature = "std")]
    pub(crate) fn random() -> Keys {
        use core::hash::BuildHasher as _;
        let random = std::hash::RandomState::new();
        Keys([random.hash_one(0u8), random.hash_one(1u8)])
    }

    #[cfg(not(feature = "std"))]
    pub(crate) fn random() -> Keys {
        Keys::default()
    }

    /// Hashes bytes, 16 at a time: the standard library's hash takes 1 % of loading a Go program more.
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        let (pairs, rest) = bytes.as_chunks::<16>();
        let mut last = [0; 16];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        // With the length, a padded end differs from zeros.
        let length = u128::from(bytes.len() as u64).to_le_bytes();
        let [mut state, key] = self.0;
        for pair in pairs.iter().chain([&last, &length]) {
            let (low, high) = halves(u128::from_le_bytes(*pair));
            let (low, high) = halves(u128::from(low ^ state) * u128::from(high ^ key));
            state = low ^ high;
        }
        state
    }
}

/// The lower and the upper half of a number.
#[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
fn halves(number: u128) -> (u64, u64) {
    (number as u64, (number >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_byte_and_the_length_change_the_hash() {
        let keys = Keys::random();
        let bytes = [0u8; 100];
        let hash = keys.hash(&bytes);
        assert_eq!(keys.hash(&bytes), hash);
        for at in 0..bytes.len() {
            let mut other = bytes;
            other[at] = 1;
            assert_ne!(keys.hash(&other), hash, "{at}");
            assert_ne!(keys.hash(&bytes[..at]), hash, "{at}");
        }
    }
}
