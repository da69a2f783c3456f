"""A simulated ERP, run as a process of its own: `python -m simulators.erp --help`.

It takes CloudEvents over HTTP, binary mode, with an EPCIS event as their data,
and keeps a book of them; on a second port it takes orders to misbehave.
"""

from simulators.erp.book import Booking, read_book, read_times

__all__ = ["Booking", "read_book", "read_times"]
