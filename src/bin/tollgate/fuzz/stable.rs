//! Whether two runs of an input are one: what is kept runs once with counters, and once with comparisons.

use super::{
    candidates::Compared,
    target::{Problem, With},
    worker::{Stop, Worker},
};
use std::hash::{DefaultHasher, Hasher as _};
use tollgate::Evidence;

/// The digest of evidence.
fn digest(evidence: &Evidence) -> u64 {
    let text = serde_json::to_vec(evidence).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    hasher.write(&text);
    hasher.finish()
}

/// What two runs differ in, if they do: their fuel, or the digests of their evidence.
fn difference(before: (u64, Option<u64>), now: (u64, Option<u64>)) -> Option<String> {
    match (before, now) {
        ((before, _), (now, _)) if before != now => Some(format!(
            "not deterministic: two runs burnt {before} and {now} units of fuel"
        )),
        ((_, before), (_, now)) if before != now => {
            Some("not deterministic: two runs ended in different evidence".to_owned())
        }
        _ => None,
    }
}

impl Worker<'_> {
    /// Runs an input with counters and with comparisons, and returns its comparisons. Both must be the same run.
    pub fn stable_log(&mut self, input: &[u8]) -> Result<Vec<Compared>, Stop> {
        self.trial(input, With::Counters)?;
        let before = (self.target.fuel(With::Counters), self.outcome());
        let log = self.log(input)?;
        let now = (self.target.fuel(With::Comparisons), self.outcome());
        if let Some(message) = difference(before, now) {
            self.found(input, Problem::new("unstable", message), With::Comparisons)?;
        }
        Ok(log)
    }

    /// The digest of the evidence of the last run.
    fn outcome(&self) -> Option<u64> {
        self.target.evidence().map(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::{difference, digest};
    use tollgate::Evidence;

    #[test]
    fn runs_differ_in_fuel_or_evidence() {
        let evidence = |status| {
            digest(&Evidence {
                status,
                ..Evidence::default()
            })
        };
        let (good, bad) = (Some(evidence(true)), Some(evidence(false)));
        assert_eq!(difference((7, good), (7, good)), None);
        assert!(
            difference((7, good), (8, good))
                .unwrap()
                .contains("7 and 8")
        );
        assert!(
            difference((7, good), (7, bad))
                .unwrap()
                .contains("evidence")
        );
    }
}
