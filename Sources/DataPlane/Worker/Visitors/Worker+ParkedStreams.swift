import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Parked streams: idle between two requests, each kept by its visitor for the next one to the same host and tunnel. They
// cost their connector a stream each, so that those parked longest end where a newcomer would find none.

extension Worker {
    /// The stream of a finished exchange serves the visitor's next request for the same host and tunnel, if it can.
    @_noLocks
    mutating func parkOrFinish(_ slot: UInt32, _ stream: UInt32) {
        let visitor = visitors[slot]
        let parkedMax = Int(limits[.parkedStreamsMax])
        let mayPark =
            visitor.pointee.originKeeps && visitor.pointee.keepsConnection && parkedMax > 0
            && !streams[stream].pointee.flags.contains(.peerFinished) && streams[stream].pointee.out.isEmpty
            && !links[streams[stream].pointee.link].pointee.isWithdrawn
            // A connection to a stock node serves one request, as between stock nodes.
            && links[streams[stream].pointee.link].pointee.stock == .max
        guard mayPark else { return finishStream(stream) }
        if visitor.pointee.parkedCount == parkedMax {
            let oldest = visitor.pointee.parked[0]
            dropParked(slot, at: 0)
            finishStream(oldest)
        }
        streams[stream].pointee.flags.insert(.parked)
        links[streams[stream].pointee.link].pointee.parkedCount += 1
        parkedStreams += 1
        visitor.pointee.parked[visitor.pointee.parkedCount] = stream
        visitor.pointee.parkedCount += 1
    }

    /// An idle stream that serves the visitor's present tunnel and host, or nil. One at another data plane may lead to a
    /// process that has just fallen silent: as long as there is another way, what may not be repeated goes on a new
    /// stream, of which nothing is sent before `opened`.
    @_noLocks
    mutating func takeParked(_ slot: UInt32) -> UInt32? {
        let visitor = visitors[slot]
        for position in 0..<visitor.pointee.parkedCount {
            let stream = visitor.pointee.parked[position]
            guard streams[stream].pointee.routeKey == visitor.pointee.routeKey else { continue }
            let link = streams[stream].pointee.link
            if links[link].pointee.peerLink != .max {
                let isSuspect = isSuspect(peerLink: link)
                if isSuspect || !visitor.pointee.method.isIdempotent, hasOtherWay(slot, than: link) {
                    if isSuspect { continue }
                    // A new stream takes its place.
                    dropParked(slot, at: position)
                    finishStream(stream)
                    return nil
                }
            }
            dropParked(slot, at: position)
            streams[stream].pointee.flags.remove(.parked)
            parkedEnded(stream)
            return stream
        }
        return nil
    }

    @_noLocks
    mutating func forgetParked(_ slot: UInt32, _ stream: UInt32) {
        let visitor = visitors[slot]
        for position in 0..<visitor.pointee.parkedCount where visitor.pointee.parked[position] == stream {
            return dropParked(slot, at: position)
        }
    }

    @_noLocks
    private mutating func dropParked(_ slot: UInt32, at position: Int) {
        let visitor = visitors[slot]
        for later in position..<(visitor.pointee.parkedCount - 1) {
            visitor.pointee.parked[later] = visitor.pointee.parked[later + 1]
        }
        visitor.pointee.parkedCount -= 1
    }

    /// The stream is parked no more: it serves again, or goes.
    @_noLocks
    mutating func parkedEnded(_ stream: UInt32) {
        links[streams[stream].pointee.link].pointee.parkedCount -= 1
        parkedStreams -= 1
    }

    // MARK: Room for others

    /// Whether the link and the worker may have one more stream; parked ones end for it.
    @_noLocks
    mutating func hasRoomForStream(_ linkSlot: UInt32) -> Bool {
        let link = links[linkSlot]
        let isPeer = link.pointee.peerLink != .max
        let connectorMax = UInt32(isPeer ? limits[.streamsPerPeerLinkMax] : limits[.streamsPerConnectorMax])
        let workerMax = UInt32(limits[.streamsPerWorkerMax])
        if link.pointee.streamCount >= connectorMax, link.pointee.parkedCount > 0 {
            var found = SilentConnections(among: link.pointee.parkedCount)
            var stream = link.pointee.firstStream
            while stream != .max {
                considerParked(stream, &found)
                stream = streams[stream].pointee.nextInLink
            }
            endParked(found)
        }
        if streams.count >= workerMax, parkedStreams > 0 {
            var found = SilentConnections(among: UInt32(parkedStreams))
            for stream in 0..<streams.end where streams.isLive(stream) { considerParked(stream, &found) }
            endParked(found)
        }
        return link.pointee.streamCount < connectorMax && streams.count < workerMax
    }

    @_noLocks
    private func considerParked(_ slot: UInt32, _ found: inout SilentConnections) {
        let stream = streams[slot]
        guard stream.pointee.flags.contains(.parked), case .visitor = stream.pointee.partner else { return }
        found.consider(SilentConnection(since: stream.pointee.lastProgress, slot: slot, isLink: false))
    }

    @_noLocks
    private mutating func endParked(_ found: SilentConnections) {
        for position in 0..<found.count {
            let stream = found[position].slot
            guard case .visitor(let visitor) = streams[stream].pointee.partner else { continue }
            forgetParked(visitor, stream)
            finishStream(stream)
        }
    }
}
