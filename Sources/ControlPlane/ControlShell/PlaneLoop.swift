internal import CLinux
internal import ControlCore
internal import Glibc
internal import Logging
internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings

/// Why the control plane cannot go on: said to whoever started it.
package struct ControlFault: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// The shell around `ControlCore`: one thread that waits for the data planes with poll(2), tells the core what happens
/// and does what it wants. Nothing here decides, and nothing here waits for a single data plane.
final class PlaneLoop {
    /// How long a restarted control plane waits for a data plane to bring back the sockets of busy addresses.
    static let adoptionMilliseconds: UInt64 = 2_000
    /// How long a dump waits for the data planes.
    static let dumpMilliseconds: UInt64 = 1_000
    static let dumpBytesMax = 64 << 20

    var core: ControlCore
    let store: SocketStore
    let stores: StoreShelf
    let logger: Logger
    var peers: [LinkID: PlanePeer] = [:]
    var table: WrittenTable?
    var events: [ControlEvent] = []
    /// The socket that came with the message being handled.
    var arrival: Int32?
    var dumps: [UInt64: DumpGathering] = [:]
    var nextDump: UInt64 = 1
    let credentials: CredentialWatch
    let rules: RuleWatch
    private let socket: PlaneSocket
    let mailbox: PlaneMailbox
    /// When the core has to be told the time of day again; never without stores.
    var wallTimeDue = Tick.never
    private var nextLink: UInt64 = 1
    private var adoptionEnd: Tick?
    private var isStopping = false

    init(
        core: ControlCore, ingresses: [IngressTable], socket: PlaneSocket, stores: StoreShelf, mailbox: PlaneMailbox,
        logger: Logger
    ) {
        self.core = core
        self.stores = stores
        self.socket = socket
        self.mailbox = mailbox
        self.logger = logger
        let unacknowledged = Limit.unacknowledgedMilliseconds
        store = SocketStore(
            core.plan.addresses,
            unacknowledgedMilliseconds: core.plan.limits[unacknowledged] ?? unacknowledged.row.standard)
        credentials = CredentialWatch(core.plan.authers)
        rules = RuleWatch(ingresses, seed: core.tableSeed)
    }

    /// Runs until it is told to stop; throws what makes going on senseless.
    func run() throws(ControlFault) {
        do throws(SystemFault) { try store.probe() } catch { throw ControlFault(error.text) }
        try readCredentials()
        try readRules()
        startStores()
        if !store.contested.isEmpty {
            adoptionEnd = ControlClock.now().advanced(milliseconds: PlaneLoop.adoptionMilliseconds)
            logger.info("addresses are in use: waiting for a data plane to bring their sockets")
        }
        while !isStopping {
            turn()
            try judgeContested()
        }
        socket.unlink()
    }

    /// Addresses that nobody of ours brought back in time belong to a stranger.
    private func judgeContested() throws(ControlFault) {
        guard let end = adoptionEnd, ControlClock.now() >= end else { return }
        adoptionEnd = nil
        do throws(SystemFault) { try store.probe() } catch { throw ControlFault(error.text) }
        guard let index = store.contested.min() else { return }
        let address = core.plan.addresses[index]
        throw ControlFault(
            "cannot listen on \(address.address.text) for \(address.title): another program listens there; stop it "
                + "or configure another address")
    }

    // MARK: One turn

    private func turn() {
        var polled = [
            pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let order = Array(peers.values)
        for peer in order {
            let wantsOut = peer.hasOutput && !peer.waitsForDescriptors
            polled.append(pollfd(fd: peer.descriptor, events: Int16(POLLIN | (wantsOut ? POLLOUT : 0)), revents: 0))
        }
        _ = poll(&polled, nfds_t(polled.count), timeout(order))
        if polled[1].revents != 0 { acceptAll() }
        for (peer, entry) in zip(order, polled.dropFirst(2)) where peers[peer.id] === peer {
            if entry.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 { receive(from: peer) }
        }
        // After the data planes were heard: who asks after a message was sent sees what it did.
        if polled[0].revents != 0 {
            for letter in mailbox.takeAll() { answer(letter) }
            for event in mailbox.takeEvents() { tell(.store(event)) }
            if let outcome = mailbox.takeReading() { take(outcome) }
        }
        if ControlClock.now() >= wallTimeDue { tellWallTime() }
        if ControlClock.now() >= core.nextDeadline { tell(.tick) }
        if ControlClock.now() >= credentials.nextLook { reviewCredentials() }
        if ControlClock.now() >= rules.nextLook { reviewRules() }
        if core.rulesAreEverywhere { rules.forgetRetired() }
        finishDumps()
        flushAll()
    }

    /// Milliseconds until something is due.
    private func timeout(_ peers: [PlanePeer]) -> Int32 {
        let now = ControlClock.now()
        var next = min(core.nextDeadline, adoptionEnd ?? .never, credentials.nextLook, rules.nextLook, wallTimeDue)
        for dump in dumps.values { next = min(next, dump.deadline) }
        if peers.contains(where: \.waitsForDescriptors) { next = min(next, now.advanced(milliseconds: 20)) }
        guard next > now else { return 0 }
        // Rounded up: a turn before its time would find nothing to do.
        return Int32(min(next.milliseconds(since: now) + 1, 60_000))
    }

    private func acceptAll() {
        while true {
            let descriptor = culvert_accept(socket.descriptor)
            guard descriptor >= 0 else { return }
            let id = LinkID(nextLink)
            nextLink += 1
            peers[id] = PlanePeer(id: id, descriptor: descriptor)
            tell(.connected(id))
        }
    }

    private func receive(from peer: PlanePeer) {
        let result = peer.receive { frame in
            handle(frame, from: peer)
            return peers[peer.id] === peer && !peer.isClosing
        }
        if case .end(let end) = result { drop(peer, end) }
    }

    private func handle(_ frame: PlaneFrame, from peer: PlanePeer) {
        var descriptor: Int32?
        if frame.carriesDescriptor {
            descriptor = peer.takeArrived()
            guard descriptor != nil else { return drop(peer, .fault(.truncated(kind: frame.kind))) }
        }
        defer { if let descriptor { close(descriptor) } }
        do throws(PlaneFault) {
            guard let message = try DataToControl.decode(frame) else { return }
            switch message {
            case .hello:
                if peer.counters == nil {
                    peer.counters = descriptor
                    descriptor = nil
                }
            case .listenerHeld:
                arrival = descriptor
                descriptor = nil
            case .dump(let id, let text, let isLast): gather(id, text, isLast, from: peer.id)
            default: break
            }
            tell(.received(peer.id, message))
            if let arrival { close(arrival) }
            arrival = nil
        } catch {
            if case .unknownVersion(let version) = error {
                _ = peer.queue(.refused(version.refusal))
                _ = peer.flush()
            }
            drop(peer, .fault(error))
        }
    }

    /// Ends a link and tells the core.
    func drop(_ peer: PlanePeer, _ end: LinkEnd) {
        guard peers.removeValue(forKey: peer.id) != nil else { return }
        for (id, dump) in dumps where dump.texts[peer.id] != nil { dumps[id]?.isDone.insert(peer.id) }
        tell(.disconnected(peer.id, end))
    }

    private func flushAll() {
        for peer in Array(peers.values) where peer.hasOutput || peer.isClosing {
            if let number = peer.flush() {
                let isGone = number == EPIPE || number == ECONNRESET
                drop(peer, isGone ? .closedByPeer : .socketError(number))
            } else if peer.isClosing, !peer.hasOutput {
                drop(peer, .closedHere)
            }
        }
    }

    // MARK: Questions

    private func answer(_ letter: PlaneMailbox.Letter) {
        switch letter {
        case .status(let reply): reply(status())
        case .dump(let reply): beginDump(reply)
        case .stop: isStopping = true
        }
    }
}
