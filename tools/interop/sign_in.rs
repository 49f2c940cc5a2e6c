//! Clients without a token: whether the filter's 401 makes them sign in, and
//! whether they come back with a token and call.

use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::server::{McpServer, Mode};
use serde_json::{Value, json};

use crate::authorization::{Authorization, CODE, KEY};
use crate::client::{Client, script};
use crate::matrix::Table;
use crate::packages::Packages;
use crate::told::Cell;

/// The SHA-256 of [`crate::authorization::TOKEN`].
const HASH: &str = "sha256:063543a348a38369c24cbff3a4788060384c376cb3cebb4b821a8cea09b27c9d";

/// The clients that know how to sign in.
const CLIENTS: [Client; 4] =
    [Client::TypeScript1, Client::TypeScript2, Client::Python1, Client::Python2];

/// The place in which a token is looked at.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// In the filter, by its hash.
    ByHash,
    /// In Envoy's jwt_authn before the filter, as in `envoy/connect/oauth.yaml`.
    ByJwtAuthn,
}

/// Lets each of them begin without a token.
pub async fn run(packages: &Packages) -> [Table; 2] {
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    let title = "Signing in, after the filter's 401";
    let by_hash = table(packages, &server, title.to_owned(), Known::ByHash).await;
    let title = format!("{title} behind jwt_authn");
    [by_hash, table(packages, &server, title, Known::ByJwtAuthn).await]
}

async fn table(packages: &Packages, server: &McpServer, title: String, known: Known) -> Table {
    let mut rows = Vec::new();
    for client in CLIENTS {
        eprintln!("interop: {client:?} signs in, {known:?}");
        rows.push(sign_in(packages, client, server, known).await);
    }
    let heads = vec!["client", "metadata", "authorization server", "sent to", "resource", "then"];
    Table { title, heads, rows }
}

/// Envoy's filters before ours: one verifies tokens, and lets requests without one pass,
/// the other hands on what the token says.
fn jwt_authn() -> [Value; 2] {
    let keys = json!({ "keys": [{ "kty": "oct", "alg": "HS256", "k": KEY }] });
    let verifying = json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "id": {
                "issuer": "interop",
                "audiences": ["interop"],
                "from_headers": [{ "name": "authorization", "value_prefix": "Bearer " }],
                "payload_in_metadata": "payload",
                "local_jwks": { "inline_string": keys.to_string() },
            } },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "requires_any": {
                "requirements": [{ "provider_name": "id" }, { "allow_missing": {} }],
            } } }],
        },
    });
    let payload = "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload)%";
    let handing_on = json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{
                "object_key": "mcp_policy.jwt_payload",
                "factory_key": "envoy.string",
                "read_only": true,
                "format_string": { "text_format_source": { "inline_string": payload } },
            }],
        },
    });
    [verifying, handing_on]
}

async fn sign_in(
    packages: &Packages,
    client: Client,
    server: &McpServer,
    known: Known,
) -> (String, Vec<Cell>) {
    let authorization = Authorization::start().await;
    let (source, before) = match known {
        Known::ByHash => (json!({ "bearer": { "tokens": { "interop": HASH } } }), Vec::new()),
        Known::ByJwtAuthn => {
            let place = "mcp_policy.jwt_payload";
            (json!({ "jwt": { "claim": "sub", "payload_state": place } }), jwt_authn().into())
        }
    };
    let policy = |resource: &str| {
        json!({
            "version": "1",
            "default": "allow",
            "identity": [source],
            "settings": {
                "paths": ["/mcp"],
                "hold_request_headers": true,
                "protected_resource": {
                    "resource": resource,
                    "authorization_servers": [authorization.url()],
                },
            },
        })
        .to_string()
    };
    let builder = before.into_iter().fold(Gateway::builder(), Builder::filter_before);
    let gateway = builder
        .policy(policy("http://localhost"))
        .hold_request_headers(true)
        .upstream(server.addr())
        .access_log_format("%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%")
        .dynamic()
        .start()
        .await;
    // Its own address is known only now.
    let url = format!("http://{}/mcp", gateway.addr());
    gateway.push_policy(&policy(&url)).await;

    let plan = json!({ "url": url, "code": CODE, "tool": "session_list" });
    let seen = script(packages, client, &format!("{}-sign-in", client.name()), &plan).await;
    let sent_to = seen["redirect"].as_str().unwrap_or_default().to_owned();
    let requests = gateway.access_log();
    let metadata = requests.iter().find(|line| line.contains("/.well-known/"));
    let cells = vec![
        match metadata.and_then(|line| line.strip_prefix("GET ")?.strip_suffix(" 200")) {
            Some(path) if requests.first().is_some_and(|first| first.ends_with(" 401")) => {
                Cell::Good(format!("`{path}`"))
            }
            _ => Cell::Bad(format!("{requests:?}")),
        },
        match &*authorization.asked() {
            [metadata, register, token]
                if metadata == "/.well-known/oauth-authorization-server" =>
            {
                Cell::Good(format!("metadata, `{register}`, `{token}`"))
            }
            asked => Cell::Bad(format!("{asked:?}")),
        },
        match sent_to.split_once('?') {
            Some((to, _)) if to == format!("{}/authorize", authorization.url()) => {
                Cell::Good("`/authorize`".to_owned())
            }
            _ => Cell::Bad(format!("sent to {sent_to}")),
        },
        match query(&sent_to, "resource") {
            Some(resource) if resource == url => Cell::Good("the filter's".to_owned()),
            other => Cell::Bad(format!("{other:?}")),
        },
        match seen["text"].as_str() {
            Some(text) if text.contains("session_list") => Cell::Good("result".to_owned()),
            _ => Cell::Bad(seen.to_string()),
        },
    ];
    (seen["client"].as_str().unwrap_or_default().to_owned(), cells)
}

/// A parameter of a URL's query, of which the escapes of a URL are undone.
fn query(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.replace("%3A", ":").replace("%2F", "/"))
}
