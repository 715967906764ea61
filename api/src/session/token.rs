//! Access tokens: JWT, EdDSA, key ids, 15 minutes. A token names a session and nothing else; what its holder may do
//! is read from the database at each request.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::id::SessionId;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::keys::{Secrets, sha256};

/// Life of an access token.
pub const LIFE: TimeDelta = TimeDelta::minutes(15);

/// How far clocks may differ: those of replicas, or one before and after it was set back.
const AHEAD: TimeDelta = TimeDelta::hours(2);

const ISSUER: &str = "muzi";
const AUDIENCE: &str = "muzi-api";

/// Signs and checks access tokens.
pub struct Tokens {
    signing_id: String,
    signing: EncodingKey,
    checking: BTreeMap<String, DecodingKey>,
    validation: Validation,
    /// Signatures that were checked, by the hash of the token: a phone shows the same token for 15 minutes.
    checked: moka::sync::Cache<Vec<u8>, Claimed>,
}

/// What a token with a good signature says.
#[derive(Debug, Clone, Copy)]
struct Claimed {
    session: SessionId,
    expires: i64,
}

/// Signatures that are remembered.
const REMEMBERED: u64 = 20_000;

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(***)")
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: SessionId,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// Prepares the keys; the one with the highest id signs.
    pub fn new(secrets: &Secrets) -> anyhow::Result<Self> {
        let (signing_id, seed) =
            secrets.token.last_key_value().ok_or_else(|| anyhow::anyhow!("there is no token key"))?;
        let mut checking = BTreeMap::new();
        for (id, seed) in &secrets.token {
            let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
                .map_err(|_| anyhow::anyhow!("token key {id} is not 32 bytes"))?;
            let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
            checking.insert(id.to_string(), DecodingKey::from_ed_components(&public)?);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Our clock judges, not the library's.
        validation.validate_exp = false;
        Ok(Self {
            signing_id: signing_id.to_string(),
            signing: EncodingKey::from_ed_der(&pkcs8(seed)),
            checking,
            validation,
            checked: moka::sync::Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(LIFE.to_std()?)
                .build(),
        })
    }

    /// A token for a session.
    pub fn sign(&self, session: SessionId, now: DateTime<Utc>) -> anyhow::Result<String> {
        let header = Header { kid: Some(self.signing_id.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: session,
            iat: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        };
        Ok(jsonwebtoken::encode(&header, &claims, &self.signing)?)
    }

    /// The session of a token of ours that has not expired. One of the future is good for as long as a clock may have been
    /// ahead of ours when it was signed: what a session may do is read from the database all the same.
    pub fn check(&self, token: &str, now: DateTime<Utc>) -> Option<SessionId> {
        let Claimed { session, expires } = self.claimed(token)?;
        let now = now.timestamp();
        (expires > now && expires <= now + (LIFE + AHEAD).num_seconds()).then_some(session)
    }

    /// What a token says, if its signature is ours.
    fn claimed(&self, token: &str) -> Option<Claimed> {
        let hash = sha256(token.as_bytes());
        if let Some(claimed) = self.checked.get(&hash) {
            return Some(claimed);
        }
        let key = self.checking.get(&jsonwebtoken::decode_header(token).ok()?.kid?)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()?.claims;
        let claimed = Claimed { session: claims.sub, expires: claims.exp };
        self.checked.insert(hash, claimed);
        Some(claimed)
    }
}

/// PKCS#8 version 1 of an Ed25519 seed (RFC 8410).
fn pkcs8(seed: &[u8; 32]) -> Vec<u8> {
    const HEAD: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    [HEAD.as_slice(), seed].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use uuid::Uuid;
    use zeroize::Zeroizing;

    fn tokens(ids: &[u8]) -> Tokens {
        let some: BTreeMap<_, _> = ids.iter().map(|id| (*id, Zeroizing::new([*id; 32]))).collect();
        Tokens::new(&Secrets {
            data: some.clone(),
            index: Zeroizing::new([0; 32]),
            print: some.clone(),
            token: some,
            backup: None,
            audit: BTreeMap::new(),
        })
        .unwrap()
    }

    #[test]
    fn a_token_names_its_session_for_fifteen_minutes() {
        let (tokens, session, now) = (tokens(&[1]), SessionId(Uuid::now_v7()), Utc::now());
        let token = tokens.sign(session, now).unwrap();
        assert_eq!(tokens.check(&token, now), Some(session));
        assert_eq!(tokens.check(&token, now + TimeDelta::minutes(14)), Some(session));
        assert_eq!(tokens.check(&token, now + TimeDelta::minutes(16)), None);
        assert_eq!(tokens.check(&token, now - TimeDelta::hours(1)), Some(session), "the clock was set back");
        assert_eq!(tokens.check(&token, now - TimeDelta::hours(3)), None, "signed by a clock far ahead");
    }

    #[test]
    fn an_old_key_still_checks_and_a_foreign_one_never() {
        let now = Utc::now();
        let token = tokens(&[1]).sign(SessionId(Uuid::now_v7()), now).unwrap();
        assert!(tokens(&[1, 2]).check(&token, now).is_some());
        assert!(tokens(&[2]).check(&token, now).is_none());
    }

    #[test]
    fn forged_headers_are_refused() {
        let now = Utc::now();
        let good = tokens(&[1]).sign(SessionId(Uuid::now_v7()), now).unwrap();
        let body = good.split('.').nth(1).unwrap();
        for header in [
            r#"{"alg":"none","kid":"1"}"#,
            r#"{"alg":"HS256","kid":"1"}"#,
            r#"{"alg":"EdDSA","kid":"../1"}"#,
            r#"{"alg":"EdDSA"}"#,
        ] {
            let forged =
                format!("{}.{body}.{}", URL_SAFE_NO_PAD.encode(header), good.split('.').nth(2).unwrap());
            assert!(tokens(&[1]).check(&forged, now).is_none(), "{header}");
        }
        for garbage in ["", ".", "..", "a.b.c", "💥"] {
            assert!(tokens(&[1]).check(garbage, now).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_change_of_a_good_token_signs_anybody_in(
            text in prop_oneof!["\\PC{0,120}", "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}"],
            header in "\\PC{0,60}", at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let (tokens, now) = (tokens(&[1]), Utc::now());
            prop_assert_eq!(tokens.check(&text, now), None);
            let good = tokens.sign(SessionId(Uuid::now_v7()), now).unwrap();
            let (_, rest) = good.split_once('.').unwrap();
            prop_assert_eq!(tokens.check(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(&header)), now), None);
            let mut changed = good.clone().into_bytes();
            *at.get_mut(&mut changed) = byte;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            prop_assume!(changed != good);
            prop_assert_eq!(tokens.check(&changed, now), None);
        }
    }
}
