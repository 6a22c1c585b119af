//! The plugins that only compute, which fuel and time are measured with, do the work that they claim:
//! their results are those of the same work in Rust.

use regex::bytes::Regex;
use serde_json::{Value, json};
use tollgate::{Config, Plugin, Runtime};

fn load(name: &str) -> Plugin {
    let module = std::fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap();
    Runtime::new().unwrap().load(name, module).unwrap()
}

fn data(plugin: &Plugin, config: Value) -> Value {
    let seen = plugin
        .observe(&Config::try_from(config.clone()).unwrap())
        .unwrap();
    assert!(seen.evidence.status, "{config}: {:?}", seen.evidence.error);
    Value::Object(seen.evidence.data)
}

#[test]
fn the_interpreter_runs_its_programs() {
    let plugin = load("interpreter");
    let result = |program: &str, turns: u32| {
        data(&plugin, json!({"program": program, "turns": turns}))["result"].clone()
    };
    let steps = |mut number: u32| {
        let mut steps = 0;
        while number > 1 {
            number = if number & 1 == 0 {
                number >> 1
            } else {
                3 * number + 1
            };
            steps += 1;
        }
        steps
    };
    assert_eq!(result("collatz", 200), (1..=200).map(steps).sum::<u32>());
    // The primes below 65 536.
    assert_eq!(result("sieve", 1), 6542);
    let mut hash = 2_166_136_261_u32;
    for _ in 0..2 {
        let mut text = [0; 4096];
        for byte in &mut text {
            hash = hash.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = u8::try_from((hash >> 24) % 26).unwrap() + b'a';
        }
        for byte in text {
            hash = (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
        }
    }
    assert_eq!(result("hash", 2), hash);
    let unknown = Config::new().set("program", "none").set("turns", 1);
    assert!(!plugin.observe(&unknown).unwrap().evidence.status);
}

/// A line of the matcher's log.
fn line(number: u32) -> String {
    let levels = ["DEBUG", "INFO", "WARNING", "ERROR"];
    let words = [
        "opened",
        "closed",
        "user@example.org",
        "10.0.0.17",
        "timeout",
        "retry",
        "/var/log/syslog",
        "id=48151",
        "connection",
        "refused",
    ];
    let mut random = number.wrapping_mul(2_654_435_761);
    let mut line = format!(
        "2026-11-{}T12:34:56Z {}",
        10 + random % 20,
        levels[(random >> 8 & 3) as usize]
    );
    for _ in 0..6 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        line.push(' ');
        line.push_str(words[(random >> 16) as usize % words.len()]);
    }
    line
}

#[test]
fn the_matcher_finds_what_a_known_one_finds() {
    let plugin = load("matcher");
    for pattern in [
        "ERROR",
        "(ERROR|WARNING) .*timeout",
        r"[\w.]+@\w+\.(org|com)",
        r"(\d+\.)+\d+ (retry|closed|refused)$",
        r"^2026-11-1\dT[^ ]* (DEBUG|INFO)( \w+)*",
        r"id=\d+ .*id=\d+",
        "(o|op|ope)*ned? (c|r).*d",
        "",
        "x?y?z?$",
        r"/(\w+/)+s",
        "nothing of the kind",
    ] {
        // Both take the first alternative that leads to a match, as we do.
        let known = Regex::new(pattern).unwrap();
        let (mut matching, mut reach) = (0, 0);
        for number in 0..50 {
            if let Some(found) = known.find(line(number).as_bytes()) {
                matching += 1;
                reach += found.end();
            }
        }
        for machine in ["backtrack", "simulate"] {
            let config = json!({"pattern": pattern, "machine": machine, "lines": 50});
            let expected = json!({"matching": matching, "reach": reach});
            assert_eq!(data(&plugin, config), expected, "{pattern} by {machine}");
        }
    }
    for pattern in ["(", "[a", "a)", "\\"] {
        let config = json!({"pattern": pattern, "machine": "simulate", "lines": 1});
        let config = Config::try_from(config).unwrap();
        assert!(
            !plugin.observe(&config).unwrap().evidence.status,
            "{pattern}"
        );
    }
}
