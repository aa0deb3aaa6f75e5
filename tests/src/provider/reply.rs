//! What the scripted provider can be told to do.

use serde::Deserialize;
use serde_json::Value;

/// Tokens that every answer counts as read: in Anthropic's and `OpenAI`'s dialect 3 of them come
/// from the cache and 1 goes into it.
pub const INPUT_TOKENS: u64 = 10;

/// Tokens that every answer counts as written.
pub const OUTPUT_TOKENS: u64 = 5;

/// A reply to one request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It says this.
    Text(String),
    /// It says what it was told last.
    Echo,
    /// It asks for tools: the id, the name and the arguments of each.
    ToolCalls(Vec<(String, String, String)>),
    /// It says something and asks for tools.
    Both(String, Vec<(String, String, String)>),
    /// It thinks, which only Anthropic's dialect shows, and asks for tools.
    Thought {
        /// What it thinks.
        thinking: String,
        /// What proves that it did.
        signature: String,
        /// The tools.
        calls: Vec<(String, String, String)>,
    },
    /// It stops at the limit of tokens, having said this.
    CutShort(String),
    /// It answers with an error.
    Status {
        /// The status.
        code: u16,
        /// The `Retry-After`: seconds or a date.
        #[serde(default)]
        retry_after: Option<String>,
        /// The body, or null for one in the form of the dialect.
        #[serde(default)]
        body: Value,
    },
    /// It answers 200 with this as HTML.
    Garbage(String),
    /// It closes the connection without an answer.
    HangUp,
    /// It says half of this, and ends as if that were all.
    Truncated(String),
    /// It says half of this, and the connection breaks.
    BreaksOff(String),
    /// It reports an error in the middle of a stream; where nothing streams, with a status of 529.
    FailsMidway(String),
    /// It waits before it answers.
    After {
        /// How long.
        milliseconds: u64,
        /// The answer.
        reply: Box<Reply>,
    },
    /// It says this slowly.
    Paced {
        /// How long it waits before each word, in a stream.
        milliseconds: u64,
        /// The words.
        text: String,
    },
}

/// What a model says, whatever the dialect.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub text: String,
    pub thought: Option<(String, String)>,
    pub calls: Vec<Call>,
    pub is_cut_short: bool,
}

/// A tool that a model asks for.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

impl Said {
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub fn calling(mut self, calls: &[(String, String, String)]) -> Self {
        self.calls = calls
            .iter()
            .cloned()
            .map(|(id, name, arguments)| Call { id, name, arguments })
            .collect();
        self
    }

    /// The text word by word.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split_inclusive(' ')
    }
}

impl Call {
    /// The arguments in two pieces.
    pub fn pieces(&self) -> [&str; 2] {
        let middle = self.arguments.floor_char_boundary(self.arguments.len() / 2);
        let (first, second) = self.arguments.split_at(middle);
        [first, second]
    }
}
