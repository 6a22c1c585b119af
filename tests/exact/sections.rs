//! Modules as sections, which are copied, changed or added to.

/// Identifiers of sections, in the order in which they stand.
pub const TYPE: u8 = 1;
pub const FUNCTION: u8 = 3;
pub const GLOBAL: u8 = 6;
pub const EXPORT: u8 = 7;
pub const CODE: u8 = 10;
const ORDER: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

/// What an export names.
pub const FUNCTION_KIND: u8 = 0;
pub const GLOBAL_KIND: u8 = 3;

/// A number in LEB128.
pub fn leb(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7F) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// Reads a number in LEB128 and returns it with what follows it.
pub fn read_leb(bytes: &[u8]) -> (usize, &[u8]) {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate() {
        number |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return (number, &bytes[at + 1..]);
        }
    }
    panic!("the number does not end")
}

/// An entry of the export section.
pub fn export(name: &str, kind: u8, index: u32) -> Vec<u8> {
    let mut entry = leb(name.len() as u64);
    entry.extend_from_slice(name.as_bytes());
    entry.push(kind);
    entry.extend(leb(u64::from(index)));
    entry
}

/// The content of a section that is a list, with more entries at its end.
pub fn append(content: &[u8], entries: &[Vec<u8>]) -> Vec<u8> {
    let (count, rest) = if content.is_empty() {
        (0, content)
    } else {
        read_leb(content)
    };
    let mut new = leb((count + entries.len()) as u64);
    new.extend_from_slice(rest);
    new.extend(entries.iter().flatten());
    new
}

/// Writes a module with each section's content changed. A section that is not there is empty; one that
/// stays empty is left out, and so are custom sections.
pub fn rewrite(module: &[u8], change: impl Fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut contents = [&[][..]; 13];
    let mut rest = &module[8..];
    while let [id, after @ ..] = rest {
        let (size, after) = read_leb(after);
        contents[usize::from(*id)] = &after[..size];
        rest = &after[size..];
    }
    let mut new = module[..8].to_vec();
    for id in ORDER {
        let content = change(id, contents[usize::from(id)]);
        if !content.is_empty() {
            new.push(id);
            new.extend(leb(content.len() as u64));
            new.extend(content);
        }
    }
    new
}
