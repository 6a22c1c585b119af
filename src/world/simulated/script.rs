//! Scripted answers: the requests that they are for, by the JSON form of effects, and their content.
//! Patterns that name the same fields are one shape. A request is looked up once in each shape, so
//! the number of answers does not matter.

use super::shapes::{fields_of, values_in};
use crate::{
    capability::RequestUrl,
    effect::{Answer, Effect, Failure},
    sync::LazyLock,
};
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use serde_json::{Map, Value};

/// One complete request of each kind that can have scripted answers. Patterns are checked against
/// these.
static REQUESTS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    defaults(
        r#"{
    "open": {"path": "", "options": {}},
    "close": {"handle": 0},
    "read_at": {"handle": 0, "offset": 0, "limit": 0},
    "write_at": {"handle": 0, "offset": null, "bytes": ""},
    "stat_open": {"handle": 0},
    "set_size": {"handle": 0, "size": 0},
    "sync": {"handle": 0},
    "list": {"handle": 0},
    "set_times_open": {"handle": 0, "times": {}},
    "stat": {"path": "", "follow": true},
    "read_link": {"path": ""},
    "set_times": {"path": "", "follow": true, "times": {}},
    "write_file": {"path": "", "content": "", "mode": "replace"},
    "make_directory": {"path": ""},
    "remove_directory": {"path": ""},
    "remove_file": {"path": ""},
    "rename": {"from": "", "to": ""},
    "hard_link": {"from": "", "to": ""},
    "symlink": {"path": "", "target": "", "leads_to": ""},
    "variable": {"name": ""},
    "exchange": {"host": "", "port": 0, "send": "", "receive": 0, "timeout": 0},
    "tls": {"host": "", "port": 0, "timeout": 0},
    "http": {"method": "", "url": "", "headers": [], "body": "", "body_limit": 0, "timeout": 0},
    "lookup": {"name": "", "records": "a", "nameserver": null, "timeout": 0},
    "greet": {"host": "", "port": 0, "security": "none", "timeout": 0},
    "run": {"command": "", "args": [], "directory": null, "environment": [], "timeout": 0,
            "output_limit": 0},
    "now": {"clock": "realtime"},
    "sleep": {"duration": 0},
    "random": {"length": 0},
    "custom": {"kind": "", "function": "", "request": null}
}"#,
    )
});

/// The fields that an answer may leave out, with their values.
static ANSWERS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    defaults(
        r#"{
    "exchanged": {"received": "", "truncated": false, "remote": "0.0.0.0:0", "local": "0.0.0.0:0",
                  "timed_out": false, "connect_time": 0},
    "secured": {"remote": "0.0.0.0:0", "local": "0.0.0.0:0", "took": 0, "session": {}},
    "fetched": {"status": 200, "protocol": "HTTP/1.1"}
}"#,
    )
});

/// An answer, and whether it is for one request only.
#[derive(Clone, Debug)]
struct Rule {
    outcome: Arc<Result<Answer, Failure>>,
    once: bool,
}

/// All answers, and an index of the requests that they are for.
#[derive(Clone, Debug, Default)]
struct Rules {
    /// In the order in which they are tried.
    all: Vec<Rule>,
    /// By kind, and by the text of the shape.
    shapes: BTreeMap<String, BTreeMap<String, Shape>>,
    queues: usize,
}

/// Patterns that name the same fields.
#[derive(Clone, Debug)]
struct Shape {
    /// Such a pattern with `null` in place of its strings, numbers and booleans.
    fields: Value,
    /// By the values of these fields.
    queues: BTreeMap<String, Queue>,
}

/// The answers to the same requests, in order, by their index in the list of all.
#[derive(Clone, Debug)]
struct Queue {
    number: usize,
    rules: Vec<usize>,
}

/// Answers in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    rules: Arc<Rules>,
    /// How many answers at the front of each queue are used up.
    used: Arc<BTreeMap<usize, usize>>,
}

/// The answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// Its index in the list of all.
    rule: usize,
    queue: usize,
    /// Its index in the queue.
    place: usize,
}

impl Script {
    /// The first unused answer to this effect. A command matches by the name in the effect and by its
    /// real name.
    pub(super) fn find(&self, effect: &Effect, real: Option<&str>) -> Option<Match> {
        if self.rules.all.is_empty() {
            return None;
        }
        let Ok(Value::Object(request)) = serde_json::to_value(effect) else {
            return None;
        };
        let (kind, mut request) = request.into_iter().next()?;
        let shapes = self.rules.shapes.get(&kind)?;
        let find = |request: &Value| {
            let found = shapes.values().filter_map(|shape| {
                let queue = shape.queues.get(&values_in(&shape.fields, request)?)?;
                let place = self.used.get(&queue.number).copied().unwrap_or(0);
                Some(Match {
                    rule: *queue.rules.get(place)?,
                    queue: queue.number,
                    place,
                })
            });
            found.min()
        };
        let asked = find(&request);
        let by_real_name = real.and_then(|real| {
            *request.get_mut("command")? = real.into();
            find(&request)
        });
        asked.into_iter().chain(by_real_name).min()
    }

    /// The answer, which is used up by this if it is for one request only.
    pub(super) fn take(&mut self, found: Match) -> Arc<Result<Answer, Failure>> {
        let Some(rule) = self.rules.all.get(found.rule) else {
            return Arc::new(Ok(Answer::Done));
        };
        let outcome = rule.outcome.clone();
        if rule.once {
            // Those before it in its queue are used up already.
            Arc::make_mut(&mut self.used).insert(found.queue, found.place + 1);
        }
        outcome
    }

    /// Adds an answer after those that exist.
    pub(super) fn add(
        &mut self,
        when: Value,
        outcome: Result<Answer, Failure>,
        once: bool,
    ) -> Result<(), String> {
        let (kind, when) = pattern(when)?;
        if outcome.as_ref().is_ok_and(|answer| !fits(&kind, answer)) {
            return Err(format!("this is no answer to `{kind}`"));
        }
        let fields = fields_of(&when);
        let Some(values) = values_in(&fields, &when) else {
            return Err("the pattern has no fields".to_owned());
        };
        let rules = Arc::make_mut(&mut self.rules);
        let shapes = rules.shapes.entry(kind).or_default();
        let shape = shapes.entry(fields.to_string()).or_insert(Shape {
            fields,
            queues: BTreeMap::new(),
        });
        let queue = shape.queues.entry(values).or_insert_with(|| {
            rules.queues += 1;
            Queue {
                number: rules.queues,
                rules: Vec::new(),
            }
        });
        queue.rules.push(rules.all.len());
        rules.all.push(Rule {
            outcome: Arc::new(outcome),
            once,
        });
        Ok(())
    }

    /// The most shapes in which one effect is looked up.
    pub(super) fn most_shapes(&self) -> usize {
        let shapes = self.rules.shapes.values().map(BTreeMap::len);
        shapes.max().unwrap_or(0)
    }
}

/// Splits a pattern into its kind and the rest, and checks both.
fn pattern(when: Value) -> Result<(String, Value), String> {
    let only = match when {
        Value::Object(when) if when.len() == 1 => when.into_iter().next(),
        _ => None,
    };
    let Some((kind, mut when)) = only else {
        return Err("a pattern is an object with one key, the kind of effect".to_owned());
    };
    let Some(mut request) = REQUESTS.get(&kind).cloned() else {
        let known: Vec<_> = REQUESTS.keys().map(String::as_str).collect();
        return Err(format!(
            "unknown effect `{kind}`; expected one of: {}",
            known.join(", ")
        ));
    };
    if let Some(url) = when.get_mut("url") {
        let text = url.as_str().unwrap_or_default();
        let read = RequestUrl::parse(text).ok_or_else(|| format!("{text:?} is not an HTTP URL"))?;
        // Effects have the URL in this form.
        *url = read.text().into();
    }
    overlay(&mut request, when.clone());
    let effect = Value::Object(Map::from_iter([(kind.clone(), request)]));
    serde_json::from_value::<Effect>(effect).map_err(|error| error.to_string())?;
    Ok((kind, when))
}

/// Reads an answer and fills in the fields that it leaves out.
pub(super) fn read_answer(answer: Value) -> Result<Answer, String> {
    let mut answer = answer;
    if let Value::Object(kinds) = &mut answer {
        for (kind, said) in kinds {
            if let Some(mut full) = ANSWERS.get(kind).cloned() {
                overlay(&mut full, said.take());
                *said = full;
            }
        }
    }
    serde_json::from_value(answer).map_err(|error| error.to_string())
}

fn defaults(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

/// Overwrites one value with another, field by field where both are objects.
fn overlay(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, above) in above {
                overlay(below.entry(key).or_insert(Value::Null), above);
            }
        }
        (below, above) => *below = above,
    }
}

/// Whether this can be the answer to an effect of this kind. The world itself answers for files,
/// variables, clocks and random numbers; for those a script can only fail.
fn fits(kind: &str, answer: &Answer) -> bool {
    matches!(
        (kind, answer),
        ("exchange", Answer::Exchanged(_))
            | ("tls", Answer::Secured(_))
            | ("http", Answer::Fetched(_))
            | ("lookup", Answer::Found(_))
            | ("greet", Answer::Greeted(_))
            | ("run", Answer::Ran(_))
            | ("custom", Answer::Json(_))
    )
}

#[cfg(test)]
mod tests {
    use super::{super::shapes::tests::covers, *};
    use proptest::prelude::*;
    use serde_json::json;

    proptest! {
        #[test]
        fn the_first_unused_answer_that_covers_is_given(
            patterns in prop::collection::vec((prop::collection::btree_map("port|host|timeout", 0..2u64, 0..3), any::<bool>()), 0..12),
            asked in prop::collection::vec((0..2u16, 0..2u64), 0..12),
        ) {
            let mut script = Script::default();
            let mut left = Vec::new();
            for (number, (fields, once)) in patterns.iter().enumerate() {
                let fields: Map<String, Value> = fields
                    .iter()
                    .map(|(key, value)| match key.as_str() {
                        "host" => (key.clone(), value.to_string().into()),
                        _ => (key.clone(), (*value).into()),
                    })
                    .collect();
                let when = json!({"tls": fields});
                let failure = Failure::new("x", "", number.to_string());
                script.add(when.clone(), Err(failure), *once).unwrap();
                left.push(Some((when, *once)));
            }
            for (port, timeout) in asked {
                let effect = Effect::Tls {
                    host: "1".to_owned(),
                    port,
                    timeout: std::time::Duration::from_nanos(timeout),
                };
                let request = serde_json::to_value(&effect).unwrap();
                let expected = left
                    .iter()
                    .position(|rule| rule.as_ref().is_some_and(|(when, _)| covers(when, &request)));
                let given = script.find(&effect, None).map(|found| script.take(found));
                prop_assert_eq!(given.map(|given| given.as_ref().as_ref().unwrap_err().message.clone()), expected.map(|at| at.to_string()));
                if let Some(at) = expected && left[at].as_ref().unwrap().1 {
                    left[at] = None;
                }
            }
        }
    }

    #[test]
    fn the_written_out_requests_and_answers_are_whole() {
        assert_eq!(REQUESTS.len(), 30);
        for (kind, request) in REQUESTS.iter() {
            let effect = json!({ kind: request });
            let read: Effect = serde_json::from_value(effect.clone()).unwrap();
            let again = serde_json::to_value(read).unwrap();
            assert!(covers(&effect, &again), "{again}");
        }
        assert_eq!(ANSWERS.len(), 3);
        for (kind, _) in ANSWERS.iter() {
            read_answer(json!({ kind: {} })).unwrap();
        }
    }
}
