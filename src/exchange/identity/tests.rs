use super::*;
use crate::policy::condition::{Payload, Untyped};
use crate::policy::document::PayloadPlace;
use std::collections::BTreeMap;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[derive(Default)]
struct Client {
    claims: BTreeMap<&'static str, Claim>,
    san: Option<&'static [u8]>,
    certificate: bool,
}

impl Claims for Client {
    fn claim(&self, path: &[&str]) -> Claim {
        match path {
            [] if self.claims.is_empty() => Claim::Absent,
            [] => Claim::Opaque,
            path => self.claims.get(&*path.join("/")).cloned().unwrap_or(Claim::Absent),
        }
    }
}

impl Peer for Client {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        self.san.map(<[u8]>::to_vec)
    }

    fn has_certificate(&self) -> bool {
        self.certificate
    }
}

fn ask(
    sources: &[Source],
    headers: &[(&'static str, &'static [u8])],
    client: &Client,
) -> Result<String, NoIdentity> {
    let given = |name: &str| {
        Given::new(headers.iter().filter(|(other, _)| *other == name).map(|(_, line)| *line))
    };
    identify(sources, &given, client)
}

fn jwt(claims: &[&[&str]]) -> Source {
    let claims = claims.iter().map(|path| path.iter().map(|key| (*key).to_owned()).collect());
    Source::Jwt { claims: claims.collect(), payload: PayloadPlace::Unnamed }
}

fn tokens() -> Source {
    let hash = |token: &str| Sha256::digest(token).into();
    Source::Bearer(Bearer {
        tokens: vec![
            (hash("red"), "alice".into()),
            (hash("green"), "alice".into()),
            (hash("blue"), "bob".into()),
        ],
    })
}

const UNUSABLE_HEADER: Result<String, NoIdentity> = Err(NoIdentity::Unusable("identity header"));
const OTHER_SCHEME: Result<String, NoIdentity> = Err(NoIdentity::Unusable("bearer token"));
const INVALID_TOKEN: Result<String, NoIdentity> = Err(NoIdentity::InvalidToken("bearer token"));

#[test]
fn a_header_names_the_caller_if_it_is_one_clean_line() {
    let source = [Source::Header("x-agent-id".into())];
    let ask = |lines: &[&'static [u8]]| {
        let headers: Vec<_> = lines.iter().map(|line| ("x-agent-id", *line)).collect();
        ask(&source, &headers, &Client::default())
    };
    assert_eq!(ask(&[b"ci"]), Ok("ci".into()));
    assert_eq!(ask(&[]), Err(NoIdentity::Missing));
    assert_eq!(ask(&[b"ci", b"ci"]), UNUSABLE_HEADER);
    assert_eq!(ask(&[b""]), UNUSABLE_HEADER);
    assert_eq!(ask(&[b"\xff"]), UNUSABLE_HEADER);
    assert_eq!(ask(&[b"a\tb"]), UNUSABLE_HEADER);
    assert_eq!(ask(&[&[b'a'; 256]]), Ok("a".repeat(256)));
    assert_eq!(ask(&[&[b'a'; 257]]), UNUSABLE_HEADER);
}

#[test]
fn a_token_names_its_grant_by_its_hash() {
    let source = [tokens()];
    let ask = |lines: &[&'static [u8]]| {
        let headers: Vec<_> = lines.iter().map(|line| ("authorization", *line)).collect();
        ask(&source, &headers, &Client::default())
    };
    assert_eq!(ask(&[b"Bearer red"]), Ok("alice".into()));
    assert_eq!(ask(&[b"bearer  green "]), Ok("alice".into()));
    assert_eq!(ask(&[b"BEARER blue"]), Ok("bob".into()));
    assert_eq!(ask(&[]), Err(NoIdentity::Missing));
    for line in [&b"Bearer yellow"[..], b"Bearer \xff", b"bearer Red"] {
        assert_eq!(ask(&[line]), INVALID_TOKEN);
    }
    // A scheme of six letters, too, is another one, and no token is not a token.
    for line in [
        &b"Bearer"[..],
        b"Bearer ",
        b"Bearer  ",
        b"Basic red",
        b"Digest red",
        b"red",
        b"Bearerred",
        b"",
    ] {
        assert_eq!(ask(&[line]), OTHER_SCHEME);
    }
    assert_eq!(ask(&[b"Bearer red", b"Bearer red"]), INVALID_TOKEN);
}

#[test]
fn hashes_of_the_same_bytes_in_another_order_are_different() {
    let hash: [u8; 32] = Sha256::digest("red").into();
    for (one, other) in [(0, 1), (0, 31), (15, 16)] {
        let mut swapped = hash;
        swapped.swap(one, other);
        assert_ne!(swapped, hash);
        let source = [Source::Bearer(Bearer { tokens: vec![(swapped, "alice".into())] })];
        let asked = ask(&source, &[("authorization", b"Bearer red")], &Client::default());
        assert_eq!(asked, INVALID_TOKEN, "{one} {other}");
    }
}

#[test]
fn a_token_that_was_not_verified_is_told_from_none() {
    let ask = |sources: &[Source], lines: &[&'static [u8]]| {
        let headers: Vec<_> = lines.iter().map(|line| ("authorization", *line)).collect();
        ask(sources, &headers, &Client::default())
    };
    let claims = || jwt(&[&["sub"]]);
    let invalid = Err(NoIdentity::InvalidToken("token"));
    assert_eq!(ask(&[claims()], &[b"Bearer a.b.c"]), invalid);
    assert_eq!(ask(&[claims()], &[b"Bearer a.b.c", b"Bearer a.b.c"]), invalid);
    assert_eq!(ask(&[claims()], &[]), Err(NoIdentity::Missing));
    for line in [&b"Basic a"[..], b"Bearer", b"Bearer ", b""] {
        assert_eq!(ask(&[claims()], &[line]), Err(NoIdentity::Missing));
    }
    // Other sources come before, and without claims there is nothing to verify.
    assert_eq!(ask(&[claims(), tokens()], &[b"Bearer red"]), Ok("bearer:alice".into()));
    let other = Source::Header("x-agent-id".into());
    assert_eq!(ask(&[other], &[b"Bearer a.b.c"]), Err(NoIdentity::Missing));
}

#[test]
fn claims_are_joined_so_that_no_two_callers_are_one() {
    let client = |claims: &[(&'static str, &'static str)]| Client {
        claims: claims.iter().map(|(key, value)| (*key, Claim::Text((*value).into()))).collect(),
        ..Client::default()
    };
    let both = [jwt(&[&["iss"], &["sub"]])];
    assert_eq!(ask(&both, &[], &client(&[("iss", "a"), ("sub", "b")])), Ok("a|b".into()));
    assert_eq!(ask(&both, &[], &client(&[("iss", "a|b"), ("sub", "c")])), Ok("a\\|b|c".into()));
    assert_eq!(ask(&both, &[], &client(&[("iss", "a"), ("sub", "b|c")])), Ok("a|b\\|c".into()));
    assert_eq!(ask(&both, &[], &client(&[("iss", "a\\"), ("sub", "b")])), Ok("a\\\\|b".into()));
    let unusable = Err(NoIdentity::InvalidToken("token"));
    assert_eq!(ask(&both, &[], &client(&[("iss", "a")])), unusable);
    assert_eq!(ask(&both, &[], &client(&[])), Err(NoIdentity::Missing));
    let nested = [jwt(&[&["realm", "id"]])];
    assert_eq!(ask(&nested, &[], &client(&[("realm/id", "x")])), Ok("x".into()));
    assert_eq!(ask(&nested, &[], &client(&[("realm/id", "")])), unusable);
    assert_eq!(ask(&nested, &[], &client(&[("other", "x")])), unusable);
}

/// A client whose token's payload is a text.
struct Bearing(Payload);

impl Claims for Bearing {
    fn claim(&self, path: &[&str]) -> Claim {
        self.0.claim(path)
    }
}

impl Peer for Bearing {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        None
    }

    fn has_certificate(&self) -> bool {
        false
    }
}

#[test]
fn a_payload_names_the_caller_or_leads_to_the_next_source_only_if_there_is_none() {
    let sources = [jwt(&[&["org", "id"]]), Source::Header("x-agent-id".into())];
    let ask = |text: Option<&str>| {
        let client = Bearing(Payload::read(text.map(|text| text.as_bytes().to_vec())));
        identify(&sources, &|_| Given::Once(b"ci"), &client)
    };
    let unusable = Err(NoIdentity::InvalidToken("token"));
    assert_eq!(ask(Some(r#"{"org":{"id":"alice"}}"#)), Ok("jwt:alice".into()));
    assert_eq!(ask(Some("-")), Ok("header:ci".into()));
    assert_eq!(ask(Some("{}")), unusable);
    assert_eq!(ask(Some(r#"{"org":{"id":7}}"#)), unusable);
    assert_eq!(ask(Some(r#"{"org":{"id":"alice"}"#)), unusable);
    assert_eq!(ask(None), unusable);
}

#[test]
fn only_a_text_names_a_caller() {
    let untyped = |value| Claim::Untyped(value);
    let text = |text: &str| Untyped { text: Some(text.into()), ..Untyped::default() };
    let unusable = Err(NoIdentity::InvalidToken("token"));
    for (sub, expected) in [
        (Claim::Text("alice".into()), Ok("alice".to_owned())),
        (untyped(text("alice")), Ok("alice".into())),
        // Eight characters may be a number too.
        (untyped(Untyped { number: Some(1.0), ..text("12345678") }), Ok("12345678".into())),
        (Claim::Text("a\tb".into()), unusable.clone()),
        (untyped(text("a\tb")), unusable.clone()),
        (untyped(Untyped { number: Some(3.0), ..Untyped::default() }), unusable.clone()),
        (untyped(Untyped { boolean: Some(true), ..text("\u{1}") }), unusable.clone()),
        (Claim::Number(3.0), unusable.clone()),
        (Claim::Bool(true), unusable.clone()),
        (Claim::List(vec![Claim::Text("alice".into())]), unusable.clone()),
        (Claim::Opaque, unusable.clone()),
        (Claim::Absent, unusable.clone()),
    ] {
        let client = Client { claims: BTreeMap::from([("sub", sub.clone())]), ..Client::default() };
        assert_eq!(ask(&[jwt(&[&["sub"]])], &[], &client), expected, "{sub:?}");
    }
}

#[test]
fn a_certificate_without_the_field_is_unusable() {
    let source = [Source::Mtls(Certificate::UriSan)];
    let ask =
        |san, certificate| ask(&source, &[], &Client { san, certificate, ..Client::default() });
    assert_eq!(ask(Some(b"spiffe://x/y"), true), Ok("spiffe://x/y".into()));
    assert_eq!(ask(None, false), Err(NoIdentity::Missing));
    assert_eq!(ask(None, true), Err(NoIdentity::Unusable("certificate")));
    assert_eq!(ask(Some(b""), true), Err(NoIdentity::Unusable("certificate")));
    // An empty field without a certificate is none, and the next source is asked.
    assert_eq!(ask(Some(b""), false), Err(NoIdentity::Missing));
}

#[test]
fn the_first_source_with_a_credential_decides_and_ids_do_not_mix() {
    let sources = [tokens(), Source::Header("x-agent-id".into())];
    let id: (&str, &[u8]) = ("x-agent-id", b"alice");
    let client = Client::default();
    assert_eq!(ask(&sources, &[id], &client), Ok("header:alice".into()));
    let token: (&str, &[u8]) = ("authorization", b"Bearer blue");
    assert_eq!(ask(&sources, &[id, token], &client), Ok("bearer:bob".into()));
    let bad: (&str, &[u8]) = ("authorization", b"Bearer x");
    assert_eq!(ask(&sources, &[id, bad], &client), INVALID_TOKEN);
}
