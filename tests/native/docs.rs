//! The pages for people, executed. A fence says behind its backticks what it
//! holds, and one of a kind that is not known here is a failure: nothing that
//! a reader may copy escapes.
//!
//! | fence | what is checked |
//! | --- | --- |
//! | `json policy` | it compiles; the calls below it are made under it |
//! | `json pushed policy` | it compiles; it takes over, and the counts stay |
//! | `json added to the policy` | the policy above with these members compiles, and takes over like a pushed one |
//! | `yaml policy` | a plugin's `configuration` with a Struct, whose policy compiles |
//! | `json broken policy` | it does not compile |
//! | `text errors`, `text warnings` | the lines for the policy above, exactly |
//! | `text calls` | each line, through the core ([`play::Stage::play`]) |
//! | `text calls of FILE` | the same under the policy of a file, as YAML, or in a configuration of Envoy |
//! | `json request`, `json reply` | the answer; any digest may be in it, and any id of a request for approval ([`reply`]); the parts that go with a request are behind the word ([`Ask`]) |
//! | `json list`, `json list of METHOD`, `json shown` | what a server answers to `tools/list` or another method, and what a client gets of it, byte for byte; what goes with the request as with `json request` |
//! | `json served` | the body that the filter served for the last of the calls above, as a value |
//! | `json record` | the audit record of the request above, with its digest as in a reply |
//! | `yaml filter` | it is in a complete configuration of Envoy ([`SHIPPED`]), line by line; its policy compiles |
//! | `yaml of FILE` | it is in the file, line by line |
//! | `yaml configuration` | its `configuration` is a Struct that holds the policy above |
//! | `yaml fragment` | the names that it shares with the filter ([`fragment`]) |
//! | `text demo` | all that the demo prints, except for seconds ([`demo`]) |
//! | `sh` | `make` targets, scripts, suites and files exist; a `curl` is sent under the shipped policy; a token that is hashed is known to the policy above |
//! | `sh with TOKEN` | each `curl` is sent to the endpoint of approvals with this token, about the request that was named last, and is answered 200 |
//! | `yaml cluster`, `json notice`, `python relay` | by `tests/e2e/approvals/relay.rs`, which runs them together |
//! | `sh of a release` | by `tests/release/test_signing.py`, in a folder with a signed list |
//! | `text diagram` | nothing |
//! | `console`, `KIND file:NAME` | by `cli/tests/pages.rs`: the command prints this |
//! | `KIND run:NAME` | by `tests/e2e`, which runs it in Envoy, or by `make interop`: their sources name it ([`is_run`]) |

mod demo;
mod fragment;
mod markdown;
mod pictures;
mod play;
mod reasons;
mod reply;
mod tables;
mod tour;

use crate::config::{files, root};
use crate::yaml;
use markdown::{Fence, Page, policy_in, yaml_lines};
use mcp_policy_filter::exchange::audit;
use mcp_policy_filter::policy::Reason;
use mcp_policy_filter::simulate::notation::Ask;
use play::{Answer, Stage};
use reply::{Seconds, same_reply};
use serde_json::Value;
use std::fs;

/// The folders whose pages are executed.
const FOLDERS: [&str; 9] = [
    "",
    "docs",
    "docs/policy",
    "docs/command",
    "docs/connect",
    "docs/operate",
    "docs/tour",
    "benches",
    "envoy",
];

/// The folders whose pages are read by people who change the code, or are made
/// by a program. Their fences are not executed.
const FURTHER: [&str; 5] = [
    "benches/results",
    "cli/tests/check/schemas",
    "tests/conformance",
    "tests/differential",
    "tests/interop",
];

pub fn pages() -> Vec<Page> {
    FOLDERS.into_iter().flat_map(Page::in_folder).collect()
}

/// The pages, further ones included.
pub fn all_pages() -> Vec<Page> {
    FOLDERS.into_iter().chain(FURTHER).flat_map(Page::in_folder).collect()
}

/// The pages of the reference.
pub fn reference() -> Vec<Page> {
    Page::in_folder("docs/policy")
}

/// The state that the fences of a page have set up so far.
#[derive(Default)]
struct Reading {
    stage: Option<Stage>,
    /// The policy of the stage, as JSON.
    policy: Value,
    errors: Vec<String>,
    last: Option<Answer>,
    shown: String,
    examples: usize,
}

impl Reading {
    fn stage(&mut self) -> Result<&mut Stage, String> {
        self.stage.as_mut().ok_or_else(|| "there is no policy above".into())
    }

    fn start(&mut self, policy: &str) -> Result<(), String> {
        self.stage = Some(Stage::new(policy).map_err(|errors| errors.join("\n"))?);
        self.policy = serde_json::from_str(policy).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn push(&mut self, policy: &str) -> Result<(), String> {
        self.stage()?.push(policy).map_err(|errors| errors.join("\n"))?;
        self.policy = serde_json::from_str(policy).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Pushes the policy with further members.
    fn add(&mut self, members: &str) -> Result<(), String> {
        let members = serde_json::from_str(members).map_err(|error| error.to_string())?;
        let mut policy = self.policy.clone();
        merge(&mut policy, members);
        self.push(&policy.to_string())
    }

    fn ask(&mut self, ask: &Ask) -> Result<(), String> {
        let stage = self.stage()?;
        self.last = Some(stage.send(ask));
        Ok(())
    }

    fn read(&mut self, fence: &Fence) -> Result<(), String> {
        self.examples += 1;
        let text = &*fence.text;
        match &*fence.info {
            "json policy" => self.start(text),
            "json pushed policy" => self.push(text),
            "json added to the policy" => self.add(text),
            "yaml policy" => self.start(&policy_in(text)?),
            "json broken policy" => match Stage::new(text) {
                Ok(_) => Err("it compiles".into()),
                Err(errors) => {
                    self.errors = errors;
                    Ok(())
                }
            },
            "text errors" => same(text, &lines(&self.errors)),
            "text warnings" => {
                let warnings: Vec<_> = self.stage()?.policy().warnings.lines().collect();
                same(text, &lines(&warnings))
            }
            "text calls" => self.play(text),
            "json reply" => {
                let refused = self.last.as_ref().and_then(|answer| answer.as_ref().err());
                let refusal = refused.ok_or("nothing was refused above")?;
                same_reply(text, &refusal.reply.body, Seconds::Shown)
            }
            "json served" => {
                let served = self.stage()?.served.take().ok_or("nothing was served above")?;
                same_reply(text, &served.body, Seconds::Shown)
            }
            other if other.starts_with("json list") => {
                let words = &other["json list".len()..];
                let (method, with) = match words.strip_prefix(" of ") {
                    Some(words) => words.split_once(' ').unwrap_or((words, "")),
                    None => ("tools/list", words),
                };
                let ask = Ask::rpc(method).with_parenthesis(with);
                let ask = ask.map_err(|error| error.to_string())?;
                self.shown = self.stage()?.show(&ask, text)?;
                Ok(())
            }
            "json shown" => same(text, &self.shown),
            "json record" => {
                let answer = self.last.take().ok_or("nothing was asked above")?;
                let record = play::record(&answer)?;
                let shown = text.strip_prefix(audit::PREFIX).unwrap_or(text);
                same_reply(shown, record.as_bytes(), Seconds::Shown)
            }
            "yaml filter" => {
                if !SHIPPED.into_iter().any(|file| holds(file, text)) {
                    return Err(format!("none of {SHIPPED:?} holds these lines"));
                }
                self.start(&policy_in(text)?)
            }
            "yaml configuration" => {
                let shown = fragment::policy(text)?;
                same(&format!("{shown:#}\n"), &format!("{:#}\n", self.policy))
            }
            "yaml fragment" => fragment::check(text, self.stage.as_ref()),
            "text demo" => demo::check(text, &policy_in(&shipped())?),
            "sh" => self.shell(text),
            other if other.starts_with("sh with ") => {
                let token = &other["sh with ".len()..];
                let stage = self.stage()?;
                text.lines().try_for_each(|line| stage.curl(line, token))
            }
            "text diagram" | "console" | "sh of a release" => Ok(()),
            "yaml cluster" | "json notice" | "python relay" => Ok(()),
            other if other.starts_with("yaml of ") => {
                let file = &other["yaml of ".len()..];
                if holds(file, text) { Ok(()) } else { Err(format!("{file} has other lines")) }
            }
            other if other.contains(" file:") => Ok(()),
            other if other.contains(" run:") => is_run(other),
            other if other.starts_with("text calls of ") => {
                let file = &other["text calls of ".len()..];
                let whole = fs::read_to_string(root().join(file)).map_err(|e| e.to_string())?;
                self.start(&policy_in(&whole).unwrap_or_else(|_| yaml::as_json(file)))?;
                self.play(text)
            }
            other => match other.strip_prefix("json request") {
                Some(with) => {
                    let ask = Ask::post(text).with_parenthesis(with);
                    self.ask(&ask.map_err(|error| error.to_string())?)
                }
                None => Err(format!("nobody checks fences of the kind `{other}`")),
            },
        }
    }

    fn play(&mut self, calls: &str) -> Result<(), String> {
        let stage = self.stage()?;
        let mut lines = calls.lines();
        lines.try_for_each(|line| stage.play(line).map_err(|wrong| format!("{line}\n  {wrong}")))
    }

    fn shell(&mut self, text: &str) -> Result<(), String> {
        let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
        for line in text.replace("\\\n", " ").lines() {
            let is_variable = |word: &&str| {
                let name = word.split_once('=').map_or("", |(name, _)| name);
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            };
            let words: Vec<&str> = line.split_whitespace().skip_while(is_variable).collect();
            match *words {
                ["make", target, ..] => {
                    if !makefile.contains(&format!("\n{target}: ##")) {
                        return Err(format!("there is no `make {target}`"));
                    }
                }
                ["envoy", "--mode", "validate", "-c", file, ..]
                | ["\"$(make", "-s", "envoy-path)\"", "--mode", "validate", "-c", file, ..]
                    if root().join(file).is_file() => {}
                ["envoy", "-c", file] | ["kubectl", "apply", "-f", file]
                    if root().join(file).is_file() => {}
                ["skopeo", "copy", from, to] => copied(from, to)?,
                ["cargo", "test", ..] => {
                    let suite = words.windows(2).find(|pair| pair[0] == "--test");
                    let suite = suite.map_or("native", |pair| pair[1]);
                    if !root().join(format!("tests/{suite}/main.rs")).is_file() {
                        return Err(format!("there is no suite `{suite}`"));
                    }
                }
                ["export", "PATH=$PWD/target:$PATH"] => {}
                ["helm", _, _, chart, ref rest @ ..] if root().join(chart).is_dir() => {
                    crate::chart::takes(chart, rest)?;
                }
                [script, ..] if script.starts_with("scripts/") && root().join(script).is_file() => {
                }
                ["printf", "%s", token, "|", "sha256sum"] => {
                    let ask = Ask::tool("x").with("authorization", &format!("Bearer {token}"));
                    let answer = self.stage()?.send(&ask);
                    if answer.is_err_and(|refusal| refusal.reason == Reason::NoIdentity) {
                        return Err("the policy above does not know this token".into());
                    }
                }
                ["curl", ..] => {
                    // Sent to the Envoy that `make run` starts.
                    self.start(&policy_in(&shipped())?)?;
                    let (_, body) = line.split_once("-d '").ok_or("no body")?;
                    let ask = Ask::post(body.split('\'').next().unwrap_or_default());
                    let accepts = line.contains("-H 'accept: ");
                    self.ask(&if accepts { ask } else { ask.without_accept() })?;
                }
                _ => return Err(format!("nobody checks `{line}`")),
            }
        }
        Ok(())
    }
}

/// Whether an image goes from the file that `make image` writes to the place from which
/// the manifests take it.
fn copied(from: &str, to: &str) -> Result<(), String> {
    let holds =
        |file: &str, text: &str| fs::read_to_string(root().join(file)).unwrap().contains(text);
    let file = from.strip_prefix("oci-archive:").filter(|file| holds("scripts/image", file));
    file.ok_or_else(|| format!("`make image` does not write {from}"))?;
    let place = to.strip_prefix("docker://");
    let place = place.filter(|place| holds("envoy/istio/envoy-filter.yaml", place));
    place.map(drop).ok_or_else(|| format!("the manifests do not take the image from {to}"))
}

/// Whether a test in Envoy, or the run of other people's clients, takes a fence by its
/// kind and name.
fn is_run(info: &str) -> Result<(), String> {
    let (kind, name) = info.rsplit_once(':').unwrap_or_default();
    let named = [format!("\"{info}\""), format!("\"{kind}:{{name}}\"")];
    let listed = format!("\"{name}\"");
    let takes = |text: &String| {
        text.contains(&named[0]) || (text.contains(&named[1]) && text.contains(&listed))
    };
    let sources =
        ["tests/e2e", "tests/e2e/logs", "tools/interop"].map(|folder| files(folder, "rs"));
    let mut sources = sources.iter().flatten().map(|file| fs::read_to_string(file).unwrap());
    if sources.any(|text| takes(&text)) { Ok(()) } else { Err(format!("nobody runs `{info}`")) }
}

/// The complete configurations of Envoy: with each form of the filter, for approvers, and
/// for clients that sign in.
const SHIPPED: [&str; 5] = [
    "envoy/envoy.yaml",
    "envoy/native/envoy.yaml",
    "envoy/approvals/oauth2.yaml",
    "envoy/approvals/mtls.yaml",
    "envoy/connect/oauth.yaml",
];

fn shipped() -> String {
    fs::read_to_string(root().join(SHIPPED[0])).unwrap()
}

/// Whether a file has the lines of a fence side by side.
fn holds(file: &str, fence: &str) -> bool {
    let shipped = yaml_lines(&fs::read_to_string(root().join(file)).unwrap()).join("\n");
    let shown = yaml_lines(fence);
    (0..40).step_by(2).any(|indent| {
        let pad = " ".repeat(indent);
        let block: Vec<_> = shown.iter().map(|line| format!("{pad}{line}")).collect();
        format!("\n{shipped}\n").contains(&format!("\n{}\n", block.join("\n")))
    })
}

/// Puts members into an object, and those of objects into the objects that are
/// there.
fn merge(into: &mut Value, members: Value) {
    match (into, members) {
        (Value::Object(into), Value::Object(members)) => {
            for (key, value) in members {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}

fn lines(list: &[String]) -> String {
    list.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

fn same(shown: &str, found: &str) -> Result<(), String> {
    if shown == found { Ok(()) } else { Err(format!("shown:\n{shown}found:\n{found}")) }
}

#[test]
fn every_example_is_true() {
    let mut wrong = Vec::new();
    let mut examples = 0;
    for page in pages() {
        let mut reading = Reading::default();
        for fence in page.fences() {
            if let Err(why) = reading.read(&fence) {
                wrong.push(format!("{}: {}: {why}", fence.at, fence.info));
            }
        }
        examples += reading.examples;
    }
    assert!(examples >= 130, "only {examples} examples are left");
    assert!(wrong.is_empty(), "{} examples are wrong\n{}", wrong.len(), wrong.join("\n"));
}
