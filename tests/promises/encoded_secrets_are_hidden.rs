//! A secret is redacted in every usual encoding: escaped, percent-encoded, as HTML, in hex, in base64,
//! wrapped over lines, as a number, and in one of these within another. The text around it stays as it
//! is.

use crate::support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::Guest;
use tollgate::{Config, Redactor, Runtime, abi::base64};

const MARK: &str = "[REDACTED]";
const TOKEN: &str = "ghp_8smC34MaRZJqO1YjGZWyGArm3qzk51yHAJ1B";

fn redactor(values: &[&str]) -> Redactor {
    let builder = Redactor::builder();
    let builder = values
        .iter()
        .fold(builder, |builder, value| builder.value(*value));
    builder.build().unwrap()
}

/// The inside of a JSON string.
fn json_text(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn json_units(text: &str) -> String {
    let units = text.encode_utf16();
    units.map(|unit| format!("\\u{unit:04X}")).collect()
}

fn slashes(text: &str) -> String {
    json_text(text).replace('/', "\\/")
}

fn debug(text: &str) -> String {
    let quoted = format!("{text:?}");
    quoted[1..quoted.len() - 1].to_owned()
}

fn bytes_escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn percent(text: &str, keep: impl Fn(u8) -> bool, upper: bool) -> String {
    let one = |byte: u8| match byte {
        byte if keep(byte) => char::from(byte).to_string(),
        byte if upper => format!("%{byte:02X}"),
        byte => format!("%{byte:02x}"),
    };
    text.bytes().map(one).collect()
}

fn url(text: &str) -> String {
    percent(text, |byte| byte.is_ascii_alphanumeric(), true)
}

fn url_lower(text: &str) -> String {
    percent(text, |byte| byte.is_ascii_alphanumeric(), false)
}

fn url_all(text: &str) -> String {
    percent(text, |_| false, true)
}

fn form(text: &str) -> String {
    url(text).replace("%20", "+")
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('é', "&eacute;")
}

fn html_decimal(text: &str) -> String {
    let one = |c: char| format!("&#{};", u32::from(c));
    text.chars().map(one).collect()
}

fn html_hex(text: &str) -> String {
    let one = |c: char| format!("&#x{:x};", u32::from(c));
    text.chars().map(one).collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn hex_upper(text: &str) -> String {
    hex(text).to_uppercase()
}

fn encoded(text: &str) -> String {
    base64::encode(text.as_bytes())
}

fn url_safe(text: &str) -> String {
    let text = encoded(text).replace('+', "-").replace('/', "_");
    text.trim_end_matches('=').to_owned()
}

fn wrapped(text: &str, width: usize, end: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lines = characters.chunks(width).map(String::from_iter);
    lines.collect::<Vec<_>>().join(end)
}

fn mime(text: &str) -> String {
    wrapped(&encoded(text), 20, "\r\n")
}

type Encoding = (&'static str, fn(&str) -> String);

/// Those that write each character by itself.
const BY_CHARACTER: [Encoding; 13] = [
    ("JSON", json_text),
    ("JSON, by units", json_units),
    ("JSON with escaped slashes", slashes),
    ("as Rust prints it", debug),
    ("escaped bytes", bytes_escaped),
    ("URL", url),
    ("URL in lower case", url_lower),
    ("URL, every byte", url_all),
    ("form", form),
    ("HTML", html),
    ("HTML, decimal", html_decimal),
    ("HTML, hex", html_hex),
    ("as it is", str::to_owned),
];

/// Those that write bytes.
const BY_BYTE: [Encoding; 5] = [
    ("hex", hex),
    ("hex in upper case", hex_upper),
    ("base64", encoded),
    ("base64 for URLs", url_safe),
    ("base64, wrapped", mime),
];

const SECRETS: [&str; 5] = [
    "hunter2-hunter2",
    "it's \"quoted\" / 100% <é> & \\back\\",
    "correct horse battery",
    "p@ss",
    "naïve ключ 🔑",
];

#[test]
fn a_value_is_hidden_in_each_encoding() {
    for secret in SECRETS {
        let redactor = redactor(&[secret]);
        for (name, encode) in BY_CHARACTER.iter().chain(&BY_BYTE) {
            let text = format!("before: <{}> after", encode(secret));
            assert_eq!(
                redactor.redact(&text),
                format!("before: <{MARK}> after"),
                "{name} of {secret}: {text}"
            );
        }
    }
}

#[test]
fn a_value_is_hidden_in_an_encoding_of_an_encoding() {
    for secret in SECRETS {
        let redactor = redactor(&[secret]);
        let all = || BY_CHARACTER.iter().chain(&BY_BYTE);
        for (outer, write) in all() {
            for (inner, encode) in all() {
                let text = format!("({})", write(&format!("<{}>", encode(secret))));
                let hidden = redactor.redact(&text);
                assert!(
                    hidden.contains(MARK),
                    "{outer} of {inner} of {secret}: {text}"
                );
                assert!(hidden.starts_with('(') && hidden.ends_with(')'), "{hidden}");
            }
        }
        let three = json_text(&json_text(&json_text(secret)));
        assert_eq!(redactor.redact(&three), MARK, "{three}");
    }
}

/// A token and a key that nobody registered.
#[test]
fn what_is_known_by_its_looks_is_found_in_encodings_too() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";
    let redactor = redactor(&[]);
    for secret in [TOKEN, key, "AKIAIOSFODNN7EXAMPLE"] {
        for (name, encode) in BY_CHARACTER.iter().chain(&BY_BYTE) {
            if *name == "form" && secret == key {
                continue;
            }
            let text = format!("<{}>", encode(&format!("a: {secret} b")));
            let hidden = redactor.redact(&text);
            assert!(hidden.contains(MARK), "{name} of {secret}: {text}");
            let rest = encode(secret);
            let middle = &rest[rest.len() / 3..rest.len() / 2];
            assert!(!hidden.contains(middle), "{name} of {secret}: {hidden}");
        }
    }
}

#[test]
fn base64_is_searched_at_each_alignment_and_in_the_middle_of_bytes() {
    let redactor = redactor(&["p@ss", "hunter2-hunter2"]);
    for secret in ["p@ss", "hunter2-hunter2"] {
        for before in 0..7 {
            for after in 0..4 {
                for glued in ["", "/", "cb/", "x-y", "word"] {
                    let mut bytes = vec![0xF0; before];
                    bytes.extend_from_slice(secret.as_bytes());
                    bytes.extend(vec![0xF1; after]);
                    let text = base64::encode(&bytes);
                    let text = format!("{glued}{}", text.trim_end_matches('='));
                    let (from, to) = (before * 8 / 6, ((before + secret.len()) * 8).div_ceil(6));
                    let (from, to) = (glued.len() + from, glued.len() + to);
                    assert_eq!(
                        redactor.redact(&text),
                        format!("{}{MARK}{}", &text[..from], &text[to..]),
                        "{text}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_value_that_is_wrapped_over_lines_is_hidden() {
    let redactor = redactor(&["hunter2-hunter2", "correct horse battery", "pass word"]);
    for text in [
        "<hunter2-\nhunter2>",
        "<hunter2\r\n    -hunter2>",
        "<h\nu\nn\nt\ne\nr\n2\n-hunter2>",
        "<correct\n\thorse battery>",
        "<correct h\n orse\nbattery>",
        "<hunter2-\\n  hunter2>",
        "<hunter2-%0D%0Ahunter2>",
        "<hunter2-\n\u{a0}\u{3000}hunter2>",
        "<hunter2-\u{2028}hunter2>",
        "<hunter2\u{85}-\u{b}hunter2>",
        "<correct\u{c}\u{2003}horse battery>",
    ] {
        assert_eq!(redactor.redact(text), format!("<{MARK}>"), "{text:?}");
    }
    for text in ["a password", "hunter2-\n\nx hunter2", "correct\nhorses"] {
        assert_eq!(redactor.redact(text), text);
    }
}

#[test]
fn a_value_is_hidden_where_it_is_a_number() {
    let redactor = redactor(&["12345678", "0.25e3", "00098765", "123456789012345678901234"]);
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for hidden in [
        "12345678",
        "-12345678",
        "12345678.0",
        "1.2345678e7",
        "9912345678",
        "0.12345678",
        "250",
        "98765",
        "123456789012345678901234",
        // Printed with an exponent, and with a point behind the first digit.
        "123456780000000000000000000",
        "0.000000000123456789",
    ] {
        let mut value = json!([number(hidden)]);
        // As few digits as this are too many innocent numbers.
        let stays = hidden == "250";
        redactor.redact_json(&mut value);
        assert_eq!(value == json!([MARK]), !stays, "{hidden}: {value}");
    }
    let mut value = json!({"list": [1, 1234567, 12345679, 1.5, true, null], "text": "12345678"});
    redactor.redact_json(&mut value);
    let expected = json!({"list": [1, 1234567, 12345679, 1.5, true, null], "text": MARK});
    assert_eq!(value, expected);
}

/// As a plugin sends them: JSON of JSON, and base64 under a key that says nothing.
#[test]
fn evidence_hides_each_encoding_under_any_key() {
    let secret = "hun\"ter/2-é";
    let runtime = Runtime::builder()
        .redactor(redactor(&[secret]))
        .build()
        .unwrap();
    let inner = json!({"password": secret, "n": 1}).to_string();
    let data = json!({
        "content": base64::encode(format!("x {secret}").as_bytes()), "json": inner,
        "twice": json!({"inner": inner}).to_string(), "hex": hex(secret), "url": form(secret),
        "token": encoded(&format!("my {TOKEN}")),
    });
    let answer = json!({"status": true, "data": data}).to_string();
    let seen = Guest::answering(answer).load_in(&runtime);
    let seen = seen.observe(&Config::new()).unwrap().evidence.data;
    for (key, value) in &seen {
        assert!(value.as_str().unwrap().contains(MARK), "{key}: {value}");
    }
    let inner = format!("{{\"n\":1,\"password\":\"{MARK}\"}}");
    assert_eq!(seen["json"], inner.as_str());
    assert!(serde_json::from_str::<Value>(seen["twice"].as_str().unwrap()).is_ok());
}

fn encoding() -> impl Strategy<Value = Encoding> {
    let all: Vec<Encoding> = BY_CHARACTER.iter().chain(&BY_BYTE).copied().collect();
    proptest::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::support::tenth(400)))]

    /// A random secret in a random encoding, at a random place: it is hidden, and the text around
    /// it stays. The text around has letters, escapes and signs of all the encodings.
    #[test]
    fn only_the_secret_is_hidden_wherever_it_is(
        secret in "[a-zA-Z0-9\"'\\\\/<>&%+=é🔑;: ]{2,10}[A-Za-z]{4}",
        (name, encode) in encoding(),
        before in "[a-z \\\\\"&#;%/=é\\n-]{0,20}[ (]",
        after in "[ )][a-z \\\\\"&#;%/=é\\n-]{0,20}",
    ) {
        // It would be padding of wrapped base64.
        prop_assume!(!after.trim_start().starts_with('='));
        let redactor = Redactor::builder().value(secret.as_str()).without_tokens().build().unwrap();
        let text = format!("{before}{}{after}", encode(secret.trim()));
        let hidden = redactor.redact(&text);
        prop_assert_eq!(&hidden, &format!("{}{}{}", before, MARK, after), "{}: {}", name, text);
        prop_assert_eq!(redactor.redact(&hidden), hidden);
    }

    /// Pieces of secrets, tokens, keys, marks and encodings in any order: hiding twice changes
    /// nothing more.
    #[test]
    fn hiding_twice_changes_nothing_more(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "hunter2", "REDACTED", "[REDACTED]", "[", "]", "x", "AKIAIOSFODNN7EXAMPLE", "ghp_", "shpat_",
            "0123456789abcdef0123456789abcdef", "password=", "zX81kd7Qw0sPf4", "token: ", " ", "\n", "\\", "\"", "%", "%25",
            "68756e74657232", "aHVudGVyMg", "AAAA", "=", "\\u0068", "&#x68;", "unter2", "hun", "ter2", "&amp;", "%41",
            "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "[hmac:0123456789abcdef0123456789abcdef]",
            "eyJhbGciOiJIUzI1NiJ9", ".", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "é", "sk-", "npm_", "dop_v1_",
        ]), 0..14),
        hashed: bool,
    ) {
        let mut builder = Redactor::builder().value("hunter2").value("REDACTED").value("x[RED");
        if hashed {
            builder = builder.keyed_hash("key");
        }
        let redactor = builder.build().unwrap();
        let once = redactor.redact(&pieces.concat());
        prop_assert_eq!(redactor.redact(&once), once);
    }

    /// Whatever JSON comes in, JSON goes out, with as many entries as before.
    #[test]
    fn evidence_stays_json_and_loses_no_entry(
        keys in proptest::collection::vec("(hunter2|a|\\[REDACTED\\]|\\[REDACTED\\] 2){1,2}", 0..6),
        text in any::<String>(),
    ) {
        let redactor = redactor(&["hunter2"]);
        let map: serde_json::Map<String, Value> = keys.iter().map(|key| (key.clone(), json!([text, key]))).collect();
        let mut value = Value::Object(map.clone());
        redactor.redact_json(&mut value);
        prop_assert_eq!(value.as_object().unwrap().len(), map.len());
        let printed = value.to_string();
        prop_assert!(!printed.contains("hunter2"), "{}", printed);
        let mut again = value.clone();
        redactor.redact_json(&mut again);
        prop_assert_eq!(again, value);
    }
}
