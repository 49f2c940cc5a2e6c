//! Bad input: each ends with a clear error or a bounded result.

use super::{command, found, places, root, run, scratch};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

/// The status, and standard error.
fn told(folder: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(folder, arguments);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn files_that_cannot_be_read_are_told_by_name() {
    let folder = scratch("input-files");
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    fs::File::create(folder.join("huge.json")).unwrap().set_len(2 << 30).unwrap();
    fs::write(folder.join("latin.json"), b"{\"a\": \"\xe9\"}").unwrap();
    fs::write(folder.join("\u{1b}[31m.json"), b"\xff").unwrap();
    for (name, words) in [
        ("none.json", "none.json: No such file"),
        ("pipe", "pipe: is not a regular file"),
        ("huge.json", "huge.json: has more than 32 MiB"),
        ("latin.json", "latin.json: byte 7 is not UTF-8"),
        ("\u{1b}[31m.json", "\\u{1b}[31m.json: byte 0 is not UTF-8"),
    ] {
        let (status, stderr) = told(&folder, &[name]);
        assert_eq!(status, Some(2), "{name}");
        assert!(stderr.starts_with(&format!("mcp-policy: {words}")), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    fs::remove_file(folder.join("huge.json")).unwrap();
    assert_eq!(told(&folder, &["--format", "xml", "x"]).0, Some(2));
    assert_eq!(told(&folder, &[]).0, Some(2));
}

#[test]
fn folders_are_walked_past_what_is_not_ours() {
    let folder = scratch("input-folder");
    let policy = fs::read(root().join("envoy/policies/minimal/send_command.json")).unwrap();
    fs::create_dir_all(folder.join("deep/.git")).unwrap();
    fs::create_dir_all(folder.join("node_modules")).unwrap();
    for name in ["deep/a.json", "deep/.git/b.json", "node_modules/c.json", ".d.json", "e.txt"] {
        fs::write(folder.join(name), &policy).unwrap();
    }
    symlink(&folder, folder.join("deep/circle")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe.json")).status().unwrap().success());
    fs::File::create(folder.join("huge.json")).unwrap().set_len(2 << 30).unwrap();
    fs::write(folder.join("latin.json"), b"\xe9").unwrap();
    fs::write(folder.join("chart.yaml"), "a: {{ .Values.a }}\n").unwrap();
    fs::write(folder.join("package.json"), r#"{"name": "x", "version": "1"}"#).unwrap();
    fs::write(folder.join("tools.json"), r#"{"tools": [{"name": "x"}]}"#).unwrap();
    fs::write(folder.join("empty.yaml"), "").unwrap();
    let all = found(&folder, &["."]);
    assert_eq!(all["files"], serde_json::json!(["./deep/a.json"]));
    assert_eq!((&all["policies"], &all["skipped"]), (&1.into(), &6.into()), "{all}");
    // One that is broken is not skipped.
    fs::write(folder.join("bad.json"), r#"{"version": "1", "default": "deny", "tools": {},}"#)
        .unwrap();
    assert_eq!(places(&found(&folder, &["."])), ["1:49 unreadable"]);
    fs::remove_file(folder.join("huge.json")).unwrap();
}

#[test]
fn a_policy_of_a_folder_is_not_passed_over_for_its_bytes_or_its_name() {
    let folder = scratch("input-bytes");
    let policy = r#"{"version": "1", "default": "allow", "tools": {"a\u00e9": {}}}"#;
    let latin: Vec<u8> = policy.replace("\\u00e9", "|").bytes().collect();
    let latin = latin.into_iter().map(|byte| if byte == b'|' { 0xe9 } else { byte });
    let wide = policy.encode_utf16().flat_map(u16::to_le_bytes);
    let wide = [0xff, 0xfe].into_iter().chain(wide);
    for bytes in [latin.collect::<Vec<u8>>(), wide.collect()] {
        fs::write(folder.join("a.json"), bytes).unwrap();
        let (status, stderr) = told(&folder, &["."]);
        assert_eq!(status, Some(2), "{stderr}");
        assert!(stderr.starts_with("mcp-policy: ./a.json: byte "), "{stderr}");
    }
    fs::remove_file(folder.join("a.json")).unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"b\xff.json")), policy).unwrap();
    let (status, stderr) = told(&folder, &["."]);
    assert_eq!(status, Some(2), "{stderr}");
    assert_eq!(stderr, "mcp-policy: ./b\u{fffd}.json: its name is not UTF-8\n");
}

#[test]
fn what_is_not_json_is_told_for_what_it_is() {
    let folder = scratch("input-other");
    for (text, words) in [
        ("version: '1'\ndefault: deny\n", "this is YAML"),
        ("// a comment\n{}", "found a comment"),
        ("/* a comment */ {}", "found a comment"),
        ("{'version': 1}", "found a single quote"),
    ] {
        fs::write(folder.join("a.json"), text).unwrap();
        let all = found(&folder, &["a.json"]);
        let told = all["findings"][0]["message"].as_str().unwrap();
        assert!(told.contains(words), "{text}: {told}");
    }
}

#[test]
fn a_byte_order_mark_is_told_with_its_remedy() {
    let folder = scratch("input-mark");
    fs::write(folder.join("a.json"), "\u{feff}{}").unwrap();
    let all = found(&folder, &["a.json"]);
    let told = "the text begins with a byte order mark; save the file without one";
    assert_eq!(all["findings"][0]["message"], told);
}

#[test]
fn bombs_and_circles_are_findings() {
    let folder = scratch("input-bombs");
    let mut bomb = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        bomb += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    let aliases = vec!["*a"; 20_000].join(",");
    let text_bomb = format!("a: &a {}\nb: [{aliases}]\n", "x".repeat(1 << 20));
    // One line of a megabyte with many findings: no more of it is looked at than is shown.
    let keys: Vec<String> = (0..10_000).map(|at| format!("\"{at:0>100}\": 1")).collect();
    let keys = format!("{{{}, {}}}", keys.join(", "), keys.join(", "));
    for (name, text, words) in [
        ("bomb.yaml", bomb, "1000000 values"),
        ("circle.yaml", "a: &a [*a]\n".into(), "within its own anchor"),
        ("deep.yaml", "[".repeat(100_000), "recursion limit"),
        ("deep.json", "[".repeat(100_000), "nested"),
        ("nul.json", "\0".into(), ""),
        ("empty.json", String::new(), "the file is empty"),
        ("text.yaml", text_bomb, "1000000 values"),
        ("keys.json", keys, "given twice"),
        ("a.test.yaml", "policy: a.yaml\ncases: []\n".into(), "`mcp-policy test` runs"),
        ("a.calls", "policy a.yaml\nx  allowed\n".into(), "`mcp-policy test` runs"),
        ("blank.yaml", "# nothing\n".into(), "empty"),
        ("two.yaml", "version: '1'\n---\nversion: '1'\n".into(), "another document"),
        ("list.json", "[]".into(), "object"),
    ] {
        fs::write(folder.join(name), text).unwrap();
        let output = run(&folder, &[name]);
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {stdout}");
        assert!(stdout.contains(words), "{name}: {stdout}");
    }
}

#[test]
fn standard_input_is_a_file() {
    let folder = scratch("input-stdin");
    let file = fs::File::open(root().join("envoy/envoy.yaml")).unwrap();
    let output = command(&folder, &["-"]).stdin(file).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "1 policy in 1 file: 0 errors, 0 warnings\n"
    );
    // The second would be empty, whatever the first is.
    let (status, stderr) = told(&folder, &["-", "-"]);
    assert_eq!(status, Some(2));
    assert_eq!(stderr, "mcp-policy: `-` is given twice, and standard input is one file\n");
}

#[test]
fn findings_are_bounded_and_counted() {
    let folder = scratch("input-many");
    let tools: Vec<String> = (0..900).map(|at| format!("\"t{at}\": {{\"x\": 1}}")).collect();
    let text =
        format!(r#"{{"version": "1", "default": "deny", "tools": {{{}}}}}"#, tools.join(","));
    for name in ["a.json", "b.json", "c.json"] {
        fs::write(folder.join(name), &text).unwrap();
    }
    let all = found(&folder, &["."]);
    assert_eq!(all["findings"].as_array().unwrap().len(), 1_000);
    assert_eq!((&all["errors"], &all["more"]), (&2_700.into(), &1_700.into()));
    let output = run(&folder, &["."]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("2700 errors, 0 warnings (1700 of them are not shown)"), "{stderr}");
    // Of one policy the core keeps as many, and counts the others.
    let tools: Vec<String> = (0..1_500).map(|at| format!("\"t{at}\": {{\"x\": 1}}")).collect();
    let text =
        format!(r#"{{"version": "1", "default": "deny", "tools": {{{}}}}}"#, tools.join(","));
    fs::write(folder.join("one.json"), text).unwrap();
    let all = found(&folder, &["one.json"]);
    assert_eq!(all["findings"].as_array().unwrap().len(), 1_000);
    assert_eq!((&all["errors"], &all["more"]), (&1_500.into(), &500.into()));
}

#[test]
fn a_reader_may_stop_reading() {
    let folder = scratch("input-pipe");
    let tools: Vec<String> = (0..900).map(|at| format!("\"t{at}\": {{\"x\": 1}}")).collect();
    let text =
        format!(r#"{{"version": "1", "default": "deny", "tools": {{{}}}}}"#, tools.join(","));
    fs::write(folder.join("a.json"), text).unwrap();
    let mut child = command(&folder, &["a.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("a.json:1:"), "{line}");
    let output = child.wait_with_output().unwrap();
    // The findings that it has not read are findings.
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn colour_is_asked_for() {
    let folder = scratch("input-colour");
    fs::write(folder.join("a.json"), "{\"a\": \"\\u001b\u{202e}\"}").unwrap();
    let colours = |arguments: &[&str]| {
        let output = run(&folder, arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{202e}'), "{text}");
        text.contains('\u{1b}')
    };
    assert!(!colours(&["a.json"]));
    assert!(colours(&["--color", "always", "a.json"]));
    assert!(!colours(&["--color", "never", "a.json"]));
    for format in ["json", "sarif", "github", "junit"] {
        assert!(!colours(&["--color", "always", "--format", format, "a.json"]), "{format}");
    }
}

#[test]
fn tests_are_left_out_by_the_hook_and_told_by_name() {
    let folder = scratch("input-tests");
    fs::write(folder.join("a.test.yaml"), "policy: a.yaml\ncases: []\n").unwrap();
    assert_eq!(places(&found(&folder, &["a.test.yaml"])), ["1:1 no-policy"]);
    assert_eq!(found(&folder, &["--skip-others", "a.test.yaml"])["skipped"], 1);
    // A policy with a key too many is a policy all the same.
    fs::write(folder.join("a.yaml"), "version: '1'\ncases: []\n").unwrap();
    let all = found(&folder, &["a.yaml"]);
    assert!(all["findings"].to_string().contains("unknown key"), "{all}");
}

#[test]
fn a_key_that_is_given_twice_has_its_second_place() {
    let folder = scratch("input-twice");
    let text = "version: '1'\ndefault: deny\ntools:\n  x: {}\n  z: {}\n  x: {}\ndefault: allow\n";
    fs::write(folder.join("a.yaml"), text).unwrap();
    assert_eq!(places(&found(&folder, &["a.yaml"])), ["6:3 invalid-policy", "7:1 invalid-policy"]);
}

#[test]
fn each_bad_host_of_a_list_is_told_at_its_line() {
    let folder = scratch("input-hosts");
    let text = "version: '1'\ndefault: deny\ntools:\n  fetch:\n    require:\n      - conditions:\n          \
                - path: args.url\n            op: host_in\n            value:\n              \
                - https://gist.github.com\n              - github.com\n              - a b\n";
    fs::write(folder.join("a.yaml"), text).unwrap();
    let all = found(&folder, &["a.yaml"]);
    assert_eq!(places(&all), ["10:17 invalid-policy", "12:17 invalid-policy"]);
    let value = "/tools/fetch/require/0/conditions/0/value";
    assert_eq!(all["findings"][1]["pointer"], format!("{value}/2"));
}

#[test]
fn a_text_of_yaml_that_lacks_its_quotes_is_shown_with_them() {
    let folder = scratch("input-quotes");
    for (line, place, quoted) in [
        ("hide: [*]", "3:8", r#"`"*"`"#),
        ("tools: { *_x: {} }", "3:10", r#"`"*_x"`"#),
        ("a: [ { path: args.a[*].b, op: eq } ]", "3:21", r#"`"args.a[*].b"`"#),
        ("a: [ { path: args[\"a b\"], op: eq } ]", "3:18", r#"`'args["a b"]'`"#),
        ("on_deny: Not allowed: ask ops", "3:21", r#"`"Not allowed: ask ops"`"#),
    ] {
        fs::write(folder.join("a.yaml"), format!("version: '1'\ndefault: deny\n{line}\n")).unwrap();
        let all = found(&folder, &["a.yaml"]);
        assert_eq!(places(&all), [format!("{place} unreadable")], "{line}");
        let told = all["findings"][0]["message"].as_str().unwrap();
        assert!(told.ends_with(&format!("; put it in quotes: {quoted}")), "{line}: {told}");
    }
}

#[test]
fn a_word_that_readers_differ_on_has_both_its_remedies() {
    let folder = scratch("input-words");
    let text = "version: '1'\ndefault: deny\nsettings:\n  hold_request_headers: yes\n  \
                max_result_bytes: 1e6\n  paths: [on]\n";
    fs::write(folder.join("a.yaml"), text).unwrap();
    let all = found(&folder, &["a.yaml"]);
    let told = |index: usize| {
        ["pointer", "message"].map(|key| all["findings"][index][key].as_str().unwrap())
    };
    let pairs = [
        ("hold_request_headers", "yes", "true"),
        ("max_result_bytes", "1e6", "1000000"),
        ("paths/0", "on", "true"),
    ];
    for (index, (key, written, value)) in pairs.into_iter().enumerate() {
        let message = format!(
            "`{written}`: readers of YAML differ on this; write `{value}`, or put it in quotes if \
             it is a text"
        );
        assert_eq!(told(index), [format!("/settings/{key}"), message]);
    }
}

#[test]
fn yaml_in_a_text_is_told_from_broken_json() {
    let folder = scratch("input-yaml-text");
    let filter = |text: &str| {
        format!(
            "name: mcp-policy\ntyped_config:\n  '@type': \
             type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n  config:\n    name: \
             mcp-policy\n    configuration:\n      '@type': \
             type.googleapis.com/google.protobuf.StringValue\n      value: |\n{text}"
        )
    };
    for (text, words) in [
        ("        version: '1'\n        default: deny\n", "this is YAML"),
        ("        {\"version\": 1,}\n", "double quotes"),
        ("        \n", "the text is empty"),
    ] {
        fs::write(folder.join("a.yaml"), filter(text)).unwrap();
        let all = found(&folder, &["a.yaml"]).to_string();
        assert!(all.contains(words), "{all}");
    }
}

#[test]
fn no_line_that_may_have_a_secret_is_shown() {
    let folder = scratch("secret-lines");
    let rest = r#""version": "1", "default": "deny""#;
    let json = |keys: &str| format!("{{{rest}, {keys}}}");
    for (name, text) in [
        ("a.json", json(r#""identity": [{"bearer": {"tokens": {"ci": "s3cretTOKEN"}}}]"#)),
        ("b.json", json(r#""identity": [{"bearer": "s3cretTOKEN"}]"#)),
        ("c.json", json(r#""settings": {"audit_key": "s3cretTOKEN", "x": 1}"#)),
        ("d.json", json(r#""settings": {"auditkey": "s3cretTOKEN"}"#)),
        ("e.json", json(r#""settings": {"approvals": {"notify": {"key": "s3cretTOKEN"}}}"#)),
        ("g.json", "{\"bearer\": {\"tokens\": {\n  \"a\": \"s3cretTOKEN\" \"b\": 1}}}".to_owned()),
        ("h.yaml", "settings:\n  approvals:\n    store:\n      key: s3cret: TOKEN\n".to_owned()),
        ("i.yaml", "bearer:\n  tokens:\n    a:\n      *s3cretTOKEN\n".to_owned()),
        (
            "f.yaml",
            "version: '1'\ndefault: deny\nidentity:\n- bearer:\n    tokens:\n      ci:\n        s3cretTOKEN\n"
                .to_owned(),
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
        let output = run(&folder, &[name]);
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8(printed).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {printed}");
        assert!(!printed.contains("s3cret"), "{name}: {printed}");
    }
}
