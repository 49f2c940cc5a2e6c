//! The pages of `docs/connect`, as they are there: clients' configurations, sign-in and
//! several servers.

use mcp_rig::client::mcp::{ClientLifecycleMode, McpClient};
use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use mcp_rig::upstream::{Answer, Upstream};
use mcp_rig::wait::until;
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::pages::fence;
use crate::started::{Envoy, shipped};
use crate::support::{Wire, code, file, in_time, manager, passed, reason};
use crate::tokens::Issuer;

const CLIENTS: &str = "docs/connect/clients.md";
/// The token whose hash the policy of that page has.
const TOKEN: &str = "clients-page-token";
/// The endpoint of the shipped configuration.
const ENDPOINT: &str = "http://127.0.0.1:10000/mcp";

/// The server and the headers that a client's configuration on the page names.
fn configured(info: &str) -> (String, Vec<(String, String)>) {
    let text = fence(CLIENTS, info);
    if info.starts_with("sh ") {
        let url = text.split(' ').find(|word| word.starts_with("http://")).expect("an address");
        let header = Regex::new(r#"--header "([\w-]+): ([^"]+)""#).expect("a regex");
        let header = header.captures(&text).expect("a header");
        return (url.to_owned(), vec![(header[1].to_owned(), header[2].to_owned())]);
    }
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let key = if info.ends_with("vs-code") { "servers" } else { "mcpServers" };
    let servers = file[key].as_object().expect("servers");
    assert_eq!(servers.len(), 1);
    let server = &servers["sessions"];
    let headers = server["headers"].as_object().expect("headers").iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    (server["url"].as_str().expect("an address").to_owned(), headers.collect())
}

#[tokio::test]
async fn each_clients_configuration_leads_through_the_filter() {
    let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
    let policy = fence(CLIENTS, "json policy");
    let gateway = Gateway::builder().policy(policy).hold_request_headers(true);
    let gateway = gateway.upstream(server.addr()).start().await;
    let variable = Regex::new(r"\$\{(?:env:|input:)?(MCP_TOKEN|mcp-token)\}").expect("a regex");
    let infos = [
        "sh run:claude-code",
        "json run:claude-code-file",
        "json run:cursor",
        "json run:vs-code",
        "sh run:inspector",
    ];
    for info in infos {
        let (url, headers) = configured(info);
        assert_eq!(url, ENDPOINT, "{info}");
        let headers: Vec<(String, String)> = headers
            .into_iter()
            .map(|(name, value)| (name, variable.replace(&value, TOKEN).into_owned()))
            .collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let lifecycle = ClientLifecycleMode::Initialize;
        let client = McpClient::try_connect(gateway.addr(), &headers, lifecycle).await;
        let client = client.unwrap_or_else(|error| panic!("{info}: {error}"));
        assert!(client.list_tools().await.is_ok(), "{info}");
        assert!(client.call("session_list", json!({})).await.is_ok(), "{info}");
        assert!(client.call("session_kill", json!({ "sessionId": "s1" })).await.is_err(), "{info}");
        client.close().await;
    }
    assert_eq!(server.calls().len(), infos.len());
    let lifecycle = ClientLifecycleMode::Initialize;
    let nobody = McpClient::try_connect(gateway.addr(), &[], lifecycle).await;
    assert!(nobody.is_err(), "it connected without a token");
}

/// The endpoint is that of the shipped listener, and the packages are those that
/// `make interop` has installed.
#[test]
fn the_pages_name_what_is_shipped_and_pinned() {
    let shipped = file("envoy/envoy.yaml");
    assert!(shipped.contains("port_value: 10000") && shipped.contains("match: { path: /mcp }"));
    let packages: Value =
        serde_json::from_str(&file("tests/interop/node/package.json")).expect("JSON");
    let pip = file("tests/interop/mcp-proxy/requirements.txt");
    let package = Regex::new(r"(?:npx -y|uvx) ([@\w/-]+)@([\d.]+)").expect("a regex");
    let mut found = 0;
    for page in [CLIENTS, "docs/connect/stdio.md", "docs/quickstart.md"] {
        for named in package.captures_iter(&file(page)) {
            let (name, version) = (&named[1], &named[2]);
            let npm = packages["dependencies"].get(name).is_some_and(|pinned| pinned == version);
            let pip = pip.lines().any(|line| line == format!("{name}=={version}"));
            assert!(npm || pip, "{page}: {name} {version} is not pinned");
            found += 1;
        }
    }
    assert_eq!(found, 10);
}

const RESOURCE: &str = "https://mcp.example.com/mcp";
const PROVIDER: &str = "https://id.example.com";
const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";

/// The steps of a client that signs in, by the configuration that is shipped.
#[tokio::test]
async fn a_client_without_a_token_finds_the_provider_and_comes_back_with_one() {
    let (issuer, upstream, authority) = (Issuer::new(), Upstream::start().await, Authority::new());
    let provider = Upstream::start_answering(Answer::json(&issuer.keys().to_string())).await;
    let clusters = [("mcp_server", upstream.addr()), ("id", provider.addr())];
    let mut configuration = shipped("envoy/connect/oauth.yaml", &clusters);
    authority.tls(false)(&mut configuration["static_resources"]["listeners"][0]);
    let envoy = Envoy::start("oauth", &configuration.to_string()).await;
    let send = async |request: &Request| authority.send(envoy.addr, None, request).await;
    let call = |tool: &str| Request::tool_call(1, tool, "{}");

    let refused = send(&call("session_list")).await;
    assert_eq!((refused.status, reason(&refused)), (401, "no_identity".into()));
    let challenge = refused.header("www-authenticate").expect("a challenge");
    let metadata = challenge.split_once("resource_metadata=\"").expect("metadata").1;
    let metadata = metadata.strip_prefix("https://mcp.example.com").expect("this resource");
    let metadata = metadata.strip_suffix('"').expect("a quoted address");
    assert_eq!(metadata, METADATA);
    let metadata = send(&Request::new("GET", metadata)).await.json();
    assert_eq!(metadata["resource"], RESOURCE);
    assert_eq!(metadata["authorization_servers"], json!([PROVIDER]));

    let by = |issuer: &Issuer, claims: Value| {
        let token = issuer.token(claims);
        move |request: Request| request.header("authorization", &format!("Bearer {token}"))
    };
    let claims = |audience: &str| json!({ "iss": PROVIDER, "sub": "ann", "aud": audience });
    let ann = by(&issuer, claims(RESOURCE));
    // The provider's keys may be on their way.
    until("the provider's keys", async || {
        passed(&send(&ann(call("session_list"))).await).then_some(())
    })
    .await;
    let denied = send(&ann(call("session_kill"))).await;
    assert_eq!(reason(&denied), "default_deny");
    for (who, other) in [
        ("another audience", by(&issuer, claims("https://other.example.com"))),
        ("another key", by(&Issuer::new(), claims(RESOURCE))),
        ("another issuer", by(&issuer, json!({ "iss": "x", "sub": "ann", "aud": RESOURCE }))),
    ] {
        let status = send(&other(call("session_list"))).await.status;
        assert!([401, 403].contains(&status), "{who}: {status}");
    }
    let token = issuer.token(claims(RESOURCE));
    let query = call("session_list").path(&format!("/mcp?access_token={token}"));
    assert_eq!(send(&query).await.status, 401);
    // Nothing else went on, and no token.
    let seen = crate::seen::whole_bodies(&upstream).await;
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|body| String::from_utf8_lossy(body).contains("session_list")));
    assert!(!upstream.received("authorization") && !upstream.received("Bearer"));
    assert!(!envoy.log().contains(&token), "a token is in the log");
}

/// The configuration for two servers, before these.
fn for_two(notes: &Upstream, tickets: &Upstream) -> Value {
    let clusters = [("notes_server", notes.addr()), ("tickets_server", tickets.addr())];
    shipped("envoy/connect/several-servers.yaml", &clusters)
}

/// The routes of a configuration.
fn routes(configuration: &mut Value) -> &mut Vec<Value> {
    let manager = manager(&mut configuration["static_resources"]["listeners"][0]);
    let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
    routes.as_array_mut().expect("routes")
}

#[tokio::test]
async fn each_server_has_its_own_policy_and_its_own_counts() {
    let (notes, tickets) = (Upstream::start().await, Upstream::start().await);
    let envoy = Envoy::start("two", &for_two(&notes, &tickets).to_string()).await;
    for wire in Wire::BOTH {
        let call = async |path: &str, tool: &str| {
            wire.send(envoy.addr, &Request::tool_call(1, tool, "{}").path(path)).await
        };
        assert!(passed(&call("/notes/mcp", "read_note").await));
        assert!(passed(&call("/tickets/mcp", "read_ticket").await));
        for (path, tool) in [
            ("/notes/mcp", "read_ticket"),
            ("/notes/mcp", "close_ticket"),
            ("/tickets/mcp", "read_note"),
            ("/tickets/mcp", "write_note"),
        ] {
            assert_eq!(reason(&call(path, tool).await), "default_deny", "{path} {tool}");
        }
        for path in ["/mcp", "/", "/notes", "/notes/mcp/", "/notes/../tickets/mcp"] {
            let response = call(path, "read_note").await;
            assert!(!passed(&response), "{path} {response:?}");
        }
    }
    assert!(notes.received("POST /mcp HTTP/1.1") && notes.received("read_note"));
    assert!(tickets.received("POST /mcp HTTP/1.1") && tickets.received("read_ticket"));
    assert!(!notes.received("ticket") && !tickets.received("note"));
    // Each limit of its own, whatever the other one has.
    let mut closed = 0;
    let refused = loop {
        let close = Request::tool_call(1, "close_ticket", "{}").path("/tickets/mcp");
        let response = http1::send(envoy.addr, &close).await;
        if !passed(&response) {
            break response;
        }
        closed += 1;
        // A minute may end meanwhile.
        assert!(closed <= 10, "{closed} were closed");
    };
    assert_eq!(code(&refused), 429);
    assert!(closed >= 5, "{closed} were closed");
    let write = Request::tool_call(1, "write_note", "{}").path("/notes/mcp");
    assert!(passed(&http1::send(envoy.addr, &write).await));
}

#[tokio::test]
async fn a_route_without_its_policy_lets_nothing_pass() {
    let (notes, tickets) = (Upstream::start().await, Upstream::start().await);
    let read = |path: &str| Request::tool_call(1, "read_ticket", "{}").path(path);
    let mut forgotten = for_two(&notes, &tickets);
    routes(&mut forgotten)[1].as_object_mut().expect("a route").remove("typed_per_filter_config");
    let envoy = Envoy::start("forgotten", &forgotten.to_string()).await;
    for wire in Wire::BOTH {
        let response = wire.send(envoy.addr, &read("/tickets/mcp")).await;
        assert_eq!((response.status, &*response.text()), (403, "RBAC: access denied"));
    }
    // The policy of another server knows another path.
    let mut mistaken = for_two(&notes, &tickets);
    let others = routes(&mut mistaken)[0]["typed_per_filter_config"].clone();
    routes(&mut mistaken)[1]["typed_per_filter_config"] = others;
    let envoy = Envoy::start("mistaken", &mistaken.to_string()).await;
    for tool in ["read_ticket", "read_note"] {
        let call = Request::tool_call(1, tool, "{}").path("/tickets/mcp");
        let response = http1::send(envoy.addr, &call).await;
        assert_eq!(reason(&response), "path", "{tool} {response:?}");
    }
    assert!(notes.connections().is_empty() && tickets.connections().is_empty());
}

/// The page's words on sign-in with several servers.
#[tokio::test]
async fn each_server_is_a_resource_of_its_own() {
    let (notes, tickets) = (Upstream::start().await, Upstream::start().await);
    let mut configuration = for_two(&notes, &tickets);
    const METADATA: &str = "/.well-known/oauth-protected-resource/notes/mcp";
    let mut route = routes(&mut configuration)[0].clone();
    route["match"]["path"] = METADATA.into();
    route.as_object_mut().expect("a route").remove("route");
    route["direct_response"] = json!({ "status": 404 });
    routes(&mut configuration).push(route);
    let manager = manager(&mut configuration["static_resources"]["listeners"][0]);
    let config = &mut manager["http_filters"][0]["typed_config"];
    let policy = match config.get_mut("filter_config") {
        None => &mut config["config"]["configuration"]["value"],
        Some(config) => &mut config["value"],
    };
    policy["identity"] =
        json!([{ "bearer": { "tokens": { "ann": format!("sha256:{}", "0".repeat(64)) } } }]);
    policy["settings"]["protected_resource"] = json!({
        "resource": "https://mcp.example.com/notes/mcp",
        "authorization_servers": [PROVIDER],
    });
    let envoy = Envoy::start("resources", &configuration.to_string()).await;
    let call = Request::tool_call(1, "read_note", "{}").path("/notes/mcp");
    let refused = in_time(http1::send(envoy.addr, &call)).await;
    let challenge = refused.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains(&format!("https://mcp.example.com{METADATA}\"")), "{challenge}");
    let metadata = http1::send(envoy.addr, &Request::new("GET", METADATA)).await;
    assert_eq!(metadata.json()["resource"], "https://mcp.example.com/notes/mcp", "{metadata:?}");
    assert!(notes.connections().is_empty());
}

/// The commands of the page are those that `make interop` runs.
#[test]
fn bridges_are_started_as_the_page_says() {
    let runner = file("tools/interop/files.rs");
    for name in ["sh run:mcp-proxy", "sh run:supergateway"] {
        assert!(!fence("docs/connect/stdio.md", name).is_empty());
        assert!(runner.contains(&format!("\"{name}\"")), "{name}");
    }
}
