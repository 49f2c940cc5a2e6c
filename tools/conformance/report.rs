//! The result: a table, and the differences.

use std::collections::BTreeMap;

use crate::DIRECTORY;
use crate::suite::{Check, Outcome, Section, Suite, passed};
use crate::way::{Seen, Way};

/// A check on one way, against the same with nothing between.
struct Difference {
    scenario: String,
    check: String,
    alone: String,
    here: String,
    message: String,
}

/// A row for each side and revision.
pub fn table(suite: &Suite, runs: &[(Way, Seen)]) {
    println!("\nscenarios that pass, and checks in all");
    print!("{:<20}", "");
    for (way, _) in runs {
        print!("{:>14}", way.name());
    }
    println!("{:>14}", "differences");
    for (section, scenarios) in &suite.sections {
        print!("{:<20}", section.title());
        for (_, seen) in runs {
            let Some(outcome) = seen.outcomes.get(section) else {
                print!("{:>14}", "-");
                continue;
            };
            let passed = scenarios.iter().filter(|name| passed(checks(outcome, name))).count();
            let checks = outcome.values().flatten().filter(|check| counts(check)).count();
            print!("{:>14}", format!("{passed}/{} {checks:>4}", scenarios.len()));
        }
        let count: usize =
            others(runs).map(|(_, seen)| differences(runs, seen, section).len()).sum();
        println!("{count:>14}");
    }
    print!("{:<20}", "requests judged");
    for (way, seen) in runs {
        let judged = if way.is_filtered() { seen.judged.to_string() } else { "-".to_owned() };
        print!("{judged:>14}");
    }
    println!("\n");
}

/// Prints what is wrong, and returns whether nothing is.
pub fn verdict(suite: &Suite, runs: &[(Way, Seen)]) -> bool {
    let mut sound = true;
    for (section, scenarios) in &suite.sections {
        let alone = &runs[0].1.outcomes[section];
        for name in scenarios.iter().filter(|name| !passed(checks(alone, name))) {
            // Of a scenario that never passes, the filter could break anything.
            println!("{}: {name} does not pass with nothing between", section.title());
            sound = false;
        }
        for (way, seen) in others(runs) {
            for difference in differences(runs, seen, section) {
                let Difference { scenario, check, alone, here, message } = difference;
                println!("{}, {}: {scenario}: {check}", section.title(), way.title());
                println!("    {alone} with nothing between, {here} here{message}");
                // What Envoy does by itself, it does behind the filter too.
                sound = false;
            }
        }
    }
    for (way, _) in runs.iter().filter(|(way, seen)| way.is_filtered() && seen.judged == 0) {
        println!("{}: nothing was judged", way.title());
        sound = false;
    }
    match sound {
        true => println!("The same scenarios pass, with the same checks."),
        false => println!("What was seen is in {DIRECTORY}/results."),
    }
    sound
}

fn others(runs: &[(Way, Seen)]) -> impl Iterator<Item = &(Way, Seen)> {
    runs.iter().filter(|(way, _)| *way != Way::Alone)
}

fn differences(runs: &[(Way, Seen)], seen: &Seen, section: &Section) -> Vec<Difference> {
    let alone = &runs[0].1.outcomes[section];
    let Some(here) = seen.outcomes.get(section) else { return Vec::new() };
    let mut names: Vec<_> = alone.keys().chain(here.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .flat_map(|name| compare(name, checks(alone, name), checks(here, name)))
        .collect()
}

fn compare(scenario: &str, alone: &[Check], here: &[Check]) -> Vec<Difference> {
    let (alone, here) = (by_name(alone), by_name(here));
    let mut names: Vec<_> = alone.keys().chain(here.keys()).collect();
    names.sort();
    names.dedup();
    let statuses = |checks: Option<&Vec<&Check>>| match checks {
        None => "absent".to_owned(),
        Some(checks) => {
            let mut statuses: Vec<_> = checks.iter().map(|check| check.status.as_str()).collect();
            statuses.sort_unstable();
            statuses.join(" and ")
        }
    };
    let different = names.into_iter().filter_map(|name| {
        let (was, is) = (statuses(alone.get(name)), statuses(here.get(name)));
        let messages = here.get(name).into_iter().flatten();
        let messages = messages.filter(|check| !check.message.is_empty());
        (was != is).then(|| Difference {
            scenario: scenario.to_owned(),
            check: (*name).to_owned(),
            alone: was,
            here: is,
            message: messages.map(|check| format!(": {}", check.message)).collect(),
        })
    });
    different.collect()
}

fn by_name(checks: &[Check]) -> BTreeMap<&str, Vec<&Check>> {
    let mut sorted = BTreeMap::<_, Vec<_>>::new();
    for check in checks.iter().filter(|check| counts(check)) {
        sorted.entry(check.name.as_str()).or_default().push(check);
    }
    sorted
}

/// The suite also notes what it sent and saw, event by event.
fn counts(check: &Check) -> bool {
    check.status != "INFO"
}

fn checks<'a>(outcome: &'a Outcome, scenario: &str) -> &'a [Check] {
    outcome.get(scenario).map_or(&[], Vec::as_slice)
}
