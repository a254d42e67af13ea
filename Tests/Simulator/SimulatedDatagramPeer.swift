import Primitives

/// Somebody outside who exchanges datagrams at an address of its own: an application, or its service.
package final class SimulatedDatagramPeer {
    private let kernel: SimulatedKernel
    private let socket: SimulatedSocket
    /// What came and was not taken yet, with its senders.
    private var received: [(from: SimulatedAddress, bytes: [UInt8])] = []

    init(kernel: SimulatedKernel, socket: SimulatedSocket) {
        self.kernel = kernel
        self.socket = socket
        socket.outsideDatagrams = self
    }

    /// Where it receives.
    package var address: SimulatedAddress { socket.name }

    package func send(_ bytes: [UInt8], to address: SimulatedAddress) {
        kernel.send(bytes, from: socket, to: address)
    }

    /// The datagrams that came since the last call, with their senders.
    package func take() -> [(from: SimulatedAddress, bytes: [UInt8])] {
        defer { received = [] }
        return received
    }

    /// Nobody receives here from now on.
    package func close() { kernel.close(socket) }

    func noticed() {
        for datagram in socket.datagrams {
            kernel.trace.note(kernel.now.nanoseconds, socket.id, UInt64(datagram.bytes.count))
            datagram.bytes.withUnsafeBytes { kernel.trace.note(bytes: $0) }
        }
        received += socket.datagrams
        socket.datagrams = []
        socket.datagramBytes = 0
    }
}

extension SimulatedKernel {
    /// Somebody on `host` who sends and receives datagrams at `address`.
    package func exchangeDatagrams(on host: SimulatedHost, at address: SimulatedAddress) -> SimulatedDatagramPeer {
        let socket = makeSocket(on: host, isUnix: false, isDatagram: true)
        bind(socket, at: address)
        return SimulatedDatagramPeer(kernel: self, socket: socket)
    }
}
