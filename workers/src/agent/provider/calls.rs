//! Tool calls put together from the pieces of a stream.

use domain::chat::ToolCall;

use super::ModelError;

/// More calls than this in one answer are rubbish.
const MOST: usize = 128;

/// The calls that have begun to come in.
#[derive(Default)]
pub(super) struct Calls {
    begun: Vec<Begun>,
}

struct Begun {
    index: Option<u64>,
    call: ToolCall,
}

/// Some part of a call; what is not there is empty.
#[derive(Default)]
pub(super) struct Piece<'a> {
    pub index: Option<u64>,
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
}

impl Calls {
    /// Adds a piece to the call it belongs to.
    pub fn add(&mut self, piece: &Piece<'_>) -> Result<(), ModelError> {
        let call = &mut self.begun_by(piece)?.call;
        if call.id.is_empty() {
            piece.id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            piece.name.clone_into(&mut call.name);
        }
        call.arguments.push_str(piece.arguments);
        Ok(())
    }

    /// A new id begins a new call, even where a server gives every call the same index.
    fn begun_by(&mut self, piece: &Piece<'_>) -> Result<&mut Begun, ModelError> {
        let place = self.begun.iter().rposition(|begun| {
            let is_same =
                piece.id.is_empty() || begun.call.id.is_empty() || piece.id == begun.call.id;
            is_same && (piece.index.is_none() || begun.index == piece.index)
        });
        if self.begun.len() == MOST && place.is_none() {
            return Err(ModelError::garbled("too many tool calls"));
        }
        let place = place.unwrap_or_else(|| {
            let call =
                ToolCall { id: String::new(), name: String::new(), arguments: String::new() };
            self.begun.push(Begun { index: piece.index, call });
            self.begun.len() - 1
        });
        Ok(&mut self.begun[place])
    }

    /// The calls in the order they began.
    pub fn into_calls(self) -> Vec<ToolCall> {
        self.begun.into_iter().map(|begun| begun.call).collect()
    }
}
