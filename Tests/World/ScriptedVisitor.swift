package import Primitives
package import Simulator

/// A visitor by bytes: writes what a test says, keeps what comes.
package final class ScriptedVisitor: Scripted {
    package let peer: SimulatedPeer
    /// All that came since the last `forget`.
    package private(set) var received: [UInt8] = []

    package init(_ world: World, _ node: NodeProcess, _ host: SimulatedHost, port: UInt16 = NodeProcess.entrypointPort)
    {
        peer = world.kernel.connect(from: host, to: node.address(port))
        world.add(self)
    }

    package var nextAct: Tick { .never }
    package func act(_ now: Tick) { received += peer.take() }

    package func write(_ text: String) { peer.write(Array(text.utf8)) }
    package func leave() { if !peer.isReset { peer.reset() } }
    package func forget() { received = [] }

    package var text: String { String(decoding: received, as: UTF8.self) }
    /// The node ended the connection.
    package var isEnded: Bool { peer.isEnded || peer.isReset }
    /// `HTTP/1.1 200 OK` → 200.
    package var status: Int? { text.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
}
