//! A module that falsely claims to be baked, or is baked in another way than ours, behaves as the same
//! module without the claim, or is refused.

use crate::support;

use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use support::{EVIDENCE, Guest, data};
use tollgate::{Config, Error, Inspection, Limits, Observation, Runtime};

const NAME: &[u8] = b"tollgate.baked";
const CUSTOM: u8 = 0;

/// The sections of a module: what each is, and what is in it.
type Sections = Vec<(u8, Vec<u8>)>;

/// A plugin with one of everything that baking writes anew.
fn plugin(name: &str, number: i32) -> Guest {
    let answer = EVIDENCE.replace('}', &format!(",\"data\":{{\"n\":\"{name}0\"}}}}"));
    let digit = 2048 + answer.find('0').unwrap();
    Guest {
        describe: support::text_at(1024, 28),
        observe: format!(
            "(i32.store8 (i32.const {digit}) (i32.add (i32.const 48) (global.get $n)))
             (call $pack (i32.const 2048) (i32.const {}))",
            answer.len()
        ),
        more: format!(
            "(table 2 funcref) (elem (i32.const 0) $observe)
             (global $n (mut i32) (i32.const 0)) (global $big (mut i64) (i64.const -1))
             (func (export \"_initialize\")
               (global.set $n (i32.const {number}))
               (i32.store (i32.const 9000) (memory.grow (i32.const 1))))
             {} {}",
            data(1024, format!("{{\"name\":\"{name}\",\"version\":\"1\"}}")),
            data(2048, &answer),
        ),
        ..Guest::default()
    }
}

fn baked(name: &str, number: i32) -> Sections {
    let runtime = Runtime::builder().deterministic_init(7).build().unwrap();
    let plugin = runtime
        .load("plugin", plugin(name, number).bytes())
        .unwrap();
    split(&plugin.bake().unwrap())
}

static ONE: LazyLock<Sections> = LazyLock::new(|| baked("odd", 3));
static OTHER: LazyLock<Sections> = LazyLock::new(|| baked("eve", 5));

fn split(module: &[u8]) -> Sections {
    let mut rest = &module[8..];
    let mut sections = Vec::new();
    while let [id, tail @ ..] = rest {
        let (len, size) = leb(tail);
        let (content, more) = tail[size..].split_at(len);
        sections.push((*id, content.to_vec()));
        rest = more;
    }
    sections
}

fn join(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        module.push(*id);
        module.extend(unsigned(content.len() as u64));
        module.extend(content);
    }
    module
}

fn unsigned(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7F).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A number, and how many bytes it takes.
fn leb(bytes: &[u8]) -> (usize, usize) {
    let size = 1 + bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
    let low = |(place, byte): (usize, &u8)| usize::from(byte & 0x7F) << (7 * place);
    (bytes[..size].iter().enumerate().map(low).sum(), size)
}

fn is_claim(section: &(u8, Vec<u8>)) -> bool {
    let (id, content) = section;
    *id == CUSTOM && content.get(1..=NAME.len()) == Some(NAME)
}

fn claim(sections: &[(u8, Vec<u8>)]) -> Value {
    let (_, content) = sections.iter().find(|section| is_claim(section)).unwrap();
    serde_json::from_slice(&content[1 + NAME.len()..]).unwrap()
}

fn saying(text: &[u8]) -> (u8, Vec<u8>) {
    let name = [&unsigned(NAME.len() as u64), NAME].concat();
    (CUSTOM, [&name, text].concat())
}

fn without_claims(sections: &[(u8, Vec<u8>)]) -> Sections {
    let mut without = sections.to_vec();
    without.retain(|section| !is_claim(section));
    without
}

/// What comes of loading and observing: the evidence, or what is said instead.
fn outcome(module: &[u8]) -> Result<Result<Observation, String>, String> {
    let runtime = Runtime::builder().fuel(1_000_000).build().unwrap();
    let plugin = runtime
        .load("plugin", module)
        .map_err(|error| error.report())?;
    // Nothing else that can be asked of it is worse.
    let _ = plugin.describe();
    let _ = plugin.schema();
    let _ = plugin.bake();
    let _ = Inspection::new(module, &Limits::default());
    let first = plugin.observe(&Config::new()).map_err(told);
    let second = plugin.observe(&Config::new()).map_err(told);
    assert_eq!(first, second, "the first call left something behind");
    Ok(first)
}

fn told(error: Error) -> String {
    let told = error.report();
    assert!(!told.contains("panic"), "{told}");
    told
}

/// Anything that can stand in the place of something.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("\u{1b}[2J\0")),
        Just(json!("x".repeat(2 << 20))),
        Just(json!([1, 2, 3])),
        Just(json!([0, 0, 0, 65535])),
        Just(json!(["fs:write:/**", "exec:*", "\n"])),
        Just(json!({"describe": "{\"name\":\"odd\",\"version\":\"1\"}"})),
        Just(json!({"describe": "{", "observe": "{\"status\":true}", "": ""})),
        Just(json!({"describe": "[".repeat(100_000), "schema": "[".repeat(100_000)})),
    ]
}

#[derive(Clone, Debug)]
enum Claim {
    /// A field says something else, or is one that there is not.
    Says(String, Value),
    Lacks(String),
    /// So many bytes of it, and no more.
    Cut(prop::sample::Index),
    Flipped(Vec<(prop::sample::Index, u8)>),
    /// That of another plugin.
    Other,
    /// Text of no kind.
    Raw(Vec<u8>),
}

fn a_claim() -> impl Strategy<Value = Claim> {
    let fields = [
        "format", "original", "tollgate", "engine", "grants", "fuel", "flags", "answers", "more",
    ];
    let field = || prop::sample::select(fields.map(str::to_owned).to_vec());
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    prop_oneof![
        6 => (field(), anything()).prop_map(|(field, value)| Claim::Says(field, value)),
        2 => field().prop_map(Claim::Lacks),
        2 => any::<prop::sample::Index>().prop_map(Claim::Cut),
        3 => flips.prop_map(Claim::Flipped),
        2 => Just(Claim::Other),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Claim::Raw),
    ]
}

impl Claim {
    fn section(&self) -> (u8, Vec<u8>) {
        let mut honest = claim(&ONE);
        let fields = honest.as_object_mut().unwrap();
        let text = match self {
            Claim::Says(field, value) => {
                fields.insert(field.clone(), value.clone());
                honest.to_string().into_bytes()
            }
            Claim::Lacks(field) => {
                fields.remove(field);
                honest.to_string().into_bytes()
            }
            Claim::Cut(at) => {
                let text = honest.to_string();
                text.as_bytes()[..at.index(text.len())].to_vec()
            }
            Claim::Flipped(flips) => {
                let mut text = honest.to_string().into_bytes();
                for (at, byte) in flips {
                    let at = at.index(text.len());
                    text[at] = *byte;
                }
                text
            }
            Claim::Other => claim(&OTHER).to_string().into_bytes(),
            Claim::Raw(bytes) => bytes.clone(),
        };
        saying(&text)
    }
}

/// What is done to a section that is more than words.
#[derive(Clone, Debug)]
enum Change {
    Left,
    /// The number it begins with, which is how many there are of something.
    Counts(u32),
    Cut(prop::sample::Index),
    Flipped(prop::sample::Index, u8),
    Twice,
    /// The same section of another baked plugin.
    Other,
    /// Memories of so many pages, or with such a largest size.
    Pages(u32, Option<u32>),
}

fn a_change() -> impl Strategy<Value = Change> {
    let number = || {
        prop_oneof![
            0u32..6,
            prop::sample::select(&[65_536, 65_537, u32::MAX][..])
        ]
    };
    let index = any::<prop::sample::Index>;
    prop_oneof![
        Just(Change::Left),
        number().prop_map(Change::Counts),
        index().prop_map(Change::Cut),
        (index(), any::<u8>()).prop_map(|(at, byte)| Change::Flipped(at, byte)),
        Just(Change::Twice),
        Just(Change::Other),
        (number(), prop::option::of(number())).prop_map(|(min, max)| Change::Pages(min, max)),
    ]
}

impl Change {
    fn apply(&self, sections: &mut Sections, at: prop::sample::Index) {
        const MEMORY: u8 = 5;
        let at = match self {
            Change::Pages(..) => sections.iter().position(|(id, _)| *id == MEMORY),
            _ => Some(at.index(sections.len())),
        };
        // Another change may have left nothing to change.
        let Some(at) = at.filter(|at| !sections[*at].1.is_empty()) else {
            return;
        };
        let (id, content) = sections[at].clone();
        let new = match self {
            Change::Left => {
                sections.remove(at);
                return;
            }
            Change::Counts(number) => {
                let (_, size) = leb(&content);
                [&unsigned((*number).into()), &content[size..]].concat()
            }
            Change::Cut(end) => content[..end.index(content.len())].to_vec(),
            Change::Flipped(place, byte) => {
                let mut flipped = content;
                let place = place.index(flipped.len());
                flipped[place] = *byte;
                flipped
            }
            Change::Twice => {
                sections.insert(at, (id, content));
                return;
            }
            Change::Other => {
                let (_, other) = OTHER.iter().find(|(other, _)| *other == id).unwrap();
                other.clone()
            }
            Change::Pages(min, max) => {
                let bounds = [Some(*min), *max].into_iter().flatten();
                let bounds = bounds.flat_map(|bound| unsigned(bound.into()));
                [1, u8::from(max.is_some())]
                    .into_iter()
                    .chain(bounds)
                    .collect()
            }
        };
        sections[at].1 = new;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::support::tenth(300), failure_persistence: None, ..ProptestConfig::default() })]

    /// One claim or several, anywhere: the module does what it does without them.
    #[test]
    fn words_change_nothing(
        claims in prop::collection::vec((a_claim(), any::<prop::sample::Index>()), 1..4),
    ) {
        let mut sections = without_claims(&ONE);
        let deserved = outcome(&join(&sections));
        prop_assert_eq!(&deserved.as_ref().unwrap().as_ref().unwrap().evidence.data["n"], "odd3");
        for (claim, at) in &claims {
            let at = at.index(sections.len() + 1);
            sections.insert(at, claim.section());
        }
        prop_assert_eq!(outcome(&join(&sections)), deserved);
    }

    /// Whatever else is in it: it does what it does without its words, or what is wrong with it is
    /// found when it is loaded or when it runs.
    #[test]
    fn whatever_the_words_are_about(
        changes in prop::collection::vec((a_change(), any::<prop::sample::Index>()), 1..3),
        other in any::<bool>(),
    ) {
        let mut sections = without_claims(&ONE);
        for (change, at) in &changes {
            change.apply(&mut sections, *at);
        }
        let deserved = outcome(&join(&sections));
        sections.push(if other { Claim::Other.section() } else { saying(claim(&ONE).to_string().as_bytes()) });
        let claimed = outcome(&join(&sections));
        match (deserved, claimed) {
            // What its functions are like is found when they run.
            (Err(_), Ok(_) | Err(_)) => {}
            (deserved, claimed) => prop_assert_eq!(claimed, deserved),
        }
    }
}

/// Lengths that pass the end of the module, of 32 bits and of all.
#[test]
fn lengths_that_lead_outside_are_refused() {
    let honest = join(&without_claims(&ONE));
    let refused = |tail: &[u8]| outcome(&[&honest, tail].concat()).unwrap_err();
    for length in [
        1 << 7,
        1 << 14,
        1 << 31,
        u64::from(u32::MAX),
        1 << 32,
        1 << 35,
        u64::MAX,
    ] {
        let section = [&[CUSTOM][..], &unsigned(length), b"\x0etollgate.baked{}"].concat();
        let error = refused(&section);
        let expected = match u32::try_from(length) {
            Ok(_) => "reaches past the end of the module",
            Err(_) => "invalid var_u32",
        };
        assert!(error.contains(expected), "{length}: {error}");
    }
    assert!(refused(&[CUSTOM]).contains("past the end"));
    assert!(refused(&[CUSTOM, 0x80]).contains("past the end"));
    // A section whose name is longer than it, or that has none: such a section is no section.
    for name in [
        &[][..],
        &[0x0F],
        &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
        &[0x80],
        &[0x0E, b't'],
    ] {
        let mut sections = without_claims(&ONE);
        let deserved = outcome(&join(&sections));
        sections.push((CUSTOM, name.to_vec()));
        match outcome(&join(&sections)) {
            Ok(seen) => assert_eq!(Ok(seen), deserved, "{name:?}"),
            Err(error) => assert!(error.contains("plugin"), "{error}"),
        }
    }
}

/// Words put behind a module that nobody baked, which still has to be initialised.
#[test]
fn a_claim_does_not_make_a_plugin_baked() {
    let mut sections = split(&plugin("odd", 3).bytes());
    let deserved = outcome(&join(&sections));
    sections.push(saying(claim(&OTHER).to_string().as_bytes()));
    let module = join(&sections);
    assert_eq!(outcome(&module), deserved);
    let runtime = Runtime::new().unwrap();
    let plugin = runtime.load("plugin", &module).unwrap();
    // It could as well have said so itself.
    assert_eq!(plugin.describe().unwrap().name, "eve");
    let seen = plugin.observe(&Config::new()).unwrap();
    assert_eq!(seen.evidence.data["n"], "odd3");
    assert!(plugin.init_usage().unwrap().fuel > 0);
}
