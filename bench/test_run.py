"""The parts of the bench that only compute. `python3 -m unittest test_run` in this folder; under a second."""

import unittest

from harness import report, stats
from harness.processes import PeerError, last_line
from harness.scenarios import parse_own_bench
from run import chosen, names, one_line


class Stats(unittest.TestCase):
    def test_a_percentile_is_a_value_that_was_measured(self):
        values = list(range(1, 101))
        self.assertEqual((stats.percentile(values, 0.5), stats.percentile(values, 0.99)), (50, 99))
        self.assertEqual(stats.percentile([7.5], 0.99), 7.5)

    def test_the_spread_leaves_out_rounds_that_gave_nothing(self):
        self.assertEqual(stats.spread([3, None, 1, 2]), (2, 1, 3))
        self.assertIsNone(stats.spread([None]))

    def test_a_scenario_gets_as_many_tasks_as_fill_its_time(self):
        self.assertEqual(stats.tasks_for(1234, 3, 300, 200_000), 3700)
        self.assertEqual(stats.tasks_for(1, 3, 300, 200_000), 300)
        self.assertEqual(stats.tasks_for(1e6, 3, 300, 200_000), 200_000)

    def test_what_was_over_too_soon_tells_little(self):
        self.assertFalse(stats.long_enough({"seconds": 0.2, "count": 2000}, 200_000))
        self.assertTrue(stats.long_enough({"seconds": 0.2, "count": 200_000}, 200_000))
        self.assertTrue(stats.long_enough({"seconds": 2, "count": 2000}, 200_000))
        self.assertTrue(stats.long_enough({"error": "no"}, 200_000))

    def test_there_is_no_ratio_to_nothing(self):
        self.assertEqual(stats.ratio((4, 3, 5), (2, 1, 3)), 2)
        self.assertIsNone(stats.ratio((4, 3, 5), None))


class Parsing(unittest.TestCase):
    REPORT = {
        "results": [{"scenario": "drain", "added": 0, "completed": 50, "tasks_per_second": 12.5, "seconds": 4}],
        "balance": {"agrees": True},
    }

    def test_a_peer_is_heard_by_its_last_line(self):
        self.assertEqual(last_line('{"ready": true}\n{"count": 3}\n'), {"count": 3})

    def test_the_own_bench_is_understood(self):
        self.assertEqual(parse_own_bench(self.REPORT), {"count": 50, "rate": 12.5, "seconds": 4})

    def test_the_own_latencies_are_those_until_a_worker_has_the_task(self):
        latencies = [{"of": "due to acknowledged", "p50_ms": 9, "p99_ms": 9}]
        latencies.append({"of": "due to handed over", "p50_ms": 1.5, "p99_ms": 4})
        result = {"scenario": "latency", "added": 9, "completed": 9, "tasks_per_second": 150, "latencies": latencies}
        said = parse_own_bench({**self.REPORT, "results": [result]})
        self.assertEqual((said["p50_ms"], said["p99_ms"]), (1.5, 4))

    def test_books_that_do_not_balance_are_a_failure(self):
        with self.assertRaises(PeerError):
            parse_own_bench({**self.REPORT, "balance": {"agrees": False}})

    def test_peers_are_chosen_by_the_start_of_their_name(self):
        self.assertEqual(chosen("bullmq"), {"bullmq, AOF always", "bullmq, AOF everysec"})
        self.assertEqual(chosen(None), set(names()))

    def test_an_error_fits_into_a_cell(self):
        self.assertEqual(one_line(PeerError("a\n b | c")), "a b / c")


def subject(name, **facts):
    usual = {"name": name, "store": "postgres", "durable": True, "ours": False, "version": "1", "settings": "s"}
    return {**usual, "differs": "d", **facts}


class Rendering(unittest.TestCase):
    RECORDS = [
        {"round": 1, "subject": "ours", "scenario": "single", "rate": 3000},
        {"round": 2, "subject": "ours", "scenario": "single", "rate": 5000},
        {"round": 1, "subject": "slow", "scenario": "single", "rate": 1000},
        {"round": 1, "subject": "fast", "scenario": "single", "rate": 90_000},
        {"round": 1, "subject": "slow", "scenario": "bulk", "error": "no"},
        {"round": 2, "subject": "slow", "scenario": "bulk", "error": "no"},
    ]

    def setUp(self):
        self.records = report.Records(self.RECORDS)

    def test_a_cell_shows_the_median_and_the_spread(self):
        self.assertEqual(report.cell([1, 2, 30_000], report.rate), "**2** (1–30.0k)")
        self.assertEqual(report.cell([1234], report.rate), "1.23k")
        self.assertEqual(report.cell([], report.rate), "–")

    def test_a_peer_that_did_not_run_says_why(self):
        row = report.peers_table(self.records, [subject("gone", not_run="no network")]).splitlines()[-1]
        self.assertIn("not run: no network", row)
        self.assertEqual(row.count("|"), 10)

    def test_the_best_peer_is_a_durable_one(self):
        subjects = [subject("ours", ours=True), subject("slow"), subject("fast", durable=False)]
        row = report.rate_ratio(self.records, subjects, subjects[0], "single")
        self.assertEqual(row[2:], ["slow", "4.00×", "–"])

    def test_failures_are_told_once_with_their_number(self):
        self.assertEqual(report.failures_text(self.records), "- slow, bulk, 2×: no")

    def test_the_document_has_every_table(self):
        run = {
            "date": "2026-11-22", "quick": True, "rounds": 2, "minutes": 1.0, "seconds": 3.0, "smallest": 300,
            "payload_bytes": 200, "machine": {"memory": "1 GiB"}, "postgres": {"fsync": "on"},
            "postgres_version": "15", "redis_version": "7", "raw": "a program", "limits": [],
            "subjects": [subject("ours", ours=True), subject("slow")], "records": self.RECORDS,
        }  # fmt: skip
        text = report.render(run)
        for part in ("These numbers mean nothing", "## Ratios", "fsync=on", "4.00×", "memory: 1 GiB"):
            self.assertIn(part.lower(), text.lower())


if __name__ == "__main__":
    unittest.main()
