import CLinux
import EventLoop
import Operations
import Primitives
import Testing

@Suite struct DatagramConformance {
    /// Where the rig's datagram came from, and its bytes; the buffer goes back.
    private struct Datagram {
        var peer: PeerAddress
        var bytes: [UInt8]
    }

    private func take(_ rig: Rig, _ completion: Completion, at location: SourceLocation = #_sourceLocation) -> Datagram
    {
        guard completion.hasBuffer, completion.result >= 0, let geometry = rig.datagrams,
            let start = UnsafeRawPointer(bitPattern: geometry.payloadAddress(of: completion.bufferID))
        else {
            Issue.record("no datagram: \(completion.result)", sourceLocation: location)
            return Datagram(peer: PeerAddress(), bytes: [])
        }
        let bytes = UnsafeRawBufferPointer(start: start + DatagramBuffer.headBytes, count: Int(completion.result))
        defer { rig.emit(.provideDatagramBuffer, on: -1, length: completion.bufferID) }
        return Datagram(peer: start.load(as: PeerAddress.self), bytes: Array(bytes))
    }

    /// The next datagram of a shot that goes on, or is armed again: an empty datagram may end it.
    private func next(
        _ rig: Rig, _ receive: Token, on descriptor: Int32, at location: SourceLocation = #_sourceLocation
    ) -> Datagram {
        let completion = rig.completion(of: receive, at: location)
        if !completion.isMore { rig.emit(.receiveDatagram, receive, on: descriptor) }
        return take(rig, completion, at: location)
    }

    private func provideAll(_ rig: Rig) {
        for id in 0..<Rig.datagramCount { rig.emit(.provideDatagramBuffer, on: -1, length: id) }
    }

    /// A datagram of `parts` ranges, to `peer` where the socket is not connected.
    private func send(
        _ rig: Rig, _ bytes: [UInt8], parts: Int = 1, on descriptor: Int32, to peer: PeerAddress? = nil,
        _ family: DialFamily = .ipv4
    ) -> Token {
        let datagram = rig.place(SendDatagram())
        let address = rig.place(bytes: bytes)
        for part in 0..<parts {
            let lower = bytes.count * part / parts, upper = bytes.count * (part + 1) / parts
            datagram.pointee.vector.ranges[part] = SendRange(address: address + UInt(lower), count: UInt(upper - lower))
        }
        datagram.pointee.vector.count = UInt32(parts)
        datagram.pointee.vector.bytes = UInt32(bytes.count)
        if let peer {
            datagram.pointee.peer = peer
            datagram.pointee.family = family.rawValue
        }
        return rig.emit(.sendDatagram, on: descriptor, address: UInt(bitPattern: datagram))
    }

    /// Without the bytes in the message: they are many.
    private func expectSame(_ left: [UInt8], _ right: [UInt8], at location: SourceLocation = #_sourceLocation) {
        let isSame = left == right
        #expect(isSame, "\(left.count) bytes for \(right.count)", sourceLocation: location)
    }

    /// A socket that sends to `address` alone.
    private func dial(_ rig: Rig, _ address: DialAddress) -> Int32 {
        let open = rig.emit(.openSocket, length: address.family, argument: SocketType.datagram.rawValue)
        let descriptor = rig.result(of: open)
        #expect(descriptor >= 0)
        let connect = rig.emit(.connect, on: descriptor, address: UInt(bitPattern: rig.place(address)))
        #expect(rig.result(of: connect) == 0)
        return descriptor
    }

    /// Sizes from none to the longest, in one range and in many: each arrives whole, with its sender, and is answered.
    @Test(arguments: Subject.allCases, [DialFamily.ipv4, .ipv6])
    func thereAndBack(subject: Subject, family: DialFamily) throws {
        let rig = try Rig(subject)
        provideAll(rig)
        let service = rig.loop.bindDatagram(family, isDual: false)
        let client = dial(rig, service.address)
        let there = rig.emit(.receiveDatagram, on: service.descriptor)
        let back = rig.emit(.receiveDatagram, on: client)
        for (count, parts) in [(0, 1), (1, 1), (1_400, 3), (65_507, 1), (65_507, 64)] {
            let bytes = pattern(count, seed: UInt64(count))
            #expect(rig.result(of: send(rig, bytes, parts: parts, on: client)) == Int32(count))
            let arrived = next(rig, there, on: service.descriptor)
            expectSame(arrived.bytes, bytes)
            #expect(arrived.peer.port != 0)
            #expect(arrived.peer.low == (family == .ipv4 ? 0xFFFF_7F00_0001 : 1))
            let answer = Array(bytes.reversed())
            let sent = send(rig, answer, parts: parts, on: service.descriptor, to: arrived.peer, family)
            #expect(rig.result(of: sent) == Int32(count))
            expectSame(next(rig, back, on: client).bytes, answer)
        }
        rig.close(client, service.descriptor)
        #expect(rig.result(of: there) == -ECANCELED)
        #expect(rig.result(of: back) == -ECANCELED)
    }

    /// A socket of IPv6 that takes both families: senders of IPv4 are known, and answered, by their mapped address.
    @Test(arguments: Subject.allCases)
    func bothFamiliesAtOneSocket(subject: Subject) throws {
        let rig = try Rig(subject)
        provideAll(rig)
        let service = rig.loop.bindDatagram(.ipv6, isDual: true)
        let client = dial(rig, service.address)
        let there = rig.emit(.receiveDatagram, on: service.descriptor)
        let back = rig.emit(.receiveDatagram, on: client)
        #expect(rig.result(of: send(rig, [1, 2, 3], on: client)) == 3)
        let arrived = take(rig, rig.completion(of: there))
        #expect(arrived.peer.high == 0)
        #expect(arrived.peer.low == 0xFFFF_7F00_0001)
        #expect(rig.result(of: send(rig, [4], on: service.descriptor, to: arrived.peer, .ipv6)) == 1)
        #expect(take(rig, rig.completion(of: back)).bytes == [4])
        rig.close(client, service.descriptor)
    }

    /// Datagrams that wait are given one by one, as they were sent.
    @Test(arguments: Subject.allCases)
    func boundariesAreKept(subject: Subject) throws {
        let rig = try Rig(subject)
        provideAll(rig)
        let service = rig.loop.bindDatagram(.ipv4, isDual: false)
        let client = dial(rig, service.address)
        for byte in UInt8(1)...5 { #expect(rig.result(of: send(rig, [byte, byte], on: client)) == 2) }
        let receive = rig.emit(.receiveDatagram, on: service.descriptor)
        for byte in UInt8(1)...5 { #expect(take(rig, rig.completion(of: receive)).bytes == [byte, byte]) }
        #expect(rig.ready(of: receive).isEmpty)
        rig.close(client, service.descriptor)
    }

    /// Without a buffer the shot ends; armed again, it goes on with what waited.
    @Test(arguments: Subject.allCases)
    func outOfBuffers(subject: Subject) throws {
        let rig = try Rig(subject)
        let service = rig.loop.bindDatagram(.ipv4, isDual: false)
        let client = dial(rig, service.address)
        rig.emit(.provideDatagramBuffer, on: -1, length: 3)
        for byte in UInt8(1)...2 { #expect(rig.result(of: send(rig, [byte], on: client)) == 1) }
        let receive = rig.emit(.receiveDatagram, on: service.descriptor)
        let first = rig.completion(of: receive)
        #expect(first.bufferID == 3)
        let end = rig.completion(of: receive)
        #expect(end.result == -ENOBUFS)
        #expect(!end.isMore)
        #expect(!end.hasBuffer)
        #expect(take(rig, first).bytes == [1])
        rig.emit(.receiveDatagram, receive, on: service.descriptor)
        #expect(take(rig, rig.completion(of: receive)).bytes == [2])
        rig.close(client, service.descriptor)
    }

    @Test(arguments: Subject.allCases)
    func cancelled(subject: Subject) throws {
        let rig = try Rig(subject)
        provideAll(rig)
        let service = rig.loop.bindDatagram(.ipv4, isDual: false)
        let receive = rig.emit(.receiveDatagram, on: service.descriptor)
        #expect(rig.ready(of: receive).isEmpty)
        #expect(rig.result(of: rig.cancel(receive)) == 0)
        #expect(rig.result(of: receive) == -ECANCELED)
        rig.close(service.descriptor)
    }

    /// A correspondent that is not there is an error of the receive that waits; the socket can be used on.
    @Test(arguments: Subject.allCases)
    func refused(subject: Subject) throws {
        let rig = try Rig(subject)
        provideAll(rig)
        let service = rig.loop.bindDatagram(.ipv4, isDual: false)
        rig.close(service.descriptor)
        let client = dial(rig, service.address)
        let receive = rig.emit(.receiveDatagram, on: client)
        #expect(rig.ready(of: receive).isEmpty)
        #expect(rig.result(of: send(rig, [1], on: client)) == 1)
        let end = rig.completion(of: receive)
        #expect(end.result == -ECONNREFUSED)
        #expect(!end.isMore)
        rig.emit(.receiveDatagram, receive, on: client)
        #expect(rig.ready(of: receive).isEmpty)
        rig.close(client)
        #expect(rig.result(of: receive) == -ECANCELED)
    }

    @Test(arguments: Subject.allCases)
    func tooLong(subject: Subject) throws {
        let rig = try Rig(subject)
        let service = rig.loop.bindDatagram(.ipv4, isDual: false)
        let client = dial(rig, service.address)
        #expect(rig.result(of: send(rig, pattern(65_508), on: client)) == -EMSGSIZE)
        rig.close(client, service.descriptor)
    }

    @Test(arguments: Subject.allCases)
    func noSuchSocket(subject: Subject) throws {
        let rig = try Rig(subject)
        provideAll(rig)
        #expect(rig.result(of: rig.emit(.receiveDatagram, on: 31_111)) == -EBADF)
        #expect(rig.result(of: send(rig, [1], on: 31_111)) == -EBADF)
    }
}

@Suite struct ResetConformance {
    /// Closing with `length` 1 cuts the connection: the peer's receive fails, rather than ending.
    @Test(arguments: Subject.allCases)
    func closingResets(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let receive = rig.emit(.receive, on: client)
        #expect(rig.ready(of: receive).isEmpty)
        #expect(rig.result(of: rig.emit(.close, on: server, length: 1)) == 0)
        #expect(rig.result(of: receive) == -ECONNRESET)
        rig.close(client)
    }
}
