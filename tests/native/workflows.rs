//! The workflows of a public CI: they run the scripts that everybody has, use no action of
//! others, and show a secret only to the steps that need it.

use crate::config::{files, root};
use crate::yaml::documents;
use serde_json::{Value, json};
use std::fs;

const FOLDER: &str = ".github/workflows";

/// The steps of a workflow with one job.
fn steps(workflow: &str) -> Vec<Value> {
    let document = documents(workflow).remove(0);
    assert_eq!(document["permissions"], json!({}), "{workflow}");
    let jobs = document["jobs"].as_object().unwrap();
    assert_eq!(jobs.len(), 1, "{workflow}");
    jobs.values().next().unwrap()["steps"].as_array().unwrap().clone()
}

fn workflows() -> Vec<String> {
    let found = files(FOLDER, "yml").into_iter();
    found.map(|file| file.strip_prefix(root()).unwrap().display().to_string()).collect()
}

#[test]
fn workflows_run_our_scripts_and_no_action() {
    let all = workflows();
    assert_eq!(all, [format!("{FOLDER}/ci.yml"), format!("{FOLDER}/release.yml")]);
    let mut scripts = Vec::new();
    for workflow in all {
        for step in steps(&workflow) {
            assert!(step.get("uses").is_none(), "{workflow}: {step}");
            for line in step["run"].as_str().unwrap().lines() {
                let word = line.split_whitespace().next().unwrap();
                let known = ["git", "trap", "(umask"].contains(&word);
                assert!(known || root().join(word).is_file(), "{workflow}: {line}");
                scripts.extend((!known).then(|| line.to_owned()));
            }
        }
    }
    let expected = [
        ".ci/run",
        "scripts/publish check",
        "scripts/test-release all",
        "scripts/sign target/release-files",
        "scripts/publish",
    ];
    assert_eq!(scripts, expected);
}

#[test]
fn secrets_are_for_the_steps_that_sign_and_publish() {
    for workflow in workflows() {
        let text = fs::read_to_string(root().join(&workflow)).unwrap();
        let mut steps_with_secrets = Vec::new();
        for step in steps(&workflow) {
            let text = step.to_string();
            if text.contains("secrets.") || text.contains("github.token") {
                steps_with_secrets.push(step["name"].clone());
            }
            // What others can write, such as the title of a request, runs as no command.
            assert!(!step["run"].to_string().contains("${{"), "{workflow}: {step}");
        }
        let expected: &[&str] = match workflow.ends_with("release.yml") {
            true => &["sign it", "publish it"],
            false => &[],
        };
        assert_eq!(steps_with_secrets, expected, "{workflow}");
        assert!(!text.contains("pull_request_target"), "{workflow}");
    }
}
