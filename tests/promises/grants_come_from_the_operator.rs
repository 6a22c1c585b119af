//! Grants come from the operator alone. Reglet's own runtime derives them from the configs of a profile
//! and asks a gatekeeper. The results that its tests promise hold here, too
//! (tests/cases/extraction.jsonl). Rows about the gatekeeper's wiring are left out, since there is no
//! gatekeeper here.

use serde_json::Value;
use std::sync::{Arc, Mutex};
use tollgate::{Capability, Config, Event, Grants, Runtime, capability::risk};

fn parsed(text: &Value) -> Capability {
    let text = text.as_str().unwrap();
    let capability: Capability = text.parse().unwrap();
    assert_eq!(capability.to_string(), text);
    capability
}

/// The smallest grants that the plugin `file` needs for a config, as an audit tells them.
fn needed(config: &Value) -> Vec<String> {
    let needs = Arc::new(Mutex::new(Vec::new()));
    let sink = needs.clone();
    let runtime = Runtime::builder().on_event(move |_, event| {
        if let Event::Denied(denial) = event {
            sink.lock().unwrap().push(denial.needs.as_str().to_owned());
        }
    });
    let module = std::fs::read("fixtures/file/file.wasm").unwrap();
    let plugin = runtime.build().unwrap().load("file", &module).unwrap();
    plugin
        .observe(&Config::try_from(config.clone()).unwrap())
        .unwrap();
    let mut needs = needs.lock().unwrap().clone();
    needs.dedup();
    needs
}

#[test]
fn the_rows_hold() {
    let text = std::fs::read_to_string("tests/cases/extraction.jsonl").unwrap();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        match row["test"].as_str().unwrap() {
            // What the original reads out of the config is what the plugin turns out to need.
            "TestCapabilityAnalyzer_ExtractCapabilities_FilePlugin" => {
                assert_eq!(row["expect"], serde_json::json!(needed(&row["config"])));
            }
            // In the original this grant matches no port that anybody asks for; here it is refused,
            // and the message tells how to say what was meant.
            "TestCapabilityAnalyzer_ExtractCapabilities_NetworkPlugins" => {
                for grant in row["expect"].as_array().unwrap() {
                    let grant = grant.as_str().unwrap();
                    let error = grant.parse::<Capability>().unwrap_err().to_string();
                    assert!(error.contains("network:outbound:<host>:<ports>"), "{error}");
                    assert!(format!("{grant}:53").parse::<Capability>().is_ok());
                }
            }
            // Grants of one plugin are no other's; the original keeps one list for all.
            "TestCapabilityAnalyzer_ExtractCapabilities_MultiplePlugins" => {
                let mut grants = Grants::new();
                for plugin in row["expect"]["plugins"].as_array().unwrap() {
                    grants.grant(plugin.as_str().unwrap(), "fs:read:/x".parse().unwrap());
                }
                for plugin in row["expect"]["plugins"].as_array().unwrap() {
                    assert_eq!(grants.for_plugin(plugin.as_str().unwrap()).len(), 1);
                }
                assert!(grants.for_plugin("smtp").is_empty());
            }
            "TestCapabilityGatekeeper_SecurityLevels" => {
                let risk = risk::assess(row["cap"].as_str().unwrap()).unwrap();
                assert_eq!(row["broad"], risk.is_broad());
            }
            // There is no gatekeeper that could be asked, be wrong or be told to trust: what it
            // would grant, the operator does.
            "TestCapabilityOrchestrator_WithMockGatekeeper" => {
                let mut grants = Grants::new();
                for grant in row["gatekeeper_grants"].as_array().unwrap() {
                    grants.grant("file", parsed(grant));
                }
                let kept: Vec<String> = grants
                    .for_plugin("file")
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                assert_eq!(row["required"]["file"], serde_json::json!(kept));
            }
            other => panic!("no test for the row {other}"),
        }
    }
}
