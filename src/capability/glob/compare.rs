//! Whether one glob matches everything that another matches.

use super::program::{Part, Program, Step};
use super::run::{GlobState, Thread};
use super::{Glob, Parts};
use alloc::collections::BTreeMap;

impl Glob {
    /// Whether this matches every text that begins with the parts `before` and continues as the
    /// wildcards of `other` allow. Conservative: `false` where it is not certain.
    ///
    /// The steps of `other` are visited once, in order, together with the steps of this glob that
    /// *every* text leads to. Where alternatives of `other` meet, only their common steps are kept. The
    /// cost is at most the product of the lengths.
    pub(in crate::capability) fn includes(&self, before: &str, other: &Glob) -> bool {
        let Some(wildcards) = &other.program else {
            return self.matches(before);
        };
        let run = self.after_literal(before).and_then(|rest| self.run(rest));
        run.is_some_and(|run| includes(run, wildcards))
    }

    /// Whether this matches every text that `other` matches. Conservative as well.
    pub(in crate::capability) fn includes_texts(&self, other: &Glob) -> bool {
        let (before, _) = other.split_at_wildcard();
        // A text that begins with `/` has an empty part there, which `before` cannot express.
        let rooted =
            before.is_empty() && [self, other].iter().any(|glob| glob.text.starts_with('/'));
        self.text == other.text || (!rooted && self.includes(before, other))
    }
}

/// The steps of `other` that are still to be visited, in order, each with the common state of all ways
/// that lead to it.
type Open<'a> = BTreeMap<(usize, Part), GlobState<'a>>;

fn includes<'a>(run: GlobState<'a>, other: &Program) -> bool {
    let mut open: Open<'a> = BTreeMap::from([((0, Part::Empty), run)]);
    let mut includes = false;
    while let Some(((at, part), mut run)) = open.pop_first() {
        if run.has_stopped() {
            return false;
        }
        let thread = Thread { step: at, part };
        let Some(step) = other.step(thread) else {
            return false;
        };
        let part = match step {
            Step::Fork(to) => {
                meet(&mut open, (*to, part), run.clone());
                part
            }
            Step::Jump(to) => {
                meet(&mut open, (*to, part), run);
                continue;
            }
            Step::End => {
                if !run.has_ended() {
                    return false;
                }
                includes = true;
                continue;
            }
            Step::Slash => {
                let skipped = match part {
                    Part::Deep => true,
                    Part::Empty | Part::Dot => other.parts == Parts::OfPath,
                    _ => false,
                };
                if !skipped {
                    run.take('/');
                }
                Part::Empty
            }
            Step::Deep => {
                run.keep_deep();
                Part::Deep
            }
            // Only a slash can follow a part `.`.
            _ if part == Part::Dot => continue,
            Step::Char('.') if part == Part::Empty && other.parts == Parts::OfPath => {
                meet(&mut open, (at.saturating_add(1), Part::Dot), run.clone());
                run.take('.');
                Part::Other
            }
            Step::Char(character) => {
                run.take(*character);
                Part::Other
            }
            Step::Any => {
                run.take_any(None);
                Part::Other
            }
            Step::Class(_) => {
                run.take_any(Some(step));
                Part::Other
            }
            Step::Star => {
                run.keep_stars();
                Part::Other
            }
        };
        meet(&mut open, (at.saturating_add(1), part), run);
    }
    includes
}

fn meet<'a>(open: &mut Open<'a>, place: (usize, Part), run: GlobState<'a>) {
    match open.get_mut(&place) {
        Some(known) => known.keep_common(&run),
        None => drop(open.insert(place, run)),
    }
}

impl GlobState<'_> {
    /// Takes any character except `/`, or any of a class.
    fn take_any(&mut self, class: Option<&Step>) {
        let program = self.program();
        self.replace(|thread| match (program.step(thread)?, class) {
            _ if !thread.is_open() => None,
            (Step::Star | Step::Deep, _) => Some(Thread {
                part: Part::Other,
                ..thread
            }),
            (Step::Any, _) => Some(thread.next(Part::Other)),
            (Step::Class(own), Some(Step::Class(other))) => {
                (own == other).then(|| thread.next(Part::Other))
            }
            _ => None,
        });
    }

    /// Takes any number of characters except `/`.
    fn keep_stars(&mut self) {
        let program = self.program();
        self.replace(|thread| {
            let stays = matches!(program.step(thread)?, Step::Star | Step::Deep);
            (stays && thread.is_open()).then_some(Thread {
                part: Part::Other,
                ..thread
            })
        });
    }

    /// Takes any number of parts.
    fn keep_deep(&mut self) {
        let program = self.program();
        self.replace(|thread| {
            let spans = matches!(program.step(thread)?, Step::Deep);
            (spans && thread.part == Part::Empty).then_some(thread)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Braces;
    use super::*;

    #[test]
    fn globs_are_compared_by_what_they_mean() {
        let read = |glob: &str| Glob::parse(glob, Parts::OfPath, Braces::Choices).unwrap();
        for (own, other, expected) in [
            ("**", "a/{b,c}/*", true),
            ("a/*", "a/{b,c}", true),
            ("a/{b,c}", "a/{c,b}", true),
            ("a/{b,c,d}", "a/{b,d}", true),
            ("a/{b,c}", "a/{b,d}", false),
            ("a/{b,c}", "a/*", false),
            ("a/*", "a/{b,c/d}", false),
            ("a/**", "a/{b,c/d}", true),
            ("a/**/x", "a/b/**/x", true),
            ("a/b/**/x", "a/**/x", false),
            ("a/*/x", "a/[bc]/x", true),
            ("a/[bc]/x", "a/[bc]/x", true),
            ("a/[bc]/x", "a/{b,c}/x", true),
            ("a/?", "a/[bc]", true),
            ("a/?", "a/*", false),
            ("a/?*", "a/?*", true),
            ("a/b*", "a/*", false),
            ("a/*b*", "a/*xb", true),
            ("a/{,b/}c", "a/{b/,}c", true),
            ("a/{.,b}/c", "a/{,b}/c", true),
            ("a{/**,}", "a/{b,c}", true),
            ("a/**/*", "a/*", true),
            ("a/*", "a/**", false),
            ("a/*", "a/{,b}", false),
        ] {
            let (own, other) = (read(own), read(other));
            let (before, _) = other.split_at_wildcard();
            let text = (own.text(), other.text());
            assert_eq!(own.includes(before, &other), expected, "{text:?}");
            assert!(own.includes(own.split_at_wildcard().0, &own), "{text:?}");
        }
    }
}
