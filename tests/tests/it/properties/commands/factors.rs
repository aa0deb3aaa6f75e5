//! Any command to somebody's second factors.

use domain::{
    Text,
    factors::{
        self, Assertion, ClearReason, Factors, Fault, Method, NewDevice, NewPasskey, Opens,
        PhoneNumber, Present, Purpose, Shown, Signed, Undo, Way,
    },
};
use proptest::{option, prelude::*, sample::select};

use super::{Askable, any_id, any_moment};

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

fn any_opens() -> impl Strategy<Value = Opens> {
    prop_oneof![
        (any_id(), any_id()).prop_map(|(challenge, session)| Opens::Challenge {
            challenge,
            session,
            device: None
        }),
        any_id().prop_map(|session| Opens::SignIn { session }),
        any_id().prop_map(|session| Opens::StepUp { session }),
    ]
}

fn any_assertion() -> impl Strategy<Value = Assertion> {
    let signed = (0..4_u32, any::<bool>())
        .prop_map(|(counter, is_verified)| Ok(Signed { counter, is_verified }));
    let fault = select(vec![Fault::Unknown, Fault::Invalid, Fault::NotVerified]).prop_map(Err);
    let found = prop_oneof![3 => signed, 1 => fault];
    (option::of(any_id()), any_id(), found, any_opens(), any_moment()).prop_map(
        |(passkey, ceremony, found, opens, at)| Assertion { passkey, ceremony, found, opens, at },
    )
}

fn any_passkey() -> impl Strategy<Value = NewPasskey> {
    let name =
        Just("Telephone").prop_filter_map("a name", |name| Text::try_from(name.to_owned()).ok());
    (name, [any_id(), any_id(), any_id(), any_id()], 0..4_u32, any_moment()).prop_map(
        |(name, [user, passkey, ceremony, set], counter, at)| NewPasskey {
            user,
            passkey,
            name,
            credential: format!("credential {}", passkey.as_u128() % 4),
            counter,
            ceremony,
            set,
            at,
        },
    )
}

fn any_passkey_command() -> impl Strategy<Value = factors::Command> {
    use factors::Command;

    prop_oneof![
        3 => any_passkey().prop_map(Command::AddPasskey),
        4 => any_assertion().prop_map(Command::ShowPasskey),
        2 => (any_id(), option::of(any_id()), any::<bool>(), any_moment()).prop_map(
            |(user, passkey, may_turn_off, at)| Command::RemovePasskeys { user, passkey, may_turn_off, at }
        ),
    ]
}

fn any_forgetting() -> impl Strategy<Value = factors::Command> {
    use factors::Command;

    prop_oneof![
        option::of(any_id()).prop_map(|device| Command::ForgetDevice { device }),
        any_moment().prop_map(|until| Command::ForgetDevicesOf { until }),
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
            6 => any_passkey_command(),
            1 => (any_id(), any_moment()).prop_map(|(set, at)| Command::MakeBackupCodes { set, at }),
            2 => any_forgetting(),
            1 => (any_id(), 0..9_i64, any_moment()).prop_map(|(user, by, at)| {
                Command::Undo(Undo { user, by, before: Box::default(), at })
            }),
            1 => (any_id(), reason, any_moment())
                .prop_map(|(user, reason, at)| Command::Clear { user, reason, at }),
        ]
        .boxed()
    }
}
