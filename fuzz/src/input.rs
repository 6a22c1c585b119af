//! The fuzzer's bytes, read from the front. What is missing reads as zero, so that every input
//! means something and an input cut short means the plainest thing.

/// A reader of the fuzzer's bytes.
#[derive(Clone, Debug, Default)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// The next number, little-endian.
    pub fn number<const N: usize>(&mut self) -> u64 {
        self.bytes(N)
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// The next bytes, or as many as there are.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes with their length before them, in two bytes.
    pub fn block(&mut self) -> &'a [u8] {
        let len = self.number::<2>();
        self.bytes(usize::try_from(len).unwrap_or(0))
    }

    /// Text with its length before it, in one byte.
    pub fn text(&mut self) -> String {
        let len = self.byte().into();
        String::from_utf8_lossy(self.bytes(len)).into_owned()
    }

    /// One of some things.
    pub fn choose<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[usize::from(self.byte()) % things.len()]
    }

    /// Text made of these words, one byte of input each.
    pub fn words(&mut self, words: &[&str], most: usize) -> String {
        let count = usize::from(self.byte()) % (most + 1);
        (0..count).map(|_| *self.choose(words)).collect()
    }
}
