use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_star_is_any_run_and_nothing_else_is_special() {
    for (pattern, name, expected) in [
        ("", "", true),
        ("a", "a", true),
        ("a", "A", false),
        ("a", "ab", false),
        ("*", "", true),
        ("*", "anything/at.all", true),
        ("github_*", "github_", true),
        ("github_*", "github", false),
        ("*_delete", "x_delete", true),
        ("*_delete", "x_delete_y", false),
        ("a*b*c", "abc", true),
        ("a*b*c", "a-b-b-c-c", true),
        ("a*b*c", "acb", false),
        ("a*a", "a", false),
        ("*aa*", "aaa", true),
        ("a?c", "abc", false),
        ("[ab]", "a", false),
        ("é*", "éé", true),
    ] {
        assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
    }
    assert_eq!(Pattern::new("a***b**").as_str(), "a*b*");
}

#[test]
fn nesting_and_overlap() {
    for (a, b, within, overlaps) in [
        ("github_list_*", "github_*", true, true),
        ("github_*", "github_list_*", false, true),
        ("github_*", "*delete*", false, true),
        ("a*", "b*", false, false),
        ("*a", "*b", false, false),
        ("a*b", "*", true, true),
        ("a*b", "*a*b", true, true),
        ("a*b", "ab", false, true),
        ("ab*", "*ba", false, true),
        ("x*y", "x*z", false, false),
        ("a*b*", "a*", true, true),
    ] {
        let (a, b) = (Pattern::new(a), Pattern::new(b));
        assert_eq!(a.is_within(&b), within, "{a:?} in {b:?}");
        assert_eq!(a.overlaps(&b), overlaps, "{a:?} and {b:?}");
        assert_eq!(b.overlaps(&a), overlaps, "{b:?} and {a:?}");
    }
}

/// Entries whose text begins with `-` deny.
fn map(entries: &[&'static str]) -> PatternMap<&'static str> {
    let entries = entries.iter().map(|&e| (Pattern::new(e.trim_start_matches('-')), e));
    PatternMap::new(entries, |e| u8::from(e.starts_with('-')))
}

#[test]
fn one_entry_decides_whatever_their_order() {
    for (entries, name, decides) in [
        (&["*", "-x"][..], "x", Some("-x")),
        (&["-*", "x"], "x", Some("x")),
        (&["-github_*", "github_list_*"], "github_list_repos", Some("github_list_*")),
        (&["-github_*", "github_list_*"], "github_push", Some("-github_*")),
        (&["-*delete*", "github_*"], "github_delete_repo", Some("-*delete*")),
        (&["*_file", "read_*"], "read_file", Some("*_file")),
        (&["*_xile", "read_*"], "read_xile", Some("*_xile")),
        (&["a*bc", "a*c", "abx*c"], "abxbc", Some("abx*c")),
        (&["*b", "a*"], "ab", Some("*b")),
        // A broader denial is out once a narrower entry matches, and what
        // remains is ordered without it.
        (&["-github_*", "github_list_*", "-*_x"], "github_list_x", Some("-*_x")),
        (&["github_*", "-zz*", "lit*", "github_l*", "-*x"], "github_lx", Some("-*x")),
        (&["a"], "b", None),
    ] {
        assert_eq!(map(entries).get(name).copied(), decides, "{entries:?} {name}");
        let reversed: Vec<_> = entries.iter().rev().copied().collect();
        assert_eq!(map(&reversed).get(name).copied(), decides, "{reversed:?} {name}");
        // The same in two maps, however they are spread over them.
        for spread in 0..1_u32 << entries.len() {
            let part = |own: bool| {
                let part = entries.iter().enumerate();
                let part = part.filter(|(at, _)| (spread >> at & 1 == 1) == own);
                map(&part.map(|(_, entry)| *entry).collect::<Vec<_>>())
            };
            let (own, base) = (part(true), part(false));
            let found = own.get_over(&base, name, |e| u8::from(e.starts_with('-')));
            assert_eq!(found.map(|(entry, _)| *entry), decides, "{own:?} {base:?} {name}");
            let is_own = found.map(|(entry, _)| own.values().contains(entry));
            assert_eq!(found.map(|(_, is_own)| is_own), is_own);
        }
    }
}
#[test]
fn of_two_entries_with_one_pattern_that_of_the_base_is_out() {
    let rank = |e: &&str| u8::from(e.starts_with('-'));
    for (own, base, name, decides) in [
        (&["a"][..], &["-a"][..], "a", Some("a")),
        (&["a*"], &["-a**"], "ab", Some("a*")),
        (&["a*"], &["-a*", "-*b"], "ab", Some("-*b")),
        (&["-a*"], &["ab"], "ab", Some("ab")),
        (&[], &["a"], "a", Some("a")),
        (&["a"], &[], "b", None),
    ] {
        let (own, base) = (map(own), map(base));
        let found = own.get_over(&base, name, rank).map(|(entry, _)| *entry);
        assert_eq!(found, decides, "{own:?} {base:?} {name}");
    }
}

#[test]
fn entries_that_are_not_let_in_decide_nothing() {
    let map = map(&["ci-main", "ci-m*", "*-main", "*"]);
    let without = |out: &[&str]| {
        let number = map.find_where("ci-main", &|entry| !out.contains(entry));
        number.map(|number| map.values()[number])
    };
    assert_eq!(without(&[]), Some("ci-main"));
    assert_eq!(without(&["ci-main"]), Some("*-main"));
    assert_eq!(without(&["ci-main", "*-main"]), Some("ci-m*"));
    assert_eq!(without(&["ci-main", "*-main", "ci-m*"]), Some("*"));
    assert_eq!(without(&["ci-main", "*-main", "ci-m*", "*"]), None);
    assert_eq!(map.all("ci-main").len(), 4);
    assert_eq!(map.find_exact("ci-m*"), None);
    assert_eq!(map.find_exact("ci-main").map(|number| map.values()[number]), Some("ci-main"));
}
