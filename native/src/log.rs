//! Lines in Envoy's log, by way of the `log` crate.

use crate::abi::{Level, is_logged, write_log};
use log::{LevelFilter, Log, Metadata, Record};
use std::panic::PanicHookInfo;

/// A log whose filter is Envoy's own level.
struct EnvoyLog;

static LOG: EnvoyLog = EnvoyLog;

/// Sends log records, and the message of a panic, to Envoy.
pub(crate) fn install() {
    // A second installation fails, and the first one stays.
    let _ = log::set_logger(&LOG);
    log::set_max_level(LevelFilter::Info);
    std::panic::set_hook(Box::new(|panic| write_log(Level::Critical, &line(panic))));
}

/// The line about a panic: its place, and its message if that is a part of the code. One
/// that was made of values may show a part of a request.
fn line(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
    format!("mcp-policy-filter: panicked at {place} {message}")
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

#[cfg(test)]
mod tests {
    use super::line;
    use std::cell::RefCell;
    use std::panic::{catch_unwind, set_hook};

    thread_local! {
        static LINE: RefCell<String> = RefCell::default();
    }

    #[test]
    fn the_line_about_a_panic_shows_no_part_of_a_request() {
        set_hook(Box::new(|panic| LINE.set(line(panic))));
        let start = "mcp-policy-filter: panicked at src/log.rs:";
        let argument = "s3cret";
        catch_unwind(|| panic!("not text: {argument}")).unwrap_err();
        let shown = LINE.take();
        assert!(shown.starts_with(start) && !shown.contains(argument), "{shown}");
        catch_unwind(|| panic!("on purpose")).unwrap_err();
        let shown = LINE.take();
        assert!(shown.starts_with(start) && shown.ends_with(" on purpose"), "{shown}");
    }
}
