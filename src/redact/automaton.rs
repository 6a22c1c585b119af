//! Finding many words in one pass over a text (Aho and Corasick, 1975): the cost of a byte does not
//! depend on the words.

use alloc::{collections::VecDeque, vec::Vec};

/// The words, as a tree of their prefixes.
#[derive(Default)]
pub(super) struct Automaton {
    nodes: Vec<Node>,
    /// The children of the root, by byte; 0 if there is none.
    first: Vec<u32>,
}

/// A prefix of a word.
#[derive(Clone, Default)]
struct Node {
    /// Its last byte.
    byte: u8,
    /// Whether the word of `longest` is searched for only unencoded.
    plain: bool,
    /// Its length.
    depth: u32,
    /// The length of the longest word that is a suffix of this prefix; 0 if there is none.
    longest: u32,
    /// Its longest proper suffix that is a prefix of a word.
    fail: u32,
    /// Its first child, and the next child of its parent; 0 if there is none.
    child: u32,
    next: u32,
}

/// A word that ends at a position.
#[derive(Clone, Copy)]
pub(super) struct Match {
    pub(super) length: usize,
    /// Whether it is searched for only unencoded.
    pub(super) plain: bool,
}

impl Automaton {
    /// An automaton for these words, each with whether it is searched for only unencoded.
    pub(super) fn new<'a>(words: impl Iterator<Item = (&'a [u8], bool)>) -> Automaton {
        let mut automaton = Automaton {
            nodes: vec![Node::default()],
            first: vec![0; 256],
        };
        for (word, plain) in words.filter(|(word, _)| !word.is_empty()) {
            automaton.add(word, plain);
        }
        automaton.link();
        automaton
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    fn node(&self, state: u32) -> Node {
        let node = self.nodes.get(state as usize);
        node.cloned().unwrap_or_default()
    }

    fn child(&self, state: u32, byte: u8) -> u32 {
        if state == 0 {
            return self.first.get(usize::from(byte)).copied().unwrap_or(0);
        }
        let mut child = self.node(state).child;
        while child != 0 {
            let node = self.node(child);
            if node.byte == byte {
                return child;
            }
            child = node.next;
        }
        0
    }

    fn add(&mut self, word: &[u8], plain: bool) {
        let mut state = 0;
        for (depth, byte) in (1..).zip(word) {
            let child = self.child(state, *byte);
            state = if child == 0 {
                self.add_child(state, *byte, depth)
            } else {
                child
            };
        }
        if let Some(node) = self.nodes.get_mut(state as usize) {
            node.plain = plain && (node.longest == 0 || node.plain);
            node.longest = node.depth;
        }
    }

    fn add_child(&mut self, parent: u32, byte: u8, depth: u32) -> u32 {
        // Words of 4 GB are not searched for.
        let Ok(new) = u32::try_from(self.nodes.len()) else {
            return 0;
        };
        let mut next = 0;
        if parent == 0 {
            if let Some(first) = self.first.get_mut(usize::from(byte)) {
                *first = new;
            }
        } else if let Some(parent) = self.nodes.get_mut(parent as usize) {
            next = core::mem::replace(&mut parent.child, new);
        }
        self.nodes.push(Node {
            byte,
            depth,
            next,
            ..Node::default()
        });
        new
    }

    /// Sets `fail` of each node, shorter prefixes first.
    fn link(&mut self) {
        let mut queue: VecDeque<u32> = self.first.iter().copied().filter(|at| *at != 0).collect();
        while let Some(state) = queue.pop_front() {
            let mut child = self.node(state).child;
            while child != 0 {
                let node = self.node(child);
                let fail = self.step(self.node(state).fail, node.byte);
                let ending = self.node(fail);
                if let Some(node) = self.nodes.get_mut(child as usize) {
                    node.fail = fail;
                    if node.longest == 0 {
                        (node.longest, node.plain) = (ending.longest, ending.plain);
                    }
                }
                queue.push_back(child);
                child = node.next;
            }
        }
    }

    /// The state after one more byte. The first state is 0.
    pub(super) fn step(&self, mut state: u32, byte: u8) -> u32 {
        loop {
            let child = self.child(state, byte);
            if child != 0 || state == 0 {
                return child;
            }
            state = self.node(state).fail;
        }
    }

    /// The longest word that ends here.
    pub(super) fn longest(&self, state: u32) -> Option<Match> {
        let node = self.nodes.get(state as usize)?;
        (node.longest > 0).then_some(Match {
            length: node.longest as usize,
            plain: node.plain,
        })
    }

    /// The length of the longest prefix of a word that ends here.
    pub(super) fn depth(&self, state: u32) -> usize {
        self.node(state).depth as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// At each place, the longest word that ends there, found by trying all.
        #[test]
        fn the_longest_word_at_each_place_is_found(
            words in proptest::collection::vec("[ab\u{e9}]{1,5}", 0..6),
            text in "[abc\u{e9}]{0,40}",
        ) {
            let automaton = Automaton::new(words.iter().map(|word| (word.as_bytes(), false)));
            let mut state = 0;
            for (at, byte) in text.bytes().enumerate() {
                state = automaton.step(state, byte);
                let before = &text.as_bytes()[..=at];
                let ends = |word: &&String| before.ends_with(word.as_bytes());
                let expected = words.iter().filter(ends).map(String::len).max();
                prop_assert_eq!(automaton.longest(state).map(|found| found.length), expected);
                let begins = (0..=before.len()).find(|from| {
                    words.iter().any(|word| word.as_bytes().starts_with(&before[*from..]))
                });
                let depth = begins.map_or(0, |from| before.len() - from);
                prop_assert_eq!(automaton.depth(state), depth);
            }
        }
    }
}
