"""The harness itself: each real server starts, answers and goes, and Postfix asks a policy service in three ways."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labs.mta import Client, Exim, Instance, Lab, LabError, Port, Postfix, Reply, Sendmail

pytestmark = [pytest.mark.mta, pytest.mark.usefixtures("mtalab")]
GOOD = "ann@lists.example"
STRANGER = "127.0.0.9"
DELIVERED = r"status=sent|=> :blackhole:|stat=Host unknown"
ANSWER = "action=550 5.7.1 no\n\n"
POLICY_SCRIPT = f"""\
#!/bin/sh
while read -r line; do
    [ -n "$line" ] || printf '{ANSWER.encode("unicode_escape").decode()}'
done
"""


class Refuse(socketserver.StreamRequestHandler):
    """Answer each policy request, which an empty line ends, with the same refusal."""

    def handle(self) -> None:
        for line in self.rfile:
            if line == b"\n":
                self.wfile.write(ANSWER.encode())


class Take(socketserver.StreamRequestHandler):
    """Take every message by LMTP, one recipient each."""

    def handle(self) -> None:
        self.wfile.write(b"220 sink.example LMTP\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    continue
            self.wfile.write(b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 taken by the sink\r\n")


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rcpt(port: int, recipient: str, **options: str) -> Reply:
    with Client(("127.0.0.1", port), STRANGER) as client:
        client.hello()
        return client.mail("bob@sender.example", [recipient], **options)[0]


def post(server: Instance) -> None:
    with Client(("127.0.0.1", server.port), STRANGER) as client:
        client.hello()
        assert client.mail("bob@sender.example", [GOOD])[0].code == 250
        assert client.data(b"Subject: test\r\n\r\n.\r\n..\r\nend\r\n")[0].code == 250


def users_of(folder: Path) -> set[str]:
    """Return the processes that name the folder in their command line or work in it."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            at = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(folder).encode() in words or at.startswith(str(folder)):
            found.add(process.name)
    return found


@pytest.mark.parametrize("make", [Postfix, Exim, Sendmail])
def test_each_server_answers_and_leaves_nothing(make: Callable[[], Instance]) -> None:
    with make() as server:
        with Client(("127.0.0.1", server.port), STRANGER) as client:
            assert (client.greeting.code, client.hello().code) == (220, 250)
            assert "PIPELINING" in client.extensions
            known, foreign = client.mail("bob@sender.example", [GOOD, "ann@elsewhere.example"])
            assert (known.code, foreign.code) == (250, server_refusal(server))
            assert client.data(b"Subject: dots\r\n\r\n.\r\n..\r\nend\r\n")[0].code == 250
            assert client.quit().code == 221
        server.wait_log(DELIVERED)
        assert server.pid in {process.pid for process in server.processes()}
        assert users_of(server.dir)
    assert not users_of(server.dir)
    assert not server.dir.exists()


def server_refusal(server: Instance) -> int:
    return {"postfix": 554, "exim": 550, "sendmail": 550}[server.name]


def test_servers_run_side_by_side() -> None:
    with Postfix() as first, Postfix() as second, Exim() as third, Sendmail() as fourth:
        servers = (first, second, third, fourth)
        assert len({server.port for server in servers}) == 4
        assert [rcpt(server.port, GOOD).code for server in servers] == [250] * 4


EXIM_LMTP = """\
sink:
  driver = smtp
  protocol = lmtp
  allow_localhost
  port = PORT
"""
EXIM_ROUTER = """\
sink:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = sink
"""


def test_all_three_deliver_by_lmtp() -> None:
    with Port() as port, serving(socketserver.ThreadingTCPServer(("127.0.0.1", port.number), Take)):
        postfix = Postfix({"relay_transport": f"lmtp:inet:127.0.0.1:{port.number}"})
        exim = Exim(routers=EXIM_ROUTER, transports=EXIM_LMTP.replace("PORT", str(port.number)))
        sendmail = Sendmail(lmtp={"lists.example": port.number})
        with postfix, exim, sendmail:
            for server in (postfix, exim, sendmail):
                post(server)
                server.wait_log(r"status=sent .*taken|=> ann.*taken|stat=Sent")


def test_sendmail_delivers_to_a_unix_socket() -> None:
    sendmail = Sendmail(lmtp={"lists.example": "{dir}/lmtp.sock"})
    path = sendmail.path("lmtp.sock")
    with serving(socketserver.ThreadingUnixStreamServer(str(path), Take)), sendmail:
        path.chmod(0o777)
        post(sendmail)
        sendmail.wait_log("stat=Sent")


def test_postfix_asks_a_policy_service_over_inet_unix_and_spawn() -> None:
    def asking(service: str) -> dict[str, str]:
        return {"smtpd_recipient_restrictions": f"check_policy_service {service}"}

    with Port() as port, socketserver.ThreadingTCPServer(("127.0.0.1", port.number), Refuse) as over_inet:
        postfix = Postfix(
            listeners={
                "inet": asking(f"inet:127.0.0.1:{port.number}"),
                "unix": asking("unix:{dir}/policy.sock"),
                "spawn": asking("unix:private/policy"),
            },
            master=["policy unix - n n - 0 spawn user=nobody argv={dir}/policy.sh"],
        )
        postfix.write("policy.sh", POLICY_SCRIPT, 0o755)
        over_unix = socketserver.ThreadingUnixStreamServer(str(postfix.path("policy.sock")), Refuse)
        postfix.path("policy.sock").chmod(0o777)
        with serving(over_inet), serving(over_unix), postfix:
            for name in ("inet", "unix", "spawn"):
                reply = rcpt(postfix.ports[name], GOOD)
                # The text before ours cannot be turned off.
                assert reply == Reply(550, "5.7.1", (f"<{GOOD}>: Recipient address rejected: no",)), name
            assert rcpt(postfix.port, GOOD).code == 250


def test_postfix_ipv6_and_smtputf8() -> None:
    with Postfix(ipv6=True) as postfix, Client(("::1", postfix.port)) as client:
        client.hello()
        assert "SMTPUTF8" in client.extensions
        recipients: list[str | bytes] = ["grüße@lists.example", b"\xff\xfe@lists.example"]
        assert [reply.code for reply in client.mail("zoë@sender.example", recipients, "SMTPUTF8")] == [250, 500]


def test_postfix_xclient_and_pipelining() -> None:
    with Postfix() as postfix, Client(("127.0.0.1", postfix.port)) as client:
        client.hello()
        assert client.xclient(addr="192.0.2.1", name="mail.sender.example", login="a+b=c d").code == 220
        lines = ["MAIL FROM:<bob@sender.example>", f"RCPT TO:<{GOOD}>", "RCPT TO:<x@elsewhere.example>", "RSET"]
        assert [reply.code for reply in client.pipeline(lines)] == [250, 250, 554, 250]
        assert client.mail("", [GOOD])[0].code == 250
        postfix.wait_log(r"client=mail\.sender\.example\[192\.0\.2\.1\].*sasl_username=a\+b=c d")


def test_postfix_queue_reload_and_maps() -> None:
    main = {"transport_maps": "lmdb:{etc}/transport"}
    with Port() as nobody:
        closed = {"transport": f"lists.example lmtp:inet:127.0.0.1:{nobody.number}\n"}
        with Postfix(main, maps=closed) as postfix:
            postfix.postmap("lmdb:transport")
            post(postfix)
            postfix.wait_log("status=deferred")
            assert [entry["recipients"][0]["address"] for entry in postfix.queue()] == [GOOD]
            postfix.write("etc/transport", "lists.example discard:\n")
            postfix.postmap("lmdb:transport")
            postfix.reload()
            postfix.flush()
            postfix.wait_log("status=sent")


def test_a_server_that_cannot_start_says_why(mtalab: Lab) -> None:
    broken = Exim(main="no_such_option = 1")
    with pytest.raises(LabError, match="no_such_option"):
        broken.start()
    assert not broken.dir.exists()


def test_a_port_is_held_by_one_at_a_time() -> None:
    with Port() as first, Port() as second:
        assert first.number != second.number
