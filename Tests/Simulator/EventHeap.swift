import Operations
import Primitives

/// What happens in the simulated world at an instant.
enum SimulatedEvent {
    /// A worker's submitted operations reach the kernel.
    case entered(SimulatedPort)
    /// A completion can be seen by its worker.
    case completed(SimulatedPort, Completion, PendingOperation?)
    case wake(SimulatedPort, Token)
    case segment(SimulatedSocket, [UInt8], [OpenFile])
    case ended(SimulatedSocket)
    case reset(SimulatedSocket)
    /// What a socket sent has been held for as long as it may be.
    case unacknowledged(SimulatedSocket, SimulatedHost)
    /// The peer's reader made room for so many bytes.
    case credit(SimulatedSocket, Int)
    /// A connection attempt arrives where somebody may listen.
    case knock(SimulatedSocket, SimulatedAddress)
    /// The answer to an attempt: 0 or a negative error number.
    case answered(SimulatedSocket, Int32)
    /// A listener that slept looks at its queue.
    case awake(SimulatedSocket)
    /// A peer outside writes what it holds.
    case flush(SimulatedPeer)
    /// A datagram of a socket, from one address to another.
    case datagram([UInt8], SimulatedSocket, from: SimulatedAddress, to: SimulatedAddress)
    /// Nobody was where the socket's datagram went.
    case unreachable(SimulatedSocket)
}

/// Events by time, and in the order they were scheduled within one instant.
struct EventHeap {
    struct Entry {
        let time: Tick
        let order: UInt64
        let event: SimulatedEvent
    }

    private var entries: [Entry] = []
    private var scheduled: UInt64 = 0

    var nextTime: Tick? { entries.first?.time }

    mutating func schedule(_ event: SimulatedEvent, at time: Tick) {
        scheduled += 1
        entries.append(Entry(time: time, order: scheduled, event: event))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(child, parent) else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func next() -> Entry? {
        guard let first = entries.first else { return nil }
        let last = entries.removeLast()
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && isBefore(child, least) {
                least = child
            }
            guard least != parent else { return first }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    private func isBefore(_ left: Int, _ right: Int) -> Bool {
        let (a, b) = (entries[left], entries[right])
        return a.time == b.time ? a.order < b.order : a.time < b.time
    }
}
