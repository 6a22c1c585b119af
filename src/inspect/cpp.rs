//! The path in a mangled C++ name (Itanium ABI): `space::map<…>::find`, without parameters and arguments.
//!
//! Reads each byte once and keeps no tables. The full grammar is ambiguous where names contain expressions; the
//! crate `cpp_demangle` takes time there that doubles with every few bytes, so that a name of 200 bytes, which a
//! plugin may have, keeps it busy for ever. A name that this grammar does not have stays mangled.

/// The longest path, in bytes.
const LONGEST: usize = 1024;

/// Returns the path, or `None` if the name is not of this grammar.
pub(super) fn path(name: &str) -> Option<String> {
    let mut reader = Reader(name.strip_prefix("_Z")?);
    // Internal to its file.
    reader.take("L");
    let mut path = String::new();
    if reader.take("N") {
        while reader.take_any(&["r", "V", "K", "R", "O"]) {}
        while !reader.take("E") {
            reader.component(&mut path)?;
        }
    } else {
        if reader.take("St") {
            path.push_str("std");
        }
        reader.component(&mut path)?;
        if reader.0.starts_with('I') {
            reader.component(&mut path)?;
        }
    }
    // What follows are parameters, or what the compiler added behind a dot.
    (!path.is_empty()).then_some(path)
}

/// What remains of a name.
struct Reader<'a>(&'a str);

/// Standard names that have a short form.
const STANDARD: &[(&str, &str)] = &[
    ("St", "std"),
    ("Sa", "std::allocator"),
    ("Sb", "std::basic_string"),
    ("Ss", "std::string"),
    ("Si", "std::istream"),
    ("So", "std::ostream"),
    ("Sd", "std::iostream"),
];

/// Operators, as far as their code is not the beginning of something else.
const OPERATORS: &[(&str, &str)] = &[
    ("nw", "new"),
    ("na", "new[]"),
    ("dl", "delete"),
    ("da", "delete[]"),
    ("pl", "+"),
    ("mi", "-"),
    ("ml", "*"),
    ("dv", "/"),
    ("rm", "%"),
    ("pL", "+="),
    ("mI", "-="),
    ("mL", "*="),
    ("aS", "="),
    ("eq", "=="),
    ("ne", "!="),
    ("lt", "<"),
    ("gt", ">"),
    ("le", "<="),
    ("ge", ">="),
    ("ss", "<=>"),
    ("nt", "!"),
    ("ls", "<<"),
    ("rs", ">>"),
    ("pp", "++"),
    ("mm", "--"),
    ("pt", "->"),
    ("de", "*"),
    ("cl", "()"),
    ("ix", "[]"),
];

impl<'a> Reader<'a> {
    fn take(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take_any(&mut self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.take(text))
    }

    fn one_of<'t>(&mut self, table: &[(&str, &'t str)]) -> Option<&'t str> {
        let (_, text) = table.iter().find(|(code, _)| self.take(code))?;
        Some(text)
    }

    /// Takes the bytes at the front that are like this.
    fn take_while(&mut self, is_like: impl Fn(char) -> bool) -> &'a str {
        let rest = self.0.trim_start_matches(is_like);
        let taken = self.0.strip_suffix(rest).unwrap_or_default();
        self.0 = rest;
        taken
    }

    /// A name with its length before it.
    fn source_name(&mut self) -> Option<&'a str> {
        let length = self
            .take_while(|digit| digit.is_ascii_digit())
            .parse()
            .ok()?;
        let (name, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        (length > 0).then_some(name)
    }

    /// One component of a path, or the arguments of a template.
    fn component(&mut self, path: &mut String) -> Option<()> {
        // Constructors repeat a name that may be long.
        if path.len() > LONGEST {
            return None;
        }
        if self.take("I") {
            self.skip_arguments()?;
            path.push_str("<…>");
            return Some(());
        }
        if self.take("B") {
            // A tag of the ABI.
            self.source_name()?;
            return Some(());
        }
        let is_first = path.is_empty();
        let last = path.rsplit("::").next().unwrap_or_default();
        let last = last.trim_end_matches("<…>").to_owned();
        if !is_first {
            path.push_str("::");
        }
        if let Some(standard) = self.one_of(STANDARD) {
            path.push_str(standard);
        } else if self.take_any(&["C1", "C2", "C3", "C4", "C5"]) {
            path.push_str(&last);
        } else if self.take_any(&["D0", "D1", "D2", "D4", "D5"]) {
            path.push('~');
            path.push_str(&last);
        } else if let Some(operator) = self.one_of(OPERATORS) {
            path.push_str("operator");
            if operator.starts_with(char::is_alphabetic) {
                path.push(' ');
            }
            path.push_str(operator);
        } else {
            // Internal to its file.
            self.take("L");
            match self.source_name()? {
                name if name.starts_with("_GLOBAL__N") => path.push_str("(anonymous namespace)"),
                name => path.push_str(name),
            }
        }
        Some(())
    }

    /// Skips the arguments of a template, behind their `I`. Those with expressions are not of this grammar.
    fn skip_arguments(&mut self) -> Option<()> {
        let mut open = 1;
        while open > 0 {
            let next = self.0.chars().next()?;
            if next.is_ascii_digit() {
                self.source_name()?;
                continue;
            }
            self.0 = self.0.strip_prefix(next)?;
            match next {
                'I' | 'N' | 'J' | 'F' => open += 1,
                'E' => open -= 1,
                'L' => {
                    // A value: its type and its number.
                    if self.0.starts_with(|digit: char| digit.is_ascii_digit()) {
                        self.source_name()?;
                    } else {
                        self.take_while(|letter| letter.is_ascii_lowercase());
                    }
                    self.take_while(|digit| digit.is_ascii_digit());
                    self.take("E").then_some(())?;
                }
                'S' | 'T' => {
                    let is_standard = |letter| "tabsiod".contains(letter);
                    if next == 'T' || !self.0.starts_with(is_standard) {
                        self.take_while(|it| it.is_ascii_digit() || it.is_ascii_uppercase());
                        self.take("_").then_some(())?;
                    } else {
                        self.0 = self.0.get(1..)?;
                    }
                }
                'D' => {
                    let known = |letter| "pnacisuhdef012".contains(letter);
                    self.0 = self.0.strip_prefix(known)?;
                }
                'A' => {
                    self.take_while(|digit| digit.is_ascii_digit());
                    self.take("_").then_some(())?;
                }
                'P' | 'R' | 'O' | 'K' | 'V' | 'M' | 'B' | 'C' => {}
                'a'..='z' => {}
                _ => return None,
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::path;
    use proptest::prelude::*;

    #[test]
    fn paths_are_read_without_their_arguments() {
        for (name, expected) in [
            ("_Z3runv", "run"),
            ("_ZL3runv", "run"),
            ("_ZN5space6worker3runEiRKNS_5inputE", "space::worker::run"),
            ("_ZNK5space6worker4sizeEv", "space::worker::size"),
            ("_ZN6workerC2Ev", "worker::worker"),
            ("_ZN6workerIiED0Ev", "worker<…>::~worker"),
            (
                "_ZNSt6vectorIiSaIiEE9push_backEOi",
                "std::vector<…>::push_back",
            ),
            (
                "_ZNKSt3mapIiSsSt4lessIiESaISt4pairIKiSsEEE4findERS3_",
                "std::map<…>::find",
            ),
            (
                "_ZSt4moveIRiEONSt16remove_referenceIT_E4typeEOS2_",
                "std::move<…>",
            ),
            ("_ZN12_GLOBAL__N_14helpEv", "(anonymous namespace)::help"),
            ("_ZN5spaceplERKNS_1aES2_", "space::operator+"),
            ("_Znwm", "operator new"),
            ("_ZN5arrayIiLj5EE2atEj", "array<…>::at"),
            ("_ZN1aB5cxx114nameEv", "a::name"),
            ("_ZNSsC1EPKc", "std::string::string"),
            ("_Z3runv.llvm.123", "run"),
        ] {
            assert_eq!(path(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn names_of_another_grammar_stay_as_they_are() {
        for name in [
            "run",
            "_Z",
            "_ZN",
            "_ZNE",
            "_Z0",
            "_Z9runv",
            "_ZN3runI",
            "_ZN1aIXplT_T_EE1bEv",
        ] {
            assert_eq!(path(name), None, "{name}");
        }
    }

    #[test]
    fn a_path_is_not_much_longer_than_its_name() {
        let constructors = format!("_ZN1000{}{}E", "a".repeat(1000), "C1".repeat(500));
        assert_eq!(path(&constructors), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_name(text in "_Z[NILESTDCAKPR0-9a-z_é]{0,60}") {
            if let Some(path) = path(&text) {
                prop_assert!(!path.is_empty());
            }
        }
    }
}
