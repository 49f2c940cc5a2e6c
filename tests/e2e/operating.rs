//! The pages of `docs/operate`, as they are there: policies, tokens, certificates and
//! modules that are replaced while calls run.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use mcp_rig::client::{Request, Response, http1, http2};
use mcp_rig::gateway::Process;
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::command;
use crate::pages::{fence, yaml};
use crate::render::before;
use crate::started::Envoy;
use crate::support::{Wire, code, manager, passed, safe};

/// A folder with the file from which Envoy discovers the filter.
struct Pushed {
    folder: PathBuf,
    file: String,
    module: String,
}

impl Pushed {
    fn new(name: &str) -> Self {
        let folder = command::folder(name);
        let file = folder.join("policy.yaml").display().to_string();
        Self { folder, file, module: std::env::var("MODULE").expect("MODULE") }
    }

    /// Writes the file by the command, as the pages do.
    fn push(&self, policy: &Value, more: &[&str]) {
        let arguments = ["render", "-", "--for", "ecds", "--module", &self.module];
        let arguments = [&arguments[..], &["--output", &self.file], more].concat();
        let printed = command::printed(&arguments, &policy.to_string());
        assert!(printed.is_empty(), "{printed}");
    }

    /// The configuration of Envoy that watches the file, before a server.
    fn watching(&self, policy: &Value, upstream: &Upstream) -> Value {
        let before = before(upstream);
        let mut arguments = vec!["render", "-", "--for", "envoy", "--ecds", &self.file];
        arguments.extend(before.iter().map(String::as_str));
        let text = command::printed(&arguments, &policy.to_string());
        yaml_serde::from_str(&text).expect("YAML")
    }
}

impl Drop for Pushed {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn policy(identity: &Value, max: usize) -> Value {
    let limit = json!({ "counter": "calls", "window": "day", "max": max });
    let mut policy = json!({
        "version": "1",
        "default": "deny",
        "tools": { "safe": { "limits": [limit] } },
        "settings": { "paths": ["/mcp"], "hold_request_headers": true, "mark_requests": true },
    });
    if !identity.is_null() {
        policy["identity"] = identity.clone();
    }
    policy
}

const PLENTY: usize = 1_000_000;

/// The sources of ids that the policies of the page have, one after the other.
fn identities() -> Vec<Value> {
    let page = crate::support::file("docs/operate/rotate.md");
    let fences = page.split("\n```json ").skip(1).map(|rest| {
        let (info, text) = rest.split_once('\n').expect("a fence");
        assert!(["policy", "pushed policy"].contains(&info), "{info}");
        let policy: Value =
            serde_json::from_str(text.split("\n```").next().expect("its end")).expect("JSON");
        policy["identity"].clone()
    });
    fences.collect()
}

enum Connection {
    Http1(http1::Connection),
    Http2(http2::Connection),
}

impl Connection {
    async fn send(&mut self, request: &Request) -> Response {
        match self {
            Self::Http1(connection) => connection.send(request).await,
            Self::Http2(connection) => connection.send(request).await.expect("an answer"),
        }
    }
}

/// Calls on one connection by the token that is given out, until none is; each call has
/// to pass.
async fn call(wire: Wire, addr: SocketAddr, given: Arc<AtomicU8>, calls: Arc<AtomicUsize>) {
    let mut connection = match wire {
        Wire::Http1 => Connection::Http1(http1::Connection::open(addr).await),
        Wire::Http2 => Connection::Http2(http2::Connection::open(addr).await),
    };
    loop {
        let token = given.load(Ordering::SeqCst);
        if token == 0 {
            return;
        }
        let token = format!("Bearer planner-token-{token}");
        let response = connection.send(&safe().header("authorization", &token)).await;
        assert!(passed(&response), "{wire:?} {token}: {response:?}");
        calls.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_rotated_on_open_connections_and_no_call_is_lost() {
    let [old, both, new] = &*identities() else { panic!("three policies on the page") };
    let (pushed, upstream) = (Pushed::new("rotated"), Upstream::start().await);
    pushed.push(&policy(old, PLENTY), &[]);
    let configuration = pushed.watching(&policy(old, PLENTY), &upstream);
    let envoy = Envoy::start("rotated", &configuration.to_string()).await;
    let by = |token: u8| safe().header("authorization", &format!("Bearer planner-token-{token}"));
    assert_eq!(http1::send(envoy.addr, &by(2)).await.status, 401);

    let (given, calls) = (Arc::new(AtomicU8::new(1)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = [Wire::Http1, Wire::Http2, Wire::Http1, Wire::Http2]
        .map(|wire| tokio::spawn(call(wire, envoy.addr, given.clone(), calls.clone())))
        .into();
    let more = async || {
        let before = calls.load(Ordering::SeqCst);
        let enough = async || (calls.load(Ordering::SeqCst) > before + 40).then_some(());
        until("more calls", enough).await;
    };
    more().await;
    pushed.push(&policy(both, PLENTY), &[]);
    let is_good = async || passed(&http1::send(envoy.addr, &by(2)).await).then_some(());
    until("the new token", is_good).await;
    calls.fetch_add(1, Ordering::SeqCst);
    more().await;
    given.store(2, Ordering::SeqCst);
    more().await;
    pushed.push(&policy(new, PLENTY), &[]);
    until("the end of the old token", async || {
        let response = http1::send(envoy.addr, &by(1)).await;
        if passed(&response) {
            calls.fetch_add(1, Ordering::SeqCst);
        }
        (response.status == 401).then_some(())
    })
    .await;
    more().await;
    given.store(0, Ordering::SeqCst);
    for client in clients {
        client.await.expect("every call passed");
    }
    // One caller with one count, through all of it.
    assert!(passed(&http1::send(envoy.addr, &by(2)).await));
    let left = PLENTY - calls.load(Ordering::SeqCst) - 1;
    let says = format!(r#""left":{left}}}]"#);
    until("the last record", async || envoy.log().contains(&says).then_some(())).await;
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_are_open() {
    const PAGE: &str = "docs/operate/rotate.md";
    let (pushed, upstream) = (Pushed::new("certificate"), Upstream::start().await);
    let anybody = policy(&Value::Null, PLENTY);
    pushed.push(&anybody, &[]);
    let mut configuration = pushed.watching(&anybody, &upstream);
    configuration["node"] = json!({ "id": "envoy", "cluster": "mcp" });
    let mut socket = yaml(PAGE, "yaml run:certificate")["transport_socket"].clone();
    let tls = &mut socket["typed_config"]["common_tls_context"];
    let source = &mut tls["tls_certificate_sds_secret_configs"][0]["sds_config"];
    let path = &mut source["path_config_source"]["path"];
    assert_eq!(path, "certs/gateway.yaml");
    *path = pushed.folder.join("gateway.yaml").display().to_string().into();
    configuration["static_resources"]["listeners"][0]["filter_chains"][0]["transport_socket"] =
        socket;
    let replace = |name: &str, authority: &Authority| {
        let (certificate, key) = authority.server();
        let at = |ending: &str| pushed.folder.join(format!("{name}.{ending}"));
        std::fs::write(at("pem"), certificate).expect("a file of ours");
        std::fs::write(at("key"), key).expect("a file of ours");
        let file = fence(PAGE, "yaml run:certificate-file");
        let file = ["pem", "key"].into_iter().fold(file, |file, ending| {
            file.replace(&format!("certs/gateway.{ending}"), &at(ending).display().to_string())
        });
        std::fs::write(at("yaml"), file).expect("a file of ours");
        std::fs::rename(at("yaml"), pushed.folder.join("gateway.yaml")).expect("a move");
    };
    let (first, second) = (Authority::new(), Authority::new());
    replace("first", &first);
    let envoy = Envoy::start("certificate", &configuration.to_string()).await;
    let mut open = first.connect(envoy.addr, None).await;
    assert!(passed(&open.send(&safe()).await));
    assert!(second.try_connect(envoy.addr, None).await.is_err());
    replace("second", &second);
    let mut other =
        until("the second certificate", async || second.try_connect(envoy.addr, None).await.ok())
            .await;
    assert!(passed(&other.send(&safe()).await));
    assert!(first.try_connect(envoy.addr, None).await.is_err());
    assert!(passed(&open.send(&safe()).await));
}

#[tokio::test]
async fn a_new_module_takes_over_and_counts_go_on() {
    let (mut pushed, upstream) = (Pushed::new("upgraded"), Upstream::start().await);
    let two = policy(&Value::Null, 2);
    pushed.push(&two, &[]);
    let configuration = pushed.watching(&two, &upstream);
    let envoy = Envoy::start("upgraded", &configuration.to_string()).await;
    let mut open = http1::Connection::open(envoy.addr).await;
    assert!(passed(&open.send(&safe()).await));
    let digests = || envoy.log().matches(" is in force").count();
    let before = digests();

    // The same bytes with a section of their own are another module to Envoy.
    let mut module = std::fs::read(&pushed.module).expect("the module");
    module.extend([0, 5, 4]);
    module.extend(b"next");
    let next = pushed.folder.join("next.wasm");
    std::fs::write(&next, module).expect("a file of ours");
    pushed.module = next.display().to_string();
    pushed.push(&two, &[]);
    until("the new module", async || (digests() > before).then_some(())).await;
    assert!(passed(&open.send(&safe()).await));
    assert_eq!(code(&open.send(&safe()).await), 429);

    // One that is none is refused, and the one before stays.
    let broken = pushed.folder.join("broken.wasm");
    std::fs::write(&broken, "not a module").expect("a file of ours");
    pushed.module = broken.display().to_string();
    pushed.push(&policy(&Value::Null, 3), &[]);
    until("a refusal", async || envoy.log().contains("Unable to create Wasm").then_some(())).await;
    assert_eq!(code(&open.send(&safe()).await), 429);
}

/// The control plane of the page.
fn control_plane(file: &Path, port: u16) -> Process {
    let mut python = Command::new("python3");
    python.args(["-c", &fence("docs/operate/push.md", "python run:control-plane")]);
    python.env("POLICY", file).env("PORT", port.to_string()).env_remove("http_proxy");
    Process::spawn(python).expect("python3")
}

/// The configuration that asks a control plane for the filter, which waits for it this long.
fn discovering(pushed: &Pushed, policy: &Value, upstream: &Upstream, port: u16) -> Value {
    let mut configuration = pushed.watching(policy, upstream);
    configuration["node"] = json!({ "id": "envoy", "cluster": "mcp" });
    let listener = &mut configuration["static_resources"]["listeners"][0];
    let filters = manager(listener)["http_filters"].as_array_mut().expect("filters");
    let asking = filters.iter_mut().find_map(|filter| filter.get_mut("config_discovery"));
    let mut source =
        yaml("docs/operate/push.md", "yaml run:rest-discovery")["config_source"].take();
    source["initial_fetch_timeout"] = "1s".into();
    source["api_config_source"]["refresh_delay"] = "0.1s".into();
    asking.expect("a discovery")["config_source"] = source;
    let mut cluster = configuration["static_resources"]["clusters"][0].clone();
    cluster["name"] = "xds".into();
    cluster["load_assignment"]["cluster_name"] = "xds".into();
    let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    endpoint["address"]["socket_address"] = json!({ "address": "127.0.0.1", "port_value": port });
    let clusters = &mut configuration["static_resources"]["clusters"];
    clusters.as_array_mut().expect("clusters").push(cluster);
    configuration
}

#[tokio::test]
async fn a_control_plane_hands_out_policies_and_without_it_nothing_passes() {
    let (mut pushed, upstream) = (Pushed::new("control-plane"), Upstream::start().await);
    pushed.file = pushed.folder.join("policy.json").display().to_string();
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        free.local_addr().expect("a bound port").port()
    };
    let one = policy(&Value::Null, 1);
    pushed.push(&one, &["--format", "json"]);
    let configuration = discovering(&pushed, &one, &upstream, port).to_string();
    // It serves although nobody has told it a policy.
    let envoy = Envoy::start("control-plane", &configuration).await;
    let waiting = http1::send(envoy.addr, &safe()).await;
    assert_eq!((waiting.status, waiting.body.len()), (500, 0), "{waiting:?}");
    assert!(upstream.connections().is_empty());

    let serving = control_plane(Path::new(&pushed.file), port);
    let is_there = async || passed(&http1::send(envoy.addr, &safe()).await).then_some(());
    until("the policy", is_there).await;
    assert_eq!(code(&http1::send(envoy.addr, &safe()).await), 429);
    pushed.push(&policy(&Value::Null, 2), &["--format", "json"]);
    until("the next policy", is_there).await;
    assert_eq!(code(&http1::send(envoy.addr, &safe()).await), 429);
    // What is in force stays while nobody answers.
    drop(serving);
    let told = envoy.log().len();
    until("a question without an answer", async || {
        envoy.log()[told..].contains("REST update for").then_some(())
    })
    .await;
    assert_eq!(code(&http1::send(envoy.addr, &safe()).await), 429);
}
