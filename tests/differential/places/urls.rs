//! URLs: those of the web's own tests, known to be odd, and made up.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use url::Url;

use super::paths::odd;
use super::readers::read;
use super::{Judge, Read, Tally};
use crate::budget::Budget;
use crate::dice::Dice;

const SCHEMES: [&str; 24] = [
    "https://",
    "https://",
    "https://",
    "https://",
    "https://",
    "http://",
    "http://",
    "http://",
    "HTTPS://",
    "Http://",
    "https:",
    "https:/",
    "https:///",
    "https:\\\\",
    "https:/\\",
    "//",
    " https://",
    "\thttps://",
    "https:\t//",
    "ht\ntps://",
    "ftp://",
    "ws://",
    "url:https://",
    "https://https://",
];
const USERS: [&str; 20] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "a@",
    "a.example@",
    "a.example:443@",
    "a:b@",
    "@",
    "a.example%40",
    "a.example\\@",
    "a.example?@",
    "a.example#@",
    "a.example;@",
];
const HOSTS: [&str; 64] = [
    "a.example",
    "a.example",
    "a.example",
    "a.example",
    "A.Example",
    "x.b.example",
    "x.y.b.example",
    "b.example",
    "c.example",
    "c.example",
    "localhost",
    "LOCALHOST",
    "127.0.0.1",
    "127.0.0.1",
    "192.0.2.7",
    "[::1]",
    "[::1]",
    "[2001:db8::1]",
    "xb.example",
    "a.example.c.example",
    "aa.example",
    "a_b.example",
    "-a.example",
    "xn--bcher-kva.example",
    // From here on, other spellings of those above to some reader.
    "a.example.",
    "a..example",
    ".a.example",
    "ａ.example",
    "a。example",
    "a．example",
    "a%2eexample",
    "%61.example",
    "ⓐ.example",
    "a\u{ad}.example",
    "a\u{200b}.example",
    "a\u{200d}.example",
    "xn--a-.example",
    "xn--a-.xn--example-",
    "a.example.xn--",
    "xn--.example",
    "a.example,c.example",
    "a.example;c.example",
    "a.example c.example",
    "a.example\\.c.example",
    "a.example\0.c.example",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "127.0.0.1.",
    "127.0.0.01",
    "１２７.0.0.1",
    "127。0。0。1",
    "[0:0:0:0:0:0:0:1]",
    "[::01]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::1%25lo]",
    "[2001:DB8::1]",
    "::1",
    "",
    "*",
];
const PORTS: [&str; 20] = [
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    ":443",
    ":443",
    ":80",
    ":8443",
    ":",
    ":0443",
    ":00000000443",
    ":+443",
    ":65979",
    ":443a",
    ":٤٤٣",
    ": 443",
    ":443:80",
];
const TAILS: [&str; 22] = [
    "",
    "",
    "/",
    "/",
    "/x",
    "/x",
    "?q",
    "#f",
    "/@c.example/",
    "/../..//c.example",
    "//c.example/",
    "/\\c.example",
    "\\c.example",
    "\\@c.example/",
    "?@c.example",
    "?@c.example/",
    "#@c.example/",
    ";c.example",
    ",c.example/",
    "/ ",
    "\n",
    "@c.example/",
];
const ODD: [char; 16] = [
    '\0', '\t', '\n', '\r', ' ', '@', '\\', '/', ':', '.', '%', '[', '\u{ad}', '\u{200b}',
    '\u{feff}', '\u{3002}',
];

/// Texts that have led to another host somewhere.
const KNOWN: [&str; 20] = [
    "https://a.example@c.example/",
    "https://a.example:443@c.example/",
    "https://a.example%00@c.example/",
    "https://a.example\\@c.example/",
    "https://a.example&@c.example#@a.example/",
    "https://c.example#@a.example/",
    "https://c.example?@a.example/",
    "https://c.example\\.a.example/",
    "https://a.example:80\\@c.example:80/",
    "https://a.example\t.c.example/",
    "https://a.example\u{ff0f}.c.example/",
    "https://c.example\u{2100}.a.example/",
    "https://a.example\u{fe6b}c.example/",
    "https://a.example／c.example/",
    "http:////c.example/",
    "https:a.example",
    "http://[::ffff:7f00:1]/",
    "http://0/",
    "http://127.0.0.1:80:443/",
    "https://xn--a-.example/",
];

/// The policies' values: hosts, schemes, ports.
fn policies() -> Vec<(Vec<&'static str>, Vec<&'static str>, Vec<u16>)> {
    let ours = vec!["a.example", "*.b.example", "127.0.0.1", "localhost", "[::1]"];
    let theirs = vec![
        "example.org",
        "example.com",
        "*.example.com",
        "foo",
        "foo.com",
        "host",
        "test",
        "f",
        "x",
        "192.168.0.1",
        "127.0.0.1",
        "[2001::1]",
        "[1::]",
        "*.google.com",
        "go.com",
    ];
    vec![
        (ours.clone(), vec!["https"], vec![]),
        (ours.clone(), vec!["http", "https"], vec![]),
        (ours, vec!["https", "http"], vec![443, 8443]),
        (theirs.clone(), vec!["http", "https"], vec![]),
        (theirs, vec!["http", "https"], vec![80, 443, 21, 8080]),
    ]
}

fn text(seed: u64, index: usize) -> String {
    let mut dice = Dice::of(seed, index);
    // Half of them with nothing odd before the path.
    let mut text = match dice.one_in(2) {
        true => {
            let (scheme, user) = (dice.pick(&SCHEMES), dice.pick(&USERS));
            format!("{scheme}{user}{}{}", dice.pick(&HOSTS), dice.pick(&PORTS))
        }
        false => {
            let scheme = dice.pick(&SCHEMES[..8]);
            format!("{scheme}{}{}", dice.pick(&HOSTS[..24]), dice.pick(&PORTS[..11]))
        }
    };
    text += dice.pick(&TAILS);
    odd(&mut text, &ODD, &mut dice)
}

/// Scheme, host and port, which some readers have beyond all bounds.
type Found = (String, String, f64);

fn by_rust(text: &str) -> Option<Found> {
    let url = Url::parse(text).ok()?;
    let port = url.port_or_known_default().unwrap_or_default();
    Some((url.scheme().to_owned(), url.host_str()?.to_owned(), port.into()))
}

/// A host as the thing that is connected to.
fn same(host: &str) -> Result<IpAddr, String> {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => {
            Ok(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
        }
        Ok(address) => Ok(address),
        // Old functions take a number for an address.
        Err(_) => host.parse::<u32>().map(|n| Ipv4Addr::from(n).into()).map_err(|_| host),
    }
}

fn is_inside((hosts, schemes, ports): &(Vec<&str>, Vec<&str>, Vec<u16>), found: &Found) -> bool {
    let (scheme, host, port) = found;
    let own: &[u16] = if scheme == "https" { &[443] } else { &[80] };
    let ports = if ports.is_empty() { own } else { ports };
    let port_is_good = ports.iter().any(|good| f64::from(*good) == *port);
    let host = same(host);
    schemes.contains(&scheme.as_str())
        && port_is_good
        && hosts.iter().any(|good| match (good.strip_prefix('*'), &host) {
            (Some(end), Err(name)) => name.ends_with(end),
            (Some(_), Ok(_)) => false,
            (None, host) => same(good) == *host,
        })
}

#[test]
fn no_reader_of_urls_finds_a_host_on_the_other_side() {
    if !crate::is_wanted("filesystem") || !crate::is_wanted("fetch") {
        return;
    }
    let Budget { seed, hostile, .. } = Budget::from_env();
    let mut texts: Vec<String> =
        serde_json::from_str(include_str!("wpt.json")).expect("a list of texts");
    texts.extend(KNOWN.map(str::to_owned));
    texts.extend((0..hostile * 4).map(|index| text(seed, index)));
    let mut tally = Tally::default();
    let mut readers = 0;
    let all: Vec<Read<Found>> = read("url", &texts);
    for policy in policies() {
        let (hosts, schemes, ports) = &policy;
        let mut value = json!({ "hosts": hosts, "schemes": schemes });
        if !ports.is_empty() {
            value["ports"] = Value::from(ports.clone());
        }
        let judge = Judge::new("host_in", &value);
        for (text, read) in texts.iter().zip(&all) {
            let mut read = read.clone();
            read.insert("rust url".into(), by_rust(text));
            readers = read.len();
            tally.count(text, judge.place(text), &read, |found| is_inside(&policy, found));
        }
    }
    tally.end("urls", readers);
}
