//! Envoy's own MCP filter with RBAC, as `COMPARISON.md` says that it does: each
//! cell of the page's table is a request to a real Envoy, over both versions
//! of HTTP. Where another Envoy answers otherwise, the page is to be corrected.
//!
//! The server may be called by `safe` and by nothing else. The columns are five
//! ways of saying so.

mod config;
mod requests;

use mcp_rig::client::{Response, http1, http2};
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{file, only_safe, passed};
use config::COLUMNS;
use requests::Sent;

/// The page's table: by row, its label and its cells.
fn table() -> Vec<(String, Vec<String>)> {
    let page = file("COMPARISON.md");
    let headings = COLUMNS.map(|(heading, _)| heading).join(" | ");
    let header = format!("| reaches the server | {headings} |");
    let mut lines = page.lines().skip_while(|line| *line != header);
    assert!(lines.next().is_some(), "COMPARISON.md has no table with this header:\n{header}");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let mut cells = row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
        (cells.next().expect("a label"), cells.collect())
    };
    rows.map(cells).collect()
}

/// The cell that this answer makes. Envoy's refusals are text, whatever was
/// asked; those of this filter are JSON-RPC, and 202 for what has no `id`.
fn cell(response: &Response) -> String {
    if passed(response) {
        return "yes".to_owned();
    }
    match response.header("content-type") {
        Some("text/plain") => response.status.to_string(),
        _ if response.json()["error"].is_object() => "refused".to_owned(),
        None if response.status == 202 => "refused".to_owned(),
        _ => panic!("{response:?}"),
    }
}

/// An Envoy with these filters and without the module.
async fn gateway(filters: Vec<Value>, upstream: &Upstream) -> Gateway {
    let builder = Gateway::builder().without_filter().upstream(upstream.addr());
    filters.into_iter().fold(builder, Builder::filter_before).start().await
}

/// Sends a request over each version of HTTP that it is for; the cells of the
/// answers, which have to be equal.
async fn cell_of(sent: &Sent, gateway: &Gateway) -> String {
    let http2 = |request| http2::send(gateway.addr(), request);
    match sent {
        Sent::Http2(request) => cell(&http2(request).await),
        Sent::Both(request) => {
            let cells = [http1::send(gateway.addr(), request).await, http2(request).await];
            let [one, two] = cells.map(|answer| cell(&answer));
            assert_eq!(one, two, "{request:?}");
            one
        }
    }
}

#[tokio::test]
async fn the_page_says_what_envoys_own_filter_does() {
    let table = table();
    let rows = requests::rows();
    let labels: Vec<_> = table.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, rows.iter().map(|row| row.0).collect::<Vec<_>>());

    let upstream = Upstream::start().await;
    for (index, (column, filters)) in COLUMNS.into_iter().enumerate() {
        let gateway = gateway(filters(), &upstream).await;
        for ((label, requests), (_, cells)) in rows.iter().zip(&table) {
            let said = cells[index].trim_matches('*');
            for sent in requests {
                assert_eq!(cell_of(sent, &gateway).await, said, "{column}: {label}: {sent:?}");
            }
        }
    }
}

/// The first three rows are honest; all others are calls of `danger` to some
/// server.
#[tokio::test]
async fn this_filter_refuses_what_the_page_measures() {
    let upstream = Upstream::start().await;
    let policy = only_safe().to_string();
    let gateway = Gateway::builder().policy(policy).upstream(upstream.addr()).start().await;
    for (index, (label, requests)) in requests::rows().iter().enumerate() {
        let expected = if index < 3 { "yes" } else { "refused" };
        for sent in requests {
            assert_eq!(cell_of(sent, &gateway).await, expected, "{label}: {sent:?}");
        }
    }
    assert!(!upstream.received(r#""danger""#));
}

/// A rule that allows responses of clients has to ask that they have no `params`:
/// what has a result is a response to Envoy, and a call to servers that look for
/// a method first.
#[tokio::test]
async fn a_rule_for_responses_alone_lets_a_call_with_a_result_through() {
    let upstream = Upstream::start().await;
    for (rule, lets_through) in [(config::responses(), true), (config::bare_responses(), false)] {
        let filters = vec![config::mcp(json!({})), config::rbac("ALLOW", vec![rule])];
        let gateway = gateway(filters, &upstream).await;
        for (request, expected) in
            [(requests::answer(), true), (requests::call_with_a_result(), lets_through)]
        {
            let answer = http1::send(gateway.addr(), &request).await;
            assert_eq!(passed(&answer), expected, "{answer:?}");
        }
    }
}
