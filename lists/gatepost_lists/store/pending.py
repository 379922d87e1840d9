"""Requests that wait until somebody confirms them by a token. Every function works inside its caller's transaction.

A token cannot be guessed, serves once, and is not in the store: what is kept is its hash, which tells nobody the token.
"""

from __future__ import annotations

import base64
import secrets
from hashlib import sha256

import sqlalchemy as sa

from gatepost_lists import checks
from gatepost_lists.store import mailinglists
from gatepost_lists.store.changes import Pending
from gatepost_lists.store.schema import pending

# 160 bits: letters and digits alone in base32 (RFC 4648 section 6), without padding. Mail servers may change the case
# of a local part, so case plays no part.
_TOKEN_OCTETS = 20


def _new_token() -> str:
    return base64.b32encode(secrets.token_bytes(_TOKEN_OCTETS)).decode("ascii").lower()


def _hash(token: str) -> str:
    return sha256(token.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def add(connection: sa.Connection, text: str, request: Pending, lifetime_seconds: float, now: float) -> str:
    """Keep a request in the place of an older one of that kind for that list and address; its token."""
    key = mailinglists.find(connection, text)["id"]
    email, token = str(checks.member_address(request.email)), _new_token()
    same = (pending.c.list_id == key, pending.c.kind == request.kind, pending.c.email == email)
    connection.execute(pending.delete().where(sa.or_(sa.and_(*same), pending.c.expires <= now)))
    row = {
        "token_hash": _hash(token),
        "list_id": key,
        "kind": request.kind,
        "email": email,
        "original": request.email.strip(),
        "display_name": checks.said(request.display_name),
        "data": request.data,
        "expires": now + lifetime_seconds,
    }
    connection.execute(pending.insert(), row)
    return token


def take(connection: sa.Connection, token: str, now: float, text: str) -> Pending | None:
    """The request with this token, which is then gone; None where there is none, or none that is in force here."""
    this = (
        pending.c.token_hash == _hash(token),
        pending.c.list_id == mailinglists.find(connection, text)["id"],
        pending.c.expires > now,
    )
    row = connection.execute(sa.select(pending).where(*this)).one_or_none()
    if row is None:
        return None
    connection.execute(pending.delete().where(*this))
    return Pending(row.kind, row.original, row.display_name, row.data)
