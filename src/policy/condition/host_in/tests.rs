use super::*;
use crate::policy::condition::Number;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn list(of: &[&str]) -> Literal {
    Literal::List(of.iter().map(|one| Literal::String((*one).into())).collect())
}

fn ports(of: &[&str]) -> Literal {
    Literal::List(of.iter().map(|text| Literal::Number(Number::parse(text).unwrap())).collect())
}

fn object(members: &[(&str, Literal)]) -> Literal {
    let member = |(key, value): &(&str, Literal)| ((*key).into(), value.clone());
    Literal::Object(members.iter().map(member).collect())
}

fn unusable(at: &str, text: &str, why: &'static str) -> Unusable {
    Unusable { at: at.into(), text: text.into(), why }
}

fn ask(hosts: &Hosts, url: &str) -> Result<bool, &'static str> {
    match hosts.hold(url, &Work::default()) {
        Truth::True => Ok(true),
        Truth::False => Ok(false),
        Truth::Undecidable(Why::Form(why)) => Err(why),
        Truth::Undecidable(other) => panic!("{url}: {other:?}"),
    }
}

#[test]
fn a_url_is_of_a_host_by_the_whole_of_it() {
    let of = ["a.example", "*.b.example", "192.0.2.1", "[2001:db8::1]", "xn--bcher-kva.example"];
    let hosts = Hosts::new(list(&of)).unwrap();
    for (url, expected) in [
        ("https://a.example", true),
        ("https://A.EXAMPLE/", true),
        ("https://a.example:443/x", true),
        ("https://a.example?q", true),
        ("https://a.example#f", true),
        ("https://a.example/@c.example", true),
        ("https://a.example/x y\\z/é", true),
        ("https://x.b.example/", true),
        ("https://x.y.B.example/", true),
        ("https://192.0.2.1/", true),
        ("https://[2001:db8::1]/", true),
        ("https://[2001:db8::1]:443/", true),
        ("https://xn--bcher-kva.example/", true),
        ("https://b.example/", false),
        ("https://xb.example/", false),
        ("https://aa.example/", false),
        ("https://x.a.example/", false),
        ("https://a.example.c.example/", false),
        ("https://a/", false),
        ("https://192.0.2.10/", false),
        ("https://[2001:db8::2]/", false),
        ("https://[::1]/", false),
        ("https://localhost/a.example", false),
        ("https://c.example?a.example/", false),
        ("https://a_b-c.example/", false),
        ("https://1.a/", false),
    ] {
        assert_eq!(ask(&hosts, url), Ok(expected), "{url}");
    }
}

#[test]
fn a_url_that_readers_repair_or_split_differently_is_undecidable() {
    let hosts = Hosts::new(list(&["a.example", "127.0.0.1"])).unwrap();
    let long = format!("https://{}.example/", "a.".repeat(123) + "ab");
    for (url, why) in [
        ("", SCHEME),
        ("a.example", SCHEME),
        ("//a.example/", SCHEME),
        ("http://a.example/", SCHEME),
        ("HTTPS://a.example/", SCHEME),
        (" https://a.example/", SCHEME),
        ("https:a.example/", SCHEME),
        ("https:/a.example/", SCHEME),
        ("https:\\\\a.example/", SCHEME),
        ("url:https://a.example/", SCHEME),
        ("ftp://a.example/", SCHEME),
        ("javascript://a.example/", SCHEME),
        ("https:///a.example/", HOST),
        ("https://", HOST),
        ("https://?a.example", HOST),
        ("https://a.example\t/", CONTROL),
        ("https://a.example/\n", CONTROL),
        ("https://a.example/\r\nhost: c", CONTROL),
        ("https://a.example/\0", CONTROL),
        ("https://a.example/\u{7f}", CONTROL),
        ("https://c@a.example/", BEFORE),
        ("https://a.example@c.example/", BEFORE),
        ("https://a.example:443@c.example/", BEFORE),
        ("https://a.example\\@c.example/", BEFORE),
        ("https://a.example?@c.example", BEFORE),
        ("https://a.example#@c.example/", BEFORE),
        ("https://a.example\\.c.example/", BEFORE),
        ("https://a.example /", BEFORE),
        ("https:// a.example/", BEFORE),
        ("https://é.example/", BEFORE),
        ("https://a。example/", BEFORE),
        ("https://a.example\u{feff}/", BEFORE),
        ("https://a%2eexample/", HOST),
        ("https://a.example;c/", HOST),
        ("https://a.example,c/", HOST),
        ("https://a.example./", HOST),
        ("https://.a.example/", HOST),
        ("https://a..example/", HOST),
        ("https://127.1/", HOST),
        ("https://2130706433/", HOST),
        ("https://0x7f000001/", HOST),
        ("https://0X7F.0.0.1/", HOST),
        ("https://127.0.0.0x1/", HOST),
        ("https://0177.0.0.1/", HOST),
        ("https://127.0.0.1.1/", HOST),
        ("https://a.1/", HOST),
        ("https://a.0x/", HOST),
        ("https://[::1/", HOST),
        ("https://::1/", HOST),
        ("https://[::1]a/", HOST),
        ("https://a[::1]/", HOST),
        ("https://[::ffff:127.0.0.1]/", HOST),
        ("https://[::ffff:7f00:1]/", HOST),
        ("https://[::1%25lo]/", HOST),
        ("https://[0:0:0:0:0:0:0:1]/", HOST),
        ("https://xn--a-.example/", HOST),
        ("https://a.example.XN--/", HOST),
        ("https://a.xn--example-/", HOST),
        (&long, HOST),
        ("https://a.example:/", PORT),
        ("https://a.example:0443/", PORT),
        ("https://a.example:+443/", PORT),
        ("https://a.example:80/", PORT),
        ("https://a.example:0/", PORT),
        ("https://a.example:65979/", PORT),
        ("https://a.example:443:443/", PORT),
        ("https://a.example:c/", PORT),
    ] {
        assert_eq!(ask(&hosts, url), Err(why), "{url}");
    }
}

#[test]
fn schemes_and_ports_are_those_of_the_policy() {
    let (http, both) = (list(&["http"]), list(&["http", "https"]));
    let with = |schemes: &Literal, of: Option<&[&str]>| {
        let mut members = vec![("hosts", list(&["a.example"])), ("schemes", schemes.clone())];
        members.extend(of.map(|of| ("ports", ports(of))));
        Hosts::new(object(&members)).unwrap()
    };
    for (hosts, url, expected) in [
        (with(&http, None), "http://a.example/", Ok(true)),
        (with(&http, None), "http://a.example:80/", Ok(true)),
        (with(&http, None), "http://a.example:443/", Err(PORT)),
        (with(&http, None), "https://a.example/", Err(SCHEME)),
        (with(&both, None), "https://a.example/", Ok(true)),
        (with(&both, None), "https://a.example:80/", Err(PORT)),
        (with(&both, Some(&["8443", "80"])), "https://a.example:8443/", Ok(true)),
        (with(&both, Some(&["8443", "80"])), "http://a.example/", Ok(true)),
        (with(&both, Some(&["8443", "80"])), "https://a.example/", Err(PORT)),
        (with(&both, Some(&["8443"])), "https://c.example:8443/", Ok(false)),
        (with(&both, Some(&["8443"])), "https://c.example/", Err(PORT)),
    ] {
        assert_eq!(ask(&hosts, url), expected, "{url} {hosts:?}");
    }
}

#[test]
fn hosts_of_a_policy_are_spelt_in_one_way_too() {
    for bad in [
        "",
        "*",
        "*.",
        "a.*",
        "*a.example",
        "*.*.example",
        "a.example.",
        "é.example",
        "::1",
        "[::01]",
        "1",
        "*.1",
        "*.192.0.2.1",
        "*.[::1]",
        "a b",
        "xn--",
        "${claims.host}",
    ] {
        let fault = Hosts::new(list(&["a.example", bad])).unwrap_err();
        assert_eq!(fault, TestError::Parts(vec![unusable("/1", bad, FORM)]), "{bad}");
    }
    // Of a URL, the host alone is the host, and each part has its own place.
    for bad in ["https://a.example", "a.example:443", "*.a.example:443", "a.example/b", "[::1]:80"]
    {
        let value = object(&[("hosts", list(&["x", bad, bad])), ("schemes", list(&["ftp"]))]);
        let parts = vec![
            unusable("/hosts/1", bad, URL),
            unusable("/hosts/2", bad, URL),
            unusable("/schemes/0", "ftp", NAMES),
        ];
        assert_eq!(Hosts::new(value).unwrap_err(), TestError::Parts(parts), "{bad}");
    }
    let hosts = list(&["a.example"]);
    for (value, fault) in [
        (list(&[]), TestError::Value(LIST)),
        (Literal::String("a.example".into()), TestError::Value(LIST)),
        (object(&[]), TestError::Value(LIST)),
        (object(&[("hosts", list(&[]))]), TestError::Value(LIST)),
        (object(&[("host", hosts.clone())]), TestError::Parts(vec![unusable("", "host", KEYS)])),
        (
            object(&[("hosts", hosts.clone()), ("schemes", list(&["ftp"]))]),
            TestError::Parts(vec![unusable("/schemes/0", "ftp", NAMES)]),
        ),
        (
            object(&[("hosts", hosts.clone()), ("schemes", list(&[]))]),
            TestError::Value("a list of `schemes`"),
        ),
    ] {
        assert_eq!(Hosts::new(value).unwrap_err(), fault);
    }
    for bad in [&["0"][..], &["65536"], &["-1"], &["80.5"], &[]] {
        let value = object(&[("hosts", hosts.clone()), ("ports", ports(bad))]);
        let fault = TestError::Value("a list of 1 to 64 `ports` from 1 to 65535");
        assert_eq!(Hosts::new(value).unwrap_err(), fault, "{bad:?}");
    }
    for (count, is_good) in [(64, true), (65, false)] {
        let value = object(&[("hosts", hosts.clone()), ("ports", ports(&vec!["80"; count]))]);
        assert_eq!(Hosts::new(value).is_ok(), is_good, "{count}");
    }
}

#[test]
fn a_url_is_paid_for() {
    let hosts = Hosts::new(list(&["a.example"])).unwrap();
    let work = Work::default();
    let long = format!("https://a.example/{}", "b".repeat(1_000));
    assert_eq!(hosts.hold(&long, &work), Truth::True);
    assert!(work.spent() > 16 * 1_000);
    let many = vec!["443"; 64];
    let by_port = Hosts::new(object(&[("hosts", list(&["a.example"])), ("ports", ports(&many))]));
    let dear = Work::default();
    assert_eq!(by_port.unwrap().hold(&long, &dear), Truth::True);
    assert_eq!(dear.spent(), work.spent() + 64 * 1_024);
    while work.searching(1 << 20) {}
    assert_eq!(hosts.hold(&long, &work), Truth::Undecidable(Why::Work));
}
