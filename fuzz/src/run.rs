//! How every target runs plugins: small limits, the made-up world, and what may never come of it.

use crate::world::{GRANTS, MadeUp, Seen};
use tollgate::{
    Config, Error, Fault, HostCall, HostError, Limits, MemoryLimit, ModuleCache, Observation,
    Runtime, RuntimeBuilder, StackLimit,
};

/// Fuel of one call, and of one initialisation. Random code either ends soon or never.
const FUEL: u64 = 300_000;
/// Pages of memory.
const PAGES: u32 = 64;

/// Small enough that no input takes long, and no deadline, which would make runs differ.
pub fn limits() -> Limits {
    Limits {
        fuel: FUEL.into(),
        memory: MemoryLimit::from_pages(PAGES),
        table_elements: 10_000,
        stack: StackLimit {
            frames: 2_000,
            bytes: 1 << 20,
        },
        result_bytes: 1 << 20,
        request_bytes: 1 << 16,
        reply_bytes: 1 << 14,
        log_lines: 20,
        ..Limits::default()
    }
}

/// Options of a runtime whose plugins live in a world made up out of `replies`.
pub fn builder(replies: &[u8], seen: &Seen) -> RuntimeBuilder {
    let (replies, seen) = (replies.to_vec(), seen.clone());
    let get = |key: String, _: &HostCall<'_>| match key.is_empty() {
        true => Err(HostError::new("kv", "an empty key")),
        false => Ok(key),
    };
    let mut builder = Runtime::builder()
        .limits(limits())
        .module_cache(ModuleCache::new())
        .host_function("kv", "get", "kv", get)
        .on_event(|_, _| {})
        .audit()
        .world(move || MadeUp::new(&replies, &seen));
    for grant in GRANTS {
        builder = builder.grant("fuzzed", grant.parse().expect("grants are well-formed"));
    }
    builder
}

/// The runtime of [`builder`].
pub fn runtime(replies: &[u8], seen: &Seen) -> Runtime {
    builder(replies, seen)
        .build()
        .expect("these options can be")
}

/// Observes with an empty config. The gate's own faults and the engine's are no way to end.
pub fn observe(plugin: &tollgate::Plugin) -> Result<Observation, String> {
    checked(plugin.observe(&Config::new().set("path", "x")))
}

/// An outcome as text, having checked that it is none of those that only a mistake of ours gives.
pub fn checked<T>(outcome: Result<T, Error>) -> Result<T, String> {
    outcome.map_err(|error| {
        let text = error.report();
        if let Error::Fault {
            fault: Fault::Host(problem),
            ..
        } = &error
        {
            assert!(!problem.as_str().contains("panicked"), "{text}");
        }
        if let Some(usage) = error.usage() {
            // An exact toll may overdraw by nothing at all.
            assert!(usage.fuel <= FUEL, "{text}: {usage:?}");
            assert!(
                usage.peak_memory_pages <= u64::from(PAGES),
                "{text}: {usage:?}"
            );
        }
        text
    })
}
