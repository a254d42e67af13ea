import Observe

/// What passes through a tunnel client: counted since its start.
package struct TunnelLoad: Equatable, Sendable {
    /// Streams that servers opened, and those of them that are open now.
    package var visitors: UInt64
    package var visitorsNow: UInt64
    /// On the connections to the servers, both ways, framing included.
    package var bytes: UInt64

    package init(visitors: UInt64, visitorsNow: UInt64, bytes: UInt64) {
        self.visitors = visitors
        self.visitorsNow = visitorsNow
        self.bytes = bytes
    }
}

/// The memory in which a client's worker counts.
final class ClientCounters: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    let page: CounterPage

    init() {
        memory = .allocate(byteCount: CounterFile.bytes(workers: 1), alignment: 4_096)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        page = CounterFile.format(memory, workers: 1)[0]
    }

    deinit { memory.deallocate() }

    /// As the control plane reads a data plane's: each word is whole, though not all are of the same instant.
    var load: TunnelLoad {
        let opened = page.value(.streamsOpened), closed = page.value(.streamsClosed)
        return TunnelLoad(
            visitors: opened, visitorsNow: opened > closed ? opened - closed : 0,
            bytes: page.value(.bytesFromLinks) + page.value(.bytesToLinks))
    }
}
