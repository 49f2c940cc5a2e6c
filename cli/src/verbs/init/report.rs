//! The policy and the reasons, for machines.

use super::draft::{Judged, Treatment};
use super::merge::Written;
use serde_json::{Value, json};

/// The report as JSON. Names of tools are as the server gives them: what shows them has to
/// make them safe.
pub(super) fn json(tools: &[Judged], written: &Written, merged: bool) -> Value {
    let all = || tools.iter().zip(&written.treatments);
    let names = |which: fn(&Treatment) -> bool| {
        let names = all().filter(|(_, treatment)| which(treatment));
        Value::from_iter(names.map(|(one, _)| one.tool.name.as_str()))
    };
    let classes: Vec<Value> = all().map(|(one, _)| class(one)).collect();
    let left_out: Vec<Value> = all()
        .filter_map(|(one, treatment)| match treatment {
            Treatment::LeftOut(why) => Some(json!({ "name": one.tool.name, "reason": why })),
            _ => None,
        })
        .collect();
    let mut report = json!({ "policy": written.policy, "tools": classes });
    if let Value::Object(report) = &mut report {
        if !left_out.is_empty() {
            report.insert("left_out".into(), left_out.into());
        }
        if merged {
            let added =
                |one: &Treatment| !matches!(one, Treatment::Kept(_) | Treatment::LeftOut(_));
            report.insert("added".into(), names(added));
            report.insert("kept".into(), names(|one| matches!(one, Treatment::Kept(_))));
            report.insert("gone".into(), json!(written.gone));
        }
    }
    report
}

fn class(one: &Judged) -> Value {
    json!({
        "name": one.tool.name,
        "class": one.class.as_str(),
        "risk": one.class.risk(),
        "reason": format!("From the tool's definition: {}", one.sign),
    })
}
