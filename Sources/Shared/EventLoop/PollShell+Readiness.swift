internal import CLinux
internal import Operations
internal import Primitives

// Which descriptors are ready, and what of it becomes a completion.

extension PollShell {
    /// Event words from here on are wakes: the workers' own, then the external ones. Below are descriptors.
    static var wakeWord: UInt64 { @_noLocks get { 1 << 32 } }

    /// One event: what may be tried now.
    @_noLocks
    mutating func notice(_ word: UInt64, _ mask: UInt32) {
        if word >= PollShell.wakeWord {
            let index = Int(word - PollShell.wakeWord)
            completions.append(index == 0 ? Wakes.token : wakes.token(index - 1), 0)
            return
        }
        let descriptor = Int32(truncatingIfNeeded: word)
        let record = descriptors.record(descriptor)
        if record.pointee.isIdle {
            unregister(descriptor)
            return
        }
        if mask & UInt32(CULVERT_HUNG_UP) != 0 { record.pointee.isHungUp = true }
        if mask & UInt32(CULVERT_READABLE) != 0 { record.pointee.mayRead = true }
        if mask & UInt32(CULVERT_WRITABLE) != 0 { record.pointee.mayWrite = true }
        if record.pointee.hasWork { descriptors.list(descriptor) }
    }

    /// Something begins to wait: epoll must know the descriptor. When nothing waited before, what is noted may be about
    /// an older file of the same number; epoll itself tells.
    @_noLocks
    func register(_ descriptor: Int32, wasIdle: Bool) -> Int32 {
        let record = descriptors.record(descriptor)
        if record.pointee.isRegistered && !wasIdle { return 0 }
        let word = UInt64(UInt32(bitPattern: descriptor))
        let edges = UInt32(CULVERT_EDGES)
        var result = -ENOENT
        if record.pointee.isRegistered { result = culvert_poll_change(poll, EPOLL_CTL_MOD, descriptor, edges, word) }
        if result == -ENOENT { result = culvert_poll_change(poll, EPOLL_CTL_ADD, descriptor, edges, word) }
        if result == -EEXIST { result = culvert_poll_change(poll, EPOLL_CTL_MOD, descriptor, edges, word) }
        record.pointee.isRegistered = result == 0
        return result
    }

    /// epoll forgets the descriptor. Needed before it is closed as well: its file may live on elsewhere.
    @_noLocks
    func unregister(_ descriptor: Int32) {
        let record = descriptors.record(descriptor)
        guard record.pointee.isRegistered else { return }
        _ = culvert_poll_change(poll, EPOLL_CTL_DEL, descriptor, 0, 0)
        record.pointee.isRegistered = false
        record.pointee.isHungUp = false
    }

    /// One turn's share of a descriptor.
    @_noLocks
    mutating func perform(_ descriptor: Int32) {
        let record = descriptors.record(descriptor)
        if record.pointee.mayRead { performReads(descriptor) }
        if record.pointee.mayWrite { performWrites(descriptor) }
        if record.pointee.hasWork { descriptors.list(descriptor) }
    }

    /// Tries the reading operations of a descriptor in order, up to its share.
    @_noLocks
    mutating func performReads(_ descriptor: Int32) {
        let record = descriptors.record(descriptor)
        var share = PollShell.shareMax
        while share > 0, record.pointee.mayRead, !record.pointee.reads.isEmpty, completions.room > reserve {
            share -= 1
            let operation = pending.operation(at: record.pointee.reads.first)
            switch attemptRead(operation, record) {
            case .blocked:
                record.pointee.mayRead = false
            case .more(let completion):
                completions.append(completion)
            case .done(let completion):
                pending.removeFirst(of: &record.pointee.reads)
                completions.append(completion)
            }
        }
    }

    /// Tries the writing operations of a descriptor in order.
    @_noLocks
    mutating func performWrites(_ descriptor: Int32) {
        let record = descriptors.record(descriptor)
        while record.pointee.mayWrite, let operation = firstWrite(record) {
            switch attemptWrite(operation) {
            case .blocked:
                record.pointee.mayWrite = false
            case .more(let completion), .done(let completion):
                pending.removeFirst(of: &record.pointee.writes)
                completions.append(completion)
            }
        }
    }

    @_noLocks
    private func firstWrite(_ record: UnsafeMutablePointer<WatchedDescriptors.Record>) -> Operation? {
        record.pointee.writes.isEmpty ? nil : pending.operation(at: record.pointee.writes.first)
    }
}
