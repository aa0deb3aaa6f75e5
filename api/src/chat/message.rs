//! The turns of a request, in the `OpenAI` dialect.

use std::fmt;

use domain::chat::{Message, Part, Role, ToolCall};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::Mistakes;

/// One turn.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatMessage)]
pub(super) struct MessageBody {
    /// `system` (or `developer`), `user`, `assistant` or `tool`.
    role: String,
    /// Text, or a list of parts.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    content: Option<Content>,
    /// The tools an assistant asked for.
    tool_calls: Option<Vec<CallBody>>,
    /// The call that a tool's turn answers.
    tool_call_id: Option<String>,
}

/// Text, or a list of parts.
#[derive(Debug)]
enum Content {
    Text(String),
    Parts(Vec<PartBody>),
}

/// A piece of a turn.
#[derive(Debug, Deserialize)]
struct PartBody {
    r#type: String,
    text: Option<String>,
    image_url: Option<ImageUrl>,
}

#[derive(Debug, Deserialize)]
struct ImageUrl {
    url: String,
}

/// A tool that an assistant asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatToolCall)]
pub(super) struct CallBody {
    id: String,
    function: CalledFunction,
}

/// Which tool, and with what.
#[derive(Debug, Deserialize, ToSchema)]
struct CalledFunction {
    name: String,
    /// JSON text.
    #[serde(default)]
    #[schema(value_type = String)]
    arguments: Value,
}

impl<'de> Deserialize<'de> for Content {
    /// By hand, so that a mistake in a part is told with its place.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Contents;

        impl<'de> Visitor<'de> for Contents {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of parts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Content, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(parts)).map(Content::Parts)
            }
        }

        deserializer.deserialize_any(Contents)
    }
}

impl MessageBody {
    /// A turn that is text.
    pub(super) fn text(role: String, content: Option<String>) -> Self {
        Self { role, content: content.map(Content::Text), tool_calls: None, tool_call_id: None }
    }

    /// The turn, or nothing and a note of what is wrong with it.
    pub(super) fn read(self, pointer: &str, mistakes: &mut Mistakes) -> Option<Message> {
        let role = match self.role.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            _ => {
                let detail = "must be system, developer, user, assistant or tool";
                mistakes.add(format!("{pointer}/role"), detail);
                return None;
            }
        };
        let tool_calls: Vec<_> =
            self.tool_calls.unwrap_or_default().into_iter().map(ToolCall::from).collect();
        if self.content.is_none() && (role != Role::Assistant || tool_calls.is_empty()) {
            mistakes.add(format!("{pointer}/content"), "this field is required");
        }
        if role == Role::Tool && self.tool_call_id.is_none() {
            mistakes.add(format!("{pointer}/tool_call_id"), "this field is required");
        }
        let content = self.content.map_or_else(Vec::new, |content| content.read(pointer, mistakes));
        Some(Message { role, content, tool_calls, tool_call_id: self.tool_call_id, raw: None })
    }
}

impl Content {
    fn read(self, pointer: &str, mistakes: &mut Mistakes) -> Vec<Part> {
        match self {
            Self::Text(text) => vec![Part::Text { text }],
            Self::Parts(parts) => parts
                .into_iter()
                .enumerate()
                .filter_map(|(place, part)| {
                    part.read(&format!("{pointer}/content/{place}"), mistakes)
                })
                .collect(),
        }
    }
}

impl PartBody {
    fn read(self, pointer: &str, mistakes: &mut Mistakes) -> Option<Part> {
        let is_image = |image: &ImageUrl| {
            ["https://", "http://", "data:image/"].iter().any(|start| image.url.starts_with(start))
        };
        match (self.r#type.as_str(), self.text, self.image_url) {
            ("text", Some(text), _) => Some(Part::Text { text }),
            ("image_url", _, Some(image)) if is_image(&image) => {
                Some(Part::Image { url: image.url })
            }
            ("image_url", _, Some(_)) => {
                mistakes
                    .add(format!("{pointer}/image_url/url"), "must be http, https or data:image");
                None
            }
            (kind @ ("text" | "image_url"), ..) => {
                mistakes.add(format!("{pointer}/{kind}"), "this field is required");
                None
            }
            _ => {
                mistakes.add(format!("{pointer}/type"), "must be text or image_url");
                None
            }
        }
    }
}

impl From<CallBody> for ToolCall {
    fn from(call: CallBody) -> Self {
        let arguments = match call.function.arguments {
            Value::String(text) => text,
            Value::Null => "{}".to_owned(),
            value => value.to_string(),
        };
        Self { id: call.id, name: call.function.name, arguments }
    }
}
