//! Matching, character by character: all steps that a text can lead to are followed at the same time.
//! A step is visited a fixed number of times for each character.

use super::Parts;
use super::program::{Part, Program, Step};
use alloc::vec::Vec;

/// A step that can be next, and the content of the current part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thread {
    pub(super) step: usize,
    pub(super) part: Part,
}

/// The state of matching a glob with a text.
#[derive(Clone, Debug)]
pub(super) struct GlobState<'a> {
    program: &'a Program,
    threads: Vec<Thread>,
    /// For each step, the bits of the parts that it has among the threads.
    seen: Vec<u8>,
    /// Reused memory.
    spare: Vec<Thread>,
}

impl<'a> GlobState<'a> {
    /// The state before the first character.
    pub(super) fn new(program: &'a Program) -> GlobState<'a> {
        let mut run = GlobState {
            program,
            threads: Vec::new(),
            seen: vec![0; program.steps.len()],
            spare: Vec::new(),
        };
        run.add(Thread {
            step: 0,
            part: Part::Empty,
        });
        run.follow();
        run
    }

    pub(super) fn program(&self) -> &'a Program {
        self.program
    }

    pub(super) fn take_all(&mut self, text: &str) {
        for character in text.chars() {
            if self.has_stopped() {
                return;
            }
            self.take(character);
        }
    }

    pub(super) fn take(&mut self, character: char) {
        let program = self.program;
        self.replace(|thread| program.take(thread, character));
    }

    /// Whether no further text can match.
    pub(super) fn has_stopped(&self) -> bool {
        self.threads.is_empty()
    }

    /// Whether the text so far matches.
    pub(super) fn has_ended(&self) -> bool {
        let ends = |thread: &Thread| matches!(self.program.step(*thread), Some(Step::End));
        self.threads.iter().any(ends)
    }

    /// After a `/` or at the start: whether a text with further parts can match.
    pub(super) fn can_go_on(&self) -> bool {
        let begins_a_part = |thread: &Thread| {
            let step = self.program.step(*thread);
            let takes = matches!(
                step,
                Some(Step::Char(_) | Step::Any | Step::Class(_) | Step::Star | Step::Deep)
            );
            takes && thread.is_open()
        };
        self.threads.iter().any(begins_a_part)
    }

    /// After a `/` or at the start: whether the text so far and all with further parts match.
    pub(super) fn takes_all_below(mut self) -> bool {
        let program = self.program;
        self.replace(|thread| {
            let spans = matches!(program.step(thread), Some(Step::Deep));
            (spans && thread.part == Part::Empty).then_some(thread)
        });
        self.has_ended()
    }

    /// After a `/` or at the start: whether every text with one more part matches.
    pub(super) fn takes_any_part(mut self) -> bool {
        let program = self.program;
        self.replace(|thread| matches!(program.step(thread), Some(Step::Star)).then_some(thread));
        self.take('/');
        self.has_ended()
    }

    /// Replaces each thread by the result of `change`, and adds the threads that follow from it.
    pub(super) fn replace(&mut self, change: impl Fn(Thread) -> Option<Thread>) {
        let old = core::mem::replace(&mut self.threads, core::mem::take(&mut self.spare));
        for thread in &old {
            if let Some(seen) = self.seen.get_mut(thread.step) {
                *seen = 0;
            }
        }
        for thread in &old {
            if let Some(thread) = change(*thread) {
                self.add(thread);
            }
        }
        self.spare = old;
        self.spare.clear();
        self.follow();
    }

    /// Keeps the threads that `other`, a state of the same glob, has too.
    pub(super) fn keep_common(&mut self, other: &GlobState<'_>) {
        let (seen, theirs) = (&mut self.seen, &other.seen);
        self.threads.retain(|thread| {
            let common = theirs.get(thread.step).copied().unwrap_or_default() & thread.part.bit();
            if let (0, Some(seen)) = (common, seen.get_mut(thread.step)) {
                *seen &= !thread.part.bit();
            }
            common != 0
        });
    }

    fn add(&mut self, thread: Thread) {
        let Some(seen) = self.seen.get_mut(thread.step) else {
            return;
        };
        if *seen & thread.part.bit() == 0 {
            *seen |= thread.part.bit();
            self.threads.push(thread);
        }
    }

    /// Adds the threads that can be reached without a further character.
    fn follow(&mut self) {
        let mut next = 0;
        while let Some(thread) = self.threads.get(next).copied() {
            next = next.saturating_add(1);
            let [one, other] = self.program.without_character(thread);
            for thread in [one, other].into_iter().flatten() {
                self.add(thread);
            }
        }
    }
}

impl Program {
    pub(super) fn step(&self, thread: Thread) -> Option<&Step> {
        self.steps.get(thread.step)
    }

    /// The thread after this character.
    fn take(&self, thread: Thread, character: char) -> Option<Thread> {
        if !thread.is_open() {
            return None;
        }
        let stays = |part| Some(Thread { part, ..thread });
        let takes = match self.step(thread)? {
            Step::Slash => {
                let ends_a_part = thread.part == Part::Other || self.parts == Parts::OfText;
                return (ends_a_part && character == '/').then(|| thread.next(Part::Empty));
            }
            // `Other` is within a part, `Empty` before one.
            Step::Deep if character == '/' => return stays(Part::Empty),
            Step::Deep => return stays(Part::Other),
            Step::Star if character == '/' => return None,
            Step::Star => return stays(Part::Other),
            Step::Char(own) => *own == character,
            Step::Any => character != '/',
            Step::Class(class) => character != '/' && class.contains(character),
            Step::Fork(_) | Step::Jump(_) | Step::End => false,
        };
        takes.then(|| thread.next(Part::Other))
    }

    /// The threads that can be reached from a thread without a further character.
    fn without_character(&self, thread: Thread) -> [Option<Thread>; 2] {
        let of_path = self.parts == Parts::OfPath;
        match (self.step(thread), thread.part) {
            (Some(Step::Fork(other)), part) => {
                [Some(thread.next(part)), Some(Thread { step: *other, part })]
            }
            (Some(Step::Jump(to)), part) => [Some(Thread { step: *to, part }), None],
            (Some(Step::Star), Part::Empty | Part::Other) => [Some(thread.next(Part::Other)), None],
            (Some(Step::Deep), Part::Empty) => [Some(thread.next(Part::Deep)), None],
            // `**` has consumed the slashes of its parts.
            (Some(Step::Slash), Part::Deep) => [Some(thread.next(Part::Empty)), None],
            (Some(Step::Slash), Part::Empty | Part::Dot) if of_path => {
                [Some(thread.next(Part::Empty)), None]
            }
            (Some(Step::Char('.')), Part::Empty) if of_path => [Some(thread.next(Part::Dot)), None],
            _ => [None, None],
        }
    }
}

impl Thread {
    /// Whether its part can have more characters: after a part `.` or `**` only a slash can follow.
    pub(super) fn is_open(self) -> bool {
        matches!(self.part, Part::Empty | Part::Other)
    }

    pub(super) fn next(self, part: Part) -> Thread {
        Thread {
            step: self.step.saturating_add(1),
            part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Braces;
    use super::*;

    /// How many steps are visited over the whole text.
    fn work(glob: &str, text: &str) -> usize {
        let program = Program::parse(glob, Parts::OfPath, Braces::Choices).unwrap();
        let mut run = GlobState::new(&program);
        let mut work = run.threads.len();
        for character in text.chars() {
            run.take(character);
            work += run.threads.len();
        }
        work
    }

    fn check_work(glob: &str, text: &str) {
        let most = 2 * (glob.len() + 2) * (text.len() + 1);
        let work = work(glob, text);
        assert!(work <= most, "{glob}: {work} of {most}");
    }

    #[test]
    fn the_work_is_at_most_glob_times_text() {
        let nested = |depth: usize| format!("{}a{}", "{".repeat(depth), ",*a}".repeat(depth));
        for size in [64_usize, 256, 512] {
            let (a, b) = ("a".repeat(size), "a/".repeat(size / 2));
            check_work(&format!("{}b", "*a".repeat(size / 2)), &a);
            check_work(&format!("{}b", "?*".repeat(size / 2)), &a);
            check_work(&format!("{}b", "**/a/".repeat(size / 5)), &b);
            check_work(&format!("{}**/b", "*/".repeat(size / 2)), &b);
            check_work(&"{a,b}".repeat(size / 5), &"ab".repeat(size / 2));
            check_work(&"{a,}".repeat(size / 4), &a);
            check_work(&format!("{}*b", "{,,,}".repeat(size.min(320) / 5)), &a);
            check_work(&"{**/a,*}/".repeat(size / 9), &b);
            check_work(&"{./,a/,}".repeat(size / 8), &b);
            check_work(&nested(size / 5), &a);
            check_work(&"[!b-x]*".repeat(size / 7), &a);
        }
    }

    #[test]
    fn the_longest_glob_on_the_longest_path_costs_no_more() {
        let (stars, text) = ("*a".repeat(2048), "a".repeat(4096));
        check_work(&format!("{stars}b"), &text);
    }

    /// What a usual glob costs: a few steps for each character.
    #[test]
    fn plain_globs_take_a_few_steps_for_each_character() {
        let text = "a".repeat(4096);
        for (glob, steps) in [("*.log", 4), ("**/x*.{log,txt}", 8), ("{a,b,c}*", 4)] {
            let work = work(glob, &text);
            assert!(work <= steps * 4200, "{glob}: {work}");
        }
    }
}
