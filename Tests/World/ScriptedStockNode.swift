import Foundation
package import Primitives
package import Simulator
package import Wire

/// A stock node's entrypoint by bytes (protocol tunnel-server §8.2, §9): keeps what visitors' connections bring, says what
/// a test tells it, answers relay requests; or, where what it knows is old, hands everything on to another node.
package final class ScriptedStockNode: Scripted {
    /// A connection that a node of ours made.
    package final class Conversation {
        package let peer: SimulatedPeer
        /// All that came, a relay request and what is behind it included.
        package fileprivate(set) var received: [UInt8] = []
        /// A relay visitor's, once it is complete, and what came behind it.
        package fileprivate(set) var request: RelayRequest?
        package fileprivate(set) var payload: [UInt8] = []
        fileprivate var onward: SimulatedPeer?
        fileprivate var passed = 0
        fileprivate var hasEnded = false

        init(peer: SimulatedPeer) { self.peer = peer }

        package var text: String { String(decoding: received, as: UTF8.self) }
        package var isOver: Bool { peer.isEnded || peer.isReset }

        /// The value of a field of the head that came.
        package func field(_ name: String) -> String? {
            let lines = text.components(separatedBy: "\r\n")
            let values = lines.filter { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
            return values.isEmpty ? nil : values.map { String($0.dropFirst(name.count + 2)) }.joined(separator: "|")
        }

        package func write(_ text: String) { peer.write(Array(text.utf8)) }
    }

    /// In the order in which they came; ended ones stay.
    package private(set) var conversations: [Conversation] = []
    /// What relay requests are answered with; nil: nothing at all.
    package var relayStatus: UInt8? = 0
    /// Written in the same moment as the answer to a relay request.
    package var greeting = ""
    /// Where it hands everything on to, and from which host it seems to come there.
    package var onward: (from: SimulatedHost, to: SimulatedAddress)?
    private let world: World
    private let listener: SimulatedPeerListener

    package init(_ world: World, on host: SimulatedHost, port: UInt16 = 80) {
        self.world = world
        listener = world.kernel.listen(on: host, at: SimulatedAddress(low: host.low, port: port))
        world.add(self)
    }

    package var nextAct: Tick { .never }

    package func leave() {
        for conversation in conversations where !conversation.isOver { conversation.peer.reset() }
    }

    package func act(_ now: Tick) {
        while let peer = listener.accept() { conversations.append(Conversation(peer: peer)) }
        for conversation in conversations {
            conversation.received += conversation.peer.take()
            if let onward { pass(conversation, onward) } else { readRequest(conversation) }
        }
    }

    private func readRequest(_ conversation: Conversation) {
        guard conversation.received.first == 1 else { return }
        let step = conversation.received.withUnsafeBytes {
            RelayRequest.read(RawSpan(_unsafeBytes: $0), limit: 16_000)
        }
        guard case .message(let request, let count) = step else { return }
        conversation.payload = Array(conversation.received[count...])
        guard conversation.request == nil else { return }
        conversation.request = request
        guard let relayStatus else { return }
        conversation.peer.write([1, relayStatus, 0, 0] + Array(greeting.utf8))
        if relayStatus != 0 { conversation.peer.close() }
    }

    /// As a stock node whose own connectors are gone: the visitor's bytes as they are, but for its own id in place of the
    /// one that it finds (protocol tunnel-server §8.3).
    private func pass(_ conversation: Conversation, _ onward: (from: SimulatedHost, to: SimulatedAddress)) {
        if conversation.onward == nil {
            let isHello = conversation.received.first == 0x16
            guard isHello || conversation.text.contains("\r\n\r\n") else { return }
            let next = world.kernel.connect(from: onward.from, to: onward.to)
            conversation.onward = next
            if !isHello {
                conversation.passed = conversation.received.count
                let lines = conversation.text.components(separatedBy: "\r\n").map {
                    $0.hasPrefix("Gost-Forwarded-Node: ") ? "Gost-Forwarded-Node: \(Self.id)" : $0
                }
                next.write(Array(lines.joined(separator: "\r\n").utf8))
            }
        }
        guard let next = conversation.onward, !conversation.hasEnded else { return }
        if conversation.received.count > conversation.passed {
            next.write(Array(conversation.received[conversation.passed...]))
            conversation.passed = conversation.received.count
        }
        let back = next.take()
        if !back.isEmpty, !conversation.isOver { conversation.peer.write(back) }
        guard conversation.isOver || next.isEnded || next.isReset else { return }
        conversation.hasEnded = true
        if !next.isReset { next.close() }
        if !conversation.peer.isReset { conversation.peer.close() }
    }

    /// Its id, as it writes it.
    package static let id = "1ceaddbc-f61b-4af1-ad43-ca257c36b989"
}
