//! What is left of an input that ends in a problem: replies that do not matter are dropped, then the config is
//! shortened as a tree and byte by byte, then what is in the replies.

use super::{
    reply::{Kind, Reply, parse, print},
    target::{Given, Problem, With},
    worker::{Stop, Worker},
};
use serde_json::Value;

/// The problem that must stay.
struct Wanted<'a> {
    problem: &'a Problem,
    /// The edge that makes it another one than those before.
    witness: Option<usize>,
    /// What was a config stays one, so that other commands can run it.
    config: bool,
    /// How many more runs it may take.
    runs: u32,
}

/// A part of an input, and the input with another one in its place.
type Place<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

impl Worker<'_> {
    /// A shorter input with the same problem, which takes the same new edge, as what its run is given.
    pub fn minimised(
        &mut self,
        input: &[u8],
        problem: &Problem,
        witness: Option<usize>,
    ) -> Result<Given, Stop> {
        const MOST: u32 = 4096;
        let has_replies = self.replies.is_some();
        let (config, replies) = match has_replies {
            true => parse(input),
            false => (input, Vec::new()),
        };
        let mut best = (config.to_vec(), replies);
        let mut wanted = Wanted {
            problem,
            witness,
            config: self.has_configs() && is_config(config),
            runs: MOST,
        };
        let stopped = self.minimise(&mut best, &mut wanted);
        if let Err(stop @ Stop::Failed(_)) = stopped {
            return Err(stop);
        }
        let input = whole(&best);
        self.target.run(&input, With::Counters)?;
        let mut given = self.target.given(&input);
        // What the run did not need has gone, but for the time when there were no more runs.
        given.config = best.0;
        Ok(given)
    }

    fn minimise(
        &mut self,
        best: &mut (Vec<u8>, Vec<Reply>),
        wanted: &mut Wanted<'_>,
    ) -> Result<(), Stop> {
        let mut at = best.1.len();
        while at > 0 {
            at -= 1;
            let mut fewer = best.clone();
            fewer.1.remove(at);
            if self.is_same(&whole(&fewer), wanted)? {
                *best = fewer;
            }
        }
        // With names, replies do not depend on the order of requests.
        if self.is_same(&whole(best), wanted)? && !best.1.is_empty() {
            let named = (best.0.clone(), self.target.given(&whole(best)).replies);
            if self.is_same(&whole(&named), wanted)? {
                *best = named;
            }
        }
        let (config, replies) = best.clone();
        let place: Place<'_> = &|config| whole(&(config.to_vec(), replies.clone()));
        if wanted.config {
            best.0 = self.smaller_tree(config, wanted, place)?;
        }
        best.0 = self.shorter(best.0.clone(), wanted, place)?;
        self.fewer_fields(best, wanted)?;
        for at in 0..best.1.len() {
            let (config, replies) = best.clone();
            let Some(content) = replies.get(at).map(|reply| reply.content.clone()) else {
                continue;
            };
            let content = self.shorter(content, wanted, &|content| {
                let mut replies = replies.clone();
                if let Some(reply) = replies.get_mut(at) {
                    reply.content = content.to_vec();
                }
                whole(&(config.clone(), replies))
            })?;
            if let Some(reply) = best.1.get_mut(at) {
                reply.content = content;
            }
        }
        Ok(())
    }

    /// Leaves out the fields of replies that are not their names.
    fn fewer_fields(
        &mut self,
        best: &mut (Vec<u8>, Vec<Reply>),
        wanted: &mut Wanted<'_>,
    ) -> Result<(), Stop> {
        let replies = best.1.iter().enumerate();
        let fields: Vec<(usize, String)> = replies
            .flat_map(|(at, reply)| reply.fields.keys().map(move |field| (at, field.clone())))
            .collect();
        for (at, field) in fields {
            let mut fewer = best.clone();
            let Some(reply) = fewer.1.get_mut(at) else {
                continue;
            };
            let was_named = reply.is_named();
            reply.fields.remove(&field);
            let is_named = reply.is_named() && !(reply.kind == Kind::Fail && field == "when");
            if was_named == is_named && self.is_same(&whole(&fewer), wanted)? {
                *best = fewer;
            }
        }
        Ok(())
    }

    fn is_same(&mut self, input: &[u8], wanted: &mut Wanted<'_>) -> Result<bool, Stop> {
        let config = match self.replies {
            Some(_) => parse(input).0,
            None => input,
        };
        if (wanted.config && !is_config(config)) || wanted.runs == 0 {
            return Ok(false);
        }
        wanted.runs -= 1;
        self.count()?;
        let Some(found) = self.target.run(input, With::Counters)? else {
            return Ok(false);
        };
        let counters = self.target.counters(With::Counters);
        let has_edge = wanted
            .witness
            .is_none_or(|edge| counters.get(edge).is_some_and(|hits| *hits > 0));
        Ok(has_edge && found.is_like(wanted.problem))
    }

    /// Leaves out bytes: half of them, quarters, and so on.
    fn shorter(
        &mut self,
        mut best: Vec<u8>,
        wanted: &mut Wanted<'_>,
        place: Place<'_>,
    ) -> Result<Vec<u8>, Stop> {
        let mut len = best.len().next_power_of_two();
        while len > 0 && !best.is_empty() {
            let mut at = 0;
            while at < best.len() {
                let mut shorter = best.clone();
                shorter.drain(at..(at + len).min(best.len()));
                match self.is_same(&place(&shorter), wanted) {
                    Ok(true) => best = shorter,
                    Ok(false) => at += len,
                    Err(Stop::Over) => return Ok(best),
                    Err(stop) => return Err(stop),
                }
            }
            len /= 2;
        }
        Ok(best)
    }

    /// Leaves out members and items of JSON, and empties texts and numbers.
    fn smaller_tree(
        &mut self,
        config: Vec<u8>,
        wanted: &mut Wanted<'_>,
        place: Place<'_>,
    ) -> Result<Vec<u8>, Stop> {
        let Ok(mut best) = serde_json::from_slice::<Value>(&config) else {
            return Ok(config);
        };
        if !self.is_same(&place(best.to_string().as_bytes()), wanted)? {
            return Ok(config);
        }
        let mut at = 0;
        // Each place in its order; one that goes away has the next one in its place.
        while let Some(smaller) = without(&best, at) {
            let mut is_smaller = false;
            for smaller in smaller {
                match self.is_same(&place(smaller.to_string().as_bytes()), wanted) {
                    Ok(true) => {
                        best = smaller;
                        is_smaller = true;
                        break;
                    }
                    Ok(false) => {}
                    Err(Stop::Over) => return Ok(best.to_string().into()),
                    Err(stop) => return Err(stop),
                }
            }
            if !is_smaller {
                at += 1;
            }
        }
        Ok(best.to_string().into())
    }
}

fn is_config(input: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<String, Value>>(input).is_ok()
}

fn whole((config, replies): &(Vec<u8>, Vec<Reply>)) -> Vec<u8> {
    print(config, replies)
}

/// The value without its member or item of this number, counted through the whole tree, and with something simpler
/// there; `None` if there are not so many.
fn without(value: &Value, number: usize) -> Option<Vec<Value>> {
    let mut ways = Vec::new();
    for simpler in [false, true] {
        let mut changed = value.clone();
        let mut left = number;
        if !change(&mut changed, &mut left, simpler) {
            return None;
        }
        if changed != *value {
            ways.push(changed);
        }
    }
    Some(ways)
}

fn change(value: &mut Value, left: &mut usize, simpler: bool) -> bool {
    match value {
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            for name in names {
                if *left == 0 {
                    match members.get_mut(&name).filter(|_| simpler) {
                        Some(member) => simplify(member),
                        None => drop(members.remove(&name)),
                    }
                    return true;
                }
                *left -= 1;
                if let Some(member) = members.get_mut(&name)
                    && change(member, left, simpler)
                {
                    return true;
                }
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                if *left == 0 {
                    match items.get_mut(at).filter(|_| simpler) {
                        Some(item) => simplify(item),
                        None => drop(items.remove(at)),
                    }
                    return true;
                }
                *left -= 1;
                if let Some(item) = items.get_mut(at)
                    && change(item, left, simpler)
                {
                    return true;
                }
            }
        }
        _ => {}
    }
    false
}

fn simplify(value: &mut Value) {
    *value = match value {
        Value::Null | Value::Bool(_) => Value::Null,
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(serde_json::Map::new()),
    };
}

#[cfg(test)]
mod tests {
    use super::without;
    use serde_json::json;

    #[test]
    fn every_place_of_a_tree_is_left_out_and_simplified() {
        let value = json!({"a": [1, "x"], "b": {"c": 2}});
        let expected = [
            vec![json!({"b": {"c": 2}}), json!({"a": [], "b": {"c": 2}})],
            vec![
                json!({"a": ["x"], "b": {"c": 2}}),
                json!({"a": [0, "x"], "b": {"c": 2}}),
            ],
            vec![
                json!({"a": [1], "b": {"c": 2}}),
                json!({"a": [1, ""], "b": {"c": 2}}),
            ],
            vec![json!({"a": [1, "x"]}), json!({"a": [1, "x"], "b": {}})],
            vec![
                json!({"a": [1, "x"], "b": {}}),
                json!({"a": [1, "x"], "b": {"c": 0}}),
            ],
        ];
        for (number, ways) in expected.into_iter().enumerate() {
            assert_eq!(without(&value, number), Some(ways), "{number}");
        }
        assert_eq!(without(&value, 5), None);
    }
}
