//! Callers by a header that something in front has set.

use mcp_rig::client::Request;
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::json;

use super::{MISSING, assert_nobody, grants, once_each};
use crate::support::{RECORDS, Wire, passed, safe};

const UNUSABLE: &str = "The caller's identity header cannot be used.";

#[tokio::test]
async fn a_header_names_the_caller_if_there_is_exactly_one() {
    let upstream = Upstream::start().await;
    let policy = once_each(json!([{ "header": "x-agent-id" }])).to_string();
    let builder = Gateway::builder().policy(policy).upstream(upstream.addr());
    let gateway = builder.access_log_format(RECORDS).start().await;
    let by = |ids: &[&str]| {
        ids.iter().fold(safe(), |request: Request, id| request.header("x-agent-id", id))
    };
    let mut ended = 0;
    for wire in Wire::BOTH {
        let send = async |request: Request| wire.send(gateway.addr(), &request).await;
        assert_nobody(&send(by(&[])).await, MISSING);
        for ids in [&["alice", "bob"][..], &["alice", "alice"], &["alice", ""], &[""]] {
            let response = send(by(ids)).await;
            assert!(!passed(&response), "{wire:?} {ids:?}");
            assert_nobody(&response, UNUSABLE);
        }
        // Names are compared without case, ids with it; what an earlier hop
        // has joined from several lines is one id, and nobody's.
        for id in ["alice", "Alice", "alice,bob"] {
            assert!(passed(&send(safe().header("X-Agent-Id", id)).await), "{wire:?} {id}");
        }
        ended += 8;
        assert_eq!(grants(&gateway, ended).await[ended - 3..], ["alice", "Alice", "alice,bob"]);
    }
}
