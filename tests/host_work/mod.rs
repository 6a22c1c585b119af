//! What the host must read for a guest or from a file, in the nastiest shapes, at any size. A row
//! makes its input, which is not counted, and says what is done with it.

mod answers;
pub mod counting;
mod files;
mod modules;
mod plugin;
mod transcripts;

/// One kind of input.
pub struct Row {
    pub name: &'static str,
    /// Makes an input of about so many bytes.
    pub prepare: fn(usize) -> Work,
}

/// An input, and what the host does with it.
pub struct Work {
    /// The bytes of the input.
    pub bytes: usize,
    /// Errors are answers, too: what counts is what they cost.
    pub run: Box<dyn FnOnce()>,
}

pub fn rows() -> Vec<Row> {
    [answers::ROWS, files::ROWS, modules::ROWS, transcripts::ROWS]
        .into_iter()
        .flatten()
        .map(|(name, prepare)| Row {
            name,
            prepare: *prepare,
        })
        .collect()
}

type Listed = (&'static str, fn(usize) -> Work);

/// `item`s between `open` and `close`, as many as there is room for, with commas.
pub fn listed(bytes: usize, open: &str, item: impl Fn(usize) -> String, close: &str) -> String {
    let mut text = open.to_owned();
    let begin = text.len();
    for number in 0.. {
        let next = item(number);
        if number > 0 && text.len() + next.len() + close.len() >= bytes {
            break;
        }
        if text.len() > begin {
            text.push(',');
        }
        text.push_str(&next);
    }
    text + close
}

/// The same text again and again, as often as there is room for.
pub fn repeated(bytes: usize, text: &str) -> String {
    text.repeat((bytes / text.len()).max(1))
}

/// Capabilities for networks, of which half are hosts and half are ports.
fn hosts_and_ports(bytes: usize) -> String {
    let half = |item: fn(usize) -> String| listed(bytes / 2, "[", item, "]");
    let hosts = half(|number| format!("\"h{number}.example\""));
    let ports = half(|number| format!("\"{}\"", number % 65_535 + 1));
    format!(r#"{{"network":{{"rules":[{{"hosts":{hosts},"ports":{ports}}}]}}}}"#)
}
