//! Any command to a notice, and to an inbox.

use domain::{
    inbox::{self, Inbox},
    notification::{self, Body, Content, Creation, Notification, Topic, Urgency},
};
use proptest::{option, prelude::*, sample::select};

use super::{Askable, any_id, any_moment, any_text};

impl Askable for Notification {
    fn any_command() -> BoxedStrategy<notification::Command> {
        let creation = (any_id(), select(&Urgency::ALL[..]), select(&Topic::ALL[..]), any_text());
        let create = (creation, any_moment(), option::of(any_moment())).prop_map(
            |((user, urgency, topic, title), at, expires_at)| {
                let message = Body::try_from(title.to_string()).expect("a message");
                let (action_url, action_label, metadata) = (None, None, None);
                let content = Content { title, message, action_url, action_label, metadata };
                let creation = Creation { user, urgency, topic, content, at, expires_at };
                notification::Command::Create(creation)
            },
        );
        let step = prop_oneof![
            Just(notification::Step::Read),
            Just(notification::Step::Unread),
            option::of(any_moment()).prop_map(notification::Step::Snooze),
            Just(notification::Step::Archive),
            Just(notification::Step::Unarchive),
            Just(notification::Step::Delete),
        ];
        let handle = (any_id(), step, any_moment())
            .prop_map(|(user, step, at)| notification::Command::Handle { user, step, at });
        prop_oneof![1 => create, 3 => handle].boxed()
    }
}

impl Askable for Inbox {
    fn any_command() -> BoxedStrategy<inbox::Command> {
        (any_id(), any_moment(), any::<bool>())
            .prop_map(|(user, at, is_reading)| {
                if is_reading {
                    inbox::Command::ReadAll { user, at }
                } else {
                    inbox::Command::DeleteRead { user, at }
                }
            })
            .boxed()
    }
}
