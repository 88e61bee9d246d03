//! What may stand under a key, as JSON Schema. Wherever a value is not plain text, text with a `$` is allowed too: a
//! variable may stand for it.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::name;

/// What a value is.
#[derive(Clone)]
pub(super) struct Shape(Map<String, Value>);

impl From<Shape> for Value {
    fn from(shape: Shape) -> Self {
        Self::Object(shape.0)
    }
}

impl serde::Serialize for Shape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl FromIterator<(String, Value)> for Shape {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(keywords: I) -> Self {
        Self(keywords.into_iter().collect())
    }
}

impl Shape {
    fn of(value: Value) -> Self {
        match value {
            Value::Object(map) => Self(map),
            other => Self(Map::from_iter([("const".to_owned(), other)])),
        }
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// What editors say instead of showing the pattern.
    fn saying(mut self, message: &str) -> Self {
        self.0.insert("patternErrorMessage".to_owned(), json!(message));
        self
    }

    /// With keys that an item of a list must have.
    pub(super) fn item(mut self, required: &[&str]) -> Self {
        self.0.insert("type".to_owned(), json!("object"));
        if !required.is_empty() {
            self.0.insert("required".to_owned(), json!(required));
        }
        self
    }
}

/// A key, what it is for, and what may stand under it.
pub(super) struct Key {
    name: &'static str,
    shape: Shape,
}

/// A key. The description is one or two sentences, for people who hover over it.
pub(super) fn key(name: &'static str, description: &'static str, shape: Shape) -> Key {
    let mut described = Map::from_iter([("description".to_owned(), json!(description))]);
    if shape.0.contains_key("$ref") {
        // Beside a reference nothing counts.
        described.insert("allOf".to_owned(), json!([shape]));
    } else {
        described.extend(shape.0);
    }
    Key { name, shape: Shape(described) }
}

impl Key {
    /// What holds where nothing is written.
    pub(super) fn default(mut self, value: impl Into<Value>) -> Self {
        self.shape.0.insert("default".to_owned(), value.into());
        self
    }
}

/// A map of known keys. Keys that begin with `x-` are left alone.
pub(super) fn level(keys: impl IntoIterator<Item = Key>) -> Shape {
    let properties: Map<String, Value> =
        keys.into_iter().map(|key| (key.name.to_owned(), Value::Object(key.shape.0))).collect();
    Shape::of(json!({
        "type": ["object", "null"],
        "properties": properties,
        "patternProperties": { "^x-": true },
        "additionalProperties": false,
    }))
}

/// A map whose keys are names of the operator's.
pub(super) fn named(value: Shape) -> Shape {
    let names = json!({ "pattern": format!("^{}$", name::PATTERN) });
    let value = Value::from(value);
    Shape::of(json!({ "type": ["object", "null"], "propertyNames": names, "additionalProperties": value }))
}

/// A map whose keys are any text.
pub(super) fn named_text(value: Shape) -> Shape {
    Shape::of(json!({ "type": ["object", "null"], "additionalProperties": Value::from(value) }))
}

/// A map whose keys are some of these words.
pub(super) fn some_of(words: &[&str], value: &Shape) -> Shape {
    let properties: Map<String, Value> = words.iter().map(|&word| (word.to_owned(), json!(value))).collect();
    Shape::of(json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": false }))
}

/// A service, wherever one is written.
pub(super) fn service() -> Shape {
    Shape::of(json!({ "$ref": "#/definitions/service" }))
}

/// A service as it is written for a host or a role.
pub(super) fn service_override() -> Shape {
    Shape::of(json!({ "$ref": "#/definitions/override" }))
}

/// Any scalar: numbers and booleans are text as they are written.
pub(super) fn text() -> Shape {
    Shape::of(json!({ "type": ["string", "number", "boolean"] }))
}

/// Text of a form.
pub(super) fn form(pattern: &str) -> Shape {
    Shape::of(json!({ "type": "string", "pattern": or_variable(pattern) }))
}

/// Text of a form that numbers and words may have.
pub(super) fn text_of(pattern: &str) -> Shape {
    Shape::of(json!({ "type": ["string", "number", "boolean"], "pattern": or_variable(pattern) }))
}

/// A name.
pub(super) fn name() -> Shape {
    text_of(name::PATTERN)
}

/// `true` or `false`.
pub(super) fn boolean() -> Shape {
    Shape::of(json!({ "type": ["boolean", "string"], "pattern": r"\$" })).saying("Write true or false, without quotes.")
}

/// `false`, for what is not supported otherwise.
pub(super) fn only_false() -> Shape {
    Shape::of(json!({ "anyOf": [{ "const": false }, { "type": "string", "pattern": r"\$" }] }))
}

/// A whole number.
pub(super) fn number(range: RangeInclusive<i64>) -> Shape {
    let sign = if *range.start() < 0 { "-?" } else { "" };
    let pattern = or_variable(&format!("{sign}(0|[1-9][0-9]*)"));
    let mut shape = json!({ "type": ["integer", "string"], "minimum": range.start(), "pattern": pattern });
    if *range.end() < i64::MAX {
        shape["maximum"] = json!(range.end());
    }
    Shape::of(shape)
}

/// A whole number, or text of another form.
pub(super) fn number_or(range: &RangeInclusive<i64>, pattern: &str) -> Shape {
    let pattern = or_variable(&format!("(0|[1-9][0-9]*)|{pattern}"));
    let (minimum, maximum) = (range.start(), range.end());
    Shape::of(json!({ "type": ["integer", "string"], "minimum": minimum, "maximum": maximum, "pattern": pattern }))
}

/// A part of something.
pub(super) fn ratio() -> Shape {
    let pattern = or_variable(r"0(\.[0-9]{1,12})?|1(\.0{1,12})?");
    Shape::of(json!({ "type": ["number", "string"], "minimum": 0, "maximum": 1, "pattern": pattern }))
}

/// A number of bytes, with a unit of 1024 if it has one.
pub(super) fn bytes() -> Shape {
    let pattern = or_variable(r"(0|[1-9][0-9]*)(\.[0-9]{1,12})?([bB]|[kKmMgGtT][bB]?)?");
    let shape = Shape::of(json!({ "type": ["number", "string"], "minimum": 0, "pattern": pattern }));
    shape.saying("Write a number of bytes such as `512m` or `1.5g`.")
}

/// As [`bytes`], or -1 for no limit.
pub(super) fn bytes_or_unlimited() -> Shape {
    let pattern = or_variable(r"-1|(0|[1-9][0-9]*)(\.[0-9]{1,12})?([bB]|[kKmMgGtT][bB]?)?");
    Shape::of(json!({ "type": ["number", "string"], "minimum": -1, "pattern": pattern }))
}

/// A decimal number, which may be below zero.
pub(super) fn decimal() -> Shape {
    let pattern = or_variable(r"-?[0-9]{1,15}(\.[0-9]{1,15})?");
    Shape::of(json!({ "type": ["number", "string"], "pattern": pattern }))
}

/// A number of processors.
pub(super) fn cpus() -> Shape {
    let pattern = or_variable(r"(0|[1-9][0-9]*)(\.[0-9]{1,12})?");
    Shape::of(json!({ "type": ["number", "string"], "exclusiveMinimum": 0, "pattern": pattern }))
}

/// A duration with its units, in falling order.
const DURATION: &str = "[0-9]+h([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?|[0-9]+m([0-9]+s)?([0-9]+ms)?([0-9]+us)?\
                        |[0-9]+s([0-9]+ms)?([0-9]+us)?|[0-9]+ms([0-9]+us)?|[0-9]+us";

/// A duration such as `1m30s`.
pub(super) fn duration() -> Shape {
    form(DURATION).saying("Write a duration such as `200ms`, `10s` or `1m30s`.")
}

/// A number of microseconds, or a duration.
pub(super) fn microseconds() -> Shape {
    number_or(&(0..=1_000_000_000), DURATION)
}

/// One of a few words.
pub(super) fn words<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Shape {
    let words: Vec<Value> = words.into_iter().map(|word| json!(word.as_ref())).collect();
    Shape::of(json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": r"\$" }] }))
}

/// One of a few words, or what else fits.
pub(super) fn words_or<W: AsRef<str>>(words: impl IntoIterator<Item = W>, other: &Shape) -> Shape {
    let words: Vec<Value> = words.into_iter().map(|word| json!(word.as_ref())).collect();
    Shape::of(json!({ "anyOf": [{ "enum": words }, other] }))
}

/// One of several shapes.
pub(super) fn either<const N: usize>(shapes: [Shape; N]) -> Shape {
    Shape::of(json!({ "anyOf": shapes.map(Value::from).to_vec() }))
}

/// A list.
pub(super) fn list(item: Shape) -> Shape {
    Shape::of(json!({ "type": ["array", "null"], "items": Value::from(item) }))
}

/// A list, which may be written as its one item.
pub(super) fn listed(item: Shape) -> Shape {
    either([item.clone(), list(item)])
}

/// A map of text, or a list of `KEY=VALUE`.
pub(super) fn pairs() -> Shape {
    let item = json!({ "type": "string", "pattern": r"=|\$" });
    Shape::of(json!({ "type": ["object", "array", "null"], "additionalProperties": text(), "items": item }))
}

/// The same, where a name alone takes the value of a variable.
pub(super) fn variables() -> Shape {
    let value = json!({ "type": ["string", "number", "boolean", "null"] });
    Shape::of(
        json!({ "type": ["object", "array", "null"], "additionalProperties": value, "items": { "type": "string" } }),
    )
}

/// The same, where a value may be something else too.
pub(super) fn variables_or(other: Shape) -> Shape {
    let plain = Shape::of(json!({ "type": ["string", "number", "boolean", "null"] }));
    let value = Value::from(either([plain, other]));
    Shape::of(
        json!({ "type": ["object", "array", "null"], "additionalProperties": value, "items": { "type": "string" } }),
    )
}

/// A command: a list of words, or text that is split as a shell splits words.
pub(super) fn command() -> Shape {
    listed(text())
}

fn or_variable(pattern: &str) -> String {
    format!(r"^({pattern})$|\$")
}
