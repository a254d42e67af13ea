package import Primitives
package import Simulator

/// A TLS visitor: says hello in pieces, then sends what it has, ends its side, and compares what comes back.
package final class SecureVisitor: Scripted {
    private let peer: SimulatedPeer
    private var pieces: [[UInt8]]
    private let pause: UInt64
    private var nextWrite: Tick
    private let expected: [UInt8]
    package private(set) var received: [UInt8] = []
    package private(set) var isDone = false

    /// `hello` is cut into pieces of `pieceBytesMax`, written `pause` milliseconds apart; `content` follows at once.
    package init(
        _ world: World, _ node: NodeProcess, _ host: SimulatedHost, hello: [UInt8], pieceBytesMax: Int,
        pause: UInt64, content: [UInt8]
    ) {
        peer = world.kernel.connect(from: host, to: node.address(NodeProcess.entrypointPort))
        pieces = stride(from: 0, to: hello.count, by: pieceBytesMax).map {
            Array(hello[$0..<min($0 + pieceBytesMax, hello.count)])
        }
        pieces[pieces.count - 1] += content
        self.pause = pause
        nextWrite = world.now
        expected = (hello + content).map { $0 ^ SecureOrigin.mask }
        world.add(self)
    }

    package var nextAct: Tick { pieces.isEmpty || isDone ? .never : nextWrite }

    package func act(_ now: Tick) {
        guard !isDone else { return }
        received += peer.take()
        if peer.isEnded || peer.isReset {
            isDone = true
            return peer.close()
        }
        while !pieces.isEmpty, nextWrite <= now {
            peer.write(pieces.removeFirst())
            nextWrite = nextWrite.advanced(milliseconds: pause)
            if pieces.isEmpty { peer.endWriting() }
            if pause > 0 { break }
        }
    }

    /// What came is all of what should come.
    package var isWhole: Bool { received == expected }
    /// What came is the beginning of what should come.
    package var isBeginning: Bool { expected.starts(with: received) }
    /// A fatal alert came, and nothing else.
    package var isRefused: Bool { received.count == 7 && received.starts(with: [0x15, 3, 3, 0, 2, 2]) }
}
