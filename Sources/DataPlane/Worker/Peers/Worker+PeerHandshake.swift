import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The handshake of a peer link, on both sides (Wire/Peer/PeerHandshake has its picture). An accepted link goes to the
// worker that its hello wants, before a word was answered: its bytes travel with it and are read there once more.

extension Worker {
    /// Another data plane connects, or somebody who says nothing that one would.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func acceptPeer(_ descriptor: Int32) {
        counters.add(.linksAccepted)
        guard peers.table != nil else { return closeDescriptor(descriptor) }
        if case .refused(let reason) = admitLink() {
            note(reason)
            return closeDescriptor(descriptor)
        }
        let link = Link(
            socket: .max, phase: .peerAccepted, service: ServiceIndex(0), isWebSocket: false, isClient: false,
            muxVersion: 2, now: now)
        guard let slot = links.take(link) else {
            note(.linksFull)
            return closeDescriptor(descriptor)
        }
        guard startAccepted(slot), let socket = openSocket(descriptor, .link, owner: slot) else {
            if links[slot].pointee.peerLink != .max { forgetPeerLink(slot) }
            links.give(slot)
            note(.linksFull)
            return closeDescriptor(descriptor)
        }
        links[slot].pointee.socket = socket
        // It may belong to another worker: until that is known, nothing may be in flight for long.
        sockets[socket].pointee.receivesOnce = workerCount > 1
        readPeerAddress(descriptor, at: UnsafeMutableRawPointer(links[slot]) + offsets.linkPeer)
        setLinkDeadline(slot)
        wantBytes(socket, true)
    }

    /// Gives an accepted link what a handshake needs. False when there is no room, or no secret any more.
    private mutating func startAccepted(_ linkSlot: UInt32) -> Bool {
        guard let table = peers.table, peers.links.count < UInt32(limits[.peerLinksPerWorkerMax]),
            let place = peers.links.take(
                PeerLink(handshake: PeerHandshake(.accepting, secret: table.secret), isDialled: false))
        else { return false }
        links[linkSlot].pointee.peerLink = place
        return true
    }

    /// A link that another worker accepted and that wants this one.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func adoptPeerLink(_ linkSlot: UInt32) {
        links[linkSlot].pointee.phase = .peerAccepted
        links[linkSlot].pointee.isPeerOnItsWay = false
        guard startAccepted(linkSlot) else { return endLink(linkSlot, .linksFull) }
        setLinkDeadline(linkSlot)
        wantBytes(links[linkSlot].pointee.socket, true)
        readHandshake(linkSlot)
    }

    /// The dialled link is connected: our hello goes first.
    mutating func beginPeerHandshake(_ linkSlot: UInt32) {
        links[linkSlot].pointee.phase = .peerHelloSent
        _ = sayHello(linkSlot)
    }

    /// False when the link ended.
    private mutating func sayHello(_ linkSlot: UInt32) -> Bool {
        let state = peers.links[links[linkSlot].pointee.peerLink]
        guard let table = peers.table, let buffer = buffers.take() else {
            endLink(linkSlot, .buffersFull)
            return false
        }
        var hello = PeerHello(
            nonce: [unguessable(), unguessable(), unguessable(), unguessable()], node: table.node, epoch: table.epoch,
            plane: table.plane, workers: workerCount, worker: index, wanted: state.pointee.wanted.map { Int($0) })
        hello.capabilities = PeerHello.hearsWords
        let target = UnsafeMutableRawBufferPointer(
            start: buffers.pointer(buffer: buffer, offset: BufferStore.headroom), count: BufferStore.payload)
        guard let count = state.pointee.handshake.sayHello(hello, into: target) else {
            preconditionFailure("a hello outgrew its buffer")
        }
        sendRaw(
            linkSlot, Slice(buffer: buffer, offset: UInt32(BufferStore.headroom), count: UInt32(count)))
        return true
    }

    private mutating func sayProof(_ linkSlot: UInt32) -> Bool {
        let proof = peers.links[links[linkSlot].pointee.peerLink].pointee.handshake.proof()
        guard let room = buffers.cutArena(PeerHandshake.proofBytes) else {
            endLink(linkSlot, .buffersFull)
            return false
        }
        var writer = ByteWriter(
            UnsafeMutableRawBufferPointer(start: buffers.pointer(room), count: PeerHandshake.proofBytes))
        for word in 0..<4 { writer.big64(proof[word]) }
        sendRaw(linkSlot, room)
        return true
    }

    /// Reads on in the handshake of a peer link, whichever side it is.
    mutating func readPeerHandshake(_ linkSlot: UInt32, _ front: Slice) {
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch links[linkSlot].pointee.phase {
        case .peerAccepted, .peerHelloSent: hearHello(linkSlot, bytes)
        case .peerChallenged, .peerProofSent: judgeProof(linkSlot, bytes)
        default: precondition(false, "a peer's handshake in another phase")
        }
    }

    private mutating func hearHello(_ linkSlot: UInt32, _ bytes: UnsafeRawBufferPointer) {
        let link = links[linkSlot]
        let isAccepted = link.pointee.phase == .peerAccepted
        if isAccepted, case .hello(let hello, _) = PeerHello.read(bytes.bytes), moves(linkSlot, hello) { return }
        switch peers.links[link.pointee.peerLink].pointee.handshake.hearHello(bytes) {
        case .needMore: return
        case .fault: endLink(linkSlot, .peerUnproven)
        case .hello(let hello, let count):
            guard knows(linkSlot, hello) else { return endLink(linkSlot, .peerUnproven) }
            buffers.dropFirst(&link.pointee.pending, count)
            link.pointee.phase = isAccepted ? .peerChallenged : .peerProofSent
            guard isAccepted ? sayHello(linkSlot) : sayProof(linkSlot) else { return }
            readHandshake(linkSlot)
        }
    }

    /// Whether the link goes to the worker that it wants. One that there is not leaves it here, where its other side
    /// hears how many there are.
    private mutating func moves(_ linkSlot: UInt32, _ hello: PeerHello) -> Bool {
        guard let wanted = hello.wanted, Int(wanted) != index, Int(wanted) < workerCount else { return false }
        forgetPeerLink(linkSlot)
        startLinkMove(linkSlot, to: wanted)
        links[linkSlot].pointee.isPeerOnItsWay = true
        return true
    }

    /// Notes who speaks, as far as that is believed later. False: somebody else than was dialled, or ourselves.
    private mutating func knows(_ linkSlot: UInt32, _ hello: PeerHello) -> Bool {
        let state = peers.links[links[linkSlot].pointee.peerLink]
        guard let table = peers.table, hello.node != table.node || hello.plane != table.plane else { return false }
        state.pointee.worker = hello.worker
        state.pointee.workers = hello.workers
        state.pointee.node = hello.node
        state.pointee.hearsWords = hello.capabilities & PeerHello.hearsWords != 0
        guard state.pointee.isDialled else {
            state.pointee.peer = peers.find(hello.node, hello.plane) ?? .max
            return true
        }
        let peer = peers[state.pointee.peer]
        return peer.pointee.node == hello.node && peer.pointee.plane == hello.plane
    }

    private mutating func judgeProof(_ linkSlot: UInt32, _ bytes: UnsafeRawBufferPointer) {
        let link = links[linkSlot]
        switch peers.links[link.pointee.peerLink].pointee.handshake.judgeProof(bytes) {
        case .needMore: return
        case .fault: endLink(linkSlot, .peerUnproven)
        case .proven(let count):
            buffers.dropFirst(&link.pointee.pending, count)
            if link.pointee.phase == .peerChallenged, !sayProof(linkSlot) { return }
            peerLinkProven(linkSlot)
        }
    }
}
