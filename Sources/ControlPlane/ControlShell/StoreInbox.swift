internal import StoreVocabulary

/// What stores have told and the plane loop has not taken yet: in order, and bounded. Changes that follow each other
/// become one; more of them than can be kept become "anything may have changed". Everything else is bounded by its
/// cause: answers by the batches under way, connections by the pauses between them.
struct StoreInbox {
    /// Keys of one store that may wait.
    static let keysMax = 65_536

    private var events: [StoreEvent] = []
    /// How many keys of each store wait.
    private var counts: [StoreID: Int] = [:]
    /// Those of the last event, while it is a change.
    private var last: Set<[UInt8]> = []

    /// Takes an event in, behind all others.
    mutating func put(_ event: StoreEvent) {
        guard case .changed(let store, let keys) = event else {
            last = []
            return events.append(event)
        }
        if case .changed(store, var before)? = events.last {
            let new = keys.filter { last.insert($0).inserted }
            before += new
            counts[store, default: 0] += new.count
            events[events.count - 1] = .changed(store, keys: before)
        } else {
            last = Set(keys)
            counts[store, default: 0] += keys.count
            events.append(event)
        }
        if counts[store, default: 0] > StoreInbox.keysMax { forget(store) }
    }

    /// Everything that waits.
    mutating func takeAll() -> [StoreEvent] {
        defer { self = StoreInbox() }
        return events
    }

    private mutating func forget(_ store: StoreID) {
        events.removeAll { event in
            switch event {
            case .changed(store, _), .flushed(store): true
            default: false
            }
        }
        events.append(.flushed(store))
        counts[store] = 0
        last = []
    }
}
