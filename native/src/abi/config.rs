//! Metrics. Envoy takes definitions only while it makes a configuration.

use super::imports::{self, Bytes, EnvoyConfig};
use super::lend;
use super::main_thread::Scheduler;

/// Envoy's half of a configuration, while it is made.
pub(crate) struct Definitions(EnvoyConfig);

/// The status of a definition that Envoy took, and of a count.
const OK: u32 = 0;

impl Definitions {
    /// The definitions of one configuration.
    ///
    /// # Safety
    /// The pointer must be the one that `config_new` got, in that call.
    pub(super) const unsafe fn new(config: EnvoyConfig) -> Self {
        Self(config)
    }

    /// Defines a counter with labels of these names; the error is Envoy's status.
    pub(crate) fn counter(&mut self, name: &str, labels: &[&str]) -> Result<usize, u32> {
        let labels: Vec<Bytes> = labels.iter().map(|label| lend(label.as_bytes())).collect();
        let mut id = 0;
        // SAFETY: the configuration is being made; name and labels are live, and
        // Envoy copies them and writes one id.
        let status = unsafe {
            let name = lend(name.as_bytes());
            imports::define_counter(self.0, name, labels.as_ptr(), labels.len(), &raw mut id)
        };
        if status == OK { Ok(id) } else { Err(status) }
    }

    /// Adds to a counter, under as many texts as it has labels. Zero makes it exist
    /// before it counts. The error is Envoy's status.
    pub(crate) fn add(&mut self, id: usize, texts: &[&str], by: u64) -> Result<(), u32> {
        let texts: Vec<Bytes> = texts.iter().map(|text| lend(text.as_bytes())).collect();
        // SAFETY: the configuration is being made, and the texts are live; Envoy refuses
        // an id or a number of labels that it does not know.
        let status = unsafe { imports::add(self.0, id, texts.as_ptr(), texts.len(), by) };
        if status == OK { Ok(()) } else { Err(status) }
    }

    /// A scheduler of events on Envoy's main thread.
    pub(crate) fn scheduler(&mut self) -> Scheduler {
        // SAFETY: the configuration is being made.
        unsafe { Scheduler::new(self.0) }
    }

    /// Defines a gauge with one label, and sets it; the error is Envoy's status.
    pub(crate) fn gauge(
        &mut self,
        name: &str,
        (label, text): (&str, &str),
        value: u64,
    ) -> Result<(), u32> {
        let (labels, texts) = ([lend(label.as_bytes())], [lend(text.as_bytes())]);
        let mut id = 0;
        // SAFETY: as for a counter.
        let status = unsafe {
            let name = lend(name.as_bytes());
            imports::define_gauge(self.0, name, labels.as_ptr(), labels.len(), &raw mut id)
        };
        if status != OK {
            return Err(status);
        }
        // SAFETY: the id is the one just defined, with as many labels.
        let status = unsafe { imports::set_gauge(self.0, id, texts.as_ptr(), texts.len(), value) };
        if status == OK { Ok(()) } else { Err(status) }
    }
}
