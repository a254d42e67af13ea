internal import Primitives

/// What the readiness shell knows of each descriptor number, and the list of those it has work for.
struct WatchedDescriptors: ~Copyable {
    struct Record: BitwiseCopyable {
        var reads: OperationChain
        var writes: OperationChain
        /// The next descriptor in the list of work, plus one; 0 ends it.
        var nextWithWork: UInt32
        /// epoll was told of it, and may still know it.
        var isRegistered: Bool
        /// The peer ended its side or the connection broke: a short read does not mean that there is nothing more.
        var isHungUp: Bool
        var isListed: Bool
        /// Its operations are worth a try.
        var mayRead: Bool
        var mayWrite: Bool

        var hasWork: Bool { @_noLocks get { (mayRead && !reads.isEmpty) || (mayWrite && !writes.isEmpty) } }
        var isIdle: Bool { @_noLocks get { reads.isEmpty && writes.isEmpty } }
    }

    private let records: ZeroedSlab<Record>
    private var firstWithWork: UInt32 = 0
    private var lastWithWork: UInt32 = 0
    /// Descriptors in the list of work.
    private(set) var countWithWork = 0

    init?(descriptorsMax: UInt32) {
        guard let records = ZeroedSlab<Record>(count: Int(descriptorsMax)) else { return nil }
        self.records = records
    }

    @_noLocks
    func holds(_ descriptor: Int32) -> Bool { descriptor >= 0 && Int(descriptor) < records.count }

    /// The record, in place.
    @_noLocks
    func record(_ descriptor: Int32) -> UnsafeMutablePointer<Record> {
        precondition(holds(descriptor))
        return records.cells + Int(descriptor)
    }

    /// The number belongs to a new file: nothing that was learnt holds.
    @_noLocks
    func renew(_ descriptor: Int32) {
        guard holds(descriptor) else { return }
        let record = records.cells + Int(descriptor)
        precondition(record.pointee.isIdle, "a descriptor number came back with operations waiting on it")
        record.pointee.isRegistered = false
        record.pointee.isHungUp = false
        record.pointee.mayRead = false
        record.pointee.mayWrite = false
    }

    /// At the end of the list of work, once.
    @_noLocks
    mutating func list(_ descriptor: Int32) {
        let record = record(descriptor)
        if record.pointee.isListed { return }
        record.pointee.isListed = true
        record.pointee.nextWithWork = 0
        let link = UInt32(descriptor) + 1
        if firstWithWork == 0 {
            firstWithWork = link
        } else {
            records.cells[Int(lastWithWork) - 1].nextWithWork = link
        }
        lastWithWork = link
        countWithWork += 1
    }

    /// The next one with work, off the list.
    @_noLocks
    mutating func nextWithWork() -> Int32? {
        guard firstWithWork != 0 else { return nil }
        let descriptor = Int32(firstWithWork) - 1
        let record = record(descriptor)
        firstWithWork = record.pointee.nextWithWork
        if firstWithWork == 0 { lastWithWork = 0 }
        record.pointee.isListed = false
        countWithWork -= 1
        return descriptor
    }
}
