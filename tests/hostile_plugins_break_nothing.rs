//! Whatever a plugin does ends in an error of its own, within little time and memory; the process
//! lives, and the next honest call is answered.
#![cfg(target_os = "linux")]

mod hostile;

use hostile::{
    child::{self, ATTACK},
    claims, corpus, talk,
};
use serde_json::Value;
use std::thread;
use tollgate::{Config, Limits, Plugin, Runtime};

#[test]
fn each_attack_ends_as_expected() {
    let attacks = corpus::all();
    assert!(attacks.len() > 40);
    let wrong: Vec<String> = thread::scope(|scope| {
        let halves = attacks.chunks(attacks.len().div_ceil(2));
        let workers: Vec<_> = halves
            .map(|half| scope.spawn(move || half.iter().filter_map(judge).collect::<Vec<_>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How an attack did not end as it should.
fn judge(attack: &corpus::Attack) -> Option<String> {
    let ended = match child::run(&attack.name, &attack.module) {
        Ok(ended) => ended,
        Err(error) => return Some(error),
    };
    println!("{}: {} ms, {} bytes", attack.name, ended.took, ended.grew);
    let outcome = ended.outcome.as_str().unwrap();
    let fits = match attack.expect.as_str() {
        "answered" => outcome == "answered",
        part => outcome.contains(part),
    };
    (!fits).then(|| {
        format!(
            "{}: expected {:?}, and it is {outcome:?}",
            attack.name, attack.expect
        )
    })
}

#[test]
fn no_evidence_is_too_much() {
    for (name, text, expect) in talk::evidence() {
        let ended = child::run("talk", &talk::saying(&text, None));
        let ended = ended.unwrap_or_else(|error| panic!("{name}: {error}"));
        let outcome = ended.outcome.as_str().unwrap();
        println!("{name}: {} ms, {} bytes", ended.took, ended.grew);
        assert!(outcome.contains(expect), "{name}: {outcome}");
        assert!(outcome.len() < 10_000, "{name}: {} bytes", outcome.len());
        assert!(!outcome.contains('\x1b'), "{name}: {outcome:?}");
    }
}

/// Nothing is granted, so a request is refused or denied; what counts is that the guest hears so.
#[test]
fn no_request_is_too_much() {
    for (name, text) in talk::requests() {
        let modules = talk::FUNCTIONS.iter().map(|function| {
            let module = talk::saying(&text, Some(function));
            let length = u32::try_from(module.len()).unwrap();
            [length.to_le_bytes().as_slice(), &module].concat()
        });
        let modules: Vec<u8> = modules.flatten().collect();
        let ended = child::run("requests", &modules);
        let ended = ended.unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {} ms, {} bytes", ended.took, ended.grew);
        for (function, outcome) in talk::FUNCTIONS
            .iter()
            .zip(ended.outcome.as_array().unwrap())
        {
            assert_eq!(outcome, "answered", "{name} to {function}");
        }
    }
}

/// What a module says of its making is its own word, and as long as it likes.
#[test]
fn no_claim_to_be_baked_is_too_much() {
    for (name, module) in claims::all() {
        let ended = child::run("talk", &module);
        let ended = ended.unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {} ms, {} bytes", ended.took, ended.grew);
        assert_eq!(ended.outcome, "answered", "{name}");
    }
}

#[test]
#[ignore = "run by the tests above, in processes of their own"]
fn the_task() {
    child::perform(ATTACK, |name, module| match name {
        "requests" => {
            let runtime = Runtime::new().unwrap();
            let mut rest = module.as_slice();
            let mut outcomes = Vec::new();
            while let Some((length, more)) = rest.split_first_chunk() {
                let length = usize::try_from(u32::from_le_bytes(*length)).unwrap();
                let (module, more) = more.split_at(length);
                outcomes.push(attack(&runtime, module));
                runtime.close();
                rest = more;
            }
            outcomes.into()
        }
        "talk" => twice(Limits::default(), &module),
        name => twice(corpus::named(name).limits, &module),
    });
}

/// Attacks a runtime, which goes on answering.
fn twice(limits: Limits, module: &[u8]) -> Value {
    let runtime = Runtime::builder().limits(limits).build().unwrap();
    let echo = wat::parse_file("fixtures/wat/echo.wat").unwrap();
    let honest = runtime.load("echo", &echo).unwrap();
    let outcome = attack(&runtime, module);
    assert_honest(&honest);
    // And once more: what failed left nothing behind.
    assert_eq!(attack(&runtime, module), outcome);
    assert_honest(&honest);
    outcome
}

fn attack(runtime: &Runtime, module: &[u8]) -> Value {
    let plugin = match runtime.load("odd", module) {
        Ok(plugin) => plugin,
        Err(error) => return error.to_string().into(),
    };
    match plugin.observe(&Config::new().set("key", "value")) {
        Ok(_) => "answered".into(),
        Err(error) => error.to_string().into(),
    }
}

fn assert_honest(plugin: &Plugin) {
    let seen = plugin.observe(&Config::new().set("x", "y")).unwrap();
    assert_eq!(seen.evidence.data["x"], "y");
}
