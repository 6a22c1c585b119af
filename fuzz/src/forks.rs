//! Calls that begin in a copy of what initialisation left, against calls that are initialised
//! themselves: nobody can tell them apart.

use crate::{
    modules::smith,
    run::{builder, checked},
    world::{Seen, simulated},
};
use tollgate::{Config, Error, ForkPolicy, ModuleCache, Plugin, Runtime};

/// Random code with every import, in a world that is the same each time: initialised for each
/// call, forked into new instances, and forked into instances used before.
pub fn forks(data: &[u8]) {
    let Some((module, _)) = smith(data) else {
        return;
    };
    let load = |policy, idle| -> Option<Plugin> {
        let runtime: Runtime = builder(&[], &Seen::default())
            .module_cache(ModuleCache::new())
            .world(simulated)
            .fork_policy(policy)
            .idle_instances(idle)
            .build()
            .expect("these options can be");
        runtime.load("fuzzed", &module).ok()
    };
    let Some(cold) = load(ForkPolicy::Never, 0) else {
        return;
    };
    let copied = load(ForkPolicy::WhenPossible, 0).expect("it was loaded before");
    let revived = load(ForkPolicy::WhenPossible, 2).expect("it was loaded before");
    let configs = [
        Config::new(),
        Config::new().set("path", "/data/a"),
        Config::new(),
    ];
    for config in &configs {
        let expected = outcome(&cold, config);
        assert_eq!(outcome(&copied, config), expected);
        assert_eq!(outcome(&revived, config), expected);
    }
    memories(&cold, &copied, &configs);
}

/// What came of a call and what it used, also where it failed.
fn outcome(plugin: &Plugin, config: &Config) -> impl PartialEq + std::fmt::Debug {
    let outcome = plugin.observe(config);
    let usage = outcome
        .as_ref()
        .map_or_else(Error::usage, |seen| Some(&seen.usage));
    let usage = usage.copied();
    let init = checked(plugin.init_usage());
    (checked(outcome).map(|seen| seen.evidence), usage, init)
}

/// In the caller's own hands: calls, resets and forks leave the same memory as new instances do.
fn memories(cold: &Plugin, copied: &Plugin, configs: &[Config]) {
    let (Ok(mut one), Ok(mut other)) = (copied.instance(), cold.instance()) else {
        return;
    };
    for config in configs {
        assert!(
            one.memory() == other.memory(),
            "memories differ before a call"
        );
        let config = tollgate::abi::to_json(config.values());
        let results = (
            checked(one.observe_bytes(&config)),
            checked(other.observe_bytes(&config)),
        );
        assert_eq!(results.0, results.1);
        assert_eq!(one.usage(), other.usage());
        assert!(
            one.memory() == other.memory(),
            "memories differ after a call"
        );
        if one.reset().is_err() || other.reset().is_err() {
            return;
        }
    }
}
