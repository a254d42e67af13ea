import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A relay visitor whose stream ends before a byte came back is given another connector of its tunnel, on any worker,
// without noticing. What it sent so far is kept for that (in the link's `pending`), up to `replayBytesMax`.
//
//     the stream ended                            tries   because
//     nothing of the visitor's bytes was sent     2       nobody can have acted on them
//       (by FIN: within `openedTimeout`)                  a stock client's FIN says that its dial failed; later it is an
//                                                         idle service that hangs up, and the visitor's to hear
//     with its connector, bytes inside            1       a byte stream that nobody answered yet; paid for
//                                                         (`RepetitionBudget`)
//     by FIN, bytes inside                        0       somebody read them and had nothing to say

extension Worker {
    /// Relay visitors whose bytes are kept at a time, each at most in two buffers: an eighth of the worker's memory.
    var replaysHeldMax: Int { buffers.capacity / 16 }

    /// Whether the table above lets the visit begin anew.
    @_noLocks
    func mayRetryVisit(_ linkSlot: UInt32, _ reason: Reason, wasTouched: Bool) -> Bool {
        let link = links[linkSlot]
        guard link.pointee.visit.mayRetry, link.pointee.doom == nil, reason != .stalled else { return false }
        guard link.pointee.visit.attempts < (wasTouched ? 1 : 2) else { return false }
        if wasTouched, reason != .connectorLost { return false }
        guard reason == .streamEndedEarly else { return true }
        let isLate = now.milliseconds(since: link.pointee.visit.began) >= limits[.openedTimeoutMilliseconds]
        return !isLate && !link.pointee.visit.inputEnded
    }

    /// Gives the visit another connector. False when it is over; without a repetition left, that is its failure.
    @_noLocks
    mutating func retryVisit(
        _ linkSlot: UInt32, _ reason: Reason, avoiding connector: ConnectorID, wasTouched: Bool
    ) -> Bool {
        let link = links[linkSlot]
        guard mayRetryVisit(linkSlot, reason, wasTouched: wasTouched) else { return false }
        if wasTouched, !repetitions.spend() {
            link.pointee.visit.failure = .repetitionsSpent
            return false
        }
        link.pointee.visit.attempts += 1
        link.pointee.visit.avoiding = connector
        link.pointee.visit.failure = reason
        link.pointee.visit.sentBytes = 0
        link.pointee.hasMoved = false
        link.pointee.began = now
        counters.add(.requestsRetried)
        findConnector(linkSlot)
        return true
    }

    /// Gives a new stream what the visitor has sent so far: bytes that came with its request, or those of the stream
    /// before. Copied, because frame headers may be written in front of what a stream sends. False when no buffer is left.
    mutating func sendKept(_ linkSlot: UInt32) -> Bool {
        let link = links[linkSlot]
        let stream = link.pointee.stream
        var cursor = link.pointee.pending.head
        while let slice = buffers.next(&cursor) {
            guard
                buffers.appendCopy(
                    &streams[stream].pointee.out, UnsafeRawBufferPointer(buffers.bytes(slice)))
            else { return false }
        }
        link.pointee.visit.sentBytes = link.pointee.pending.byteCount
        if !link.pointee.pending.isEmpty { markReadyIfAllowed(stream) }
        link.pointee.visit.mayRetry = limits[.replayBytesMax] > 0
        if link.pointee.pending.byteCount > Int(limits[.replayBytesMax]) {
            stopKeeping(linkSlot)
        } else if !link.pointee.pending.isEmpty {
            countReplay(linkSlot)
        }
        return true
    }

    /// Keeps a copy of what the visitor sends, as long as there is room for it.
    @_noLocks
    mutating func keepForRetry(_ linkSlot: UInt32, _ slice: Slice) {
        let link = links[linkSlot]
        countReplay(linkSlot)
        guard link.pointee.visit.mayRetry else { return }
        let isRoom = link.pointee.pending.byteCount + Int(slice.count) <= Int(limits[.replayBytesMax])
        guard isRoom, buffers.appendCopy(&link.pointee.pending, UnsafeRawBufferPointer(buffers.bytes(slice))) else {
            return stopKeeping(linkSlot)
        }
    }

    @_noLocks
    private mutating func countReplay(_ linkSlot: UInt32) {
        guard !links[linkSlot].pointee.visit.isCounted else { return }
        guard replaysHeld < replaysHeldMax else { return stopKeeping(linkSlot) }
        links[linkSlot].pointee.visit.isCounted = true
        replaysHeld += 1
    }

    /// From now on the visit cannot begin anew: an answer came, or too much was sent.
    @_noLocks
    mutating func stopKeeping(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        link.pointee.visit.mayRetry = false
        buffers.clear(&link.pointee.pending)
        forgetReplay(linkSlot)
        sockets[link.pointee.socket].pointee.receivesOnce = false
    }

    /// The link keeps nothing any more, or goes.
    @_noLocks
    mutating func forgetReplay(_ linkSlot: UInt32) {
        guard links[linkSlot].pointee.visit.isCounted else { return }
        links[linkSlot].pointee.visit.isCounted = false
        replaysHeld -= 1
    }
}
