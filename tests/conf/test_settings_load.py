"""What a right file becomes: defaults, kinds of values, and paths taken from the file's folder."""

import socket
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from gatepost_conf.settings import PolicyContext, Settings, SettingsError, load, parse
from gatepost_service.sockets import ListenAddress

HERE = Path("/srv/gate/gatepost.toml")


def read(text: str) -> Settings:
    return parse(text, HERE)


def test_an_empty_file_gives_the_defaults() -> None:
    settings = read("")
    assert settings.lists.directory == "sqlite:////srv/gate/var/gatepost.db"
    assert settings.lists.mode == "enforce"
    assert settings.lists.probe_senders == ("double-bounce*@*",)
    assert settings.lists.refuse_oversize is None
    assert settings.log.file is None
    assert settings.policy.listen == (ListenAddress("127.0.0.1", 8031),)
    assert settings.milter.listen == ListenAddress("127.0.0.1", 8032)
    assert settings.lmtp.max_message_bytes == 32 * 1024 * 1024
    assert settings.queue.engine == "sqlite:////srv/gate/var/queue.db"
    assert settings.delivery.delivery_retry_period == timedelta(days=5)
    assert settings.postfix.maps_dir == Path("/srv/gate/var/postfix")
    assert settings.metrics.listen == ListenAddress("127.0.0.1", 8034)


@pytest.mark.parametrize("part", ["policy", "milter", "lmtp", "delivery"])
def test_every_part_has_the_common_keys(part: str) -> None:
    section = getattr(
        read(f'[{part}]\nworkers = 3\nenabled = false\ntimeout = "15m"\nmetrics = "unix:metrics.sock"'), part
    )
    assert section.workers == 3
    assert section.enabled is False
    assert section.timeout == timedelta(minutes=15)
    assert section.metrics == ListenAddress(path="/srv/gate/metrics.sock")


def test_nameservers() -> None:
    written = 'nameservers = ["192.0.2.1", "2001:db8::1", "[2001:db8:0::2]", "[::1]:5353", "127.0.0.1:53"]'
    found = read(f"[delivery]\n{written}").delivery.nameservers
    assert found == ("192.0.2.1", "2001:db8::1", "2001:db8::2", "[::1]:5353", "127.0.0.1:53")


def test_settings_cannot_be_changed() -> None:
    settings = read("")
    with pytest.raises(ValidationError):
        settings.policy.workers = 2


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("15m", 900), ("12h", 43200), ("5d", 432000), ("2w", 1209600)]
)
def test_durations(written: str, seconds: int) -> None:
    assert read(f'[delivery]\ndelivery_retry_period = "{written}"').delivery.delivery_retry_period == timedelta(
        seconds=seconds
    )


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("sqlite:///var/a.db", "sqlite:////srv/gate/var/a.db"),
        ("sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("sqlite:///~/a.db", "sqlite:////srv/gate/~/a.db"),
        ("mailman+sqlite:////srv/mailman/mailman.db", "mailman+sqlite:////srv/mailman/mailman.db"),
        ("toml:///lists.toml", "toml:////srv/gate/lists.toml"),
        ("postgresql:///lists", "postgresql:///lists"),
        ("postgresql://gate:pw@db:5432/lists", "postgresql://gate:pw@db:5432/lists"),
        ("mailman+postgresql://mm@[::1]/mailman", "mailman+postgresql://mm@[::1]/mailman"),
        ("mailman+mysql://mm:pw@db/mailman", "mailman+mysql://mm:pw@db/mailman"),
        ("mailman+http://restadmin:pw@localhost:8001/3.1", "mailman+http://restadmin:pw@localhost:8001/3.1"),
        ("mailman+https://restadmin:pw@mm.example.org/3.1", "mailman+https://restadmin:pw@mm.example.org/3.1"),
    ],
)
def test_directories(written: str, read_as: str) -> None:
    assert read(f'[lists]\ndirectory = "{written}"').lists.directory == read_as


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("sqlite:///q.db", "sqlite:////srv/gate/q.db"),
        ("postgresql://gate@db/queue", "postgresql://gate@db/queue"),
        ("mailman:/var/lib/mailman3/queue", "mailman:/var/lib/mailman3/queue"),
        ("mailman:mm/queue", "mailman:/srv/gate/mm/queue"),
    ],
)
def test_queues(written: str, read_as: str) -> None:
    assert read(f'[queue]\nengine = "{written}"').queue.engine == read_as


def test_listen_is_one_string_or_an_array() -> None:
    settings = read(
        '[policy]\nlisten = ["inet:[::1]:8031", "unix:run/p.sock?mode=0600&group=postfix"]\n'
        '[socketmap]\nlisten = "unix:/run/s.sock"\n[metrics]\nlisten = ""'
    )
    assert settings.policy.listen == (
        ListenAddress("::1", 8031),
        ListenAddress(path="/srv/gate/run/p.sock", mode=0o600, group="postfix"),
    )
    assert settings.socketmap.listen == (ListenAddress(path="/run/s.sock"),)
    assert settings.metrics.listen is None


def test_other_kinds() -> None:
    settings = read(
        '[lists]\ncache_seconds = 5\nshared_domains = ["Example.COM", "bücher.example"]\nrefuse_oversize = true\n'
        '[log]\nfile = "gate.log"\nverdicts = false\n[lmtp]\nxforward = ["10.0.0.0/8", "::1"]\n'
        'public_address = "[::1]:24"\n[delivery]\nsmtp_host = "::1"\n[policy.contexts."a b"]\nmode = "observe"'
    )
    assert settings.lists.cache_seconds == 5.0
    assert settings.lists.shared_domains == ("example.com", "xn--bcher-kva.example")
    assert settings.lists.refuse_oversize is True
    assert settings.log.file == Path("/srv/gate/gate.log")
    assert settings.log.verdicts is False
    assert settings.lmtp.xforward == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert settings.lmtp.public_address == "[::1]:24"
    assert settings.delivery.smtp_host == "::1"
    assert settings.policy.contexts == {"a b": PolicyContext(mode="observe")}


def test_site_as_given() -> None:
    site = read('[site]\nhostname = "MX.example.org."\nowner = "Ann@Example.org"\norigin = "example.org"').site
    assert (site.hostname, site.owner, site.origin) == ("mx.example.org", "Ann@example.org", "example.org")


def test_an_origin_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mailname"
    for text, expected in (("MX.example.org\n", "mx.example.org"), (" example.org \nother\n", "example.org")):
        file.write_text(text)
        assert read(f'[site]\norigin = "{file}"').site.origin == expected
    for wrong in ("", "no domain\n", None):
        file.unlink() if wrong is None else file.write_text(wrong)
        with pytest.raises(SettingsError, match="expected a file whose first line is a domain name, got '/"):
            read(f'[site]\norigin = "{file}"')


def test_site_defaults_hang_on_the_hostname(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "mx.example.net")
    monkeypatch.delattr(socket, "getfqdn")
    site = read("").site
    assert (site.hostname, site.owner, site.origin) == ("mx.example.net", "postmaster@mx.example.net", "mx.example.net")


def test_a_bare_host_name_is_looked_up_at_its_first_use_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getfqdn(name: str) -> str:
        asked.append(name)
        return "mx.example.net"

    monkeypatch.setattr(socket, "gethostname", lambda: "mx")
    monkeypatch.setattr(socket, "getfqdn", getfqdn)
    site = read("").site
    assert asked == []
    assert (site.hostname, site.origin) == ("mx.example.net", "mx.example.net")
    assert asked == ["mx"]


def test_a_password_is_not_in_the_settings_text() -> None:
    settings = read(
        '[lists]\ndirectory = "postgresql://u:s3cret@h/d"\n[queue]\nengine = "postgresql://u:s3cret@h/q"\n'
        '[delivery]\nsmtp_pass = "s3cret"'
    )
    assert settings.delivery.smtp_pass == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings)


def test_a_password_is_not_in_the_cause_of_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        read('[delivery]\nsmtp_pass = ["s3cret"]')
    assert "s3cret" not in str(caught.value.__cause__)


def test_a_relative_file_means_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gatepost.toml").write_bytes(b"\xef\xbb\xbf[log]\r\nfile = 'a.log'\r\n")
    assert load(Path("gatepost.toml")).log.file == tmp_path / "a.log"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert problems_of(path) == [f"{path}: no such file"]


def test_a_folder(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == [f"{tmp_path}: expected a file, found a directory"]


def test_a_file_that_cannot_be_read() -> None:
    # A file whose first page nobody has: reading it fails for root too, whom no mode stops.
    assert problems_of(Path("/proc/self/mem")) == ["/proc/self/mem: cannot be read: Input/output error"]


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    path = tmp_path / "a" / "gatepost.toml"
    assert problems_of(path) == [f"{path}: cannot be read: Not a directory"]


def problems_of(path: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(path)
    return caught.value.problems
