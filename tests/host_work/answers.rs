//! What plugins answer: manifests, descriptions, schemas, evidence; and the configs that they get.

use super::{Listed, Work, hosts_and_ports, listed, plugin::Plain, repeated};
use tollgate::{Config, Plugin, Redactor, Runtime, capability::risk};

pub const ROWS: &[Listed] = &[
    // The newer protocol: everything at once.
    ("manifest: groups in a row", |bytes| {
        manifest(fs(&format!("/{}", repeated(bytes, "{a,b}"))))
    }),
    ("manifest: groups in groups", |bytes| {
        let depth = bytes / 5;
        manifest(fs(&format!(
            "/{}{}",
            "{a,".repeat(depth),
            "}".repeat(depth)
        )))
    }),
    ("manifest: groups in groups side by side", |bytes| {
        manifest(fs(&format!("/{}", repeated(bytes, "{a,{b,{c,d}}}"))))
    }),
    ("manifest: one group of many", |bytes| {
        let choices = listed(bytes, "/{", |number| number.to_string(), "}");
        manifest(fs(&choices))
    }),
    ("manifest: a group of many in many globs", |bytes| {
        let choices = listed(bytes.isqrt(), "/{", |number| number.to_string(), "}");
        manifest(rules(bytes, |number| format!("{choices}/{number}")))
    }),
    ("manifest: groups in many globs", |bytes| {
        manifest(rules(bytes, |number| {
            format!("/{number}{{a,b}}{{c,d}}{{e,f}}{{g,h}}{{i,j}}{{k,l}}")
        }))
    }),
    ("manifest: a group of long choices", |bytes| {
        let long = "x".repeat(bytes / 8);
        manifest(fs(&format!("/{{{long},{long}}}{{{long},{long}}}")))
    }),
    ("manifest: stars", |bytes| {
        manifest(fs(&format!("/{}", repeated(bytes, "a*"))))
    }),
    ("manifest: directories", |bytes| {
        manifest(fs(&repeated(bytes, "/**/a")))
    }),
    ("manifest: classes", |bytes| {
        manifest(fs(&format!("/{}", repeated(bytes, "[a-z0-9_.]"))))
    }),
    ("manifest: an open class", |bytes| {
        manifest(fs(&format!("/{}", repeated(bytes, "["))))
    }),
    ("manifest: an open group", |bytes| {
        manifest(fs(&format!("/{}", repeated(bytes, "{"))))
    }),
    ("manifest: many globs", |bytes| {
        manifest(rules(bytes, |number| format!("/data/{number}/**")))
    }),
    ("manifest: the same glob again and again", |bytes| {
        manifest(rules(bytes, |_| "/data/**".to_owned()))
    }),
    ("manifest: hosts and ports", |bytes| {
        manifest(hosts_and_ports(bytes))
    }),
    ("manifest: hosts with groups", |bytes| {
        let host = repeated(bytes, "{a,b}");
        manifest(format!(
            r#"{{"network":{{"rules":[{{"hosts":["{host}"],"ports":["*"]}}]}}}}"#
        ))
    }),
    ("manifest: commands with groups", |bytes| {
        let command = repeated(bytes, "{a,b}");
        manifest(format!(r#"{{"exec":{{"commands":["/{command}"]}}}}"#))
    }),
    ("manifest: variables with groups", |bytes| {
        let name = repeated(bytes, "{a,b}");
        manifest(format!(r#"{{"env":{{"variables":["{name}"]}}}}"#))
    }),
    ("manifest: many variables", |bytes| {
        let names = listed(bytes, "[", |number| format!("\"V{number}\""), "]");
        manifest(format!(r#"{{"env":{{"variables":{names}}}}}"#))
    }),
    ("manifest: keys with groups", |bytes| {
        let key = repeated(bytes, "{a,b}");
        manifest(format!(
            r#"{{"kv":{{"rules":[{{"op":"read","keys":["{key}"]}}]}}}}"#
        ))
    }),
    ("manifest: many services", |bytes| {
        let services = listed(bytes, "{", |number| format!("\"{number}\":{{}}"), "}");
        whole_manifest(format!(r#"{{"name":"n","services":{services}}}"#))
    }),
    ("manifest: the same key again and again", |bytes| {
        whole_manifest(listed(
            bytes,
            "{",
            |_| r#""capabilities":{}"#.to_owned(),
            "}",
        ))
    }),
    // The first protocol.
    ("describe: many capabilities", |bytes| {
        describe(listed(
            bytes,
            r#"{"name":"n","capabilities":["#,
            |number| format!(r#"{{"kind":"fs","pattern":"read:/{number}"}}"#),
            "]}",
        ))
    }),
    ("describe: the same capability again and again", |bytes| {
        describe(listed(
            bytes,
            r#"{"name":"n","capabilities":["#,
            |_| r#"{"kind":"fs","pattern":"read:/**/*"}"#.to_owned(),
            "]}",
        ))
    }),
    ("describe: one long pattern", |bytes| {
        declared("fs", &format!("read:/{}", repeated(bytes, "*a")))
    }),
    ("describe: many ports", |bytes| {
        let ports = listed(bytes, "", |number| (number % 65_535 + 1).to_string(), "");
        declared("network", &format!("outbound:{ports}"))
    }),
    ("describe: ranges of ports", |bytes| {
        let range = |number: usize| format!("{}-{}", number % 30_000 + 1, number % 30_000 + 30_000);
        declared(
            "network",
            &format!("outbound:{}", listed(bytes, "", range, "")),
        )
    }),
    ("describe: words", |bytes| {
        let words = listed(bytes, "", |_| "private".to_owned(), "");
        declared("network", &format!("outbound:{words}"))
    }),
    ("describe: a long URL", |bytes| {
        let query = repeated(bytes, "a=1&");
        declared("network", &format!("outbound:https://e.com/?{query}"))
    }),
    ("describe: a URL that goes up", |bytes| {
        let path = repeated(bytes, "../%2e%2e/");
        declared("network", &format!("outbound:https://e.com/{path}"))
    }),
    ("describe: a command with many words", |bytes| {
        declared(
            "exec",
            &format!("/bin/x {}", repeated(bytes, "* ** 'a b' ")),
        )
    }),
    ("describe: a kind of the plugin's own", |bytes| {
        declared(&repeated(bytes, "k"), &repeated(bytes / 2, "*"))
    }),
    ("describe: a long name", |bytes| {
        describe(format!(r#"{{"name":"{}"}}"#, repeated(bytes, "\\u001b")))
    }),
    ("describe: lists in lists", |bytes| {
        describe("[".repeat(bytes))
    }),
    ("describe: many empty objects", |bytes| {
        describe(listed(bytes, r#"{"x":["#, |_| "{}".to_owned(), "]}"))
    }),
    ("describe: many small objects", |bytes| {
        describe(listed(bytes, r#"{"x":["#, |_| r#"{"":0}"#.to_owned(), "]}"))
    }),
    ("describe: many keys that look like an error", |bytes| {
        describe(listed(
            bytes,
            "{",
            |number| format!(r#""status{number}":0"#),
            "}",
        ))
    }),
    ("describe: a version of many numbers", |bytes| {
        let version = repeated(bytes, "9.");
        describe(format!(r#"{{"name":"n","min_host_version":"{version}"}}"#))
    }),
    // Schemas, and configs against them.
    ("schema: many patterns", |bytes| {
        let patterns = listed(
            bytes,
            "{",
            |number| format!(r#""\\w{{100}}{number}":{{}}"#),
            "}",
        );
        schema(
            format!(r#"{{"type":"object","patternProperties":{patterns}}}"#),
            r#"{"x":"abc"}"#,
        )
    }),
    ("schema: the same pattern in many places", |bytes| {
        let all = listed(bytes, "[", |_| r#"{"pattern":"\\w{1000}"}"#.to_owned(), "]");
        schema(
            format!(r#"{{"properties":{{"x":{{"allOf":{all}}}}}}}"#),
            r#"{"x":"abc"}"#,
        )
    }),
    ("schema: large patterns", |bytes| {
        let all = listed(
            bytes,
            "[",
            |number| format!(r#"{{"pattern":"(\\w{{50}}){{{}}}"}}"#, number % 20 + 1),
            "]",
        );
        schema(
            format!(r#"{{"properties":{{"x":{{"anyOf":{all}}}}}}}"#),
            r#"{"x":"abc"}"#,
        )
    }),
    ("schema: one long pattern", |bytes| {
        let pattern = repeated(bytes, "(a|b)*c");
        schema(
            format!(r#"{{"properties":{{"x":{{"pattern":"{pattern}"}}}}}}"#),
            r#"{"x":"abcabcabc"}"#,
        )
    }),
    ("schema: patterns for many keys", |bytes| {
        let patterns = listed(
            bytes / 2,
            "{",
            |number| format!(r#""^k{number}x$":{{}}"#),
            "}",
        );
        let config = listed(bytes / 2, "{", |number| format!(r#""k{number}":0"#), "}");
        let more = r#""additionalProperties":false"#;
        schema(
            format!(r#"{{"patternProperties":{patterns},{more}}}"#),
            &config,
        )
    }),
    ("schema: many that must all hold for many items", |bytes| {
        let all = listed(bytes / 2, "[", |_| r#"{"type":"number"}"#.to_owned(), "]");
        let config = listed(bytes / 2, r#"{"x":["#, |_| "0".to_owned(), "]}");
        schema(
            format!(r#"{{"properties":{{"x":{{"items":{{"allOf":{all}}}}}}}}}"#),
            &config,
        )
    }),
    ("schema: none of many fits any of many items", |bytes| {
        let any = listed(
            bytes / 2,
            "[",
            |number| format!(r#"{{"const":"{number}"}}"#),
            "]",
        );
        let config = listed(bytes / 2, r#"{"x":["#, |_| "0".to_owned(), "]}");
        schema(
            format!(r#"{{"properties":{{"x":{{"items":{{"anyOf":{any}}}}}}}}}"#),
            &config,
        )
    }),
    ("schema: choices in choices", |bytes| {
        let depth = (bytes / 40).min(40);
        let open = r#"{"anyOf":[{"type":"null"},{"oneOf":["#.repeat(depth);
        let close = "]}]}".repeat(depth);
        let ballast = repeated(bytes, "x");
        schema(
            format!(
                r#"{{"title":"{ballast}","properties":{{"x":{open}{{"type":"null"}}{close}}}}}"#
            ),
            r#"{"x":"abc"}"#,
        )
    }),
    ("schema: one of many for many items", |bytes| {
        let values = listed(bytes / 2, "[", |number| format!("\"{number}\""), "]");
        let config = listed(bytes / 2, r#"{"x":["#, |_| "\"x\"".to_owned(), "]}");
        schema(
            format!(r#"{{"properties":{{"x":{{"items":{{"enum":{values}}}}}}}}}"#),
            &config,
        )
    }),
    ("schema: unique items", |bytes| {
        let config = listed(bytes, r#"{"x":["#, |number| format!("[[{number}]]"), "]}");
        schema(
            r#"{"properties":{"x":{"uniqueItems":true}}}"#.to_owned(),
            &config,
        )
    }),
    ("schema: unique long items", |bytes| {
        let long = "x".repeat(bytes.isqrt());
        let config = listed(
            bytes,
            r#"{"x":["#,
            |number| format!("\"{long}{number}\""),
            "]}",
        );
        schema(
            r#"{"properties":{"x":{"uniqueItems":true}}}"#.to_owned(),
            &config,
        )
    }),
    ("schema: many required keys", |bytes| {
        let names = listed(bytes / 2, "[", |number| format!("\"k{number}\""), "]");
        let fields = listed(bytes / 2, "{", |number| format!(r#""k{number}":{{}}"#), "}");
        schema(
            format!(r#"{{"required":{names},"properties":{fields}}}"#),
            "{}",
        )
    }),
    ("schema: references in a chain", |bytes| {
        let link = |number: usize| format!(r##""d{number}":{{"$ref":"#/$defs/d{}"}}"##, number + 1);
        let links = listed(bytes, "{", link, "}");
        schema(
            format!(r##"{{"$defs":{links},"properties":{{"x":{{"$ref":"#/$defs/d0"}}}}}}"##),
            r#"{"x":1}"#,
        )
    }),
    ("schema: references that double", |bytes| {
        let link = |number: usize| {
            let next = format!(r##"{{"$ref":"#/$defs/d{}"}}"##, number + 1);
            format!(r#""d{number}":{{"allOf":[{next},{next}]}}"#)
        };
        let links = listed(bytes, "{", link, "}");
        schema(
            format!(r##"{{"$defs":{links},"properties":{{"x":{{"$ref":"#/$defs/d0"}}}}}}"##),
            r#"{"x":1}"#,
        )
    }),
    ("schema: many items from one large definition", |bytes| {
        let fields = listed(bytes / 2, "{", |number| format!(r#""k{number}":{{}}"#), "}");
        let config = listed(bytes / 2, r#"{"x":["#, |_| "{}".to_owned(), "]}");
        schema(
            format!(
                r##"{{"$defs":{{"d":{{"properties":{fields}}}}},"properties":{{"x":{{"items":{{"$ref":"#/$defs/d"}}}}}}}}"##
            ),
            &config,
        )
    }),
    ("schema: defaults in many items", |bytes| {
        let text = repeated(bytes / 2, "x");
        let config = listed(bytes / 2, r#"{"x":["#, |_| "{}".to_owned(), "]}");
        schema(
            format!(
                r#"{{"properties":{{"x":{{"items":{{"properties":{{"y":{{"default":"{text}"}}}}}}}}}}}}"#
            ),
            &config,
        )
    }),
    ("schema: many violations with long names", |bytes| {
        let key = repeated(bytes / 2, "k");
        let config = listed(
            bytes / 2,
            &format!(r#"{{"{key}":["#),
            |_| "0".to_owned(),
            "]}",
        );
        schema(
            r#"{"additionalProperties":{"items":{"type":"string"}}}"#.to_owned(),
            &config,
        )
    }),
    ("schema: lists in lists", |bytes| {
        schema("[".repeat(bytes), "{}")
    }),
    // Evidence and configs.
    ("evidence: one long text", |bytes| {
        evidence(format!(
            r#"{{"status":true,"data":{{"x":"{}"}}}}"#,
            repeated(bytes, "\\u009b")
        ))
    }),
    ("evidence: many small objects", |bytes| {
        evidence(listed(
            bytes,
            r#"{"status":true,"data":{"x":["#,
            |_| r#"{"":0}"#.to_owned(),
            "]}}",
        ))
    }),
    ("evidence: many fields", |bytes| {
        evidence(listed(
            bytes,
            r#"{"status":true,"data":{"#,
            |number| format!(r#""{number}":"x""#),
            "}}",
        ))
    }),
    ("evidence: objects in objects", |bytes| {
        let long = "k".repeat(bytes / 120);
        evidence(format!(
            r#"{{"status":true,"data":{{"x":{}1{}}}}}"#,
            format!(r#"{{"{long}":"#).repeat(100),
            "}".repeat(100)
        ))
    }),
    ("evidence: assignments", |bytes| {
        evidence_text(repeated(bytes, "password= token: key="))
    }),
    ("evidence: what begins like tokens", |bytes| {
        evidence_text(repeated(bytes, "AKIAghp_eyJxoxb-AIza"))
    }),
    ("evidence: what begins like keys", |bytes| {
        evidence_text(repeated(bytes, "-----BEGIN RSA PRIVATE KEY-----"))
    }),
    ("evidence: URLs with users", |bytes| {
        evidence_text(repeated(bytes, "https://a:b@"))
    }),
    ("evidence: base64", |bytes| {
        evidence_text(repeated(bytes, "aGVsbG8t"))
    }),
    ("evidence: secrets that overlap", |bytes| {
        let text = format!(
            r#"{{"status":true,"data":{{"x":"{}"}}}}"#,
            repeated(bytes, "secretsecre")
        );
        observed(text, |builder| {
            (0..8).fold(builder, |builder, length| {
                builder.value(&"secretsecretsecret"[..10 + length])
            })
        })
    }),
    ("config: many small objects", |bytes| {
        config(listed(bytes, r#"{"x":["#, |_| r#"{"":0}"#.to_owned(), "]}"))
    }),
    ("config: many keys", |bytes| {
        config(listed(bytes, "{", |number| format!("\"{number}\":0"), "}"))
    }),
    ("config: the same key again and again", |bytes| {
        config(listed(bytes, "{", |_| "\"x\":{}".to_owned(), "}"))
    }),
    ("config: lists in lists", |bytes| config("[".repeat(bytes))),
    ("config: one long text", |bytes| {
        config(format!(r#"{{"x":"{}"}}"#, repeated(bytes, "\\\\")))
    }),
];

fn fs(glob: &str) -> String {
    format!(r#"{{"fs":{{"rules":[{{"read":["{glob}"]}}]}}}}"#)
}

fn rules(bytes: usize, glob: impl Fn(usize) -> String) -> String {
    let globs = listed(bytes, "[", |number| format!("\"{}\"", glob(number)), "]");
    format!(r#"{{"fs":{{"rules":[{{"read":{globs}}}]}}}}"#)
}

fn manifest(capabilities: String) -> Work {
    whole_manifest(format!(r#"{{"name":"n","capabilities":{capabilities}}}"#))
}

fn whole_manifest(text: String) -> Work {
    let bytes = text.len();
    let plugin = Plain {
        answers: vec![("_manifest", text.into_bytes())],
        newer: true,
        ..Plain::default()
    };
    reviewed(bytes, plugin)
}

fn describe(text: String) -> Work {
    let bytes = text.len();
    let plugin = Plain {
        answers: vec![("describe", text.into_bytes())],
        ..Plain::default()
    };
    reviewed(bytes, plugin)
}

fn declared(kind: &str, pattern: &str) -> Work {
    describe(format!(
        r#"{{"name":"n","capabilities":[{{"kind":"{kind}","pattern":"{pattern}"}}]}}"#
    ))
}

/// Asks what the plugin declares, and does with it what an operator would.
fn reviewed(bytes: usize, plugin: Plain) -> Work {
    let module = plugin.module();
    let grant = "fs:read:/data/**".parse().unwrap();
    let runtime = Runtime::deterministic(0).grant("odd", grant);
    let runtime = runtime.module_cache(tollgate::ModuleCache::new());
    let runtime = runtime.build().unwrap();
    let run = move || {
        let plugin = runtime.load("odd", module).unwrap();
        match plugin.describe() {
            Ok(info) => {
                drop(serde_json::to_string(&*info));
                for declared in &info.capabilities {
                    drop(risk::assess(&declared.to_string()));
                }
            }
            Err(error) => drop(error.to_string()),
        }
        drop(plugin.review().map_err(|error| error.to_string()));
        drop(plugin.schema().map(|schema| schema.fields()));
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}

fn schema(text: String, config: &str) -> Work {
    let bytes = text.len() + config.len();
    let plugin = Plain {
        answers: vec![("schema", text.into_bytes())],
        ..Plain::default()
    };
    let runtime = Runtime::deterministic(0);
    #[cfg(feature = "schema")]
    let runtime = runtime.validate_configs(tollgate::ConfigValidation::Strict);
    let plugin = plugin.load_in(runtime);
    let config: Config = config.parse().unwrap();
    let run = move || {
        drop(plugin.schema().map(|schema| schema.fields()));
        #[cfg(feature = "schema")]
        {
            match plugin.validate(&config) {
                Ok(validation) => drop(
                    validation
                        .violations
                        .iter()
                        .map(ToString::to_string)
                        .count(),
                ),
                Err(error) => drop(error.to_string()),
            }
            drop(plugin.with_defaults(&config));
        }
        drop(plugin.observe(&config).map_err(|error| error.to_string()));
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}

fn evidence_text(text: String) -> Work {
    evidence(format!(r#"{{"status":true,"data":{{"x":"{text}"}}}}"#))
}

fn evidence(text: String) -> Work {
    observed(text, |builder| builder.value("a secret of mine"))
}

fn observed(
    text: String,
    secrets: impl FnOnce(tollgate::RedactorBuilder) -> tollgate::RedactorBuilder,
) -> Work {
    let bytes = text.len();
    let redactor = secrets(Redactor::builder()).build().unwrap();
    let plugin = Plain {
        evidence: Some(text.into_bytes()),
        ..Plain::default()
    };
    let plugin = plugin.load_in(Runtime::deterministic(0).redactor(redactor));
    observing(bytes, plugin, Config::new())
}

fn observing(bytes: usize, plugin: Plugin, config: Config) -> Work {
    let run = move || match plugin.observe(&config) {
        Ok(seen) => drop(serde_json::to_string(&seen.evidence)),
        Err(error) => drop(error.to_string()),
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}

fn config(text: String) -> Work {
    let plugin = Plain::default().load();
    let bytes = text.len();
    let run = move || match text.parse::<Config>() {
        Ok(config) => drop(plugin.observe(&config)),
        Err(error) => drop(error.to_string()),
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}
