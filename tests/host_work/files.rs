//! Files that somebody gave: grants and worlds.

use super::{Listed, Work, hosts_and_ports, listed, plugin::Plain, repeated};
use std::hint::black_box;
use tollgate::{Config, Grants, ModuleCache, Runtime, capability::Request, world::Simulated};

pub const ROWS: &[Listed] = &[
    ("grants: many", |bytes| {
        grants(listed(
            bytes,
            "[",
            |number| format!("\"fs:read:/{number}/**\""),
            "]",
        ))
    }),
    ("grants: the same again and again", |bytes| {
        grants(listed(bytes, "[", |_| "\"fs:read:/**\"".to_owned(), "]"))
    }),
    ("grants: for many plugins", |bytes| {
        whole(listed(
            bytes,
            "{",
            |number| format!("\"{number}\":[\"env:A\"]"),
            "}",
        ))
    }),
    ("grants: for the same plugin again and again", |bytes| {
        whole(listed(bytes, "{", |_| "\"odd\":[]".to_owned(), "}"))
    }),
    ("grants: groups in a set", |bytes| {
        let group = repeated(bytes, "{a,b}");
        grants(format!(r#"{{"fs":{{"rules":[{{"read":["/{group}"]}}]}}}}"#))
    }),
    ("grants: groups in many sets", |bytes| {
        whole(listed(
            bytes,
            "{",
            |number| {
                let groups = "{a,b}".repeat(10);
                format!(r#""{number}":{{"fs":{{"rules":[{{"read":["/{groups}"]}}]}}}}"#)
            },
            "}",
        ))
    }),
    ("grants: groups in text", |bytes| {
        grants(format!("[\"fs:read:/{}\"]", repeated(bytes, "{a,b}")))
    }),
    ("grants: stars", |bytes| {
        grants(format!("[\"fs:read:/{}\"]", repeated(bytes, "*a")))
    }),
    ("grants: a long command", |bytes| {
        grants(format!("[\"exec:/bin/x {}\"]", repeated(bytes, "a* ")))
    }),
    ("grants: a long kind", |bytes| {
        grants(format!("[\"{}:x\"]", repeated(bytes, "k")))
    }),
    ("grants: ranges of ports", |bytes| {
        let range = |number: usize| format!("{}-{}", number % 30_000 + 1, number % 30_000 + 30_000);
        grants(listed(bytes, "[\"network:outbound:", range, "\"]"))
    }),
    ("grants: hosts and ports in a set", |bytes| {
        grants(hosts_and_ports(bytes))
    }),
    ("grants: small objects", |bytes| {
        grants(listed(bytes, "[", |_| r#"{"":0}"#.to_owned(), "]"))
    }),
    ("grants: lists in lists", |bytes| whole("[".repeat(bytes))),
    ("world: many files", |bytes| {
        files(listed(
            bytes,
            "{",
            |number| format!("\"/{number}\":\"\""),
            "}",
        ))
    }),
    ("world: many files in one place", |bytes| {
        files(listed(
            bytes,
            "{",
            |number| format!("\"/a/b/c/{number}\":\"\""),
            "}",
        ))
    }),
    ("world: deep directories", |bytes| {
        files(listed(
            bytes,
            "{",
            |number| format!("\"/{number}{}\":\"\"", "/a".repeat(1000)),
            "}",
        ))
    }),
    ("world: one deep directory", |bytes| {
        files(format!("{{\"{}\":\"\"}}", repeated(bytes, "/a")))
    }),
    ("world: a path that goes up", |bytes| {
        files(format!("{{\"{}\":\"\"}}", repeated(bytes, "/../.")))
    }),
    ("world: links to links", |bytes| {
        files(listed(
            bytes,
            "{",
            |number| format!("\"/{number}\":{{\"link\":\"/{}\"}}", number + 1),
            "}",
        ))
    }),
    ("world: one long link", |bytes| {
        files(format!(
            "{{\"/l\":{{\"link\":\"{}\"}}}}",
            repeated(bytes, "../")
        ))
    }),
    ("world: second names", |bytes| {
        files(listed(
            bytes,
            r#"{"/x":"","#,
            |number| format!("\"/y/{number}\":{{\"same_as\":\"/x\"}}"),
            "}",
        ))
    }),
    ("world: one file again and again", |bytes| {
        files(listed(bytes, "{", |_| "\"/x\":\"\"".to_owned(), "}"))
    }),
    ("world: base64", |bytes| {
        files(format!(
            "{{\"/x\":{{\"content\":{{\"base64\":\"{}\"}}}}}}",
            repeated(bytes, "AAAA")
        ))
    }),
    ("world: many variables", |bytes| {
        world(format!(
            r#"{{"variables":{}}}"#,
            listed(bytes, "{", |number| format!("\"V{number}\":\"\""), "}")
        ))
    }),
    ("world: many hosts", |bytes| {
        world(format!(
            r#"{{"hosts":{}}}"#,
            listed(bytes, "{", |number| format!("\"h{number}\":[\"::1\"]"), "}")
        ))
    }),
    ("world: one host of many addresses", |bytes| {
        world(format!(
            r#"{{"hosts":{{"h":{}}}}}"#,
            listed(bytes, "[", |_| "\"::1\"".to_owned(), "]")
        ))
    }),
    ("world: answers for one request each", |bytes| {
        answers(bytes, |_| {
            r#"{"when":{"now":{"clock":"realtime"}},"fail":{"kind":"x","code":"","message":""},"once":true}"#.to_owned()
        })
    }),
    ("world: answers to other requests", |bytes| {
        answers(bytes, |number| {
            format!(
                r#"{{"when":{{"now":{{"clock":"monotonic"}}}},"fail":{{"kind":"x","code":"","message":"{number}"}}}}"#
            )
        })
    }),
    ("world: answers of many shapes", |bytes| {
        answers(bytes, |number| {
            let args = vec!["\"\""; number % 999].join(",");
            format!(r#"{{"when":{{"run":{{"args":[{args}]}}}},"answer":{{"ran":{{}}}}}}"#)
        })
    }),
    ("world: answers of commands", |bytes| {
        answers(bytes, |number| {
            format!(r#"{{"when":{{"run":{{"command":"/bin/{number}"}}}},"answer":{{"ran":{{}}}}}}"#)
        })
    }),
    ("world: one large answer", |bytes| {
        answers(1, |_| {
            let request = listed(bytes, "[", |_| "{}".to_owned(), "]");
            format!(
                r#"{{"when":{{"custom":{{"request":{request}}}}},"answer":{{"json":{request}}}}}"#
            )
        })
    }),
    ("world: small objects", |bytes| {
        world(format!(
            r#"{{"answers":{}}}"#,
            listed(bytes, "[", |_| r#"{"":0}"#.to_owned(), "]")
        ))
    }),
    ("world: lists in lists", |bytes| world("[".repeat(bytes))),
];

fn grants(held: String) -> Work {
    whole(format!(r#"{{"odd":{held}}}"#))
}

fn whole(text: String) -> Work {
    let bytes = text.len();
    let module = Plain::default().module();
    let run = move || {
        let grants: Grants = match serde_json::from_str(&text) {
            Ok(grants) => grants,
            Err(error) => return drop(error.to_string()),
        };
        let held = grants.for_plugin("odd");
        black_box(serde_json::to_string(&grants).unwrap());
        for one in held {
            black_box((one.risk(), held[0].includes(one, None)));
        }
        let request = Request::Read("/aaaaaaaaaa/b".to_owned());
        black_box(grants.covering("odd", &request, None));
        black_box(grants.union(&grants).difference(&grants).contains(&grants));
        let runtime = Runtime::deterministic(0).module_cache(ModuleCache::new());
        match runtime.grants(grants).build() {
            Ok(runtime) => {
                let plugin = runtime.load("odd", module).unwrap();
                drop(plugin.review());
                drop(plugin.observe(&Config::new()));
            }
            Err(error) => drop(error.to_string()),
        }
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}

fn files(files: String) -> Work {
    world(format!(r#"{{"files":{files}}}"#))
}

fn answers(bytes: usize, answer: impl Fn(usize) -> String) -> Work {
    world(format!(
        r#"{{"answers":{}}}"#,
        listed(bytes, "[", answer, "]")
    ))
}

/// Reads a world, and has a plugin read its clock for each hundred bytes of it.
fn world(text: String) -> Work {
    let bytes = text.len();
    let plugin = Plain {
        clocks: (bytes / 100) as u32,
        ..Plain::default()
    };
    let module = plugin.module();
    let run = move || {
        let world = match Simulated::from_json(&text) {
            Ok(world) => world,
            Err(error) => return drop(error.to_string()),
        };
        let runtime = Runtime::builder()
            .module_cache(ModuleCache::new())
            .world(move || world.clone());
        let grants = ["fs:read:/a/*", "fs:read:/0/a", "exec:/bin/1"];
        let runtime = grants.iter().fold(runtime, |runtime, grant| {
            runtime.grant("odd", grant.parse().unwrap())
        });
        let plugin = runtime.build().unwrap().load("odd", module).unwrap();
        plugin.observe(&Config::new()).unwrap();
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}
