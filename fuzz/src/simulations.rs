//! Worlds in memory: read from any JSON, and used by calls of both dialects. Each run in one is the
//! same, and a recording of it plays to the same end.

use crate::{
    driver,
    host_calls::mixed,
    input::Input,
    run::{builder, checked},
    transcripts::replays_the_same,
    world::{Seen, simulated},
};
use tollgate::{Config, world::Simulated};

/// The first block of the input is a world, the rest is what is done in it.
pub fn simulated_worlds(data: &[u8]) {
    let mut input = Input(data);
    let text = String::from_utf8_lossy(input.block());
    let world = match Simulated::from_json(&text) {
        Ok(world) => world,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            simulated()
        }
    };
    let (calls, memory, _) = mixed(input.0);
    let module = driver::plugin(&calls, &memory);
    let runtime = builder(&[], &Seen::default()).world(move || world.clone());
    let runtime = runtime.build().expect("these options can be");
    let plugin = runtime
        .load("fuzzed", &module)
        .expect("the driver is a plugin");
    let config = Config::new().set("path", "x");
    let first = checked(plugin.observe(&config));
    assert_eq!(first, checked(plugin.observe(&config)));
    replays_the_same(&plugin, &module, &config, &first);
}
