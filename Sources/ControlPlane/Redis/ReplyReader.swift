internal import CHiredis
internal import StoreVocabulary

/// Makes replies of a server's bytes: hiredis' reader, bounded. After a fault it reads nothing more.
final class ReplyReader {
    enum Step: Equatable {
        /// A whole reply, and how many bytes it took.
        case reply(StoreReply, bytes: Int)
        case needMore
        case broken(ReplyFault)
    }

    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let building: ReplyBuilding
    private let bytesMax: Int
    private var fed = 0
    /// How many bytes the replies before took.
    private var taken = 0
    private var fault: ReplyFault?

    init(bytesMax: Int, elementsMax: Int) {
        self.bytesMax = bytesMax
        building = ReplyBuilding(elementsMax: elementsMax)
        functions = .allocate(capacity: 1)
        functions.initialize(to: ReplyBuilding.functions())
        guard let reader = redisReaderCreateWithFunctions(functions) else { fatalError("out of memory") }
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(building).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Takes bytes in; `next` says what they are.
    func feed(_ bytes: UnsafeRawBufferPointer) {
        guard fault == nil, let start = bytes.baseAddress, bytes.count > 0 else { return }
        if redisReaderFeed(reader, start.assumingMemoryBound(to: CChar.self), bytes.count) != REDIS_OK {
            fault = .malformed(text)
        }
        fed += bytes.count
    }

    /// The next whole reply of what was fed.
    func next() -> Step {
        if let fault { return .broken(fault) }
        var object: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &object) == REDIS_OK else {
            return broken(building.fault ?? .malformed(text))
        }
        let count = fed - (reader.pointee.len - reader.pointee.pos) - taken
        guard let object else {
            return fed - taken > bytesMax ? broken(.tooManyBytes) : .needMore
        }
        let node = Unmanaged<ReplyNode>.fromOpaque(object).takeRetainedValue()
        taken += count
        building.elements = 0
        return count > bytesMax ? broken(.tooManyBytes) : .reply(node.reply, bytes: count)
    }

    private func broken(_ fault: ReplyFault) -> Step {
        self.fault = fault
        return .broken(fault)
    }

    /// What the reader says about its error.
    private var text: String {
        withUnsafeBytes(of: &reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// What hiredis' reader calls while it reads: makes the nodes, and counts them.
private final class ReplyBuilding {
    let elementsMax: Int
    /// Of the reply that is being read.
    var elements = 0
    /// Why no object was made, which hiredis takes for a want of memory.
    var fault: ReplyFault?

    init(elementsMax: Int) { self.elementsMax = elementsMax }

    /// A node at the place of the task; nil ends the reading.
    private func node(_ leaf: StoreReply?, at task: UnsafePointer<redisReadTask>) -> UnsafeMutableRawPointer? {
        elements += 1
        guard elements <= elementsMax else {
            fault = .tooManyElements
            return nil
        }
        let node = ReplyNode(leaf)
        guard let parent = task.pointee.parent?.pointee.obj else { return Unmanaged.passRetained(node).toOpaque() }
        Unmanaged<ReplyNode>.fromOpaque(parent).takeUnretainedValue().append(node)
        return Unmanaged.passUnretained(node).toOpaque()
    }

    private func text(
        _ bytes: UnsafeRawBufferPointer, at task: UnsafePointer<redisReadTask>
    ) -> UnsafeMutableRawPointer? {
        switch task.pointee.type {
        case REDIS_REPLY_STRING: return node(.bytes(Array(bytes)), at: task)
        case REDIS_REPLY_STATUS: return node(.status(String(decoding: bytes, as: UTF8.self)), at: task)
        case REDIS_REPLY_ERROR: return node(.fault(String(decoding: bytes, as: UTF8.self)), at: task)
        default: return refuse()
        }
    }

    private func list(_ count: Int, at task: UnsafePointer<redisReadTask>) -> UnsafeMutableRawPointer? {
        guard task.pointee.type == REDIS_REPLY_ARRAY else { return refuse() }
        // The list itself counts as well.
        guard count < elementsMax - elements else {
            fault = .tooManyElements
            return nil
        }
        return node(nil, at: task)
    }

    private func refuse() -> UnsafeMutableRawPointer? {
        fault = .unknownKind
        return nil
    }

    private static func of(_ task: UnsafePointer<redisReadTask>) -> ReplyBuilding {
        guard let own = task.pointee.privdata else { preconditionFailure("a reader without its context") }
        return Unmanaged<ReplyBuilding>.fromOpaque(own).takeUnretainedValue()
    }

    static func functions() -> redisReplyObjectFunctions {
        var functions = redisReplyObjectFunctions()
        functions.createString = { task, bytes, count in
            guard let task else { return nil }
            return ReplyBuilding.of(task).text(UnsafeRawBufferPointer(start: bytes, count: count), at: task)
        }
        functions.createArray = { task, count in
            guard let task else { return nil }
            return ReplyBuilding.of(task).list(Int(count), at: task)
        }
        functions.createInteger = { task, value in
            guard let task else { return nil }
            return ReplyBuilding.of(task).node(.number(value), at: task)
        }
        functions.createNil = { task in
            guard let task else { return nil }
            return ReplyBuilding.of(task).node(StoreReply.none, at: task)
        }
        functions.freeObject = { object in
            guard let object else { return }
            Unmanaged<ReplyNode>.fromOpaque(object).release()
        }
        culvert_redis_refuse_newer(&functions)
        return functions
    }
}
