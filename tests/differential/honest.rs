//! Calls of `safe` in every form that a client may give them.

use crate::case::{Case, Draft, Framing, Kind};
use crate::dice::Dice;
use crate::json::{Fields, Json, call, object, raw, set, text};

/// Case number `index` of a seed. One in eight is a batch.
pub fn case(seed: u64, index: usize) -> Case {
    let mut dice = Dice::of(!seed, index);
    let name = format!("honest-{seed}-{index}");
    if index % 8 == 7 {
        return batch(name, &mut dice);
    }
    let modern = dice.one_in(4);
    let mut about = vec![if modern { "2026-07-28" } else { "an older revision" }];
    let mut json = message(&name, modern, &mut dice);
    order(&mut json, &mut dice);
    let written = match dice.one_in(2) {
        true => json.loose(&mut dice),
        false => json.compact(),
    };
    let body = match dice.one_in(6) {
        true => written + dice.pick(&["\n", "\r\n", " \t\n"]),
        false => written,
    };
    let mut draft = Draft::post(body);
    headers(&mut draft, modern, &mut dice);
    if dice.one_in(6) {
        about.push("a query");
        let queries =
            ["sessionId=3f9a1c0e", "api_key=a%26b&profile=x", "name=server1", "filter[name]=1", ""];
        draft.target = format!("/mcp?{}", dice.pick(&queries));
    }
    if dice.one_in(4) {
        about.push("in chunks");
        draft.framing =
            Framing::Chunks([1, 16, 400][dice.below(3)].max(draft.body.len() / 2_000), "", "");
    }
    Case { kind: Kind::Honest, name, about, bytes: draft.encode() }
}

/// Some calls and the messages that may be between them, of a revision with batches.
fn batch(name: String, dice: &mut Dice) -> Case {
    let mut first = call("safe", &name);
    arguments(&mut first, dice);
    let mut list = vec![first];
    for other in 0..dice.below(4) {
        let id = 100 + other;
        list.push(match dice.below(3) {
            0 => {
                let mut other = call("safe", "another");
                set(other.envelope(), "id", Json::Raw(id.to_string()));
                other
            }
            1 => Json::Raw(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)),
            _ => Json::Raw(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#)),
        });
    }
    dice.shuffle(&mut list);
    let mut draft = Draft::post(Json::Array(list).loose(dice));
    if dice.one_in(2) {
        draft.set("mcp-protocol-version", "2025-03-26");
    }
    Case { kind: Kind::Batch, name, about: vec!["a batch"], bytes: draft.encode() }
}

fn message(name: &str, modern: bool, dice: &mut Dice) -> Json {
    let mut json = call("safe", name);
    let ids = [
        "0",
        "7",
        "-5",
        "9007199254740991",
        "\"a\"",
        "\"\"",
        "\"7\"",
        "\"0\u{e9}\u{1f600}\"",
        "2147483648",
        "\"\\u0061\\\"\\\\\"",
        "\"3f9a1c0e-8d27-4bb0-9d3a-0c1f5a2b7e6d\"",
    ];
    set(json.envelope(), "id", raw(dice.pick(&ids)));
    let names =
        ["safe", "safe", "s\\u0061fe", "\\u0073afe", "saf\\u0065", "\\u0073\\u0061\\u0066\\u0065"];
    set(json.params(), "name", text(dice.pick(&names)));
    let methods =
        ["tools/call", "tools/call", "tools\\/call", "\\u0074ools/call", "tools\\u002Fcall"];
    set(json.envelope(), "method", text(dice.pick(&methods)));
    if dice.one_in(8) {
        // An escape in a key is the same key.
        let respelt = [("name", "n\\u0061me"), ("arguments", "argument\\u0073")];
        let (key, respelt) = respelt[dice.below(2)];
        for (name, _) in json.params().into_iter().flatten().filter(|(name, _)| name == key) {
            *name = respelt.to_owned();
        }
    }
    arguments(&mut json, dice);
    meta(&mut json, modern, dice);
    if dice.one_in(8)
        && let Some(fields) = json.params()
    {
        let keys = ["x-trace", "meta", "namespace", "tool", "Ünïcode", "paramsX", "a name"];
        fields.push((dice.pick(&keys).to_owned(), raw(dice.pick(&["1", "{}", "\"x\"", "[null]"]))));
    }
    json
}

/// More arguments beside `run`: what is in them is the tool's affair.
fn arguments(json: &mut Json, dice: &mut Dice) {
    let long = "lorem ipsum ".repeat([1, 100, 3_000][dice.below(3)]);
    let deep = format!("{}1{}", "[".repeat(20), "]".repeat(20));
    let other = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger","arguments":{}}}"#;
    let quoted = serde_json::Value::from(other).to_string();
    let pieces = [
        ("text", text(&long)),
        ("deep", Json::Raw(deep)),
        ("message", raw(other)),
        ("quoted", Json::Raw(quoted)),
        ("name", text("danger")),
        ("Name", text("danger")),
        ("method", text("tools/call")),
        ("params", object([("name", text("danger"))])),
        ("jsonrpc", text("1.0")),
        ("", text("")),
        (
            "unicode",
            text("h\u{e9}llo \u{4e16}\u{754c} \u{1f600} \u{feff} \u{2028} \u{17f}\u{212a}"),
        ),
        ("escapes", raw(r#""\u00e9\ud83d\ude00\n\t\"\\\/\b\f\r\u001f\u0000""#)),
        ("numbers", raw("[0,-0,1.5,-2.5e-3,1E5,1e+2,9007199254740991,0.1,123456789.123456789]")),
        ("others", raw("[true,false,null,{},[],\"\"]")),
        ("list", raw(r#"[{"name":"a"},{"name":"b"}]"#)),
        ("__proto__", text("x")),
        ("NaN", text("NaN")),
        ("comment", text("/* no */ // no")),
    ];
    let mut chosen: Fields =
        pieces.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    dice.shuffle(&mut chosen);
    chosen.truncate(dice.below(5));
    for (key, value) in json.params().into_iter().flatten() {
        if let Json::Object(fields) = value
            && key.starts_with("argument")
        {
            fields.append(&mut chosen);
            dice.shuffle(fields);
        }
    }
}

fn meta(json: &mut Json, modern: bool, dice: &mut Dice) {
    let mut meta = Fields::new();
    if modern {
        let ours = object([
            ("io.modelcontextprotocol/protocolVersion", text("2026-07-28")),
            ("io.modelcontextprotocol/clientInfo", raw(r#"{"name":"agent","version":"1"}"#)),
            ("io.modelcontextprotocol/clientCapabilities", object([])),
        ]);
        meta.extend(ours.clone().envelope().cloned().unwrap_or_default());
    }
    if dice.one_in(4) {
        let token = raw(dice.pick(&["1", "\"p-1\""]));
        meta.push(("progressToken".to_owned(), token));
    }
    if dice.one_in(4) {
        meta.push(("example.com/trace".to_owned(), raw(r#"{"name":"x","a":[1,2]}"#)));
    }
    if !meta.is_empty()
        && let Some(params) = json.params()
    {
        params.push(("_meta".to_owned(), Json::Object(meta)));
    }
}

fn order(json: &mut Json, dice: &mut Dice) {
    if let Some(params) = json.params() {
        dice.shuffle(params);
    }
    if let Some(envelope) = json.envelope() {
        dice.shuffle(envelope);
    }
}

fn headers(draft: &mut Draft, modern: bool, dice: &mut Dice) {
    let types = [
        "application/json",
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "Application/JSON",
        "application/json ; charset=Utf-8",
    ];
    draft.set("content-type", dice.pick(&types));
    let accepts = [
        "application/json, text/event-stream",
        "text/event-stream, application/json",
        "application/json,text/event-stream",
        "application/json, text/event-stream, */*;q=0.1",
    ];
    draft.set("accept", dice.pick(&accepts));
    if modern {
        draft.set("mcp-protocol-version", "2026-07-28");
        draft.set("mcp-method", "tools/call");
        draft.set("mcp-name", dice.pick(&["safe", "safe", "=?base64?c2FmZQ==?="]));
    } else {
        match dice.below(6) {
            0 => draft.set("mcp-protocol-version", "2025-03-26"),
            1 => draft.set("MCP-Protocol-Version", "2025-06-18"),
            2 => draft.set("Mcp-Protocol-Version", "2025-11-25"),
            3 => {
                draft.set("mcp-protocol-version", "2025-11-25");
                draft.set("mcp-session-id", "3f9a1c0e8d27");
            }
            _ => {}
        }
    }
    let extras = [
        ("user-agent", "agent/1.0"),
        ("accept-encoding", "gzip, deflate, br"),
        ("authorization", "Bearer abc"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("accept-language", "*"),
        ("sec-fetch-mode", "cors"),
        ("connection", "keep-alive"),
        ("content-encoding", "identity"),
        ("cache-control", "no-cache"),
    ];
    for (name, value) in extras {
        if dice.one_in(5) {
            draft.set(name, value);
        }
    }
    dice.shuffle(&mut draft.headers);
}
