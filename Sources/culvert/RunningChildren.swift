import CLinux
import Glibc

/// The processes that live at the moment, by the number of their command; waits for the first to end.
struct RunningChildren: ~Copyable {
    private var slots: [Slot]

    /// A started process: `ChildProcess` cannot be kept in an array, being unique.
    private final class Slot {
        var child: ChildProcess?
        init() {}
    }

    init(count: Int) { slots = (0..<count).map { _ in Slot() } }

    mutating func add(_ child: consuming ChildProcess, at index: Int) {
        precondition(slots[index].child == nil, "the process runs already")
        slots[index].child = consume child
    }

    func send(_ signal: Int32, to index: Int) { slots[index].child?.send(signal) }

    /// Waits until a child ends, `wake` is written, or the time is over (-1: none); gives back what ended.
    mutating func wait(wake: Int32, milliseconds: Int32) -> [(Int, Supervision.Ending)] {
        var polled = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
        var indices: [Int] = []
        for (index, slot) in slots.enumerated() {
            guard let descriptor = slot.child?.descriptor else { continue }
            polled.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
            indices.append(index)
        }
        guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return [] }
        if polled[0].revents != 0 {
            var count: eventfd_t = 0
            eventfd_read(wake, &count)
        }
        var ended: [(Int, Supervision.Ending)] = []
        for (position, index) in indices.enumerated() where polled[position + 1].revents != 0 {
            guard let child = slots[index].child.take() else { continue }
            ended.append((index, child.reap()))
        }
        return ended
    }
}
