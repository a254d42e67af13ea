"""A plane link that can be made slow or stopped: it stands between the planes, and passes bytes and descriptors on."""
import array
import os
import socket
import threading


class PlaneLink:
    """Listens at `path` for data planes and connects each to the control plane's socket. `open` is cleared to stop all
    that is passed on in either direction, for as long as it takes."""

    def __init__(self, path, control):
        self.control = control
        self.open = threading.Event()
        self.open.set()
        self.connections = 0
        self.stopping = False
        self.sockets = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        self.threads = [self.start(self.accept)]

    def start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        return thread

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.control)
            except OSError:
                near.close()
                continue
            self.connections += 1
            self.sockets += [near, far]
            for pair in ((near, far), (far, near)):
                self.threads.append(self.start(self.pass_on, *pair))

    def pass_on(self, source, target):
        room = socket.CMSG_SPACE(64 * array.array("i").itemsize)
        try:
            while True:
                data, ancillary, _, _ = source.recvmsg(65_536, room)
                self.open.wait()
                files = array.array("i")
                for level, kind, content in ancillary:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        files.frombytes(content[:len(content) - len(content) % files.itemsize])
                if not data:
                    break
                passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)] if files else []
                sent = target.sendmsg([data], passed)
                target.sendall(data[sent:])
                for descriptor in files:
                    os.close(descriptor)
        except OSError:
            pass
        finally:
            for one in (source, target):
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    async def close(self):
        self.listener.close()
        self.open.set()
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
