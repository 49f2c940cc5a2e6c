//! Faults: what becomes of an answer on its way. The engine has counted before.

use prost::Message;

use crate::rls::{Code, DescriptorStatus, RateLimitResponse};

/// The faults, by their names on the control path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer waits until answers are released: nothing depends on a clock.
    Held,
    /// The stream is reset.
    Reset,
    /// The status UNAVAILABLE.
    Unavailable,
    /// The code UNKNOWN.
    Unknown,
    /// A message of no bytes.
    Empty,
    /// Half of the message, well framed.
    Cut,
    /// A frame that says that it is longer than what comes.
    CutFrame,
    /// OK with a status more than there were descriptors.
    MoreStatuses,
    /// OK with a status less.
    FewerStatuses,
    /// OK without any limit: as an engine that has no configuration.
    NoLimit,
    /// OK with the limit of somebody else.
    OtherLimit,
    /// OK with statuses over the limit, as in shadow mode.
    Shadow,
    /// An answer of 1 MiB.
    Large,
}

impl Fault {
    /// The fault with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "held" => Self::Held,
            "reset" => Self::Reset,
            "unavailable" => Self::Unavailable,
            "unknown" => Self::Unknown,
            "empty" => Self::Empty,
            "cut" => Self::Cut,
            "cut_frame" => Self::CutFrame,
            "more_statuses" => Self::MoreStatuses,
            "fewer_statuses" => Self::FewerStatuses,
            "no_limit" => Self::NoLimit,
            "other_limit" => Self::OtherLimit,
            "shadow" => Self::Shadow,
            "large" => Self::Large,
            _ => return None,
        })
    }

    /// The bytes of the answer.
    pub fn spoil(self, mut answer: RateLimitResponse) -> Vec<u8> {
        match self {
            Self::Held | Self::Reset | Self::Unavailable | Self::CutFrame => {}
            Self::Unknown => answer = RateLimitResponse::default(),
            Self::Empty => return Vec::new(),
            Self::Cut => {
                let bytes = answer.encode_to_vec();
                return bytes[..bytes.len() / 2 + 1].to_vec();
            }
            Self::MoreStatuses => {
                let last = answer.statuses.last().cloned().unwrap_or_default();
                answer.statuses.push(last);
            }
            Self::FewerStatuses => drop(answer.statuses.pop()),
            Self::NoLimit => {
                let ok = DescriptorStatus { code: Code::Ok.into(), ..Default::default() };
                answer.statuses.iter_mut().for_each(|status| *status = ok.clone());
                answer.response_headers_to_add.clear();
            }
            Self::OtherLimit => {
                let limits =
                    answer.statuses.iter_mut().filter_map(|one| one.current_limit.as_mut());
                limits.for_each(|limit| limit.requests_per_unit += 1);
                let headers = answer.response_headers_to_add.iter_mut();
                headers.for_each(|header| header.value = header.value.replace(";w=", "0;w="));
            }
            Self::Shadow => {
                answer.overall_code = Code::Ok.into();
                let statuses = answer.statuses.iter_mut();
                statuses.for_each(|status| status.code = Code::OverLimit.into());
            }
            Self::Large => answer.raw_body = vec![b'x'; 1 << 20],
        }
        if matches!(
            self,
            Self::MoreStatuses | Self::FewerStatuses | Self::NoLimit | Self::OtherLimit
        ) {
            answer.overall_code = Code::Ok.into();
        }
        answer.encode_to_vec()
    }
}
