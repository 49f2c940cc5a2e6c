//! Golden files of the configuration: every policy under
//! `tests/data/policies/valid` compiles, and every one under `broken` is refused
//! with exactly the lines of the `.txt` beside it. `UPDATE_GOLDEN=1` writes them
//! anew, to be read in the diff.

use mcp_policy_filter::policy::Policy;
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .{ending} file in {folder}");
    files
}

fn lines(text: &[u8]) -> Result<Vec<String>, Vec<String>> {
    match Policy::parse(text, "golden") {
        Ok(policy) => Ok(policy.warnings.lines().collect()),
        Err(errors) => Err(errors.lines().collect()),
    }
}

#[test]
fn valid_policies_compile() {
    for file in files("tests/data/policies/valid", "json")
        .into_iter()
        .chain(files("envoy/policies/minimal", "json"))
    {
        if let Err(errors) = lines(&fs::read(&file).unwrap()) {
            panic!("{}:\n{}", file.display(), errors.join("\n"));
        }
    }
}

#[test]
fn broken_policies_are_refused_in_these_words() {
    let mut wrong = Vec::new();
    for file in files("tests/data/policies/broken", "json") {
        let Err(errors) = lines(&fs::read(&file).unwrap()) else {
            wrong.push(format!("{} was accepted", file.display()));
            continue;
        };
        let found = errors.join("\n") + "\n";
        let golden = file.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}found:\n{found}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_policy_has_its_bounds_and_says_so() {
    let limits = |count: usize| {
        let one = |n| format!(r#"{{"counter":"c{n}","window":"minute","max":1}}"#);
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let tools =
        |count: usize| (0..count).map(|n| format!(r#""t{n}":{{}}"#)).collect::<Vec<_>>().join(",");
    let policy = |tools: &str, all: &str| {
        format!(r#"{{"version":"1","default":"deny","tools":{{{tools}}},"all_tools":{{{all}}}}}"#)
    };
    let errors = |policy: String| match Policy::parse(policy.as_bytes(), "") {
        Ok(_) => Vec::new(),
        Err(errors) => errors.lines().collect(),
    };

    let own = |count| format!(r#""a":{{"limits":[{}]}}"#, limits(count));
    assert!(errors(policy(&own(256), "")).is_empty());
    assert_eq!(
        errors(policy(&own(257), "")),
        ["/tools/a: a call has at most 256 limits, with those of `all_tools`; one of this would \
             have 257"]
    );
    assert_eq!(
        errors(policy("", &format!(r#""limits":[{}]"#, limits(300)))),
        ["/all_tools/limits: a call has at most 256 limits, with those of `all_tools`; one of \
             this would have 300"]
    );
    let all = format!(r#""limits":[{}]"#, limits(200));
    assert!(errors(policy(&tools(500), &all)).is_empty());
    assert_eq!(
        errors(policy(&tools(501), &all)),
        ["/tools/t500: from here on the policy has more than 100000 limits, counting those of \
             `all_tools` for each tool; have fewer, or name tools by patterns"]
    );
    let each = |n| format!(r#""t{n}":{{"limits":[{}]}}"#, limits(250));
    let all: Vec<String> = (0..401).map(each).collect();
    let lines = errors(policy(&all.join(","), ""));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("/tools/t400: from here on"), "{}", lines[0]);

    let listed = |count: usize| {
        let paths: Vec<_> = (0..count).map(|n| format!(r#""/{n}/mcp""#)).collect();
        let paths = paths.join(",");
        format!(r#"{{"version":"1","default":"deny","settings":{{"paths":[{paths}]}}}}"#)
    };
    assert!(errors(listed(64)).is_empty());
    assert_eq!(
        errors(listed(65)),
        ["/settings/paths: expected at most 64 paths, found 65; name what they have in common, \
             with `/*` after it"]
    );

    // Each takes 64 KiB.
    let check = r#"{"conditions":[{"path":"args.a","op":"regex","value":"[a-y]{1000}"}]}"#;
    let checks = |count| format!(r#""deny_if":[{}]"#, vec![check; count].join(","));
    let many = errors(policy("", &checks(1_026)));
    assert!(errors(policy("", &checks(1_000))).is_empty());
    assert_eq!(
        many,
        [
            "/all_tools/deny_if/1024/conditions/0/value",
            "/all_tools/deny_if/1025/conditions/0/value"
        ]
        .map(|path| format!(
            "{path}: the regular expressions of the policy take more than 64 MiB; make them \
                 shorter, or fewer"
        ))
    );

    // The path of each of these would have a megabyte.
    let long = "g".repeat(1 << 20);
    let grants = format!(
        r#"{{"version":"1","default":"deny","identity":[{{"header":"x-id"}}],
            "grants":{{"{long}":{{"default":"deny","hide":[{}]}}}}}}"#,
        vec!["1"; 20_000].join(",")
    );
    let lines = errors(grants);
    assert_eq!(lines.len(), 21, "{}", lines.len());
    assert!(lines.iter().all(|line| line.len() < 300));
}

#[test]
fn messages_follow_their_law() {
    for file in files("tests/data/policies/broken", "txt") {
        for line in fs::read_to_string(&file).unwrap().lines() {
            if line.starts_with("and ") {
                continue;
            }
            let (_, message) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            let law = !message.ends_with('.')
                && !message.starts_with(char::is_uppercase)
                && !["Some(", "None", "::", "Err(", "unwrap"]
                    .iter()
                    .any(|rust| line.contains(rust));
            assert!(law, "{}: {line}", file.display());
        }
    }
}

#[test]
fn warnings_are_given_for_what_surprises() {
    let warned = lines(
        br#"{"version": "1", "default": "deny", "tools": {
            "github_*": {}, "*delete*": {"action": "deny"}, "github_list_*": {"action": "deny"},
            "x": {"rate_limit": "5/day", "reason": "x"}}}"#,
    );
    assert_eq!(
        warned.unwrap(),
        [
            "/settings/paths: is not set, so requests to any path can reach the server, and run \
             tools where it has paths for them; list the MCP endpoint, as in `[\"/mcp\"]`",
            "/tools/x/rate_limit: a window of one day is counted by each Envoy process alone and \
             starts afresh with it",
            "/tools/x/reason: is shown only with the actions `deny` and `require_approval`",
            "/tools/github_*: overlaps with `*delete*`, which has another action; a denial decides",
        ]
    );
}

#[test]
fn warnings_are_given_for_approvals_that_protect_less_than_they_seem_to() {
    let policy = |identity: &str, tool: &str, settings: &str| {
        let policy = format!(
            r#"{{"version": "1", "default": "deny", "identity": [{identity}], "tools": {{{tool}}},
                "settings": {{"paths": ["/mcp"],
                              "approvals": {{"path": "/approvals", "approvers": ["ops"]{settings}}}}}}}"#
        );
        lines(policy.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"))
    };
    let (jwt, header) = (r#"{"jwt": {"claim": "sub"}}"#, r#"{"header": "x-id"}"#);
    let asks = r#""a": {"action": "require_approval"}"#;
    let if_holds = |condition: &str, more: &str| {
        format!(r#""a": {{"approve_if": [{{"conditions": [{condition}]}}]{more}}}"#)
    };
    let large = r#"{"path": "args.n", "op": "gt", "value": 1}"#;
    let exists = r#"{"path": "args.n", "op": "exists", "value": true}"#;
    let requires = format!(r#", "require": [{{"conditions": [{exists}]}}]"#);
    let by_claim = r#", "approver_require": [{"conditions": [{"path": "claims.azp", "op": "eq", "value": "ui"}]}]"#;

    assert!(policy(jwt, asks, "").is_empty());
    assert!(policy(header, r#""a": {}"#, "").is_empty(), "nothing needs approval");
    assert_eq!(
        policy(header, asks, ""),
        [
            "/settings/approvals: whoever sets the header of `identity` approves; let a proxy in front \
          set it, or know approvers by `jwt`, `mtls` or `bearer`"
        ]
    );
    let may_ask = r#", "approvers_may_ask": true"#;
    assert_eq!(
        policy(jwt, asks, may_ask),
        [
            "/settings/approvals/approvers_may_ask: agents that hold approvers' tokens can approve each \
          other's calls; ask for more in `approver_require`"
        ]
    );
    assert!(policy(jwt, asks, &format!("{may_ask}{by_claim}")).is_empty());
    // At an edge, where that key is an error.
    let edge = r#"{"version": "1", "default": "deny", "identity": [{"jwt": {"claim": "sub"}}],
        "tools": {"a": {"action": "require_approval"}}, "settings": {"paths": ["/mcp"], "approvals": {
            "approvers": ["ops"], "approvers_may_ask": true, "store": {"cluster": "home",
            "authority": "home", "path": "/approvals", "key": "KEY"}}}}"#;
    assert_eq!(
        lines(edge.replace("KEY", &"0".repeat(64)).as_bytes()).unwrap(),
        [
            "/settings/approvals/approvers_may_ask: agents that hold approvers' tokens can approve each \
          other's calls; ask for more in the home's `approver_require`"
        ]
    );
    let long = "a wait of more than an hour is over before its time when Envoy restarts";
    assert!(policy(jwt, asks, r#", "wait": 3600"#).is_empty());
    assert_eq!(policy(jwt, asks, r#", "wait": 3601"#), [format!("/tools/a: {long}")]);
    let own = r#""a": {"action": "require_approval", "approval": {"wait": 7200}}"#;
    assert_eq!(policy(jwt, own, ""), [format!("/tools/a: {long}")]);
    assert_eq!(
        policy(jwt, &if_holds(large, ""), ""),
        [
            "/tools/a/approve_if/0: a call without `args.n` needs no approval by this; have a `require` \
          say that it exists"
        ]
    );
    assert!(policy(jwt, &if_holds(large, &requires), "").is_empty());
    assert!(policy(jwt, &if_holds(exists, ""), "").is_empty());
    let claim = r#"{"path": "claims.team", "op": "eq", "value": "new"}"#;
    assert!(policy(jwt, &if_holds(claim, ""), "").is_empty());
}

#[test]
fn key_order_does_not_matter() {
    let read = |text: &str| {
        let policy = Policy::parse(text.as_bytes(), "").unwrap();
        (policy.warnings, policy.fingerprint)
    };
    let a = r#"{"version":"1","default":"deny","tools":{"a":{"limits":[{"counter":"c","window":60,"max":1}]}}}"#;
    let b = r#"{"tools":{"a":{"limits":[{"max":1e0,"window":60.0,"counter":"c"}]}},"default":"deny","version":"1"}"#;
    assert_eq!(read(a), read(b));
}

#[test]
fn the_fingerprint_is_the_digest_of_the_canonical_form() {
    let policy =
        Policy::parse(b" {\"version\": \"\\u0031\", \"default\": \"deny\"}\n", "").unwrap();
    // The start of `printf '{"default":"deny","version":"1"}' | sha256sum`.
    assert_eq!(policy.fingerprint, "57b3bb31c408");
}

#[test]
fn policies_that_differ_in_a_digit_have_different_fingerprints() {
    let fingerprint = |value: &str| {
        let text = r#"{"version":"1","default":"deny","tools":{"a":{"require":[
            {"conditions":[{"path":"args.x","op":"eq","value":VALUE}]}]}}}"#;
        Policy::parse(text.replace("VALUE", value).as_bytes(), "").unwrap().fingerprint
    };
    assert_ne!(fingerprint("9007199254740992"), fingerprint("9007199254740993"));
    assert_ne!(fingerprint("0"), fingerprint("1e-400"));
    assert_eq!(fingerprint("9007199254740993"), fingerprint("9007199254740993.0"));
}
