//! A glob read into a list of steps, as a Pike machine runs them, and the check that all that the
//! choices can make of it is a glob too.

use super::class::{Class, read_class};
use super::{Beginning, Braces, LITERAL_HINT, Parts, escaped};
use crate::capability::error::Flaw;

/// The most alternatives in one glob, over all its braces.
pub(super) const MAX_ALTERNATIVES: usize = 256;

/// One step. All but a jump and the end go on with the next one.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// This character, which is no `/`.
    Char(char),
    /// `?`: any character but `/`.
    Any,
    /// `[...]`: some characters, never `/`.
    Class(Box<Class>),
    /// `*`: any number of characters but `/`.
    Star,
    /// `**`: any number of parts, each with the `/` after it.
    Deep,
    /// `/`, also after the last part.
    Slash,
    /// One more alternative begins at this step.
    Fork(usize),
    /// The alternative ends; all of them go on here.
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

/// What the part that is being read, or matched, consists of so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Part {
    Empty = 1,
    /// `.` alone, which is left out of a path.
    Dot = 2,
    /// `..` alone.
    DotDot = 4,
    /// `**` alone.
    Deep = 8,
    /// Something that ends with `*`.
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
        let mut reader = Reader {
            steps: Vec::with_capacity(text.len().saturating_add(2)),
            places: Vec::with_capacity(text.len().saturating_add(2)),
            groups: Vec::new(),
            alternatives: 0,
            braces,
        };
        reader.read(text)?;
        let Reader { steps, places, .. } = reader;
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
                .is_none_or(|seen| std::mem::replace(seen, true))
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

    /// The globs without choices that together match the same, `None` if there are more than
    /// `most`. Each text that is begun becomes at least one of them, so no more than that are ever
    /// held.
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

    /// Goes through all that the steps can mean at once: a step is visited once for each thing
    /// that its part may consist of, so the cost does not depend on how the choices combine.
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

    fn after(&self, part: Part, step: &Step) -> Result<Part, Problem> {
        let of_path = self.parts == Parts::OfPath;
        match (part, step) {
            (Part::DotDot, Step::Slash) => Err(Problem::DotDot),
            (_, Step::Slash) => Ok(Part::Empty),
            (Part::Empty, Step::Deep) => Ok(Part::Deep),
            (Part::Deep, _) | (_, Step::Deep) | (Part::Star, Step::Star) => Err(Problem::Deep),
            (_, Step::Star) => Ok(Part::Star),
            (Part::Empty, Step::Char('.')) if of_path => Ok(Part::Dot),
            (Part::Dot, Step::Char('.')) => Ok(Part::DotDot),
            _ => Ok(Part::Other),
        }
    }
}

/// What no combination of choices may make.
enum Problem {
    Deep,
    DotDot,
}

impl Problem {
    fn text(&self) -> &'static str {
        match self {
            Problem::Deep => "bad glob: `**` must be a whole part, between slashes",
            Problem::DotDot => "`..` after a wildcard or a brace has no fixed meaning",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Problem::Deep => LITERAL_HINT,
            Problem::DotDot => "write the path that is meant",
        }
    }
}

struct Reader {
    steps: Vec<Step>,
    /// The byte that each step was read from.
    places: Vec<usize>,
    /// The braces that are open.
    groups: Vec<Group>,
    alternatives: usize,
    braces: Braces,
}

struct Group {
    place: usize,
    /// The fork that the next alternative is added to.
    fork: usize,
    /// Where alternatives end.
    jumps: Vec<usize>,
}

impl Reader {
    fn read(&mut self, text: &str) -> Result<(), Flaw> {
        let mut place = 0;
        while let Some(rest) = text.get(place..).filter(|rest| !rest.is_empty()) {
            place = place.saturating_add(self.read_step(rest, place)?);
        }
        if let Some(group) = self.groups.first() {
            return Err(Flaw::new(group.place, "`{` without a `}` behind it"));
        }
        // Every part ends with a slash, the last one too.
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

    /// Reads what `rest` begins with, and returns how many bytes that was.
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
        self.groups.push(Group {
            place,
            fork,
            jumps: Vec::new(),
        });
    }

    /// A fork that leads on, as long as no further alternative is known.
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
