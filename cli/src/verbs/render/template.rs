//! A shipped configuration as lines, some of which are replaced. Its comments stay with
//! what they are about, and go with it.

use crate::failure::Failure;
use core::ops::Range;

/// A configuration in YAML.
#[derive(Debug)]
pub(super) struct Template {
    lines: Vec<String>,
}

impl Template {
    /// A shipped file.
    pub(super) fn new(text: &str) -> Self {
        Self { lines: text.lines().map(str::to_owned).collect() }
    }

    /// The text, with a newline at its end.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut blank = true;
        for line in &self.lines {
            // A part that was taken out leaves one blank line of two.
            if !(line.is_empty() && blank) {
                text.push_str(line);
                text.push('\n');
            }
            blank = line.is_empty();
        }
        text
    }

    /// Replaces the comment at the head of the file.
    pub(super) fn set_head(&mut self, comment: &[String]) {
        let end = self.lines.iter().position(|line| !line.starts_with('#')).unwrap_or(0);
        let lines = comment.iter().map(|line| format!("# {line}"));
        self.lines.splice(..end, lines);
    }

    /// Replaces a text in every line that is not a comment.
    pub(super) fn replace(&mut self, old: &str, new: &str) {
        for line in &mut self.lines {
            if !line.trim_start().starts_with('#') && line.contains(old) {
                *line = line.replace(old, new);
            }
        }
    }

    /// Replaces the ends of lines that are not comments, each line once.
    pub(super) fn rename(&mut self, ends: &[(&str, String)]) {
        for line in self.lines.iter_mut().filter(|line| !line.trim_start().starts_with('#')) {
            let found = ends.iter().find_map(|(old, new)| Some((line.strip_suffix(old)?, new)));
            if let Some((start, new)) = found {
                *line = format!("{start}{new}");
            }
        }
    }

    /// Replaces everything below the line of a key by these lines, indented as YAML.
    pub(super) fn set_below(&mut self, key: &str, below: &str) -> Result<(), Failure> {
        let place = self.block(key)?;
        let pad = " ".repeat(self.indent(place.start).saturating_add(2));
        let lines = below.lines().map(|line| format!("{pad}{line}"));
        self.lines.splice(place.start.saturating_add(1)..place.end, lines);
        Ok(())
    }

    /// Replaces the line of a key, and everything below it.
    pub(super) fn set(&mut self, key: &str, block: &str) -> Result<(), Failure> {
        let place = self.block(key)?;
        let pad = " ".repeat(self.indent(place.start));
        let lines: Vec<String> = block.lines().map(|line| format!("{pad}{line}")).collect();
        self.lines.splice(place, lines);
        Ok(())
    }

    /// As [`Self::set`], and the comment above goes too.
    pub(super) fn set_with_comment(&mut self, key: &str, block: &str) -> Result<(), Failure> {
        let start = self.line(key)?;
        let comment = self.comment(start);
        self.lines.drain(comment..start);
        self.set(key, block)
    }

    /// Takes a key out, with everything below it and the comment above it.
    pub(super) fn remove(&mut self, key: &str) -> Result<(), Failure> {
        let place = self.block(key)?;
        let start = self.comment(place.start);
        self.lines.drain(start..place.end);
        Ok(())
    }

    /// Takes the element of a list out that has this line.
    pub(super) fn remove_element(&mut self, line: &str) -> Result<(), Failure> {
        let at = self.line(line)?;
        let inner = self.indent(at);
        let above = self.lines.get(..at).unwrap_or_default();
        let starts = |line: &String| {
            let indent = line.len().saturating_sub(line.trim_start().len());
            line.trim_start().starts_with("- ") && indent < inner
        };
        let Some(start) = above.iter().rposition(starts) else { return Err(missing(line)) };
        let end = self.end(start);
        let start = self.comment(start);
        self.lines.drain(start..end);
        Ok(())
    }

    /// The lines of a key, without what is before it in the file, moved to the left.
    pub(super) fn cut(&self, key: &str) -> Result<String, Failure> {
        let place = self.block(key)?;
        let indent = self.indent(place.start);
        let lines = self.lines.get(place).unwrap_or_default().iter();
        let lines: Vec<&str> = lines.map(|line| line.get(indent..).unwrap_or_default()).collect();
        Ok(lines.join("\n"))
    }

    /// The line that is this, or begins with it where it ends in a colon.
    fn line(&self, key: &str) -> Result<usize, Failure> {
        let is = |line: &String| {
            let line = line.trim_start();
            line == key || (key.ends_with(':') && line.starts_with(key))
        };
        self.lines.iter().position(is).ok_or_else(|| missing(key))
    }

    /// The line of a key, and the lines below it that belong to it.
    fn block(&self, key: &str) -> Result<Range<usize>, Failure> {
        let start = self.line(key)?;
        Ok(start..self.end(start))
    }

    /// The end of what begins at a line. Blank lines and comments behind it belong to
    /// what follows.
    fn end(&self, start: usize) -> usize {
        let indent = self.indent(start);
        let mut end = start.saturating_add(1);
        for (index, line) in self.lines.iter().enumerate().skip(end) {
            if line.is_empty() {
                continue;
            }
            if self.indent(index) <= indent {
                break;
            }
            end = index.saturating_add(1);
        }
        end
    }

    /// The beginning of the comment directly above a line, or the line.
    fn comment(&self, line: usize) -> usize {
        let above = self.lines.get(..line).unwrap_or_default();
        let is_comment = |line: &&String| line.trim_start().starts_with('#');
        line.saturating_sub(above.iter().rev().take_while(is_comment).count())
    }

    fn indent(&self, line: usize) -> usize {
        let line = self.lines.get(line).map_or("", String::as_str);
        line.len().saturating_sub(line.trim_start().len())
    }
}

fn missing(key: &str) -> Failure {
    Failure::new(format!("the shipped configuration has no `{key}`; please report this"))
}

#[cfg(test)]
mod tests {
    use super::Template;

    const TEXT: &str = "\
# Head.
# More.
a:
  # About b.
  b: 1

  # About c.
  - c:
      d: mcp
      e: 2

  - f: mcp-guard
";

    #[test]
    fn a_part_goes_with_its_comment() {
        let mut template = Template::new(TEXT);
        template.remove("b: 1").unwrap();
        template.set_head(&["New.".to_owned()]);
        assert_eq!(
            template.text(),
            "# New.\na:\n\n  # About c.\n  - c:\n      d: mcp\n      e: 2\n\n  - f: mcp-guard\n"
        );
        template.remove_element("e: 2").unwrap();
        assert_eq!(template.text(), "# New.\na:\n\n  - f: mcp-guard\n");
        assert!(template.remove("none").is_err());
    }

    #[test]
    fn values_and_blocks_are_replaced() {
        let mut template = Template::new(TEXT);
        template
            .rename(&[(": mcp", ": own".to_owned()), (": mcp-guard", ": own-guard".to_owned())]);
        template.set_below("- c:", "x: 1\ny: 2").unwrap();
        assert_eq!(template.cut("- c:").unwrap(), "- c:\n  x: 1\n  y: 2");
        template.set("b: 1", "b:\n  z: 3").unwrap();
        assert_eq!(
            template.text(),
            "# Head.\n# More.\na:\n  # About b.\n  b:\n    z: 3\n\n  # About c.\n  - c:\n    x: 1\n    y: 2\n\n  - f: own-guard\n"
        );
    }
}
