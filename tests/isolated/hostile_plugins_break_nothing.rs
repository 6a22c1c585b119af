//! Every attack ends in its own error, within bounded time and memory; the process survives, and the
//! next honest call is answered.
#![cfg(target_os = "linux")]

use crate::{hostile, support::share::spread};

use hostile::{
    child::{self, ATTACK},
    claims, corpus, talk,
};
use serde_json::Value;
use std::{sync::Mutex, thread};
use tollgate::{Config, Limits, Plugin, Runtime};

/// The attacks of one test: each in a process of its own, which must not use more memory than an
/// attack may. How long they took is for whoever runs this with `--nocapture`.
#[derive(Default)]
struct Attacks(Mutex<Vec<(u64, u64, String)>>);

impl Attacks {
    fn run(&self, name: &str, task: &str, input: &[u8]) -> Result<Value, String> {
        let ended =
            child::run(module_path!(), task, input).map_err(|error| format!("{name}: {error}"))?;
        if ended.peak > ATTACK.data {
            return Err(format!("{name}: {} bytes of memory in use", ended.peak));
        }
        let mut ran = self.0.lock().unwrap();
        ran.push((ended.took, ended.peak, name.to_owned()));
        Ok(ended.outcome)
    }
}

impl Drop for Attacks {
    fn drop(&mut self) {
        let ran = self.0.get_mut().unwrap();
        ran.sort_unstable_by(|a, b| b.cmp(a));
        println!("{} attacks, of which these took longest:", ran.len());
        for (took, peak, name) in ran.iter().take(5) {
            println!("  {took} ms, {} MB: {name}", peak >> 20);
        }
        if let Some((_, peak, name)) = ran.iter().max_by_key(|(_, peak, _)| peak) {
            println!("  most memory, {} MB: {name}", peak >> 20);
        }
    }
}

#[test]
fn each_attack_ends_as_expected() {
    let attacks = corpus::all();
    assert!(attacks.len() > 40);
    let ran = Attacks::default();
    let wrong: Vec<String> = thread::scope(|scope| {
        let halves = attacks.chunks(attacks.len().div_ceil(2));
        let workers: Vec<_> = halves
            .map(|half| {
                scope.spawn(|| {
                    half.iter()
                        .filter_map(|attack| judge(&ran, attack))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How an attack did not end as it should.
fn judge(ran: &Attacks, attack: &corpus::Attack) -> Option<String> {
    let outcome = match ran.run(&attack.name, &attack.name, &attack.module) {
        Ok(outcome) => outcome,
        Err(error) => return Some(error),
    };
    let outcome = outcome.as_str().unwrap();
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
    let ran = Attacks::default();
    for (name, text, expect) in spread(talk::evidence()) {
        let outcome = ran.run(name, "talk", &talk::saying(&text, None));
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
        let outcome = outcome.as_str().unwrap();
        assert!(outcome.contains(expect), "{name}: {outcome}");
        assert!(outcome.len() < 10_000, "{name}: {} bytes", outcome.len());
        assert!(!outcome.contains('\x1b'), "{name}: {outcome:?}");
    }
}

/// Nothing is granted, so a request is refused or denied; what counts is that the guest hears so.
#[test]
fn no_request_is_too_much() {
    let ran = Attacks::default();
    for (name, text) in spread(talk::requests()) {
        let modules = talk::FUNCTIONS.iter().map(|function| {
            let module = talk::saying(&text, Some(function));
            let length = u32::try_from(module.len()).unwrap();
            [length.to_le_bytes().as_slice(), &module].concat()
        });
        let modules: Vec<u8> = modules.flatten().collect();
        let outcomes = ran.run(name, "requests", &modules);
        let outcomes = outcomes.unwrap_or_else(|error| panic!("{error}"));
        let outcomes = outcomes.as_array().unwrap();
        for (function, outcome) in talk::FUNCTIONS.iter().zip(outcomes) {
            assert_eq!(outcome, "answered", "{name} to {function}");
        }
    }
}

/// What a module says of its making is its own word, and as long as it likes.
#[test]
fn no_claim_to_be_baked_is_too_much() {
    let ran = Attacks::default();
    for (name, module) in spread(claims::ALL) {
        let outcome = ran.run(name, "talk", &module());
        assert_eq!(outcome, Ok("answered".into()), "{name}");
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
        Err(error) => return error.report().into(),
    };
    match plugin.observe(&Config::new().set("key", "value")) {
        Ok(_) => "answered".into(),
        Err(error) => error.report().into(),
    }
}

fn assert_honest(plugin: &Plugin) {
    let seen = plugin.observe(&Config::new().set("x", "y")).unwrap();
    assert_eq!(seen.evidence.data["x"], "y");
}
