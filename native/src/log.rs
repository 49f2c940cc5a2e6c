//! Lines in Envoy's log, by way of the `log` crate.

use crate::abi::{Level, is_logged, write_log};
use log::{LevelFilter, Log, Metadata, Record};

/// A log whose filter is Envoy's own level.
struct EnvoyLog;

static LOG: EnvoyLog = EnvoyLog;

/// Sends log records, and the message of a panic, to Envoy.
pub(crate) fn install() {
    // A second installation fails, and the first one stays.
    let _ = log::set_logger(&LOG);
    log::set_max_level(LevelFilter::Info);
    std::panic::set_hook(Box::new(|panic| {
        let line = panic.to_string().replace('\n', " ");
        write_log(Level::Critical, &format!("mcp-policy-filter: {line}"));
    }));
}

const fn level(level: log::Level) -> Level {
    match level {
        log::Level::Trace => Level::Trace,
        log::Level::Debug => Level::Debug,
        log::Level::Info => Level::Info,
        log::Level::Warn => Level::Warn,
        log::Level::Error => Level::Error,
    }
}

impl Log for EnvoyLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && is_logged(level(metadata.level()))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = level(record.level());
        match record.args().as_str() {
            Some(line) => write_log(level, line),
            None => write_log(level, &record.args().to_string()),
        }
    }

    fn flush(&self) {}
}
