"""One gateway's process, and the ends that the server has of the ways to it.

Rule: no other process has the gateway's ends, so that either side sees when the other is gone.
"""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack

from serving.access.certificates import Certificates
from serving.backends.restarts import how_it_ended
from serving.gateways import shared_memory
from serving.gateways.shared_memory import SharedMemory
from serving.transports.http.watch import ConnectionLimits, in_whole_numbers

_GATEWAY = "serving.gateways.gateway"
_PATIENCE = 5.0  # seconds between its last word and its end


class GatewayProcess:
    def __init__(
        self,
        listening: socket.socket,
        max_body_size: int,
        limits: ConnectionLimits,
        certificates: Certificates | None = None,
    ) -> None:
        """Starts it; blocks for a moment. `listening` stays the caller's. Raises `OSError` and `ValueError`."""
        with ExitStack() as ours, ExitStack() as theirs:
            self.engine, their_engine = socket.socketpair()
            self.control, their_control = socket.socketpair()
            for each in (self.engine, self.control):
                ours.enter_context(each)
            for each in (their_engine, their_control):
                theirs.enter_context(each)
            memory = shared_memory.create()
            theirs.callback(os.close, memory)
            self.memory = SharedMemory(os.dup(memory), is_gateway=False)
            descriptors = [listening.fileno(), their_engine.fileno(), their_control.fileno(), memory]
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", _GATEWAY),
                    *map(str, [*descriptors, max_body_size, *in_whole_numbers(limits)]),
                    *(certificates.words() if certificates is not None else ()),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                process_group=0,  # Ctrl-C is the server's
            )
            ours.pop_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> str:
        """Blocks; how it ended, by itself if it did."""
        try:
            return how_it_ended(self._process.wait(_PATIENCE))
        except subprocess.TimeoutExpired:
            self.kill()
            return how_it_ended(self._process.wait())

    def kill(self) -> None:
        """Once it was waited for, it does nothing."""
        self._process.kill()

    def close(self) -> None:
        """The server's ends, but for memory that is still read."""
        self.engine.close()
        self.control.close()
