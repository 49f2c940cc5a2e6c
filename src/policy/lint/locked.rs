//! Warnings about a lock and the rest of a policy.

use crate::policy::document::{Document, Findings, Rules, Warning};

/// Entries of `tools` about tools that the lock does not name: their calls are refused
/// before.
pub(super) fn warnings(document: &Document, all_rules: &[&Rules], findings: &mut Findings) {
    let Some(lock) = document.lock.as_ref().filter(|lock| lock.enforces) else { return };
    if lock.tools.is_empty() {
        let message = "is empty, so no tool can be called and lists show none; have \
                       `mcp-policy lock` write it";
        findings.warn(Warning::EmptyLock, &["/lock/tools"], message);
        return;
    }
    for rules in all_rules {
        for (pattern, rule) in &rules.tools {
            if pattern.is_exact()
                && lock.tools.binary_search_by(|(name, _)| (**name).cmp(pattern.as_str())).is_err()
            {
                let message = "is about a tool that `lock` does not name, so every call of it \
                               is refused before; correct the name, or lock the tool";
                findings.warn(Warning::UnlockedTool, &[&rule.path], message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn warnings(mode: &str, tools: &str) -> Vec<String> {
        let policy = format!(
            r#"{{"version": "1", "default": "deny", "settings": {{"paths": ["/mcp"]}},
            "tools": {{"a": {{}}, "b": {{}}, "c*": {{}}}}, "lock": {{"mode": "{mode}", "tools": {{{tools}}}}}}}"#
        );
        Policy::parse(policy.as_bytes(), "").unwrap().warnings.lines().collect()
    }

    #[test]
    fn rules_of_tools_that_are_not_locked_are_told() {
        let tool = |name: &str| format!(r#""{name}": {{"digest": "sha256:{}"}}"#, "0a".repeat(32));
        let all = [tool("a"), tool("b")].join(",");
        assert_eq!(warnings("enforce", &all), [] as [&str; 0]);
        assert_eq!(warnings("report", &tool("a")), [] as [&str; 0]);
        assert_eq!(
            warnings("enforce", &tool("a")),
            [
                "/tools/b: is about a tool that `lock` does not name, so every call of it is refused \
              before; correct the name, or lock the tool"
            ]
        );
        assert_eq!(
            warnings("enforce", ""),
            ["/lock/tools: is empty, so no tool can be called and lists show none; have \
              `mcp-policy lock` write it"]
        );
    }
}
