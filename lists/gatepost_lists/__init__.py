"""The shared list-lookup module: addresses, the tests, the verdict, the directories."""

from gatepost_lists.address_list import Mailbox, parse_address_list
from gatepost_lists.addresses import Address, AddressError, parse_address, strict_address, strict_domain
from gatepost_lists.bench import Asked, Bench, Ruling
from gatepost_lists.directory import Directory, DirectoryTrouble
from gatepost_lists.headers import Headers
from gatepost_lists.judge import (
    TESTS,
    Step,
    cannot_tell,
    explain,
    judge,
    judge_one,
    unreadable,
)
from gatepost_lists.judging import Judging
from gatepost_lists.model import (
    MAY_NOT_POST,
    NOWHERE,
    STRANGER,
    Action,
    Answer,
    Domain,
    DomainNames,
    MailingList,
    Place,
    Question,
    Role,
    Stage,
    Standing,
    Verdict,
)
from gatepost_lists.moderation import ACCEPTED, Decision, Posting, moderate, moderate_one
from gatepost_lists.open import open_directory
from gatepost_lists.places import locate
from gatepost_lists.rules import DEFAULT_RULES, Rules
from gatepost_lists.sittings import Loop, Matter
from gatepost_lists.softening import EXISTENCE_TESTS, soften
from gatepost_lists.store.changes import (
    BounceEvent,
    BounceVerdict,
    Change,
    DeliveryAddress,
    DeliveryState,
    DeliveryStatus,
    Pending,
)
from gatepost_lists.store.profiles import Profile

__all__ = [
    "ACCEPTED",
    "DEFAULT_RULES",
    "EXISTENCE_TESTS",
    "MAY_NOT_POST",
    "NOWHERE",
    "STRANGER",
    "TESTS",
    "Action",
    "Address",
    "AddressError",
    "Answer",
    "Asked",
    "Bench",
    "BounceEvent",
    "BounceVerdict",
    "Change",
    "Decision",
    "DeliveryAddress",
    "DeliveryState",
    "DeliveryStatus",
    "Directory",
    "DirectoryTrouble",
    "Domain",
    "DomainNames",
    "Headers",
    "Judging",
    "Loop",
    "Mailbox",
    "MailingList",
    "Matter",
    "Pending",
    "Place",
    "Posting",
    "Profile",
    "Question",
    "Role",
    "Rules",
    "Ruling",
    "Stage",
    "Standing",
    "Step",
    "Verdict",
    "cannot_tell",
    "explain",
    "judge",
    "judge_one",
    "locate",
    "moderate",
    "moderate_one",
    "open_directory",
    "parse_address",
    "parse_address_list",
    "soften",
    "strict_address",
    "strict_domain",
    "unreadable",
]
