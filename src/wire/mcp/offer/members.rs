//! The members of an object in the parameters.
//!
//! A key that only some readers take for `uri` or `ref` would have the policy asked about
//! one resource while the server reads another, so it is refused.

use super::Fault;
use crate::wire::json::{JsonError, Raw, Reader, Text, fold_ascii};
use crate::wire::jsonrpc::DecodeErrorKind;

/// The members of an object with these names, of which there are at most three, each once
/// or not at all.
///
/// # Errors
/// A key that some reader takes for one of these names.
pub(super) fn members<'a>(
    object: Raw<'a>,
    names: &[&'static str],
) -> Result<[Option<Raw<'a>>; 3], Fault> {
    let mut found = [None; 3];
    let mut alike = None;
    read(object, &mut |key, at, value| {
        for (name, place) in names.iter().zip(&mut found) {
            if key.is(name) {
                *place = Some(value);
            } else if is_alike(key, name) {
                alike.get_or_insert((DecodeErrorKind::LookAlikeKey(name), at));
            }
        }
        if key.is(PROTOTYPE) {
            alike.get_or_insert((DecodeErrorKind::LookAlikeKey(PROTOTYPE), at));
        }
    });
    alike.map_or(Ok(found), Err)
}

/// The key that, in JavaScript, lends an object the members of its value.
const PROTOTYPE: &str = "__proto__";

/// Shows the members of an object that was read before, with the offsets of the body.
fn read<'a>(object: Raw<'a>, see: &mut dyn FnMut(Text<'a>, usize, Raw<'a>)) {
    let member = |reader: &mut Reader<'a>, key, at: usize| -> Result<(), JsonError> {
        let value = reader.value()?;
        let at = at.saturating_add(object.at);
        see(key, at, Raw { at: value.at.saturating_add(object.at), ..value });
        Ok(())
    };
    // It was JSON before.
    let _read = Reader::again(object).object(member);
}

/// Whether some reader takes a key for a name: one that ignores case, or one that has
/// `resource_subscriptions` for a field besides its name in JSON.
fn is_alike(key: Text<'_>, name: &str) -> bool {
    let plain = key.chars().filter(|c| !matches!(c, '_' | '-')).map(fold_ascii);
    plain.eq(name.chars().map(fold_ascii))
}
