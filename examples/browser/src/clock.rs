//! The clock of deadlines: `performance.now()` of the page. The standard library's panics in a browser.

use std::time::Duration;

#[cfg(target_arch = "wasm32")]
pub(crate) fn now() -> Duration {
    #[link(wasm_import_module = "page")]
    unsafe extern "C" {
        /// Milliseconds since the page was opened.
        safe fn now() -> f64;
    }
    Duration::try_from_secs_f64(now() / 1000.0).unwrap_or_default()
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn now() -> Duration {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
