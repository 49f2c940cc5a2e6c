//! The settings of a gateway.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Admin, Exit, Gateway, Process, Run, Shell, bootstrap, run};
use crate::wait::until;

/// A gateway to be started. The defaults are one worker, the module under test
/// with a policy that allows everything, and no held headers.
#[derive(Clone)]
pub struct Builder {
    pub(super) policy: String,
    pub(super) as_struct: bool,
    pub(super) as_yaml: bool,
    pub(super) replacements: Vec<(String, String)>,
    pub(super) shell: Shell,
    pub(super) module: Option<PathBuf>,
    pub(super) filter: bool,
    pub(super) upstream: SocketAddr,
    pub(super) upstream_http2: bool,
    pub(super) hold_request_headers: bool,
    pub(super) http1_trailers: bool,
    pub(super) vm_id: String,
    pub(super) plugin_name: String,
    pub(super) root_id: String,
    pub(super) failure_policy: String,
    pub(super) buffer_limit: Option<u32>,
    pub(super) access_log_format: String,
    pub(super) filters_before: Vec<Value>,
    pub(super) filters_after: Vec<Value>,
    pub(super) edits: Vec<Edit>,
    pub(super) clusters: Vec<Value>,
    pub(super) stats_config: Value,
    pub(super) dynamic: bool,
    concurrency: u32,
    log_level: String,
}

/// A change to a generated message.
pub(super) type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

impl Default for Builder {
    fn default() -> Self {
        Self {
            policy: r#"{"version":"1","default":"allow"}"#.to_owned(),
            as_struct: false,
            as_yaml: false,
            replacements: Vec::new(),
            shell: Shell::under_test(),
            module: None,
            filter: true,
            upstream: SocketAddr::from(([127, 0, 0, 1], 9)),
            upstream_http2: false,
            hold_request_headers: false,
            http1_trailers: false,
            vm_id: "mcp-policy".to_owned(),
            plugin_name: "mcp-policy".to_owned(),
            root_id: "mcp-policy".to_owned(),
            failure_policy: "FAIL_RELOAD".to_owned(),
            buffer_limit: None,
            access_log_format: "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% \
                                %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS%"
                .to_owned(),
            filters_before: Vec::new(),
            filters_after: Vec::new(),
            edits: Vec::new(),
            clusters: Vec::new(),
            stats_config: Value::Null,
            dynamic: false,
            concurrency: 1,
            log_level: "info".to_owned(),
        }
    }
}

impl Builder {
    /// The plugin's configuration, handed over byte for byte.
    pub fn policy(mut self, policy: impl Into<String>) -> Self {
        self.policy = policy.into();
        self
    }

    /// Hands the policy over as a `google.protobuf.Struct`, of which Envoy
    /// makes no JSON.
    pub fn policy_as_struct(mut self) -> Self {
        self.as_struct = true;
        self
    }

    /// Has Envoy read its configuration, which is JSON, as YAML.
    pub fn configuration_as_yaml(mut self) -> Self {
        self.as_yaml = true;
        self
    }

    /// Puts another text into the configuration in the place of one, as JSON
    /// could not say it.
    pub fn in_configuration(mut self, text: &str, other: &str) -> Self {
        self.replacements.push((text.to_owned(), other.to_owned()));
        self
    }

    /// Sets the server of requests that the filter lets pass.
    pub fn upstream(mut self, upstream: SocketAddr) -> Self {
        self.upstream = upstream;
        self
    }

    /// Speaks HTTP/2 to the upstream.
    pub fn upstream_http2(mut self) -> Self {
        self.upstream_http2 = true;
        self
    }

    /// Envoy's side of holding request headers back until the body is judged:
    /// `allow_on_headers_stop_iteration`. The policy's side is
    /// `settings.hold_request_headers`, and is the test's to write.
    pub fn hold_request_headers(mut self, hold: bool) -> Self {
        self.hold_request_headers = hold;
        self
    }

    /// Lets trailers through in HTTP/1.1, which Envoy drops by default.
    pub fn http1_trailers(mut self) -> Self {
        self.http1_trailers = true;
        self
    }

    /// Worker threads, each with a VM of its own.
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// The VM's id, under which plugins share data.
    pub fn vm_id(mut self, vm_id: &str) -> Self {
        self.vm_id = vm_id.to_owned();
        self
    }

    /// The plugin's name and root id.
    pub fn plugin(mut self, name: &str, root_id: &str) -> Self {
        self.plugin_name = name.to_owned();
        self.root_id = root_id.to_owned();
        self
    }

    /// `FAIL_RELOAD`, `FAIL_CLOSED` or `FAIL_OPEN`.
    pub fn failure_policy(mut self, policy: &str) -> Self {
        self.failure_policy = policy.to_owned();
        self
    }

    /// `per_connection_buffer_limit_bytes`; Envoy's default is 1 MiB.
    pub fn buffer_limit(mut self, bytes: u32) -> Self {
        self.buffer_limit = Some(bytes);
        self
    }

    /// The access log's format: one line, in Envoy's format language.
    pub fn access_log_format(mut self, format: &str) -> Self {
        self.access_log_format = format.to_owned();
        self
    }

    /// Another HTTP filter in front of the module, as Envoy's JSON; the last
    /// one added is nearest to it.
    pub fn filter_before(mut self, filter: Value) -> Self {
        self.filters_before.push(filter);
        self
    }

    /// Another HTTP filter behind the module.
    pub fn filter_after(mut self, filter: Value) -> Self {
        self.filters_after.push(filter);
        self
    }

    /// Any other change to the listener, as Envoy's JSON: TLS, say.
    pub fn edit_listener(mut self, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.edits.push(Arc::new(edit));
        self
    }

    /// Another cluster, as Envoy's JSON, for routes that a test adds.
    pub fn cluster(mut self, cluster: Value) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// Envoy's `stats_tags`, which make labels for Prometheus out of the names
    /// of statistics.
    pub fn stats_tags(self, tags: Value) -> Self {
        self.stats_config(json!({ "stats_tags": tags }))
    }

    /// Envoy's whole `stats_config`.
    pub fn stats_config(mut self, config: Value) -> Self {
        self.stats_config = config;
        self
    }

    /// The lowest level that Envoy logs; `info` by default.
    pub fn log_level(mut self, level: &str) -> Self {
        self.log_level = level.to_owned();
        self
    }

    /// A form of the filter whichever is under test.
    pub fn shell(mut self, shell: Shell) -> Self {
        self.shell = shell;
        self
    }

    /// Another module than the one that the environment names.
    pub fn module(mut self, path: impl Into<PathBuf>) -> Self {
        self.module = Some(path.into());
        self
    }

    /// Envoy without the module: what a test or a measurement compares with.
    pub fn without_filter(mut self) -> Self {
        self.filter = false;
        self
    }

    /// Delivers the listener through a watched file, so that
    /// [`Gateway::push_policy`] can replace it.
    pub fn dynamic(mut self) -> Self {
        self.dynamic = true;
        self
    }

    /// Starts Envoy, and waits until it serves.
    ///
    /// # Panics
    ///
    /// With Envoy's log, if Envoy ends or does not serve in time.
    pub async fn start(self) -> Gateway {
        match self.launch(&[]).await {
            Ok(gateway) => gateway,
            Err(exit) => panic!("Envoy ended with {}:\n{}", exit.status, exit.log),
        }
    }

    /// Starts Envoy, which has to end by itself, as it does when the module
    /// refuses its policy.
    ///
    /// # Panics
    ///
    /// If Envoy serves instead.
    pub async fn start_expecting_failure(self) -> Exit {
        match self.launch(&[]).await {
            Ok(gateway) => panic!("Envoy serves, where it should not:\n{}", gateway.log()),
            Err(exit) => exit,
        }
    }

    /// Runs `envoy --mode validate`, which configures the module too: its exit
    /// status is the verdict on the policy.
    pub async fn validate(self) -> Exit {
        match self.launch(&["--mode", "validate"]).await {
            Ok(_) => panic!("Envoy serves, where it should only validate"),
            Err(exit) => exit,
        }
    }

    /// Runs Envoy until it serves or ends.
    async fn launch(mut self, arguments: &[&str]) -> Result<Gateway, Exit> {
        if self.filter && self.module.is_none() {
            self.module = Some(run::module(self.shell));
        }
        let run = Run::new();
        run.write("lds.json", &bootstrap::listeners(&self, &run, &self.policy, 0).to_string());
        let mut configuration = bootstrap::bootstrap(&self, &run).to_string();
        for (text, other) in &self.replacements {
            assert!(configuration.contains(text), "the configuration has no {text}");
            configuration = configuration.replace(text, other);
        }
        let file = if self.as_yaml { "bootstrap.yaml" } else { "bootstrap.json" };
        run.write(file, &configuration);
        let mut command = run.envoy(file, self.concurrency, &self.log_level);
        command.args(arguments);
        let shown = command.get_program().to_owned();
        let spawned = Process::spawn(command);
        let mut process =
            spawned.unwrap_or_else(|error| panic!("starting {}: {error}", shown.display()));

        let serving = until("Envoy serving", async || {
            if let Some(status) = process.exited() {
                return Some(Err(Exit { status, log: run.log() }));
            }
            let admin = Admin::new(run.read("admin").parse().ok()?);
            let addr = admin.listener(bootstrap::LISTENER).await?;
            admin.ready().await.then_some(Ok((admin, addr)))
        });
        let (admin, addr) = serving.await?;
        Ok(Gateway { process, run, builder: self, admin, addr, pushes: Mutex::new(0) })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("policy", &self.policy).finish_non_exhaustive()
    }
}
