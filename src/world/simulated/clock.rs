//! Clocks that advance only when they are read, at sleeps and with answers, and random numbers from a
//! seed.

use crate::effect::Clock;
use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;
use tollgate_abi::rfc3339::Moment;

const SECOND: u128 = 1_000_000_000;

/// Both clocks, which advance together.
#[derive(Clone, Debug)]
pub(super) struct Time {
    /// The first time of the real-time clock.
    pub(super) start: Moment,
    /// How much passes at each reading.
    pub(super) step: Duration,
    /// How much has passed.
    elapsed: Duration,
}

impl Time {
    pub(super) fn new(start: Moment, step: Duration) -> Time {
        Time {
            start,
            step,
            elapsed: Duration::ZERO,
        }
    }

    /// Reads a clock in nanoseconds and advances it by the step.
    pub(super) fn read(&mut self, clock: Clock) -> u64 {
        let nanos = match clock {
            Clock::Realtime => {
                let Moment { seconds, nanos } = self.present();
                let seconds = u128::try_from(seconds).unwrap_or(0);
                seconds * SECOND + u128::from(nanos)
            }
            // Some guests interpret the time 0 as "never".
            Clock::Monotonic => SECOND + self.elapsed.as_nanos(),
        };
        self.pass(self.step);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.elapsed = self.elapsed.saturating_add(time);
    }

    /// The present time, without advancing it.
    pub(super) fn present(&self) -> Moment {
        let nanos = u128::from(self.start.nanos) + self.elapsed.as_nanos();
        let passed = i64::try_from(nanos / SECOND).unwrap_or(i64::MAX);
        Moment {
            seconds: self.start.seconds.saturating_add(passed),
            nanos: u32::try_from(nanos % SECOND).unwrap_or(0),
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014), which is not for secrets. Chosen bytes may precede its own.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    state: u64,
    chosen: Arc<[u8]>,
    /// How many of the chosen bytes were returned.
    taken: usize,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Generator {
        Generator {
            state: seed,
            chosen: Arc::default(),
            taken: 0,
        }
    }

    /// Returns these bytes before all others.
    pub(super) fn choose(&mut self, bytes: Vec<u8>) {
        (self.chosen, self.taken) = (bytes.into(), 0);
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Random bytes: the chosen ones, then those of each number in little-endian order. The rest of the last
    /// number is discarded.
    pub(super) fn bytes(&mut self, length: u32) -> Vec<u8> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(self.chosen.iter().skip(self.taken).take(length));
        self.taken += bytes.len();
        while bytes.len() < length {
            let number = self.next().to_le_bytes();
            let wanted = number.len().min(length - bytes.len());
            bytes.extend(number.iter().take(wanted));
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_splitmix64() {
        // The first outputs for the seed 1234567, as published with the generator.
        let mut generator = Generator::new(1_234_567);
        let published = [
            6_457_827_717_110_365_317_u64,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        for number in published {
            assert_eq!(generator.next(), number);
        }
        let mut again = Generator::new(1_234_567);
        let bytes = again.bytes(12);
        assert_eq!(bytes[..8], published[0].to_le_bytes());
        assert_eq!(bytes[8..], published[1].to_le_bytes()[..4]);
        assert_eq!(again.next(), published[2]);
    }

    #[test]
    fn chosen_bytes_come_first() {
        let mut generator = Generator::new(1_234_567);
        generator.choose(b"abcde".to_vec());
        assert_eq!(generator.bytes(2), b"ab");
        let bytes = generator.bytes(5);
        assert_eq!(bytes[..3], *b"cde");
        assert_eq!(bytes[3..], Generator::new(1_234_567).bytes(2));
    }

    #[test]
    fn both_clocks_advance_together() {
        let start = Moment {
            seconds: 1_000,
            nanos: 999_999_999,
        };
        let mut time = Time::new(start, Duration::from_nanos(2));
        assert_eq!(time.read(Clock::Realtime), 1_000_999_999_999);
        assert_eq!(time.read(Clock::Monotonic), 1_000_000_002);
        assert_eq!(time.read(Clock::Realtime), 1_001_000_000_003);
        time.pass(Duration::from_secs(5));
        assert_eq!(time.read(Clock::Monotonic), 6_000_000_006);
        time.pass(Duration::MAX);
        assert_eq!(time.read(Clock::Realtime), u64::MAX);
    }
}
