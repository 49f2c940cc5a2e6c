"""Figures, report and picture of a run that was made up, so that each is known."""

import unittest
import xml.etree.ElementTree

import calls
import figures
import picture
import plan
import report
import stand

# Microseconds that are added to a call, and nanoseconds to each of its bytes.
ADDED = {"plain": (0, 0), "native": (20, 5), "lua": (5, 0.1), "ext_authz": (50, 1),
         "empty": (15, 0.2), "wasm": (25, 0.5), "many": (26, 0.5), "module": (8, 0.4),
         "asking": (85, 0.5), "asking_module": (58, 0.4)}
PLAIN = 40
NOISE = (0, 30, 1, 0, 2, 0)


def results(names):
    """Two starts of six bursts, the second start dearer by one."""
    def bursts(cost):
        return [[cost + start + noise for noise in NOISE] for start in range(2)]

    rows, starts, two, alone = [], [], [], []
    for name in names:
        call, byte = ADDED[name]
        for cell in plan.cells():
            if plan.is_measured(name, cell):
                cost = PLAIN + call + byte * calls.SIZES[cell.size] / 1000
                rows.append({"variant": name, **cell._asdict(), "cpu_us": bursts(cost), "asked_us": bursts(7)})
        if plan.is_timed(name):
            alone.append({"variant": name, "wall_us": bursts(200 + 2 * call)})
        if name in stand.ASKING:
            continue
        for workers in plan.WORKERS:
            ready, memory = bursts(1 + call / 100), bursts((70 + call) * figures.MIB)
            starts.append({"variant": name, "workers": workers, "ready_s": ready, "bytes": memory})
        two.append({"variant": name, "wall_us": bursts(80 + call), "cpu_us": bursts(PLAIN + call)})
    return {
        "machine": {"cpu": "?", "cores": 2, "kernel": "6", "envoy": "1", "load": "1", "commit": "?", "day": "?"},
        "plan": {"starts": 2, "rounds": 6, "quick": False},
        "module_bytes": {"wasm": 500_000},
        "others": [0.1],
        "calls": rows, "two_workers": two, "starts": starts, "alone": alone,
    }


class Report(unittest.TestCase):
    def setUp(self):
        self.found = figures.Figures(results(ADDED))

    def test_what_is_added_does_not_depend_on_the_start_or_the_noise(self):
        for how in report.HOW:
            for edge in self.found.added("native", plan.SMALL, how):
                self.assertAlmostEqual(edge, 20 + 5 * 0.17)

    def test_a_byte_is_the_slope_between_two_sizes(self):
        for how in report.HOW:
            self.assertAlmostEqual(self.found.per_byte("wasm", "escapes", how).value, 0.5)

    def test_a_goal_is_held_to_its_side_of_the_bar(self):
        verdicts = {goal.name: figures.verdict(goal) for goal in figures.goals_of_wasm(self.found)}
        self.assertEqual(verdicts["size of the module, KB"], "met")
        self.assertEqual(verdicts["added by a byte of code, ns"], "met")
        self.assertEqual(verdicts["added by a byte of prose, ns"], "**missed**")
        verdicts = {goal.name: figures.verdict(goal) for goal in figures.goals_of_module(self.found)}
        # 80 of 88, where more is better.
        self.assertEqual(verdicts["calls a second of two workers, against the plain proxy"], "aim met")
        self.assertEqual(verdicts["memory at 8 workers, added, MiB"], "**missed**")

    def test_every_variant_has_its_row_and_its_bar(self):
        for names in (list(ADDED), [name for name in ADDED if "module" not in name]):
            found = figures.Figures(results(names))
            page, drawn = report.write(found) + report.summary(found), picture.draw(found)
            words = " ".join(xml.etree.ElementTree.fromstring(drawn).itertext())
            for name in ADDED:
                self.assertEqual(stand.NAMES[name] + " |" in page, name in names, name)
                apart = name == "plain" or name in stand.MORE
                self.assertTrue(apart or (stand.NAMES[name] in words) == (name in names), name)

    def test_what_asking_adds_is_more_than_the_same_filter_without_it(self):
        for name, more in (("asking", 60), ("asking_module", 50)):
            for how in report.HOW:
                found = self.found.added_to(stand.MORE[name], name, plan.SMALL, how)
                self.assertAlmostEqual(found.value, more)
        self.assertAlmostEqual(self.found.takes_alone("asking", "low").value, 200 + 2 * 85 + 0.5)
        said = report.summary(self.found)
        self.assertIn("another 60 µs of Envoy's CPU, and 8 of the service's", said)
        self.assertIn("after 370 µs, and after 250 where the process counts", said)
        # A run of before has no such row, and no such table.
        old = {**results([name for name in ADDED if name not in stand.ASKING]), "alone": []}
        self.assertNotIn("across replicas", report.write(figures.Figures(old)))


if __name__ == "__main__":
    unittest.main()
