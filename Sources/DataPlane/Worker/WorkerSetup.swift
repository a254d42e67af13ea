import Model
package import Observe
import Operations
import PlaneLink
package import Primitives
import Wire

/// What a worker is made of; everything it will ever need is taken here.
package struct WorkerSetup {
    package var index = 0
    package var workerCount = 1
    package var now: Tick
    /// Kernel randomness (or the simulator's seed).
    package var seed: UInt64
    package var table: NodeTable = .empty
    package var counters: CounterPage
    /// `bufferCount` × `BufferStore.stride` bytes, page-aligned, valid as long as the worker.
    package var bufferBase: UnsafeMutableRawPointer
    package var bufferCount: Int
    /// Buffers lent to the shell at a time; at most what its provided-buffer ring holds.
    package var buffersWithShellMax = 256
    /// `datagramBufferCount` × `DatagramBuffer.strideBytes` bytes, valid as long as the worker; all lent to the shell.
    package var datagramBase: UnsafeMutableRawPointer?
    package var datagramBufferCount = 0
    package var operationsUsual = 4_096
    package var vectorsMax = WorkerSetup.vectorsStandard
    /// Descriptors this worker may hold: its part of what the process may have, what is reserved of it included.
    package var descriptorsMax = Int.max
    package var overlayMax = WorkerSetup.overlayStandard
    package var outboxes: [Mailbox?] = [nil]
    package var inboxes: [Mailbox?] = [nil]
    /// Worker 0 of a data plane.
    package var desk: PlaneDesk?
    /// The worker of a client process.
    package var client: ClientDesk?
    package var isClient: Bool { client != nil }

    /// Gathered sends in flight.
    package static let vectorsStandard = 16_384
    /// Changes of routes since the last table.
    package static let overlayStandard = RouteOverlay.capacityStandard

    package init(now: Tick, seed: UInt64, counters: CounterPage, bufferBase: UnsafeMutableRawPointer, bufferCount: Int)
    {
        self.now = now
        self.seed = seed
        self.counters = counters
        self.bufferBase = bufferBase
        self.bufferCount = bufferCount
    }
}
