//! The hook for pre-commit and the step for GitHub Actions: their files are what their
//! readers ask for, and what they run is run.

use super::{root, scratch};
use boon::{Compiler, Schemas};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn yaml(name: &str) -> Value {
    let text = fs::read_to_string(root().join(name)).unwrap();
    yaml_serde::from_str(&text).unwrap()
}

/// A repository with a policy that is good or bad, and a file that is none.
fn repository(name: &str, policy: &str) -> PathBuf {
    let folder = scratch(name);
    fs::write(folder.join("a policy.json"), policy).unwrap();
    fs::write(folder.join("package.json"), r#"{"name": "x"}"#).unwrap();
    folder
}

/// The same with tests, which a hook leaves to `mcp-policy test`, and this one fails.
fn tested(name: &str, policy: &str) -> PathBuf {
    let folder = repository(name, policy);
    fs::write(folder.join("a.test.json"), BAD).unwrap();
    folder
}

const GOOD: &str = r#"{"version": "1", "default": "deny", "settings": {"paths": ["/mcp"]}}"#;
const WARNED: &str = r#"{"version": "1", "default": "deny"}"#;
const BAD: &str = r#"{"version": "1", "default": "deny", "x": 1}"#;

/// With the command of these tests, as one that is installed.
fn with_command(command: &mut Command) -> &mut Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_mcp-policy"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), env!("PATH"));
    command.env("MCP_POLICY", binary).env("PATH", path)
}

#[test]
fn the_entry_of_each_hook_passes_and_fails() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hooks = hooks.as_array().unwrap();
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        for key in ["id", "name", "description", "entry", "language"] {
            assert!(hook[key].is_string(), "{key}: {hook}");
        }
        let mut words = hook["entry"].as_str().unwrap().split(' ');
        let first = words.next().unwrap();
        let (program, language) = match first {
            "mcp-policy" => (PathBuf::from(first), "system"),
            script => (root().join(script), "script"),
        };
        assert_eq!(hook["language"], language);
        for (file, is_left_out) in [
            ("a.test.json", true),
            ("tests/refunds.test.yaml", true),
            ("b.test.yml", true),
            ("a policy.json", false),
            ("contest.yaml", false),
            ("a.test.yaml.json", false),
            ("test.json", false),
        ] {
            // As pre-commit asks.
            let found = "import re, sys; sys.exit(0 if re.search(*sys.argv[1:]) else 1)";
            let exclude = hook["exclude"].as_str().unwrap();
            let status = Command::new("python3").args(["-c", found, exclude, file]).status();
            assert_eq!(status.unwrap().success(), is_left_out, "{file}");
        }
        let arguments: Vec<&str> = words.collect();
        for (policy, status, more) in
            [(GOOD, 0, None), (BAD, 1, None), (GOOD, 1, Some("a.test.json"))]
        {
            let mut command = Command::new(&program);
            command.args(&arguments).args(["a policy.json", "package.json"]).args(more);
            command.current_dir(tested("tools-hook", policy));
            let output = with_command(&mut command).output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{hook} {output:?}");
        }
    }
}

/// PRE_COMMIT names the program itself: scripts/test-cli installs it.
#[test]
fn the_hook_runs_in_pre_commit() {
    let (Some(program), true) = (std::env::var_os("PRE_COMMIT"), root().join(".git").exists())
    else {
        let told = "no pre-commit (PRE_COMMIT, from scripts/test-cli): the hook does not run in it";
        let _ = writeln!(std::io::stderr(), "{told}");
        return;
    };
    for (policy, status) in [(GOOD, 0), (BAD, 1)] {
        let folder = tested("tools-pre-commit", policy);
        let git = |arguments: &[&str]| {
            let done = Command::new("git").args(arguments).current_dir(&folder).status().unwrap();
            assert!(done.success(), "{arguments:?}");
        };
        git(&["init", "-q"]);
        git(&["add", "."]);
        let mut command = Command::new(&program);
        command.arg("try-repo").arg(root()).args(["mcp-policy-check", "--all-files"]);
        command.current_dir(&folder).env("PRE_COMMIT_HOME", folder.join(".cache"));
        let output = with_command(&mut command).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(status), "{told} {output:?}");
        assert_eq!(told.contains("a policy.json:1:37: error: /x:"), status == 1, "{told}");
        assert!(!told.contains("a.test.json"), "{told}");
    }
}

#[test]
fn the_action_is_what_its_schema_says() {
    let schema = root().join("cli/tests/check/schemas/github-action.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource("action.json", schema).unwrap();
    let schema = compiler.compile("action.json", &mut schemas).unwrap();
    let mut action = yaml("action.yml");
    schemas.validate(&action, schema).unwrap();
    action["runs"]["using"] = "compost".into();
    assert!(schemas.validate(&action, schema).is_err());
}

/// Runs the steps of the action, as its runner does.
fn act(folder: &Path, inputs: &[(&str, &str)]) -> Output {
    let action = yaml("action.yml");
    let known = action["inputs"].as_object().unwrap();
    assert!(inputs.iter().all(|(name, _)| known.contains_key(*name)));
    let input = |name: &str| {
        let given = inputs.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        given.unwrap_or_else(|| known[name]["default"].as_str().unwrap()).to_owned()
    };
    let steps = action["runs"]["steps"].as_array().unwrap();
    let [step] = &**steps else { panic!("{steps:?}") };
    let script = step["run"].as_str().unwrap();
    assert!(!script.contains("${{"), "an input is part of the script");
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(folder);
    for (name, value) in step["env"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let name_of_input = value.strip_prefix("${{ inputs.").unwrap().strip_suffix(" }}").unwrap();
        command.env(name, input(name_of_input));
    }
    command.env("GITHUB_ACTION_PATH", root()).output().unwrap()
}

#[test]
fn the_action_shows_findings_at_their_lines() {
    let binary = ("command", env!("CARGO_BIN_EXE_mcp-policy"));
    let folder = repository("tools-action", GOOD);
    assert_eq!(act(&folder, &[binary]).status.code(), Some(0));
    fs::write(folder.join("a policy.json"), WARNED).unwrap();
    assert_eq!(act(&folder, &[binary]).status.code(), Some(0));
    assert_eq!(act(&folder, &[binary, ("strict", "true")]).status.code(), Some(1));
    fs::write(folder.join("a policy.json"), BAD).unwrap();
    let output = act(&folder, &[binary, ("files", "package.json\n .")]);
    assert_eq!(output.status.code(), Some(1));
    let output = act(&folder, &[binary, ("files", ".")]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("::error file=./a policy.json,line=1,endLine=1,col=37,"), "{told}");
    // An input is never a command.
    let output = act(&folder, &[binary, ("files", "$(touch hit) `touch hit`; touch hit")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!folder.join("hit").exists());
}

#[test]
fn the_page_names_what_there_is() {
    let page = fs::read_to_string(root().join("docs/command/check.md")).unwrap();
    for hook in yaml(".pre-commit-hooks.yaml").as_array().unwrap() {
        assert!(page.contains(hook["id"].as_str().unwrap()), "{hook}");
    }
    let (_, step) = page.split_once("with:\n").unwrap();
    let (step, _) = step.split_once("```").unwrap();
    let inputs = yaml("action.yml")["inputs"].clone();
    for line in step.lines() {
        assert!(inputs[line.trim().split(':').next().unwrap()].is_object(), "{line}");
    }
}
