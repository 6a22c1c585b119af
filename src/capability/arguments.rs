//! Arguments in grants and requests for commands: words separated by spaces, in quotes where needed.
//! Each list of arguments has one canonical text, so that equal grants have equal texts.

use super::error::Flaw;
use crate::printable::is_unprintable;
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// A parsed word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text, without quotes.
    pub(super) text: String,
    /// Whether it was written in quotes, and so contains no wildcard.
    pub(super) quoted: bool,
    /// The position of its first byte.
    pub(super) at: usize,
}

const QUOTE_HINT: &str =
    r#"write the word in quotes, as in "a b", with \" \\ \n \r \t \u{9b} inside"#;

/// Parses the words of `text`: separated by spaces, each plain or wholly in quotes.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Flaw> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(' ');
        let at = text.len().saturating_sub(rest.len());
        let Some(first) = rest.chars().next() else {
            return Ok(words);
        };
        let (word, behind) = match first {
            '"' => quoted(rest).map_err(|flaw| flaw.shifted(at))?,
            _ => {
                let (word, behind) = rest
                    .split_at_checked(rest.find(' ').unwrap_or(rest.len()))
                    .unwrap_or((rest, ""));
                if let Some(place) = word.find(|c| !may_be_plain(c)) {
                    return Err(Flaw::new(
                        at.saturating_add(place),
                        "a word with this character must be in quotes",
                    )
                    .hint(QUOTE_HINT));
                }
                (word.to_owned(), behind)
            }
        };
        if !behind.is_empty() && !behind.starts_with(' ') {
            let at = text.len().saturating_sub(behind.len());
            return Err(Flaw::new(at, "a space must follow the closing quote"));
        }
        words.push(Word {
            text: word,
            quoted: first == '"',
            at,
        });
        rest = behind;
    }
}

/// Parses a word in quotes, and returns the rest of the text too.
fn quoted(text: &str) -> Result<(String, &str), Flaw> {
    let mut word = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((word, text.get(at.saturating_add(1)..).unwrap_or_default())),
            '\\' => {
                let unknown = || Flaw::new(at, "an unknown escape").hint(QUOTE_HINT);
                word.push(match characters.next().map(|(_, escaped)| escaped) {
                    Some(own @ ('"' | '\\')) => own,
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some('u') => {
                        let code = text
                            .get(at.saturating_add(2)..)
                            .and_then(|rest| rest.strip_prefix('{')?.split_once('}'))
                            .map(|(code, _)| code)
                            .filter(|code| code.len() <= 6 && !code.starts_with('+'))
                            .ok_or_else(unknown)?;
                        // The braces and the digits between them.
                        for _ in 0..code.len().saturating_add(2) {
                            characters.next();
                        }
                        u32::from_str_radix(code, 16)
                            .ok()
                            .and_then(char::from_u32)
                            .filter(|character| *character != '\0')
                            .ok_or_else(unknown)?
                    }
                    _ => return Err(unknown()),
                });
            }
            own => word.push(own),
        }
    }
    Err(Flaw::new(text.len(), "the closing quote is missing").hint(QUOTE_HINT))
}

/// Whether a word with this character needs no quotes.
fn may_be_plain(character: char) -> bool {
    !matches!(character, '"' | '\'' | '\\') && !character.is_whitespace() && !is_hidden(character)
}

/// Whether a character is invisible, or changes how the text around it is displayed.
fn is_hidden(character: char) -> bool {
    is_unprintable(character)
        || matches!(
            character,
            '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
        )
}

/// Whether `word` needs no quotes in a grant.
pub(super) fn is_plain(word: &str) -> bool {
    !word.is_empty() && !word.contains('*') && word.chars().all(may_be_plain)
}

/// Appends `word` to `out`, in quotes if needed. After a command, a word that begins with a comma
/// would make a list.
pub(super) fn write_word(word: &str, out: &mut String) {
    match is_plain(word) && !word.starts_with(',') {
        true => out.push_str(word),
        false => write_quoted(word, out),
    }
}

/// Appends `word` to `out` in quotes.
pub(super) fn write_quoted(word: &str, out: &mut String) {
    out.push('"');
    for character in word.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' => out.push(' '),
            hidden if is_hidden(hidden) || hidden.is_whitespace() => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(hidden)));
            }
            own => out.push(own),
        }
    }
    out.push('"');
}

/// The arguments that a grant allows, word by word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// `None` is `*`: any one word.
    words: Vec<Option<String>>,
    /// Whether further words may follow: `**` at the end.
    rest: bool,
}

impl Arguments {
    /// Parses the words after the command.
    pub(super) fn parse(written: Vec<Word>) -> Result<Arguments, Flaw> {
        let mut arguments = Arguments {
            words: Vec::new(),
            rest: false,
        };
        for word in written {
            if arguments.rest {
                return Err(Flaw::new(word.at, "`**` must be the last word"));
            }
            match word.text.as_str() {
                _ if word.quoted => arguments.words.push(Some(word.text)),
                "*" => arguments.words.push(None),
                "**" => arguments.rest = true,
                text => {
                    if let Some(star) = text.find('*') {
                        return Err(Flaw::new(
                            word.at.saturating_add(star),
                            "a `*` within a word",
                        )
                        .hint("`*` alone is any one word and `**` any further words; to match the character write the word in quotes"));
                    }
                    arguments.words.push(Some(word.text));
                }
            }
        }
        Ok(arguments)
    }

    /// Whether no word was written.
    pub(super) fn are_unset(&self) -> bool {
        self.words.is_empty() && !self.rest
    }

    /// Whether every list of arguments is allowed.
    pub(super) fn allow_all(&self) -> bool {
        self.rest && self.words.is_empty()
    }

    /// Whether exactly one list of arguments is allowed.
    pub(super) fn are_fixed(&self) -> bool {
        !self.rest && self.words.iter().all(Option::is_some)
    }

    pub(super) fn matches(&self, args: &[String]) -> bool {
        let long_enough = match self.rest {
            true => args.len() >= self.words.len(),
            false => args.len() == self.words.len(),
        };
        long_enough
            && self.words.iter().zip(args).all(|(own, arg)| match own {
                Some(own) => own == arg,
                None => true,
            })
    }

    /// Whether this allows everything that `other` allows.
    pub(super) fn include(&self, other: &Arguments) -> bool {
        let long_enough = match self.rest {
            true => other.words.len() >= self.words.len(),
            false => other.words.len() == self.words.len() && !other.rest,
        };
        long_enough
            && self
                .words
                .iter()
                .zip(&other.words)
                .all(|(own, other)| own.is_none() || own == other)
    }

    /// Appends the words to `out`, each with a space before it.
    pub(super) fn write(&self, out: &mut String) {
        for word in &self.words {
            out.push(' ');
            match word {
                Some(word) => write_word(word, out),
                None => out.push('*'),
            }
        }
        if self.rest {
            out.push_str(" **");
        }
    }
}
