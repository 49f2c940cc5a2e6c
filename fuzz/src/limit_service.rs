//! Whatever a rate limit service answers, an OK is proven: a reader that takes the last
//! of two values, and skips what it cannot read, finds the proof too.
//!
//! The first byte of an input chooses the engine and the limits, the rest is the answer.

use mcp_policy_filter::limit_service::{Charge, Engine, Failure, MAX_ANSWER_BYTES, Plan, Verdict};

/// The bytes before the answer.
pub const HEAD: usize = 1;

/// The limits of a question, of which a byte chooses some: max, window, unit, hits.
const LIMITS: [(u32, u32, u64, u64); 3] =
    [(20, 3_600, 3, 1), (100_050, 86_400, 4, 4_000), (u32::MAX, 1, 1, 3)];

pub fn check(data: &[u8]) {
    let Some((choice, answer)) = data.split_first() else { return };
    let engine = if choice & 8 == 0 { Engine::Ratelimit } else { Engine::Limitador };
    let chosen: Vec<_> = (0..3).filter(|at| choice >> at & 1 == 1).map(|at| LIMITS[at]).collect();
    let charges: Vec<Charge<'_>> = chosen
        .iter()
        .zip(["a", "b", "c"])
        .map(|(&(max, window, _, units), counter)| Charge {
            counter,
            caller: Some("ci"),
            max,
            window,
            units,
        })
        .collect();
    let start = Plan::new(engine, "mcp", &charges).expect("each has room");
    let Some(question) = start.question() else { return };
    written(&question.bytes, engine);
    let verdict = start.clone().answered(answer);
    assert_eq!(verdict, start.clone().answered(answer));
    let looks = engine == Engine::Ratelimit && (charges.len() > 1 || charges[0].units > 1);
    match &verdict {
        Verdict::Ok(left) => {
            assert!(answer.len() <= MAX_ANSWER_BYTES);
            match engine {
                Engine::Ratelimit => proven(answer, &chosen, left, looks),
                Engine::Limitador => listed(answer, &chosen),
            }
        }
        Verdict::Over { index, retry_after } => {
            assert!(*index < charges.len());
            let longest = charges.iter().map(|charge| u64::from(charge.window)).max();
            assert!(retry_after.is_none_or(|wait| wait > 0 && Some(wait) <= longest));
            let says = codes(answer).contains(&2);
            assert!(says || looks, "nobody says that a limit is full");
        }
        Verdict::Failed(Failure::Unreadable) => {}
        Verdict::Failed(_) => assert!(!codes(answer).contains(&2), "a full limit is no failure"),
    }
    if verdict == Verdict::Failed(Failure::Unreadable) {
        return;
    }
    // What nobody asks for changes nothing, and a field that is cut everything.
    let more = [answer, b"\xfa\x01\x03any"].concat();
    if more.len() <= MAX_ANSWER_BYTES {
        assert_eq!(start.clone().answered(&more), verdict);
    }
    let cut = start.clone().answered(&[answer, b"\x08"].concat());
    assert_eq!(cut, Verdict::Failed(Failure::Unreadable));
}

/// A question is whole, and asks about each limit.
fn written(question: &[u8], engine: Engine) {
    let fields = fields(question);
    assert_eq!(texts(&fields, 1), [b"mcp"]);
    let descriptors = texts(&fields, 2);
    assert!(!descriptors.is_empty());
    for descriptor in descriptors {
        let inner = self::fields(descriptor);
        assert_eq!(texts(&inner, 1).len(), 2);
        let with_limit = usize::from(engine == Engine::Ratelimit);
        assert_eq!(texts(&inner, 2).len(), with_limit);
        assert_eq!(texts(&inner, 3).len(), with_limit);
    }
}

/// `ratelimit` says OK to the whole and to each, and which limit it applied.
fn proven(answer: &[u8], chosen: &[(u32, u32, u64, u64)], left: &[(usize, u32)], looks: bool) {
    let all = fields(answer);
    assert_eq!(last(&all, 1), 1);
    let statuses = texts(&all, 2);
    assert_eq!((statuses.len(), left.len()), (chosen.len(), chosen.len()));
    for ((status, (max, _, unit, hits)), (_, left)) in statuses.iter().zip(chosen).zip(left) {
        let status = fields(status);
        assert_eq!(last(&status, 1), 1);
        let limit = texts(&status, 2).last().map(|limit| fields(limit)).expect("a limit");
        assert_eq!((last(&limit, 1), last(&limit, 2)), (u64::from(*max), *unit));
        let rest = last(&status, 3);
        assert_eq!(rest, u64::from(*left));
        // Of a look, enough is left; of a charge, no more than can be.
        assert!(if looks { rest >= *hits } else { rest + hits <= u64::from(*max) });
        assert!(rest <= u64::from(*max));
    }
}

/// `limitador` says OK, and one of its headers lists the limit of the first question.
fn listed(answer: &[u8], chosen: &[(u32, u32, u64, u64)]) {
    let all = fields(answer);
    assert_eq!(last(&all, 1), 1);
    let lightest = chosen.iter().min_by_key(|(_, _, _, hits)| hits).expect("a limit");
    let entry = format!("{}", lightest.0);
    let window = format!("w={}", lightest.1);
    let named = texts(&all, 3).into_iter().any(|header| {
        let header = fields(header);
        let value = String::from_utf8_lossy(texts(&header, 2).last().unwrap_or(&&b""[..]));
        let value = value.into_owned();
        value.contains(&entry) && value.contains(&window)
    });
    assert!(named, "no header lists {entry} with {window}");
}

/// The codes of the whole and of all statuses.
fn codes(answer: &[u8]) -> Vec<u64> {
    let all = fields(answer);
    let statuses = texts(&all, 2).into_iter().map(|status| last(&fields(status), 1));
    statuses.chain([last(&all, 1)]).collect()
}

/// A field as a lenient reader has it: its number, and a number or bytes.
type Field<'a> = (u64, Result<u64, &'a [u8]>);

fn last(fields: &[Field<'_>], number: u64) -> u64 {
    let values = fields.iter().filter(|field| field.0 == number);
    values.filter_map(|field| field.1.ok()).last().unwrap_or_default()
}

fn texts<'a>(fields: &[Field<'a>], number: u64) -> Vec<&'a [u8]> {
    let values = fields.iter().filter(|field| field.0 == number);
    values.filter_map(|field| field.1.err()).collect()
}

/// The fields up to the first that cannot be read.
fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    while let Some(field) = field(&mut bytes) {
        found.push(field);
    }
    found
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<Field<'a>> {
    let tag = varint(bytes)?;
    let value = match tag & 7 {
        0 => Ok(varint(bytes)?),
        1 => Err(take(bytes, 8)?),
        2 => {
            let length = varint(bytes)?;
            Err(take(bytes, usize::try_from(length).ok()?)?)
        }
        5 => Err(take(bytes, 4)?),
        _ => return None,
    };
    Some((tag >> 3, value))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for at in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).wrapping_shl(7 * at);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_both_engines_hold() {
        for answer in [
            &b"\x08\x01\x12\x0f\x08\x01\x12\x04\x08\x14\x10\x03\x18\x13\x22\x03\x08\xd2\x09"[..],
            b"\x08\x02\x12\x0d\x08\x02\x12\x04\x08\x14\x10\x03\x22\x03\x08\xd2\x09",
            b"\x08\x01\x1a\x22\x0a\x11X-RateLimit-Limit\x12\x0d20, 20;w=3600",
            b"\x08\x01",
            b"",
        ] {
            for choice in 0..16 {
                check(&[&[choice], answer].concat());
            }
        }
    }
}
