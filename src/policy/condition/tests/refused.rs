//! Paths and operators that no policy may have.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn paths_that_do_not_parse_say_why() {
    for (text, error) in [
        ("", PathError::Root),
        ("arg.x", PathError::Root),
        ("Args.x", PathError::Root),
        ("args.", PathError::Step),
        ("args..x", PathError::Step),
        ("args[x]", PathError::Step),
        ("args[-1]", PathError::Step),
        ("args[1", PathError::Step),
        ("args['x']", PathError::Step),
        ("args[\"x]", PathError::Step),
        ("args.x y", PathError::Step),
        ("args.*", PathError::Step),
        ("args[99999999999]", PathError::Step),
        ("claims", PathError::Claims),
        ("claims.x[*]", PathError::Claims),
        ("headers", PathError::Header),
        ("headers.X-Team", PathError::Header),
        ("headers.a.b", PathError::Header),
        ("grant.x", PathError::NoParts("grant")),
        ("tool[0]", PathError::NoParts("tool")),
    ] {
        assert_eq!(Path::parse(text), Err(error), "{text}");
    }
    let steps = Path::parse(r#"args["a\"]b"].é"#).unwrap().steps;
    assert_eq!(steps, [Step::Key("a\"]b".into()), Step::Key("é".into())]);
    assert_eq!(Path::parse(&format!("args{}", ".x".repeat(33))), Err(PathError::Length));
}

#[test]
fn operators_that_do_not_fit_are_refused() {
    let new = |op, value, root| Test::new(op, literal(value), root).map(drop);
    for (op, value, root, error) in [
        ("equals", "1", Root::Args, TestError::Unknown),
        ("in", "1", Root::Args, TestError::Value("a list")),
        ("gt", "\"1\"", Root::Args, TestError::Value("a number")),
        ("regex", "1", Root::Args, TestError::Value("a string")),
        ("exists", "\"yes\"", Root::Args, TestError::Value("`true` or `false`")),
        ("within", "\"/a\"", Root::Args, TestError::Value("a list of at least one folder")),
        (
            "host_in",
            "{}",
            Root::Grant,
            TestError::Value("a list of at least one host, alone or under `hosts`"),
        ),
        ("eq", "1", Root::Headers, TestError::Text("headers")),
        ("gt", "1", Root::Grant, TestError::Text("grant")),
        ("in", "[1]", Root::Tool, TestError::Text("tool")),
        ("eq", "null", Root::Claims, TestError::Claim),
        ("in", "[1,\"a\"]", Root::Claims, TestError::Claim),
        ("contains", "1", Root::Claims, TestError::ClaimList),
    ] {
        assert_eq!(new(op, value, root), Err(error), "{op} {value}");
    }
    assert!(matches!(new("regex", "\"(\"", Root::Args), Err(TestError::Regex(_))));
    assert_eq!(new("regex", "\"(a{1000}){1000}\"", Root::Args), Err(TestError::RegexSize));
}
