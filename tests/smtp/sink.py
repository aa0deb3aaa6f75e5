"""An SMTP server that keeps what it is given: one file per mail in the folder argv[1].

Prints its port. While a file called `stall` lies in the folder, it stores a mail and then does not
answer: the state in which a sender that is killed cannot know whether its mail was taken.
"""

import asyncio
import itertools
import pathlib
import sys

from aiosmtpd.controller import UnthreadedController

folder = pathlib.Path(sys.argv[1])
number = itertools.count()


class Keep:
    async def handle_DATA(self, server, session, envelope):
        name = f"{next(number):06}.eml"
        draft = folder / f".{name}"
        draft.write_bytes(envelope.original_content)
        draft.rename(folder / name)
        while (folder / "stall").exists():
            await asyncio.sleep(0.05)
        return "250 kept"


loop = asyncio.new_event_loop()
controller = UnthreadedController(Keep(), hostname="127.0.0.1", port=0, loop=loop)
controller.begin()
print(controller.server.sockets[0].getsockname()[1], flush=True)
loop.run_forever()
