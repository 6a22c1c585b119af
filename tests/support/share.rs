//! How much of a long run is done: all of it under `TOLLGATE_TESTS=all`, otherwise a tenth.

use std::env;

pub fn is_all() -> bool {
    env::var_os("TOLLGATE_TESTS").is_some_and(|value| value == "all")
}

/// How many of `all` rounds are run, for rounds that differ by chance or not at all.
pub fn tenth(all: u32) -> u32 {
    if is_all() { all } else { all.div_ceil(10) }
}

/// Which of the items are run: the first and every tenth after it, since neighbours are alike.
pub fn spread<T>(items: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    items.into_iter().step_by(if is_all() { 1 } else { 10 })
}
