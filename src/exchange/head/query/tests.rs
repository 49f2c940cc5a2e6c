use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn fault(query: &str, is_post: bool) -> Option<&'static str> {
    member(&format!("/mcp?{query}"), is_post)
}

#[test]
fn a_query_that_makes_a_message_is_refused_with_any_method() {
    for (query, word) in [
        ("jsonrpc=2.0", "jsonrpc"),
        ("params", "params"),
        ("params=", "params"),
        ("params[name]=danger", "params"),
        ("params%5Bname%5D=danger", "params"),
        ("params%255Bname%255D=danger", "params"),
        ("%70%61%72%61%6d%73[name]=danger", "params"),
        ("%2570arams[name]=danger", "params"),
        ("%25%37%30arams[name]=danger", "params"),
        ("%u0070arams[name]=danger", "params"),
        ("%U0070arams=", "params"),
        ("PARAMS[name]=danger", "params"),
        ("paramſ=1", "params"),
        ("param%C5%BF=1", "params"),
        ("param%25C5%25BF=1", "params"),
        ("param%u017f=1", "params"),
        ("arguments%5B=1", "arguments"),
        ("inputresponses=1", "inputResponses"),
        ("%C4%B0nputResponses=1", "inputResponses"),
        ("requestState.x=1", "requestState"),
        ("_meta[a]=1", "_meta"),
        ("__proto__[params][name]=danger", "__proto__"),
        // PHP's names for `_meta`.
        (".meta=1", "_meta"),
        ("+.meta=1", "_meta"),
        ("%20meta=1", "_meta"),
        ("[meta=1", "_meta"),
        // Space that is trimmed, and the ends of names.
        ("%20params[name]=danger", "params"),
        ("+params=1", "params"),
        ("%2Bparams=1", "params"),
        ("params+=1", "params"),
        ("params%20%09[name]=danger", "params"),
        ("%C2%A0params=1", "params"),
        ("%EF%BB%BFparams=1", "params"),
        ("%00params=1", "params"),
        ("params%00x=1", "params"),
        ("params%20%00x=1", "params"),
        ("params.name=danger", "params"),
        ("params]x[name]=danger", "params"),
        ("[params][name]=danger", "params"),
        ("[[[params]]]=danger", "params"),
        ("]params[name]=danger", "params"),
        (".params.name=danger", "params"),
        // qs ends a name at `]=`, others at the first `=`.
        ("params[a=b]=c", "params"),
        ("params[%ZZ]=1", "params"),
        // Names under which frameworks keep a body, and defaults for fields.
        ("_json[][params][name]=danger", "_json"),
        ("_json[][method]=tools/call", "_json"),
        ("mcp[params][name]=danger", "params"),
        ("0[params][name]=danger", "params"),
        ("request.params.name=danger", "params"),
        ("x[a][b][_meta]=1", "_meta"),
        ("!params.name=danger", "params"),
        // Separators that only a second decoding shows.
        ("x%26params[name]=danger", "params"),
        ("x%26params%5Bname%5D%3Ddanger", "params"),
        ("a%3D1%26params%5Bname%5D=danger", "params"),
        ("a%253D1%2526params=danger", "params"),
        ("params%3Ddanger", "params"),
        // The beginnings of parameters.
        ("a=1&params[name]=danger", "params"),
        ("a=1;params[name]=danger", "params"),
        ("a=1;+params[name]=danger", "params"),
        ("&&;;params=1", "params"),
        ("?params=1", "params"),
        ("a=?params=1", "params"),
        ("a#params=1", "params"),
    ] {
        assert_eq!(fault(query, true), Some(word), "{query}");
        assert_eq!(fault(query, false), Some(word), "{query}");
    }
    for target in ["http://host/mcp?params=1", "?params=1", "/a#b?params=1", "*?params=1"] {
        assert_eq!(member(target, false), Some("params"), "{target}");
    }
}

#[test]
fn common_names_pass_alone_and_plain() {
    for name in ["id", "name", "task", "error", "result", "method"] {
        for query in ["=server1", "", "=a=b", "=%5Ba%5D"] {
            let query = format!("{name}{query}");
            assert_eq!(fault(&query, false), None, "{query}");
            let expected = (name == "method").then_some("method");
            assert_eq!(fault(&query, true), expected, "{query}");
        }
        for query in ["[a]=1", "[]=1", ".x=1", "%5Ba%5D=1", "%00=1", "]=1", "+[a]=1"] {
            let query = format!("{name}{query}");
            assert_eq!(fault(&query, false), Some(name), "{query}");
        }
        assert_eq!(fault(&format!("[{name}]=1"), false), Some(name));
        assert_eq!(fault(&format!("{name}=1&{name}=2"), false), None);
        assert_eq!(fault(&format!("a=1&{name}=1&sessionId=2"), false), None);
    }
    assert_eq!(fault("method=tools/call&name=danger", false), Some("name"));
    assert_eq!(fault("id=1;NAME=danger", true), Some("name"));
    assert_eq!(fault("method=tools/call", true), Some("method"));
    assert_eq!(fault("%6dethod=tools/call", true), Some("method"));
}

#[test]
fn other_queries_pass_whatever_their_values() {
    for query in [
        "",
        "&",
        "=",
        "=params",
        "sessionId=3f9a",
        "session_id=3f9a&x=params[name]",
        "api_key=a%26params%5Bname%5D%3Dx&profile=p",
        "tenant=params&tenant=jsonrpc",
        "code=abc&state=xyz&iss=https%3A%2F%2Fhost",
        "error=access_denied&error_description=a+b&error_uri=c&state=d",
        "response_type=code&client_id=a&code_challenge_method=S256&resource=https%3A%2F%2Fh%2Fmcp",
        "meta=1",
        "_Meta_=1",
        "params_=1",
        "paramss=1",
        "param=1",
        "xparams=1",
        "filter[name]=1",
        "x[method]=1",
        "params-x=1",
        "params:x=1",
        "method_=1",
        "names=1",
        "name_like=1&id_token=2",
        "inputResponsesX=1",
        "input_responses=1",
        "requestStates[a]=1",
        "%",
        "%7",
        "%u007",
        "%zzparams=1",
        "params%zz=1",
        "n%E4me=1",
        "%E2%84",
        "名前=1",
    ] {
        assert_eq!(fault(query, true), None, "{query}");
        assert_eq!(fault(query, false), None, "{query}");
    }
    for target in ["/mcp", "/mcp/params", "/mcp;params[name]=1", "/mcp&params=1", "", "*"] {
        assert_eq!(member(target, true), None, "{target}");
    }
}
