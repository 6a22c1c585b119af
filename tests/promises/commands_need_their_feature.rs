//! Without the feature `exec` the host function links, and reports which feature is missing.

#![cfg(not(feature = "exec"))]

use crate::support;

use serde_json::json;
use support::Guest;
use tollgate::{Config, Runtime};

#[test]
fn a_build_that_runs_no_commands_names_the_feature() {
    for function in ["exec_run", "exec_command"] {
        let runtime = Runtime::builder().grant("odd", "exec:ls".parse().unwrap());
        let plugin = Guest::relay(function).load_in(&runtime.build().unwrap());
        let config = Config::try_from(json!({"command": "ls"})).unwrap();
        let reply = plugin.observe(&config).unwrap().evidence.data;
        assert_eq!(reply["error"]["code"], "UNSUPPORTED");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains("the feature `exec`"), "{message}");
        assert_eq!(reply["exit_code"], -1);
    }
}
