//! Filters that share a `vm_id`, and with it Envoy's shared data, or the one map of a
//! native module; and a `vm_id` that is empty, as Istio leaves it.

use mcp_rig::client::http1;
use mcp_rig::gateway::{Gateway, Push, Shell};
use mcp_rig::upstream::Upstream;
use serde_json::Value;

use crate::support::{a_day, code, counted, manager, passed, spread};

const VM_IDS: [&str; 2] = ["mcp-policy", ""];

/// Puts the filter that is there into the chain once more, as another plugin.
fn twice(listener: &mut Value, name: &str, root_id: &str) {
    let filters = manager(listener)["http_filters"].as_array_mut().expect("filters");
    let mut second = filters[0].clone();
    second["name"] = "second".into();
    let config = &mut second["typed_config"];
    match Shell::under_test() {
        Shell::Wasm => {
            config["config"]["name"] = name.into();
            config["config"]["root_id"] = root_id.into();
        }
        Shell::Native => config["filter_name"] = name.into(),
    }
    filters.insert(1, second);
}

/// The number of calls of five that pass two filters in a row that allow two each.
async fn pass_two_filters(vm_id: &str, (name, root_id): (&'static str, &'static str)) -> usize {
    let upstream = Upstream::start().await;
    let builder = Gateway::builder().policy(a_day(2).to_string()).upstream(upstream.addr());
    let builder = builder.vm_id(vm_id).plugin("one", "root");
    let builder = builder.edit_listener(move |listener| twice(listener, name, root_id));
    let gateway = builder.start().await;
    let mut outcomes = Vec::new();
    for _ in 0..5 {
        let response = http1::send(gateway.addr(), &counted()).await;
        assert!(passed(&response) || code(&response) == 429, "{response:?}");
        outcomes.push(passed(&response));
    }
    outcomes.into_iter().filter(|passed| *passed).count()
}

#[tokio::test]
async fn two_filters_with_one_vm_id_count_apart() {
    for vm_id in VM_IDS {
        assert_eq!(pass_two_filters(vm_id, ("two", "root")).await, 2, "{vm_id:?}");
        // A native module has one name alone.
        if Shell::under_test() == Shell::Wasm {
            assert_eq!(pass_two_filters(vm_id, ("one", "toor")).await, 2, "{vm_id:?}");
        }
        // To show that they would disturb each other: under the same name,
        // every call is counted by both.
        assert_eq!(pass_two_filters(vm_id, ("one", "root")).await, 1, "{vm_id:?}");
    }
}

#[tokio::test]
async fn with_an_empty_vm_id_workers_count_together_and_pushes_keep_the_count() {
    let upstream = Upstream::start().await;
    let rules = |max| a_day(max).to_string();
    let builder = Gateway::builder().policy(rules(2)).upstream(upstream.addr()).vm_id("");
    let gateway = builder.concurrency(2).edit_listener(spread).dynamic().start().await;
    let calls = async |count| {
        let mut admitted = 0;
        for _ in 0..count {
            admitted += usize::from(passed(&http1::send(gateway.addr(), &counted()).await));
        }
        admitted
    };
    assert_eq!(calls(8).await, 2);
    assert_eq!(gateway.push_policy(&rules(5)).await, Push::Accepted);
    assert_eq!(calls(8).await, 3);
}
