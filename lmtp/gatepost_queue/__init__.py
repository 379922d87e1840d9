"""Durable queues: put, claim, done, later.

`versions.create` makes the file or upgrades it; `listing` is what the commands and the metrics read.
"""

from gatepost_queue.errors import EntryInUse, LeaseLost, NoEngine, NoSuchEntry, QueueError, QueueFull, QueueTrouble
from gatepost_queue.queue import Queue, open_queue, path_of
from gatepost_queue.values import BLOCK, QUEUES, Claimed, Content, Delivery, Entry, Figure, Message, Put, Waiting

__all__ = [
    "BLOCK",
    "QUEUES",
    "Claimed",
    "Content",
    "Delivery",
    "Entry",
    "EntryInUse",
    "Figure",
    "LeaseLost",
    "Message",
    "NoEngine",
    "NoSuchEntry",
    "Put",
    "Queue",
    "QueueError",
    "QueueFull",
    "QueueTrouble",
    "Waiting",
    "open_queue",
    "path_of",
]
