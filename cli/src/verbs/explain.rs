//! `explain`: one call, step by step.

use crate::explained::{self, End};
use crate::failure::Failure;
use crate::output::{Format, heard, output, shown, write_json};
use crate::{Outcome, policy, request};
use anstyle::AnsiColor;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::Host;
use mcp_policy_filter::simulate::explain::moment;
use mcp_policy_filter::simulate::notation::Ask;
use std::io::Write as _;
use std::time::SystemTime;

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
CALL is one of these; @FILE and - (standard input) hold a text of the same kinds:
  create_refund {\"amount\": 80}    a call of a tool
  POST /mcp tools/list            another message, with its parameters behind it
  GET /mcp                        a request without a body
  {\"jsonrpc\": \"2.0\", ...}         a message as it is sent

Examples:
  mcp-policy explain policy.yaml 'create_refund {\"amount\": 80}'
  mcp-policy explain policy.yaml 'deploy {}' --as ci-7 --after 10
  mcp-policy explain policy.yaml @call.json --claims '{\"sub\": \"alice\", \"team\": \"ads\"}'

Exit status: 0 the request goes on, 1 it is refused or the policy is invalid, 2 it could not run.")]
pub(crate) struct Arguments {
    /// The policy, in JSON or YAML; `-` is standard input
    policy: String,
    /// The call: TOOL {ARGUMENTS}, a JSON-RPC message, @FILE or -; words are joined by spaces
    #[arg(required = true, value_name = "CALL")]
    call: Vec<String>,
    /// The caller's id; it becomes the credential that the policy's `identity` looks for
    #[arg(long = "as", value_name = "ID")]
    caller: Option<String>,
    /// The claims of the caller's verified token: an object of JSON
    #[arg(long, value_name = "JSON|@FILE")]
    claims: Option<String>,
    /// The text of the filter state with the claims, also one that cannot be read; `-` is none
    #[arg(long, value_name = "TEXT|@FILE", conflicts_with = "claims", allow_hyphen_values = true)]
    payload: Option<String>,
    /// A header of the request; can be given several times
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The URI or subject in the caller's client certificate
    #[arg(long, value_name = "URI")]
    certificate: Option<String>,
    /// Make the same call this many times before
    #[arg(long, value_name = "N", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    after: u32,
    /// The moment of the call, like 2030-12-31T18:00:00Z; without it, now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The HTTP method
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// The path of the request
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The form of the output
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

/// Explains a call.
///
/// # Errors
/// The policy or the call cannot be read.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    // A tool and its arguments may be words of their own.
    let call = arguments.call.join(" ");
    if arguments.policy == "-" && call == "-" {
        return Err(Failure::new(
            "standard input holds the policy or the call; name a file for one",
        ));
    }
    let mut loaded = match policy::load(&arguments.policy)? {
        Ok(loaded) => loaded,
        Err(errors) => return policy::refuse(&errors),
    };
    let now = match &arguments.at {
        Some(text) => moment(text).ok_or_else(|| {
            let text = shown(text);
            Failure::new(format!("--at {text}: write a moment like 2030-12-31T18:00:00Z"))
        })?,
        None => present()?,
    };
    let mut ask = request::parse(&call, &loaded.policy)?;
    complete(&mut ask, arguments, &mut loaded.policy)?;
    let (store, policy) = (MemoryStore::default(), &loaded.policy);
    before(arguments.after, &Host { policy, store: &store, now }, &ask)?;
    let told = explained::explain(policy, &store, &ask, now)?;
    let written = explained::written(&loaded.source, &loaded.node);
    let print = || {
        let mut out = output();
        match arguments.format {
            Format::Text => {
                for line in explained::text(policy, written, &told) {
                    writeln!(out, "{}", painted(&line))?;
                }
            }
            Format::Json => {
                write_json(&mut out, &explained::json(policy, written, &told, now))?;
            }
        }
        Ok(out.flush()?)
    };
    heard(print())?;
    Ok(match explained::end(&told) {
        End::WentOn => Outcome::Clean,
        End::Refused => Outcome::Findings,
    })
}

/// Adds what comes with the call.
fn complete(ask: &mut Ask, arguments: &Arguments, policy: &mut Policy) -> Result<(), Failure> {
    if let Some(method) = &arguments.method {
        ask.method.clone_from(method);
    }
    if let Some(path) = &arguments.path {
        ask.path.clone_from(path);
    }
    for header in &arguments.headers {
        request::add_header(ask, header)?;
    }
    if let Some(claims) = &arguments.claims {
        ask.client.payload = Some(request::claims(claims)?);
    }
    if let Some(payload) = &arguments.payload {
        ask.client.payload = Some(request::payload(payload)?);
    }
    if let Some(uri) = &arguments.certificate {
        ask.client.certificate = Some(uri.clone());
    }
    match &arguments.caller {
        Some(id) => request::name(ask, policy, id),
        None => Ok(()),
    }
}

/// A line of text with its first word in colour, where it tells an outcome.
fn painted(line: &str) -> String {
    let colors = [
        ("ALLOWED", AnsiColor::Green),
        ("PASSES", AnsiColor::Green),
        ("SERVED", AnsiColor::Green),
        ("DENIED", AnsiColor::Red),
        ("REFUSED", AnsiColor::Red),
        ("DENY", AnsiColor::Red),
        ("FULL", AnsiColor::Red),
        ("ok", AnsiColor::Green),
    ];
    let word = line.split_whitespace().next().unwrap_or_default();
    let Some((_, color)) = colors.iter().find(|(other, _)| *other == word) else {
        return line.to_owned();
    };
    let style = color.on_default().bold();
    line.replacen(word, &format!("{style}{word}{style:#}"), 1)
}

/// Makes the same call this many times, so that its counts are used.
fn before(times: u32, host: &Host<'_, MemoryStore>, ask: &Ask) -> Result<(), Failure> {
    for _ in 0..times {
        ask.send(host).map_err(|step| {
            Failure::new(format!("the gateway in memory took a step out of turn: {step:?}"))
        })?;
    }
    Ok(())
}

/// The present moment.
fn present() -> Result<Nanos, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = since.ok().and_then(|since| u64::try_from(since.as_nanos()).ok());
    nanos.map(Nanos).ok_or_else(|| Failure::new("the clock is not between 1970 and 2554; use --at"))
}
