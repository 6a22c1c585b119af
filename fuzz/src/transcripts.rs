//! Transcripts: hostile ones are refused or diverge, and honest ones play to the same end.

use crate::{
    driver::{self, Arg, Call, DATA},
    host_calls::mixed,
    run::{builder, checked, limits, runtime},
    world::Seen,
};
use serde_json::Value;
use std::sync::LazyLock;
use tollgate::{
    Config, ModuleCache, Observation, Plugin,
    abi::{base64, sha256},
    replay::{Replay, ReplayError, Replayed},
};

/// Reads the bytes as a transcript, as they are and again with the checks at the ends of the lines
/// put right, which no fuzzer guesses; and plays what can be read.
pub fn transcripts(data: &[u8]) {
    play(data.to_vec());
    play(mended(data));
}

fn play(bytes: Vec<u8>) {
    let Ok(replay) = Replay::read(bytes) else {
        return;
    };
    let _ = (replay.plugin(), replay.module(), replay.config());
    let offline = replay
        .runtime()
        .limits(limits())
        .module_cache(ModuleCache::new());
    let Ok(offline) = offline.build() else { return };
    let plugin = offline
        .load("fuzzed", &*PLAYED)
        .expect("the driver is a plugin");
    match replay.run(&plugin) {
        Ok(Replayed::Failed(error)) => drop(checked::<()>(Err(error))),
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The same lines, each with the check of itself at its end, and large bytes under their digest.
fn mended(data: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(data);
    let mut mended = String::with_capacity(text.len() * 2);
    for line in text.split_terminator('\n') {
        let body = with_digest(line).unwrap_or_else(|| line.to_owned());
        let open = body.strip_suffix('}').unwrap_or(&body);
        let check = open.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        mended.push_str(&format!("{open},\"check\":\"{check:016x}\"}}\n"));
    }
    mended.into_bytes()
}

fn with_digest(line: &str) -> Option<String> {
    let content = line.strip_prefix("{\"blob\":")?;
    let content = content.split_once(",\"content\":")?.1.strip_suffix('}')?;
    let bytes = match serde_json::from_str(content).ok()? {
        Value::String(text) => text.into_bytes(),
        Value::Object(fields) => base64::decode(fields.get("base64")?.as_str()?).ok()?,
        _ => return None,
    };
    let digest = sha256::hex(&sha256::digest(&bytes));
    Some(format!("{{\"blob\":\"{digest}\",\"content\":{content}}}"))
}

/// What a transcript has to fit to: a plugin that does a little of everything.
static PLAYED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let requests = [
        (0, r#"{"path":"/data/x"}"#),
        (4, r#"{"name":"SHOWN_A"}"#),
        (
            5,
            r#"{"host":"example.com","port":80,"send":"aGk=","receive":9}"#,
        ),
        (7, r#"{"command":"ls","args":["-l"]}"#),
        (9, r#"{"url":"http://example.com/"}"#),
        (10, r#"{"hostname":"example.com"}"#),
        (12, r#"{"level":"WARN","message":"hm"}"#),
    ];
    let mut data = String::new();
    let calls = requests.map(|(function, request)| {
        let at = u64::from(DATA) + data.len() as u64;
        data.push_str(request);
        Call {
            function,
            args: vec![Arg::Number(at << 32 | request.len() as u64)],
        }
    });
    driver::plugin(&calls, data.as_bytes())
});

/// A recording of that plugin, without the checks that the target puts back: a seed.
pub fn recorded(replies: &[u8]) -> Vec<u8> {
    let plugin = runtime(replies, &Seen::default()).load("fuzzed", &*PLAYED);
    let plugin = plugin.expect("the driver is a plugin");
    let recording = plugin.observe_recorded(Config::new(), Vec::new());
    let text = String::from_utf8(recording.expect("memory takes it").sink).expect("JSON");
    let bare = |line: &str| match line.rsplit_once(",\"check\":") {
        Some((body, _)) => format!("{body}}}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(bare).collect::<String>().into_bytes()
}

/// Records a run and plays it: the same outcome, for the same fuel, with no world at all.
pub fn record_replay(data: &[u8]) {
    let (calls, memory, replies) = mixed(data);
    let module = driver::plugin(&calls, &memory);
    let config = Config::new().set("path", "x");
    let plugin = builder(replies, &Seen::default())
        .build()
        .expect("these options can be");
    let plugin = plugin
        .load("fuzzed", &module)
        .expect("the driver is a plugin");
    let plain = checked(plugin.observe(&config));
    replays_the_same(&plugin, &module, &config, &plain);
}

/// Records a call and plays it elsewhere: the outcome is the one of a call that nobody recorded.
pub fn replays_the_same(
    plugin: &Plugin,
    module: &[u8],
    config: &Config,
    plain: &Result<Observation, String>,
) {
    let recording = plugin
        .observe_recorded(config, Vec::new())
        .expect("memory takes all");
    let outcome = checked(recording.outcome);
    assert_eq!(&outcome, plain, "recording changed something");

    let replay = Replay::read(recording.sink).expect("what was recorded can be read");
    assert_eq!(replay.config().as_ref(), Ok(config));
    assert_eq!(replay.limits(), &limits());
    let offline = replay
        .runtime()
        .limits(limits())
        .module_cache(ModuleCache::new());
    let offline = offline.build().expect("these options can be");
    let elsewhere = offline
        .load("elsewhere", module)
        .expect("the driver is a plugin");
    let again = match replay.run(&elsewhere) {
        Ok(Replayed::Observation(observation)) => Ok(observation),
        Ok(Replayed::Failed(error)) => checked(Err(error)),
        Ok(other) => panic!("{other:?}"),
        Err(ReplayError::Diverged(parted)) => panic!("{parted}"),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(again, outcome);
}
