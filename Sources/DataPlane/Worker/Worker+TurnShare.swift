import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// What one turn does at most, so that nobody's answer waits for thousands of others to come or go: when all clients of a
// node are cut and come back at once, their coming and going is done a little per turn, and in between everybody else is
// served.

extension Worker {
    /// Completions of one turn. What was produced is sent at its end, so an answer waits for as many others at most.
    static var completionsPerTurnMax: Int { @_noLocks get { 512 } }
    /// Tunnel clients let in, and lost ones taken out of the tables, in one turn each.
    static var linksPerTurnMax: Int { @_noLocks get { 64 } }
    /// Tunnel clients that may wait to be let in; the listening socket's queue is behind them.
    static var linksWaitingMax: Int { @_noLocks get { 8_192 } }

    /// Whether a turn has to follow at once though nothing completed.
    var hasWorkLeft: Bool { @_noLocks get { !acceptedLinks.isEmpty || !lostLinks.isEmpty } }

    /// A tunnel client's connection: let in now, or in one of the next turns.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func acceptLinkInTurn(_ descriptor: Int32, _ listener: Listener) {
        let word = UInt64(UInt32(bitPattern: descriptor)) << 32 | UInt64(listener.id)
        if linksLetIn >= Self.linksPerTurnMax, acceptedLinks.append(word) { return }
        linksLetIn += 1
        acceptLink(descriptor, listener)
    }

    /// A tunnel client's connection ended: it leaves the tables now, or in one of the next turns. Nobody is sent to it
    /// from now on.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func loseLinkInTurn(_ linkSlot: UInt32) {
        let word = UInt64(links.generation(of: linkSlot)) << 32 | UInt64(linkSlot)
        if linksLost >= Self.linksPerTurnMax, lostLinks.append(word) {
            _ = directory.remove(links[linkSlot].pointee.connector)
            return
        }
        linksLost += 1
        endLink(linkSlot, .peerClosed)
    }

    /// A turn begins, and its share with it.
    @_noLocks
    mutating func beginShare() {
        completionsInTurn = 0
        linksLost = 0
        linksLetIn = 0
        if hasWorkLeft { doWhatWaited() }
    }

    /// Those that waited come first.
    @inline(never) @_semantics("no_performance_analysis")
    private mutating func doWhatWaited() {
        while linksLost < Self.linksPerTurnMax, let word = lostLinks.popFirst() {
            let slot = UInt32(truncatingIfNeeded: word)
            guard links.isCurrent(slot, UInt32(truncatingIfNeeded: word >> 32)) else { continue }
            linksLost += 1
            endLink(slot, .peerClosed)
        }
        while linksLetIn < Self.linksPerTurnMax, let word = acceptedLinks.popFirst() { letIn(word) }
        if acceptedLinks.isEmpty { forgetClosedListeners() }
    }

    private mutating func letIn(_ word: UInt64) {
        linksLetIn += 1
        let descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: word >> 32))
        let id = UInt32(truncatingIfNeeded: word)
        guard let listener = listeners.first(where: { $0.id == id }) else {
            preconditionFailure("a connection outlived its listener")
        }
        acceptLink(descriptor, listener)
    }
}
