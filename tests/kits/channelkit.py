"""The ends of channels in processes of their own; a module, since a child must be able to import it."""

from zonegit.daemon.channels import UPDATER, Receiver, Reply, Request, Sender
from zonegit.dns.wire.message import Transport
from zonegit.ops.shared import SharedBlock

PATIENCE = 20.0


def request(ident: int, packet: bytes = b"packet", client: bytes = b"\x7f\0\0\1") -> Request:
    return Request(ident, 1.5, Transport.TCP, client, packet)


def echo(block: SharedBlock) -> None:
    """A receiver that sends the first packets back, and ends."""
    receiver = Receiver(block.channel_ends(UPDATER))
    for channel, got in receiver.receive(PATIENCE):
        assert receiver.reply(channel, Reply(got.ident, got.packet))


def ask(block: SharedBlock) -> None:
    """A sender that ends before it has its reply."""
    sender = Sender(block.channel_ends(UPDATER))
    assert sender.send(request(sender.ident()))
