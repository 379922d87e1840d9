"""A Postfix as Debian leaves it, told what `gatepost conf postfix` prints: nothing is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.conf.stock import stock_postfix
from labs.doctor import Site, SpoiltPostfix, text_of, wrong
from labs.doctor.site import HOST_NAME
from labs.mta import Lab

pytestmark = [pytest.mark.mta]


class Stock(SpoiltPostfix):
    """A stock Postfix's configuration."""

    def take(self, name: str, patch: pytest.MonkeyPatch) -> None:
        """Put what is printed into main.cf."""
        patch.setenv("MAIL_CONFIG", str(self.folder))
        maps = self.site.folder / "maps"
        self.site.gatepost("conf", "postfix", "--write", str(maps))
        lines = re.findall(r"^postconf -e '(\w+) = ?(.*)'$", (maps / name).read_text(), re.MULTILINE)
        assert len(lines) > 5
        self.set(dict(lines))


@pytest.fixture(params=["0", "2", "3.6"])
def stock(request: pytest.FixtureRequest, site: Site, programs: Lab, tmp_path: Path) -> Iterator[Stock]:
    """One for each level of compatibility that there has been."""
    original = tmp_path / "stock"
    original.mkdir()
    yield Stock(site, stock_postfix(programs, original, level=request.param), tmp_path)


@pytest.mark.parametrize("commands", ["main.cf.tables.sh", "main.cf.live.sh", "main.cf.verify.sh"])
def test_nothing_is_wrong(commands: str, stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"postfix-policy", "postfix-domains"} <= wrong(stock.findings())
    stock.take(commands, monkeypatch)
    assert wrong(stock.findings()) == set()
    example = {HOST_NAME: "mx", "sqlite:///gatepost.db": f"sqlite:///{stock.site.folder}/gatepost.db"}
    stock.site.dns.records["l.example"], kept = {"TXT": ["none"]}, stock.site.dns.records["l.example"]
    try:
        assert wrong(stock.findings(example)) == {"host-name", "domains"}
    finally:
        stock.site.dns.records["l.example"] = kept


def test_an_order_in_which_gatepost_is_asked_too_early_is_mended(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a reject_unauth_destination, which would stop own networks from sending."""
    stock.take("main.cf.tables.sh", monkeypatch)
    stock.set({"smtpd_relay_before_recipient_restrictions": "no"})
    findings = stock.findings()
    assert wrong(findings) == {"postfix-policy-order"}
    mend = next(finding.mend for finding in findings if finding.name == "postfix-policy-order")
    assert "'smtpd_relay_before_recipient_restrictions = yes'" in mend
    stock.apply(mend)
    assert wrong(stock.findings()) == set()


def test_the_probes_sender_has_the_name_that_is_in_the_file(stock: Stock) -> None:
    said = "".join(finding.text for finding in stock.findings() if finding.name == "postfix-probe-sender")
    assert said == f"probes come from <double-bounce@{HOST_NAME}>"


def test_another_origin_than_gatepost_s_is_noted(stock: Stock) -> None:
    assert text_of(stock.findings(), "postfix-origin") == ""
    mailname = Path(f"{stock.folder.parent}/stock/mailname")
    mailname.write_text("elsewhere.example\n")
    findings = stock.findings()
    assert wrong(findings) == wrong(stock.findings({"[site]\n": f'[site]\norigin = "{mailname}"\n'}))
    assert "Postfix appends elsewhere.example (myorigin), and gatepost mx.lab.example" in text_of(
        findings, "postfix-origin"
    )
    mended = stock.findings({"[site]\n": f'[site]\norigin = "{mailname}"\n'})
    assert text_of(mended, "postfix-origin") == ""


def test_a_file_for_the_origin_that_is_not_there(stock: Stock) -> None:
    stock.set({"myorigin": "/no/such/mailname"})
    findings = stock.findings()
    assert "postfix-origin" in wrong(findings)
    assert "hostname -f > /no/such/mailname" in text_of(findings, "postfix-origin")
