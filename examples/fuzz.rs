//! Calls a plugin with random configs, in one instance that is reset in between. It needs no fuzzer;
//! with a fuzzer, the body of the loop is the harness (see `tollgate::Instance`).
//!
//! `cargo run --release --example fuzz -- 100000`

use std::{collections::BTreeMap, time::Instant};
use tollgate::{Error, Runtime, world::Simulated};

const FILE: &[u8] = include_bytes!("../fixtures/file/file.wasm");
const SEEDS: [&[u8]; 3] = [
    br#"{"path":"/etc/motd","hash":true}"#,
    br#"{"path":"/etc/../etc/./motd","read_content":true}"#,
    br#"{"path":null,"hash":"yes","more":[1,2.5e3,"\u00e4"]}"#,
];

/// SplitMix64, so that a run can be repeated.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) as usize >> 8
}

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let world = Simulated::new().file("/etc/motd", "hello\n");
    let runtime = Runtime::deterministic(1)
        .world(move || world.clone())
        .grant("file", "fs:read:/etc/**".parse()?)
        .fuel(50_000_000)
        .build()?;
    let mut instance = runtime.load("file", FILE)?.instance()?;
    // Its heap grows once, and not in each round.
    instance.warm_up(64 * 1024)?;

    let mut random = 42;
    let mut ended = BTreeMap::<&str, usize>::new();
    let start = Instant::now();
    for _ in 0..rounds.unwrap_or(300) {
        let mut config = SEEDS[next(&mut random) % SEEDS.len()].to_vec();
        for _ in 0..next(&mut random) % 4 {
            let at = next(&mut random) % config.len();
            config[at] = next(&mut random) as u8;
        }
        let how = match instance.observe_bytes(&config) {
            Ok(answer) if answer.starts_with(b"{") => "answered",
            Err(Error::Fault { .. } | Error::Protocol { .. }) | Ok(_) => {
                return Err(format!("a finding: {:?}", config.escape_ascii().to_string()).into());
            }
            Err(error) => return Err(error.into()),
        };
        *ended.entry(how).or_default() += 1;
        instance.reset()?;
    }
    println!("{ended:?} in {:?}", start.elapsed());
    Ok(())
}
