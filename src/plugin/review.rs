//! What a plugin declares, compared with its grants: advice for the operator, which allows and denies
//! nothing.

use super::Plugin;
use crate::{capability::Capability, error::Error, printable::Text};
use alloc::{collections::BTreeSet, string::ToString, vec::Vec};
use serde::Serialize;
use tollgate_abi as abi;

impl Plugin {
    /// Compares what the plugin declares with what it was granted.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe).
    pub fn review(&self) -> Result<Review, Error> {
        let policy = &self.parts().policy;
        Ok(Review::new(
            &self.description()?.capabilities,
            policy.written(),
            &policy.working_directory,
        ))
    }
}

/// What a plugin declares, compared with what it was granted. As JSON it is an object with these
/// fields, each capability a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Review {
    /// Declared, and all of it granted.
    pub covered: Vec<Capability>,
    /// Declared, and not (or not all of it) granted.
    pub missing: Vec<Capability>,
    /// Granted, and more than any declared capability needs.
    pub broader: Vec<Capability>,
    /// Declared in a text that is no capability, and why not.
    pub unreadable: Vec<(Text, Text)>,
}

impl Review {
    pub(crate) fn new(declared: &[abi::Capability], granted: &[Capability], cwd: &str) -> Review {
        let mut review = Review::default();
        // Most of what is declared is granted as the same text, and found without comparing all.
        let same: BTreeSet<&Capability> = granted.iter().collect();
        for text in declared {
            match Capability::try_from(text) {
                Ok(declared)
                    if same.contains(&declared)
                        || granted.iter().any(|one| one.includes(&declared, Some(cwd))) =>
                {
                    review.covered.push(declared);
                }
                Ok(declared) => review.missing.push(declared),
                Err(error) => review
                    .unreadable
                    .push((text.to_string().into(), error.to_string().into())),
            }
        }
        let declared: Vec<&Capability> = review.covered.iter().chain(&review.missing).collect();
        let same: BTreeSet<&Capability> = declared.iter().copied().collect();
        let needed = |grant: &&Capability| {
            same.contains(grant) || declared.iter().any(|one| one.includes(grant, Some(cwd)))
        };
        review.broader = granted
            .iter()
            .filter(|grant| !needed(grant))
            .cloned()
            .collect();
        review
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_and_granted_are_compared_by_meaning() {
        let declared = [
            abi::Capability::new("fs", "read:/etc/**"),
            abi::Capability::new("network", "outbound:53"),
            abi::Capability::new("fs", "erase:/x"),
        ];
        let granted: Vec<Capability> = ["fs:read:/etc/hosts", "network:outbound:*", "env:HOME"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let review = Review::new(&declared, &granted, "/");
        let texts = |list: &[Capability]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&review.covered), ["network:outbound:53"]);
        assert_eq!(texts(&review.missing), ["fs:read:/etc/**"]);
        assert_eq!(texts(&review.broader), ["network:outbound:*", "env:HOME"]);
        assert_eq!(review.unreadable.len(), 1);
        assert_eq!(review.unreadable[0].0, "fs:erase:/x");
    }
}
