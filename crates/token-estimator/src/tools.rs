//! Tools and schemas: the model sees functions as TypeScript declarations.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::tally::Tally;
use crate::text::Counter;

/// What a prompt with functions costs on top of their declarations.
const FRAMING: i64 = 9;

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
    // The Responses API and the older `functions` have no inner object.
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: Option<Schema<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: Option<Schema<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "enum")]
    values: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    properties: Option<Properties<'a>>,
    #[serde(borrow)]
    required: Option<Vec<Name<'a>>>,
    #[serde(borrow)]
    items: Option<Box<Self>>,
    #[serde(borrow, rename = "anyOf", alias = "oneOf")]
    any_of: Option<Vec<Self>>,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// In the order of the request: it is the order the model sees.
struct Properties<'a>(Vec<(Name<'a>, Schema<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Properties<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Properties<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut properties = Vec::new();
                while let Some(property) = map.next_entry()? {
                    properties.push(property);
                }
                Ok(Properties(properties))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The tokens of an array of tools or functions; `None` if there are none.
pub(crate) fn count_tools(counter: &Counter<'_>, tools: &RawValue) -> Option<Tally> {
    let items: Vec<&RawValue> = match serde_json::from_str(tools.get()) {
        Ok(items) => items,
        Err(_) if tools.get() == "null" => return None,
        Err(_) => return Some(counter.bytes(tools.get().len()).as_tool()),
    };
    if items.is_empty() {
        return None;
    }
    let mut declarations = String::from("namespace functions {\n\n");
    let mut others = Tally::ZERO;
    for item in items {
        match serde_json::from_str::<Tool<'_>>(item.get()).ok().and_then(Tool::into_function) {
            Some(function) => declare(&function, &mut declarations),
            // What the service makes of its built-in tools is not known.
            None => others += counter.bytes(item.get().len()),
        }
    }
    declarations.push_str("} // namespace functions");
    Some((counter.text(&declarations) + Tally::overhead(FRAMING) + others).as_tool().by_rule())
}

/// The tokens of a schema that an answer must follow: no rule is published, so its compact JSON is counted.
pub(crate) fn count_schema(counter: &Counter<'_>, schema: &RawValue) -> Tally {
    counter.text(&compact(schema.get())).as_tool().by_rule()
}

impl<'a> Tool<'a> {
    fn into_function(self) -> Option<Function<'a>> {
        let (description, parameters) = (self.description, self.parameters);
        self.function.or_else(|| Some(Function { name: self.name?, description, parameters }))
    }
}

fn declare(function: &Function<'_>, out: &mut String) {
    if let Some(description) = function.description.as_deref().filter(|d| !d.is_empty()) {
        let _ = writeln!(out, "// {description}");
    }
    match function.parameters.as_ref().filter(|p| p.properties.as_ref().is_some_and(|p| !p.0.is_empty())) {
        Some(parameters) => {
            let _ = writeln!(out, "type {} = (_: {{", function.name);
            declare_properties(parameters, 0, out);
            out.push_str("\n}) => any;\n\n");
        }
        None => {
            let _ = writeln!(out, "type {} = () => any;\n", function.name);
        }
    }
}

fn declare_properties(object: &Schema<'_>, indent: usize, out: &mut String) {
    let Some(properties) = &object.properties else { return };
    let required: HashSet<&str> = object.required.iter().flatten().map(|name| &*name.0).collect();
    for (n, (name, schema)) in properties.0.iter().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        if let Some(description) = schema.description.as_deref().filter(|d| !d.is_empty()) {
            let _ = writeln!(out, "{:indent$}// {description}", "");
        }
        let optional = if required.contains(&*name.0) { "" } else { "?" };
        let _ = write!(out, "{:indent$}{}{optional}: ", "", name.0);
        declare_type(schema, indent, out);
        out.push(',');
    }
}

fn declare_type(schema: &Schema<'_>, indent: usize, out: &mut String) {
    if let Some(values) = &schema.values {
        let values: Vec<&str> = values.iter().map(|value| value.get()).collect();
        return out.push_str(&values.join(" | "));
    }
    if let Some(options) = schema.any_of.as_ref().filter(|options| !options.is_empty()) {
        for (n, option) in options.iter().enumerate() {
            out.push_str(if n > 0 { " | " } else { "" });
            declare_type(option, indent, out);
        }
        return;
    }
    let mut kinds: Vec<String> = match schema.kind.map(RawValue::get) {
        Some(kind) if kind.starts_with('[') => serde_json::from_str(kind).unwrap_or_default(),
        Some(kind) => serde_json::from_str(kind).map(|kind| vec![kind]).unwrap_or_default(),
        None if schema.properties.is_some() => vec!["object".to_owned()],
        None => Vec::new(),
    };
    // A kind that is named twice would be declared twice, on every level: that grows without bounds.
    let mut seen = HashSet::new();
    kinds.retain(|kind| seen.insert(kind.clone()));
    if kinds.is_empty() {
        return out.push_str("any");
    }
    for (n, kind) in kinds.iter().enumerate() {
        out.push_str(if n > 0 { " | " } else { "" });
        match (kind.as_str(), &schema.items) {
            ("integer", _) => out.push_str("number"),
            ("object", _) => {
                out.push_str("{\n");
                declare_properties(schema, indent + 2, out);
                out.push_str("\n}");
            }
            ("array", Some(items)) => {
                declare_type(items, indent, out);
                out.push_str("[]");
            }
            ("array", None) => out.push_str("any[]"),
            (kind, _) => out.push_str(kind),
        }
    }
}

/// JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            if in_string {
                in_string = escaped || c != '"';
                escaped = !escaped && c == '\\';
                return true;
            }
            in_string = c == '"';
            !c.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_json_keeps_its_strings() {
        assert_eq!(compact(r#" { "a b" : [ 1 , "c \" d" ] } "#), r#"{"a b":[1,"c \" d"]}"#);
        assert_eq!(compact("{\"a\\\\\" : 1}"), "{\"a\\\\\":1}");
    }

    #[test]
    fn functions_are_declared_in_the_order_of_the_request() {
        let tool: Tool<'_> = serde_json::from_str(
            r#"{"type":"function","function":{"name":"f","description":"Does","parameters":{"type":"object",
            "properties":{"z":{"type":"integer","description":"Zed"},"a":{"type":"array","items":{"type":"string"}},
            "o":{"type":"object","properties":{"e":{"enum":["x","y"]}}},"n":{"type":["string","null"]}},
            "required":["z"]}}}"#,
        )
        .unwrap();
        let mut out = String::new();
        declare(&tool.into_function().unwrap(), &mut out);
        let expected = "// Does\ntype f = (_: {\n// Zed\nz: number,\na?: string[],\no?: {\n  e?: \"x\" | \"y\",\n},\n\
                        n?: string | null,\n}) => any;\n\n";
        assert_eq!(out, expected);
    }
}
