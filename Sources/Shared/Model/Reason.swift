/// Why something ended or was refused. One closed list: the raw value indexes the counters, the name is the metric
/// label, the log field and what the visitor is told.
package enum Reason: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    // Ends that are nobody's fault.
    case peerClosed
    case finished
    case shutdown
    case replaced

    // A visitor's request that cannot be served.
    case noRoute
    case privateRoute
    case tunnelOffline
    case connectorLost
    case streamEndedEarly
    case badAnswer
    case answerTimeout
    case loopDetected

    // A visitor's request that is not acceptable.
    case badRequest
    case ambiguousFraming
    case missingHost
    case headTooLarge
    case headTimeout
    case bodyTimeout
    case firstByteTimeout
    case keepAliveIdle
    case methodNotAllowed
    case unknownTransferCoding
    case versionNotSupported
    case relayAtEntrypoint
    case tlsFault
    case helloTooLarge
    case helloTimeout
    case proxyFault
    case proxyTimeout

    // The tunnel port.
    case handshakeTimeout
    case badUpgrade
    case wrongPath
    case webSocketFault
    case cipherFault
    case relayFault
    case relayVersion
    case noTunnel
    case unknownCommand
    case unauthorized
    case smuxFault
    case smuxVersion
    case keepAliveTimeout
    case windowExceeded
    case bindTimeout
    case bindRefused
    case peerOpenedStream

    // Limits.
    case visitorsFull
    case sourceFull
    case linksFull
    case streamsFull
    case connectorsFull
    case tunnelsFull
    case routesFull
    case buffersFull
    case stalled
    case workerBusy
    case descriptorsFull

    // The machine around us.
    case socketError
    case dialFailed
    case dialTimeout

    // Later ones stand at the end: our own clients and servers tell each other their numbers when a stream is reset.
    case loginThrottled

    // The client's own.
    case streamHeaderTimeout
    case connectRefused
    case datagramIdle
    case datagramTooLong
    case datagramOverflow

    // Room.
    case shedSilent

    // Other data planes.
    case peerUnproven
    case peerElsewhere
    case peersUnreachable
    case forwardTimeout
    case lookupTimeout
    case lookupFailed

    // Room, once more.
    case repetitionsSpent
}
