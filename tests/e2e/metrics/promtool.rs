//! Prometheus's own checks, where `scripts/promtool` found them.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// The program.
pub struct Promtool(PathBuf);

/// The program, or a line that says that there is none.
pub fn found() -> Option<Promtool> {
    let path = env::var_os("PROMTOOL").filter(|path| !path.is_empty());
    if path.is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "no promtool (PROMTOOL, from scripts/promtool): the alarms are not checked by it"
        );
    }
    path.map(|path| Promtool(path.into()))
}

impl Promtool {
    /// Runs it in the repository's root; it has to be content.
    pub fn run(&self, arguments: &[&str]) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(&self.0).args(arguments).current_dir(root).output();
        let output = output.expect("promtool runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }

    /// Has it read expressions of a dashboard, as rules with Grafana's variable
    /// filled in.
    pub fn check_expressions(&self, expressions: &[String]) {
        let rule = |(index, expression): (usize, &String)| {
            let expression = expression.replace("$__rate_interval", "1m");
            json!({ "record": format!("panel:{index}"), "expr": expression })
        };
        let rules: Vec<Value> = expressions.iter().enumerate().map(rule).collect();
        let path = env::temp_dir().join(format!("mcp-policy-{}.json", std::process::id()));
        // JSON is YAML.
        let file = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
        fs::write(&path, file.to_string()).expect("a file for promtool");
        self.run(&["check", "rules", "--lint-fatal", path.to_str().expect("a path in UTF-8")]);
        fs::remove_file(&path).expect("the file");
    }
}
