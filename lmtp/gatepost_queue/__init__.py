"""Durable queues: put, claim, done, later.

queue.py has the protocols, open.py the engines, each in a folder of its own; metadata.py what entries say to handlers.
"""

from gatepost_queue.errors import EntryInUse, LeaseLost, NoEngine, NoSuchEntry, QueueError, QueueFull, QueueTrouble
from gatepost_queue.open import create, engine_of, open_desk, open_queue
from gatepost_queue.queue import Desk, Engine, Queue
from gatepost_queue.values import BLOCK, HELD, QUEUES, Claimed, Content, Delivery, Entry, Figure, Message, Put, Waiting

__all__ = [
    "BLOCK",
    "HELD",
    "QUEUES",
    "Claimed",
    "Content",
    "Delivery",
    "Desk",
    "Engine",
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
    "create",
    "engine_of",
    "open_desk",
    "open_queue",
]
