//! One configuration as this Envoy has it: its metrics, the events that workers schedule
//! on the main thread, and its HTTP calls.

use crate::abi::{Bytes, Config, Pair, Side, text, write};

/// An HTTP call of a configuration.
#[derive(Clone, Debug)]
pub struct ConfigCall {
    pub cluster: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_new(
    config: Config,
) -> Config {
    unsafe { &*config }.lock().unwrap().schedulers += 1;
    config
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_commit(
    config: Config,
    event: u64,
) {
    assert_eq!(event, 0);
    unsafe { &*config }.lock().unwrap().scheduled += 1;
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_delete(config: Config) {
    unsafe { &*config }.lock().unwrap().schedulers -= 1;
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_http_filter_config_http_callout(
    config: Config,
    id: *mut u64,
    cluster: Bytes,
    headers: *const Pair,
    count: usize,
    body: Bytes,
    milliseconds: u64,
) -> u32 {
    assert!(milliseconds > 0, "a call that may take for ever");
    let mut side = unsafe { &*config }.lock().unwrap();
    if side.refuses_calls {
        return 1;
    }
    write(id, side.calls.len() as u64);
    let pair = |index| unsafe { *headers.add(index) };
    side.calls.push(ConfigCall {
        cluster: text(cluster),
        headers: (0..count).map(pair).map(|p| (text(p.name), text(p.value))).collect(),
        body: text(body),
    });
    0
}

pub fn define(
    config: Config,
    name: Bytes,
    labels: *const Bytes,
    count: usize,
    id: *mut usize,
) -> u32 {
    let mut side = unsafe { &*config }.lock().unwrap();
    // Envoy's status "frozen".
    if !side.making || side.refuses_metrics {
        return 3;
    }
    for index in 0..count {
        assert!(!text(unsafe { *labels.add(index) }).is_empty(), "a label without a name");
    }
    write(id, side.metrics.len());
    side.metrics.push((text(name), count));
    0
}

pub fn counted(side: &mut Side, id: usize, labels: *const Bytes, count: usize, value: u64) -> u32 {
    let Some((name, labelled)) = side.metrics.get(id).cloned() else { return 1 };
    if labelled != count {
        return 2;
    }
    let labels = (0..count).map(|index| text(unsafe { *labels.add(index) })).collect();
    side.counted.push((name, labels, value));
    0
}
