//! What a search costs, in bytes that are read, for the most expensive texts.

use super::{Redactor, spans::counted};

/// All that the budgets allow to be decoded is read by four searches, and tried as six
/// encodings.
const MOST_PER_BYTE: usize = 800;

fn redactor(values: &[String]) -> Redactor {
    let builder = Redactor::builder();
    let builder = values
        .iter()
        .fold(builder, |builder, value| builder.value(value));
    builder.build().unwrap()
}

fn cost(redactor: &Redactor, text: &str) -> usize {
    counted();
    let _ = redactor.redact(text);
    counted()
}

#[test]
fn a_guest_cannot_make_a_search_long() {
    let value = "ab".repeat(2000) + "c";
    let redactor = redactor(&[
        value,
        "aaaa".into(),
        "aaaaaaaa".into(),
        "[a]a".into(),
        "1 2 3 4".into(),
    ]);
    let pieces = [
        "ghp_",
        "xoxb-",
        "-ey",
        "sk-",
        "SG.",
        "ey.",
        "ghp_x-",
        "-eyJhbGciOiJIUz.ey",
        "a",
        "ab",
        "[a]a",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "-----END ",
        "-Type: ",
        "BEGIN PRIVATE KEY-----\n",
        "token=",
        "token: ",
        "=",
        ":",
        "\"",
        "token=zX81kd7Qw0sPf4",
        "\\",
        "\\\\",
        "\\u0061",
        "\\x61",
        "%61",
        "%25",
        "%2561",
        "&",
        "&#",
        "&#97;",
        "&amp;",
        "&amp;amp;",
        "V",
        "U",
        "YWFh",
        "WVdGaA",
        "6161",
        "36313631",
        "\n",
        "1\n",
        "a \n",
        "[REDACTED]",
        "[hmac:",
        "[hmac:0123456789abcdef0123456789abcdef]",
        "\u{1f511}",
        "\\n&#97;%61YWFh",
        "&#92;\\u0025%26",
    ];
    for piece in crate::share::spread(pieces) {
        let tail = "-----END RSA PRIVATE KEY-----";
        let text = |length: usize| piece.repeat(length / piece.len()) + tail;
        let spent =
            [1 << 10, 10 << 10, 100 << 10].map(|length| cost(&redactor, &text(length)) / length);
        assert!(
            spent.iter().all(|spent| *spent <= MOST_PER_BYTE),
            "{piece:?}: {spent:?}"
        );
        // In windows, a part is read twice.
        assert!(spent[2] <= spent[1] * 5 / 4 + 10, "{piece:?}: {spent:?}");
    }
}

/// Nor one of many short texts, or of many keys that become the same.
#[test]
fn json_of_many_parts_costs_no_more_than_its_bytes() {
    let redactor = redactor(&["hunter2-hunter2".into()]);
    let (short, key) = ("\\n&#97;%61YWFhV", "hunter2-hunter2");
    for many in [100, 1000, 10_000] {
        let texts = vec![serde_json::Value::from(short); many];
        let keys = (0..many).map(|number| (format!("{key}{number}"), number.into()));
        let keys: serde_json::Map<String, serde_json::Value> = keys.collect();
        for mut value in [texts.into(), keys.into()] {
            let length = serde_json::Value::to_string(&value).len();
            counted();
            redactor.redact_json(&mut value);
            let spent = counted() / length;
            assert!(spent <= MOST_PER_BYTE, "{many}: {spent}");
            let kept = value
                .as_array()
                .map(Vec::len)
                .or(value.as_object().map(|it| it.len()));
            assert_eq!(kept, Some(many));
        }
    }
}

#[test]
fn plain_text_costs_a_few_passes() {
    let redactor = redactor(&["hunter2-hunter2".into()]);
    let text = "The service listens on port 8080 (pid 4711), and answered in 12 ms.\n".repeat(4000);
    let spent = cost(&redactor, &text);
    assert!(spent <= 30 * text.len(), "{spent} for {}", text.len());
}

/// A secret at each place around the border of two windows.
#[test]
fn windows_hide_no_secret_from_one_another() {
    let redactor = redactor(&["hunter2-hunter2".into()]);
    for secret in [
        "hunter2\\u002dhunter2",
        "aHVudGVyMi1odW50ZXIy",
        "hunter2-\nhunter2",
    ] {
        for before in (100 << 10)..(100 << 10) + 4 {
            for border in [112 << 10, 128 << 10] {
                let before = ".".repeat(before + border - (100 << 10) - secret.len() / 2);
                let text = format!("{before}{secret}{}", ".".repeat(40_000));
                let expected = format!("{before}[REDACTED]{}", ".".repeat(40_000));
                assert!(
                    redactor.redact(&text) == expected,
                    "{secret} behind {}",
                    before.len()
                );
            }
        }
    }
}
