//! The tables as they are on the page for people.

use std::env;
use std::fs;

use crate::matrix::Table;
use crate::told::Cell;

const PAGE: &str = "tests/interop/README.md";
const START: &str = "<!-- measured -->\n";
const END: &str = "<!-- end -->";

/// Prints the tables, and returns whether the page has the same ones. With
/// `UPDATE_GOLDEN=1` it gets them.
pub fn agrees(tables: &[Table]) -> bool {
    let measured: String = tables.iter().map(markdown).collect();
    println!("{measured}");
    let page = fs::read_to_string(PAGE).expect(PAGE);
    let (before, rest) = page.split_once(START).expect(START);
    let (shown, after) = rest.split_once(END).expect(END);
    if shown == measured {
        return true;
    }
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(PAGE, format!("{before}{START}{measured}{END}{after}")).expect(PAGE);
        return true;
    }
    println!("{PAGE} shows something else; UPDATE_GOLDEN=1 has it show this.");
    false
}

/// Prints tables as they would be on the page.
pub fn print(tables: &[Table]) {
    println!("{}", tables.iter().map(markdown).collect::<String>());
}

fn markdown(table: &Table) -> String {
    let mut text = format!("\n### {}\n\n| {} |\n", table.title, table.heads.join(" | "));
    text += &format!("|{}\n", " --- |".repeat(table.heads.len()));
    for (client, cells) in &table.rows {
        let cells = cells.iter().map(|cell| match cell {
            Cell::Good(text) | Cell::Bad(text) => format!(" {text} |"),
        });
        text += &format!("| {client} |{}\n", cells.collect::<String>());
    }
    text + "\n"
}
