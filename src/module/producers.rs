//! The custom section in which a compiler names itself.

use wasmparser::{CustomSectionReader, KnownCustom};

/// How the compiler of Go names itself; TinyGo has another runtime, and another name.
const GO: &str = "Go cmd/compile";

/// Returns whether the section is one that names the compiler of Go.
pub(super) fn name_go(section: &CustomSectionReader<'_>) -> bool {
    let KnownCustom::Producers(fields) = section.as_known() else {
        return false;
    };
    // Each iterator ends at what it cannot read.
    fields.into_iter().flatten().any(|field| {
        field.name == "processed-by"
            && field
                .values
                .into_iter()
                .flatten()
                .any(|tool| tool.name == GO)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{Parser, Payload};

    fn is_go(name: &str, content: &[u8]) -> bool {
        let name = [&[name.len() as u8], name.as_bytes()].concat();
        let size = (name.len() + content.len()) as u8;
        let module = [b"\0asm\x01\0\0\0\0", &[size][..], &name, content].concat();
        let mut payloads = Parser::new(0).parse_all(&module);
        payloads.any(
            |payload| matches!(payload, Ok(Payload::CustomSection(section)) if name_go(&section)),
        )
    }

    #[test]
    fn only_the_compiler_of_go_is_found_whatever_else_is_there() {
        let name = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        let field =
            |field: &str, tool: &str| [name(field), vec![1], name(tool), name("1.27")].concat();
        let section = |fields: &[Vec<u8>]| [vec![fields.len() as u8], fields.concat()].concat();
        let language = field("language", "Go");
        let compiler = field("processed-by", "Go cmd/compile");
        let both = section(&[language.clone(), compiler.clone()]);
        assert!(is_go("producers", &both));
        assert!(!is_go("consumers", &both));
        // Cut anywhere, it is still only a section that cannot be read.
        for end in 0..both.len() - 5 {
            assert!(!is_go("producers", &both[..end]), "{end}");
        }
        for other in [
            section(&[language]),
            section(&[field("processed-by", "TinyGo")]),
            section(&[field("sdk", "Go cmd/compile")]),
            vec![0xFF; 20],
        ] {
            assert!(!is_go("producers", &other));
        }
    }
}
