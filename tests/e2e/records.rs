//! A refusal as operators and HTTP clients see it, beside its body.

use mcp_rig::client::{Request, http1};
use mcp_rig::upstream::Upstream;

use crate::support::{Holding, a_day, code, counted, danger, passed};

#[tokio::test]
async fn the_access_log_names_the_reason() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding
            .gateway(a_day(1), upstream.addr())
            .access_log_format("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%")
            .start()
            .await;
        for request in [
            danger(),
            counted(),
            counted(),
            Request::mcp("{"),
            Request::mcp("{}").header("content-encoding", "gzip"),
            Request::new("PATCH", "/mcp"),
        ] {
            http1::send(gateway.addr(), &request).await;
        }
        assert_eq!(
            gateway.access_log_of(6).await,
            [
                "200 mcp_policy_filter:default_deny",
                "200 via_upstream",
                "200 mcp_policy_filter:rate_limited",
                "400 mcp_policy_filter:undecodable",
                "400 mcp_policy_filter:undecodable",
                "405 mcp_policy_filter:method",
            ],
            "{holding:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_by_a_limit_says_in_a_header_when_to_try_again() {
    let upstream = Upstream::start().await;
    let gateway = Holding::Everything.gateway(a_day(1), upstream.addr()).start().await;
    assert!(passed(&http1::send(gateway.addr(), &counted()).await));

    // An MCP client, and one that looks at the HTTP status.
    for (request, status) in [(counted(), 200), (counted().without_header("accept"), 429)] {
        let refused = http1::send(gateway.addr(), &request).await;
        assert_eq!((refused.status, code(&refused)), (status, 429.into()));
        assert_eq!(refused.header("content-type"), Some("application/json"));
        let seconds = refused.json()["error"]["data"]["retry_after"].to_string();
        assert_eq!(refused.header("retry-after"), Some(seconds.as_str()));
    }
    let denied = http1::send(gateway.addr(), &danger()).await;
    assert_eq!((code(&denied), denied.header("retry-after")), (403.into(), None));
}
