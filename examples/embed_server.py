"""A program that serves a repository to secondaries: embed_server.py REPOSITORY KEYS NAME

Prints its URL and serves until SIGINT or SIGTERM.
"""

import asyncio
import signal
import socket
import sys
from pathlib import Path

from zonegit import Keyring, ReplicationServer


async def main(repository: Path, keys: Path, name: str) -> None:
    server = ReplicationServer(repository, Keyring.load(keys), name)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await server.serve(listener, stop)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
