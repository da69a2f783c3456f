"""Run the ERP until SIGTERM or SIGINT."""

import argparse
import asyncio
import contextlib
import signal
import ssl
import sys
from pathlib import Path

import uvloop

from simulators.erp.api import Erp
from simulators.erp.book import Book
from simulators.erp.faults import Dice


async def run(
    book: Book, port: int, control_port: int, seed: int, encryption: ssl.SSLContext | None
) -> None:
    """Serve until told to stop; say "ready" on standard output when both ports listen."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    erp = Erp(book, Dice(seed), port, control_port, encryption)
    await erp.open()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await stopped.wait()
    erp.close()


def encryption(given: argparse.Namespace) -> ssl.SSLContext | None:
    """Return how milestones are taken over TLS; None if they are not."""
    if given.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given.certificate)
    if given.client_ca is not None:
        context.load_verify_locations(given.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m simulators.erp", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where milestones are posted")
    parser.add_argument("--control-port", type=int, required=True, help="where faults are ordered")
    parser.add_argument("--book", type=Path, required=True, help="SQLite file, made if absent")
    parser.add_argument("--seed", type=int, default=0, help="decides which postings meet a fault")
    parser.add_argument("--certificate", type=Path, help="PEM with its key: serve over TLS")
    parser.add_argument("--client-ca", type=Path, help="ask for client certificates of this CA")
    given = parser.parse_args()
    # Closed after the loop, which on its end waits for a commit that is under way.
    with contextlib.closing(Book(given.book)) as book:
        uvloop.run(run(book, given.port, given.control_port, given.seed, encryption(given)))


main()
