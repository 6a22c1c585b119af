//! Time of the processor, of which other programs on the machine take nothing.

use rustix::time::{ClockId, clock_gettime};
use std::{hint::black_box, time::Duration};

/// Enough for a minimum.
const MOST: u32 = 200;
const FEWEST: u32 = 5;
/// Not more than about so long for a program.
const BUDGET: Duration = Duration::from_secs(2);

/// The processor time that this process has used.
fn processor() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

/// The fastest of several runs.
#[derive(Default)]
pub struct Fastest {
    fastest: Option<Duration>,
    runs: u32,
    total: Duration,
}

impl Fastest {
    pub fn measure<T>(&mut self, work: impl FnOnce() -> T) {
        let start = processor();
        black_box(work());
        let time = processor() - start;
        self.fastest = Some(self.fastest.map_or(time, |fastest| fastest.min(time)));
        self.runs += 1;
        self.total += time;
    }

    pub fn wants_more(&self) -> bool {
        self.runs < FEWEST || (self.runs < MOST && self.total < BUDGET)
    }

    pub fn seconds(&self) -> f64 {
        self.fastest.expect("it was measured").as_secs_f64()
    }
}
