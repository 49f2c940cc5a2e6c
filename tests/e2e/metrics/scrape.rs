//! A page of Envoy's figures as Prometheus reads it, and what is asked of it.

use mcp_rig::gateway::Gateway;
use regex_lite::Regex;

/// Names and values, in the order in which Envoy writes them.
type Labels = Vec<(String, String)>;

/// One page.
pub struct Scrape {
    /// Name, labels and value.
    series: Vec<(String, Labels, f64)>,
}

/// The series that an expression selects: a name, and the labels that it has to have. The
/// value is a regular expression, of which each alternative has to be there.
#[derive(Debug)]
pub struct Selector {
    pub name: String,
    pub labels: Labels,
}

impl Scrape {
    pub async fn of(gateway: &Gateway) -> Self {
        let page = gateway.admin().get("/stats/prometheus").await.expect("a page");
        let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self { series: lines.map(series).collect() }
    }

    /// The value of the series written exactly so.
    pub fn value(&self, wanted: &str) -> Option<f64> {
        let (name, labels) = wanted.split_once('{').expect("labels");
        let wanted = labels_of(labels.trim_end_matches('}'));
        let mut all = self.series_of(name).filter(|(labels, _)| **labels == *wanted);
        all.next().map(|(_, value)| value)
    }

    pub fn series_of(&self, name: &str) -> impl Iterator<Item = (&[(String, String)], f64)> {
        let named = self.series.iter().filter(move |(other, ..)| other == name);
        named.map(|(_, labels, value)| (&**labels, *value))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.iter().map(|(name, ..)| &**name)
    }

    /// Whether something is selected, and no alternative of a label selects
    /// nothing.
    pub fn has(&self, selector: &Selector) -> bool {
        let series = || self.series_of(&selector.name);
        let found = |name: &str, value: &str| {
            series().any(|(labels, _)| labels.iter().any(|(n, v)| n == name && whole(value, v)))
        };
        series().next().is_some()
            && selector
                .labels
                .iter()
                .all(|(name, value)| value.split('|').all(|alternative| found(name, alternative)))
    }
}

/// Whether a regular expression matches all of a text, as Prometheus has it.
pub fn whole(expression: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{expression})$")).expect(expression).is_match(text)
}

fn series(line: &str) -> (String, Labels, f64) {
    let (name, rest) = line.split_once('{').expect(line);
    let (labels, value) = rest.rsplit_once("} ").expect(line);
    (name.to_owned(), labels_of(labels), value.parse().expect(line))
}

fn labels_of(text: &str) -> Labels {
    // To Prometheus, a label without a value is none.
    let label = Regex::new(r#"(\w+)="([^"]+)""#).expect("a regex");
    label.captures_iter(text).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

/// The selectors in an expression, or in a file of them. The labels by which
/// their sums are made count too, except for those that Prometheus adds.
pub fn asked_for(text: &str) -> Vec<Selector> {
    let selector =
        Regex::new(r"(?:by \(([\w, ]+)\)[^{}]*?)?\b((?:mcp_policy|envoy)_\w+)(?:\{([^}]*)\})?")
            .expect("a regex");
    let matcher = Regex::new(r#"(\w+)=(~?)"([^"]*)""#).expect("a regex");
    let read = |found: regex_lite::Captures<'_>| {
        let part = |index| found.get(index).map_or("", |part| part.as_str());
        let by = part(1).split(", ").filter(|by| !by.is_empty());
        let by = by.map(|name| (name.to_owned(), ".+".to_owned()));
        let matchers = matcher.captures_iter(part(3));
        let matchers = matchers.map(|found| {
            // In a text, no bar parts alternatives.
            let value =
                if found[2].is_empty() { found[3].replace('|', r"\x7C") } else { found[3].into() };
            (found[1].to_owned(), value)
        });
        let added = |name: &str| ["job", "instance"].contains(&name);
        let labels = by.chain(matchers).filter(|(name, _)| !added(name)).collect();
        Selector { name: part(2).to_owned(), labels }
    };
    selector.captures_iter(text).map(read).collect()
}
