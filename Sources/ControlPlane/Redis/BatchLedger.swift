internal import NIOCore
internal import StoreVocabulary

/// The batches of one connection: which are on the wire, which wait behind them, what each still lacks. Replies come in
/// the order of the commands; that is all that ties them together.
///
///     submit ─ waiting ─ sent ─ answered
///                 │        │
///               expired   expired: nobody waits any more, but its replies still come and keep its place
struct BatchLedger<Asker> {
    private struct Entry {
        /// nil: its deadline has passed.
        var asker: Asker?
        var expected: Int
        var replies: [StoreReply] = []
        var replyBytes = 0
        var requestBytes: Int
        var deadline: NIODeadline
        /// Until it is sent.
        var text: ByteBuffer?
    }

    enum Admission: Equatable {
        case send(ByteBuffer)
        case waits
        case overloaded
    }

    enum Receipt {
        /// The batch lacks more replies.
        case more
        /// nil: nobody waited any more.
        case answered(Asker?, [StoreReply])
        case broken(ReplyFault)
    }

    private let limits: StoreLimits
    private var sent = CircularBuffer<Entry>()
    private var waiting = CircularBuffer<Entry>()
    private var requestBytes = 0
    /// No deadline is earlier; it may have been met meanwhile.
    private(set) var nextDeadline = NIODeadline.distantFuture

    init(limits: StoreLimits) { self.limits = limits }

    /// Whether the server owes a reply.
    var isOwed: Bool { !sent.isEmpty }

    /// Takes a batch up, or refuses it.
    mutating func submit(_ commands: [StoreCommand], deadline: NIODeadline, asker: Asker) -> Admission {
        let bytes = commands.reduce(0) { $0 + CommandText.bytesMax($1) }
        let isFull = sent.count >= limits.batchesInFlightMax
        guard bytes <= limits.requestBytesMax - requestBytes, !isFull || waiting.count < limits.batchesWaitingMax
        else { return .overloaded }
        requestBytes += bytes
        nextDeadline = min(nextDeadline, deadline)
        var entry = Entry(asker: asker, expected: commands.count, requestBytes: bytes, deadline: deadline)
        let text = CommandText.buffer(commands)
        if isFull {
            entry.text = text
            waiting.append(entry)
            return .waits
        }
        sent.append(entry)
        return .send(text)
    }

    /// A reply to the oldest command.
    mutating func receive(_ reply: StoreReply, bytes: Int) -> Receipt {
        guard !sent.isEmpty else { return .broken(.unasked) }
        let first = sent.startIndex
        sent[first].replyBytes += bytes
        guard sent[first].replyBytes <= limits.replyBytesMax else { return .broken(.tooManyBytes) }
        // Nobody reads the replies of one whose deadline has passed: they are only counted.
        if sent[first].asker != nil { sent[first].replies.append(reply) }
        sent[first].expected -= 1
        guard sent[first].expected == 0 else { return .more }
        let entry = sent.removeFirst()
        requestBytes -= entry.requestBytes
        return .answered(entry.asker, entry.replies)
    }

    /// What may be sent since a place on the wire is free; nil: nothing.
    mutating func release() -> ByteBuffer? {
        guard sent.count < limits.batchesInFlightMax, var entry = waiting.popFirst() else { return nil }
        let text = entry.text
        entry.text = nil
        sent.append(entry)
        return text
    }

    /// Whose deadline has passed, in the order in which they came.
    mutating func expire(now: NIODeadline) -> [Asker] {
        guard nextDeadline <= now else { return [] }
        var late: [Asker] = []
        nextDeadline = .distantFuture
        for index in sent.indices {
            guard let asker = sent[index].asker else { continue }
            if sent[index].deadline <= now {
                late.append(asker)
                sent[index].asker = nil
                sent[index].replies = []
            } else {
                nextDeadline = min(nextDeadline, sent[index].deadline)
            }
        }
        var kept = CircularBuffer<Entry>()
        for entry in waiting {
            if entry.deadline <= now {
                if let asker = entry.asker { late.append(asker) }
                requestBytes -= entry.requestBytes
            } else {
                nextDeadline = min(nextDeadline, entry.deadline)
                kept.append(entry)
            }
        }
        waiting = kept
        return late
    }

    /// The connection is gone: everybody who still waits, in the order in which they came.
    mutating func end() -> [Asker] {
        let askers = sent.compactMap(\.asker) + waiting.compactMap(\.asker)
        self = BatchLedger(limits: limits)
        return askers
    }
}
