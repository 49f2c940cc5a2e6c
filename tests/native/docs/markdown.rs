//! Markdown as the pages use it: fences, tables, links and headings, each with
//! its line, so that a failure says where to look.

use crate::config::root;
use serde_json::Value;
use std::fs;
use std::path::Path;
use yaml_serde::Value as Yaml;

/// One of the pages.
pub struct Page {
    /// Its path below the project's folder: `docs/policy/limits.md`.
    pub name: String,
    pub text: String,
}

/// A fenced block.
pub struct Fence {
    /// "README.md:12", the line of its opening.
    pub at: String,
    /// The text behind the opening's backticks.
    pub info: String,
    pub text: String,
}

/// A row of a table, without the header and the rule below it.
pub struct Row {
    /// "SECURITY.md:12"
    pub at: String,
    pub cells: Vec<String>,
}

impl Page {
    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { name: name.into(), text }
    }

    /// The pages in a folder, in the order of their names.
    pub fn in_folder(folder: &str) -> Vec<Self> {
        let mut names: Vec<String> = fs::read_dir(root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md"))
            .map(|name| Path::new(folder).join(name).to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// The fences. One that is indented, unnamed or written otherwise would
    /// escape the checks, so it is a failure.
    pub fn fences(&self) -> Vec<Fence> {
        let mut fences = Vec::new();
        let mut open: Option<Fence> = None;
        for (index, line) in self.text.lines().enumerate() {
            let at = format!("{}:{}", self.name, index + 1);
            let odd = line.trim_start().starts_with("~~~")
                || (line.starts_with(' ') && line.trim_start().starts_with("```"));
            assert!(!odd, "{at}: write fences with ``` at the line's beginning");
            match (line.strip_prefix("```"), open.take()) {
                (Some(info), None) => {
                    assert!(!info.is_empty(), "{at}: this fence does not say what it holds");
                    open = Some(Fence { at, info: info.into(), text: String::new() });
                }
                (Some(info), Some(fence)) => {
                    assert!(info.is_empty(), "{at}: a fence opens within a fence");
                    fences.push(fence);
                }
                (None, Some(mut fence)) => {
                    fence.text.push_str(line);
                    fence.text.push('\n');
                    open = Some(fence);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: the last fence is not closed", self.name);
        fences
    }

    /// The lines outside fences, numbered from one.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let mut fenced = false;
        let lines = self.text.lines().enumerate().filter(|(_, line)| {
            let edge = line.starts_with("```");
            fenced ^= edge;
            !fenced && !edge
        });
        lines.map(|(index, line)| (index + 1, line)).collect()
    }

    /// The rows of every table.
    pub fn rows(&self) -> Vec<Row> {
        let lines = self.prose();
        let is_rule = |line: &str| line.starts_with("| ---");
        let mut rows = Vec::new();
        for (index, (number, line)) in lines.iter().enumerate() {
            let Some(inner) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |"))
            else {
                continue;
            };
            let header = lines.get(index + 1).is_some_and(|(_, next)| is_rule(next));
            if !header && !is_rule(line) {
                let cells = inner.split(" | ").map(|cell| cell.trim().to_owned()).collect();
                rows.push(Row { at: format!("{}:{number}", self.name), cells });
            }
        }
        rows
    }

    /// The targets of links, each with its line.
    pub fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (number, line) in self.prose() {
            for rest in line.split("](").skip(1) {
                links.push((number, rest.split(')').next().unwrap().to_owned()));
            }
        }
        links
    }

    /// The anchors that GitHub makes of the headings.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().into_iter().filter(|(_, line)| line.starts_with('#'));
        let anchor = |heading: &str| -> String {
            let kept = heading.trim_start_matches('#').trim().chars().filter_map(|c| match c {
                ' ' | '-' => Some('-'),
                c if c.is_alphanumeric() || c == '_' => Some(c.to_ascii_lowercase()),
                _ => None,
            });
            kept.collect()
        };
        headings.map(|(_, heading)| anchor(heading)).collect()
    }

    /// The texts between backticks in the prose, each with its line.
    pub fn quoted(&self) -> Vec<(usize, String)> {
        let words = self.prose().into_iter().flat_map(|(number, line)| {
            quoted(line).into_iter().map(move |word| (number, word.to_owned()))
        });
        words.collect()
    }
}

/// The texts between backticks.
pub fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The policy in the plugin's `configuration` of some YAML, as JSON: all
/// under the `value` of a `google.protobuf.Struct`.
pub fn policy_in(yaml: &str) -> Result<String, String> {
    let yaml: Yaml = yaml_serde::from_str(yaml).map_err(|error| error.to_string())?;
    let yaml = serde_json::to_value(yaml).map_err(|error| error.to_string())?;
    let configuration =
        configuration(&yaml).ok_or("there is no `configuration`, nor `filter_config`")?;
    if configuration["@type"] != "type.googleapis.com/google.protobuf.Struct" {
        return Err("the `configuration` is not a Struct".into());
    }
    Ok(configuration["value"].to_string())
}

fn configuration(yaml: &Value) -> Option<&Value> {
    let members = yaml.as_object().into_iter().flatten().map(|(_, value)| value);
    let mut parts = members.chain(yaml.as_array().into_iter().flatten());
    let own = ["configuration", "filter_config"].into_iter().find_map(|key| yaml.get(key));
    own.or_else(|| parts.find_map(configuration))
}

/// The lines of a YAML text that say something, without a common indent.
pub fn yaml_lines(yaml: &str) -> Vec<String> {
    let says = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let lines: Vec<&str> = yaml.lines().filter(says).collect();
    let indent = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| line[indent..].trim_end().to_owned()).collect()
}
