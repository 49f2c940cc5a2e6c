//! Changes to the message as a tree: keys given twice or almost, values of other types,
//! several messages in one.

use super::spelling::{escaped, other_case, tailed};
use crate::dice::Dice;
use crate::json::{Fields, Json, call, object, raw, set, text};

pub type Disguise = fn(&mut Json, &mut Dice);

pub const DISGUISES: &[(&str, Disguise)] = &[
    ("name twice", |json, dice| twice(json.params(), "name", text("safe"), dice)),
    ("method twice", |json, dice| {
        let other = dice.pick(&["ping", "tools/list", "notifications/initialized", "tools/call"]);
        twice(json.envelope(), "method", text(other), dice);
    }),
    ("params twice", |json, dice| {
        let decoy = object([("name", text("safe")), ("arguments", object([]))]);
        twice(json.envelope(), "params", decoy, dice);
    }),
    ("arguments twice", |json, dice| {
        twice(json.params(), "arguments", object([]), dice);
    }),
    ("jsonrpc twice", |json, dice| {
        let other = dice.pick(&["1.0", "2.0", "2.0 "]);
        twice(json.envelope(), "jsonrpc", text(other), dice);
    }),
    ("id twice", |json, dice| {
        let other = dice.pick(&["2", "\"1\"", "null", "1.5"]);
        twice(json.envelope(), "id", raw(other), dice);
    }),
    ("two calls' worth of params", |json, dice| {
        // As if two messages had been merged: every key twice.
        let Some(fields) = json.envelope() else { return };
        let Json::Object(decoy) = call("safe", "decoy") else { return };
        let at = if dice.one_in(2) { 0 } else { fields.len() };
        fields.splice(at..at, decoy);
    }),
    ("a key in another case", |json, dice| respell(json, dice, other_case)),
    ("a key in another case", |json, dice| respell(json, dice, other_case)),
    ("a key with an escape", |json, dice| respell(json, dice, escaped)),
    ("a key with an escape, and its decoy", |json, dice| {
        decoyed(json, dice, escaped);
    }),
    ("a key in another case, and its decoy", |json, dice| decoyed(json, dice, other_case)),
    ("a key with a tail, and its decoy", |json, dice| decoyed(json, dice, tailed)),
    ("a key with a tail", |json, dice| respell(json, dice, tailed)),
    ("the name with escapes", |json, dice| {
        rename(json, &escaped("danger", dice));
    }),
    ("the name with a tail", |json, dice| rename(json, &tailed("danger", dice))),
    ("the name in another case", |json, dice| rename(json, &other_case("danger", dice))),
    ("the name in look-alikes", |json, dice| {
        let names =
            ["dаnger", "ｄａｎｇｅｒ", "dan\u{200b}ger", "dange\u{301}r", "ｄanger", "𝐝anger"];
        rename(json, dice.pick(&names));
    }),
    ("the name as a path", |json, dice| {
        let names = ["/danger", "./danger", "safe/../danger", "safe danger", "safe\\ndanger"];
        let more = ["danger?safe", "danger#safe", "safe\\u0000danger", "safe,danger", "%64anger"];
        let names = [&names[..], &more[..]].concat();
        rename(json, dice.pick(&names));
    }),
    ("the name in another type", |json, dice| {
        let names = [
            r#"["danger"]"#,
            r#"{"name":"danger"}"#,
            r#"["safe","danger"]"#,
            r#"{"toString":"danger"}"#,
            r#""\"danger\"""#,
        ];
        set(json.params(), "name", raw(dice.pick(&names)));
    }),
    ("the method with escapes", |json, dice| {
        let method = escaped("tools/call", dice);
        set(json.envelope(), "method", text(&method));
    }),
    ("the method almost", |json, dice| {
        let methods = [
            "Tools/Call",
            "tools/call ",
            " tools/call",
            "TOOLS/CALL",
            "tools\\u2044call",
            "tools//call",
            "/tools/call",
            "tools/call\\u0000",
            "tools/call/",
            "tools.call",
            "tools/Call",
            "toolſ/call",
            "call_tool",
            "tools/call\\n",
            "tools/call?x",
        ];
        set(json.envelope(), "method", text(dice.pick(&methods)));
    }),
    ("params as a list", |json, dice| {
        let lists = [r#"["danger",{}]"#, r#"[{"name":"danger","arguments":{}}]"#];
        set(json.envelope(), "params", raw(dice.pick(&lists)));
    }),
    ("params as a text", |json, _| {
        let inner = json.params().map(|params| Json::Object(params.clone()).compact());
        let quoted = serde_json::Value::from(inner.unwrap_or_default()).to_string();
        set(json.envelope(), "params", Json::Raw(quoted));
    }),
    ("arguments of another type", |json, dice| {
        let others = ["null", "\"{}\"", "[]", "0", "false", "[{\"run\":1}]"];
        set(json.params(), "arguments", raw(dice.pick(&others)));
    }),
    ("an odd id", |json, dice| {
        let ids = [
            "null",
            "true",
            "1.5",
            "1e2",
            "1.0",
            "-0",
            "[]",
            "{}",
            "\"\"",
            "\"\\ud800\"",
            "123456789012345678901234567890",
            "1e400",
            "\"\\u0000\"",
            "-1e-400",
        ];
        set(json.envelope(), "id", raw(dice.pick(&ids)));
    }),
    ("no id", |json, _| drop_key(json, "id")),
    ("an odd jsonrpc", |json, dice| match dice.below(3) {
        0 => drop_key(json, "jsonrpc"),
        _ => {
            let others = ["2.0", "2", "\"2\"", "\"2.0 \"", "\"\\u0032.0\"", "null", "[\"2.0\"]"];
            set(json.envelope(), "jsonrpc", raw(dice.pick(&others)));
        }
    }),
    ("a response too", |json, dice| {
        let key = dice.pick(&["result", "error", "Result", "r\\u0065sult"]);
        let value = raw(dice.pick(&["{}", "null", r#"{"code":1,"message":"x"}"#]));
        insert(json.envelope(), key, value, dice);
    }),
    ("another revision in _meta", |json, dice| {
        let revision = dice.pick(&["2026-07-28", "2025-11-25", "2099-01-01", "", "2026-7-28", "1"]);
        let meta = object([
            ("io.modelcontextprotocol/protocolVersion", text(revision)),
            ("io.modelcontextprotocol/clientCapabilities", object([])),
            ("io.modelcontextprotocol/clientInfo", raw(r#"{"name":"x","version":"1"}"#)),
        ]);
        insert(json.params(), "_meta", meta, dice);
    }),
    ("a task", |json, dice| {
        let task = raw(dice.pick(&["{}", r#"{"ttl":1000}"#, "null", "true"]));
        insert(json.params(), dice.pick(&["task", "Task", "tasK", "tas\u{212a}"]), task, dice);
    }),
    ("an input response", |json, dice| {
        let key = dice.pick(&["inputResponses", "requestState", "InputResponses"]);
        let value = raw(dice.pick(&["{}", "\"\"", "[]", "null"]));
        insert(json.params(), key, value, dice);
    }),
    ("a prototype", |json, dice| {
        let decoy = dice.pick(&["__proto__", "constructor", "prototype", "$ref", "toJSON"]);
        let name = dice.pick(&["safe", "danger"]);
        let other = if name == "safe" { "danger" } else { "safe" };
        rename(json, other);
        insert(json.params(), decoy, object([("name", text(name))]), dice);
    }),
    ("params without a name, and a prototype", |json, dice| {
        if let Some(params) = json.params() {
            params.retain(|(key, _)| key != "name");
        }
        insert(json.params(), "__proto__", object([("name", text("danger"))]), dice);
    }),
    ("params one deeper", |json, _| {
        let inner = json.params().cloned().unwrap_or_default();
        let outer = object([("name", text("safe")), ("params", Json::Object(inner))]);
        set(json.envelope(), "params", outer);
    }),
    ("a long key before", |json, dice| {
        let long = "x".repeat([100, 5_000, 70_000][dice.below(3)]);
        let padding = object([("padding", text(&long))]);
        if let Some(fields) = json.envelope() {
            fields.insert(0, ("padding".to_owned(), padding));
            // The first object is where params are looked for.
            fields.rotate_left(1);
            let at = fields.len() - 1;
            fields.swap(0, at);
        }
    }),
    ("a deep value", |json, dice| {
        let depth = [20, 64, 127, 200, 1000][dice.below(5)];
        let (open, close) = *dice.pick(&[&("[", "]"), &("{\"a\":", "}")]);
        let middle = if open == "[" { "" } else { "1" };
        let deep = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
        insert(json.params(), "_meta", Json::Raw(format!("{{\"deep\":{deep}}}")), dice);
    }),
    ("an odd number", |json, dice| {
        let numbers = [
            "01",
            "+1",
            ".5",
            "1.",
            "NaN",
            "Infinity",
            "-Infinity",
            "0x10",
            "1e400",
            "1e-400",
            "-",
            "1_000",
            "1e",
            "--1",
            "٣",
            "-0",
            "9007199254740993",
            "1E5",
        ];
        insert(json.params(), "weight", raw(dice.pick(&numbers)), dice);
    }),
    ("an odd text", |json, dice| {
        let texts = [
            r#""\ud800""#,
            r#""\udc00\ud800""#,
            "\"\u{1}\"",
            "\"\u{0}\"",
            "\"a\nb\"",
            r#""\x41""#,
            r#""\u00""#,
            "'single'",
            "\"\t\"",
            r#""\'""#,
            r#""\v""#,
            "\"\u{feff}\"",
            r#""\u{41}""#,
        ];
        insert(json.params(), "_meta", object([("x", raw(dice.pick(&texts)))]), dice);
    }),
    ("a batch", |json, dice| {
        let danger = json.clone();
        let safe = call("safe", "decoy");
        let list = match dice.below(10) {
            0 => vec![danger],
            1 => vec![safe, danger],
            2 => vec![danger, safe],
            3 => vec![Json::Array(vec![danger])],
            4 => vec![safe, Json::Array(vec![danger])],
            5 => vec![raw("1"), danger],
            6 => vec![danger, raw("null")],
            7 => [vec![safe; 64], vec![danger]].concat(),
            8 => vec![Json::Array(vec![]), danger],
            _ => vec![safe, raw(r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#), danger],
        };
        *json = Json::Array(list);
    }),
    ("a batch by its ids", |json, _| {
        // Told apart, so that nothing but the second call's name is amiss.
        let mut safe = call("safe", "decoy");
        set(safe.envelope(), "id", raw("2"));
        *json = Json::Array(vec![safe, json.clone()]);
    }),
    ("wrapped", |json, dice| {
        let wrapper = dice.pick(&["0", "message", "body", "request", "data", ""]);
        *json = Json::Object(vec![(wrapper.to_owned(), json.clone())]);
    }),
    ("as a text", |json, _| {
        *json = Json::Raw(serde_json::Value::from(json.compact()).to_string());
    }),
];

const ENVELOPE: &[&str] = &["jsonrpc", "id", "method", "params"];

/// Adds `key` once more with a decoy, before or after the one that is there.
fn twice(fields: Option<&mut Fields>, key: &str, decoy: Json, dice: &mut Dice) {
    let spelt = if dice.one_in(3) { escaped(key, dice) } else { key.to_owned() };
    insert(fields, &spelt, decoy, dice);
}

fn insert(fields: Option<&mut Fields>, key: &str, value: Json, dice: &mut Dice) {
    if let Some(fields) = fields {
        let at = dice.below(fields.len() + 1);
        fields.insert(at, (key.to_owned(), value));
    }
}

fn rename(json: &mut Json, name: &str) {
    set(json.params(), "name", text(name));
}

fn drop_key(json: &mut Json, key: &str) {
    if let Some(fields) = json.envelope() {
        fields.retain(|(there, _)| there != key);
    }
}

/// Writes one of the protocol's keys in another way.
fn respell(json: &mut Json, dice: &mut Dice, spelling: fn(&str, &mut Dice) -> String) {
    let (fields, keys) = match dice.one_in(2) {
        true => (json.params(), &["name", "arguments"][..]),
        false => (json.envelope(), ENVELOPE),
    };
    let key = dice.pick(keys);
    let mut fields = fields.into_iter().flatten();
    if let Some(field) = fields.find(|field| field.0 == key) {
        field.0 = spelling(key, dice);
    }
}

/// Adds a decoy under another spelling of a key; or gives the key itself the
/// decoy, and the other spelling what it had.
fn decoyed(json: &mut Json, dice: &mut Dice, spelling: fn(&str, &mut Dice) -> String) {
    let safe = object([("name", text("safe")), ("arguments", object([]))]);
    let (fields, key, decoy) = match dice.below(4) {
        0 => (json.envelope(), "params", safe),
        1 => (json.envelope(), "method", text("ping")),
        _ => (json.params(), "name", text("safe")),
    };
    let Some(fields) = fields else { return };
    let other = spelling(key, dice);
    if dice.one_in(2)
        && let Some(field) = fields.iter_mut().find(|field| field.0 == key)
    {
        field.0 = other;
        insert(Some(fields), key, decoy, dice);
    } else {
        insert(Some(fields), &other, decoy, dice);
    }
}
