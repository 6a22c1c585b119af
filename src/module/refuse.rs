//! Why a module is refused, in words: the proposal that it needs, or what is invalid, and where.

use super::features::{self, Proposal};
use crate::{error::LoadError, room::OutOfMemory};
use alloc::string::String;
use wasmparser::{
    BinaryReader, BinaryReaderError, FuncValidator, FunctionBody, KnownCustom, Name, Parser,
    Payload, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

/// Why reading stopped.
pub(super) enum Stopped {
    /// A limit, or the machine's memory.
    Refused(LoadError),
    /// The module is invalid, in the function of this index if any.
    Invalid(BinaryReaderError, Option<u32>),
}

impl From<LoadError> for Stopped {
    fn from(error: LoadError) -> Stopped {
        Stopped::Refused(error)
    }
}

impl From<OutOfMemory> for Stopped {
    fn from(error: OutOfMemory) -> Stopped {
        Stopped::Refused(error.into())
    }
}

impl From<BinaryReaderError> for Stopped {
    fn from(error: BinaryReaderError) -> Stopped {
        Stopped::Invalid(error, None)
    }
}

/// The longest part of a function's name that is shown, in characters.
const LONGEST_NAME: usize = 80;

/// Returns the error of a module for which reading stopped.
pub(super) fn explain(bytes: &[u8], stopped: Stopped) -> LoadError {
    let (error, function) = match stopped {
        Stopped::Refused(error) => return error,
        Stopped::Invalid(error, function) => (error, function),
    };
    let place = place(bytes, &error, function);
    match missing(bytes, &error) {
        Some(Proposal { name, advice, .. }) => LoadError::NotEnabled {
            proposal: name,
            place: place.into(),
            advice,
        },
        None => {
            let what = match error.message() {
                "unexpected end-of-file" | "section too large" => {
                    "something reaches past the end of the module or of its section"
                }
                message => message,
            };
            LoadError::Compile(format!("{what} ({place})").into())
        }
    }
}

fn place(bytes: &[u8], error: &BinaryReaderError, function: Option<u32>) -> String {
    let at = format!("at offset 0x{:x}", error.offset());
    let Some(index) = function else {
        return at;
    };
    match function_name(bytes, index) {
        Some(name) => format!("in function {index}, {name}, {at}"),
        None => format!("in function {index}, {at}"),
    }
}

/// The name of a function in the section of names, in quotes.
fn function_name(bytes: &[u8], index: u32) -> Option<String> {
    let sections = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let mut names = sections.filter_map(|payload| match payload {
        Payload::CustomSection(section) => match section.as_known() {
            KnownCustom::Name(names) => Some(names),
            _ => None,
        },
        _ => None,
    });
    let functions = names.next()?.map_while(Result::ok);
    let mut functions = functions.filter_map(|names| match names {
        Name::Function(functions) => Some(functions),
        _ => None,
    });
    let mut named = functions.next()?.into_iter().map_while(Result::ok);
    let name = named.find(|naming| naming.index == index)?.name;
    let shown: String = name.chars().take(LONGEST_NAME).collect();
    let dots = if shown.len() < name.len() { "..." } else { "" };
    Some(format!("`{shown}{dots}`"))
}

/// The proposal that is missing, if the error is one of those that a proposal cures.
fn missing(bytes: &[u8], error: &BinaryReaderError) -> Option<Proposal> {
    let at = bytes.get(error.offset()..).unwrap_or_default();
    if let Some((&prefix, rest)) = at.split_first() {
        let number = BinaryReader::new(rest, 0).read_var_u32().ok();
        let proposal = features::of_operator(prefix, number);
        if proposal.is_some() && error.message().contains("SIMD") {
            return proposal;
        }
    }
    features::missing(
        |features| match first_error(bytes, features, error.offset()) {
            None => true,
            Some(other) => other > error.offset(),
        },
    )
}

/// Where a validator with these features stops. Functions that end before the offset `until` are
/// valid as it is, and are not read again.
fn first_error(bytes: &[u8], features: WasmFeatures, until: usize) -> Option<usize> {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut validator = Validator::new_with_features(features);
    for payload in parser.parse_all(bytes) {
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => return Some(error.offset()),
        };
        match &payload {
            // Slow to validate. No proposal that is not enabled changes a data segment, but for its
            // memory, which is declared before.
            Payload::DataSection(data) if data.range().contains(&until) => return Some(until),
            Payload::DataSection(_) => continue,
            Payload::End(_) => return None,
            _ => {}
        }
        match validator.payload(&payload) {
            Err(error) => return Some(error.offset()),
            Ok(ValidPayload::Func(function, body)) if body.range().end >= until => {
                let mut validator = function.into_validator(Default::default());
                return operators(&mut validator, &body)
                    .err()
                    .map(|error| error.offset());
            }
            Ok(_) => {}
        }
    }
    None
}

/// As `FuncValidator::validate`, which also checks the validator in a debug build, and panics.
fn operators(
    validator: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
) -> Result<(), BinaryReaderError> {
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(*validator.features());
    while !reader.eof() {
        let at = reader.original_position();
        reader.visit_operator(&mut validator.visitor(at))??;
    }
    validator.finish(reader.original_position())
}
