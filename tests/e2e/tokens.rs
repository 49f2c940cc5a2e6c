//! Tokens as an authorization server issues them, and Envoy's own filter that
//! verifies them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use mcp_rig::client::Request;
use mcp_rig::gateway::{Builder, Shell};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::corpus::PAYLOAD_STATE;

/// Who issues every token.
pub const ISSUER: &str = "e2e";

/// The place of a token's payload, as the policy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Unnamed,
    Metadata,
    State,
}

impl Place {
    /// Those that the filter can read here. A native module has no metadata, and
    /// looks for the state where the policy names no place.
    pub fn readable() -> &'static [Self] {
        match Shell::under_test() {
            Shell::Wasm => &[Self::Unnamed, Self::Metadata, Self::State],
            Shell::Native => &[Self::Unnamed, Self::State],
        }
    }

    /// The source of ids that makes one of this claim.
    pub fn source(self, claim: &Value) -> Value {
        match self {
            Self::Unnamed => json!({ "jwt": { "claim": claim } }),
            Self::Metadata => json!({ "jwt": { "claim": claim, "payload": "payload" } }),
            Self::State => json!({ "jwt": { "claim": claim, "payload_state": PAYLOAD_STATE } }),
        }
    }

    /// Puts the filters before the module that it needs for the tokens of `issuer`.
    pub fn behind(self, issuer: &Issuer, builder: Builder) -> Builder {
        self.behind_this(issuer.jwt_authn(), builder)
    }

    /// The same with a jwt_authn of one's own.
    pub fn behind_this(self, jwt_authn: Value, builder: Builder) -> Builder {
        let builder = builder.filter_before(jwt_authn);
        match (self, Shell::under_test()) {
            (Self::Metadata, _) | (Self::Unnamed, Shell::Wasm) => builder,
            (Self::State, _) | (Self::Unnamed, Shell::Native) => {
                builder.filter_before(payload_state())
            }
        }
    }
}

/// Envoy's filter that puts the payload of the token that jwt_authn has verified into
/// a filter state.
pub fn payload_state() -> Value {
    const PAYLOAD: &str = "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload)%";
    set_filter_state(PAYLOAD_STATE, PAYLOAD)
}

/// Envoy's filter that puts what a format says into a filter state, for the filters
/// behind it alone.
pub fn set_filter_state(name: &str, format: &str) -> Value {
    json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{
                "object_key": name,
                "factory_key": "envoy.string",
                "read_only": true,
                "format_string": { "text_format_source": { "inline_string": format } },
            }],
        },
    })
}

/// An authorization server with a key of its own.
pub struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    /// With a new key.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("the key");
        Self { key, random }
    }

    /// A signed token with these claims, and of [`ISSUER`] unless they name another.
    pub fn token(&self, mut claims: Value) -> String {
        if claims["iss"].is_null() {
            claims["iss"] = ISSUER.into();
        }
        let part = |json: Value| BASE64.encode(json.to_string());
        let signed = format!("{}.{}", part(json!({ "alg": "ES256", "typ": "JWT" })), part(claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// `request` with a token of these claims.
    pub fn authorize(&self, request: Request, claims: Value) -> Request {
        request.header("authorization", &format!("Bearer {}", self.token(claims)))
    }

    /// Envoy's jwt_authn, which verifies a token by this server's key, and lets
    /// requests pass that have none.
    pub fn jwt_authn(&self) -> Value {
        json!({
            "name": "envoy.filters.http.jwt_authn",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
                "providers": { "e2e": {
                    "issuer": ISSUER,
                    "local_jwks": { "inline_string": self.keys().to_string() },
                    "payload_in_metadata": "payload",
                } },
                "rules": [{
                    "match": { "prefix": "/" },
                    "requires": { "requires_any": { "requirements": [
                        { "provider_name": "e2e" },
                        { "allow_missing": {} },
                    ] } },
                }],
            },
        })
    }

    /// The public key as a JSON Web Key Set.
    pub fn keys(&self) -> Value {
        // An uncompressed point: a byte that says so, then both coordinates.
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (BASE64.encode(x), BASE64.encode(y));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y }] })
    }
}
