//! Examples of the pages, played through the core: the notation and the stage are those
//! of the command's `test` (`simulate::notation`, `simulate::table`, `simulate::stage`).

use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::Store;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::Findings;
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::stage::{self, Untrue, body, moment};
use mcp_policy_filter::simulate::table::Line;
use mcp_policy_filter::simulate::{Body, Host, Outcome, Recorded, Refused, Sent, pairs};

/// A policy in force, and what has been counted under it.
pub struct Stage {
    stage: stage::Stage,
    /// The filter's own answer to the last request, if it was one.
    pub served: Option<Reply>,
}

/// The outcome of a request: it went on, perhaps with a record, or was refused.
pub type Answer = Result<Option<Recorded>, Box<Refused>>;

fn answer(sent: Sent) -> Answer {
    match sent.outcome {
        Outcome::WentOn(records) => Ok(records.into_iter().next()),
        Outcome::Refused(refusal) => Err(refusal),
        Outcome::Served(reply) => panic!("nobody asked for {reply:?}"),
    }
}

/// Sends a request at a time.
pub fn send(policy: &Policy, store: &impl Store, clock: u64, ask: &Ask) -> Answer {
    answer(ask.send(&Host { policy, store, now: moment(clock) }).unwrap())
}

/// The rule that a refusal names.
pub fn rule(refusal: &Refused) -> &str {
    &refusal.record.rule
}

/// The log's line about a decision, without the prefix of such lines.
pub fn record(answer: &Answer) -> Result<&str, String> {
    match answer {
        Ok(Some(record)) => Ok(&record.line),
        Ok(None) => Err("this request has no record".into()),
        Err(refusal) => Ok(&refusal.record.line),
    }
}

fn lines(errors: &Findings) -> Vec<String> {
    errors.lines().collect()
}

impl Stage {
    pub fn new(policy: &str) -> Result<Self, Vec<String>> {
        let stage = stage::Stage::new(policy).map_err(|errors| lines(&errors))?;
        Ok(Self { stage, served: None })
    }

    pub fn policy(&self) -> &Policy {
        &self.stage.policy
    }

    /// Another policy takes over, as by a push of configuration.
    pub fn push(&mut self, policy: &str) -> Result<(), Vec<String>> {
        let policy = Policy::parse(policy.as_bytes(), "").map_err(|errors| lines(&errors))?;
        self.stage.policy = policy.into();
        Ok(())
    }

    pub fn send(&mut self, ask: &Ask) -> Answer {
        answer(self.stage.send(ask).unwrap())
    }

    /// The list that a client gets of `list`, with which a server answers its request.
    pub fn show(&self, ask: &Ask, list: &str) -> Result<String, String> {
        let host = self.stage.host();
        let mut sent = ask.send(&host).unwrap();
        if let Outcome::Refused(refusal) = sent.outcome {
            return Err(format!("refused: {}", refusal.reason));
        }
        let shown = sent.exchange.listing().map(|listing| {
            let headers = [(":status", "200"), ("content-type", "application/json")];
            host.receive(listing, pairs(&headers), &Body::whole(list.as_bytes())).body
        });
        Ok(shown.map_or(list.to_owned(), |bytes| String::from_utf8(bytes).unwrap()))
    }

    /// Plays one line of a table of calls, and keeps what the filter itself answered.
    pub fn play(&mut self, line: &str) -> Result<(), String> {
        let line = Line::parse(line).map_err(|error| format!("{}: {error}", error.at + 1))?;
        self.stage.clock = line.clock.unwrap_or(self.stage.clock);
        for time in 1..=line.times {
            let (found, sent) = self.stage.act(&line.act).map_err(|why| why.to_string())?;
            if !line.is_met(&found) {
                return Err(Untrue::Differs { time, found: Box::new(found) }.to_string());
            }
            self.served = sent.and_then(|sent| match sent.outcome {
                Outcome::Served(served) => Some(served.reply),
                _ => None,
            });
        }
        Ok(())
    }

    /// Sends what a `curl` sends to the endpoint of approvals.
    pub fn curl(&mut self, line: &str, token: &str) -> Result<(), String> {
        if line == "read -rs TOKEN" {
            return Ok(());
        }
        let id = self.stage.asked().ok_or("nothing was asked for above")?.to_owned();
        let bearer = ("authorization", format!("Bearer {token}"));
        let endpoint = self.policy().approvals.as_ref().and_then(|all| all.path.as_ref());
        let path = endpoint.ok_or("the policy has no endpoint")?.as_str();
        let one = parse(&format!("GET {path}/{id}"))?.with(bearer.0, &bearer.1);
        let shown = self.serve(&one).map(|reply| body(&reply)).unwrap_or_default();
        let digest = shown["digest"].as_str().ok_or("nothing is shown")?;
        let line = line.replace("$TOKEN", token).replace("/ID", &format!("/{id}"));
        let line = line.replace("DIGEST", digest);
        let url = line.rsplit(' ').next().unwrap_or_default().trim_matches('"');
        let target = url.strip_prefix("https://gateway.example.com").ok_or("another host")?;
        let method = if line.contains(" -X POST ") { "POST" } else { "GET" };
        let mut ask = parse(&format!("{method} {target}"))?.without_body();
        for header in line.split(" -H \"").skip(1) {
            let header = header.split('"').next().unwrap_or_default();
            let (name, value) = header.split_once(": ").ok_or("a header is `NAME: VALUE`")?;
            ask = ask.with(name, value);
        }
        let reply = self.serve(&ask).ok_or("it went on")?;
        let text = String::from_utf8_lossy(&reply.body);
        if reply.status == 200 { Ok(()) } else { Err(format!("{line}: {} {text}", reply.status)) }
    }

    fn serve(&mut self, ask: &Ask) -> Option<Reply> {
        match self.stage.send(ask).unwrap().outcome {
            Outcome::Served(served) => Some(served.reply),
            _ => None,
        }
    }
}

fn parse(call: &str) -> Result<Ask, String> {
    Ask::parse(call).map_err(|error| error.to_string())
}
