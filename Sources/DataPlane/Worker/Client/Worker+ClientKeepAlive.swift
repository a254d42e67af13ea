import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// How patient a link is: a connection of a client may have its own times, all others have the limits'.

extension Worker {
    /// How often a link is sent a keep-alive, and after how much silence it is given up, in milliseconds.
    @_noLocks
    func keepAliveTimes(_ linkSlot: UInt32) -> (interval: UInt64, timeout: UInt64) {
        let connection = links[linkSlot].pointee.connection
        guard connection == .max else { return plannedTimes(connection) }
        if links[linkSlot].pointee.peerLink != .max {
            return (limits[.peerHeartbeatMilliseconds], limits[.peerSilenceMilliseconds])
        }
        return (limits[.muxKeepAliveMilliseconds], limits[.muxKeepAliveTimeoutMilliseconds])
    }

    @inline(never) @_semantics("no_performance_analysis")
    private func plannedTimes(_ connection: UInt32) -> (interval: UInt64, timeout: UInt64) {
        let interval = limits[.muxKeepAliveMilliseconds], timeout = limits[.muxKeepAliveTimeoutMilliseconds]
        guard let client else { return (interval, timeout) }
        let plan = client.connections[Int(connection)].plan
        return (plan.keepAliveMilliseconds ?? interval, plan.keepAliveTimeoutMilliseconds ?? timeout)
    }

    /// From a dial to its answered BIND, or to a stock node's acceptance of a visitor.
    @inline(never) @_semantics("no_performance_analysis")
    func dialTimeoutMilliseconds(_ linkSlot: UInt32) -> UInt64 {
        if links[linkSlot].pointee.peerLink != .max { return limits[.peerSilenceMilliseconds] }
        if links[linkSlot].pointee.stock != .max { return limits[.stockForwardTimeoutMilliseconds] }
        let standard = limits[.handshakeTimeoutMilliseconds]
        let connection = links[linkSlot].pointee.connection
        guard connection != .max, let client else { return standard }
        return client.server(Int(connection)).handshakeTimeoutMilliseconds ?? standard
    }

    /// A WebSocket ping, for a server behind proxies that count only those as life (protocol transports §5.4).
    @inline(never) @_semantics("no_performance_analysis")
    mutating func pingServer(_ linkSlot: UInt32) {
        let connection = links[linkSlot].pointee.connection
        guard links[linkSlot].pointee.isWebSocket, connection != .max, let client,
            client.server(Int(connection)).pings, let room = buffers.cutArena(16)
        else { return }
        let count = WebSocketHeader.write(to: buffers.pointer(room), opcode: .ping, payload: 0, key: maskKey())
        buffers.append(
            &links[linkSlot].pointee.control, Slice(buffer: room.buffer, offset: room.offset, count: UInt32(count)))
        queueFlush(links[linkSlot].pointee.socket)
    }
}
