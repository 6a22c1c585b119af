//! Schemas and values of a given size whose validation is expensive, for tests of its cost.

use serde_json::{Map, Value, json};

/// A schema and a value of about so many bytes each, or of fewer where more would change nothing.
pub type Shape = fn(usize) -> (Value, Value);

fn list(items: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..items).map(item).collect()
}

fn map(entries: usize, entry: impl Fn(usize) -> (String, Value)) -> Value {
    Value::Object((0..entries).map(entry).collect::<Map<String, Value>>())
}

/// As many items as fit into the bytes of a value that is multiplied with a schema: these need not
/// be as many to end in an error.
fn multiplied(bytes: usize, item: usize) -> usize {
    bytes.min(100_000) / item
}

/// `$ref`s to `#/$defs/a`, so many that they have the bytes.
fn references(bytes: usize) -> Value {
    list(bytes / 20, |_| json!({"$ref": "#/$defs/a"}))
}

/// Definitions that each refer to the next one twice.
fn doubling(bytes: usize, twice: impl Fn(Value) -> Value) -> Value {
    let levels = (bytes / 100).min(50);
    let mut schemas = map(levels, |level| {
        let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
        (format!("a{level}"), twice(next))
    });
    schemas[format!("a{levels}")] = json!(false);
    json!({"$ref": "#/$defs/a0", "$defs": schemas})
}

/// Shapes that cost time in proportion to their bytes.
pub const PROPORTIONAL: &[(&str, Shape)] = &[
    ("a plain list", |bytes| {
        let schema = json!({"items": {"type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"type": "integer", "minimum": 0}, "b": {"enum": ["x", "y"]}}}});
        (schema, list(bytes / 20, |n| json!({"a": n, "b": "x"})))
    }),
    ("many properties and few", |bytes| {
        let properties = map(bytes / 30, |n| (format!("p{n}"), json!({"type": "string"})));
        (
            json!({"items": {"properties": properties}}),
            list(bytes / 10, |_| json!({"p7": ""})),
        )
    }),
    ("a list of equal beginnings", |bytes| {
        let items = list(bytes / 100, |n| json!(format!("{}{n:08}", "x".repeat(80))));
        (json!({"uniqueItems": true}), items)
    }),
    ("a list of objects that differ late", |bytes| {
        let items = list(
            bytes / 100,
            |n| json!({"a": "x".repeat(60), "b": {"c": [n]}}),
        );
        (json!({"uniqueItems": true}), items)
    }),
    ("numbers of any size", |bytes| {
        let schema =
            json!({"items": {"multipleOf": 1e-300, "maximum": 1e308, "exclusiveMinimum": -1e308}});
        (
            schema,
            list(bytes / 20, |n| {
                if n % 2 == 0 {
                    json!(1e308)
                } else {
                    json!(1e-308)
                }
            }),
        )
    }),
    ("long names and long keys", |bytes| {
        let names = map(bytes / 1000, |n| {
            ("n".repeat(990) + &n.to_string(), json!(true))
        });
        let keys = map(bytes / 1000, |n| {
            ("k".repeat(990) + &n.to_string(), json!(1))
        });
        (
            json!({"properties": names, "additionalProperties": false}),
            keys,
        )
    }),
    ("violations without end", |bytes| {
        (
            json!({"items": {"const": "x".repeat(bytes)}}),
            list(bytes / 2, |_| json!(1)),
        )
    }),
    ("a long required list", |bytes| {
        let names = list(bytes / 12, |n| json!(format!("n{n}")));
        let value = map(bytes / 12, |n| (format!("n{n}"), json!(0)));
        (json!({"required": names}), value)
    }),
    ("notes without end", |bytes| {
        let schema = map(bytes / 1000, |n| {
            ("u".repeat(980) + &n.to_string(), json!(0))
        });
        (schema, json!({}))
    }),
];

/// Shapes whose cost is a product: each ends in an error when it has many bytes.
pub const PRODUCTS: &[(&str, Shape)] = &[
    ("alternatives of alternatives", |bytes| {
        (
            doubling(bytes, |next| json!({"anyOf": [next, next]})),
            json!({}),
        )
    }),
    ("exclusive alternatives", |bytes| {
        (
            doubling(bytes, |next| json!({"oneOf": [next, next]})),
            json!({}),
        )
    }),
    ("conditions of conditions", |bytes| {
        (
            doubling(bytes, |next| json!({"if": next, "else": next})),
            json!({}),
        )
    }),
    ("negations of both", |bytes| {
        (
            doubling(
                bytes,
                |next| json!({"allOf": [{"not": next}, {"not": next}]}),
            ),
            json!({}),
        )
    }),
    ("items of alternatives", |bytes| {
        let schema =
            json!({"items": {"oneOf": references(bytes)}, "$defs": {"a": {"type": "string"}}});
        (schema, list(multiplied(bytes, 2), |_| json!(1)))
    }),
    ("a chain of references", |bytes| {
        let chain = map(bytes / 40, |n| {
            (
                format!("a{n}"),
                json!({"$ref": format!("#/$defs/a{}", n + 1)}),
            )
        });
        (json!({"$ref": "#/$defs/a0", "$defs": chain}), json!({}))
    }),
    ("a circle of references", |_| {
        (json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}), json!({}))
    }),
    ("long references", |bytes| {
        let to = format!("#/$defs{}", "/a".repeat(bytes / 2));
        (
            json!({"items": {"$ref": to}}),
            list(multiplied(bytes, 2), |_| json!(1)),
        )
    }),
    ("a large constant, often", |bytes| {
        let text = "x".repeat(bytes / 2);
        let schema = json!({"allOf": references(bytes / 2), "$defs": {"a": {"const": text}}});
        (schema, json!(text))
    }),
    ("large values in an enumeration", |bytes| {
        let item = |n: usize| json!([vec![0; 40], n]);
        let schema = json!({"items": {"enum": list(bytes / 100, item)}});
        (schema, list(bytes / 100, |n| item(n + 1_000_000)))
    }),
    ("contained in lists of lists", |bytes| {
        let schema = json!({"allOf": references(bytes), "$defs": {"a": {"contains": {"const": 1}, "uniqueItems": true}}});
        (schema, list(multiplied(bytes, 8), |n| json!(n + 2)))
    }),
    ("the length of a long text", |bytes| {
        let schema = json!({"allOf": references(bytes), "$defs": {"a": {"minLength": 1, "maxLength": 1e308}}});
        (schema, json!("é".repeat(multiplied(bytes, 2))))
    }),
    ("required of many", |bytes| {
        let schema = json!({"items": {"required": list(bytes / 5, |n| json!(n.to_string()))}});
        (schema, list(multiplied(bytes, 3), |_| json!({})))
    }),
    ("dependents of many", |bytes| {
        let needs = list(bytes / 5, |n| json!(n.to_string()));
        (
            json!({"items": {"dependentRequired": {"a": needs}}}),
            list(multiplied(bytes, 8), |_| json!({"a": 1})),
        )
    }),
    ("types without end", |bytes| {
        let kinds = list(bytes / 9, |_| json!("string"));
        (
            json!({"items": {"type": kinds}}),
            list(multiplied(bytes, 2), |_| json!(1)),
        )
    }),
    ("unknown keywords", |bytes| {
        (
            json!({"items": map(bytes / 10, |n| (format!("x{n}"), json!(0)))}),
            list(multiplied(bytes, 2), |_| json!(1)),
        )
    }),
    ("names searched for in vain", |bytes| {
        let name = |n: usize| "n".repeat(200) + &n.to_string();
        let schema = json!({"allOf": references(bytes / 2), "$defs": {"a": {"properties":
            map(bytes / 400, |n| (name(n), json!(true))), "additionalProperties": false}}});
        (schema, map(bytes / 200, |n| (name(n), json!(1))))
    }),
];

/// The same for defaults.
pub const DEFAULTS: &[(&str, Shape)] = &[
    ("a large default, often", |bytes| {
        let default = list(bytes / 8, |_| json!({"": 0}));
        let schema = json!({"items": {"properties": {"a": {"default": default}}}});
        (schema, list(multiplied(bytes, 3), |_| json!({})))
    }),
    ("many defaults, often", |bytes| {
        let properties = map(bytes / 25, |n| (format!("p{n}"), json!({"default": n})));
        let schema = json!({"items": {"properties": properties}});
        (schema, list(multiplied(bytes, 3), |_| json!({})))
    }),
    ("defaults of references, often", |bytes| {
        let schema = json!({"items": {"allOf": references(bytes)}, "$defs": {"a": {"properties": {"b": {}}}}});
        (schema, list(multiplied(bytes, 3), |_| json!({})))
    }),
    ("defaults of twice as many", |bytes| {
        (
            doubling(bytes, |next| json!({"allOf": [next, next]})),
            json!({}),
        )
    }),
];

/// The same with patterns.
#[cfg(feature = "regex")]
pub const PATTERNS: &[(&str, Shape)] = &[
    ("patterns of properties and keys", |bytes| {
        let patterns = map(bytes / 12, |n| (format!("^{n}$"), json!(true)));
        (
            json!({"patternProperties": patterns}),
            map(multiplied(bytes, 10), |n| (format!("k{n}"), json!(1))),
        )
    }),
    ("patterns against what is additional", |bytes| {
        let patterns = map(bytes / 12, |n| (format!("^{n}$"), json!(true)));
        let schema =
            json!({"patternProperties": patterns, "additionalProperties": {"type": "null"}});
        (
            schema,
            map(multiplied(bytes, 10), |n| (format!("k{n}"), json!(null))),
        )
    }),
    ("patterns for names", |bytes| {
        let schema = json!({"propertyNames": {"allOf": references(bytes)}, "$defs": {"a": {"pattern": "k"}}});
        (
            schema,
            map(multiplied(bytes, 10), |n| (format!("k{n}"), json!(1))),
        )
    }),
    ("patterns that compile to much", |bytes| {
        let patterns = list(
            bytes / 40,
            |n| json!({"pattern": format!("(\\w{{1,50}}){{1,40}}{n}")}),
        );
        (json!({"allOf": patterns}), json!("abc"))
    }),
    ("one pattern of everything optional", |bytes| {
        (
            json!({"pattern": "a?".repeat(bytes / 2)}),
            json!("a".repeat(multiplied(bytes, 1))),
        )
    }),
    ("one pattern of classes", |bytes| {
        let pattern = format!("[{}]", r"\pL\PN".repeat(bytes / 6));
        (json!({"pattern": pattern}), json!("é"))
    }),
    ("one pattern of folded classes", |bytes| {
        let pattern = format!("(?i){}", "[\u{1}-\u{ffff}]".repeat(bytes / 7));
        (json!({"pattern": pattern}), json!("é"))
    }),
    ("one class of many letters", |bytes| {
        let letters = (0..bytes / 3)
            .rev()
            .map(|n| char::from_u32(0x4e00 + 2 * (n as u32 % 10_000)));
        let letters: String = letters.flatten().collect();
        (json!({"pattern": format!("[^{letters}]")}), json!("é"))
    }),
    ("repetitions of repetitions", |bytes| {
        let pattern =
            (0..(bytes / 10).min(60)).fold("a".to_owned(), |inner, _| format!("({inner}){{9}}"));
        (
            json!({"pattern": pattern}),
            json!("a".repeat(multiplied(bytes, 1))),
        )
    }),
    ("groups that do not end", |bytes| {
        let schema = json!({"anyOf": [{"pattern": "(?(".repeat(bytes / 6)}, {"pattern": "(?<".repeat(bytes / 6)}]});
        (schema, json!("a"))
    }),
    ("a text that no table holds", |bytes| {
        let text: String = (0..multiplied(bytes, 1))
            .map(|n| {
                if n.wrapping_mul(2_654_435_761) >> 13 & 1 == 0 {
                    'a'
                } else {
                    'b'
                }
            })
            .collect();
        (json!({"pattern": "[ab]*a[ab]{200}c"}), json!(text))
    }),
    ("a long text and one pattern, often", |bytes| {
        let schema = json!({"allOf": references(bytes), "$defs": {"a": {"pattern": "^x*$"}}});
        (schema, json!("x".repeat(multiplied(bytes, 1))))
    }),
];
