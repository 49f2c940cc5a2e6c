//! The gateway's endpoint, over HTTP. The token goes to the address that the user named
//! and to no other: a redirect is not followed.

use super::request::{Decided, List, Refusal, Request};
use crate::failure::Failure;
use crate::output::shown;
use crate::trust;
use mcp_policy_filter::approvals::Id;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderValue, Response, Uri};
use ureq::tls::TlsConfig;

/// The header that repeats the digest of the call that was seen.
const DIGEST: &str = "mcp-approval-digest";
/// The most bytes of an answer: a list of 100 requests, or the longest call.
const MAX_ANSWER: u64 = 1 << 20;
/// The time that the gateway has for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a reason.
const MAX_REASON: usize = 256;

/// The address of the endpoint, or of one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// The endpoint.
    base: String,
    /// The request.
    pub(super) id: Option<String>,
}

impl Endpoint {
    /// Reads an address. The id of a request may be at its end.
    ///
    /// # Errors
    /// It is not an address to which a token may go.
    pub(super) fn new(url: &str, id: Option<&str>, insecure: bool) -> Result<Self, Failure> {
        let wrong = |why: &str| Err(Failure::new(format!("{}: {why}", shown(url))));
        let parsed = url.parse::<Uri>();
        if trust::has_user(url, parsed.as_ref().ok()) {
            // Not with the URL, which may have a password.
            return Err(Failure::new(
                "the URL has a user; the token is asked for and never a part of the URL",
            ));
        }
        let Ok(uri) = parsed else { return wrong("is not a URL") };
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return wrong("is not a URL; write one like https://gateway.example.com/mcp-approvals");
        };
        if uri.query().is_some() || url.contains('#') {
            return wrong("has a query or a fragment; the endpoint has none");
        }
        match scheme {
            "https" => {}
            "http" if insecure || is_loopback(host) => {}
            "http" => {
                return wrong(
                    "would send the token over the network as it is; use https, or \
                     --insecure-http where something else encrypts",
                );
            }
            _ => return wrong("is neither https nor http"),
        }
        let mut base = url.trim_end_matches('/').to_owned();
        let mut found = None;
        if let Some((before, last)) = base.rsplit_once('/')
            && Id::parse(last).is_some()
        {
            found = Some(last.to_owned());
            base = before.to_owned();
        }
        let id = match (id, found) {
            (Some(id), _) if Id::parse(id).is_none() => {
                let like = "is not the id of a request, like `apr_nyq2fi5euwtkpkfj`";
                return Err(Failure::new(format!("{}: {like}", shown(id))));
            }
            (Some(id), Some(other)) if *id != other => {
                return wrong("ends with the id of another request than ID");
            }
            (id, other) => id.map(str::to_owned).or(other),
        };
        Ok(Self { base, id })
    }

    fn of_request(&self) -> String {
        format!("{}/{}", self.base, self.id.as_deref().unwrap_or_default())
    }
}

/// The words about an exchange that failed.
fn failing(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "does not answer in time".to_owned(),
        ureq::Error::BodyExceedsLimit(most) => format!("answers with more than {most} bytes"),
        ureq::Error::Io(error) => format!("cannot be reached: {}", trust::words(error)),
        error => trust::words(error),
    }
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// The query with the reason of a denial.
///
/// # Errors
/// It is not one that the gateway takes.
pub(super) fn query(reason: Option<&str>) -> Result<String, Failure> {
    let Some(reason) = reason else { return Ok(String::new()) };
    if reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
        let most = format!("--reason: write at most {MAX_REASON} bytes on one line");
        return Err(Failure::new(most));
    }
    let mut query = String::from("?reason=");
    for byte in reason.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                query.push(char::from(byte));
            }
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(query, "%{byte:02X}");
            }
        }
    }
    Ok(query)
}

/// A client of the endpoint.
pub(super) struct Client {
    agent: Agent,
    endpoint: Endpoint,
    authorization: HeaderValue,
}

impl Client {
    /// A client with a token.
    ///
    /// # Errors
    /// The token cannot be sent.
    pub(super) fn new(endpoint: Endpoint, token: String, tls: TlsConfig) -> Result<Self, Failure> {
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("mcp-policy/", env!("CARGO_PKG_VERSION")));
        // By plain http, a proxy would be shown the token.
        let config = match trust::is_https(&endpoint.base) {
            true => config,
            false => config.proxy(None),
        };
        let told = |_| Failure::new("the token has a character that no header can have");
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).map_err(told)?;
        authorization.set_sensitive(true);
        Ok(Self { agent: config.build().new_agent(), endpoint, authorization })
    }

    /// The requests that the approver may decide about, as they came and as they are read.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub(super) fn get_list(&self) -> Result<(Value, List), Failure> {
        self.get(&self.endpoint.base)
    }

    /// One request, as it came and as it is read.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub(super) fn get_one(&self) -> Result<(Value, Request), Failure> {
        let (value, request): (_, Request) = self.get(&self.endpoint.of_request())?;
        if Some(&request.id) != self.endpoint.id.as_ref() {
            return Err(self.told("answers with another request than was asked for"));
        }
        Ok((value, request))
    }

    /// Approves the call with this digest; the answer as it came and as it is read.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub(super) fn approve(&self, digest: &str) -> Result<(Value, Decided), Failure> {
        self.post(&format!("{}/approve", self.endpoint.of_request()), digest)
    }

    /// Denies the call with this digest; the answer as of [`Client::approve`].
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub(super) fn deny(&self, digest: &str, query: &str) -> Result<(Value, Decided), Failure> {
        self.post(&format!("{}/deny{query}", self.endpoint.of_request()), digest)
    }

    fn get<T: DeserializeOwned>(&self, url: &str) -> Result<(Value, T), Failure> {
        let request = self.agent.get(url).header("authorization", &self.authorization);
        self.read(request.header("accept", "application/json").call())
    }

    fn post(&self, url: &str, digest: &str) -> Result<(Value, Decided), Failure> {
        let request = self.agent.post(url).header("authorization", &self.authorization);
        let request = request.header("accept", "application/json").header(DIGEST, digest);
        self.read(request.send_empty())
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<(Value, T), Failure> {
        let mut answer = answer.map_err(|error| self.told(&failing(&error)))?;
        let status = answer.status();
        if status.is_redirection() {
            let location = answer.headers().get("location");
            let to = location.and_then(|to| to.to_str().ok()).unwrap_or("another address");
            return Err(self.told(&format!(
                "answers with a redirect to {to}, which is not followed, since the token would go \
                 there; name the gateway's own address"
            )));
        }
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let text = text.map_err(|error| self.told(&failing(&error)))?;
        if !status.is_success() {
            return Err(self.refused(status.as_u16(), &text));
        }
        let value: Value = serde_json::from_str(&text)
            .map_err(|_| self.told("answers with something that is not JSON of the endpoint"))?;
        let read = T::deserialize(&value).map_err(|_| match value.get("digest") {
            // The agent's own view of its request.
            None if value.get("state").is_some() => {
                self.told("shows the state alone: the call was made by you, and others decide")
            }
            _ => self.told("answers with JSON that is not of the endpoint"),
        })?;
        Ok((value, read))
    }

    /// A refusal, with what helps.
    fn refused(&self, status: u16, text: &str) -> Failure {
        let refusal = serde_json::from_str::<Refusal>(text).ok();
        let (error, you) =
            refusal.map_or((String::new(), None), |refusal| (refusal.error, refusal.you));
        let mut words = format!("refuses with HTTP {status}");
        if !error.is_empty() {
            words.extend([": ", &error]);
        }
        if let Some(you) = you {
            words.extend(["; it knows you as ", &you]);
        }
        words.push_str(match status {
            401 => "; give a token that is yours and has not expired",
            404 if error.is_empty() => "; the address is not that of `settings.approvals`",
            409 => "; look at the request again with `show`",
            410 => "; the request is over, and the call has to be made again",
            429 | 503 => "; try again later",
            _ => "",
        });
        self.told(&words)
    }

    fn told(&self, words: &str) -> Failure {
        Failure::new(format!("{}: {}", shown(&self.endpoint.base), shown(words)))
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn a_token_goes_over_https_or_stays_on_the_machine() {
        let good = |url: &str| Endpoint::new(url, None, false).is_ok();
        for url in [
            "https://gateway.example.com/mcp-approvals",
            "http://127.0.0.1:10000/a",
            "http://127.8.0.1/a",
            "http://[::1]:1/a",
            "http://localhost/a",
        ] {
            assert!(good(url), "{url}");
        }
        for url in [
            "http://gateway.example.com/a",
            "http://localhost.example.com/a",
            "http://127.0.0.1.example.com/a",
            "http://10.0.0.1/a",
            "https://user:token@gateway.example.com/a",
            "https://user:to ken@gateway.example.com/a",
            "http://127.0.0.1@example.com/a",
            "https://gateway.example.com/a?x=1",
            "https://gateway.example.com/a#x",
            "ftp://gateway.example.com/a",
            "gateway.example.com/a",
            "/a",
            "",
        ] {
            assert!(!good(url), "{url}");
        }
        assert!(Endpoint::new("http://gateway.example.com/a", None, true).is_ok());
    }

    #[test]
    fn a_password_is_not_repeated() {
        for password in ["secret", "secret 2", "secret/2", "secret#2", "sec@ret"] {
            for scheme in ["https", "http", "ftp"] {
                let url = format!("{scheme}://ann:{password}@gateway.example.com/a");
                let told = Endpoint::new(&url, None, false).unwrap_err().to_string();
                assert!(told.starts_with("the URL has a user; "), "{told}");
            }
        }
        assert!(Endpoint::new("https://gateway.example.com/@ann", None, false).is_ok());
    }

    #[test]
    fn the_id_is_an_argument_or_the_end_of_the_address() {
        let id = "apr_nyq2fi5euwtkpkfj";
        let one = |url: &str, id| Endpoint::new(url, id, false).map_err(|error| error.to_string());
        let whole = one("https://a.example/p/apr_nyq2fi5euwtkpkfj", None).unwrap();
        assert_eq!(whole, one("https://a.example/p/", Some(id)).unwrap());
        assert_eq!(whole.of_request(), "https://a.example/p/apr_nyq2fi5euwtkpkfj");
        assert!(one("https://a.example/p", Some("../x")).is_err());
        assert!(one("https://a.example/p/apr_nyq2fi5euwtkpkfa", Some(id)).is_err());
        assert_eq!(one("https://a.example/p", None).unwrap().id, None);
    }
}
