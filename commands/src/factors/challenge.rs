//! The one door: every way in ends here, and may lead to a challenge instead of tokens.

use domain::{
    Category, Kind, Rejection,
    factors::{Command, Factors, Method, NewDevice, Purpose, Way},
    user::{Role, User},
};
use eventlog::Meta;
use uuid::Uuid;

use super::{
    code::Typed,
    token::{ChallengeToken, DeviceToken},
};
use crate::{Commands, Done, Error, Origin, SignedIn, idempotency::new_id};

/// What comes of signing in.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// The person is in.
    Complete(SignedIn),
    /// The person has to show a second factor.
    Challenged(Challenged),
}

/// A sign-in that waits for a second factor.
#[derive(Clone, Debug)]
pub struct Challenged {
    /// Shows which it is, together with a code.
    pub token: String,
    /// What can be shown.
    pub methods: Vec<Method>,
    /// What the person may do once they are in.
    pub role: Role,
}

/// A sign-in that has shown its second factor.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The person is in.
    pub signed_in: SignedIn,
    /// Has this device not asked again for a while, if the person wanted that.
    pub device_token: Option<String>,
    /// Backup codes that are still good.
    pub backup_codes_left: usize,
}

impl Commands {
    /// Lets a person in who has shown who they are, or asks for a second factor.
    pub(crate) async fn complete_sign_in(
        &self,
        user: Uuid,
        person: &User,
        way: Way,
        origin: &Origin,
    ) -> Result<Done<SignIn>, Error> {
        let role = may_sign_in(person)?;
        let factors = self.factors_of(user).await?.state;
        if !factors.is_enabled() || self.is_remembered(user, &factors, origin) {
            let done = self.start_session((user, new_id()), person, way, origin).await?;
            return Ok(Done::new(SignIn::Complete(done.value), done.position));
        }
        let challenge = new_id();
        let command = Command::Challenge { challenge, way, at: self.0.clock.now() };
        let meta = Meta { actor: Some(user), ..origin.meta().about(user) }.because(way.name());
        let stream = Category::Factors.stream_of(user);
        let executed = self.execute::<Factors>(stream, command, &meta).await?;
        metrics::counter!("annals_challenges_total").increment(1);
        let token = ChallengeToken { user, challenge }.write(&self.0.tokens);
        let challenged = Challenged { token, methods: factors.methods(), role };
        Ok(Done::new(SignIn::Challenged(challenged), executed.position))
    }

    /// Takes the code that a sign-in waits for, and lets the person in.
    pub async fn answer_challenge(
        &self,
        token: &str,
        code: &str,
        remember_device: bool,
        origin: &Origin,
    ) -> Result<Done<Answer>, Error> {
        let over = || Rejection::from(domain::factors::Error::ChallengeOver);
        let token = ChallengeToken::read(&self.0.tokens, token).ok_or_else(over)?;
        let (user, challenge) = (token.user, token.challenge);
        let typed = Typed::read(code)?;
        let person = self.load::<User>(user).await?.state;
        may_sign_in(&person)?;
        let waiting = self.factors_of(user).await?.state;
        let waits = waiting.challenge(challenge, self.0.clock.now()).ok_or_else(over)?;
        if waits.is_older_than(&person) {
            return Err(over().into());
        }
        let way = waits.way;
        let session = new_id();
        let name = origin.user_agent.clone();
        let device = remember_device.then(|| NewDevice { id: new_id(), name });
        let device_token = device
            .as_ref()
            .map(|device| DeviceToken { user, device: device.id }.write(&self.0.tokens));
        let purpose = Purpose::SignIn { challenge, session, device };
        let meta = Meta { actor: Some(user), ..origin.meta().about(user) };
        let presented = self.present(user, &typed, &purpose, &meta).await?;
        let backup_codes_left = presented.factors.backup_codes_left();
        let done = self.start_session((user, session), &person, way, origin).await?;
        let answer = Answer { signed_in: done.value, device_token, backup_codes_left };
        Ok(Done::new(answer, done.position))
    }

    /// Whether this device need not show a second factor.
    fn is_remembered(&self, user: Uuid, factors: &Factors, origin: &Origin) -> bool {
        let shown = origin.device.as_deref();
        let shown = shown.and_then(|token| DeviceToken::read(&self.0.tokens, token));
        let shown = shown.filter(|token| token.user == user);
        shown.is_some_and(|token| factors.remembers(token.device, self.0.clock.now()))
    }
}

/// Nobody is asked for a code who would not be let in with it.
pub(crate) fn may_sign_in(person: &User) -> Result<Role, Error> {
    match person {
        User::Active(account) => Ok(account.role),
        User::Deactivated(_) => {
            let detail = "this account is deactivated; ask an administrator";
            Err(Rejection::new(Kind::Forbidden, "account_deactivated", detail).into())
        }
        User::Absent | User::Leaving | User::Erased { .. } => Err(Error::unauthenticated()),
    }
}
