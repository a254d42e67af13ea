import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Movers travel in parcels, of which a worker has a bounded number, and leave some of them to binds and routes, which cannot
// be refused. Who finds none waits, behind those that wait already, until one comes home; not longer than
// `moveTimeoutMilliseconds`. It holds what it had sent, and nothing of it is in flight.

/// Those that wait for a way to one worker, longest first: sockets, by `Socket.nextToMove` and `.previousToMove`.
struct MoveQueue: BitwiseCopyable {
    var first: UInt32 = .max
    var last: UInt32 = .max

    var isEmpty: Bool { @_noLocks get { first == .max } }
}

extension Worker {
    /// Whether a mover goes now. If not, it waits from now on.
    @_noLocks
    mutating func takesWay(_ socketSlot: UInt32, to worker: Int, messages: Int) -> Bool {
        let isWaiting = sockets[socketSlot].pointee.awaitedWorker != .max
        let isNext = isWaiting ? waysAwaited[worker].first == socketSlot : waysAwaited[worker].isEmpty
        if isNext, hasWay(worker, messages: messages) {
            stopAwaitingWay(socketSlot)
            return true
        }
        if !isWaiting { awaitWay(socketSlot, to: worker) }
        return false
    }

    /// Whether a visitor may be sent there now; binds and routes come first.
    @_noLocks
    private func hasWay(_ worker: Int, messages: Int) -> Bool {
        overflowing & 1 << UInt64(worker) == 0 && (outboxes[worker]?.room ?? 0) > messages + 4_096
            && parcels.room > ParcelPool.reserved
    }

    @_noLocks
    private mutating func awaitWay(_ socketSlot: UInt32, to worker: Int) {
        let socket = sockets[socketSlot]
        let last = waysAwaited[worker].last
        socket.pointee.awaitedWorker = UInt8(worker)
        socket.pointee.previousToMove = last
        if last == .max {
            waysAwaited[worker].first = socketSlot
        } else {
            sockets[last].pointee.nextToMove = socketSlot
        }
        waysAwaited[worker].last = socketSlot
        awaitedWays |= 1 << UInt64(worker)
        // It holds what it had sent: where that is scarce nobody waits.
        setDeadline(
            socketSlot, isShortOfBuffers ? now : now.advanced(milliseconds: limits[.moveTimeoutMilliseconds]))
    }

    /// It goes, or it ends.
    @_noLocks
    mutating func stopAwaitingWay(_ socketSlot: UInt32) {
        let socket = sockets[socketSlot]
        guard socket.pointee.awaitedWorker != .max else { return }
        let worker = Int(socket.pointee.awaitedWorker)
        let (previous, next) = (socket.pointee.previousToMove, socket.pointee.nextToMove)
        if previous == .max { waysAwaited[worker].first = next } else { sockets[previous].pointee.nextToMove = next }
        if next == .max { waysAwaited[worker].last = previous } else { sockets[next].pointee.previousToMove = previous }
        socket.pointee.awaitedWorker = .max
        socket.pointee.nextToMove = .max
        socket.pointee.previousToMove = .max
        if waysAwaited[worker].isEmpty { awaitedWays &= ~(1 << UInt64(worker)) }
    }

    /// Once per turn, where somebody waits: one for each worker in turn, so that nobody waits for a worker that is not his.
    @_noLocks
    mutating func moveThoseThatWait() {
        var hasMoved = true
        while hasMoved {
            hasMoved = false
            var rest = awaitedWays
            while rest != 0 {
                let worker = rest.trailingZeroBitCount
                rest &= rest - 1
                // Whoever goes may end others, those that wait included.
                let first = waysAwaited[worker].first
                guard first != .max else { continue }
                moveIfQuiet(first)
                if waysAwaited[worker].first != first { hasMoved = true }
            }
        }
    }

    /// No way came free in time; or what the visitor was answered before is still with it.
    @_noLocks
    mutating func moveTimedOut(_ slot: UInt32) {
        let visitor = visitors[slot]
        guard sockets[visitor.pointee.socket].pointee.awaitedWorker != .max else {
            return endVisitor(slot, .keepAliveIdle)
        }
        if visitor.pointee.isTLS { return refuseTLS(slot, .internalError, .workerBusy) }
        visitor.pointee.phase = .head
        refuse(slot, status: 503, .workerBusy, closes: true)
    }

    /// The same of a relay visitor.
    @_noLocks
    mutating func linkMoveTimedOut(_ linkSlot: UInt32) {
        let isWaiting = sockets[links[linkSlot].pointee.socket].pointee.awaitedWorker != .max
        guard isWaiting, !links[linkSlot].pointee.isPeerOnItsWay else {
            return endLink(linkSlot, .handshakeTimeout)
        }
        visitFailed(linkSlot, .workerBusy)
    }
}
