//! What the routes of accounts read and answer.

use chrono::{DateTime, Utc};
use commands::{Credentials, NewAccount, SignIn, SignedIn};
use domain::{
    Email, Text,
    factors::{CHALLENGE_LIFETIME, Method},
};
use projections::UserView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::Problem;

/// What a person gives to open an account.
#[derive(Deserialize, ToSchema)]
pub(super) struct Registration {
    /// Where mail goes.
    #[schema(value_type = String, example = "ada@example.org")]
    email: Email,
    /// 8 to 128 characters.
    #[schema(format = Password)]
    password: String,
    /// What to call the person.
    name: Option<String>,
    /// The same.
    full_name: Option<String>,
    /// The same.
    preferred_name: Option<String>,
    /// The same.
    username: Option<String>,
}

/// What a person gives to sign in, as JSON or as the form of OAuth's password grant.
#[derive(Deserialize, ToSchema)]
pub(super) struct Login {
    /// The address.
    email: Option<String>,
    /// The same, as OAuth calls it.
    username: Option<String>,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

/// What a person who signed in gets.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    /// Opens the API for a quarter of an hour.
    access_token: String,
    /// Gets the next pair, once.
    refresh_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: i64,
    /// The person.
    user: Person,
}

/// What comes of signing in.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum SignInAnswer {
    /// The person is in.
    Tokens(Tokens),
    /// A second factor is asked for.
    Challenge(ChallengeAnswer),
}

/// A sign-in that waits for a second factor.
#[derive(Serialize, ToSchema)]
pub(super) struct ChallengeAnswer {
    /// Always true.
    two_factor_required: bool,
    /// Shows which sign-in a code is for; opens nothing by itself.
    challenge_token: String,
    /// What can be shown: `totp`, `sms`, `email`, `passkey`, `backup_code`.
    methods: Vec<&'static str>,
    /// Seconds until the sign-in is given up.
    expires_in: i64,
}

/// A person, in short.
#[derive(Serialize, ToSchema)]
struct Person {
    id: Uuid,
    email: String,
    name: Option<String>,
    email_verified: bool,
}

/// A person, to themselves.
#[derive(Clone, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the API")]
pub(super) struct Me {
    id: Uuid,
    email: String,
    name: Option<String>,
    preferred_name: Option<String>,
    full_name: Option<String>,
    username: Option<String>,
    avatar_url: Option<String>,
    github_username: Option<String>,
    /// `USER`, `ADMIN` or `SUPERUSER`.
    role: &'static str,
    roles: Vec<&'static str>,
    is_active: bool,
    is_superuser: bool,
    email_verified: bool,
    two_factor_enabled: bool,
    created_at: DateTime<Utc>,
}

impl TryFrom<Registration> for NewAccount {
    type Error = Problem;

    fn try_from(given: Registration) -> Result<Self, Problem> {
        let names = [
            ("/name", given.name),
            ("/full_name", given.full_name),
            ("/preferred_name", given.preferred_name),
            ("/username", given.username),
        ];
        let given_name = |(pointer, name): (&'static str, Option<String>)| {
            name.filter(|name| !name.trim().is_empty()).map(|name| (pointer, name))
        };
        let name = match names.into_iter().find_map(given_name) {
            Some((pointer, name)) => Some(
                Text::try_from(name)
                    .map_err(|error| Problem::invalid(pointer, error.to_string()))?,
            ),
            None => None,
        };
        Ok(Self { email: given.email, name, password: given.password })
    }
}

impl TryFrom<Login> for Credentials {
    type Error = Problem;

    fn try_from(given: Login) -> Result<Self, Problem> {
        let email = given.email.or(given.username);
        let email = email.ok_or_else(|| Problem::invalid("/email", "this field is required"))?;
        Ok(Self { email, password: given.password })
    }
}

impl From<SignIn> for SignInAnswer {
    fn from(sign_in: SignIn) -> Self {
        match sign_in {
            SignIn::Complete(signed_in) => Self::Tokens(signed_in.into()),
            SignIn::Challenged(challenged) => Self::Challenge(ChallengeAnswer {
                two_factor_required: true,
                challenge_token: challenged.token,
                methods: challenged.methods.into_iter().map(Method::name).collect(),
                expires_in: CHALLENGE_LIFETIME.num_seconds(),
            }),
        }
    }
}

impl From<SignedIn> for Tokens {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token,
            refresh_token: signed_in.refresh_token,
            token_type: "bearer",
            expires_in: signed_in.expires_in,
            user: Person {
                id: signed_in.user,
                email: signed_in.email,
                name: signed_in.name,
                email_verified: signed_in.is_verified,
            },
        }
    }
}

impl From<UserView> for Me {
    fn from(view: UserView) -> Self {
        let role = view.role.name();
        Self {
            id: view.id,
            name: view.name.clone(),
            preferred_name: view.preferred_name.or_else(|| view.name.clone()),
            full_name: view.full_name.or(view.name),
            username: view.username.or_else(|| Some(view.email.clone())),
            email: view.email,
            avatar_url: view.avatar_url,
            github_username: view.github_username,
            role,
            roles: vec![role],
            is_active: view.is_active,
            is_superuser: role == "SUPERUSER",
            email_verified: view.is_verified,
            two_factor_enabled: view.is_two_factor_enabled,
            created_at: view.registered_at,
        }
    }
}
