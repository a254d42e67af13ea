import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A miss: the host has no route here, or its tunnel no connector and nothing is known of others. Where the control plane
// knows the cluster it is asked, once for all that miss the same, and they wait, at most `lookupTimeoutMilliseconds`.
//
//     found            → served as if it had been known
//     there is none    → 502, and for a while without asking
//     nobody can say   → 503; not remembered
//     no answer        → 504
//
// A node that is told of for the first time has no link yet: whoever is meant for it waits for that as well, as long.

/// A question on its way to worker 0.
struct LookupQuestion: BitwiseCopyable {
    var lookup: PlaneLookup
    var worker: UInt8
    var slot: UInt32
    var generation: UInt32
}

extension Worker {
    /// Lets a visitor wait for its host's route. False: it was asked for already, or nobody can be asked.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func waitForRoute(visitor slot: UInt32, _ host: InlineText) -> Bool {
        let visitor = visitors[slot]
        return wait(
            Waiter(visitor: slot),
            PlaneLookup(
                question: 0, service: visitor.pointee.service, ingress: visitor.pointee.ingress, host: host,
                tunnel: .zero))
    }

    /// Lets a relay visitor wait for its host's route, likewise.
    mutating func waitForRoute(link slot: UInt32, _ host: InlineText) -> Bool {
        let link = links[slot]
        return wait(
            Waiter(link: slot),
            PlaneLookup(
                question: 0, service: link.pointee.service, ingress: link.pointee.ingress, host: host, tunnel: .zero))
    }

    /// Lets somebody wait until it is known who else has a tunnel.
    mutating func waitForTunnel(_ waiter: Waiter, _ tunnel: TunnelID, _ service: ServiceIndex) -> Bool {
        wait(
            waiter,
            PlaneLookup(
                question: 0, service: service, ingress: IngressIndex(0), host: InlineText(), tunnel: tunnel))
    }

    private mutating func wait(_ waiter: Waiter, _ lookup: PlaneLookup) -> Bool {
        guard peers.connection != 0, waiting(waiter).pointee.outcome == .notAsked,
            !peers.lookups.isAbsent(lookup, now: now), let question = ask(lookup)
        else { return false }
        join(waiter, question)
        counters.add(.lookupsAwaited)
        return true
    }

    /// Lets somebody wait for a link to one of the data planes that have a tunnel. False: it did already, or too many do.
    mutating func waitForLink(_ waiter: Waiter, _ tunnel: TunnelID) -> Bool {
        let outcome = waiting(waiter).pointee.outcome
        guard outcome == .notAsked || outcome == .answered else { return false }
        let lookup = LookupTable.link(to: tunnel)
        var question = peers.lookups.find(lookup)
        if question == nil, peers.lookups.count < Int(limits[.lookupsPendingMax]) {
            question = peers.lookups.add(lookup)
        }
        guard let question else { return false }
        join(waiter, question)
        return true
    }

    private mutating func join(_ waiter: Waiter, _ question: UInt32) {
        let first = peers.lookups[question].pointee.first
        waiting(waiter).pointee.question = question
        waiting(waiter).pointee.next = first
        waiting(waiter).pointee.previous = .none
        if first != .none { waiting(first).pointee.previous = waiter }
        peers.lookups[question].pointee.first = waiter
        let socket: UInt32
        if waiter.isLink {
            links[waiter.slot].pointee.phase = .lookingUp
            socket = links[waiter.slot].pointee.socket
        } else {
            visitors[waiter.slot].pointee.phase = .lookingUp
            socket = visitors[waiter.slot].pointee.socket
        }
        setDeadline(socket, now.advanced(milliseconds: limits[.lookupTimeoutMilliseconds]))
        wantBytes(socket, false)
    }

    /// Asks, unless that was asked already; the question, or nil when too many are out.
    mutating func ask(_ lookup: PlaneLookup) -> UInt32? {
        if let known = peers.lookups.find(lookup) { return known }
        guard peers.lookups.count < Int(limits[.lookupsPendingMax]), let slot = peers.lookups.add(lookup) else {
            return nil
        }
        let question = LookupQuestion(
            lookup: lookup, worker: UInt8(index), slot: slot, generation: peers.lookups.generation(of: slot))
        if index == 0 {
            askDesk(question)
        } else {
            post(0, with: question) { .lookupAsked($0) }
        }
        return slot
    }

    /// Worker 0: the question goes to the control plane. It is given up later than those that wait give up.
    mutating func askDesk(_ question: LookupQuestion) {
        touchedDesk?.lookUp(
            question, now: now, patienceMilliseconds: limits[.lookupTimeoutMilliseconds] * 2)
    }

    private func waiting(_ waiter: Waiter) -> UnsafeMutablePointer<Waiting> {
        if waiter.isLink {
            return (UnsafeMutableRawPointer(links[waiter.slot]) + offsets.linkWaiting)
                .assumingMemoryBound(to: Waiting.self)
        }
        return (UnsafeMutableRawPointer(visitors[waiter.slot]) + offsets.visitorWaiting)
            .assumingMemoryBound(to: Waiting.self)
    }

    /// It waits no more.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func stopWaiting(_ waiter: Waiter) {
        let place = waiting(waiter).pointee
        guard place.question != .max else { return }
        if place.next != .none { waiting(place.next).pointee.previous = place.previous }
        if place.previous != .none {
            waiting(place.previous).pointee.next = place.next
        } else {
            peers.lookups[place.question].pointee.first = place.next
            if place.next == .none, peers.lookups[place.question].pointee.awaitsLink {
                peers.lookups.remove(place.question)
            }
        }
        waiting(waiter).pointee = Waiting()
    }

    /// The answer came.
    mutating func lookupAnswered(_ slot: UInt32, _ generation: UInt32, _ outcome: PlaneLookupOutcome) {
        guard peers.lookups.isCurrent(slot, generation) else { return }
        let lookup = peers.lookups[slot].pointee.lookup
        var ended = Waiting.Outcome.answered
        switch outcome {
        case .found(let route): takeFound(route, lookup)
        case .absent(let milliseconds):
            peers.lookups.remember(absent: lookup, until: now.advanced(milliseconds: UInt64(milliseconds)))
        case .unknown: ended = .unknown
        }
        // Not one of them may find the question once more while it is taken apart.
        var waiters: [Waiter] = []
        while peers.lookups[slot].pointee.first != .none {
            let waiter = peers.lookups[slot].pointee.first
            stopWaiting(waiter)
            waiters.append(waiter)
        }
        peers.lookups.remove(slot)
        for waiter in waiters { resume(waiter, ended) }
    }

    /// The route was sent ahead; behind a table that is still being mapped it would come too late for those that wait.
    private mutating func takeFound(_ route: Route, _ lookup: PlaneLookup) {
        guard !lookup.host.isEmpty else { return }
        let known = lookup.host.withBytes {
            RouteLookup.resolve(ingress: lookup.ingress, host: $0, tables: routeTables, overlay: routeOverlay)
        }
        if known == nil { apply(RouteChange(ingress: lookup.ingress, host: lookup.host, route: route)) }
    }

    /// A link to a peer came up: whoever waits for one of its tunnels goes on.
    mutating func linkCame(to number: UInt16) {
        var from: UInt32 = 0
        var waiters: [Waiter] = []
        while peers.lookups.linksAwaited > 0, let slot = peers.lookups.nextAwaitingLink(from: from) {
            from = slot + 1
            let tunnel = peers.lookups[slot].pointee.lookup.tunnel
            guard let remote = peers.directory.find(tunnel, now: now), remote.names(number) else { continue }
            var waiter = peers.lookups[slot].pointee.first
            while waiter != .none {
                waiters.append(waiter)
                waiter = waiting(waiter).pointee.next
            }
        }
        for waiter in waiters { stopWaiting(waiter) }
        for waiter in waiters { resume(waiter, .linked) }
    }

    /// Nobody answered in time.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func lookupOverdue(_ waiter: Waiter) {
        let awaitsLink = peers.lookups[waiting(waiter).pointee.question].pointee.awaitsLink
        stopWaiting(waiter)
        resume(waiter, awaitsLink ? .unreachable : .overdue)
    }

    /// Goes on where it was when it had to wait.
    private mutating func resume(_ waiter: Waiter, _ outcome: Waiting.Outcome) {
        waiting(waiter).pointee.outcome = outcome
        if waiter.isLink {
            resumeRelayVisitor(waiter.slot)
        } else {
            let visitor = visitors[waiter.slot]
            timers.clear(visitor.pointee.socket)
            visitor.pointee.phase = visitor.pointee.isTLS ? .hello : .head
            serveVisitor(waiter.slot)
        }
    }

    /// Why somebody is refused that no route or no connector was found for.
    @_noLocks
    func refusal(_ waiting: Waiting, else reason: Reason) -> Reason {
        switch waiting.outcome {
        case .notAsked, .answered, .linked: reason
        case .unknown: .lookupFailed
        case .overdue: .lookupTimeout
        case .unreachable: .peersUnreachable
        }
    }
}
