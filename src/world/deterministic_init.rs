//! The world in which a plugin is initialised: clocks that advance by a fixed step, random bytes from
//! a seed, and another world for everything else. So an initialisation is the same on every day.

use super::World;
use crate::{
    effect::{Answer, Clock, Effect, Refusal},
    gate::{Checkpoint, Permitted},
};
use alloc::{boxed::Box, string::String, vec::Vec};
use tollgate_abi::sha256;

/// 2026-01-01T00:00:00Z, in nanoseconds.
const EPOCH: u64 = 1_767_225_600_000_000_000;

/// Where the monotonic clock begins, in nanoseconds: before that of any process, so that the clock
/// that a baked plugin sees later does not seem to run backwards.
const START: u64 = 1_000_000;

/// How much time passes with each reading, in nanoseconds.
const STEP: u64 = 1_000;

/// The most readings that advance the clocks, which so advance by less than half a second.
const MOST_STEPS: u64 = 400_000;

/// A world with deterministic clocks and random bytes.
pub(crate) struct DeterministicInit {
    inner: Box<dyn World>,
    seed: u64,
    readings: u64,
    drawn: u64,
}

impl DeterministicInit {
    pub(crate) fn new(inner: Box<dyn World>, seed: u64) -> DeterministicInit {
        DeterministicInit {
            inner,
            seed,
            readings: 0,
            drawn: 0,
        }
    }

    fn read(&mut self, clock: Clock) -> u64 {
        self.readings = self.readings.saturating_add(1).min(MOST_STEPS);
        let passed = self.readings * STEP;
        match clock {
            Clock::Realtime => EPOCH + passed,
            Clock::Monotonic => START + passed,
        }
    }

    /// SHA-256 of the seed and a counter, block by block.
    fn draw(&mut self, length: u32) -> Vec<u8> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let mut block = [0; 16];
            block[..8].copy_from_slice(&self.seed.to_le_bytes());
            block[8..].copy_from_slice(&self.drawn.to_le_bytes());
            self.drawn = self.drawn.wrapping_add(1);
            bytes.extend_from_slice(&sha256::digest(&block));
        }
        bytes.truncate(length);
        bytes
    }
}

impl World for DeterministicInit {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let answer = match effect {
            Effect::Now { clock } => Answer::Time(self.read(*clock)),
            Effect::Random { length } => Answer::Bytes(self.draw(*length)),
            _ => return self.inner.perform(effect, gate),
        };
        Ok(gate.granted()?.answer(answer))
    }

    fn fork(&self) -> Option<Box<dyn World>> {
        Some(Box::new(DeterministicInit {
            inner: self.inner.fork()?,
            ..*self
        }))
    }

    fn real_name(&self, path: &str) -> Option<String> {
        self.inner.real_name(path)
    }

    fn working_directory(&self) -> String {
        self.inner.working_directory()
    }
}
