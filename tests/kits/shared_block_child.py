"""What a spawned child does with a shared block; a module of its own, since a child must be able to import it."""

from zonegit.ops.shared import PULLER, SharedBlock


def count_in_child(block: SharedBlock) -> None:
    block.row(1)[2] += 5
    block.samples(PULLER).inc("sync_sessions_total", peer="p", result="ok")
    block.set_ready(PULLER)
    listener = block.listener("metrics")
    assert listener is not None
    listener.close()
