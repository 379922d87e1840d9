"""A process under load, for the tests that kill it: `python -m labs.queue.putter URL THREADS FIRST`.

Each thread puts messages in for ever, one after the other, and writes a line with the message's number to standard
output once it is told that the message is on stable storage. Numbers begin at FIRST.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time

from gatepost_queue import Delivery, Message, Queue, open_queue
from labs.queue.values import ANN, BOB

SIZES = (100, 2_000, 2_000, 2_000, 20_000, 700_000)


def numbered(number: int) -> Message:
    """A message with its number in its trace, and in every line of its content."""
    line = b"%09d\n" % number
    content = line * (SIZES[number % len(SIZES)] // len(line))
    return Message(content=content, envsender="bo@x", received=time.time(), trace=str(number))


def put(queue: Queue, number: int) -> None:
    """Put a message in, or send it again where the reply to the first attempt was lost."""
    delivery = Delivery(b"%d" % number)
    queue.put(numbered(number), [ANN, BOB], delivery).result()
    queue.confirm(delivery)


def put_for_ever(queue: Queue, numbers: itertools.count[int]) -> None:
    """One message after the other."""
    while True:
        number = next(numbers)
        put(queue, number)
        os.write(1, b"%d\n" % number)


def main() -> None:
    """Run until killed."""
    url, threads, first = sys.argv[1:]
    queue = open_queue(url)
    numbers = itertools.count(int(first))
    putting = [threading.Thread(target=put_for_ever, args=(queue, numbers)) for _ in range(int(threads))]
    for thread in putting:
        thread.start()
    for thread in putting:  # once the main thread has ended, Python 3.12 starts no other
        thread.join()


if __name__ == "__main__":
    main()
