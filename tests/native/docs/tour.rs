//! The tour: short steps, in an order from which no reader falls out.

use super::markdown::Page;

/// The steps in the order of their names.
fn steps() -> Vec<Page> {
    let mut pages = Page::in_folder("docs/tour");
    pages.retain(|page| !page.name.ends_with("/README.md"));
    pages
}

fn file(page: &Page) -> &str {
    page.name.rsplit('/').next().unwrap()
}

#[test]
fn each_step_has_a_policy_and_calls_and_is_short() {
    let steps = steps();
    assert_eq!(steps.len(), 12);
    for page in &steps {
        let fences = page.fences();
        let kinds: Vec<&str> = fences.iter().map(|fence| &*fence.info).collect();
        assert_eq!(kinds[..2], ["json policy", "text calls"], "{}", page.name);
        let lines = page.text.lines().count();
        assert!(lines <= 70, "{} has {lines} lines", page.name);
        // Of those that pass and those that do not, a step has some.
        let calls = &fences[1].text;
        let passes = |line: &str| line.split("  ").any(|cell| cell.trim() == "allowed");
        assert!(calls.lines().any(passes) && !calls.lines().all(passes), "{}", page.name);
    }
}

#[test]
fn each_step_leads_to_the_next() {
    let steps = steps();
    let index: Vec<String> =
        Page::read("docs/tour/README.md").links().into_iter().map(|(_, link)| link).collect();
    for (number, page) in steps.iter().enumerate() {
        assert_eq!(index[number], file(page), "the step of line {}", number + 1);
        let heading = format!("# {}. ", number + 1);
        assert!(page.text.starts_with(&heading), "{}", page.name);
        let links: Vec<String> = page.links().into_iter().map(|(_, link)| link).collect();
        let next = steps.get(number + 1).map_or("README.md#after-the-tour", file);
        assert_eq!(links.last().unwrap(), next, "{}", page.name);
        let before = number.checked_sub(1).map(|before| file(&steps[before]).to_owned());
        assert!(before.is_none_or(|before| links.contains(&before)), "{}", page.name);
    }
}

#[test]
fn each_step_opens_in_the_playground() {
    for page in steps() {
        let own = file(&page).trim_end_matches(".md");
        let link = format!("../../target/playground/index.html#tour/{own}");
        assert!(page.links().iter().any(|(_, to)| *to == link), "{} has no {link}", page.name);
    }
}
