import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// What a visitor gets: the answer's head is read and, where it must be, rewritten; its body is passed on from the buffer
// it came in; the end of the exchange decides what becomes of stream and connection.

extension Worker {
    /// Bytes of the stream came for its visitor. The caller holds the slice's buffer.
    @_noLocks
    mutating func visitorAnswered(_ slot: UInt32, _ stream: UInt32, _ slice: Slice) {
        let visitor = visitors[slot]
        guard visitor.pointee.stream == stream else {
            // A parked stream must be silent: whatever this is, it answers nothing.
            forgetParked(slot, stream)
            return resetStream(stream, .badAnswer)
        }
        if visitor.pointee.phase == .raw {
            if !visitor.pointee.answerStarted { beginAnswering(slot) }
            return passToVisitor(slot, slice)
        }
        if visitor.pointee.answer == .awaitingHead, !visitor.pointee.answerHead.isEmpty {
            return joinAnswerHead(slot, slice)
        }
        readAnswer(slot, slice)
    }

    /// The head is in pieces: puts them together until it is complete.
    @_noLocks
    private mutating func joinAnswerHead(_ slot: UInt32, _ slice: Slice) {
        let visitor = visitors[slot]
        guard buffers.appendCopy(&visitor.pointee.answerHead, UnsafeRawBufferPointer(buffers.bytes(slice))),
            buffers.join(
                &visitor.pointee.answerHead,
                first: min(visitor.pointee.answerHead.byteCount, BufferStore.payload)),
            var whole = Optional(visitor.pointee.answerHead)
        else { return answerBroke(slot, .buffersFull) }
        visitor.pointee.answerHead = SliceQueue()
        while visitors.isLive(slot), let part = buffers.popFirst(&whole) {
            readAnswer(slot, part)
            buffers.release(part.buffer)
        }
        buffers.clear(&whole)
    }

    /// Reads on: heads as long as they are due, then the body.
    @_noLocks
    private mutating func readAnswer(_ slot: UInt32, _ slice: Slice) {
        var rest = slice
        while rest.count > 0, visitors.isLive(slot) {
            let visitor = visitors[slot]
            if visitor.pointee.phase == .raw { return passToVisitor(slot, rest) }
            switch visitor.pointee.answer {
            case .awaitingHead:
                guard readAnswerHead(slot, &rest) else { return }
            case .body:
                guard readAnswerBody(slot, &rest) else { return }
            case .done:
                // Bytes behind the answer belong to no request.
                return
            }
        }
    }

    @_noLocks
    private mutating func readAnswerHead(_ slot: UInt32, _ rest: inout Slice) -> Bool {
        let visitor = visitors[slot]
        let bytes = UnsafeRawBufferPointer(buffers.bytes(rest))
        let step = HTTPAnswerHead.read(
            bytes.bytes, limit: BufferStore.payload - 512, method: visitor.pointee.method,
            askedUpgrade: visitor.pointee.askedUpgrade)
        switch step {
        case .needMore:
            if !buffers.appendCopy(&visitor.pointee.answerHead, UnsafeRawBufferPointer(buffers.bytes(rest))) {
                answerBroke(slot, .buffersFull)
            }
            return false
        case .fault:
            answerBroke(slot, .badAnswer)
            return false
        case .head(let head):
            let original = Slice(buffer: rest.buffer, offset: rest.offset, count: UInt32(head.byteCount))
            rest.offset += UInt32(head.byteCount)
            rest.count -= UInt32(head.byteCount)
            if head.isInterim { return passInterim(slot, head, original) }
            return startAnswer(slot, head, original, isFollowed: rest.count > 0)
        }
    }

    /// 1xx: passed on to visitors that know them.
    @_noLocks
    private mutating func passInterim(_ slot: UInt32, _ head: HTTPAnswerHead, _ original: Slice) -> Bool {
        let visitor = visitors[slot]
        visitor.pointee.interimCount += 1
        guard visitor.pointee.interimCount <= 16 else {
            answerBroke(slot, .badAnswer)
            return false
        }
        guard visitor.pointee.minor > 0 else { return true }
        beginAnswering(slot)
        return passHead(slot, head, original, options: .init(rawValue: 0), keeps: true)
    }

    /// The final head: decides how the body is framed and whether the visitor's connection is kept.
    @_noLocks
    private mutating func startAnswer(
        _ slot: UInt32, _ head: HTTPAnswerHead, _ original: Slice, isFollowed: Bool
    ) -> Bool {
        let visitor = visitors[slot]
        beginAnswering(slot)
        timers.clear(visitor.pointee.socket)
        if head.isUpgrade {
            visitor.pointee.phase = .raw
            guard passHead(slot, head, original, options: .init(rawValue: 0), keeps: true) else { return false }
            buffers.clear(&visitor.pointee.replay)
            forwardRaw(slot)
            if visitors.isLive(slot), visitors[slot].pointee.inputEnded { halfCloseFromVisitor(slot) }
            return visitors.isLive(slot)
        }
        visitor.pointee.originKeeps = head.keepsConnection
        visitor.pointee.answerUnchunks = head.framing == .chunked && visitor.pointee.minor == 0
        if head.framing == .untilClose || visitor.pointee.answerUnchunks || drain.isOn {
            visitor.pointee.keepsConnection = false
        }
        let keeps = visitor.pointee.keepsConnection
        var options = HTTPAnswerRewriter.Options(rawValue: 0)
        if !keeps {
            options.insert(.close)
        } else if visitor.pointee.minor == 0 {
            options.insert(.keepAlive)
        }
        // Also where there is no body, as for HEAD: a transfer coding means nothing to HTTP/1.0 (RFC 9112 §6.1).
        if visitor.pointee.minor == 0 { options.insert(.unchunked) }
        guard passHead(slot, head, original, options: options, keeps: keeps) else { return false }
        visitor.pointee.answer = .body
        visitor.pointee.answerBody = HTTPBody(head.framing)
        return visitor.pointee.answerBody.isDone ? answerEnded(slot, isFollowed: isFollowed) : true
    }

    /// From here on the request cannot be repeated.
    @_noLocks
    private mutating func beginAnswering(_ slot: UInt32) {
        let visitor = visitors[slot]
        visitor.pointee.answerStarted = true
        visitor.pointee.mayReplay = false
        buffers.clear(&visitor.pointee.replay)
    }

    @_noLocks
    private mutating func passHead(
        _ slot: UInt32, _ head: HTTPAnswerHead, _ original: Slice, options: HTTPAnswerRewriter.Options, keeps: Bool
    ) -> Bool {
        let visitor = visitors[slot]
        if !visitor.pointee.answerUnchunks,
            head.passesUnchanged(keepsVisitor: keeps, visitorMinor: visitor.pointee.minor)
        {
            passToVisitor(slot, original)
            return true
        }
        guard let buffer = buffers.take() else {
            answerBroke(slot, .buffersFull)
            return false
        }
        let target = UnsafeMutableRawBufferPointer(
            start: buffers.pointer(buffer: buffer, offset: BufferStore.headroom), count: BufferStore.payload)
        let bytes = UnsafeRawBufferPointer(buffers.bytes(original))
        let written = HTTPAnswerRewriter.write(
            head, bytes.bytes, options: options, extra: UnsafeRawBufferPointer(start: nil, count: 0),
            into: target)
        if let count = written {
            passToVisitor(
                slot, Slice(buffer: buffer, offset: UInt32(BufferStore.headroom), count: UInt32(count)))
        }
        buffers.release(buffer)
        if written == nil { answerBroke(slot, .badAnswer) }
        return written != nil
    }

    @_noLocks
    private mutating func readAnswerBody(_ slot: UInt32, _ rest: inout Slice) -> Bool {
        let visitor = visitors[slot]
        let bytes = UnsafeRawBufferPointer(buffers.bytes(rest))
        var cursor = 0
        if visitor.pointee.answerUnchunks {
            while case .data(let offset, let count) = stepContent(slot, bytes.bytes, &cursor) {
                passToVisitor(
                    slot, Slice(buffer: rest.buffer, offset: rest.offset + UInt32(offset), count: UInt32(count)))
            }
        } else {
            switch visitor.pointee.answerBody.pass(bytes.bytes, &cursor) {
            case .fault:
                cutAnswer(slot, .badAnswer)
                return false
            case .run(_, let count, _):
                if count > 0 {
                    passToVisitor(slot, Slice(buffer: rest.buffer, offset: rest.offset, count: UInt32(count)))
                }
            }
        }
        guard visitors.isLive(slot) else { return false }
        rest.offset += UInt32(cursor)
        rest.count -= UInt32(cursor)
        if visitor.pointee.answerBody.isDone { return answerEnded(slot, isFollowed: rest.count > 0) }
        return true
    }

    /// The next piece of content of a chunked body that is taken apart; a fault cuts the answer.
    @_noLocks
    private mutating func stepContent(_ slot: UInt32, _ bytes: borrowing RawSpan, _ cursor: inout Int) -> HTTPBodyStep {
        while true {
            let step = visitors[slot].pointee.answerBody.next(bytes, &cursor)
            switch step {
            case .framing: continue
            case .fault:
                cutAnswer(slot, .badAnswer)
                return step
            case .data, .end, .needMore: return step
            }
        }
    }

    /// Queues bytes for the visitor and accounts for them.
    @_noLocks
    private mutating func passToVisitor(_ slot: UInt32, _ slice: Slice) {
        let visitor = visitors[slot]
        let socket = sockets[visitor.pointee.socket]
        keep(&socket.pointee.out, slice)
        counters.add(.bytesToVisitors, UInt64(slice.count))
        queueFlush(visitor.pointee.socket)
    }

    /// `isFollowed`: bytes stand behind the answer; its origin cannot be trusted with another request on this stream.
    @_noLocks
    private mutating func answerEnded(_ slot: UInt32, isFollowed: Bool) -> Bool {
        if isFollowed { visitors[slot].pointee.originKeeps = false }
        visitors[slot].pointee.answer = .done
        return finishExchange(slot) ? true : visitors.isLive(slot)
    }

    // MARK: The end of an exchange

    /// When request and answer are both complete: keeps or ends the stream, and the connection. True when the next
    /// request may be read.
    @_noLocks
    mutating func finishExchange(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        guard visitor.pointee.answer == .done else { return false }
        if !visitor.pointee.requestIsDone {
            if visitor.pointee.requestBody.isDone {
                visitor.pointee.requestIsDone = true
            } else {
                // The answer came before the request was read: nobody can say what the rest of it is for.
                endVisitorWhenSent(slot, lingering: true)
                return false
            }
        }
        let stream = visitor.pointee.stream
        visitor.pointee.stream = .max
        parkOrFinish(slot, stream)
        if !visitor.pointee.keepsConnection || (visitor.pointee.inputEnded && visitor.pointee.input.isEmpty) {
            // Whoever said that nothing follows has nothing on its way that a reset could answer.
            endVisitorWhenSent(slot, lingering: !visitor.pointee.asksClose || !visitor.pointee.input.isEmpty)
            return false
        }
        prepareNextRequest(slot)
        return true
    }

    @_noLocks
    mutating func prepareNextRequest(_ slot: UInt32) {
        let visitor = visitors[slot]
        buffers.clear(&visitor.pointee.replay)
        buffers.clear(&visitor.pointee.answerHead)
        visitor.pointee.phase = .head
        visitor.pointee.attempts = 0
        visitor.pointee.moves = 0
        visitor.pointee.avoiding = .zero
        visitor.pointee.waiting = Waiting()
        visitor.pointee.headBegan = now
    }
}
