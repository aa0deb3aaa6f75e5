//! Any command to each aggregate, about few enough things that they meet again.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Aggregate, Email, Text,
    api_key::{self, ApiKey},
    audit::{self, Audit, Export, Format},
    chat::{
        self, Chat, Failure, FailureKind, FinishReason, Lease, Message, ModelOptions, Provider,
        RunRequest, Step, Tool, ToolCall, ToolOutcome, Usage,
    },
    factors::{
        self, ClearReason, Factors, Method, NewDevice, PhoneNumber, Present, Purpose, Shown, Way,
    },
    inbox::{self, Inbox},
    login::{self, Login, Refusal},
    notification::{self, Body, Content, Creation, Notification, Topic, Urgency},
    session::{self, EndReason, Session, Start},
    settings::{
        self, CommunicationChange, EmailFrequency, Language, NotificationChange, Settings,
        TimeOfDay, Timezone,
    },
    user::{
        self, AddressChange, Challenge, Credential, Erasure, Profile, Registration, Role, User,
    },
};
use proptest::{option, prelude::*, sample::select};
use serde_json::json;
use uuid::Uuid;

/// An aggregate of which anything can be asked.
pub trait Askable: Aggregate {
    /// Any command.
    fn any_command() -> BoxedStrategy<Self::Command>;
}

fn any_id() -> impl Strategy<Value = Uuid> {
    (1..4_u128).prop_map(Uuid::from_u128)
}

/// Moments within two minutes, and some far away.
fn any_moment() -> impl Strategy<Value = DateTime<Utc>> {
    let seconds = prop_oneof![8 => 0..120_i64, 1 => Just(-1), 1 => Just(4_000_000_000)];
    seconds.prop_map(|seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds))
}

fn any_text() -> impl Strategy<Value = Text> {
    select(vec!["Ada", "Ünïcödé \u{1f980}", "'; drop table"])
        .prop_map(|text| Text::try_from(text.to_owned()).expect("a text"))
}

fn any_email() -> impl Strategy<Value = Email> {
    select(vec!["Ada@example.org", "ada@EXAMPLE.org", "bob@example.com"])
        .prop_map(|email| Email::try_from(email.to_owned()).expect("an address"))
}

fn any_challenge() -> impl Strategy<Value = Challenge> {
    (any_id(), any_moment()).prop_map(|(id, expires_at)| Challenge { id, expires_at })
}

fn any_role() -> impl Strategy<Value = Role> {
    select(vec![Role::User, Role::Admin, Role::Superuser])
}

fn any_erasure() -> impl Strategy<Value = Erasure> {
    prop_oneof![
        2 => any_moment().prop_map(|at| Erasure::Request { at }),
        3 => any_moment().prop_map(|at| Erasure::Destroy { at }),
        3 => any::<u8>().prop_map(|size| Erasure::Certify { certificate: json!({ "size": size }) }),
    ]
}

fn any_credential() -> impl Strategy<Value = Credential> {
    let answer = (any_id(), any_id(), any_moment());
    prop_oneof![
        (any_id(), any_moment())
            .prop_map(|(password, at)| Credential::ChangePassword { password, at }),
        any_challenge().prop_map(Credential::RequestReset),
        any_challenge().prop_map(Credential::RequestMagicLink),
        (any_id(), any_moment())
            .prop_map(|(challenge, at)| Credential::UseMagicLink { challenge, at }),
        answer.prop_map(|(challenge, password, at)| Credential::ResetPassword {
            challenge,
            password,
            at
        }),
    ]
}

fn any_address_change() -> impl Strategy<Value = AddressChange> {
    prop_oneof![
        (any_email(), any_challenge())
            .prop_map(|(to, challenge)| AddressChange::Request { to, challenge }),
        (any_id(), any_moment())
            .prop_map(|(challenge, at)| AddressChange::Confirm { challenge, at }),
        (any_email(), any_moment()).prop_map(|(email, at)| AddressChange::Release { email, at }),
    ]
}

/// A name, and the same as the whole one.
fn any_profile() -> impl Strategy<Value = user::Command> {
    option::of(any_text()).prop_map(|name| {
        let full_name = name.clone().map(Into::into);
        user::Command::ChangeProfile { name, profile: Profile { full_name, ..Profile::default() } }
    })
}

impl Askable for User {
    fn any_command() -> BoxedStrategy<user::Command> {
        let registration = (
            any_email(),
            option::of(any_text()),
            any_role(),
            option::of(any_challenge()),
            any_moment(),
        );
        let registration = registration.prop_map(|(email, name, role, challenge, at)| {
            user::Command::Register(Registration { email, name, role, challenge, at })
        });
        prop_oneof![
            3 => registration,
            2 => any_challenge().prop_map(user::Command::RequestVerification),
            2 => (any_id(), any_moment())
                .prop_map(|(challenge, at)| user::Command::Verify { challenge, at }),
            3 => any_credential().prop_map(user::Command::Credential),
            3 => any_address_change().prop_map(user::Command::Address),
            1 => any_profile(),
            1 => (any_id(), any_moment())
                .prop_map(|(case, at)| user::Command::ResolveCase { case, at }),
            1 => any_role().prop_map(user::Command::ChangeRole),
            1 => Just(user::Command::Deactivate),
            1 => Just(user::Command::Activate),
            1 => any_erasure().prop_map(user::Command::Erasure),
        ]
        .boxed()
    }
}

impl Askable for Session {
    fn any_command() -> BoxedStrategy<session::Command> {
        let start = (any_id(), option::of(any::<String>()), any_moment(), any_moment());
        let start = start.prop_map(|(user, user_agent, at, expires_at)| {
            let address = user_agent.clone();
            let (idle_seconds, is_new_device) = (3600, address.is_none());
            session::Command::Start(Start {
                user,
                user_agent,
                address,
                at,
                expires_at,
                idle_seconds,
                is_new_device,
            })
        });
        let generation = prop_oneof![6 => 0..8_u32, 1 => Just(u32::MAX)];
        let reasons = vec![EndReason::LoggedOut, EndReason::TokenReused, EndReason::Revoked];
        prop_oneof![
            1 => start,
            4 => (generation, any_moment())
                .prop_map(|(generation, at)| session::Command::Refresh { generation, at }),
            1 => select(reasons).prop_map(session::Command::End),
            1 => any_id().prop_map(|user| session::Command::Revoke { user }),
        ]
        .boxed()
    }
}

impl Askable for ApiKey {
    fn any_command() -> BoxedStrategy<api_key::Command> {
        let scopes =
            prop::collection::vec(select(vec!["chat".to_owned(), "settings".into()]), 0..3);
        let prefix = select(vec!["ak_one".to_owned(), "ak_two".into()]);
        let creation = (any_id(), any_text(), prefix, scopes, any_moment(), any_moment());
        let creation = creation.prop_map(|(owner, name, prefix, scopes, at, expires_at)| {
            let creation = api_key::Creation { owner, name, prefix, scopes, at, expires_at };
            api_key::Command::Create(creation)
        });
        prop_oneof![creation, any_id().prop_map(|owner| api_key::Command::Revoke { owner })].boxed()
    }
}

impl Askable for Login {
    fn any_command() -> BoxedStrategy<login::Command> {
        let circumstances =
            || (option::of(any::<String>()), option::of(any::<String>()), any_moment());
        let reason = select(vec![
            Refusal::TooManyFromStrangers,
            Refusal::TooManyFromDevice,
            Refusal::AccountDeactivated,
        ]);
        let failure = circumstances().prop_map(|(address, user_agent, at)| {
            login::Command::RecordFailure { address, user_agent, at }
        });
        let refusal = (reason, circumstances()).prop_map(|(reason, (address, user_agent, at))| {
            login::Command::RecordRefusal { reason, address, user_agent, at }
        });
        prop_oneof![failure, refusal].boxed()
    }
}

impl Askable for Audit {
    fn any_command() -> BoxedStrategy<audit::Command> {
        let format = select(vec![Format::Csv, Format::Jsonl]);
        let filter = (option::of(any_id()), option::of(any::<String>()));
        (format, filter, any::<[i64; 2]>(), any::<u32>(), any_moment())
            .prop_map(|(format, (user, action), [after, upto], limit, at)| {
                let category = None;
                let export = Export { format, after, upto, user, action, category, limit, at };
                audit::Command::RecordExport(export)
            })
            .boxed()
    }
}

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

fn any_shown() -> impl Strategy<Value = Shown> {
    prop_oneof![
        3 => (any_id(), option::of(0..4_u64)).prop_map(|(factor, step)| Shown::Totp { factor, step }),
        2 => (any_id(), any::<bool>()).prop_map(|(code, is_right)| Shown::Sent { code, is_right }),
        2 => (any_id(), option::of(0..12_u8))
            .prop_map(|(set, ordinal)| Shown::BackupCode { set, ordinal }),
    ]
}

fn any_purpose() -> impl Strategy<Value = Purpose> {
    let device =
        (any_id(), option::of(any::<String>())).prop_map(|(id, name)| NewDevice { id, name });
    prop_oneof![
        2 => (any_id(), any_id(), option::of(device))
            .prop_map(|(challenge, session, device)| Purpose::SignIn { challenge, session, device }),
        1 => Just(Purpose::StepUp),
        3 => any_id().prop_map(|set| Purpose::Enrol { set }),
    ]
}

impl Askable for Factors {
    fn any_command() -> BoxedStrategy<factors::Command> {
        use factors::Command;

        let method = || select(vec![Method::Totp, Method::Sms, Method::Email]);
        let phone =
            || Just("+14155552671").prop_map(|phone| PhoneNumber::try_from(phone.to_owned()).ok());
        let present = (prop::collection::vec(any_shown(), 0..3), any_purpose(), any_moment());
        let reason = select(vec![ClearReason::Disabled, ClearReason::Reset, ClearReason::Erased]);
        prop_oneof![
            3 => (method(), any_id(), phone(), any_moment())
                .prop_map(|(method, factor, phone, at)| Command::Prepare { method, factor, phone, at }),
            2 => (method(), any_id(), option::of(any_id()), any_moment())
                .prop_map(|(method, code, challenge, at)| Command::Send { method, code, challenge, at }),
            2 => (any_id(), any_moment()).prop_map(|(challenge, at)| {
                Command::Challenge { challenge, way: Way::SignIn, at }
            }),
            6 => (any_id(), present).prop_map(|(user, (shown, purpose, at))| {
                Command::Present(Present { user, shown, purpose, at })
            }),
            1 => (any_id(), any_moment()).prop_map(|(set, at)| Command::MakeBackupCodes { set, at }),
            1 => option::of(any_id()).prop_map(|device| Command::ForgetDevice { device }),
            1 => (any_id(), reason, any_moment())
                .prop_map(|(user, reason, at)| Command::Clear { user, reason, at }),
        ]
        .boxed()
    }
}

impl Askable for Settings {
    fn any_command() -> BoxedStrategy<settings::Command> {
        let communication = (
            option::of(select(vec![Language::En, Language::De, Language::Ko])),
            option::of(select(vec![EmailFrequency::Immediate, EmailFrequency::Weekly])),
            option::of(select(vec!["UTC", "Europe/Berlin"])),
            option::of(select(vec!["22:00", "23:59"])),
            any::<[Option<bool>; 4]>(),
        );
        let communication =
            communication.prop_map(|(language, frequency, zone, time, switches)| {
                CommunicationChange {
                    preferred_language: language,
                    email_frequency: frequency,
                    timezone: zone.and_then(|zone| Timezone::try_from(zone.to_owned()).ok()),
                    quiet_hours_start: time
                        .and_then(|time| TimeOfDay::try_from(time.to_owned()).ok()),
                    quiet_hours_enabled: switches[0],
                    slack_notifications: switches[1],
                    teams_notifications: switches[2],
                    discord_notifications: switches[3],
                    ..CommunicationChange::default()
                }
            });
        let notifications = any::<[Option<bool>; 3]>().prop_map(|switches| NotificationChange {
            marketing_emails: switches[0],
            security_alerts: switches[1],
            ai_suggestions: switches[2],
            ..NotificationChange::default()
        });
        prop_oneof![
            4 => (any_id(), communication)
                .prop_map(|(user, change)| settings::Command::ChangeCommunication { user, change }),
            4 => (any_id(), notifications)
                .prop_map(|(user, change)| settings::Command::ChangeNotifications { user, change }),
            1 => any_id().prop_map(|user| settings::Command::Erase { user }),
        ]
        .boxed()
    }
}

fn any_call() -> impl Strategy<Value = ToolCall> {
    select(vec!["a", "b"]).prop_map(|id| ToolCall {
        id: id.to_owned(),
        name: if id == "a" { "zerodb_list_tables" } else { "ring" }.to_owned(),
        arguments: "{}".to_owned(),
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let role = select(vec![chat::Role::User, chat::Role::Assistant, chat::Role::Tool]);
    let calls = prop::collection::vec(any_call(), 0..3);
    (role, any::<String>(), calls)
        .prop_map(|(role, text, tool_calls)| Message { tool_calls, ..Message::text(role, text) })
}

/// Counts of tokens; a provider may say anything.
fn any_usage() -> impl Strategy<Value = Usage> {
    let tokens = || prop_oneof![4 => 0..1000_u64, 1 => Just(u64::MAX)];
    (tokens(), tokens(), tokens()).prop_map(|(input, output, cache_read)| Usage {
        input,
        output,
        cache_read,
        cache_write: cache_read,
    })
}

fn any_options() -> impl Strategy<Value = ModelOptions> {
    // As people give them: more digits than a few may lose the last one on their way to the disk.
    let temperature = option::of((0..=20_u8).prop_map(|tenths| f64::from(tenths) / 10.0));
    (any::<bool>(), temperature).prop_map(|(is_built_in, temperature)| ModelOptions {
        tools: vec![Tool {
            name: "zerodb_list_tables".to_owned(),
            description: None,
            parameters: json!({ "type": "object" }),
            is_built_in,
        }],
        temperature,
        ..ModelOptions::default()
    })
}

fn any_lease() -> impl Strategy<Value = Lease> {
    (any_id(), any_moment()).prop_map(|(node, until)| Lease { node, until })
}

fn any_request() -> impl Strategy<Value = Box<RunRequest>> {
    let messages = prop::collection::vec(any_message(), 0..3);
    let provider = select(Provider::ALL.to_vec());
    let circumstances = (any_lease(), any_moment(), any::<bool>());
    (any_id(), provider, messages, any_options(), 0..12_u8, circumstances).prop_map(
        |(run, provider, messages, options, max_iterations, (lease, at, is_streamed))| {
            Box::new(RunRequest {
                run,
                provider,
                model: "m".to_owned(),
                messages: messages.into(),
                options: options.into(),
                max_iterations,
                is_streamed,
                lease,
                at,
            })
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    let answer = (1..12_u8, any_message(), any_usage(), any::<u64>());
    let answer = answer.prop_map(|(iteration, message, usage, duration_ms)| Step::ModelAnswered {
        iteration,
        message: message.into(),
        usage,
        duration_ms,
    });
    let outcome = || {
        (any::<bool>(), any::<u64>())
            .prop_map(|(is_success, duration_ms)| ToolOutcome { is_success, duration_ms })
    };
    let reasons = vec![FinishReason::Stop, FinishReason::Length, FinishReason::ToolCalls];
    let kinds = vec![FailureKind::Refused, FailureKind::Unavailable, FailureKind::Internal];
    prop_oneof![
        2 => (1..12_u8).prop_map(|iteration| Step::ModelCalled { iteration }),
        3 => answer,
        2 => any_call().prop_map(|call| {
            let (id, name) = (call.id.clone(), call.name.clone());
            Step::ToolStarted { id, name, call: call.into() }
        }),
        2 => (any_call(), any::<String>(), outcome()).prop_map(|(call, result, outcome)| {
            Step::ToolFinished { id: call.id, result: result.into(), outcome }
        }),
        1 => select(reasons).prop_map(|reason| Step::Completed { reason }),
        1 => (select(kinds), any::<String>(), any::<Option<u32>>()).prop_map(
            |(kind, said, retry_after)| {
                let (detail, explanation) = ("it failed".to_owned(), Some(said.into()));
                Step::Failed { failure: Failure { kind, detail, explanation, retry_after } }
            }
        ),
    ]
}

impl Askable for Chat {
    fn any_command() -> BoxedStrategy<chat::Command> {
        let messages = prop::collection::vec(any_message(), 0..3);
        let steps = prop::collection::vec(any_step(), 0..4);
        prop_oneof![
            2 => (any_id(), option::of(any_text()), any_moment())
                .prop_map(|(owner, title, at)| chat::Command::Open { owner, title, at }),
            1 => (any_id(), messages)
                .prop_map(|(owner, messages)| chat::Command::AddMessages { owner, messages }),
            6 => (any_id(), any_request())
                .prop_map(|(owner, request)| chat::Command::RequestRun { owner, request }),
            12 => (any_id(), any_id(), steps)
                .prop_map(|(run, node, steps)| chat::Command::Step { run, node, steps }),
            3 => (any_id(), any_lease(), any_moment())
                .prop_map(|(run, lease, at)| chat::Command::TakeOver { run, lease, at }),
            1 => (any_id(), any_id())
                .prop_map(|(owner, run)| chat::Command::Cancel { owner, run }),
            1 => any_id().prop_map(|owner| chat::Command::Delete { owner }),
        ]
        .boxed()
    }
}
