//! A `RateLimitRequest` as bytes.

use super::{CALLER, COUNTER, Charge, Engine, unit};
use crate::wire::protobuf::{write_bytes, write_number};

/// Writes the question of an engine about these limits: for `limitador`, a single one.
/// One that looks weighs nothing.
pub(super) fn write(
    engine: Engine,
    domain: &str,
    looks: bool,
    charges: &[(usize, Charge<'_>)],
) -> Vec<u8> {
    let (mut message, mut descriptor, mut part) = (Vec::new(), Vec::new(), Vec::new());
    write_bytes(&mut message, 1, domain.as_bytes());
    let mut units = 0;
    for (_, charge) in charges {
        units = charge.units;
        descriptor.clear();
        // The one entry that a client has a hand in comes last: engines that escape
        // nothing make one key of all.
        let entries = [(COUNTER, Some(charge.counter)), (CALLER, charge.caller)];
        for (key, value) in entries {
            let Some(value) = value else { continue };
            part.clear();
            write_bytes(&mut part, 1, key.as_bytes());
            write_bytes(&mut part, 2, value.as_bytes());
            write_bytes(&mut descriptor, 1, &part);
        }
        if engine == Engine::Ratelimit {
            part.clear();
            write_number(&mut part, 1, charge.max.into());
            write_number(&mut part, 2, unit(charge.window).into());
            write_bytes(&mut descriptor, 2, &part);
            part.clear();
            if !looks {
                write_number(&mut part, 1, units);
            }
            write_bytes(&mut descriptor, 3, &part);
        }
        write_bytes(&mut message, 2, &descriptor);
    }
    if engine == Engine::Limitador {
        write_number(&mut message, 3, units);
    }
    message
}
