//! The custom section in which a compiler names itself.

use super::sections::Reader;

/// The name of the section.
pub(super) const NAME: &[u8] = b"producers";

/// How the compiler of Go names itself; TinyGo has another runtime, and another name.
const GO: &[u8] = b"Go cmd/compile";

/// Returns whether the section names the compiler of Go.
pub(super) fn name_go(mut section: Reader<'_>) -> bool {
    has_go(&mut section).unwrap_or(false)
}

/// Fields such as `processed-by`, each with names and versions; `None` if the section ends too early.
fn has_go(section: &mut Reader<'_>) -> Option<bool> {
    for _ in 0..section.u32()? {
        let is_compiler = section.name()? == b"processed-by";
        for _ in 0..section.u32()? {
            let is_go = section.name()? == GO;
            section.name()?;
            if is_compiler && is_go {
                return Some(true);
            }
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_compiler_of_go_is_found_whatever_else_is_there() {
        let name = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let field =
            |field: &str, tool: &str| [name(field), vec![1], name(tool), name("1.27")].concat();
        let section = |fields: &[Vec<u8>]| [vec![fields.len() as u8], fields.concat()].concat();
        let language = field("language", "Go");
        let compiler = field("processed-by", "Go cmd/compile");
        let both = section(&[language.clone(), compiler.clone()]);
        assert!(name_go(Reader(&both)));
        // Cut anywhere, it is still only a section that cannot be read.
        for end in 0..both.len() - 5 {
            assert!(!name_go(Reader(&both[..end])), "{end}");
        }
        for other in [
            section(&[language]),
            section(&[field("processed-by", "TinyGo")]),
            section(&[field("sdk", "Go cmd/compile")]),
            vec![0xFF; 20],
        ] {
            assert!(!name_go(Reader(&other)));
        }
    }
}
