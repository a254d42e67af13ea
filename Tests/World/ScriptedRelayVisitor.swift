package import Model
package import Primitives
package import Simulator
package import Wire

/// A relay visitor by bytes, over plain TCP: says whom it wants, keeps status and payload apart.
package final class ScriptedRelayVisitor: Scripted {
    /// Whom it wants, and how it says so.
    package struct Wish: Sendable {
        package var tunnel: TunnelID?
        package var host = ""
        package var command = RelayCommand.connect
        package var isUDP = false
        package var user: String?
        package var password = ""
        package var source: SocketAddress?

        package init(tunnel: TunnelID?, host: String = "") {
            self.tunnel = tunnel
            self.host = host
        }
    }

    package let peer: SimulatedPeer
    /// Status of the answer, once it is there.
    package private(set) var status: UInt8?
    /// What came behind the answer.
    package private(set) var payload: [UInt8] = []
    private var unread: [UInt8] = []

    package init(
        _ world: World, _ node: NodeProcess, _ host: SimulatedHost, port: UInt16 = NodeProcess.relayPort, _ wish: Wish,
        early: String = ""
    ) {
        peer = world.kernel.connect(from: host, to: node.address(port))
        var request = RelayRequest(wish.command)
        if wish.isUDP { request.network = .udp }
        if let user = wish.user {
            request.hasUserAuth = true
            request.user = InlineText(user)!
            request.password = InlineText(wish.password)!
        }
        request.source = RelayAddress(wish.source ?? SocketAddress(ipv4: 0xC0A8_0109, port: 40_000))
        request.destination = RelayAddress(name: InlineText(wish.host)!, port: 0)
        if let tunnel = wish.tunnel {
            request.tunnel = RelayTunnel(high: tunnel.high, low: tunnel.low, capabilities: [], weight: 0)
        }
        peer.write(ScriptedConnector.bytes { request.write(into: $0) } + Array(early.utf8))
        world.add(self)
    }

    package var text: String { String(decoding: payload, as: UTF8.self) }
    /// The node ended the connection.
    package var isEnded: Bool { peer.isEnded || peer.isReset }

    package func leave() { if !peer.isReset { peer.reset() } }

    package func write(_ text: String) { peer.write(Array(text.utf8)) }

    package var nextAct: Tick { .never }

    package func act(_ now: Tick) {
        unread += peer.take()
        if status == nil {
            guard unread.count >= 4 else { return }
            precondition(unread[0] == 1 && unread[2] == 0 && unread[3] == 0, "an answer with features")
            status = unread[1]
            unread.removeFirst(4)
        }
        payload += unread
        unread = []
    }
}
