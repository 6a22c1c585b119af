//! Answers written beforehand: which requests they are for, by the JSON form of effects, and what
//! they say.

use crate::{
    capability::RequestUrl,
    effect::{Answer, Effect, Failure},
};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};

/// One complete request of each kind that answers can be written for; patterns are checked against
/// them.
const REQUESTS: &str = r#"{
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
}"#;

/// What an answer says that leaves something out.
const ANSWERS: &str = r#"{
    "exchanged": {"received": "", "truncated": false, "remote": "0.0.0.0:0", "local": "0.0.0.0:0",
                  "timed_out": false, "connect_time": 0},
    "secured": {"remote": "0.0.0.0:0", "local": "0.0.0.0:0", "took": 0, "session": {}},
    "fetched": {"status": 200, "protocol": "HTTP/1.1"}
}"#;

/// An answer and the requests it is for.
#[derive(Clone, Debug)]
struct Rule {
    kind: String,
    when: Value,
    outcome: Result<Answer, Failure>,
    once: bool,
}

/// Answers in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    rules: Arc<Vec<Rule>>,
    /// Those that are for one request only, and have had it.
    used: BTreeSet<usize>,
}

/// Which answer it is.
#[derive(Clone, Copy)]
pub(super) struct Found(usize);

impl Script {
    /// The first answer for this effect. A command is known by the name it was asked for and, if
    /// it is known, by its real name.
    pub(super) fn find(&self, effect: &Effect, real: Option<&str>) -> Option<Found> {
        if self.rules.is_empty() {
            return None;
        }
        let Ok(Value::Object(request)) = serde_json::to_value(effect) else {
            return None;
        };
        let (kind, mut request) = request.into_iter().next()?;
        let find = |request: &Value| {
            let rules = self.rules.iter().enumerate();
            let mut unused = rules.filter(|(index, _)| !self.used.contains(index));
            let found = unused.find(|(_, rule)| rule.kind == kind && covers(&rule.when, request));
            found.map(|(index, _)| index)
        };
        let asked = find(&request);
        let by_real_name = real.and_then(|real| {
            *request.get_mut("command")? = real.into();
            find(&request)
        });
        asked.into_iter().chain(by_real_name).min().map(Found)
    }

    /// What an answer says, which has been given by that.
    pub(super) fn give(&mut self, found: Found) -> Result<Answer, Failure> {
        let rule = self.rules.get(found.0);
        let (outcome, once) = match rule {
            Some(rule) => (rule.outcome.clone(), rule.once),
            None => (Ok(Answer::Done), false),
        };
        if once {
            self.used.insert(found.0);
        }
        outcome
    }

    /// Adds an answer, behind those that are there.
    pub(super) fn add(
        &mut self,
        when: Value,
        outcome: Result<Answer, Failure>,
        once: bool,
    ) -> Result<(), String> {
        let (kind, when) = pattern(when)?;
        match &outcome {
            Ok(answer) if !fits(&kind, answer) => {
                return Err(format!("this is no answer to `{kind}`"));
            }
            _ => {}
        }
        Arc::make_mut(&mut self.rules).push(Rule {
            kind,
            when,
            outcome,
            once,
        });
        Ok(())
    }
}

/// Whether a request has all that a pattern has.
fn covers(pattern: &Value, request: &Value) -> bool {
    match (pattern, request) {
        (Value::Object(pattern), Value::Object(request)) => pattern.iter().all(|(key, pattern)| {
            let request = request.get(key);
            request.is_some_and(|request| covers(pattern, request))
        }),
        (Value::Array(pattern), Value::Array(request)) => {
            pattern.len() == request.len() && pattern.iter().zip(request).all(|(a, b)| covers(a, b))
        }
        _ => pattern == request,
    }
}

/// A pattern's kind and the rest of it, if there are such requests.
fn pattern(when: Value) -> Result<(String, Value), String> {
    let only = match when {
        Value::Object(when) if when.len() == 1 => when.into_iter().next(),
        _ => None,
    };
    let Some((kind, mut when)) = only else {
        return Err("a pattern is an object with one key, the kind of effect".to_owned());
    };
    let requests = defaults(REQUESTS);
    let Some(mut request) = requests.get(&kind).cloned() else {
        let known: Vec<_> = requests.keys().map(String::as_str).collect();
        return Err(format!(
            "there is no effect `{kind}` that can be answered, but {}",
            known.join(", ")
        ));
    };
    if let Some(url) = when.get_mut("url") {
        let text = url.as_str().unwrap_or_default();
        let read = RequestUrl::parse(text).ok_or_else(|| format!("{text:?} is no HTTP URL"))?;
        // As effects write it.
        *url = read.text().into();
    }
    lay_over(&mut request, when.clone());
    let effect = Value::Object(Map::from_iter([(kind.clone(), request)]));
    serde_json::from_value::<Effect>(effect).map_err(|error| error.to_string())?;
    Ok((kind, when))
}

/// Reads an answer, with what it leaves out filled in.
pub(super) fn read_answer(answer: Value) -> Result<Answer, String> {
    let mut answer = answer;
    if let Value::Object(kinds) = &mut answer {
        for (kind, said) in kinds {
            if let Some(mut full) = defaults(ANSWERS).remove(kind) {
                lay_over(&mut full, said.take());
                *said = full;
            }
        }
    }
    serde_json::from_value(answer).map_err(|error| error.to_string())
}

fn defaults(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

/// Puts what one value says in place of what the other does, object by object.
fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, above) in above {
                lay_over(below.entry(key).or_insert(Value::Null), above);
            }
        }
        (below, above) => *below = above,
    }
}

/// Whether an effect of this kind is answered so. What this world has itself (files, variables,
/// clocks, chance) it answers itself; there an answer can only be that it fails.
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
    use super::*;
    use serde_json::json;

    #[test]
    fn the_written_out_requests_and_answers_are_whole() {
        let requests = defaults(REQUESTS);
        assert_eq!(requests.len(), 30);
        for (kind, request) in requests {
            let effect = json!({ kind: request });
            let read: Effect = serde_json::from_value(effect.clone()).unwrap();
            let again = serde_json::to_value(read).unwrap();
            assert!(covers(&effect, &again), "{again}");
        }
        let answers = defaults(ANSWERS);
        assert_eq!(answers.len(), 3);
        for (kind, _) in answers {
            read_answer(json!({ kind: {} })).unwrap();
        }
    }

    #[test]
    fn patterns_say_what_matters_and_leave_out_the_rest() {
        let request = json!({"a": 1, "b": [{"c": 2, "d": 3}], "e": null});
        for pattern in [
            json!({}),
            json!({"a": 1}),
            json!({"b": [{"c": 2}], "e": null}),
        ] {
            assert!(covers(&pattern, &request), "{pattern}");
        }
        for pattern in [
            json!({"a": 2}),
            json!({"b": []}),
            json!({"b": [{"c": 2}, {}]}),
            json!({"f": null}),
        ] {
            assert!(!covers(&pattern, &request), "{pattern}");
        }
    }
}
