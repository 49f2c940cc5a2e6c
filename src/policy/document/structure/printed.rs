//! A Struct that Envoy has printed as JSON. A native module gets one so, and cannot tell
//! it from JSON that an author wrote: what the Struct may have changed has to be found in
//! the text.

use super::{EXACT, Node, ROUNDED, mixed};
use crate::policy::document::at::escape;
use crate::policy::document::{Findings, tree};
use crate::wire::json::{Decimal, of_double};

/// The errors of a document that may be a printed Struct: values of which nobody knows
/// whether YAML or the Struct made them of others.
///
/// Envoy prints no white space between values. A text with some was written by its
/// author, and has none of these errors.
pub fn doubts(text: &[u8]) -> Findings {
    let mut doubts = Doubts { path: String::new(), errors: Findings::default() };
    if is_compact(text)
        && let Ok((root, _)) = tree::parse(text)
    {
        doubts.value(&root);
    }
    doubts.errors
}

/// Whether there is no white space outside strings.
fn is_compact(text: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' | b'\n' | b'\r' | b'\t' if !quoted => return false,
            _ => {}
        }
    }
    true
}

struct Doubts {
    /// The path of the value.
    path: String,
    errors: Findings,
}

impl Doubts {
    fn value(&mut self, node: &Node<'_>) {
        match node {
            Node::Number(text) if may_be_rounded(text) => self.error(ROUNDED),
            Node::List(elements) => {
                mixed(elements).for_each(|fault| self.error(fault));
                for (index, element) in elements.iter().enumerate() {
                    self.below(&index.to_string(), element);
                }
            }
            Node::Object(members) => {
                members.iter().for_each(|(key, value)| self.below(key, value));
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => {}
        }
    }

    fn below(&mut self, key: &str, node: &Node<'_>) {
        let length = self.path.len();
        self.path.extend(["/", &*escape(key)]);
        self.value(node);
        self.path.truncate(length);
    }

    fn error(&mut self, message: &str) {
        self.errors.error(self.path.clone(), message);
    }
}

/// Whether a number is one that a double prints, from where several whole numbers share
/// one. Another one never was in a Struct.
fn may_be_rounded(text: &str) -> bool {
    let Ok(double) = text.parse::<f64>() else { return true };
    if double.abs() < EXACT {
        return false;
    }
    let printed = of_double(double);
    match (Decimal::parse(text), Decimal::parse(&printed)) {
        (Some(given), Some(printed)) => given.cmp(&printed).is_eq(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::doubts;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn paths(text: &str) -> Vec<String> {
        doubts(text.as_bytes())
            .lines()
            .map(|line| line.split(": ").next().unwrap().into())
            .collect()
    }

    #[test]
    fn a_number_that_a_struct_may_have_rounded_is_doubted() {
        for number in
            ["9007199254740992", "-9007199254740992", "1e+30", "1.5e+300", "10000000000000000"]
        {
            assert_eq!(
                paths(&format!(r#"{{"a":{{"b/c":[{number}]}}}}"#)),
                ["/a/b~1c/0"],
                "{number}"
            );
        }
        for number in ["9007199254740991", "-5", "0.5", "9007199254740993", "1e-30"] {
            assert_eq!(paths(&format!(r#"{{"a":[{number}]}}"#)), [""; 0], "{number}");
        }
    }

    #[test]
    fn a_list_of_which_yaml_may_have_made_two_types_is_doubted() {
        assert_eq!(paths(r#"{"a":[10,"0.5"]}"#), ["/a"]);
        assert_eq!(paths(r#"{"a":[true,"maybe"]}"#), ["/a"]);
        assert_eq!(paths(r#"{"a":[10,"11"],"b":[true,"no"],"c":["x","y"]}"#), [""; 0]);
    }

    #[test]
    fn white_space_between_values_is_of_an_author() {
        assert_eq!(paths("{\"a\":[10, \"0.5\"]}"), [""; 0]);
        assert_eq!(paths("{\"a\":[10,\"0.5\"]}\n"), [""; 0]);
        assert_eq!(paths(r#"{"a b":[10,"0.5 \" x"]}"#), ["/a b"]);
    }
}
