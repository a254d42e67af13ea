import Model
import Observe
package import Operations
import PlaneLink
import Primitives
import Wire

// The datagrams of visitor services: one visit for each sender, ended by silence, or by the first answer where the service
// does not keep it alive (protocol tunnel-client §7).

extension Worker {
    /// Takes datagrams for the visitor service at `service` on the desk; `descriptor` is a bound socket of `family`.
    package mutating func openDatagramService(_ service: UInt16, descriptor: Int32, family: DialFamily) {
        operations.append(Operation(.forget, token: Token(raw: 0), descriptor: descriptor))
        guard let socket = openSocket(descriptor, .datagrams, owner: UInt32(datagramServices.count)) else {
            preconditionFailure("no socket is left for a service")
        }
        sockets[socket].pointee.isDatagram = true
        datagramServices.append(DatagramService(service: service, socket: socket, family: family))
        wantBytes(socket, true)
    }

    /// A local sender's datagram.
    mutating func visitDatagramReceived(
        _ position: UInt32, from peer: PeerAddress, _ bytes: UnsafeRawBufferPointer
    ) {
        guard let client else { preconditionFailure("a visit without a desk") }
        counters.add(.bytesFromVisitors, UInt64(bytes.count))
        let number = Int(datagramServices[Int(position)].service)
        guard bytes.count <= client.visits.services[number].datagramBytesMax else {
            return note(.datagramTooLong)
        }
        let isNew: Bool
        let slot: UInt32
        if let known = findSender(position, peer) {
            (slot, isNew) = (known, false)
        } else {
            guard let made = addSender(position, peer, backlog: client.visits.services[number].backlogMax) else {
                return
            }
            (slot, isNew) = (made, true)
        }
        let visit = visits[slot]
        let waiting = visit.pointee.outbound.byteCount + DatagramHeader.byteCount + bytes.count
        if waiting <= Int(limits[.datagramQueueBytesMax]),
            buffers.appendDatagram(&visit.pointee.outbound, bytes, reserve: Worker.buffersReserved)
        {
            visit.pointee.lastProgress = now
        } else {
            note(.datagramOverflow)
        }
        if isNew {
            dialVisit(slot)
        } else if visit.pointee.isOpen {
            sendDatagramsToServer(slot)
        }
    }

    // MARK: Senders

    private func senderKey(_ position: UInt32, _ peer: PeerAddress) -> UInt64 {
        // Multiplied apart, so that neighbouring addresses and ports do not meet.
        let address = (peer.high &* 0x9E37_79B9_7F4A_7C15) ^ (peer.low &* 0xC2B2_AE3D_27D4_EB4F)
        return address ^ (UInt64(peer.port) << 32 | UInt64(position)) &* 0xD6E8_FEB8_6659_FD93
    }

    private func findSender(_ position: UInt32, _ peer: PeerAddress) -> UInt32? {
        let key = senderKey(position, peer)
        var cell = visitIndex.cursor(key)
        while let slot = visitIndex.next(key, &cell) {
            let visit = visits[slot]
            if visit.pointee.datagramService == UInt16(position), visit.pointee.source == source(peer) { return slot }
        }
        return nil
    }

    private func source(_ peer: PeerAddress) -> SocketAddress {
        SocketAddress(high: peer.high, low: peer.low, port: peer.port)
    }

    /// A visit for a new sender; nil, and counted, when too many are opening or there is no room.
    private mutating func addSender(_ position: UInt32, _ peer: PeerAddress, backlog: UInt32?) -> UInt32? {
        let service = datagramServices[Int(position)]
        guard UInt64(service.openingCount) < backlog.map(UInt64.init) ?? limits[.datagramBacklogMax] else {
            note(.datagramOverflow)
            return nil
        }
        var visit = Visit(service: service.service, now: now)
        visit.datagramService = UInt16(position)
        visit.peer = peer
        guard let slot = visits.take(visit) else {
            note(.visitorsFull)
            return nil
        }
        let isIndexed = visitIndex.insert(senderKey(position, peer), slot)
        precondition(isIndexed, "fewer places for senders than visits")
        datagramServices[Int(position)].openingCount += 1
        counters.add(.visitorsAccepted)
        return slot
    }

    mutating func forgetSender(_ slot: UInt32) {
        let visit = visits[slot]
        let isForgotten = visitIndex.remove(senderKey(UInt32(visit.pointee.datagramService), visit.pointee.peer), slot)
        precondition(isForgotten, "a sender's visit was not to be found")
    }

    // MARK: Both ways

    /// Moves what waits to the link, as far as its queue goes.
    @_noLocks
    mutating func sendDatagramsToServer(_ slot: UInt32) {
        let visit = visits[slot]
        let link = visit.pointee.link
        while bytesQueued(link) < Int(limits[.carrierQueueBytesMax]),
            let slice = buffers.popFirst(&visit.pointee.outbound)
        {
            sendToServer(link, slice)
            buffers.release(slice.buffer)
        }
    }

    /// Sends the sender every whole datagram that came for it.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func answerWithDatagrams(_ slot: UInt32) {
        guard let client else { preconditionFailure("a visit without a desk") }
        let visit = visits[slot]
        let service = datagramServices[Int(visit.pointee.datagramService)]
        while buffers.hasDatagram(visit.pointee.inbound) {
            let before = visit.pointee.inbound.byteCount
            guard
                sendDatagram(service.socket, from: &visit.pointee.inbound, to: visit.pointee.peer, service.family)
            else { break }
            counters.add(.bytesToVisitors, UInt64(before - visit.pointee.inbound.byteCount - DatagramHeader.byteCount))
            visit.pointee.lastProgress = now
            if !client.visits.services[Int(visit.pointee.service)].keepsAlive { return abandonVisit(slot, .finished) }
        }
        // No more than what one datagram needs, unless they find no room.
        wantBytes(
            links[visit.pointee.link].pointee.socket,
            visit.pointee.inbound.byteCount < Int(limits[.datagramQueueBytesMax]))
    }
}
