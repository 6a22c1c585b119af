//! A truncated, malformed or hostile transcript is rejected with the line of the first error, and costs
//! no more than its size.

use crate::support;

use serde_json::Value;
use support::{
    Guest,
    transcripts::{checked as line, unchecked as body},
};
use tollgate::{
    Config, Plugin,
    replay::{Replay, ReplayError},
};

/// A plugin that asks for the time twice, and its recording.
fn recorded() -> (Plugin, Vec<String>) {
    let mut guest = Guest::observing(
        "(drop (call $now (i32.const 0) (i64.const 0) (i32.const 64)))
         (drop (call $now (i32.const 1) (i64.const 0) (i32.const 64)))"
            .to_owned()
            + &support::text_at(256, support::EVIDENCE.len()),
    );
    guest.imports = "(import \"wasi_snapshot_preview1\" \"clock_time_get\"
        (func $now (param i32 i64 i32) (result i32)))";
    let plugin = guest.load();
    let recording = plugin.observe_recorded(Config::new(), Vec::new()).unwrap();
    recording.outcome.unwrap();
    let text = String::from_utf8(recording.sink).unwrap();
    (
        plugin,
        text.lines().map(|line| format!("{line}\n")).collect(),
    )
}

fn refused(lines: &[String]) -> (usize, String) {
    let bad = Replay::read(lines.concat()).unwrap_err();
    assert!(bad.to_string().contains(&format!("line {}", bad.line)));
    (bad.line, bad.problem.into_string())
}

#[test]
fn the_helper_writes_lines_as_recordings_do() {
    let (_, lines) = recorded();
    assert_eq!(lines.len(), 4);
    for text in &lines {
        assert_eq!(line(&body(text)), *text);
    }
}

#[test]
fn a_recording_cut_off_at_any_byte_is_refused() {
    let (_, lines) = recorded();
    let whole = lines.concat();
    // Without its last newline nothing is lost.
    for cut in 0..whole.len() - 1 {
        let bad = Replay::read(&whole.as_bytes()[..cut]).unwrap_err();
        let lines = whole[..cut].lines().count();
        assert!((lines..=lines + 1).contains(&bad.line), "{cut}: {bad}");
    }
    assert!(Replay::read(&whole.as_bytes()[..whole.len() - 1]).is_ok());
}

#[test]
fn each_thing_that_can_be_wrong_has_its_words() {
    let (_, lines) = recorded();
    let [header, first, second, end] = &lines[..] else {
        panic!("{lines:?}")
    };
    let with = |lines: &[&String]| lines.iter().map(|line| (*line).clone()).collect::<Vec<_>>();
    let other_format = line(&body(header).replace("\"transcript\":1", "\"transcript\":2"));
    let unknown_field = line(&body(first).replace("{\"index\":0", "{\"index\":0,\"more\":1"));
    let unknown_effect = line(&body(first).replace("\"now\"", "\"wow\""));
    let two_more = line(&body(end).replace("\"effects\":2", "\"effects\":4"));
    let missing = "0".repeat(64);
    let no_bytes = line(&body(first).replace(
        &body(first)[body(first).find("\"reply\"").unwrap()..],
        &format!("\"reply\":{{\"bytes\":{{\"sha256\":\"{missing}\"}}}}}}"),
    ));
    let false_blob = line(&format!("{{\"blob\":\"{missing}\",\"content\":\"x\"}}"));
    let edited = header.replace("\"plugin\":\"odd\"", "\"plugin\":\"bad\"");
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = line(&body(first).replace("\"realtime\"", &nested));
    for (lines, expected_line, words) in [
        (vec![], 1, "empty"),
        (vec!["{}\n".to_owned()], 1, "not a line of a transcript"),
        (vec![line("{}")], 1, "not the header"),
        (with(&[&other_format, end]), 1, "format 2"),
        (
            with(&[&edited, first, second, end]),
            1,
            "changed after it was recorded",
        ),
        (
            with(&[header, second, first, end]),
            2,
            "effect index 1, expected 0",
        ),
        (
            with(&[header, first, end]),
            3,
            "expected 2 effects, found 1",
        ),
        (
            with(&[header, first, second, &two_more]),
            4,
            "expected 4 effects, found 2",
        ),
        (with(&[header, first, second]), 4, "cut off"),
        (
            with(&[header, first, second, end, first]),
            5,
            "more lines after the last line",
        ),
        (with(&[header, &unknown_field, second, end]), 2, "more"),
        (with(&[header, &unknown_effect, second, end]), 2, "wow"),
        (
            with(&[header, &no_bytes, second, end]),
            2,
            "no line before it holds the bytes",
        ),
        (
            with(&[header, &false_blob, first, second, end]),
            2,
            "the SHA-256 of the bytes differs",
        ),
        (with(&[header, &deep, second, end]), 2, "recursion limit"),
        (
            with(&[header, header, first, second, end]),
            2,
            "unknown field",
        ),
    ] {
        let (line, problem) = refused(&lines);
        assert_eq!(line, expected_line, "{problem}");
        assert!(problem.contains(words), "{problem}: expected {words}");
    }
    let bad = Replay::read([b"{\n{\n".as_slice(), &[0xff], b"\n"].concat()).unwrap_err();
    assert_eq!((bad.line, bad.problem.as_str()), (3, "not UTF-8"));
}

#[test]
fn many_lines_may_name_the_same_large_bytes_without_their_being_unfolded() {
    let (_, lines) = recorded();
    let large = "x".repeat(4 << 20);
    let digest = tollgate::abi::sha256::hex(&tollgate::abi::sha256::digest(large.as_bytes()));
    let mut text = lines[0].clone();
    text.push_str(&line(&format!(
        "{{\"blob\":\"{digest}\",\"content\":\"{large}\"}}"
    )));
    let many = 20_000;
    for index in 0..many {
        text.push_str(&line(&format!(
            "{{\"index\":{index},\"during\":\"call\",\"fuel\":0,\"effect\":{{\"random\":{{\"length\":{}}}}},\
             \"verdict\":\"granted\",\"reply\":{{\"bytes\":{{\"sha256\":\"{digest}\"}}}}}}",
            large.len()
        )));
    }
    let end = body(&lines[3]).replace("\"effects\":2", &format!("\"effects\":{many}"));
    text.push_str(&line(&end));
    // Unfolded, these would be 80 GB.
    assert!(Replay::read(text).is_ok());
}

#[test]
fn a_short_line_cannot_make_the_host_unfold_more_than_was_asked_for() {
    let (_, lines) = recorded();
    let large = "x".repeat(100_000);
    let digest = tollgate::abi::sha256::hex(&tollgate::abi::sha256::digest(large.as_bytes()));
    let named = format!("{{\"sha256\":\"{digest}\"}}");
    let blob = line(&format!(
        "{{\"blob\":\"{digest}\",\"content\":\"{large}\"}}"
    ));
    let effect = |effect: &str, verdict: &str, reply: &str| {
        let effect = line(&format!(
            "{{\"index\":0,\"during\":\"call\",\"fuel\":0,\"effect\":{effect},\
             \"verdict\":\"{verdict}\",\"reply\":{reply}}}"
        ));
        let end = line(&body(&lines[3]).replace("\"effects\":2", "\"effects\":1"));
        let text = [&*lines[0], &blob, &effect, &end].concat();
        Replay::read(text).map_err(|bad| bad.problem)
    };
    let bytes = format!("{{\"bytes\":{named}}}");
    let asked = |length: u32| format!("{{\"random\":{{\"length\":{length}}}}}");
    assert!(effect(&asked(100_000), "granted", &bytes).is_ok());
    let problem = effect(&asked(99_999), "granted", &bytes).unwrap_err();
    assert!(problem.as_str().contains("requested 99999"), "{problem}");
    // Only bytes can stand elsewhere: no text, however often, and no message.
    for (asked, verdict, reply) in [
        (
            format!("{{\"read_link\":{{\"path\":{named}}}}}"),
            "granted",
            "{\"target\":\"x\"}".to_owned(),
        ),
        (
            "{\"read_link\":{\"path\":\"x\"}}".to_owned(),
            "granted",
            format!("{{\"target\":{named}}}"),
        ),
        (
            "{\"read_link\":{\"path\":\"x\"}}".to_owned(),
            "failed",
            format!("{{\"kind\":\"fs\",\"code\":\"\",\"message\":{named}}}"),
        ),
        (
            "{\"lookup\":{\"name\":\"x\",\"records\":\"txt\",\"nameserver\":null,\"timeout\":0}}"
                .to_owned(),
            "granted",
            format!("{{\"found\":{{\"records\":{{\"texts\":[{named},{named}]}},\"took\":0}}}}"),
        ),
    ] {
        let problem = effect(&asked, verdict, &reply).unwrap_err();
        assert!(problem.as_str().contains("expected"), "{problem}");
    }
}

#[test]
fn a_line_of_very_many_values_is_refused_before_it_is_read() {
    let (_, lines) = recorded();
    let values = vec!["[]"; 1_100_000].join(",");
    let effect = line(&format!(
        "{{\"index\":0,\"during\":\"call\",\"fuel\":0,\"effect\":{{\"custom\":[{values}]}},\
         \"verdict\":\"granted\",\"reply\":{{\"json\":0}}}}"
    ));
    let (number, problem) = refused(&[lines[0].clone(), effect]);
    assert!(
        number == 2 && problem.contains("more than the limit of 1000000"),
        "{problem}"
    );
}

#[test]
fn a_made_up_transcript_cannot_make_a_plugin_do_more_than_its_runtime_allows() {
    let (plugin, lines) = recorded();
    let mut header: Value = serde_json::from_str(&body(&lines[0])).unwrap();
    header["limits"]["fuel"] = Value::Null;
    // The same fields in another order are a header, too.
    let text = [line(&header.to_string()), lines[1..].concat()].concat();
    let error = Replay::read(text).unwrap().run(&plugin).unwrap_err();
    assert!(matches!(error, ReplayError::Limit { .. }), "{error}");
}

/// The cause is in `source()`, and not in the text a second time; `report` has both.
#[test]
fn errors_report_their_cause_once() {
    use std::error::Error as _;
    let missing = Replay::open("/nowhere/x.jsonl").unwrap_err();
    let damaged = Replay::read(b"{}".to_vec())
        .map_err(ReplayError::from)
        .unwrap_err();
    for (error, text) in [
        (missing, "cannot read /nowhere/x.jsonl"),
        (damaged, "invalid transcript"),
    ] {
        assert_eq!(error.to_string(), text);
        let cause = error.source().unwrap().to_string();
        assert_eq!(error.report(), format!("{text}: {cause}"));
    }
}
