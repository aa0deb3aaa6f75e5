//! The pieces of a streamed completion. Every one is JSON with an `id`, errors too, and none has a
//! name of its own: both break clients otherwise.

use commands::ToolProgress;
use domain::chat::Run;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{self, Call, TokenUsage};
use crate::problem::Problem;

/// Makes the pieces of one completion.
pub(super) struct Chunks {
    pub run: Uuid,
    pub session: Uuid,
    pub model: String,
    pub provider: &'static str,
    pub created: i64,
    /// With usage wanted, every piece but the last says that it has none.
    pub includes_usage: bool,
}

impl Chunks {
    /// Who speaks.
    pub(super) fn begin(&self) -> Value {
        let mut chunk = self.delta(&json!({ "role": "assistant", "content": "" }), None);
        chunk["run_id"] = json!(self.run);
        chunk["session_id"] = json!(self.session);
        chunk["provider"] = json!(self.provider);
        chunk
    }

    /// More of the answer.
    pub(super) fn text(&self, text: &str) -> Value {
        self.delta(&json!({ "content": text }), None)
    }

    /// A tool of ours began or ended; clients that do not know of it see nothing.
    pub(super) fn tool(&self, progress: &ToolProgress) -> Value {
        let mut chunk = self.chunk(&json!([]));
        chunk["tool_event"] = json!(progress);
        chunk
    }

    /// The tools that the client has to run.
    pub(super) fn calls(&self, calls: &[Call]) -> Value {
        let numbered = calls.iter().enumerate().map(|(index, call)| {
            let mut call = json!(call);
            call["index"] = json!(index);
            call
        });
        self.delta(&json!({ "tool_calls": numbered.collect::<Vec<_>>() }), None)
    }

    /// Why the model stopped, and what the run came to.
    pub(super) fn finish(&self, run: &Run) -> Value {
        let mut chunk = self.delta(&json!({}), Some(answer::finish_reason(run)));
        chunk["iterations"] = json!(run.iterations);
        chunk["total_tokens_used"] = json!(run.usage.total());
        chunk["tool_executions"] = json!(answer::executions(run));
        chunk
    }

    /// The tokens of the run.
    pub(super) fn usage(&self, run: &Run) -> Value {
        let mut chunk = self.chunk(&json!([]));
        chunk["usage"] = json!(TokenUsage::from(run.usage));
        chunk
    }

    /// What went wrong after the answer had begun.
    pub(super) fn error(&self, problem: &Problem) -> Value {
        let mut chunk = self.chunk(&json!([]));
        chunk["error"] = json!(problem.error());
        chunk["error"]["param"] = Value::Null;
        chunk
    }

    fn delta(&self, delta: &Value, finish_reason: Option<&str>) -> Value {
        self.chunk(&json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        }]))
    }

    fn chunk(&self, choices: &Value) -> Value {
        let mut chunk = json!({
            "id": answer::completion_id(self.run),
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if self.includes_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks() -> Chunks {
        Chunks {
            run: Uuid::from_u128(1),
            session: Uuid::from_u128(2),
            model: "m".into(),
            provider: "openai",
            created: 7,
            includes_usage: false,
        }
    }

    #[test]
    fn a_piece_of_text_is_a_chunk_of_the_dialect() {
        insta::assert_json_snapshot!(chunks().text("Hi"), @r#"
        {
          "choices": [
            {
              "delta": {
                "content": "Hi"
              },
              "finish_reason": null,
              "index": 0,
              "logprobs": null
            }
          ],
          "created": 7,
          "id": "chatcmpl-00000000000000000000000000000001",
          "model": "m",
          "object": "chat.completion.chunk"
        }
        "#);
    }

    #[test]
    fn an_error_has_an_id_and_no_choices() {
        let chunk = chunks().error(&Problem::unavailable("the provider is down"));

        assert_eq!(chunk["id"], "chatcmpl-00000000000000000000000000000001");
        assert_eq!(chunk["choices"], json!([]));
        assert_eq!(chunk["error"]["message"], "the provider is down");
    }

    #[test]
    fn calls_of_the_client_are_numbered() {
        let call = domain::chat::ToolCall {
            id: "call_1".into(),
            name: "weather".into(),
            arguments: "{}".into(),
        };

        let chunk = chunks().calls(&[Call::from(&call), Call::from(&call)]);

        assert_eq!(chunk["choices"][0]["delta"]["tool_calls"][1]["index"], 1);
        assert_eq!(chunk["choices"][0]["delta"]["tool_calls"][1]["type"], "function");
    }
}
