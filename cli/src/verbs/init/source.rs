//! The place from which the tools come: a URL, a program, a file.

use super::answers::abridged;
use super::http::Headers;
use super::server::{self, Listed, MAX_TOOLS, Server};
use crate::classes::Definition;
use crate::failure::Failure;
use crate::input;
use crate::output::shown;
use crate::trust::{Trust, has_user};
use core::str::FromStr;
use serde_json::Value;
use std::ffi::OsString;
use std::time::Duration;
use ureq::http::{HeaderName, HeaderValue, Uri};

/// Headers whose values are secrets.
const SECRETS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];
/// The longest time for a server.
const MAX_SECONDS: f64 = 3_600.0;

/// A time in seconds, of the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds: f64 = text.parse().map_err(|_| "is not a number of seconds".to_owned())?;
        if seconds > 0.0 && seconds <= MAX_SECONDS {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err(format!("is not above 0 and at most {MAX_SECONDS}"))
        }
    }
}

/// A server or its list, as arguments name it.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("server").required(true).args(["from", "command"])))]
pub(crate) struct Origin {
    /// The server's URL (Streamable HTTP), or a file with its list of tools; `-` is standard input
    #[arg(value_name = "URL|FILE")]
    from: Option<String>,
    /// The program that is the server, over standard input and output
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// A header of each request; a value `@FILE` is read from a file
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// A file that has the bearer token, alone
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<String>,
    #[command(flatten)]
    trust: Trust,
    /// Seconds that the server has to list its tools
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    timeout: Seconds,
}

impl Origin {
    /// The tools.
    ///
    /// # Errors
    /// They cannot be had, or the arguments do not say how.
    pub(crate) fn listed(&self) -> Result<Listed, Failure> {
        match &self.from {
            Some(url) if url.contains("://") => {
                check_url(url)?;
                let (headers, tls) = (self.headers()?, self.trust.tls(url)?);
                server::tools(&Server::Url(url, headers, tls), self.timeout.0)
            }
            Some(_) | None if self.is_about_url() => {
                Err(Failure::new("--header, --bearer-file and --ca are for a URL alone"))
            }
            Some(file) => in_file(file),
            None => server::tools(&Server::Command(&self.command), self.timeout.0),
        }
    }

    /// The path of the URL, if the server has one.
    pub(crate) fn url_path(&self) -> Option<String> {
        // The name of a file can be read as the host of a URL.
        let url = self.from.as_deref().filter(|from| from.contains("://"))?;
        let url: Uri = url.parse().ok()?;
        url.host()?;
        Some(url.path().to_owned())
    }

    /// Whether an option is about the way to a URL.
    const fn is_about_url(&self) -> bool {
        !self.headers.is_empty() || self.bearer_file.is_some() || self.trust.ca.is_some()
    }

    fn headers(&self) -> Result<Headers, Failure> {
        let mut headers = Vec::new();
        for given in &self.headers {
            headers.push(header(given)?);
        }
        if let Some(file) = &self.bearer_file {
            let value = format!("Bearer {}", secret(file)?);
            headers.push((HeaderName::from_static("authorization"), header_value(file, &value)?));
        }
        Ok(Headers(headers))
    }
}

/// Refuses a URL that is not one of HTTP, and one that has a password.
fn check_url(url: &str) -> Result<(), Failure> {
    let told = |words: &str| Err(Failure::new(format!("{}: {words}", abridged(url))));
    let parsed = url.parse::<Uri>();
    if has_user(url, parsed.as_ref().ok()) {
        // Not with the URL, which has the password.
        return Err(Failure::new(
            "a URL in an argument has no password, since other people on this machine can see it; \
             use --bearer-file or --header 'Authorization: @FILE'",
        ));
    }
    let Ok(parsed) = parsed else { return told("is not a URL") };
    if !matches!(parsed.scheme_str(), Some("http" | "https")) {
        return told("only http:// and https:// are known; give a program behind `--`");
    }
    Ok(())
}

fn header(given: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let (name, value) = given
        .split_once(':')
        .ok_or_else(|| Failure::new("--header has no `:`; write it like 'Name: value'"))?;
    let shown_name = abridged(name);
    let parsed: HeaderName = name.trim().parse().map_err(|_| {
        Failure::new(format!("--header: `{shown_name}` is not the name of a header"))
    })?;
    let value = value.trim();
    let value = match value.strip_prefix('@') {
        Some(file) => secret(file)?,
        None if SECRETS.contains(&parsed.as_str()) => {
            return Err(Failure::new(format!(
                "--header: other people on this machine can see the value of {parsed}; put it into \
                 a file and write '{parsed}: @FILE'"
            )));
        }
        None => value.to_owned(),
    };
    Ok((parsed, header_value(&shown_name, &value)?))
}

fn header_value(of: &str, value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        Failure::new(format!("{}: has characters that no header may have", shown(of)))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The text of a file that has one secret.
fn secret(file: &str) -> Result<String, Failure> {
    let text = input::text(file)?;
    let text = text.trim();
    if text.is_empty() || text.contains('\n') {
        return Err(Failure::new(format!("{}: expected one line, the secret", shown(file))));
    }
    Ok(text.to_owned())
}

/// The tools of a list in a file: `{"tools": [..]}`, the answer of a server that has it,
/// or the list alone.
fn in_file(name: &str) -> Result<Listed, Failure> {
    let text = input::without_mark(input::text(name)?);
    let told = |words: String| Failure::new(format!("{}: {words}", shown(name)));
    let mut value: Value =
        serde_json::from_str(&text).map_err(|error| told(format!("is not JSON: {error}")))?;
    if let Some(result) = value.get_mut("result") {
        value = result.take();
    }
    if value.get("nextCursor").is_some_and(|cursor| !cursor.is_null()) {
        return Err(told(
            "has a part of the list, since it has a `nextCursor`; write the tools of all parts \
             into one list"
                .into(),
        ));
    }
    if let Some(tools) = value.get_mut("tools") {
        value = tools.take();
    }
    let Value::Array(list) = value else {
        return Err(told("has no list of tools; expected `{\"tools\": [..]}`".into()));
    };
    if list.len() > MAX_TOOLS {
        return Err(told(format!("has more than {MAX_TOOLS} tools")));
    }
    let read = |(index, tool)| {
        Definition::read(tool).map_err(|fault| told(format!("the tool at /tools/{index} {fault}")))
    };
    let tools = list.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(Listed { tools, texts: vec![text] })
}
