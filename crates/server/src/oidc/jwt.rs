//! Signed tokens: what a provider says of somebody, and the look whether it was the provider that said it.
//!
//! A token is a JWS in its compact form (RFC 7515 §7.1) with claims in it (RFC 7519). Only signatures by public keys are
//! known: a token that is not signed, or signed with a secret that both sides know, is refused before anybody looks further,
//! and so is one whose algorithm does not belong to the kind of key that its header names (RFC 8725 §3.1). Keys come from
//! where the provider publishes them and from nowhere else; what a token's own head says of keys is not read.
//!
//! The signatures are `ring`'s to judge. What stands here is the little that lies between them and JSON.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 64 * 1024;

/// The claims of a token whose signature is right.
pub type Claims = Map<String, Value>;

/// Why a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// It is no token.
    #[error("it is no signed token")]
    Malformed,
    /// It is signed in a way that we do not take.
    #[error("it is signed in a way that is not accepted")]
    Algorithm,
    /// None of the keys is the one that it names.
    #[error("its key is not among those that the provider publishes")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("its signature is wrong")]
    Signature,
}

/// A key as providers publish them (RFC 7517, RFC 7518 §6), as far as it is read.
#[derive(Clone, Debug, Default, Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a provider.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Jwk>);

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl Keys {
    /// Reads a set of keys. One of a kind that we do not know is passed over, as others may be for us.
    pub fn read(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json).ok()?;
        Some(Self(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect()))
    }

    /// The claims of a token that one of these keys has signed.
    pub fn claims(&self, token: &str) -> Result<Claims, Unsound> {
        if token.len() > LONGEST {
            return Err(Unsound::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Unsound::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Unsound::Malformed)?;
        let header: Header = read(header)?;
        // What has to be understood and is not makes the whole not understood (RFC 7515 §4.1.11).
        if header.crit.is_some() {
            return Err(Unsound::Algorithm);
        }
        let algorithm = Algorithm::named(&header.alg).ok_or(Unsound::Algorithm)?;
        let signature = bytes(signature).ok_or(Unsound::Malformed)?;
        let mut fitting = self.0.iter().filter(|key| key.is_for(&header, algorithm)).peekable();
        if fitting.peek().is_none() {
            return Err(Unsound::UnknownKey);
        }
        if !fitting.any(|key| algorithm.has_signed(key, signed.as_bytes(), &signature)) {
            return Err(Unsound::Signature);
        }
        read(claims)
    }
}

impl Jwk {
    /// Whether a token with this header may be signed by this key.
    fn is_for(&self, header: &Header, algorithm: Algorithm) -> bool {
        let is_named = header.kid.is_none() || self.kid.is_none() || header.kid == self.kid;
        let is_for_signing = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let is_for_algorithm = self.alg.as_deref().is_none_or(|alg| alg == header.alg);
        is_named && is_for_signing && is_for_algorithm && algorithm.takes(self)
    }
}

/// A way to sign.
#[derive(Clone, Copy)]
enum Algorithm {
    Rsa(&'static RsaParameters),
    Ecdsa(&'static str, &'static dyn VerificationAlgorithm),
    EdDsa,
}

impl Algorithm {
    /// The one with this name (RFC 7518 §3.1, RFC 8037 §3.1).
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Self::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Self::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            "PS256" => Self::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            "PS384" => Self::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            "PS512" => Self::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            "ES256" => Self::Ecdsa("P-256", &signature::ECDSA_P256_SHA256_FIXED),
            "ES384" => Self::Ecdsa("P-384", &signature::ECDSA_P384_SHA384_FIXED),
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }

    /// Whether this kind of key signs so.
    fn takes(self, key: &Jwk) -> bool {
        match self {
            Self::Rsa(_) => key.kty == "RSA",
            Self::Ecdsa(curve, _) => key.kty == "EC" && key.crv.as_deref() == Some(curve),
            Self::EdDsa => key.kty == "OKP" && key.crv.as_deref() == Some("Ed25519"),
        }
    }

    fn has_signed(self, key: &Jwk, message: &[u8], signature: &[u8]) -> bool {
        let part = |text: &Option<String>| bytes(text.as_deref()?);
        match self {
            Self::Rsa(parameters) => {
                let (Some(n), Some(e)) = (part(&key.n), part(&key.e)) else { return false };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            Self::Ecdsa(_, algorithm) => {
                let (Some(x), Some(y)) = (part(&key.x), part(&key.y)) else { return false };
                // A point that is not compressed (SEC 1 §2.3.3).
                let point = [&[4], &x[..], &y[..]].concat();
                UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
            }
            Self::EdDsa => {
                let Some(x) = part(&key.x) else { return false };
                UnparsedPublicKey::new(&signature::ED25519, x).verify(message, signature).is_ok()
            }
        }
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Unsound> {
    bytes(text).and_then(|json| serde_json::from_slice(&json).ok()).ok_or(Unsound::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The RSA key and the token of RFC 7515, appendix A.2; the elliptic curve's of A.3; the Edwards curve's of RFC 8037, A.4.
    const RSA: &str = r#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#;
    const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const EC: &str = r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    const EC_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn keys(json: &str) -> Keys {
        Keys::read(json.as_bytes()).expect("keys")
    }

    fn header(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        for (keys_, token) in [(RSA, RSA_TOKEN), (EC, EC_TOKEN)] {
            let claims = keys(keys_).claims(token).expect("the standard's own");
            assert_eq!(claims.get("iss"), Some(&Value::from("joe")));
        }
    }

    #[test]
    fn a_changed_token_is_not() {
        let keys = keys(RSA);
        let (signed, signature) = RSA_TOKEN.rsplit_once('.').expect("a token");
        let claims = header(r#"{"iss":"mallory"}"#);
        let (head, _) = signed.split_once('.').expect("a token");
        assert_eq!(keys.claims(&format!("{head}.{claims}.{signature}")), Err(Unsound::Signature));
        assert_eq!(keys.claims(&format!("{signed}.")), Err(Unsound::Signature));
        for text in ["", ".", "..", "a.b.c", &RSA_TOKEN[1..], &"a".repeat(LONGEST + 1), signed] {
            assert!(keys.claims(text).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn only_signatures_by_public_keys_count() {
        let (_, rest) = RSA_TOKEN.split_once('.').expect("a token");
        for alg in ["none", "None", "HS256", "RS1", ""] {
            let token = format!("{}.{rest}", header(&format!(r#"{{"alg":"{alg}"}}"#)));
            assert_eq!(keys(RSA).claims(&token), Err(Unsound::Algorithm), "{alg}");
        }
        // The algorithm has to be one of the key's kind, and the key the one that is named.
        for head in [r#"{"alg":"ES256"}"#, r#"{"alg":"EdDSA"}"#] {
            assert_eq!(keys(RSA).claims(&format!("{}.{rest}", header(head))), Err(Unsound::UnknownKey), "{head}");
        }
        assert_eq!(keys(EC).claims(RSA_TOKEN), Err(Unsound::UnknownKey));
        assert_eq!(Keys::default().claims(RSA_TOKEN), Err(Unsound::UnknownKey));
        let named = RSA.replace(r#""kty":"RSA""#, r#""kty":"RSA","kid":"other""#);
        assert!(keys(&named).claims(RSA_TOKEN).is_ok(), "a token that names no key may be any key's");
        let token = format!("{}.{rest}", header(r#"{"alg":"RS256","kid":"mine"}"#));
        assert_eq!(keys(&named).claims(&token), Err(Unsound::UnknownKey));
        let sealing = RSA.replace(r#""kty":"RSA""#, r#""kty":"RSA","use":"enc""#);
        assert_eq!(keys(&sealing).claims(RSA_TOKEN), Err(Unsound::UnknownKey));
        let token = format!("{}.{rest}", header(r#"{"alg":"RS256","crit":["exp"]}"#));
        assert_eq!(keys(RSA).claims(&token), Err(Unsound::Algorithm));
    }
}
