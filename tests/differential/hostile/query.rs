//! Calls of `danger` in the query, beside a message that calls nothing, or
//! `safe`, or no message.

use crate::case::Draft;
use crate::dice::Dice;
use crate::json::call;

/// Puts the call of `danger` that `name` tells apart into the query.
pub fn ask(draft: &mut Draft, name: &str, dice: &mut Dice) -> &'static str {
    let respell: [fn(&str, &mut Dice) -> String; 3] = [plain, plain, disguised];
    let respell = respell[dice.below(3)];
    let mut parameters = vec![
        format!("{}=tools/call", respell("method", dice)),
        format!("{}[name]=danger", respell("params", dice)),
        format!("{}[arguments][run]={name}", respell("params", dice)),
    ];
    if dice.one_in(2) {
        parameters.push("jsonrpc=2.0".into());
        parameters.push("id=1".into());
    }
    if dice.one_in(3) {
        parameters.push("sessionId=1".into());
    }
    dice.shuffle(&mut parameters);
    let mut query = parameters.join(dice.pick(&["&", "&", "&", ";", "&&", "&+"]));
    if dice.one_in(4) {
        query = query.replace('[', "%5B").replace(']', "%5D");
    }
    draft.target = format!("/mcp?{query}");
    let (what, body) = match dice.below(5) {
        0 => ("a query beside a call", call("safe", "decoy").compact()),
        1 => ("a query beside a ping", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.into()),
        2 => ("a query beside a response", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.into()),
        3 => (
            "a query beside a notification",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.into(),
        ),
        _ => {
            draft.method = dice.pick(&["GET", "DELETE"]).into();
            ("a query without a body", String::new())
        }
    };
    draft.body = body.into();
    what
}

fn plain(name: &str, _: &mut Dice) -> String {
    name.to_owned()
}

/// A name that some server takes for `name`.
fn disguised(name: &str, dice: &mut Dice) -> String {
    let (first, rest) = name.split_at(1);
    let code = first.as_bytes()[0];
    match dice.below(10) {
        0 => format!("%{code:02x}{rest}"),
        1 => format!("%25{code:02x}{rest}"),
        2 => format!("%u00{code:02X}{rest}"),
        3 => format!("%20{name}"),
        4 => format!("+{name}"),
        5 => format!("[{name}]"),
        6 => format!("[{name}"),
        7 => format!("]{name}"),
        8 => format!("{name}%00"),
        _ => name.to_uppercase(),
    }
}
