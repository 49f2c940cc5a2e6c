//! The clusters by which Istio and Envoy Gateway know the service, in a real Envoy.

use mcp_rig::engine::{Engine, Redis};
use mcp_rig::upstream::Upstream;

use super::{assert_refused, calls, engine, send};
use crate::mesh::manifest;
use crate::support::{Holding, passed};

#[tokio::test]
async fn the_cluster_of_envoy_gateways_patch_is_asked() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
    let patch = manifest("envoy/replicas/gateway.yaml");
    let mut cluster = patch["spec"]["jsonPatches"][0]["operation"]["value"].clone();
    // The engine of this test in the place of the Service.
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let address = cluster.pointer_mut(endpoint).expect("an address");
    address["address"] = engine.addr().ip().to_string().into();
    address["port_value"] = engine.addr().port().into();
    let mut policy = calls("ratelimit", 2);
    policy["settings"]["limit_service"]["cluster"] = cluster["name"].clone();
    let gateway = Holding::Everything.gateway(policy, upstream.addr()).cluster(cluster);
    let gateway = gateway.start().await;
    for _ in 0..2 {
        assert!(passed(&send(gateway.addr()).await));
    }
    assert_refused(&send(gateway.addr()).await, "rate_limited", "two a day");
    assert_eq!(engine.asked().await.0, 2, "the third was refused by the process");
}

/// A host's name has no `|`. Limitador and the engine here refuse such an `:authority`.
#[tokio::test]
async fn istios_cluster_is_asked_under_the_name_of_its_host() {
    let host = "ratelimit.mcp.svc.cluster.local";
    let cluster = format!("outbound|8081||{host}");
    for name in super::ENGINES {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let engine = engine(name, 1, &redis).await;
        for authority in [None, Some(host)] {
            let mut policy = calls(name, 1);
            let service = &mut policy["settings"]["limit_service"];
            service["cluster"] = cluster.as_str().into();
            if let Some(host) = authority {
                service["authority"] = host.into();
            }
            let gateway = Holding::Everything.gateway(policy, upstream.addr());
            let gateway = gateway.cluster(engine.cluster(&cluster)).start().await;
            let response = send(gateway.addr()).await;
            match authority {
                None => assert_refused(&response, "limit_service", name),
                Some(_) => assert!(passed(&response), "{name} {response:?}"),
            }
        }
    }
}
