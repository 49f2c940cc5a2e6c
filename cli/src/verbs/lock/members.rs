//! The members in which two definitions differ, by their JSON pointers. Values are not
//! shown: they are texts that somebody wrote for a model to obey.

use serde_json::Value;

/// The kinds of differences of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The locked definition does not have it.
    New,
    /// The present one does not have it.
    Gone,
    /// It has another value.
    Other,
}

impl Kind {
    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Other => "changed",
        }
    }
}

/// The members that differ, in the order of the definitions.
pub(super) fn differing(
    locked: &Value,
    present: &Value,
    ignores_meta: bool,
) -> Vec<(String, Kind)> {
    let mut found = Vec::new();
    below("", locked, present, &mut found);
    found.retain(|(pointer, _)| {
        !ignores_meta || !(pointer == "/_meta" || pointer.starts_with("/_meta/"))
    });
    found
}

fn below(pointer: &str, locked: &Value, present: &Value, found: &mut Vec<(String, Kind)>) {
    match (locked, present) {
        (Value::Object(old), Value::Object(new)) => {
            let step =
                |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            for (key, value) in old {
                match new.get(key) {
                    Some(other) => below(&step(key), value, other, found),
                    None => found.push((step(key), Kind::Gone)),
                }
            }
            let added = new.keys().filter(|key| !old.contains_key(*key));
            found.extend(added.map(|key| (step(key), Kind::New)));
        }
        _ if locked == present => {}
        _ => found.push((pointer.to_owned(), Kind::Other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_named_as_deep_as_objects_go() {
        let old = json!({"name": "a", "x": {"a/b": 1, "l": [1], "same": {}}, "_meta": {"v": 1}});
        let new = json!({"x": {"l": [2], "a/b": 2, "new": {"deep": 1}, "same": {}}, "title": "t", "_meta": {}});
        let told = |ignores| -> Vec<String> {
            let all = differing(&old, &new, ignores);
            all.iter().map(|(pointer, kind)| format!("{pointer} {}", kind.as_str())).collect()
        };
        let all = [
            "/name gone",
            "/x/a~1b changed",
            "/x/l changed",
            "/x/new new",
            "/_meta/v gone",
            "/title new",
        ];
        assert_eq!(told(false), all);
        assert_eq!(told(true), [all[0], all[1], all[2], all[3], all[5]]);
        assert_eq!(differing(&old, &old, false), []);
    }
}
