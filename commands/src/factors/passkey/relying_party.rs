//! This service as browsers know it: what they let a passkey sign for it, and for nobody else.

use std::time::Duration;

use domain::{
    Kind, Rejection,
    factors::{CEREMONY_LIFETIME, Fault, Signed},
};
use url::{Host, Url};
use webauthn_rs_core::{
    WebauthnCore,
    error::WebauthnError,
    proto::{
        AuthenticationState, CreationChallengeResponse, Credential, PublicKeyCredential,
        RegisterPublicKeyCredential, RegistrationState, RequestChallengeResponse,
        ResidentKeyRequirement, UserVerificationPolicy,
    },
};

/// What devices show beside the person's name.
const NAME: &str = "Annals";

/// The relying party (`WebAuthn` Level 3, section 4); none where the service has an address that
/// browsers know no passkeys for.
pub(crate) struct RelyingParty(Option<WebauthnCore>);

/// Who is to hold a new passkey.
pub(super) struct Holder<'a> {
    /// What the device gives back; tells nothing about the person.
    pub handle: &'a [u8],
    /// What it shows.
    pub email: &'a str,
    /// The same, as people are called.
    pub name: &'a str,
}

impl RelyingParty {
    /// The service at an address.
    pub(crate) fn new(public_url: &str) -> Self {
        Self(origin(public_url).and_then(|origin| {
            let id = origin.domain()?.to_owned();
            let timeout = Duration::from_secs(CEREMONY_LIFETIME.num_seconds().unsigned_abs());
            Some(WebauthnCore::new_unsafe_experts_only(
                NAME,
                &id,
                vec![origin],
                timeout,
                None,
                None,
            ))
        }))
    }

    /// Asks for a new passkey; one that its device finds by itself, and that knows its person, if it can.
    pub(super) fn ask_for_new(
        &self,
        holder: &Holder<'_>,
        known: Vec<Vec<u8>>,
    ) -> Result<(CreationChallengeResponse, RegistrationState), Rejection> {
        let core = self.core()?;
        let builder = core
            .new_challenge_register_builder(holder.handle, holder.email, holder.name)
            .map_err(|error| invalid(&error))?
            .user_verification_policy(UserVerificationPolicy::Preferred)
            .exclude_credentials(Some(known));
        let asked = core.generate_challenge_register(builder);
        let (mut question, state) = asked.map_err(|error| invalid(&error))?;
        if let Some(wanted) = &mut question.public_key.authenticator_selection {
            wanted.resident_key = Some(ResidentKeyRequirement::Preferred);
        }
        Ok((question, state))
    }

    /// Asks for one of some passkeys, or for any that the device finds by itself.
    pub(super) fn ask(
        &self,
        known: Vec<Credential>,
        needs_verification: bool,
    ) -> Result<(RequestChallengeResponse, AuthenticationState), Rejection> {
        let core = self.core()?;
        let policy = if needs_verification {
            UserVerificationPolicy::Required
        } else {
            UserVerificationPolicy::Preferred
        };
        let builder = core.new_challenge_authenticate_builder(known, Some(policy));
        let builder = builder.map_err(|error| invalid(&error))?.allow_backup_eligible_upgrade(true);
        let asked = core.generate_challenge_authenticate(builder);
        let (question, mut state) = asked.map_err(|error| invalid(&error))?;
        // Whoever answers is looked up again: what holds then counts.
        state.set_allowed_credentials(vec![]);
        Ok((question, state))
    }

    /// Takes a new passkey (`WebAuthn` Level 3, section 7.1).
    pub(super) fn register(
        &self,
        answer: &RegisterPublicKeyCredential,
        state: &RegistrationState,
    ) -> Result<Credential, Rejection> {
        let registered = self.core()?.register_credential(answer, state, None);
        let credential = registered.map_err(|error| invalid(&error))?;
        if answer.type_ != "public-key" || credential.cred_id != answer.raw_id {
            return Err(invalid(&WebauthnError::CredentialNotFound));
        }
        Ok(credential)
    }

    /// Looks at what a passkey has signed (`WebAuthn` Level 3, section 7.2). Whether the counter went on
    /// is not asked here: the stream decides, also among those who answer at once.
    pub(super) fn verify(
        &self,
        answer: &PublicKeyCredential,
        state: &AuthenticationState,
        known: &Credential,
    ) -> Result<Result<Signed, Fault>, Rejection> {
        let mut known = known.clone();
        (known.counter, known.user_verified) = (0, false);
        known.registration_policy = UserVerificationPolicy::Preferred;
        if answer.type_ != "public-key" {
            return Ok(Err(Fault::Invalid));
        }
        Ok(match self.core()?.authenticate_single_credential(answer, state, &known) {
            Ok(found) => {
                Ok(Signed { counter: found.counter(), is_verified: found.user_verified() })
            }
            Err(WebauthnError::UserNotVerified) => Err(Fault::NotVerified),
            Err(error) => {
                tracing::info!(%error, "what a passkey was to have signed is refused");
                Err(Fault::Invalid)
            }
        })
    }

    fn core(&self) -> Result<&WebauthnCore, Rejection> {
        self.0.as_ref().ok_or_else(|| {
            let detail =
                "browsers know no passkeys for the address of this service; it needs a name";
            Rejection::new(Kind::Conflict, "passkeys_unavailable", detail)
        })
    }
}

/// Where pages have to come from. Browsers know no passkeys for IP addresses, but `localhost`.
fn origin(public_url: &str) -> Option<Url> {
    let mut url = Url::parse(public_url).ok()?;
    let is_loopback = match url.host()? {
        Host::Domain(_) => false,
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    if is_loopback {
        url.set_host(Some("localhost")).ok()?;
    }
    url.domain().is_some().then_some(url)
}

fn invalid(error: &WebauthnError) -> Rejection {
    tracing::info!(%error, "a new passkey is refused");
    let detail =
        "this is not what a browser answers for this passkey, this question and this service";
    Rejection::new(Kind::Invalid, "invalid_passkey", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_to_come_from_the_address_of_the_service() {
        let origin = |url| origin(url).map(|url| url.origin().ascii_serialization());

        assert_eq!(origin("https://annals.example/a").as_deref(), Some("https://annals.example"));
        assert_eq!(origin("http://127.0.0.1:8000").as_deref(), Some("http://localhost:8000"));
        assert_eq!(origin("http://[::1]:8000").as_deref(), Some("http://localhost:8000"));
        assert_eq!(origin("http://192.0.2.1"), None);
    }

    #[test]
    fn a_service_without_a_name_has_no_passkeys() {
        let outcome = RelyingParty::new("http://192.0.2.1").ask(vec![], true);

        assert_eq!(outcome.map(drop).map_err(|error| error.code), Err("passkeys_unavailable"));
    }
}
