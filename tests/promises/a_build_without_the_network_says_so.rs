//! Without the feature `net` the network functions link and check grants as usual, and then report that
//! this build does not support them.

#![cfg(not(feature = "net"))]

use crate::{loopback, support};

use loopback::{error, free, plugin};
use serde_json::json;
use support::ask;

#[test]
fn every_function_names_the_feature() {
    for (function, request, what) in [
        (
            "http_request",
            json!({"url": "http://127.0.0.1/"}),
            "fetch URLs",
        ),
        (
            "dns_lookup",
            json!({"hostname": "localhost"}),
            "look up names",
        ),
        (
            "dns_lookup",
            json!({"hostname": "x", "nameserver": "127.0.0.1"}),
            "look up names",
        ),
        (
            "smtp_connect",
            json!({"host": "127.0.0.1", "port": "25"}),
            "speak to mail servers",
        ),
        (
            "tcp_connect",
            json!({"host": "127.0.0.1", "port": "443", "tls": true}),
            "speak TLS",
        ),
    ] {
        let reply = ask(&free(function), request.clone());
        assert_eq!(error(&reply), ("internal", "UNSUPPORTED"), "{reply}");
        assert_eq!(
            reply["error"]["message"],
            format!("this build cannot {what}: it lacks the feature `net`")
        );
        // Who may not ask is not told what the build can do.
        let denied = ask(&plugin(function, &[]), request);
        assert_eq!(error(&denied), ("capability", "EACCES"), "{denied}");
    }
}
