//! The manifest's JSON Schema, and layers as an editor sees them.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value};
use shipctl::environment::resolve;
use shipctl::manifest::Diagnostic;

struct Compiled {
    schemas: Schemas,
    index: SchemaIndex,
}

static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("manifest.schema.json", resolve::schema()).expect("a document");
    let index = compiler.compile("manifest.schema.json", &mut schemas).expect("a schema");
    Compiled { schemas, index }
});

/// What the schema says against a layer; `None` where it has nothing against it, and where it is not YAML.
pub(crate) fn objection(layer: &str) -> Option<String> {
    let value = as_json(layer)?;
    COMPILED.schemas.validate(&value, COMPILED.index).err().map(|error| error.to_string())
}

/// Whether an editor can make something of a layer. It cannot of numbers beyond 64 bits, among others.
pub(crate) fn is_readable(layer: &str) -> bool {
    as_json(layer).is_some_and(|value| value.is_object() || value.is_null())
}

/// A layer without what JSON cannot say: what has the tag `!reset` is absent. `None` where it is not YAML.
fn as_json(layer: &str) -> Option<Value> {
    let mut value: serde_yaml::Value = serde_yaml::from_str(layer.trim_start_matches('\u{feff}')).ok()?;
    value.apply_merge().ok()?;
    Some(json(value).unwrap_or(Value::Null))
}

fn json(value: serde_yaml::Value) -> Option<Value> {
    use serde_yaml::Value as Yaml;
    Some(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => serde_json::to_value(&number).expect("a number"),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().filter_map(json).collect()),
        Yaml::Mapping(map) => {
            let entry = |(key, value)| Some((key_text(&key), json(value)?));
            Value::Object(map.into_iter().filter_map(entry).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tagged) if tagged.tag == "reset" => return None,
        Yaml::Tagged(tagged) => return json(tagged.value),
    })
}

fn key_text(key: &serde_yaml::Value) -> String {
    key.as_str().map_or_else(|| serde_yaml::to_string(key).expect("a key").trim_end().to_owned(), str::to_owned)
}

/// Whether a problem is with what a value is, and not with what it means.
pub(crate) fn is_about_shape(problem: &Diagnostic) -> bool {
    let message = problem.message.as_str();
    message.starts_with("expected ")
        || message.starts_with("unknown key ")
        || message.ends_with(" is not allowed here")
        || message.ends_with(" is not supported") && !message.starts_with("the tag ")
}
