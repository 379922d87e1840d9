"""Every text that gatepost writes itself, as octets of a whole message. No I/O here.

A list is given as its Profile, addresses as text, `now` in seconds since the epoch. `last_today` says in an automatic
reply that it is the last one to this address today. Nothing that a sender wrote is repeated but to owners: no subject,
no Message-ID, no name, and in the text not even the address that a stranger gave, whose local part he may have chosen.
So nobody can have words of his sent through us; a message is named by the time when it came. Whoever puts these into
the queue gives them the null envelope sender, but for `probe`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from gatepost_delivery.letters import Letter, Original, address_of, one_line, title, written
from gatepost_lists.store.profiles import Profile

# No notice names more addresses than this.
MAX_NAMED = 20

_LAST_TODAY = (
    "This is the last automatic answer to this address today. Mail that needs one will be answered again tomorrow."
)
_NOT_ASKED = "If you did not ask for this, do nothing, and nothing happens. Please forgive the disturbance."


# Answers to a post.


def rejection(profile: Profile, to: str, came: float, reason: str, now: float) -> bytes:
    """To the poster: the message that came at that time was refused."""
    paragraphs = [
        f"Your message to the mailing list {profile.fqdn_listname} was not passed on.",
        _quoted(("It came", _time(came)), ("Reason", reason)),
        f"If you think that this is a mistake, please write to {address_of(profile, 'owner')}.",
    ]
    return _to_poster(profile, to, f"Your message to {title(profile)} was refused", paragraphs, now)


def held(profile: Profile, to: str, came: float, reason: str, now: float) -> bytes:
    """To the poster: the message that came at that time waits for a moderator."""
    paragraphs = [
        f"Your message to the mailing list {profile.fqdn_listname} has arrived. A moderator will look at it before it"
        " goes out.",
        _quoted(("It came", _time(came)), ("Reason", reason)),
        "You need not do anything, and please do not send it again. You are told this once a day at most, however many"
        " messages of yours wait.",
    ]
    return _to_poster(profile, to, f"Your message to {title(profile)} waits for a moderator", paragraphs, now)


def held_for_owner(profile: Profile, sender: str, original: Original, reason: str, now: float) -> bytes:
    """To the owners: a message waits for them."""
    paragraphs = [
        f"A message to {profile.fqdn_listname} waits for your decision.",
        _quoted(("From", sender), ("Subject", original.subject), ("Reason", reason)),
        _HOW_TO_DECIDE,
    ]
    return _to_owners(profile, f"{title(profile)}: a message from {sender} waits", paragraphs, now)


def expired(profile: Profile, to: str, came: float, reason: str, now: float) -> bytes:
    """To the poster: nobody has decided about the message that came at that time."""
    paragraphs = [
        f"Your message to the mailing list {profile.fqdn_listname} has waited for a moderator, and was not passed on.",
        _quoted(("It came", _time(came)), ("Reason", reason)),
        f"To ask for it, please write to {address_of(profile, 'owner')}.",
    ]
    return _to_poster(profile, to, f"Your message to {title(profile)} was not passed on", paragraphs, now)


def expired_for_owner(profile: Profile, reason: str, now: float) -> bytes:
    """To the owners: what waited for them was thrown away. They hear it once a day."""
    paragraphs = [
        f"Something that waited for your decision on {profile.fqdn_listname} was thrown away.",
        _quoted(("Reason", reason)),
        "More of it may go today, and you are told once a day at most. What still waits, and since when, 'gatepost held"
        f" ls --list {profile.list_id}' shows. For how many days it does is max_days_to_hold of the list; 0 is without"
        " end.",
    ]
    return _to_owners(profile, f"{title(profile)}: nobody has decided", paragraphs, now)


_HOW_TO_DECIDE = (
    "On the machine that runs the list, 'gatepost held ls' shows what waits, and 'gatepost held show', 'accept',"
    " 'reject' and 'discard' do what they say."
)


# Joining and leaving.


def join_confirmation(profile: Profile, to: str, token: str, now: float, *, last_today: bool = False) -> bytes:
    """To the address that is to join."""
    asked = f"Somebody, we hope you, asked that this address join the mailing list {profile.fqdn_listname}."
    return _confirmation(profile, to, token, now, asked, last_today)


def leave_confirmation(profile: Profile, to: str, token: str, now: float, *, last_today: bool = False) -> bytes:
    """To the member who is to leave."""
    asked = f"Somebody, we hope you, asked that this address leave the mailing list {profile.fqdn_listname}."
    return _confirmation(profile, to, token, now, asked, last_today)


def _confirmation(profile: Profile, to: str, token: str, now: float, asked: str, last_today: bool) -> bytes:
    address = address_of(profile, "confirm", token)
    paragraphs = [
        asked,
        "To confirm it, just reply to this message; the text of your reply does not matter. Or write to",
        f"    {address}",
        _NOT_ASKED,
        _LAST_TODAY * last_today,
    ]
    return written(profile, Letter(address, to, f"confirm {token}", paragraphs), now)


def welcome(profile: Profile, to: str, now: float) -> bytes:
    """To a new member."""
    paragraphs = [
        f"Welcome to the mailing list {profile.fqdn_listname}! {to} is a member now.",
        one_line(profile.description),
        f"To write to all members, write to {profile.fqdn_listname}. To leave the list, write to"
        f" {address_of(profile, 'leave')}. For help, write to {address_of(profile, 'request')} with the subject"
        " 'help'.",
        f"The people who look after the list can be reached at {address_of(profile, 'owner')}.",
    ]
    return _from_request(profile, to, f"Welcome to {title(profile)}", paragraphs, now)


def goodbye(profile: Profile, to: str, now: float) -> bytes:
    """To somebody who has left."""
    paragraphs = [
        f"{to} has left the mailing list {profile.fqdn_listname}, and gets no more mail from it. Goodbye!",
        f"To come back, write to {address_of(profile, 'join')}.",
    ]
    return _from_request(profile, to, f"You have left {title(profile)}", paragraphs, now)


def already_member(profile: Profile, to: str, now: float, *, last_today: bool = False) -> bytes:
    """To a member who asked to join. Goes to the address itself and nowhere else."""
    paragraphs = [
        f"Somebody, we hope you, asked that this address join the mailing list {profile.fqdn_listname}. It is a member"
        " already, so there is nothing to do.",
        _LAST_TODAY * last_today,
    ]
    return _from_request(profile, to, f"You are a member of {title(profile)}", paragraphs, now)


def not_member(profile: Profile, to: str, now: float, *, last_today: bool = False) -> bytes:
    """To somebody who asked to leave and is no member. Goes to the address itself and nowhere else."""
    paragraphs = [
        f"Somebody, we hope you, asked that this address leave the mailing list {profile.fqdn_listname}. It is no"
        " member of it, so there is nothing to do. If you get mail from the list, it comes to another address of yours:"
        " please write from that one.",
        _LAST_TODAY * last_today,
    ]
    return _from_request(profile, to, f"You are no member of {title(profile)}", paragraphs, now)


def join_refused(profile: Profile, to: str, reason: str, now: float, *, last_today: bool = False) -> bytes:
    """To somebody who may not join, or whom a moderator has turned down; the reason may be ''."""
    paragraphs = [
        f"The request that this address join the mailing list {profile.fqdn_listname} was turned down.",
        _quoted(("Reason", reason)) if reason else "",
        f"If you think that this is a mistake, please write to {address_of(profile, 'owner')}.",
        _LAST_TODAY * last_today,
    ]
    return _from_request(profile, to, f"Your request to join {title(profile)}", paragraphs, now)


def join_waiting(profile: Profile, to: str, now: float) -> bytes:
    """To somebody who has confirmed, on a list whose moderators decide who joins."""
    paragraphs = [
        f"Thank you. Your request that {to} join the mailing list {profile.fqdn_listname} is confirmed. A moderator"
        " will decide about it; you will hear from us then.",
    ]
    return _from_request(profile, to, f"Your request to join {title(profile)} waits", paragraphs, now)


def join_for_moderator(profile: Profile, email: str, display_name: str, now: float) -> bytes:
    """To the owners: somebody wants to join, and they decide."""
    paragraphs = [
        f"Somebody wants to join {profile.fqdn_listname}, and has confirmed the address. You decide.",
        _quoted(("Address", email), ("Name", display_name)),
        _HOW_TO_DECIDE,
    ]
    return _to_owners(profile, f"{title(profile)}: {email} wants to join", paragraphs, now)


# Answers to commands.


def command_results(
    profile: Profile, to: str, results: Sequence[str], now: float, *, last_today: bool = False
) -> bytes:
    """To whoever sent commands: a paragraph for each, such as `help_text` and `info_text` give."""
    paragraphs = [*results, _LAST_TODAY * last_today]
    subject = f"{title(profile)}: the results of your mail"
    return written(profile, Letter(address_of(profile, "request"), to, subject, paragraphs, is_answer=True), now)


def help_text(profile: Profile) -> str:
    """What can be asked by mail, and how."""
    request = address_of(profile, "request")
    return (
        f"    Write to {request} with one of these as subject,\n"
        "    or with several in the body, one on a line:\n"
        "\n"
        "    join           become a member (from the address you write from)\n"
        "    leave          be a member no longer\n"
        "    confirm TOKEN  confirm what you were asked to confirm\n"
        "    info           what this list is\n"
        "    help           this text\n"
        "    end            what stands below is not read\n"
        "\n"
        f"    Mail to {address_of(profile, 'join')} and\n"
        f"    {address_of(profile, 'leave')} does the same. To reach a person, write to\n"
        f"    {address_of(profile, 'owner')}."
    )


_POLICIES = {
    "moderate": "Whoever wants to join is asked to confirm it, and a moderator decides.",
    "confirm_then_moderate": "Whoever wants to join is asked to confirm it, and a moderator decides.",
}


def info_text(profile: Profile) -> str:
    """What the list is."""
    description = one_line(profile.description)
    lines = [
        f"    {title(profile)}",
        f"    Posting address: {profile.fqdn_listname}",
        f"    About: {description}" if description else "",
        f"    Owners: {address_of(profile, 'owner')}",
        f"    {_POLICIES.get(profile.subscription_policy, 'Whoever confirms the request may join.')}",
    ]
    return "\n".join(filter(None, lines))


# Bounces, and mail that cannot be delivered.


def probe(profile: Profile, to: str, now: float) -> bytes:
    """To a member whose mail keeps coming back: if this does too, delivery is disabled.

    Its envelope sender is the list's -bounces address with a token. It does not say why mail came back: what bounces
    say can be forged, and would be read as the list's own words.
    """
    paragraphs = [
        f"Mail from the mailing list {profile.fqdn_listname} to {to} has come back several times. This is a test"
        " whether the address works.",
        "You read it, so all is well and you need not do anything. If it came back too, you would get no more mail from"
        " the list.",
    ]
    return written(
        profile, Letter(address_of(profile, "owner"), to, f"{title(profile)}: a test of your address", paragraphs), now
    )


def disabled_to_member(profile: Profile, to: str, now: float) -> bytes:
    """To a member whose delivery was disabled: it may work again, and then it says how to come back."""
    paragraphs = [
        f"Mail from the mailing list {profile.fqdn_listname} to {to} keeps coming back. You are still a member, but the"
        " list sends you no more mail for now.",
        f"If you can read this, the address works again. To get the list's mail as before, write to"
        f" {address_of(profile, 'join')} and confirm it.",
    ]
    subject = f"You get no more mail from {title(profile)}"
    return written(profile, Letter(address_of(profile, "owner"), to, subject, paragraphs), now)


def disabled_to_owner(profile: Profile, email: str, why: str, now: float) -> bytes:
    """To the owners: a member gets no more mail. why: what was said about the test message."""
    paragraphs = [
        f"Mail from {profile.fqdn_listname} to {email} kept coming back, and so did a test message. The address is"
        " still a member, but gets no more mail.",
        _quoted(("Reason", why)),
        f"'gatepost member delivery {profile.fqdn_listname} {email}' shows why, and with --enable it gets mail again.",
    ]
    return _to_owners(profile, f"{title(profile)}: {email} gets no more mail", paragraphs, now)


def undeliverable_to_owner(profile: Profile, original: Original, states: Mapping[str, str], now: float) -> bytes:
    """To the owners: recipients whose mail servers did not take a message for as long as it was tried.

    states: what was said last, by recipient. Others may follow of whom the owners are not told.
    """
    paragraphs = [
        f"A message of {profile.fqdn_listname} could not be delivered to the addresses below, though it was tried again"
        " and again, and perhaps not to others. Nothing is held against them.",
        _quoted(("Subject", original.subject), ("Message-ID", original.message_id)),
        _each(states),
    ]
    return _to_owners(profile, f"{title(profile)}: a message could not be delivered", paragraphs, now)


def refused_to_owner(profile: Profile, original: Original, reply: str, recipients: Sequence[str], now: float) -> bytes:
    """To the owners: the mail server refused a message for what it is, whoever it is for.

    recipients: some of those who did not get it.
    """
    paragraphs = [
        f"The mail server refused a message of {profile.fqdn_listname} for what it is. The addresses below did not get"
        " it, and perhaps others. Nothing is held against them.",
        _quoted(("Subject", original.subject), ("Message-ID", original.message_id), ("Reply", reply)),
        _each(dict.fromkeys(recipients, "")),
    ]
    return _to_owners(profile, f"{title(profile)}: a message was refused", paragraphs, now)


def client_refused(profile: Profile, to: str, states: Mapping[str, str], now: float) -> bytes:
    """To the site's owner: the mail server refuses us, whoever a message is for.

    states: what was said, by recipient.
    """
    paragraphs = [
        "The mail server refuses what gatepost hands to it: not because of whom it is for, but because of who hands it"
        f" in. It has happened to mail of {profile.fqdn_listname}, and may happen to all mail of all lists.",
        _each(states),
        "Nothing is lost yet, and nothing is held against any member: it is tried again for as long as"
        " delivery_retry_period in [delivery] says. You are told once a day of each kind of refusal.",
        "Have a look at whom the mail server relays for (Postfix: mynetworks; Exim: relay_from_hosts; Sendmail: the"
        " access map; qmail: RELAYCLIENT), at smtp_user in [delivery], and at what 'gatepost doctor' finds."
        " 'gatepost queue ls --queue retry' shows what waits, and 'gatepost queue retry ID' has it tried now.",
    ]
    letter = Letter(address_of(profile, "owner"), to, "gatepost: the mail server refuses us", paragraphs)
    return written(profile, letter, now)


# What they are made of.


def _to_owners(profile: Profile, subject: str, paragraphs: Sequence[str], now: float) -> bytes:
    """A message that all owners get; so does each a reply to it."""
    owner = address_of(profile, "owner")
    return written(profile, Letter(owner, owner, subject, paragraphs), now)


def _to_poster(profile: Profile, to: str, subject: str, paragraphs: Sequence[str], now: float) -> bytes:
    return written(profile, Letter(address_of(profile, "owner"), to, subject, paragraphs, is_answer=True), now)


def _from_request(profile: Profile, to: str, subject: str, paragraphs: Sequence[str], now: float) -> bytes:
    return written(profile, Letter(address_of(profile, "request"), to, subject, paragraphs), now)


def _time(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


def _quoted(*lines: tuple[str, str]) -> str:
    """Names and what they are, indented; what is '' is said to be none."""
    return "\n".join(f"    {name}: {one_line(text) or '(none)'}" for name, text in lines)


def _each(states: Mapping[str, str]) -> str:
    lines = [f"    {one_line(address)}{': ' if state else ''}{one_line(state)}" for address, state in states.items()]
    more = [f"    and {len(lines) - MAX_NAMED} more"] if len(lines) > MAX_NAMED else []
    return "\n".join(lines[:MAX_NAMED] + more)
