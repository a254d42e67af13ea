import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Words of this node's control plane for another's, and back. Each chunk is a stream of its own, between the two workers 0:
// there the desks are, and no byte changes threads. What the words mean is none of the data planes' business.
//
//     head, words, half-close      →  collected, handed to the control plane
//                                  ←  FIN: taken
//                                  ←  reset: not taken, come again later (no control plane here, or it is behind)
//
// A stream that is not answered within `lookupTimeoutMilliseconds`, and one whose link is lost, may have been taken or not.

extension Worker {
    /// Which data planes can be told words is to be looked at again, where the desk is.
    mutating func noteMesh() {
        guard desk != nil else { return }
        peers.isMeshChanged = true
        deskIsTouched = true
    }

    /// The data planes of other nodes with whose worker 0 we have a link, and that hear words.
    func linkedPeers() -> Set<LinkedPeer> {
        var linked: Set<LinkedPeer> = []
        guard let table = peers.table else { return linked }
        for number in 0..<peers.count {
            let peer = peers[UInt16(number)]
            guard peer.pointee.isListed, peer.pointee.node != table.node, wayForWords(UInt16(number)) != nil else {
                continue
            }
            linked.insert(LinkedPeer(node: peer.pointee.node, plane: peer.pointee.plane.string))
        }
        return linked
    }

    /// The link over which a peer is told words.
    private func wayForWords(_ number: UInt16) -> UInt32? {
        let link = peers[number].pointee.links[0]
        guard link != .max, mayForward(link), peers.links[links[link].pointee.peerLink].pointee.hearsWords else {
            return nil
        }
        return link
    }

    // MARK: Telling

    /// Sends words of our control plane on their way, or says that there is none.
    mutating func tell(_ telling: PeerTelling) {
        let stream = openTelling(telling)
        if let stream {
            touchedDesk?.tells(telling.number, on: stream)
        } else {
            touchedDesk?.told(telling.number, isTaken: false)
        }
    }

    private mutating func openTelling(_ telling: PeerTelling) -> UInt32? {
        guard let plane = InlineText(telling.peer.plane), let number = peers.find(telling.peer.node, plane),
            !telling.words.isEmpty, let linkSlot = wayForWords(number)
        else { return nil }
        let link = links[linkSlot]
        guard link.pointee.nextStreamID < .max - 2 else { return nil }
        let id = link.pointee.nextStreamID + 2
        guard let slot = addStream(linkSlot, id: id, partner: .telling) else { return nil }
        link.pointee.nextStreamID = id
        let stream = streams[slot]
        var head = InlineArray<4, UInt8>(repeating: 0)
        WordsHeader(wordsCount: telling.words.count).write(to: &head)
        guard buffers.appendCopy(&stream.pointee.out, &head, count: WordsHeader.byteCount),
            buffers.appendCopy(&stream.pointee.out, telling.words, count: telling.words.count)
        else {
            // Nothing was said of it yet.
            removeStream(slot)
            return nil
        }
        sendControl(linkSlot, .open, stream: id)
        halfCloseStream(slot)
        markReadyIfAllowed(slot)
        lookAtStreams(of: linkSlot, by: now.advanced(milliseconds: limits[.lookupTimeoutMilliseconds]))
        return slot
    }

    /// The stream of a telling is over.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func tellingEnded(_ streamSlot: UInt32, isTaken: Bool) {
        touchedDesk?.told(on: streamSlot, isTaken: isTaken)
    }

    /// The peer reset it.
    mutating func tellingRefused(_ streamSlot: UInt32) {
        removeStream(streamSlot)
        tellingEnded(streamSlot, isTaken: false)
    }

    /// The peer does not answer.
    mutating func tellingOverdue(_ streamSlot: UInt32) {
        note(.forwardTimeout, stream: streamSlot)
        resetStream(streamSlot, .forwardTimeout)
        tellingEnded(streamSlot, isTaken: false)
    }

    // MARK: Hearing

    /// Bytes of a stream of another data plane that is no visitor's: all that came so far.
    mutating func wordsReceived(_ streamSlot: UInt32, _ bytes: UnsafeRawBufferPointer) {
        let count: Int
        switch WordsHeader.read(bytes.bytes, limit: PeerWords.bytesMax) {
        case .needMore: return
        case .fault: return refuseWords(streamSlot)
        case .header(let header): count = header.wordsCount
        }
        let total = WordsHeader.byteCount + count
        guard bytes.count >= total else { return }
        let state = peers.links[links[streams[streamSlot].pointee.link].pointee.peerLink]
        guard bytes.count == total, desk != nil else { return refuseWords(streamSlot) }
        let words = Array(bytes[WordsHeader.byteCount..<total])
        let isTaken = touchedDesk?.heard(words, from: state.pointee.node) == true
        guard isTaken else { return refuseForward(streamSlot, ForwardRefusal(.lookupFailed, isUntouched: true)) }
        finishStream(streamSlot)
    }

    /// What is no words, or came to a worker that hears none.
    private mutating func refuseWords(_ streamSlot: UInt32) {
        note(.relayFault, stream: streamSlot)
        refuseForward(streamSlot, ForwardRefusal(.relayFault, isUntouched: true))
    }
}
