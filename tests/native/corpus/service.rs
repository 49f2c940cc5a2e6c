//! The answers of the service that counts across replicas, as a case scripts them.

use super::{bytes, known};
use mcp_policy_filter::exchange::question::{Answer, Failure};
use mcp_policy_filter::wire::protobuf::{write_bytes, write_number};
use serde_json::Value;

/// An answer to one question.
#[derive(Clone, Debug)]
pub enum Script {
    /// There is none before the deadline.
    Never,
    /// The stream is reset.
    Reset,
    /// A status of gRPC.
    Status(u32),
    /// A message.
    Message(Vec<u8>),
}

impl Script {
    pub(super) fn read(name: &str, answer: &Value) -> Self {
        if let Some(word) = answer.as_str() {
            return match word {
                "never" => Self::Never,
                "reset" => Self::Reset,
                other => panic!("{name}: unknown answer {other}"),
            };
        }
        if let Some(status) = answer["status"].as_u64() {
            return Self::Status(u32::try_from(status).unwrap());
        }
        if answer.get("bytes").is_some() {
            return Self::Message(bytes(&answer["bytes"]));
        }
        known(name, answer, &["code", "statuses", "headers"]);
        let mut message = Vec::new();
        write_number(&mut message, 1, answer["code"].as_u64().unwrap_or_default());
        for status in answer["statuses"].as_array().into_iter().flatten() {
            known(name, status, &["code", "limit", "left", "reset"]);
            write_bytes(&mut message, 2, &self::status(status));
        }
        for (key, value) in answer["headers"].as_object().into_iter().flatten() {
            let mut header = Vec::new();
            write_bytes(&mut header, 1, key.as_bytes());
            write_bytes(&mut header, 2, value.as_str().unwrap().as_bytes());
            write_bytes(&mut message, 3, &header);
        }
        Self::Message(message)
    }

    /// The answer as a host reports it.
    #[allow(dead_code, reason = "a rig with a service of its own has no use for it")]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Never => Answer::Failed(Failure::Timeout),
            Self::Reset => Answer::Failed(Failure::Transport),
            Self::Status(status) => Answer::Failed(Failure::from_status(*status)),
            Self::Message(bytes) => Answer::Grpc(bytes.clone()),
        }
    }
}

/// A `DescriptorStatus`: `code`, `limit` as units and the unit of time, `left`, and
/// `reset` in seconds.
fn status(status: &Value) -> Vec<u8> {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let (mut message, mut part) = (Vec::new(), Vec::new());
    write_number(&mut message, 1, number(&status["code"]));
    if status["limit"].is_array() {
        write_number(&mut part, 1, number(&status["limit"][0]));
        write_number(&mut part, 2, number(&status["limit"][1]));
        write_bytes(&mut message, 2, &part);
    }
    write_number(&mut message, 3, number(&status["left"]));
    if status["reset"].is_u64() {
        part.clear();
        write_number(&mut part, 1, number(&status["reset"]));
        write_bytes(&mut message, 4, &part);
    }
    message
}
