//! The encodings that the server is told the client takes.

use mcp_rig::client::Request;
use mcp_rig::upstream::Upstream;

use super::{hiding, listen};
use crate::seen;
use crate::support::{Holding, Wire, only_safe};

#[tokio::test]
async fn a_server_is_asked_for_plain_text_only_where_something_is_hidden() {
    const ENCODINGS: &str = "gzip, br";
    for &holding in Holding::each() {
        for (policy, expected) in [(hiding(), None), (only_safe(), Some(ENCODINGS))] {
            let upstream = Upstream::start().await;
            let gateway = holding.gateway(policy, upstream.addr()).start().await;
            let requests = [Request::tools_list(1), Request::tool_call(1, "safe", "{}"), listen()];
            for wire in Wire::BOTH {
                for request in &requests {
                    let request = request.clone().header("accept-encoding", ENCODINGS);
                    let response = wire.send(gateway.addr(), &request).await;
                    assert_eq!(response.status, 200, "{response:?}");
                }
            }
            let arrived = seen::requests(&upstream).await;
            assert_eq!(arrived.len(), Wire::BOTH.len() * requests.len());
            for seen in arrived {
                assert_eq!(seen.header("accept-encoding"), expected, "{holding:?} {seen:?}");
            }
        }
    }
}
