//! As much of a result line as is needed of most of them, in one pass over its bytes.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use crate::{BatchUsage, wire};

/// A line of an output or error file: whose it is, whether it succeeded, and what it used. [`OutputLine`](crate::OutputLine) has all
/// of it, and reads the body twice.
#[derive(Debug, Clone, Deserialize)]
pub struct OutputBrief<'a> {
    /// The request's.
    #[serde(borrow)]
    pub custom_id: Cow<'a, str>,
    #[serde(default)]
    response: Option<Response>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
struct Response {
    #[serde(default)]
    status_code: i64,
    #[serde(default)]
    body: Body,
}

#[derive(Debug, Clone, Default)]
struct Body {
    usage: Option<BatchUsage>,
}

impl OutputBrief<'_> {
    /// Success: no error, and a status of 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.error.is_none()
            && self.response.as_ref().is_some_and(|response| (200..300).contains(&response.status_code))
    }

    /// The tokens that the answer says it used.
    #[must_use]
    pub fn usage(&self) -> Option<BatchUsage> {
        self.response.as_ref()?.body.usage
    }
}

/// A body may be any JSON; one that is no object used nothing.
impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyBody)
    }
}

struct AnyBody;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Usage,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for AnyBody {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut body = Body::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Usage => body.usage = wire::usage(&map.next_value::<Value>()?),
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(body)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Body, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Body::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Body, E> {
        Ok(Body::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Body, E> {
        Ok(Body::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Body, E> {
        Ok(Body::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Body, E> {
        Ok(Body::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Body, E> {
        Ok(Body::default())
    }

    fn visit_unit<E>(self) -> Result<Body, E> {
        Ok(Body::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OutputLine;

    /// Whatever the body is, the brief says what the whole line says.
    #[test]
    fn it_agrees_with_the_whole_line() {
        let usage =
            r#"{"prompt_tokens":27,"completion_tokens":24,"prompt_tokens_details":{"cached_tokens":5}}"#;
        let bodies = [
            format!(r#"{{"id":"x","usage":{usage},"choices":[{{"usage":null}}]}}"#),
            r#"{"usage":null}"#.into(),
            r#"{"usage":7}"#.into(),
            r#"{"choices":[{"message":{"content":"\"usage\":{}"}}]}"#.into(),
            "[1,{}]".into(),
            "\"text\"".into(),
            "null".into(),
            "true".into(),
            "-7".into(),
            "7".into(),
            "1.5".into(),
        ];
        for body in bodies {
            for status in ["200", "299", "300", "0", "-1", "400"] {
                for error in ["null", r#"{"code":"x"}"#, "\"x\""] {
                    let text = format!(
                        r#"{{"id":"b","custom_id":"a\u00e4","response":{{"body":{body},"request_id":"r","status_code":{status}}},"error":{error}}}"#
                    );
                    let brief: OutputBrief<'_> = serde_json::from_str(&text).unwrap();
                    let Ok(line) = serde_json::from_str::<OutputLine<'_>>(&text) else {
                        assert!(error == "\"x\"" && !brief.is_success(), "{text}");
                        continue;
                    };
                    assert_eq!(brief.custom_id, line.custom_id);
                    assert_eq!(
                        (brief.is_success(), brief.usage()),
                        (line.is_success(), line.usage()),
                        "{text}"
                    );
                }
            }
        }
        for text in [r#"{"custom_id":"a"}"#, r#"{"custom_id":"a","response":null,"error":{"code":"x"}}"#] {
            let brief: OutputBrief<'_> = serde_json::from_str(text).unwrap();
            assert_eq!((brief.is_success(), brief.usage()), (false, None));
        }
        for bad in [r#"{"response":{}}"#, r#"{"custom_id":7}"#, r#"{"custom_id":"a""#, "[]", ""] {
            assert!(serde_json::from_str::<OutputBrief<'_>>(bad).is_err(), "{bad}");
        }
    }
}
