//! Durations, in which the rules of two kinds are.

use serde_json::Value;

/// A duration as CEL reads it: numbers with units, such as `1m30s`.
pub fn milliseconds(duration: &Value) -> Option<f64> {
    let mut rest = duration.as_str().filter(|text| !text.is_empty())?;
    let mut sum = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, after) = rest.split_at(number);
        let units = [("ms", 1.0), ("h", 3_600_000.0), ("m", 60_000.0), ("s", 1000.0)];
        let (unit, factor) = units.iter().find(|(unit, _)| after.starts_with(unit))?;
        sum += value.parse::<f64>().ok()? * factor;
        rest = &after[unit.len()..];
    }
    Some(sum)
}
