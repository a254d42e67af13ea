import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A data plane leaves while others of its node stay. They have its listening sockets already, so that whoever comes is
// theirs; what is here ends without being cut:
//
//     a client of ours          → `goAway`: it binds elsewhere, serves on both for a moment, and says `goAway` itself; then
//                                 it is withdrawn from every table, and its link is closed when its streams are done
//     a stock client            → cannot be told: it is withdrawn at once and closed when its streams are done; it comes
//                                 back, and to another data plane
//     peer links                → `goAway` when every connector of this worker is withdrawn: others keep no idle stream
//                                 here, and open none
//     a visitor                 → served, through other data planes where the tunnel is theirs now; the next answer says
//                                 `Connection: close`; an idle one stays until the grace ends, because it may just be
//                                 sending
//     half of the grace is over → connectors that are still here are withdrawn
//     the grace is over         → what is left is ended
//
// Everything is looked at again and again until nothing but peer links is left on any worker; then the process ends.

extension Worker {
    /// The process is asked to end: at once where nobody takes its place, else as in a drain. Worker 0.
    @inline(never) @_semantics("no_performance_analysis")
    package mutating func leave() { touchedDesk?.leaveNode(now) }

    /// Nothing is left to be done: the process may end. Worker 0.
    package var isOver: Bool { @_noLocks get { drain.isOver } }

    /// What the desk decided about leaving.
    mutating func performLeaving(_ effect: PlaneDesk.Effect) {
        switch effect {
        case .drain:
            notices.append((.info, "data plane leaves: others take its visitors and tunnels", []))
            drainAll()
        case .end: drain.isOver = true
        default: precondition(false, "not an effect of leaving")
        }
    }

    /// Others take over: every worker lets what it has end. Worker 0.
    package mutating func drainAll() {
        for worker in 0..<workerCount where worker != index { post(worker, .drainBegun) }
        beginDrain()
    }

    /// Accepts nothing new, and lets what is here end.
    mutating func beginDrain() {
        guard !drain.isOn else { return }
        drain.isOn = true
        let grace = limits[.drainGraceMilliseconds]
        drain.withdrawBy = now.advanced(milliseconds: grace / 2)
        drain.endsAt = now.advanced(milliseconds: grace)
        drain.nextSweep = now
        drain.due = now
        for id in listeners.map(\.id) { closeListener(id) }
    }

    /// Does what is due.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func performDrain() {
        guard drain.isOn else {
            drain.due = .never
            return
        }
        let isSweep = drain.nextSweep <= now
        if isSweep {
            drain.nextSweep = now.advanced(milliseconds: Drain.sweepMilliseconds)
            if drain.endsAt <= now { endWhatIsLeft() } else { sendAway() }
        }
        drain.due = drain.nextSweep
        if index != 0 {
            guard drain.asked != 0 else { return }
            post(0, .quietAnswered(round: drain.asked, isQuiet: isQuiet))
            drain.asked = 0
        } else if isSweep {
            if drain.endsAt.advanced(milliseconds: Drain.farewellMilliseconds) <= now { drain.isOver = true }
            if drain.awaited == 0 { beginRound() }
        }
    }

    // MARK: What goes

    /// Tells clients to go, closes the links of those that have nothing under way, and then tells the peers.
    private mutating func sendAway() {
        let isLate = drain.withdrawBy <= now
        var connectorsStay = false
        for slot in 0..<links.end where links.isLive(slot) && links[slot].pointee.peerLink == .max {
            let link = links[slot]
            switch link.pointee.phase {
            case .mux:
                guard link.pointee.doom == nil else { continue }
                if !link.pointee.isSentAway {
                    link.pointee.isSentAway = true
                    let understands = link.pointee.capabilities.has(.goAway)
                    if understands { sendControl(slot, .goAway, stream: 0) } else { clientGoesAway(slot) }
                }
                if isLate { clientGoesAway(slot) }
                if !link.pointee.isWithdrawn {
                    connectorsStay = true
                } else if link.pointee.streamCount == 0 {
                    endLinkWhenSent(slot, .shutdown)
                }
            case .proxied, .upgrading, .awaitingRequest, .binding:
                // It may become a connector yet.
                connectorsStay = true
            default: continue
            }
        }
        if !connectorsStay || isLate { sendPeersAway() }
    }

    /// Other data planes open nothing here any more, and end what they keep for later.
    private mutating func sendPeersAway() {
        for slot in 0..<links.end where links.isLive(slot) && links[slot].pointee.peerLink != .max {
            let link = links[slot]
            guard link.pointee.phase == .mux, link.pointee.doom == nil, !link.pointee.isSentAway else { continue }
            link.pointee.isSentAway = true
            sendControl(slot, .goAway, stream: 0)
        }
    }

    /// The grace is over.
    private mutating func endWhatIsLeft() {
        for slot in 0..<visitors.end where visitors.isLive(slot) {
            let visitor = visitors[slot]
            if visitor.pointee.phase == .head, visitor.pointee.input.isEmpty {
                note(.shutdown, visitor: slot)
                endVisitorWhenSent(slot, lingering: false)
            } else {
                endVisitor(slot, .shutdown)
            }
        }
        // Links to stock nodes end with their visitors.
        for slot in 0..<links.end
        where links.isLive(slot) && links[slot].pointee.peerLink == .max && links[slot].pointee.stock == .max {
            if links[slot].pointee.phase == .mux {
                endLinkWhenSent(slot, .shutdown)
            } else {
                endLink(slot, .shutdown)
            }
        }
    }

    // MARK: Whether anything is left

    /// Nothing is left on this worker but links to other data planes.
    private var isQuiet: Bool {
        guard listeners.isEmpty, acceptedLinks.isEmpty, lostLinks.isEmpty, overflowing == 0 else { return false }
        for slot in 0..<sockets.end where sockets.isLive(slot) {
            guard sockets[slot].pointee.role == .link,
                links[sockets[slot].pointee.owner].pointee.peerLink != .max
            else { return false }
        }
        return true
    }

    /// Worker 0 has nothing left: it asks the others. A visitor on his way from one to another is on neither, but not for
    /// two rounds.
    private mutating func beginRound() {
        guard isQuiet else {
            drain.quietCount = 0
            return
        }
        guard workerCount > 1 else {
            drain.isOver = true
            return
        }
        drain.round += 1
        drain.awaited = UInt8(workerCount - 1)
        drain.isRoundQuiet = true
        for worker in 1..<workerCount { post(worker, .quietAsked(round: drain.round)) }
    }

    /// A worker was asked: it answers at the end of this turn, when it has read what else came.
    mutating func quietIsAsked(_ round: UInt32) {
        drain.asked = round
        drain.due = now
    }

    /// A worker's answer.
    mutating func heardOfQuiet(_ round: UInt32, _ isWorkerQuiet: Bool) {
        precondition(round == drain.round && drain.awaited > 0, "an answer that nobody waits for")
        drain.awaited -= 1
        drain.isRoundQuiet = drain.isRoundQuiet && isWorkerQuiet
        guard drain.awaited == 0 else { return }
        guard drain.isRoundQuiet, isQuiet else {
            drain.quietCount = 0
            return
        }
        drain.quietCount += 1
        if drain.quietCount >= Drain.quietRounds { drain.isOver = true } else { beginRound() }
    }
}
