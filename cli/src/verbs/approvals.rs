//! `approvals`: the approver's side of the gateway's endpoint.
//!
//! A person decides about exactly the call that he is shown. So the call is shown with
//! everything invisible made visible, the digest is computed from what is shown and
//! compared with the gateway's, and that one is sent. The token comes from the terminal
//! or from a command: arguments and the environment are for every process to read.

mod client;
mod request;
mod show;
mod terminal;

use crate::Outcome;
use crate::failure::Failure;
use crate::output::{Format, output, say, shown};
use crate::trust::Trust;
use clap::Subcommand;
use client::{Client, Endpoint};
use request::Request;
use std::io::Write as _;

/// The arguments of `approvals`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy approvals list https://gateway.example.com/mcp-approvals
  mcp-policy approvals approve https://gateway.example.com/mcp-approvals/apr_nyq2fi5euwtkpkfj
  mcp-policy approvals deny https://gateway.example.com/mcp-approvals apr_nyq2fi5euwtkpkfj \\
    --reason 'Not today.' --token-command 'pass show gateway'

Without --token-command, the token is asked for on the terminal.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// The things that an approver does.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List the requests that one may decide about
    List {
        #[command(flatten)]
        gateway: Gateway,
        /// The form of the list
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Show one request, as it is
    Show {
        #[command(flatten)]
        gateway: Gateway,
        /// The request; it may also be the end of URL
        id: Option<String>,
        /// The form of the request
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Approve one request, after its id is typed on the terminal
    Approve {
        #[command(flatten)]
        gateway: Gateway,
        /// The request; it may also be the end of URL
        id: Option<String>,
        /// The form of the decision on standard output
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Deny one request, or take an approval back that was not used
    Deny {
        #[command(flatten)]
        gateway: Gateway,
        /// The request; it may also be the end of URL
        id: Option<String>,
        /// The reason, for the agent
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// The form of the decision on standard output
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
}

/// The gateway, and the token for it.
#[derive(Debug, clap::Args)]
struct Gateway {
    /// The address at which approvers reach the gateway: https, or http on this machine
    url: String,
    /// Run this command by `sh`; the first line that it prints is the token
    #[arg(long, value_name = "COMMAND")]
    token_command: Option<String>,
    #[command(flatten)]
    trust: Trust,
    /// Send the token by plain http to another machine
    #[arg(long)]
    insecure_http: bool,
}

/// Does what an approver asks for.
///
/// # Errors
/// The gateway cannot be asked, or refuses.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    match &arguments.verb {
        Verb::List { gateway, format } => {
            let endpoint = Endpoint::new(&gateway.url, None, gateway.insecure_http)?;
            list(&client(endpoint, gateway)?, *format)
        }
        Verb::Show { gateway, id, format } => {
            let client = of_one(gateway, id.as_deref())?;
            let (value, request) = client.get_one()?;
            if !request.is_over() {
                request.check()?;
            }
            let mut out = output();
            match format {
                Format::Text => out.write_all(show::request(&request).as_bytes())?,
                Format::Json => out.write_all(show::json(&value).as_bytes())?,
            }
            out.flush()?;
            Ok(Outcome::Clean)
        }
        Verb::Approve { gateway, id, format } => approve(gateway, id.as_deref(), *format),
        Verb::Deny { gateway, id, reason, format } => {
            let query = client::query(reason.as_deref())?;
            let client = of_one(gateway, id.as_deref())?;
            let (_, request) = client.get_one()?;
            let digest = request.check()?;
            let (value, decided) = client.deny(&digest, &query)?;
            let mut out = output();
            match format {
                Format::Text => {
                    out.write_all(show::request(&request).as_bytes())?;
                    writeln!(out, "\n{}", show::decided(&decided))?;
                }
                Format::Json => out.write_all(show::json(&value).as_bytes())?,
            }
            out.flush()?;
            Ok(Outcome::Clean)
        }
    }
}

fn approve(gateway: &Gateway, id: Option<&str>, format: Format) -> Result<Outcome, Failure> {
    // Before the token is asked for: without a terminal nothing can be approved.
    let mut terminal = terminal::open()?;
    let client = of_one(gateway, id)?;
    let (_, request) = client.get_one()?;
    let digest = request.check()?;
    // On the terminal, whatever standard output is: nobody approves what he cannot see.
    let text = show::request(&request);
    let question = format!("{text}\nType the id to approve exactly this call: ");
    let typed = terminal.ask(&question)?;
    if typed != request.id {
        say(format_args!("{}: not approved, since the id was not typed", shown(&request.id)));
        return Ok(Outcome::Findings);
    }
    let (value, decided) = client.approve(&digest)?;
    let mut out = output();
    match format {
        Format::Text => writeln!(out, "{}", show::decided(&decided))?,
        Format::Json => out.write_all(show::json(&value).as_bytes())?,
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

fn list(client: &Client, format: Format) -> Result<Outcome, Failure> {
    let (value, list) = client.get_list()?;
    let mut out = output();
    match format {
        Format::Json => out.write_all(show::json(&value).as_bytes())?,
        Format::Text => {
            for one in &list.approvals {
                out.write_all(show::summary(one).as_bytes())?;
            }
            if list.more {
                writeln!(out, "there are more")?;
            }
            if list.approvals.is_empty() {
                writeln!(out, "no request waits for you")?;
            }
        }
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// A client of one request.
fn of_one(gateway: &Gateway, id: Option<&str>) -> Result<Client, Failure> {
    let endpoint = Endpoint::new(&gateway.url, id, gateway.insecure_http)?;
    if endpoint.id.is_none() {
        return Err(Failure::new("the id of a request is missing, as ID or at the end of URL"));
    }
    client(endpoint, gateway)
}

fn client(endpoint: Endpoint, gateway: &Gateway) -> Result<Client, Failure> {
    // Before the token is asked for.
    let tls = gateway.trust.tls(&gateway.url)?;
    let token = match &gateway.token_command {
        Some(command) => terminal::token_of(command)?,
        None => terminal::token()?,
    };
    Client::new(endpoint, token, tls)
}

impl Request {
    /// The digest of the call that is shown, which is also the gateway's.
    ///
    /// # Errors
    /// It is not: something is shown that would not be decided about.
    fn check(&self) -> Result<String, Failure> {
        if self.is_over() {
            let (id, state) = (shown(&self.id), shown(&self.state));
            return Err(Failure::new(format!("{id}: was {state} before")));
        }
        let Some(computed) = self.digest_of_shown() else {
            return Err(Failure::new(format!(
                "{}: the gateway does not send all that the digest is of; use a gateway and a \
                 command of the same version",
                shown(&self.id)
            )));
        };
        if computed != self.digest {
            return Err(Failure::new(format!(
                "{}: the gateway's digest is not that of the call that it shows; decide nothing, \
                 and look for what is between you and the gateway",
                shown(&self.id)
            )));
        }
        Ok(computed)
    }
}
