//! Calls of `danger` in disguise: one to three disguises drawn from what is
//! done to the message, to its bytes and to the request around them; one in eight
//! calls by its query instead.

mod message;
mod octets;
mod query;
mod spelling;
mod wire;

use crate::case::{Case, Draft, Kind};
use crate::dice::Dice;
use crate::json::call;

/// Case number `index` of a seed.
pub fn case(seed: u64, index: usize) -> Case {
    let mut dice = Dice::of(seed, index);
    let name = format!("hostile-{seed}-{index}");
    let mut about = Vec::new();
    let layers = match dice.below(10) {
        0..5 => 1,
        5..8 => 2,
        _ => 3,
    };
    let mut drawn = [0; 3];
    for _ in 0..layers {
        drawn[dice.below(3)] += 1;
    }

    let mut json = call("danger", &name);
    for _ in 0..drawn[0] {
        let (what, disguise) = message::DISGUISES[dice.below(message::DISGUISES.len())];
        disguise(&mut json, &mut dice);
        about.push(what);
    }
    let written = if dice.one_in(3) { json.loose(&mut dice) } else { json.compact() };
    let mut draft = Draft::post(written);
    for _ in 0..drawn[1] {
        let (what, disguise) = octets::DISGUISES[dice.below(octets::DISGUISES.len())];
        disguise(&mut draft, &mut dice);
        about.push(what);
    }
    if dice.one_in(8) {
        about.push(query::ask(&mut draft, &name, &mut dice));
    }
    for _ in 0..drawn[2] {
        let (what, disguise) = wire::DISGUISES[dice.below(wire::DISGUISES.len())];
        disguise(&mut draft, &mut dice);
        about.push(what);
    }
    Case { kind: Kind::Hostile, name, about, bytes: draft.encode() }
}
