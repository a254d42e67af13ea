package import Primitives
import Simulator

/// A customer's TLS service, as far as a tunnel can tell: waits for a whole hello, then sends every byte back, changed by
/// one mask, until its visitor ends; then it ends as well.
package final class SecureOrigin: Scripted {
    private struct Connection {
        var peer: SimulatedPeer
        var hello: [UInt8] = []
        var isAnswering = false
        var isClosed = false
    }

    /// What every byte is changed by.
    package static let mask: UInt8 = 0x5A

    private let listener: SimulatedPeerListener
    private let helloCount: Int
    private var connections: [Connection] = []
    /// Hellos that were complete.
    package private(set) var answered = 0

    /// Hellos of `helloCount` bytes come to the client's target.
    package init(_ world: World, _ client: ClientProcess, helloCount: Int) {
        listener = world.kernel.listen(on: client.host, at: client.target)
        self.helloCount = helloCount
        world.add(self)
    }

    package var nextAct: Tick { .never }

    package func act(_ now: Tick) {
        while let peer = listener.accept() { connections.append(Connection(peer: peer)) }
        for index in connections.indices where !connections[index].isClosed { serve(&connections[index]) }
    }

    private func serve(_ connection: inout Connection) {
        var bytes = connection.peer.take()
        if !connection.isAnswering {
            connection.hello += bytes
            bytes = []
            if connection.hello.count >= helloCount {
                connection.isAnswering = true
                bytes = connection.hello
                answered += 1
            }
        }
        if !bytes.isEmpty, !connection.peer.isReset { connection.peer.write(bytes.map { $0 ^ SecureOrigin.mask }) }
        if connection.peer.isReset || (connection.peer.isEnded && connection.peer.unsentCount == 0) {
            connection.isClosed = true
            connection.peer.close()
        }
    }
}
