"""keep.py RESULTS NAME: keeps a run as benches/results/NAME.*, and writes its
figures into docs/cost.md, between the marks, so that nobody copies one."""

import json
import pathlib
import sys

import figures
import picture
import report

PAGE = pathlib.Path("docs/cost.md")
BEGIN, END = "<!-- written by scripts/bench --keep -->\n", "<!-- end of what is written -->\n"


def main(source, name):
    kept = pathlib.Path("benches/results") / name
    kept.parent.mkdir(exist_ok=True)
    text = pathlib.Path(source).read_text()
    found = figures.Figures(json.loads(text))
    kept.with_suffix(".json").write_text(text)
    kept.with_suffix(".md").write_text(report.write(found))
    kept.with_suffix(".svg").write_text(picture.draw(found))
    shown = f"![{picture.words(found)}](../{kept}.svg)"
    more = f"All figures of this run: [{name}.md](../{kept}.md); each burst of it: `{kept}.json`."
    written = "\n".join([shown, "", report.summary(found), more, ""])
    PAGE.write_text(replaced(PAGE.read_text(), written))


def replaced(page, written):
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{written}\n{END}{after}"


if __name__ == "__main__":
    main(*sys.argv[1:])
