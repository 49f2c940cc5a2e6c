"""The arithmetic of the benchmark; `scripts/bench` checks it before it measures."""

import json
import math
import tempfile
import unittest

import calls
import compare
import keep
import plan
import statistic


class Statistic(unittest.TestCase):
    def test_the_lowest_sixth_is_what_nobody_disturbed(self):
        self.assertEqual(statistic.lowest_sixth([9, 1, 8, 3, 7, 6, 5, 4, 99, 10, 11, 12]), 2)
        self.assertEqual(statistic.lowest_sixth([4, 2, 3]), 2)

    def test_a_loud_minute_does_not_change_what_is_added(self):
        # Both are twice as dear in the second start, and loud in one burst.
        plain = [[10, 10, 90, 10, 10, 10], [20, 20, 20, 20, 20, 20]]
        more = [[13, 13, 93, 13, 99, 13], [23, 23, 23, 23, 23, 60]]
        for how in ("low", "pairs"):
            self.assertEqual(statistic.added(more, plain, how), [3, 3], how)

    def test_an_estimate_is_the_median_of_the_starts_and_their_range(self):
        figure = statistic.estimate([5, 1, 2])
        self.assertEqual(figure, (2, 1, 5))
        self.assertEqual(statistic.half_range(figure), 2)

    def test_a_ratio_is_of_medians_and_the_starts_say_how_far_it_may_be_off(self):
        self.assertEqual(statistic.ratio([2, 4, 6], [4, 8, 6]), (4 / 6, 0.5, 1))
        self.assertTrue(math.isnan(statistic.quotient(1, 0)))


class Plan(unittest.TestCase):
    def test_every_body_is_in_a_file_of_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = calls.write(folder, plan.cells())
            for (tool, size, text), path in paths.items():
                call = json.loads(path.read_bytes())
                self.assertEqual(path.stat().st_size, calls.SIZES[size])
                self.assertEqual(call["params"]["name"], tool)
                text = calls.TEXTS[text] if calls.SIZES[size] >= 4_000 else "x"
                self.assertTrue(call["params"]["arguments"]["text"].startswith(text))
            self.assertEqual(len(paths), len(set(paths.values())))
            self.assertLessEqual({calls.key_of(cell) for cell in plan.cells()}, set(paths))

    def test_each_round_has_its_own_order_and_each_run_the_same(self):
        orders = [plan.shuffled("abcdefgh", 0, turn) for turn in (1, 2, 1)]
        self.assertNotEqual(orders[0], orders[1])
        self.assertEqual(orders[0], orders[2])

    def test_every_cell_has_one_that_it_is_compared_with(self):
        for cell in plan.cells():
            base = "plain" if cell.outcome == "allowed" else "wasm"
            self.assertTrue(plan.is_measured(base, cell), cell)


class Page(unittest.TestCase):
    def test_only_what_is_between_the_marks_is_written(self):
        page = f"above\n{keep.BEGIN}old\n{keep.END}below\n"
        self.assertEqual(keep.replaced(page, "new\n"), f"above\n{keep.BEGIN}\nnew\n\n{keep.END}below\n")

    def test_a_difference_is_a_part_of_the_first(self):
        self.assertAlmostEqual(compare.difference(0.5, 0.55), 0.1)


if __name__ == "__main__":
    unittest.main()
