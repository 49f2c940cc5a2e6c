//! `mcp-policy test`: output, forms and status.
//!
//! `SNAPSHOTS=overwrite` writes the expected outputs anew, to be read in the diff.

use crate::outputs::scratch;
use snapbox::Data;
use snapbox::cmd::{Command, OutputAssert, cargo_bin};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn command(folder: &Path) -> Command {
    Command::new(cargo_bin!("mcp-policy")).current_dir(folder).arg("test").env("COLUMNS", "100")
}

/// An expected output.
fn golden(name: &str) -> Data {
    Data::read_from(&root().join("cli/tests/test/golden").join(name), None).raw()
}

/// Runs in the folder of the examples beside this file.
fn run(arguments: &[&str]) -> OutputAssert {
    command(&root().join("cli/tests/test")).args(arguments).assert()
}

/// A folder with a policy that denies, and a table with this line.
fn with_table(name: &str, line: &str) -> PathBuf {
    let folder = scratch(name);
    fs::write(folder.join("policy.yaml"), "version: \"1\"\ndefault: deny\n").unwrap();
    fs::write(folder.join("a.calls"), format!("policy policy.yaml\n{line}\n")).unwrap();
    folder
}

#[test]
fn help() {
    run(&["--help"]).code(0).stdout_eq(golden("help.txt")).stderr_eq("");
}

#[test]
fn tests_that_pass_say_little() {
    run(&["passes"]).code(0).stdout_eq("19 passed, 0 failed\n").stderr_eq("");
}

#[test]
fn failures_say_what_was_expected_and_what_came() {
    run(&["fails"]).code(1).stdout_eq(golden("fails.txt")).stderr_eq("");
    run(&["fails", "--format", "json"]).code(1).stdout_eq(golden("fails.json.txt"));
    run(&["fails", "--format", "junit"]).code(1).stdout_eq(golden("fails.xml"));
}

#[test]
fn faults_of_tests_have_their_line_and_column() {
    let policy = "policies/shop.yaml";
    run(&[policy]).code(1).stdout_eq(format!(
        "{policy}:1:1: the file is a policy, which `mcp-policy check` checks; a file of tests \
         names it under `policy`\n0 passed, 1 failed\n"
    ));
    run(&["faults"]).code(1).stdout_eq(golden("faults.txt")).stderr_eq("");
    run(&["faults", "--format", "junit"]).code(1).stdout_eq(golden("faults.xml"));
}

#[test]
fn coverage_lists_what_no_test_reached() {
    run(&["passes", "--coverage"]).code(0).stdout_eq(golden("coverage.txt"));
    run(&["passes", "--coverage", "--format", "json"])
        .code(0)
        .stdout_eq(golden("coverage.json.txt"));
    run(&["passes", "--coverage", "--format", "junit"]).code(0).stdout_eq(golden("coverage.xml"));
    run(&["passes", "--coverage-min", "99"]).code(1);
    run(&["passes", "--coverage-min", "10"]).code(0);
}

#[test]
fn some_tests_alone_find_the_counts_of_those_before_them() {
    run(&["fails", "--only", "59 s"])
        .code(2)
        .stderr_eq("mcp-policy: no test in fails has `59 s` in FILE: NAME\n");
    run(&["passes", "--only", "shop.calls: approvals: ship"])
        .code(0)
        .stdout_eq("2 passed, 0 failed\n");
    run(&["passes", "--only", "two policies"]).code(0).stdout_eq("1 passed, 0 failed\n");
}

#[test]
fn no_tests_are_not_a_success() {
    let folder = scratch("no-tests");
    fs::write(folder.join("README.md"), "# Nothing\n").unwrap();
    fs::write(folder.join("other.yaml"), "cases: []\n").unwrap();
    command(&folder).assert().code(2).stdout_eq("").stderr_eq(
        "mcp-policy: no tests in .; looked for *.calls, *.test.yaml, *.test.yml, *.test.json, \
         and *.md with fences ```text calls\n",
    );
    command(&folder)
        .arg("missing")
        .assert()
        .code(2)
        .stderr_eq("mcp-policy: missing: No such file or directory (os error 2)\n");
}

#[test]
fn pages_have_tables_too() {
    let folder = scratch("pages");
    let page = "# A page\n\n```text calls\na  allowed\n```\n\n```json policy\n\
                {\"version\": \"1\", \"default\": \"allow\"}\n```\n```text calls\na  allowed\n\
                b  denied\n```\n```json added to the policy\n{\"default\": \"deny\"}\n```\n\
                ```text calls\na  default_deny\n```\n```json policy\n{\n  \"version\": 1\n}\n```\n";
    fs::write(folder.join("a.md"), page).unwrap();
    command(&folder).assert().code(1).stdout_eq(golden("page.txt"));
    // With cases, days and comments, as in a file of their own.
    let page = "```yaml policy\nversion: \"1\"\ndefault: deny\ntools:\n  a:\n    \
                rate_limit: 1/minute\n    valid_until: \"2027-01-02T00:00:00Z\"\n```\n\
                ```text calls\n# The first day.\ncase first\nday 2027-01-01\n\
                a  allowed\na  rate_limited\n\ncase again\n  day 2027-01-01\na  allowed\n\
                day 2027-01-02\na  denied  /tools/a/valid_until\nday 2027-1-2\n```\n";
    fs::write(folder.join("a.md"), page).unwrap();
    command(&folder).assert().code(1).stdout_eq(
        "a.md:21:1: `2027-1-2` is not a day; write `day YYYY-MM-DD`\n4 passed, 1 failed\n",
    );
}

/// The tables of the reference, by the command that its readers have.
#[test]
fn the_pages_of_the_reference_pass() {
    let output =
        command(root()).args(["docs", "docs/policy", "docs/tour", "envoy"]).assert().code(0);
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    let passed: u32 = text.split(' ').next().unwrap().parse().unwrap();
    assert!(passed > 500, "{text}");
}

/// The ready policies, as their users would test them: no rule is left out.
#[test]
fn ready_policies_pass_their_tests() {
    let output = command(&root().join("envoy")).args(["--format", "json", "--coverage"]).assert();
    let output = output.code(0);
    let results: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(results["coverage"]["percent"], 100, "{results:#}");
    let policies: std::collections::BTreeSet<&str> = results["coverage"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["file"].as_str().unwrap())
        .collect();
    for (folder, ending) in [("explained", ".yaml"), ("minimal", ".json")] {
        let folder = format!("policies/{folder}");
        for file in fs::read_dir(root().join("envoy").join(&folder)).unwrap() {
            let name = format!("{folder}/{}", file.unwrap().file_name().to_str().unwrap());
            // Of those in two forms, one is tested: they are held to be the same.
            assert!(!name.ends_with(ending) || policies.contains(&*name), "{name} has no test");
        }
    }
}

#[test]
fn a_policy_is_found_in_what_carries_it() {
    let folder = scratch("carried");
    let cases = "\ncases:\n  - { name: a, call: session_send, times: 2, expect: EXPECTED }\n\
                 \x20 - { name: b, call: unheard_of, expect: default_deny }\n";
    let run = |policy: &str, expected: &str| {
        let text = format!("policy: {policy}{}", cases.replace("EXPECTED", expected));
        fs::write(folder.join("a.test.yaml"), text).unwrap();
        command(&folder).args(["a.test.yaml", "--coverage"]).assert()
    };
    for file in ["envoy.yaml", "native/envoy.yaml", "istio/envoy-filter.yaml"] {
        let file = root().join("envoy").join(file);
        run(file.to_str().unwrap(), "allowed").code(0);
        run(file.to_str().unwrap(), "denied").code(1);
        let table = format!("policy {}\nsession_send  allowed\n", file.display());
        fs::write(folder.join("a.calls"), table).unwrap();
        command(&folder).arg("a.calls").assert().code(0);
    }
    // Within the file of tests. Its rules have their places in that file.
    let envoy = fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap();
    let indented: String = envoy.lines().map(|line| format!("\n  {line}")).collect();
    let run_within = run(&indented, "allowed").code(0);
    let told = String::from_utf8(run_within.get_output().stdout.clone()).unwrap();
    let mut lines = envoy.lines().enumerate();
    let (line, text) = lines.find(|(_, line)| line.contains("{ counter:")).unwrap();
    let (line, column) = (line + 2, text.find('{').unwrap() + 3);
    let pointer = "/tools/session_send/limits/session_send_rate";
    let place = format!("a.test.yaml:{line}:{column}: {pointer}: no test fails this limit");
    assert!(told.starts_with(&place), "{place}: {told}");

    let file = root().join("envoy/istio/virtual-service.yaml");
    let none = run(file.to_str().unwrap(), "allowed").code(1);
    let told = String::from_utf8(none.get_output().stdout.clone()).unwrap();
    assert!(told.contains("the file holds no policy; name the file that has it"), "{told}");
    fs::write(folder.join("two.yaml"), format!("{envoy}\n---\n{envoy}")).unwrap();
    let two = run("two.yaml", "allowed").code(1);
    let told = String::from_utf8(two.get_output().stdout.clone()).unwrap();
    assert!(told.contains("there are 2 policies; give the file of one"), "{told}");
}

/// The template, by the very lines that its CI runs.
#[test]
fn the_template_passes_by_the_lines_of_its_ci() {
    let template = root().join("docs/command/template");
    let ci = fs::read_to_string(template.join(".github/workflows/policies.yml")).unwrap();
    let lines: Vec<&str> = ci
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- run: mcp-policy "))
        .collect();
    assert_eq!(lines.len(), 2, "{ci}");
    let binary = cargo_bin!("mcp-policy").display().to_string();
    for line in lines {
        let line = line.replace("> report.xml", "");
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("{binary} {line}"))
            .current_dir(&template)
            .assert();
        output.code(0);
    }
}

#[test]
fn folders_may_hold_loops_pipes_and_bytes() {
    let folder = with_table("odd", "a  default_deny");
    std::os::unix::fs::symlink("..", folder.join("loop")).unwrap();
    fs::create_dir(folder.join("inner")).unwrap();
    std::os::unix::fs::symlink("../inner", folder.join("inner/again")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("broken.calls")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.calls")).status();
    assert!(made.unwrap().success());
    command(&folder).arg("inner").assert().code(2);
    let odd = folder.join("inner/bytes.calls");
    fs::write(&odd, b"policy ../policy.yaml\n\xff  allowed\n").unwrap();
    // `loop` leads to the folder of all scratch folders: only this one is searched.
    fs::remove_file(folder.join("loop")).unwrap();
    std::os::unix::fs::symlink(".", folder.join("loop")).unwrap();
    command(&folder).assert().code(1).stdout_eq(
        "inner/bytes.calls:1:1: byte 22 is not UTF-8; save the file as UTF-8\n\
         1 passed, 1 failed\n",
    );
    command(&folder).arg("pipe.calls").assert().code(1).stdout_eq(
        "pipe.calls:1:1: is not a regular file; read it through standard input, with `-`\n\
         0 passed, 1 failed\n",
    );
}

#[test]
fn tests_are_not_passed_over_for_their_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = with_table("odd-name", "a  default_deny");
    let name = std::ffi::OsStr::from_bytes(b"b\xff.calls");
    fs::write(folder.join(name), "policy policy.yaml\na  allowed\n").unwrap();
    let told = "mcp-policy: ./b\u{fffd}.calls: its name is not UTF-8\n";
    command(&folder).arg(".").assert().code(2).stderr_eq(told.replace("./", ""));
}

#[test]
fn a_byte_order_mark_is_not_a_part_of_a_table() {
    let folder = with_table("mark", "a  default_deny");
    fs::write(folder.join("a.calls"), "\u{feff}policy policy.yaml\r\na  default_deny\r\n").unwrap();
    let case =
        "\u{feff}policy: policy.yaml\r\ncases:\r\n- { name: a, call: a, expect: default_deny }\r\n";
    fs::write(folder.join("a.test.yaml"), case).unwrap();
    command(&folder).assert().code(0).stdout_eq("2 passed, 0 failed\n");
}

#[test]
fn headers_are_as_envoy_has_them() {
    let policy = "version: \"1\"\ndefault: allow\nidentity: [{ header: x-agent-id }]\n";
    let write = |folder: &Path, name: &str, text: &str| {
        fs::write(folder.join("policy.yaml"), policy).unwrap();
        fs::write(folder.join(name), text).unwrap();
    };
    let folder = with_table("headers", "a (X-Agent-Id: ann)  allowed");
    let case = |headers: &str| {
        format!(
            "policy: policy.yaml\ncases:\n- {{ name: a, call: a, headers: {headers}, expect: allowed }}\n"
        )
    };
    write(&folder, "a.test.yaml", &case("{ X-Agent-Id: ann }"));
    command(&folder).assert().code(0).stdout_eq("2 passed, 0 failed\n");
    // No request has such a header, so the test would show nothing.
    for word in ["x agent: ann", ": ann", "x-a/b: c"] {
        write(&folder, "a.calls", &format!("policy policy.yaml\na ({word})  no_identity\n"));
        let told = command(&folder).arg("a.calls").assert().code(1);
        told.stdout_eq(format!("a.calls:2:4: `{word}` is not known; [..]\n0 passed, 1 failed\n"));
    }
    for headers in ["{ x agent: ann }", "{ '': ann }", "{ x-agent-id: \"a\\nb\" }"] {
        write(&folder, "a.test.yaml", &case(headers));
        let told = command(&folder).arg("a.test.yaml").assert().code(1);
        told.stdout_eq(
            "a.test.yaml:3:[..]: `[..]` is not a header on one line\n0 passed, 1 failed\n",
        );
    }
}

#[test]
fn a_closed_pipe_hides_no_failure() {
    let folder = with_table("closed", &"a  allowed\n".repeat(20_000));
    let binary = cargo_bin!("mcp-policy").display().to_string();
    let line = format!("{{ {binary} test a.calls; echo $? >status; }} | head -n 1");
    let output = Command::new("sh").arg("-c").arg(line).current_dir(&folder).assert();
    output.code(0).stderr_eq("");
    assert_eq!(fs::read_to_string(folder.join("status")).unwrap(), "1\n");
}

/// The command while it watches, which is ended with the test.
struct Watching(std::process::Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn watching_runs_again_at_each_change() {
    let folder = with_table("watch", "a  default_deny");
    let mut watching = std::process::Command::new(cargo_bin!("mcp-policy"))
        .args(["test", "--watch"])
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let _watching = Watching(watching);
    // The last line of a run.
    let mut next = || loop {
        let line = lines.next().unwrap().unwrap();
        if line.ends_with(" failed") {
            return line;
        }
    };
    assert_eq!(next(), "1 passed, 0 failed");
    // The policy, the tests, and a file that comes.
    fs::write(folder.join("new"), "version: \"1\"\ndefault: allow\n").unwrap();
    fs::rename(folder.join("new"), folder.join("policy.yaml")).unwrap();
    assert_eq!(next(), "0 passed, 1 failed");
    fs::write(folder.join("new"), "policy policy.yaml\na  allowed\n").unwrap();
    fs::rename(folder.join("new"), folder.join("a.calls")).unwrap();
    assert_eq!(next(), "1 passed, 0 failed");
    fs::write(folder.join("new"), "policy policy.yaml\na  allowed\n").unwrap();
    fs::rename(folder.join("new"), folder.join("b.calls")).unwrap();
    assert_eq!(next(), "2 passed, 0 failed");
}

#[test]
fn many_tests_are_read_and_played() {
    let folder = with_table("many", &"a {\"b\": 1}  default_deny\n".repeat(50_000));
    command(&folder).assert().code(0).stdout_eq("50000 passed, 0 failed\n");
}
