//! The demo and `make run`, which are in Python, as a user starts them: by a real
//! Envoy, on ports that are free.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};

use mcp_rig::client::mcp::McpClient;
use mcp_rig::client::{Request, http1};
use serde_json::json;

use crate::support::{code, file, reason};

/// Three ports of which none is taken now.
fn ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("bound").port())
}

fn python(program: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(program).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command
}

/// The demo's program, on these ports, with its files in a folder of its own.
fn demo(mode: &str, [port, admin, upstream]: [u16; 3]) -> Command {
    let mut command = python("tools/demo/demo.py");
    command.arg(mode);
    let ports = [("PORT", port), ("ADMIN_PORT", admin), ("UPSTREAM_PORT", upstream)];
    command.envs(ports.map(|(name, port)| (name, port.to_string())));
    // As make exports it where nobody chose one.
    command.env("RUN_DIRECTORY", folder(port)).env("POLICY", "");
    command
}

fn folder(port: u16) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("mcp-policy-demo-{}-{port}", std::process::id()))
}

/// A page without numbers, which are ports and seconds, and without the lines about
/// other ports and about waiting.
fn without_numbers(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| {
        !line.starts_with("Your ports and module") && !line.starts_with("The limit counts by")
    });
    let plain = lines.map(|line| line.chars().filter(|c| !c.is_ascii_digit()).collect::<String>());
    plain.filter(|line| !line.is_empty() && !line.starts_with("Envoy's log")).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn the_demo_prints_the_part_that_the_tour_shows() {
    let ports = ports();
    let Output { status, stdout, stderr } = demo("demo", ports).output().expect("python3");
    assert!(status.success(), "{}", text(&stderr));
    let page = file("docs/tour/README.md");
    let (_, shown) = page.split_once("```text demo\n").expect("the fence");
    let shown = shown.split("```").next().expect("its text");
    let (printed, shown) = (without_numbers(&text(&stdout)), without_numbers(shown));
    let is_part = printed.windows(shown.len()).any(|part| part == shown);
    assert!(is_part && shown.len() >= 16, "{printed:#?}\n{shown:#?}");
    assert!(!stdout.contains(&0x1b), "no colours where there is no terminal");
    std::fs::remove_dir_all(folder(ports[0])).expect("its folder");
}

/// The rows of a recording as one text: without white space, since a wait of one digit or
/// of two breaks a row at another place, and without ports and seconds.
fn recorded(picture: &str) -> String {
    let rows = picture.lines().filter_map(|line| line.strip_prefix("<text ")?.split_once('>'));
    let rows = rows.map(|(_, row)| -> String {
        row.split('<').map(|part| part.rsplit('>').next().unwrap_or(part)).collect()
    });
    let varies = ["Your ports and module", "The limit counts by", "Envoy's log"];
    let rows: Vec<String> =
        rows.filter(|row| !varies.iter().any(|start| row.starts_with(start))).collect();
    let text: String = rows.concat().split_whitespace().collect();
    let befores = ["127.0.0.1:", "Tryagainin", "\"retry_after\":"];
    befores.into_iter().fold(text, |text, before| {
        let parts = text.split_inclusive(before);
        parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
    })
}

/// The picture that README.md shows cannot differ from the demo.
#[test]
fn the_recording_is_what_the_demo_prints_on_a_terminal() {
    let ports = ports();
    // The demo names its folder in a row of its own, which is to fit.
    let folder = format!("target/tmp/{}", ports[0]);
    std::fs::create_dir_all(&folder).expect("a folder");
    let picture = format!("{folder}/demo.svg");
    let mut command = python("tools/demo/record.py");
    command.arg(&picture).env("RUN_DIRECTORY", &folder).env("POLICY", "");
    let names = ["PORT", "ADMIN_PORT", "UPSTREAM_PORT"];
    command.envs(names.into_iter().zip(ports.map(|port| port.to_string())));
    let Output { status, stderr, .. } = command.output().expect("python3");
    assert!(status.success(), "{}", text(&stderr));
    let (found, kept) = (recorded(&file(&picture)), recorded(&file("docs/pictures/demo.svg")));
    assert_eq!(found, kept, "scripts/record-demo makes it anew");
    assert!(kept.len() >= 1500, "{kept}");
    std::fs::remove_dir_all(folder).expect("its folder");
}

/// A running gateway; ended by a signal, as by Ctrl-C.
struct Run {
    process: Child,
}

impl Run {
    /// Starts it, and reads to the last line before Envoy's access log.
    fn start(command: &mut Command) -> (Self, Vec<String>) {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("python3");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let mut page = Vec::new();
        for line in &mut lines {
            page.push(line.expect("UTF-8"));
            if page.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
                break;
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        (Self { process }, page)
    }

    fn stop(mut self) {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(kill.expect("kill").success());
        assert!(self.process.wait().expect("its end").success());
    }
}

#[tokio::test]
async fn a_policy_of_ones_own_is_run_and_ended_with_envoy() {
    let ports = ports();
    let addr = SocketAddr::from(([127, 0, 0, 1], ports[0]));
    std::fs::create_dir_all(folder(ports[0])).expect("a folder");
    let policy = folder(ports[0]).join("my policy.json");
    // What a string of YAML could spoil.
    let own = json!({ "version": "1", "default": "allow", "tools": { "session_kill": {
        "action": "deny", "reason": "\"No\": \\ é 😀 #\n{ 'x' }",
    } } });
    std::fs::write(&policy, format!("{own:#}\n")).expect("written");
    let (run, page) = Run::start(demo("run", ports).env("POLICY", &policy));
    assert!(page.iter().any(|line| line.contains("my policy.json")), "{page:?}");
    assert!(page.iter().any(|line| line.contains("no guard")), "{page:?}");
    let call = |tool| Request::tool_call(1, tool, r#"{"sessionId":"s1"}"#);
    let denied = http1::send(addr, &call("session_kill")).await;
    assert_eq!(reason(&denied), "denied");
    let message = denied.json()["error"]["message"].clone();
    assert_eq!(message, "[POLICY DENIED] \"No\": \\ é 😀 #\n{ 'x' }");
    let allowed = http1::send(addr, &Request::tool_call(1, "session_list", "{}")).await;
    assert!(allowed.json()["result"].is_object(), "{allowed:?}");
    assert_eq!(code(&http1::send(addr, &call("nothing")).await), -32602);
    run.stop();
    assert!(http1::try_send(addr, &call("session_kill")).await.is_err());
    std::fs::remove_dir_all(folder(ports[0])).expect("its folder");
}

#[tokio::test]
async fn a_policy_of_ones_own_that_marks_requests_is_run_with_the_guard() {
    let ports = ports();
    let addr = SocketAddr::from(([127, 0, 0, 1], ports[0]));
    std::fs::create_dir_all(folder(ports[0])).expect("a folder");
    let policy = folder(ports[0]).join("policy.json");
    let own = json!({ "version": "1", "default": "allow", "settings": { "mark_requests": true } });
    std::fs::write(&policy, own.to_string()).expect("written");
    let (run, page) = Run::start(demo("run", ports).env("POLICY", &policy));
    assert!(!page.iter().any(|line| line.contains("no guard")), "{page:?}");
    let copy = std::fs::read_to_string(folder(ports[0]).join("envoy.yaml")).expect("the copy");
    assert!(copy.contains("key: wasm.mcp_policy"), "{copy}");
    let allowed = http1::send(addr, &Request::tool_call(1, "session_list", "{}")).await;
    assert!(allowed.json()["result"].is_object(), "{allowed:?}");
    run.stop();
    std::fs::remove_dir_all(folder(ports[0])).expect("its folder");
}

#[test]
fn a_policy_that_cannot_be_run_is_named_with_its_fault() {
    let ports = ports();
    std::fs::create_dir_all(folder(ports[0])).expect("a folder");
    let path = folder(ports[0]).join("policy.json");
    let cases = BTreeMap::from([
        (
            "{\"version\": \"1\",\n }",
            "not JSON: Expecting property name enclosed in double quotes, at line 2, column 2",
        ),
        (
            r#"{"version": "1", "tool": {}, "default": "deny"}"#,
            "/tool: unknown key; did you mean `tools`?",
        ),
    ]);
    let path = path.to_str().expect("UTF-8");
    for (policy, fault) in cases {
        std::fs::write(path, policy).expect("written");
        let Output { status, stdout, stderr } =
            demo("run", ports).env("POLICY", path).output().expect("python3");
        let (out, error) = (text(&stdout), text(&stderr));
        assert_eq!(status.code(), Some(1), "{out}{error}");
        assert!(error.contains(fault) && error.contains(path), "{error}");
        assert!(error.lines().count() <= 2, "{error}");
    }
    let missing = demo("run", ports).env("POLICY", "no/such.json").output().expect("python3");
    assert!(text(&missing.stderr).contains("POLICY=no/such.json: No such file"), "{missing:?}");
    let yaml = demo("run", ports).env("POLICY", "action.yml").output();
    let yaml = text(&yaml.expect("python3").stderr);
    assert!(yaml.contains("`mcp-policy render action.yml --for envoy`"), "{yaml}");
    let told = demo("demo", ports).env("POLICY", path).output().expect("python3");
    assert!(text(&told.stderr).contains("the demo needs the policy as shipped"), "{told:?}");
    std::fs::remove_dir_all(folder(ports[0])).expect("its folder");
}

#[test]
fn validate_says_what_is_wrong_and_nothing_else() {
    let folder = folder(0);
    std::fs::create_dir_all(&folder).expect("a folder");
    let policy = folder.join("policy.json");
    let validate = |policy: Option<&str>, file: &str| {
        let mut command = python("tools/demo/validate.py");
        command.arg(file).env("POLICY", policy.unwrap_or_default());
        let Output { status, stdout, stderr } = command.output().expect("python3");
        (status.code(), text(&stdout), text(&stderr))
    };
    let shipped = "envoy/envoy.yaml";
    assert_eq!(validate(None, shipped), (Some(0), format!("{shipped}: OK\n"), String::new()));
    std::fs::write(&policy, r#"{"version": "1", "tool": {}, "default": "deny"}"#).expect("written");
    let path = policy.to_str().expect("UTF-8");
    let fault = "bad policy: /tool: unknown key; did you mean `tools`?\n".to_owned();
    assert_eq!(validate(Some(path), shipped), (Some(1), String::new(), fault));
    // Nothing is put in the place of another filter's configuration.
    let other = folder.join("other.yaml");
    for (text, count) in [("admin: {}\n", 0), ("a:\n  configuration:\nb:\n  configuration:\n", 2)] {
        std::fs::write(&other, text).expect("written");
        let (status, _, error) = validate(Some(path), other.to_str().expect("UTF-8"));
        let ends = format!("there is to be one, and there are {count}\n");
        assert!(status == Some(1) && error.ends_with(&ends), "{error}");
        assert!(error.starts_with("validate: "), "{error}");
    }
    // Envoy's own errors are shown.
    let broken = folder.join("envoy.yaml");
    std::fs::write(&broken, file(shipped).replace("codec_type: AUTO", "codec_type: NONE"))
        .expect("written");
    let (status, _, error) = validate(None, broken.to_str().expect("UTF-8"));
    assert_eq!(status, Some(1));
    assert!(error.contains("unknown enum value: 'NONE'"), "{error}");
    std::fs::remove_dir_all(folder).expect("its folder");
}

/// A refusal and a result as the demo shows them on a terminal of 60 columns.
fn on_a_terminal(variables: &[(&str, &str)]) -> String {
    let shown = r#"
import sys
sys.path.insert(0, "tools/demo")
import page
page.answer('{"error":{"message":"one two three four five six seven eight nine ten"}}')
page.answer('{"result":{}}')
"#;
    let spawn = "import pty, sys; sys.exit(pty.spawn(['python3', '-c', sys.argv[1]]))";
    let mut command = python("-c");
    command.args([spawn, shown]).env("COLUMNS", "60").env("TERM", "xterm").env_remove("NO_COLOR");
    let Output { status, stdout, stderr } =
        command.envs(variables.iter().copied()).output().expect("python3");
    assert!(status.success(), "{}", text(&stderr));
    text(&stdout).replace('\r', "")
}

#[test]
fn on_a_terminal_answers_are_wrapped_and_coloured() {
    let plain = "  answer   {\"error\":{\"message\":\"one two three four five six\n           \
                 seven eight nine ten\"}}\n  answer   {\"result\":{}}\n";
    assert_eq!(on_a_terminal(&[("NO_COLOR", "1")]), plain);
    assert_eq!(on_a_terminal(&[("TERM", "dumb")]), plain);
    let coloured = on_a_terminal(&[]);
    assert!(coloured.contains("\u{1b}[31m{\"error\""), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[32m{\"result\":{}}\u{1b}[0m"), "{coloured:?}");
}

#[tokio::test]
async fn the_demos_server_serves_the_official_client() {
    let mut server =
        python("tools/demo/server.py").stdout(Stdio::piped()).spawn().expect("python3");
    let mut port = String::new();
    let stdout = server.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut port).expect("a port");
    let addr = SocketAddr::from(([127, 0, 0, 1], port.trim().parse().expect("a number")));
    let client = McpClient::connect(addr).await;
    let tools = client.list_tools().await.expect("tools");
    let rig: Vec<_> = mcp_rig::server::TOOLS.iter().map(|tool| tool.name).collect();
    assert_eq!(tools, rig);
    let arguments = json!({ "sessionId": "s1", "message": "hello" });
    let said = client.call_text("session_send", arguments).await.expect("a result");
    assert_eq!(said, r#"session_send {"message":"hello","sessionId":"s1"}"#);
    for (tool, arguments) in [
        ("session_send", json!({ "sessionId": "s1" })),
        ("session_kill", json!({ "sessionId": true })),
        ("claude_code_session", json!({ "action": "delete" })),
        ("unknown", json!({})),
    ] {
        assert!(client.call(tool, arguments).await.is_err(), "{tool}");
    }
    client.close().await;
    server.kill().expect("killed");
    server.wait().expect("ended");
}
