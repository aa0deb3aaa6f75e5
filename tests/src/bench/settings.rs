//! Single-event commands through [`Commands`]: people who change their language again and again.

use commands::{Caller, Commands, Credential, Origin};
use domain::{
    settings::{CommunicationChange, Language},
    user::Role,
};
use eventlog::Position;
use uuid::Uuid;

use super::crew::Member;

/// One caller, who acts for many people in turn.
pub struct Changer {
    commands: Commands,
    people: Vec<Caller>,
    turn: usize,
}

impl Changer {
    /// Acts for so many new people.
    pub fn new(commands: &Commands, people: usize) -> Self {
        let people = (0..people).map(|_| person()).collect();
        Self { commands: commands.clone(), people, turn: 0 }
    }

    /// Deals the people of a crew that has acted once for each of them to so many callers.
    pub fn deal(commands: &Commands, crew: Vec<Self>, callers: usize) -> Vec<Self> {
        let people: Vec<_> = crew.into_iter().flat_map(|changer| changer.people).collect();
        let hands = people.chunks(people.len() / callers);
        let caller = |hand: &[Caller]| {
            // The second lap: what is set now is another language than in the first.
            Self { commands: commands.clone(), people: hand.to_vec(), turn: hand.len() }
        };
        hands.map(caller).collect()
    }
}

impl Member for Changer {
    async fn act(&mut self) -> anyhow::Result<Position> {
        let (lap, index) = (self.turn / self.people.len(), self.turn % self.people.len());
        let language = if lap.is_multiple_of(2) { Language::De } else { Language::Fr };
        let change =
            CommunicationChange { preferred_language: Some(language), ..Default::default() };
        self.turn += 1;
        let done = self.commands.change_communication(&self.people[index], change).await?;
        Ok(done.position)
    }
}

fn person() -> Caller {
    Caller {
        user: Uuid::now_v7(),
        role: Role::User,
        credential: Credential::Session(Uuid::now_v7()),
        origin: Origin {
            request: Uuid::now_v7(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            ..Origin::default()
        },
    }
}
