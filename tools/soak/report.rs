//! The properties of a run, whether it had them, and the table that says so.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ledger::{Admitted, Fate, Ledger, Tally};
use crate::metered::TOOLS;
use crate::pushes::{A_SECOND, Pushes, TEN_SECONDS};
use crate::rude::VANISHED;
use crate::vitals::{Sample, Vitals};

/// The growth of memory after the warm-up that is allowed, in percent and in bytes.
const GROWTH: (u64, u64) = (10, 8 << 20);

/// Words that Envoy's log has only when something is wrong.
const SIGNS: [&str; 6] = [
    "Uncaught",
    "panicked",
    "Proxy-Wasm plugin in-VM",
    "[critical][main",
    "[critical][backtrace",
    "assert failure",
];

/// The whole report.
#[derive(Debug)]
pub struct Report {
    lasting: Duration,
    tally: BTreeMap<&'static str, Tally>,
    rows: Vec<Row>,
    wrong: Vec<String>,
}

#[derive(Debug)]
struct Row {
    what: String,
    found: String,
    bound: String,
    holds: bool,
}

impl Report {
    pub fn new(lasting: Duration, ledger: &Ledger, vitals: &Vitals) -> Self {
        let (wrong, shown) = ledger.all_wrong();
        let mut report = Self { lasting, tally: ledger.tally(), rows: Vec::new(), wrong: shown };
        report.row("wrong answers and stuck clients", wrong, "0", wrong == 0);
        let sum = |part: fn(&Tally) -> u64| report.tally.values().map(part).sum::<u64>();
        let (right, broken_off) = (sum(|tally| tally.right), sum(|tally| tally.broken_off));
        // Each push ends the connections of the policy before it.
        report.row(
            "exchanges broken off as their connection was drained",
            broken_off,
            "1% of all",
            broken_off * 100 <= right,
        );
        report.memory("resident memory of Envoy", vitals, |sample| sample.resident);
        report.memory("memory that Envoy allocated", vitals, |sample| sample.allocated);
        let (before, after) = (vitals.machines_before, vitals.machines_after);
        report.row(
            "virtual machines, before all pushes and at the end",
            format!("{before}, {after} (at most {})", vitals.most(|sample| sample.machines)),
            before,
            after <= before,
        );
        let requests = vitals.requests_after;
        let (seen, vanished) = (vitals.vanished, report.right(VANISHED));
        report.row(
            "resets and closes within a request that Envoy saw",
            seen,
            format!("at least half of {vanished}"),
            seen >= vanished / 2 && vanished > 0,
        );
        report.row("requests in Envoy when all clients are gone", requests, "0", requests == 0);
        report
    }

    /// The number of exchanges of a kind that were as they have to be.
    fn right(&self, kind: &str) -> u64 {
        self.tally.get(kind).map_or(0, |tally| tally.right)
    }

    fn memory(&mut self, what: &str, vitals: &Vitals, number: fn(&Sample) -> u64) {
        let (before, after) = vitals.medians(number);
        let most = before + before * GROWTH.0 / 100 + GROWTH.1;
        self.row(
            format!("{what}, median after warm-up and at the end"),
            format!("{}, {} (at most {})", mib(before), mib(after), mib(vitals.most(number))),
            mib(most),
            before > 0 && after <= most,
        );
    }

    /// Calls that ran are those with a result, and some of those whose client
    /// does not know.
    pub fn arrived(&mut self, ledger: &Ledger, ran: &HashMap<u64, u32>) {
        let fates = ledger.fates();
        let count = |fate: Fate, times: fn(u32) -> bool| {
            let of = fates.iter().filter(|(_, known)| **known == fate);
            of.filter(|(number, _)| times(ran.get(number).copied().unwrap_or(0))).count()
        };
        let lost = count(Fate::Ran, |times| times != 1);
        let results = count(Fate::Ran, |_| true);
        self.row("calls with a result that did not run once", lost, "0", lost == 0 && results > 0);
        let refused = count(Fate::Refused, |_| true);
        let slipped = count(Fate::Refused, |times| times > 0);
        self.row(
            format!("of {refused} calls that were refused or not sent whole, ran"),
            slipped,
            "0",
            slipped == 0 && refused > 0,
        );
        let twice = ran.values().filter(|times| **times > 1).count();
        self.row("calls that ran twice", twice, "0", twice == 0);
        let strange = ran.keys().filter(|number| !fates.contains_key(number)).count();
        self.row("calls that ran and nobody made", strange, "0", strange == 0);
        let unknown = count(Fate::Unknown, |times| times == 1);
        let sum = results + unknown;
        self.row(
            "calls that ran = results + those whose client went or was cut off",
            format!("{} = {results} + {unknown}", ran.len()),
            sum,
            ran.len() == sum,
        );
    }

    /// Every policy that judged was in force, and judged as it says.
    pub fn policies(&mut self, ledger: &Ledger, pushes: &Pushes) {
        let judged = ledger.policies();
        let strange: Vec<_> =
            judged.iter().filter(|(name, _)| !pushes.known.contains_key(name)).collect();
        self.row(
            "policies that judged and were never in force",
            strange.len(),
            "0",
            strange.is_empty(),
        );
        let half = judged.iter().filter(|(name, turn)| {
            let number = pushes.known.get(name).copied().unwrap_or_default();
            turn.is_some_and(|allowed| allowed != number.is_multiple_of(2))
        });
        let half = half.count();
        self.row("policies that judged otherwise than they say", half, "0", half == 0);
        let good = format!("{} + {}", pushes.accepted, pushes.refused);
        let holds = pushes.accepted > 0 && pushes.refused > 0;
        self.row(
            "good policies in force + broken ones refused with the reason",
            good,
            "all",
            holds,
        );
    }

    /// No window has more than its limit.
    pub fn limits(&mut self, ledger: &Ledger) {
        let admitted = ledger.all_admitted();
        let mut seconds: HashMap<u64, usize> = HashMap::new();
        for call in admitted.iter().filter(|call| call.tool == TOOLS[0]) {
            let second = |moment: SystemTime| {
                moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
            };
            if second(call.sent) == second(call.answered) {
                *seconds.entry(second(call.sent)).or_default() += 1;
            }
        }
        let most = seconds.values().copied().max().unwrap_or_default();
        self.row("most calls admitted in a second, in all", most, A_SECOND, within(most, A_SECOND));
        let callers: std::collections::BTreeSet<_> =
            admitted.iter().map(|call| call.caller).collect();
        let ten = callers.into_iter().map(|caller| {
            let calls = admitted.iter().filter(|call| call.tool == TOOLS[1]);
            most_within_ten_seconds(calls.filter(|call| call.caller == caller))
        });
        let most = ten.max().unwrap_or_default();
        self.row(
            "most calls admitted in any ten seconds, of one caller",
            most,
            TEN_SECONDS,
            within(most, TEN_SECONDS),
        );
    }

    /// Adds a row for the count of a limit: calls with a result, and at most those that were
    /// cut off.
    pub fn counted(&mut self, counted: u64, results: u64, cut_off: u64) {
        self.row(
            "metered calls in the counter, and with a result",
            format!("{counted}, {results}"),
            format!("{cut_off} apart"),
            counted >= results && counted <= results + cut_off,
        );
    }

    /// Whether the log has any sign of a trap.
    pub fn log(&mut self, log: &str) {
        let signs: Vec<_> =
            log.lines().filter(|line| SIGNS.iter().any(|sign| line.contains(sign))).collect();
        self.row(
            "lines of Envoy's log that tell of a trap or a crash",
            signs.len(),
            "0",
            signs.is_empty(),
        );
        self.wrong.extend(signs.iter().take(5).map(|line| (*line).to_owned()));
    }

    /// Whether everything is as it has to be.
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.holds)
    }

    fn row(
        &mut self,
        what: impl fmt::Display,
        found: impl fmt::Display,
        bound: impl fmt::Display,
        holds: bool,
    ) {
        let (what, found, bound) = (what.to_string(), found.to_string(), bound.to_string());
        self.rows.push(Row { what, found, bound, holds });
    }
}

/// A limit that was never reached shows nothing.
const fn within(most: usize, limit: usize) -> bool {
    most <= limit && most * 2 > limit
}

/// Calls that were surely charged within ten seconds, the most of them. They
/// were made one after the other.
fn most_within_ten_seconds<'a>(calls: impl Iterator<Item = &'a Admitted>) -> usize {
    let calls: Vec<_> = calls.collect();
    let mut first = 0;
    let mut most = 0;
    for (last, call) in calls.iter().enumerate() {
        while calls[first].sent + Duration::from_secs(10) <= call.answered {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Soak of {:.1} minutes\n", self.lasting.as_secs_f64() / 60.0)?;
        writeln!(f, "| traffic | as it has to be | broken off |\n| --- | ---: | ---: |")?;
        for (kind, tally) in &self.tally {
            writeln!(f, "| {kind} | {} | {} |", tally.right, tally.broken_off)?;
        }
        writeln!(f, "\n| what has to hold | found | bound | |\n| --- | --- | --- | --- |")?;
        for Row { what, found, bound, holds } in &self.rows {
            let verdict = if *holds { "holds" } else { "**broken**" };
            writeln!(f, "| {what} | {found} | {bound} | {verdict} |")?;
        }
        for what in &self.wrong {
            writeln!(f, "\n- {what}")?;
        }
        Ok(())
    }
}
