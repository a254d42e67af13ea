package import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// One listening socket of this worker.
package struct Listener {
    var id: UInt32
    var descriptor: Int32
    /// Visitors come here, else tunnel clients.
    var isEntrypoint: Bool
    var service: ServiceIndex
    var ingress: IngressIndex
    /// Other data planes come here.
    var isOfPeers = false
    /// Visitors here may begin with the header of a proxy.
    var takesProxyHeader = false
    /// A stream's source is the client that a trusted proxy names in the request.
    var namesClientByField = false
    /// A visitor service of the client accepts here: its position on the desk.
    var visitService: UInt16?
    var isAccepting = false
    /// Accepting was cancelled; the descriptor is closed when that is done.
    var isClosing = false

    package init(
        id: UInt32, descriptor: Int32, isEntrypoint: Bool, service: ServiceIndex, ingress: IngressIndex
    ) {
        self.id = id
        self.descriptor = descriptor
        self.isEntrypoint = isEntrypoint
        self.service = service
        self.ingress = ingress
    }

    /// A listening socket for other data planes.
    package init(id: UInt32, peersOn descriptor: Int32) {
        self.init(
            id: id, descriptor: descriptor, isEntrypoint: false, service: ServiceIndex(0), ingress: IngressIndex(0))
        isOfPeers = true
    }

    /// A listening socket of the client's visitor service `visitService`.
    package init(id: UInt32, descriptor: Int32, visitService: UInt16) {
        self.init(
            id: id, descriptor: descriptor, isEntrypoint: false, service: ServiceIndex(0), ingress: IngressIndex(0))
        self.visitService = visitService
    }
}

extension Worker {
    /// Accepts on a listening socket from now on; for one that is open, only what its peers are may be new.
    @inline(never) @_semantics("no_performance_analysis")
    package mutating func openListener(_ listener: Listener) {
        if let position = listeners.firstIndex(where: { $0.id == listener.id && !$0.isClosing }) {
            listeners[position].isEntrypoint = listener.isEntrypoint
            listeners[position].isOfPeers = listener.isOfPeers
            listeners[position].service = listener.service
            listeners[position].ingress = listener.ingress
            return
        }
        operations.append(Operation(.forget, token: Token(raw: 0), descriptor: listener.descriptor))
        listeners.append(listener)
        adjustListeners()
        acceptOn(listeners.count - 1)
    }

    @inline(never) @_semantics("no_performance_analysis")
    private mutating func acceptOn(_ position: Int) {
        listeners[position].isAccepting = true
        operations.append(
            Operation(
                .accept, token: Token(.accept, slot: listeners[position].id, generation: 0),
                descriptor: listeners[position].descriptor))
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func closeListener(_ id: UInt32) {
        guard let position = listeners.firstIndex(where: { $0.id == id && !$0.isClosing }) else { return }
        listeners[position].isClosing = true
        // Nothing is in flight on one whose accept failed a moment ago.
        guard listeners[position].isAccepting else { return acceptingEnded(position, listeners[position], 0) }
        operations.append(
            Operation(
                .cancel, token: Token(.cancel, slot: .max, generation: 0), descriptor: -1,
                argument: Token(.accept, slot: id, generation: 0).raw))
    }

    @_noLocks
    mutating func completeAccept(_ completion: Completion) {
        let position = positionOfListener(completion.token.slot)
        let listener = listeners[position]
        if completion.result >= 0 {
            // Also on one that is being closed: who has come is served.
            if let service = listener.visitService {
                if listener.isClosing {
                    closeDescriptor(completion.result)
                } else {
                    acceptVisit(completion.result, service)
                }
            } else if listener.isEntrypoint {
                acceptVisitor(completion.result, listener)
            } else if listener.isOfPeers {
                acceptPeer(completion.result)
            } else {
                acceptLinkInTurn(completion.result, listener)
            }
        } else if completion.result == -SystemError.tooManyFiles
            || completion.result == -SystemError.tooManyFilesInSystem
        {
            note(.descriptorsFull)
        }
        if !completion.isMore { acceptingEnded(position, listener, completion.result) }
    }

    /// A loop, because `firstIndex` counts a reference of the array.
    @_noLocks
    private func positionOfListener(_ id: UInt32) -> Int {
        for position in 0..<listeners.count where listeners[position].id == id { return position }
        preconditionFailure("an accept on a listener that is not there")
    }

    /// The shot is over: it is armed again, now or, after a failure, a moment later.
    @inline(never) @_semantics("no_performance_analysis")
    private mutating func acceptingEnded(_ position: Int, _ listener: Listener, _ result: Int32) {
        listeners[position].isAccepting = false
        if listener.isClosing {
            // Whoever waits to be let in came by one of them.
            if acceptedLinks.isEmpty { forgetClosedListeners() }
        } else if result < 0 {
            retryAccepting = true
        } else {
            acceptOn(position)
        }
    }

    /// Closes the listening sockets that are given up, and at which nothing is in flight any more.
    mutating func forgetClosedListeners() {
        for listener in listeners where listener.isClosing && !listener.isAccepting {
            closeDescriptor(listener.descriptor)
        }
        listeners.removeAll { $0.isClosing && !$0.isAccepting }
    }

    /// Listeners whose accept failed are tried again a moment later: the failure may last.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func resumeAccepting() {
        guard retryAccepting else { return }
        retryAccepting = false
        for position in listeners.indices where !listeners[position].isAccepting && !listeners[position].isClosing {
            acceptOn(position)
        }
    }

    /// Closes a descriptor that never became a socket of ours.
    @_noLocks
    mutating func closeDescriptor(_ descriptor: Int32) {
        operations.append(Operation(.close, token: Token(.close, slot: .max, generation: 0), descriptor: descriptor))
    }

    @_noLocks
    mutating func completeClose(_ completion: Completion) {
        guard completion.token.slot != .max else { return }
        completeControl(completion, .close)
    }

    /// The shell writes the peer's address before anything is received from it.
    @_noLocks
    mutating func readPeerAddress(_ descriptor: Int32, at address: UnsafeMutableRawPointer) {
        operations.append(
            Operation(
                .peerAddress, token: Token(raw: 0), descriptor: descriptor, address: UInt(bitPattern: address)))
    }

    // MARK: Deadlines: one per socket

    @_noLocks
    mutating func setDeadline(_ socket: UInt32, _ deadline: Tick) {
        timers.clear(socket)
        timers.set(socket, deadline)
    }

    @_noLocks
    mutating func fireTimers() {
        while let slot = timers.popDue(now) {
            guard sockets.isLive(slot), !sockets[slot].pointee.isClosing else { continue }
            switch sockets[slot].pointee.role {
            case .visitor: visitorTimedOut(sockets[slot].pointee.owner)
            case .link: linkTimedOut(sockets[slot].pointee.owner)
            case .target: targetTimedOut(sockets[slot].pointee.owner)
            case .datagrams: wantBytes(slot, true)
            case .visit: break
            case .none:
                note(.finished)
                closeSocket(slot)
            }
        }
        if now.milliseconds(since: lastResume) >= 100 {
            lastResume = now
            resumeAccepting()
        }
    }
}
