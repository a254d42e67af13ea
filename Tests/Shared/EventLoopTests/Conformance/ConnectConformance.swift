import CLinux
import Operations
import Primitives
import Testing

@Suite struct ConnectConformance {
    @Test(arguments: Subject.allCases, [DialFamily.ipv4, .ipv6, .unix])
    func connects(subject: Subject, family: DialFamily) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection(family)
        #expect(rig.result(of: rig.send([1, 2], on: client)) == 2)
        #expect(rig.take(rig.completion(of: rig.emit(.receiveOnce, on: server))) == [1, 2])
        rig.close(client, server)
    }

    @Test(arguments: Subject.allCases, [DialFamily.ipv4, .ipv6, .unix])
    func refused(subject: Subject, family: DialFamily) throws {
        let rig = try Rig(subject)
        let listener = rig.loop.listen(family, backlog: 1)
        rig.close(listener.descriptor)
        let (client, connect) = rig.dial(listener.address)
        #expect(rig.result(of: connect) == -ECONNREFUSED)
        rig.close(client)
    }

    @Test(arguments: Subject.allCases)
    func aPathThatIsNotThere(subject: Subject) throws {
        let rig = try Rig(subject)
        var address = DialAddress()
        address.family = DialFamily.unix.rawValue
        address.setPath(Array("/no/such/socket".utf8))
        let (client, connect) = rig.dial(address)
        #expect(rig.result(of: connect) == -ENOENT)
        rig.close(client)
    }

    /// A connect that waits because the listener's queue is full.
    private func stuck(_ rig: Rig, _ listener: Listener) -> (descriptors: [Int32], connect: Token) {
        var descriptors: [Int32] = []
        while true {
            let (client, connect) = rig.dial(listener.address)
            descriptors.append(client)
            guard let done = rig.ready(of: connect).first else { return (descriptors, connect) }
            guard done.result == 0, descriptors.count < 100 else {
                Issue.record("a connect did not wait: \(done.result)")
                return (descriptors, connect)
            }
        }
    }

    @Test(arguments: Subject.allCases)
    func cancelled(subject: Subject) throws {
        let rig = try Rig(subject)
        let listener = rig.loop.listen(.ipv4, backlog: 1)
        let (descriptors, connect) = stuck(rig, listener)
        #expect(rig.result(of: rig.cancel(connect)) == 0)
        #expect(rig.result(of: connect) == -ECANCELED)
        for descriptor in descriptors + [listener.descriptor] { rig.close(descriptor) }
    }

    @Test(arguments: Subject.allCases)
    func closingEndsWhatWaits(subject: Subject) throws {
        let rig = try Rig(subject)
        let listener = rig.loop.listen(.ipv4, backlog: 1)
        let (descriptors, connect) = stuck(rig, listener)
        rig.close(descriptors.last!)
        #expect([-ECANCELED, -EBADF].contains(rig.result(of: connect)))
        for descriptor in descriptors.dropLast() + [listener.descriptor] { rig.close(descriptor) }
    }

    /// A full queue of a Unix listener is an answer, not a wait.
    @Test(arguments: Subject.allCases)
    func aFullUnixQueue(subject: Subject) throws {
        let rig = try Rig(subject)
        let listener = rig.loop.listen(.unix, backlog: 1)
        var queued: [Int32] = []
        while queued.count < 100 {
            let (client, connect) = rig.dial(listener.address)
            let result = rig.result(of: connect)
            guard result == 0 else {
                #expect(result == -EAGAIN)
                rig.close(client)
                break
            }
            queued.append(client)
        }
        #expect(queued.count == 2)
        let accept = rig.emit(.accept, on: listener.descriptor)
        for client in queued { rig.close(client, rig.result(of: accept)) }
        rig.close(listener.descriptor)
    }

    @Test(arguments: Subject.allCases)
    func peerAddresses(subject: Subject) throws {
        let rig = try Rig(subject)
        for (family, high, low) in [
            (DialFamily.ipv4, 0, 0xFFFF_7F00_0001), (.ipv6, 0, 1), (.unix, 0, 0xFFFF_0000_0000),
        ] as [(DialFamily, UInt64, UInt64)] {
            let (client, server) = rig.connection(family)
            let peer = rig.place(PeerAddress())
            rig.emit(.peerAddress, on: server, address: UInt(bitPattern: peer))
            rig.close(client, server)
            #expect(peer.pointee.high == high)
            #expect(peer.pointee.low == low)
            #expect((peer.pointee.port != 0) == (family != .unix))
        }
    }
}
