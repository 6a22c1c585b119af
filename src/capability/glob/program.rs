//! A glob parsed into a list of steps for a Pike machine, and the check that every combination of its
//! choices is a valid glob.

use super::class::{Class, read_class};
use super::{Beginning, Braces, LITERAL_HINT, Parts, escaped};
use crate::capability::error::Flaw;
use alloc::{boxed::Box, string::String, vec::Vec};

/// The maximum number of alternatives in one glob, for all its braces together.
pub(super) const MAX_ALTERNATIVES: usize = 256;

/// One step. Except after a jump and the end, the next step follows.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// This character, which is not `/`.
    Char(char),
    /// `?`: any character except `/`.
    Any,
    /// `[...]`: one of these characters, never `/`.
    Class(Box<Class>),
    /// `*`: any number of characters except `/`.
    Star,
    /// `**`: any number of parts, each with the `/` after it.
    Deep,
    /// `/`, also after the last part.
    Slash,
    /// Another alternative begins at this step.
    Fork(usize),
    /// The alternative ends, and matching continues at this step.
    Jump(usize),
    End,
}

impl Step {
    fn write_to(&self, text: &mut String) {
        match self {
            Step::Char(character) => text.push_str(&escaped(character.encode_utf8(&mut [0; 4]))),
            Step::Any => text.push('?'),
            Step::Class(class) => class.write_to(text),
            Step::Star => text.push('*'),
            Step::Deep => text.push_str("**"),
            Step::Slash => text.push('/'),
            Step::Fork(_) | Step::Jump(_) | Step::End => {}
        }
    }
}

/// The content so far of the part that is being parsed or matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Part {
    Empty = 1,
    /// `.` alone, which is ignored in a path.
    Dot = 2,
    /// `..` alone.
    DotDot = 4,
    /// `**` alone.
    Deep = 8,
    /// A text that ends with `*`.
    Star = 16,
    Other = 32,
}

impl Part {
    pub(super) fn bit(self) -> u8 {
        self as u8
    }
}

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) parts: Parts,
}

impl Program {
    pub(super) fn parse(text: &str, parts: Parts, braces: Braces) -> Result<Program, Flaw> {
        let mut reader = Parser {
            steps: Vec::with_capacity(text.len().saturating_add(2)),
            places: Vec::with_capacity(text.len().saturating_add(2)),
            groups: Vec::new(),
            alternatives: 0,
            braces,
        };
        reader.read(text)?;
        let Parser { steps, places, .. } = reader;
        let program = Program { steps, parts };
        program.check(&places)?;
        Ok(program)
    }

    pub(super) fn has_choices(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Fork(_)))
    }

    pub(super) fn beginning(&self) -> Beginning {
        let last = self.steps.len().saturating_sub(2);
        let (mut slash, mut name, mut other) = (false, false, false);
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![0];
        while let Some(at) = open.pop() {
            if seen
                .get_mut(at)
                .is_none_or(|seen| core::mem::replace(seen, true))
            {
                continue;
            }
            match self.steps.get(at) {
                Some(Step::Fork(to)) => open.extend([*to, at.saturating_add(1)]),
                Some(Step::Jump(to)) => open.push(*to),
                Some(Step::Slash) if at != last => slash = true,
                Some(Step::Slash | Step::Deep | Step::End) | None => other = true,
                Some(_) => name = true,
            }
        }
        match (slash, name, other) {
            (true, false, false) => Beginning::Slash,
            (false, true, false) => Beginning::Name,
            _ => Beginning::Other,
        }
    }

    /// The globs without choices that together match the same; `None` if there are more than `most`.
    /// Memory is bounded by `most`: each unfinished text becomes at least one glob.
    pub(super) fn written_out(&self, most: usize) -> Option<Vec<String>> {
        let last = self.steps.len().saturating_sub(2);
        let mut done = Vec::new();
        let mut open = vec![(0_usize, String::new())];
        while let Some((mut at, mut text)) = open.pop() {
            if open.len().saturating_add(done.len()) >= most {
                return None;
            }
            loop {
                let next = at.saturating_add(1);
                match self.steps.get(at) {
                    Some(Step::Fork(other)) => {
                        if *other != next {
                            open.push((*other, text.clone()));
                        }
                        at = next;
                    }
                    Some(Step::Jump(to)) => at = *to,
                    Some(step) if at < last => {
                        step.write_to(&mut text);
                        at = next;
                    }
                    _ => break,
                }
                if open.len().saturating_add(done.len()) >= most {
                    return None;
                }
            }
            done.push(text);
        }
        Some(done)
    }

    /// Checks every combination of the choices. A step is visited once for each possible content of its
    /// part, so the cost does not depend on the number of combinations.
    fn check(&self, places: &[usize]) -> Result<(), Flaw> {
        let mut seen = vec![0_u8; self.steps.len()];
        let mut open = vec![(0_usize, Part::Empty)];
        while let Some((at, part)) = open.pop() {
            let (Some(step), Some(seen)) = (self.steps.get(at), seen.get_mut(at)) else {
                continue;
            };
            if *seen & part.bit() != 0 {
                continue;
            }
            *seen |= part.bit();
            let next = at.saturating_add(1);
            match step {
                Step::Fork(other) => open.extend([(*other, part), (next, part)]),
                Step::Jump(to) => open.push((*to, part)),
                Step::End => {}
                step => {
                    let part = self.after(part, step).map_err(|problem| {
                        let place = places.get(at).copied().unwrap_or_default();
                        Flaw::new(place, problem.text()).hint(problem.hint())
                    })?;
                    open.push((next, part));
                }
            }
        }
        Ok(())
    }

    fn after(&self, part: Part, step: &Step) -> Result<Part, InvalidPart> {
        let of_path = self.parts == Parts::OfPath;
        match (part, step) {
            (Part::DotDot, Step::Slash) => Err(InvalidPart::DotDot),
            (_, Step::Slash) => Ok(Part::Empty),
            (Part::Empty, Step::Deep) => Ok(Part::Deep),
            (Part::Deep, _) | (_, Step::Deep) | (Part::Star, Step::Star) => Err(InvalidPart::Deep),
            (_, Step::Star) => Ok(Part::Star),
            (Part::Empty, Step::Char('.')) if of_path => Ok(Part::Dot),
            (Part::Dot, Step::Char('.')) => Ok(Part::DotDot),
            _ => Ok(Part::Other),
        }
    }
}

/// A part that no combination of choices may contain.
enum InvalidPart {
    Deep,
    DotDot,
}

impl InvalidPart {
    fn text(&self) -> &'static str {
        match self {
            InvalidPart::Deep => "bad glob: `**` must be a whole part, between slashes",
            InvalidPart::DotDot => "`..` after a wildcard or a brace has no fixed meaning",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            InvalidPart::Deep => LITERAL_HINT,
            InvalidPart::DotDot => "write the path without `..`",
        }
    }
}

struct Parser {
    steps: Vec<Step>,
    /// The position of each step in the text.
    places: Vec<usize>,
    /// The open braces.
    groups: Vec<Choice>,
    alternatives: usize,
    braces: Braces,
}

struct Choice {
    place: usize,
    /// The fork to which the next alternative is added.
    fork: usize,
    /// The jumps at the ends of the alternatives.
    jumps: Vec<usize>,
}

impl Parser {
    fn read(&mut self, text: &str) -> Result<(), Flaw> {
        let mut place = 0;
        while let Some(rest) = text.get(place..).filter(|rest| !rest.is_empty()) {
            place = place.saturating_add(self.read_step(rest, place)?);
        }
        if let Some(group) = self.groups.first() {
            return Err(Flaw::new(group.place, "`{` without a `}` after it"));
        }
        // Every part ends with a slash, also the last one.
        self.push(Step::Slash, text.len());
        self.push(Step::End, text.len());
        match self.alternatives {
            0..=MAX_ALTERNATIVES => Ok(()),
            found => Err(Flaw::new(
                0,
                format!(
                    "{found} alternatives in one glob, more than the limit of {MAX_ALTERNATIVES}"
                ),
            )
            .hint("write several globs")),
        }
    }

    /// Parses the first step of `rest`, and returns its length in bytes.
    fn read_step(&mut self, rest: &str, place: usize) -> Result<usize, Flaw> {
        let mut characters = rest.chars();
        let Some(first) = characters.next() else {
            return Ok(1);
        };
        let choices = self.braces == Braces::Choices;
        let step = match first {
            '*' => {
                let stars = rest.bytes().take_while(|byte| *byte == b'*').count();
                let step = match stars {
                    1 => Step::Star,
                    2 => Step::Deep,
                    _ => {
                        return Err(Flaw::new(place, "bad glob: more than two stars in a row")
                            .hint(LITERAL_HINT));
                    }
                };
                self.push(step, place);
                return Ok(stars);
            }
            '?' => Step::Any,
            '[' => {
                let (step, length) = read_class(characters.as_str()).ok_or_else(|| {
                    Flaw::new(place, "bad glob: `[` without a `]` in the same part")
                        .hint(LITERAL_HINT)
                })?;
                self.push(step, place);
                return Ok(length.saturating_add(1));
            }
            '/' => Step::Slash,
            '{' if choices => {
                self.open(place);
                return Ok(1);
            }
            ',' if choices && !self.groups.is_empty() => {
                self.next_alternative(place);
                return Ok(1);
            }
            '}' if choices => {
                self.close(place)?;
                return Ok(1);
            }
            character => Step::Char(character),
        };
        self.push(step, place);
        Ok(first.len_utf8())
    }

    fn push(&mut self, step: Step, place: usize) {
        self.steps.push(step);
        self.places.push(place);
    }

    fn open(&mut self, place: usize) {
        let fork = self.push_fork(place);
        self.groups.push(Choice {
            place,
            fork,
            jumps: Vec::new(),
        });
    }

    /// Adds a fork that leads to the next step until another alternative is added.
    fn push_fork(&mut self, place: usize) -> usize {
        let fork = self.steps.len();
        self.push(Step::Fork(fork.saturating_add(1)), place);
        self.alternatives = self.alternatives.saturating_add(1);
        fork
    }

    fn next_alternative(&mut self, place: usize) {
        let jump = self.steps.len();
        self.push(Step::Jump(jump), place);
        let next = self.push_fork(place);
        let Some(group) = self.groups.last_mut() else {
            return;
        };
        group.jumps.push(jump);
        if let Some(Step::Fork(other)) = self.steps.get_mut(group.fork) {
            *other = next;
        }
        group.fork = next;
    }

    fn close(&mut self, place: usize) -> Result<(), Flaw> {
        let group = self
            .groups
            .pop()
            .ok_or_else(|| Flaw::new(place, "`}` without a `{` before it"))?;
        let end = self.steps.len();
        for jump in group.jumps {
            if let Some(Step::Jump(to)) = self.steps.get_mut(jump) {
                *to = end;
            }
        }
        Ok(())
    }
}
