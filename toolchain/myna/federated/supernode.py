# SPDX-License-Identifier: Apache-2.0
"""The ClientApp that a SuperNode runs, for all clients of its site; see docs/federated.md.

The configuration of the node names the file of the site: ``--node-config 'site="FILE"'``.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from myna.codegen import fingerprint
from myna.errors import MynaError
from myna.federated.client_app import client_app
from myna.federated.fleet_grid import CLIENTS, MODEL, NUMBERS, pack, to_content, unpack
from myna.federated.flower import (
    ClientApp,
    ConfigRecord,
    Context,
    Message,
    MessageType,
    RecordDict,
)
from myna.federated.local_grid import answer
from myna.federated.site import Site
from myna.federated.site_file import open_site


class SiteApp(ClientApp):
    """The app of the site that the node's configuration names, for several clients at once."""

    def __call__(self, message: Message, context: Context) -> Message:
        """One reply of all clients that the message speaks to.

        Raises:
            MynaError: there is no such site.
        """
        if "site" not in context.node_config:
            raise MynaError(
                "does not say what it serves",
                where="SuperNode",
                fix="--node-config 'site=\"FILE\"'",
            )
        with closing(open_site(Path(str(context.node_config["site"])))) as site:
            if message.metadata.message_type == MessageType.QUERY:
                return Message(_served(site), reply_to=message)
            app, kind = client_app(site), message.metadata.message_type
            remembered, answers = unpack(context.state).items(), {}
            kept = {c: own for c, own in remembered if isinstance(own, RecordDict)}
            for client, asked in unpack(message.content).items():
                assert isinstance(asked, RecordDict)
                message_to = Message(asked, client + 1, kind)
                reply, kept[client] = answer(app, message_to, kept.get(client))
                answers[client] = to_content(reply)
            context.state = pack(kept)
            return Message(pack(answers), reply_to=message)


def _served(site: Site) -> RecordDict:
    numbers = [client.number for client in site.clients]
    model = f"{fingerprint(site.program):08x}"
    return RecordDict({CLIENTS: ConfigRecord({NUMBERS: numbers, MODEL: model})})


app = SiteApp()
