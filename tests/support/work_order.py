"""Which process takes which test files: one judges in real time, and the others compute.

What is judged waits for most of its time. If every process began with such files, none would
compute meanwhile. So one process takes them all, one after the other, and the others compute from
the start, at a lower priority.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

JUDGED = (
    "tests/scheduler/test_redis.py",
    "tests/scheduler/test_nginx.py",
    "tests/scheduler/test_recovery.py",
    "tests/scheduler/test_file.py",
    "tests/cli/test_pace_command.py",
    "tests/cli/test_demo_figures.py",
)
"""The files of the tests that are judged by default."""
LONG = (
    "tests/scheduler/test_shared_buckets.py",
    "tests/test_docs.py",
    "tests/cli/test_cli_demo.py",
    "tests/test_shell_page.py",
    "tests/cli/test_cli_output.py",
    "tests/batch/test_adding.py",
    "tests/chaos/test_chaos_bulk.py",
    "tests/bulk/test_resuming.py",
    "tests/cli/test_cli_tour.py",
    "tests/bulk/test_many.py",
    "tests/chaos/test_chaos_deeds.py",
    "tests/manifest/test_cutover.py",
    "tests/examples/test_shutdown.py",
    "tests/cli/test_cli_emulator.py",
    "tests/scheduler/test_bucket_contract.py",
    "tests/examples/test_example_sync.py",
    "tests/calls/test_sockets.py",
)
"""The other files that take longest, in the order in which they begin."""


class OneJudges(LoadFileScheduling):
    """Gives the judged files to the first process, and the others to all who have none of them.

    A process takes what is left where none of its own files is.
    """

    def _assign_work_unit(self, node):
        """Assign the file at the front of the queue, after the right one was put there."""
        judges = node is self.nodes[0]
        chosen = next((file for file in self.workqueue if (file in JUDGED) is judges), None)
        if chosen is not None:
            self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)
