//! The ways between a client and a server.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use mcp_rig::gateway::{Builder, Gateway};

use crate::DIRECTORY;
use crate::suite::{Outcome, Section, Side, Suite};

/// The way between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing: what the others are compared with.
    Alone,
    /// Envoy without the filter, so that what is Envoy's doing is not taken
    /// for the filter's.
    Envoy,
    /// The filter, as it is used with any Envoy.
    Filter,
    /// The filter as in `envoy/envoy.yaml`, with headers held.
    Holding,
}

/// The results on one way.
pub struct Seen {
    /// The suite's own results.
    pub outcomes: BTreeMap<Section, Outcome>,
    /// The number of requests to the fixture server that the filter judged.
    pub judged: u64,
}

impl Way {
    pub const ALL: [Self; 4] = [Self::Alone, Self::Envoy, Self::Filter, Self::Holding];

    /// A column's heading, and a directory's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Envoy => "envoy",
            Self::Filter => "filter",
            Self::Holding => "holding",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Alone => "with nothing between client and server",
            Self::Envoy => "through an Envoy without the filter",
            Self::Filter => "through the filter",
            Self::Holding => "through the filter, with headers held",
        }
    }

    /// Whether this side is tested on it. Each scenario of a client starts an
    /// Envoy of its own, so these run as a deployment does, and no other way.
    fn takes(self, side: Side) -> bool {
        side == Side::Server || matches!(self, Self::Alone | Self::Holding)
    }

    /// Whether the filter is on it.
    pub fn is_filtered(self) -> bool {
        matches!(self, Self::Filter | Self::Holding)
    }

    /// The gateway in front of `server` on this way.
    pub async fn to(self, server: SocketAddr) -> Option<Gateway> {
        Some(self.gateway()?.upstream(server).start().await)
    }

    /// Runs the suite on this way.
    pub async fn run(self, suite: &Suite, server: SocketAddr) -> Result<Seen, String> {
        let gateway = self.to(server).await;
        let addr = gateway.as_ref().map_or(server, Gateway::addr);
        let mut outcomes = BTreeMap::new();
        for section in suite.sections.keys().filter(|section| self.takes(section.side)) {
            outcomes.insert(section.clone(), suite.run(self, section, addr).await?);
        }
        let mut judged = 0;
        if let Some(gateway) = gateway {
            judged = gateway.count("evaluations").await.unwrap_or(0);
            self.keep(&gateway).map_err(|error| format!("Envoy's logs: {error}"))?;
        }
        Ok(Seen { outcomes, judged })
    }

    fn gateway(self) -> Option<Builder> {
        let allow = r#"{"version":"1","default":"allow"}"#;
        let hold = r#"{"version":"1","default":"allow","settings":{"hold_request_headers":true}}"#;
        let builder = Gateway::builder().access_log_format(
            "%REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% \
             %FILTER_STATE(wasm.mcp_audit:PLAIN)%",
        );
        match self {
            Self::Alone => None,
            Self::Envoy => Some(builder.without_filter()),
            Self::Filter => Some(builder.policy(allow)),
            Self::Holding => Some(builder.policy(hold).hold_request_headers(true)),
        }
    }

    /// The gateway's own files go with it.
    fn keep(self, gateway: &Gateway) -> std::io::Result<()> {
        let directory = Path::new(DIRECTORY).join("results").join(self.name());
        fs::write(directory.join("envoy.log"), gateway.log())?;
        fs::write(directory.join("access.log"), gateway.access_log().join("\n"))
    }
}
