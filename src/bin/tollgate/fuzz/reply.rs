//! The inputs of `--fuzz-world`: a config, and replies of the host behind it. Each reply has a heading, a line of
//! `--- KIND` and JSON, and content as it is, so that what a plugin reads stands in the input byte for byte. Any
//! bytes are an input: what is no heading is content.

use serde_json::{Map, Value};

/// What a reply is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The content is a file's.
    File,
    /// The content is a list of names, one a line; those of directories end with a slash.
    Directory,
    /// The content is where a symbolic link points.
    Link,
    /// The content is the value of a variable.
    Variable,
    /// The content is the body of a response.
    Http,
    /// The content is what a server sends.
    Exchange,
    /// The content is the subject of a certificate.
    Tls,
    /// The content is a list of records, one a line.
    Lookup,
    /// The content is the greeting of a mail server.
    Greet,
    /// The content is what a command prints.
    Run,
    /// When the call begins, and how much time passes at each reading.
    Clock,
    /// The content is the random bytes.
    Random,
    /// An effect fails.
    Fail,
}

impl Kind {
    pub const ALL: [Kind; 13] = [
        Kind::File,
        Kind::Directory,
        Kind::Link,
        Kind::Variable,
        Kind::Http,
        Kind::Exchange,
        Kind::Tls,
        Kind::Lookup,
        Kind::Greet,
        Kind::Run,
        Kind::Clock,
        Kind::Random,
        Kind::Fail,
    ];

    /// The word in a heading, which is that of the effect where there is one.
    pub fn word(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Link => "link",
            Kind::Variable => "variable",
            Kind::Http => "http",
            Kind::Exchange => "exchange",
            Kind::Tls => "tls",
            Kind::Lookup => "lookup",
            Kind::Greet => "greet",
            Kind::Run => "run",
            Kind::Clock => "clock",
            Kind::Random => "random",
            Kind::Fail => "fail",
        }
    }

    fn of_word(word: &[u8]) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.word().as_bytes() == word)
    }
}

/// One reply. Without a name (`path`, `name` or `when`), it is for the first request of its kind that nothing else
/// answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub kind: Kind,
    pub fields: Map<String, Value>,
    pub content: Vec<u8>,
}

impl Reply {
    pub fn new(kind: Kind, content: impl Into<Vec<u8>>) -> Reply {
        Reply {
            kind,
            fields: Map::new(),
            content: content.into(),
        }
    }

    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Reply {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    pub fn number(&self, field: &str) -> Option<u64> {
        self.fields.get(field)?.as_u64()
    }

    /// The content as text.
    pub fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// Whether it is for one request, and not for the first of its kind.
    pub fn is_named(&self) -> bool {
        let name = match self.kind {
            Kind::File | Kind::Directory | Kind::Link => "path",
            Kind::Variable => "name",
            Kind::Clock | Kind::Random | Kind::Fail => return true,
            Kind::Http | Kind::Exchange | Kind::Tls | Kind::Lookup | Kind::Greet | Kind::Run => {
                "when"
            }
        };
        self.fields.contains_key(name)
    }

    /// The pattern of the effects that it answers.
    pub fn when(&self) -> Value {
        self.fields.get("when").cloned().unwrap_or_default()
    }
}

/// The most replies of an input that are read.
const MOST: usize = 64;

/// Splits an input into the config and the replies.
pub fn parse(input: &[u8]) -> (&[u8], Vec<Reply>) {
    let mut replies: Vec<Reply> = Vec::new();
    let (config, mut rest) = cut(input);
    while let Some((heading, behind)) = rest
        && replies.len() < MOST
    {
        let (content, next) = cut(behind);
        replies.push(Reply {
            content: content.to_vec(),
            ..heading
        });
        rest = next;
    }
    (config, replies)
}

/// What is before the first heading, and that heading with what is behind it.
fn cut(input: &[u8]) -> (&[u8], Option<(Reply, &[u8])>) {
    const MARK: &[u8] = b"\n--- ";
    let mut from = 0;
    while let Some(found) = input
        .get(from..)
        .and_then(|rest| rest.windows(MARK.len()).position(|piece| piece == MARK))
    {
        let (before, heading) = input.split_at(from + found);
        let heading = heading.get(MARK.len()..).unwrap_or_default();
        let end = heading.iter().position(|byte| *byte == b'\n');
        let line = heading
            .get(..end.unwrap_or(heading.len()))
            .unwrap_or_default();
        let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        if let Some(kind) = Kind::of_word(word) {
            let fields = line.get(word.len()..).unwrap_or_default();
            let reply = Reply {
                kind,
                // Damaged fields are none.
                fields: serde_json::from_slice(fields).unwrap_or_default(),
                content: Vec::new(),
            };
            let behind = end.and_then(|end| heading.get(end + 1..));
            return (before, Some((reply, behind.unwrap_or_default())));
        }
        from += found + 1;
    }
    (input, None)
}

/// The input with this config and these replies.
pub fn print(config: &[u8], replies: &[Reply]) -> Vec<u8> {
    let mut input = config.to_vec();
    for reply in replies {
        input.extend_from_slice(b"\n--- ");
        input.extend_from_slice(reply.kind.word().as_bytes());
        if !reply.fields.is_empty() {
            input.push(b' ');
            let fields = serde_json::to_vec(&reply.fields).unwrap_or_default();
            input.extend_from_slice(&fields);
        }
        input.push(b'\n');
        input.extend_from_slice(&reply.content);
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_read_as_they_are_written() {
        let replies = vec![
            Reply::new(Kind::File, *b"\0\xFFa\n\n--- b").with("path", "/a\nb"),
            Reply::new(Kind::Http, *b"").with("status", 404),
            Reply::new(Kind::Random, *b"x\n"),
        ];
        for config in [&b"{}"[..], b"", b"{\n}\n"] {
            let input = print(config, &replies);
            assert_eq!(parse(&input), (config, replies.clone()));
        }
        assert_eq!(parse(b"{}"), (&b"{}"[..], Vec::new()));
    }

    #[test]
    fn damaged_headings_are_content_or_have_no_fields() {
        let (config, replies) = parse(b"{}\n--- fil {}\n--- file {\"path\nx\n--- random");
        assert_eq!(config, b"{}\n--- fil {}");
        let expected = [
            Reply::new(Kind::File, *b"x"),
            Reply::new(Kind::Random, *b""),
        ];
        assert_eq!(replies, expected);
    }
}
