//! Lines in Envoy's log, by way of the `log` crate.

use super::host;
use log::{Level, LevelFilter, Log, Metadata, Record};

/// A log that writes everything; Envoy's own log level is the filter.
struct EnvoyLog;

static LOG: EnvoyLog = EnvoyLog;

/// Envoy's level for a trap that ends the VM.
const CRITICAL: u32 = 5;

/// Sends log records, and the message of a panic, to Envoy.
pub(super) fn install() {
    // A second installation fails, and the first one stays.
    let _ = log::set_logger(&LOG);
    log::set_max_level(LevelFilter::Info);
    std::panic::set_hook(Box::new(|panic| host::log(CRITICAL, &panic.to_string())));
}

impl Log for EnvoyLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            Level::Trace => 0,
            Level::Debug => 1,
            Level::Info => 2,
            Level::Warn => 3,
            Level::Error => 4,
        };
        match record.args().as_str() {
            Some(message) => host::log(level, message),
            None => host::log(level, &record.args().to_string()),
        }
    }

    fn flush(&self) {}
}
