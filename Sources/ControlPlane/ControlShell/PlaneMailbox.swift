internal import CLinux
internal import Glibc
internal import StoreVocabulary
internal import Synchronization

/// How the rest of the process speaks to the plane loop's thread: questions in a bounded box, what stores tell in another
/// one, and a descriptor that wakes it.
package final class PlaneMailbox: Sendable {
    enum Letter: Sendable {
        case status(@Sendable (ControlStatus) -> Void)
        case dump(@Sendable (ControlDump) -> Void)
        /// Leave the sockets to the data planes and end.
        case stop
    }

    /// Questions that may wait; more are refused.
    static let lettersMax = 64

    private let letters = Mutex<[Letter]>([])
    private let stores = Mutex(StoreInbox())
    /// One at most: no reading begins before the last one's outcome was taken.
    private let readings = Mutex<RuleReading.Outcome?>(nil)
    let descriptor: Int32

    /// An empty mailbox with the event that wakes its reader.
    package init() throws(SystemFault) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemFault("make", "the plane loop's event") }
    }

    deinit { close(descriptor) }

    /// False when the box is full; `stop` always has room.
    func put(_ letter: Letter) -> Bool {
        let isTaken = letters.withLock { letters in
            if case .stop = letter {} else if letters.count >= PlaneMailbox.lettersMax { return false }
            letters.append(letter)
            return true
        }
        if isTaken { wake() }
        return isTaken
    }

    /// What a store tells always has room.
    func put(_ event: StoreEvent) {
        stores.withLock { $0.put(event) }
        wake()
    }

    /// What became of a reading of host rules.
    func put(_ outcome: RuleReading.Outcome) {
        readings.withLock { $0 = outcome }
        wake()
    }

    func takeReading() -> RuleReading.Outcome? {
        readings.withLock { outcome in
            defer { outcome = nil }
            return outcome
        }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func takeAll() -> [Letter] {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        return letters.withLock { letters in
            defer { letters = [] }
            return letters
        }
    }

    /// What stores have told since the last time.
    func takeEvents() -> [StoreEvent] { stores.withLock { $0.takeAll() } }

    // MARK: For everybody else

    /// nil when too many ask at once.
    package func status() async -> ControlStatus? {
        await withCheckedContinuation { continuation in
            if !put(.status { continuation.resume(returning: $0) }) { continuation.resume(returning: nil) }
        }
    }

    /// Takes up to a second: the data planes are asked. nil when too many ask at once.
    package func dump() async -> ControlDump? {
        await withCheckedContinuation { continuation in
            if !put(.dump { continuation.resume(returning: $0) }) { continuation.resume(returning: nil) }
        }
    }

    package func stop() { _ = put(.stop) }
}
