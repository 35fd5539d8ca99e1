//! Answers that need no model: the last user message comes back, marked as the emulator's.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use serde_json::{Value, json};

use super::Usage;

/// The answer to one line. The same line in the same batch has the same answer.
pub(crate) fn echo(url: &str, body: &Value, key: &str, created: i64, max_chars: usize) -> (Usage, Value) {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    let model = &body["model"];
    let prompt = (body.to_string().chars().count() as u64).div_ceil(4);
    if url == "/embeddings" {
        return embeddings(body, model, prompt, hash);
    }
    let said: String = last_user_text(body).chars().take(max_chars).collect();
    let content = format!("[aoai-emulator] {said}");
    let completion = (content.chars().count() as u64).div_ceil(4);
    let usage = Usage { prompt, completion };
    let total = prompt + completion;
    let answer = match url {
        "/responses" => json!({
            "id": format!("resp_{hash:016x}"),
            "object": "response",
            "created_at": created,
            "status": "completed",
            "model": model,
            "output": [{
                "id": format!("msg_{hash:016x}"),
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": content, "annotations": []}],
            }],
            "content_filters": null,
            "usage": {"input_tokens": prompt, "output_tokens": completion, "total_tokens": total},
        }),
        "/completions" => json!({
            "id": format!("cmpl-{hash:016x}"),
            "object": "text_completion",
            "created": created,
            "model": model,
            "choices": [{"index": 0, "text": content, "finish_reason": "stop", "logprobs": null}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total},
        }),
        _ => json!({
            "id": format!("chatcmpl-{hash:016x}"),
            "object": "chat.completion",
            "created": created,
            "model": model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "finish_reason": "stop",
                "logprobs": null,
                "content_filter_results": {},
            }],
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
            "system_fingerprint": null,
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total},
        }),
    };
    (usage, answer)
}

fn embeddings(body: &Value, model: &Value, prompt: u64, hash: u64) -> (Usage, Value) {
    let count = body["input"].as_array().map_or(1, Vec::len);
    let data: Vec<_> = (0..count)
        .map(|index| {
            let vector: Vec<f64> = (0..8)
                .map(|at| f64::from(hash.rotate_left(8 * at) as u8 ^ index as u8) / 255.0 - 0.5)
                .collect();
            json!({"object": "embedding", "index": index, "embedding": vector})
        })
        .collect();
    let usage = json!({"prompt_tokens": prompt, "total_tokens": prompt});
    let answer = json!({"object": "list", "model": model, "data": data, "usage": usage});
    (Usage { prompt, completion: 0 }, answer)
}

/// The text of the last user message, in whichever place the endpoint has it.
fn last_user_text(body: &Value) -> String {
    let of_messages = |messages: &Value| {
        let last = messages.as_array()?.iter().rev().find(|message| message["role"] == "user")?;
        Some(text_of(&last["content"]))
    };
    of_messages(&body["messages"])
        .or_else(|| of_messages(&body["input"]))
        .or_else(|| ["input", "prompt"].iter().find_map(|field| body[field].as_str()).map(str::to_owned))
        .unwrap_or_default()
}

/// A content is a string, or a list of parts of which some have text.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(url: &str, body: &Value) -> Value {
        echo(url, body, "b/1", 7, 5).1
    }

    #[test]
    fn chat_repeats_the_last_user_message_shortened() {
        let body = json!({"model": "d", "messages": [
            {"role": "user", "content": "first"},
            {"role": "user", "content": [{"type": "text", "text": "second one"}]},
            {"role": "assistant", "content": "no"},
        ]});
        let answer = ask("/chat/completions", &body);
        assert_eq!(answer["choices"][0]["message"]["content"], "[aoai-emulator] secon");
        assert_eq!(answer["model"], "d");
        let usage = &answer["usage"];
        assert_eq!(
            usage["total_tokens"].as_u64(),
            Some(usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap())
        );
    }

    #[test]
    fn every_endpoint_has_its_shape() {
        let responses = ask("/responses", &json!({"model": "d", "input": "hello"}));
        assert_eq!(responses["output"][0]["content"][0]["text"], "[aoai-emulator] hello");
        let embeddings = ask("/embeddings", &json!({"model": "d", "input": ["a", "b"]}));
        assert_eq!(embeddings["data"].as_array().unwrap().len(), 2);
        let completions = ask("/completions", &json!({"model": "d", "prompt": "hi"}));
        assert_eq!(completions["choices"][0]["text"], "[aoai-emulator] hi");
    }

    #[test]
    fn answers_are_deterministic() {
        let body = json!({"model": "d", "messages": []});
        assert_eq!(ask("/chat/completions", &body), ask("/chat/completions", &body));
    }
}
