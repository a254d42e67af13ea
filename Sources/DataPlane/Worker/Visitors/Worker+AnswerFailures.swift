import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Answers that fail: the request is repeated on another connector where that is safe, else the visitor is told, or its
// connection is cut where part of an answer is out.

extension Worker {
    /// The stream ended, by the peer's FIN (`reason` `.streamEndedEarly`), by its reset, or with its link.
    /// `wasTouched` is false when nothing of the request can have reached an origin. The stream is gone.
    @_noLocks
    mutating func visitorStreamEnded(_ slot: UInt32, _ reason: Reason, connector: ConnectorID, wasTouched: Bool) {
        let visitor = visitors[slot]
        visitor.pointee.stream = .max
        if visitor.pointee.phase == .raw {
            guard visitor.pointee.answerStarted else {
                visitor.pointee.failure = reason
                if repeatRequest(slot, avoiding: connector, wasTouched: wasTouched) { return }
                return refuseTLS(slot, .internalError, visitor.pointee.failure)
            }
            // The far side's end is an end; anything else cut the conversation.
            if reason == .streamEndedEarly { return endVisitorWhenSent(slot, lingering: true) }
            noteCut(slot, reason)
            return cutVisitorWhenSent(slot)
        }
        switch visitor.pointee.answer {
        case .awaitingHead:
            visitor.pointee.failure = reason
            if !visitor.pointee.answerStarted, repeatRequest(slot, avoiding: connector, wasTouched: wasTouched) {
                return
            }
            if visitor.pointee.answerStarted {
                noteCut(slot, reason)
                return cutVisitorWhenSent(slot)
            }
            let failure = visitor.pointee.failure
            refuseBroken(slot, status: status(ofFailure: failure), failure)
        case .body:
            if visitor.pointee.answerBody.mayEndHere, reason == .streamEndedEarly {
                endVisitorWhenSent(slot, lingering: true)
            } else {
                noteCut(slot, reason)
                cutVisitorWhenSent(slot)
            }
        case .done:
            endVisitorWhenSent(slot, lingering: true)
        }
    }

    /// Counts why an answer that had begun will not be completed.
    @_noLocks
    private mutating func noteCut(_ slot: UInt32, _ reason: Reason) {
        switch reason {
        case .stalled, .windowExceeded, .smuxFault:
            // Counted where the stream was ended.
            return
        case .streamEndedEarly: note(.badAnswer, visitor: slot)
        default: note(reason, visitor: slot)
        }
    }

    /// 502 when the service behind the tunnel is to blame, 503 when the tunnel is.
    @_noLocks
    func status(ofFailure reason: Reason) -> Int {
        switch reason {
        case .dialFailed, .dialTimeout, .badAnswer, .noRoute: 502
        case .lookupTimeout, .forwardTimeout: 504
        default: 503
        }
    }

    /// Whether a request that was not answered may be given to another connector: at most once, and only when the method
    /// is safe to repeat or nothing of the request can have reached an origin.
    @_noLocks
    func mayRepeat(_ slot: UInt32, wasTouched: Bool) -> Bool {
        let visitor = visitors[slot]
        return visitor.pointee.mayReplay && visitor.pointee.attempts < (wasTouched ? 1 : 2)
            && (visitor.pointee.method.isIdempotent || !wasTouched)
    }

    /// Puts the request back in front of the input and lets it be routed once more, if it may. A repetition of what may
    /// have reached an origin is paid for (`RepetitionBudget`); where nothing is left, that is the request's failure.
    @_noLocks
    private mutating func repeatRequest(_ slot: UInt32, avoiding connector: ConnectorID, wasTouched: Bool) -> Bool {
        let visitor = visitors[slot]
        guard mayRepeat(slot, wasTouched: wasTouched) else { return false }
        if wasTouched, !repetitions.spend() {
            visitor.pointee.failure = .repetitionsSpent
            return false
        }
        // Copied, because a frame header may still be sent from in front of the original bytes.
        var copy = SliceQueue()
        while let slice = buffers.popFirst(&visitor.pointee.replay) {
            let isCopied = buffers.appendCopy(&copy, UnsafeRawBufferPointer(buffers.bytes(slice)))
            buffers.release(slice.buffer)
            if !isCopied {
                buffers.clear(&copy)
                visitor.pointee.mayReplay = false
                return false
            }
        }
        buffers.move(&visitor.pointee.input, behind: &copy)
        visitor.pointee.input = copy
        visitor.pointee.attempts += 1
        // The other connector may be on another worker.
        visitor.pointee.moves = 0
        visitor.pointee.avoiding = visitor.pointee.streamWasParked ? .zero : connector
        visitor.pointee.phase = visitor.pointee.isTLS ? .hello : .head
        visitor.pointee.headBegan = now
        buffers.clear(&visitor.pointee.answerHead)
        counters.add(.requestsRetried)
        serveVisitor(slot)
        return true
    }

    /// The answer cannot be understood: 502 if none of it was passed on, else the connection is cut.
    @_noLocks
    mutating func answerBroke(_ slot: UInt32, _ reason: Reason) {
        let visitor = visitors[slot]
        if visitor.pointee.answerStarted { return cutAnswer(slot, reason) }
        let stream = visitor.pointee.stream
        visitor.pointee.stream = .max
        resetStream(stream, reason)
        refuseBroken(slot, status: 502, reason)
    }

    /// Part of the answer is out: a reset is the only way to say that the rest will not come.
    @_noLocks
    mutating func cutAnswer(_ slot: UInt32, _ reason: Reason) {
        let visitor = visitors[slot]
        note(reason, visitor: slot)
        if visitor.pointee.stream != .max {
            let stream = visitor.pointee.stream
            visitor.pointee.stream = .max
            resetStream(stream, reason)
        }
        cutVisitorWhenSent(slot)
    }
}
