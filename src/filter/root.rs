//! The root context: makes a [`Plugin`] of Envoy's configuration, in each worker.

use super::held::timer;
use super::host::{self, Buffer, Map};
use super::metrics::{Metrics, bad_policies};
use super::plugin::Plugin;
use super::shared_data::SharedData;
use super::stream::Stream;
use crate::exchange::approvals::Notice;
use crate::policy::Policy;
use crate::random::random;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use std::rc::Rc;

/// The root context.
#[derive(Default)]
pub(super) struct Root {
    plugin: Option<Rc<Plugin>>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, _: usize, _: usize) {
        let Some(plugin) = &self.plugin else { return };
        // A call that failed has no headers, and asking for them would be an error.
        let status = (headers > 0).then(|| host::header(Map::CallAnswer, ":status"));
        plugin.called(token, status.flatten().as_deref().ok_or(Notice::UNANSWERED));
    }
}

impl Root {
    /// Refuses every request, and reports success. Envoy tries a configuration in
    /// a VM of its own first; if a worker reports a failure after that, Envoy takes
    /// the filter out of that worker, and everything passes.
    fn close(&mut self, why: &str) -> bool {
        log::error!("mcp-policy-filter: no policy is in force, all requests are refused: {why}");
        bad_policies(1);
        self.plugin = None;
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        // Running out of memory would be a trap, with the same end.
        if Vec::<u8>::new().try_reserve_exact(needed(size)).is_err() {
            return self.close("the VM has too little memory left for a policy");
        }
        let text = match host::buffer(Buffer::PluginConfiguration, size) {
            Ok(text) if text.len() == size => text,
            Ok(text) => return self.close(&format!("{} bytes of {size}", text.len())),
            Err(error) => return self.close(&format!("no configuration: status {}", error.0)),
        };
        let (namespace, name) = match namespace() {
            Ok(names) => names,
            Err(error) => return self.close(&format!("no name of the plugin: status {}", error.0)),
        };
        let mut policy = match Policy::parse(&text, &namespace) {
            Ok(policy) => policy,
            Err(errors) => {
                for line in errors.lines() {
                    log::error!("mcp-policy-filter: bad policy: {line}");
                }
                bad_policies(1);
                return false;
            }
        };
        if let Err(trouble) = policy.table.share_salt(&SharedData, random()) {
            return self.close(&format!("no shared counters: {trouble:?}"));
        }
        for warning in policy.warnings.lines() {
            log::warn!("mcp-policy-filter: {warning}");
        }
        log::info!("mcp-policy-filter: policy {} is in force", policy.fingerprint);
        bad_policies(0);
        let metrics = Metrics::define(&name, &policy.fingerprint);
        self.plugin = Some(Rc::new(Plugin::new(policy, metrics)));
        true
    }

    fn on_tick(&mut self) {
        match &self.plugin {
            Some(plugin) => plugin.tick(),
            None => timer(0),
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.plugin.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Memory that has to be free before a document of this size is read: as much as
/// its regular expressions may take, and its text if it were all values of the
/// kind that takes the most.
const fn needed(document: usize) -> usize {
    document.saturating_mul(32).saturating_add(96 << 20)
}

/// The namespace of the counts where the policy names none, and the plugin's
/// name. The namespace keeps two plugins that share a `vm_id` apart, and is made of
/// the plugin's name and root id; under another name, counts begin afresh.
fn namespace() -> Result<(String, String), host::HostError> {
    let property = |path| {
        let value = host::property(path)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&value).into_owned())
    };
    let (name, root) = (property("plugin_name")?, property("plugin_root_id")?);
    // The length keeps "a" + "bc" and "ab" + "c" apart.
    Ok((format!("{}:{name}:{root}", name.len()), name))
}
