//! A plugin reads a variable only by grant, with its value from when the runtime was built, whatever
//! the process does to its environment later.

use crate::support;

use serde_json::json;
use support::{Guest, ask, kind};
use tollgate::{Plugin, Runtime};

fn plugin(grants: &[&str]) -> Plugin {
    let mut builder = Runtime::builder();
    for grant in grants {
        builder = builder.grant("odd", grant.parse().unwrap());
    }
    Guest::relay("env_get").load_in(&builder.build().unwrap())
}

/// Cargo sets this for every test.
const NAME: &str = "CARGO_PKG_NAME";

#[test]
fn a_granted_variable_is_told() {
    for grant in ["env:CARGO_PKG_NAME", "env:CARGO_*", "env:*"] {
        let reply = ask(&plugin(&[grant]), json!({"name": NAME}));
        assert_eq!(
            reply,
            json!({"is_set": true, "value": "tollgate"}),
            "{grant}"
        );
    }
    let reply = ask(
        &plugin(&["env:*"]),
        json!({"name": "NO_SUCH_VARIABLE_HERE"}),
    );
    assert_eq!(reply, json!({"is_set": false, "value": ""}));
}

#[test]
fn any_other_is_denied_whether_or_not_it_is_set() {
    for name in [NAME, "NO_SUCH_VARIABLE_HERE"] {
        let reply = ask(&plugin(&["env:HOME"]), json!({"name": name}));
        assert_eq!(kind(&reply), "capability");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("the grant env:{name} would allow it")),
            "{message}"
        );
    }
}

#[test]
fn names_that_cannot_be_are_refused() {
    for name in ["", "A=B", "A\u{0}"] {
        assert_eq!(
            kind(&ask(&plugin(&["env:*"]), json!({"name": name}))),
            "config",
            "{name:?}"
        );
    }
}

/// The environment of a running process cannot be changed safely, so a child is asked.
#[test]
fn the_snapshot_is_of_the_moment_the_runtime_was_built() {
    let child = std::env::var("TOLLGATE_TEST_CHILD");
    if child.is_err() {
        let this = "the_snapshot_is_of_the_moment_the_runtime_was_built";
        let output = support::again(module_path!(), this)
            .env("TOLLGATE_TEST_CHILD", "before")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains("1 passed"),
            "{printed}"
        );
        return;
    }
    let plugin = plugin(&["env:TOLLGATE_TEST_CHILD"]);
    let reply = ask(&plugin, json!({"name": "TOLLGATE_TEST_CHILD"}));
    assert_eq!(reply["value"], "before");
}
