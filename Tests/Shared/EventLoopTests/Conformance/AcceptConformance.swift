import CLinux
import Operations
import Primitives
import Testing

@Suite struct AcceptConformance {
    /// One shot serves a thousand connections, all at once in the backlog.
    @Test(arguments: Subject.allCases)
    func oneShotAcceptsAThousand(subject: Subject) throws {
        let rig = try Rig(subject)
        let listener = rig.loop.listen(.unix, backlog: 1_024)
        let accept = rig.emit(.accept, on: listener.descriptor)
        let sockets = (0..<1_000).map { _ in rig.emit(.openSocket, length: DialFamily.unix.rawValue) }
        let clients = sockets.map { rig.result(of: $0) }
        #expect(clients.allSatisfy { $0 >= 0 })
        let address = UInt(bitPattern: rig.place(listener.address))
        let connects = clients.map { client in
            // Each connect writes its own socket address: one dial address cannot serve several at a time.
            let own = rig.place(UnsafePointer<DialAddress>(bitPattern: address)!.pointee)
            return rig.emit(.connect, on: client, address: UInt(bitPattern: own))
        }
        #expect(connects.allSatisfy { rig.result(of: $0) == 0 })
        var accepted = Set<Int32>()
        for _ in 0..<1_000 {
            let completion = rig.completion(of: accept)
            guard completion.result >= 0 else { break }
            #expect(completion.isMore)
            accepted.insert(completion.result)
        }
        #expect(accepted.count == 1_000)
        #expect(rig.result(of: rig.cancel(accept)) == 0)
        let end = rig.completion(of: accept)
        #expect(end.result == -ECANCELED)
        #expect(!end.isMore)
        for descriptor in Array(accepted) + clients + [listener.descriptor] { rig.close(descriptor) }
    }

    @Test(arguments: Subject.allCases)
    func closingTheListenerEndsTheShot(subject: Subject) throws {
        let rig = try Rig(subject)
        let listener = rig.loop.listen(.ipv4, backlog: 16)
        let accept = rig.emit(.accept, on: listener.descriptor)
        rig.close(listener.descriptor)
        #expect([-ECANCELED, -EBADF].contains(rig.result(of: accept)))
        // Nobody listens any more: the file is really closed, not held by the operation.
        let (client, connect) = rig.dial(listener.address)
        #expect(rig.result(of: connect) == -ECONNREFUSED)
        rig.close(client)
    }

    @Test(arguments: Subject.allCases)
    func acceptOnWhatDoesNotListenFails(subject: Subject) throws {
        let rig = try Rig(subject)
        let descriptor = rig.result(of: rig.emit(.openSocket, length: DialFamily.ipv4.rawValue))
        let end = rig.completion(of: rig.emit(.accept, on: descriptor))
        #expect(end.result == -EINVAL)
        #expect(!end.isMore)
        rig.close(descriptor)
        #expect(rig.result(of: rig.emit(.accept, on: 31_111)) == -EBADF)
    }

    @Test(arguments: Subject.allCases)
    func anotherShotTakesWhatCameBetween(subject: Subject) throws {
        let rig = try Rig(subject)
        let listener = rig.loop.listen(.ipv4, backlog: 16)
        let first = rig.emit(.accept, on: listener.descriptor)
        #expect(rig.result(of: rig.cancel(first)) == 0)
        #expect(rig.result(of: first) == -ECANCELED)
        let (client, connect) = rig.dial(listener.address)
        #expect(rig.result(of: connect) == 0)
        let second = rig.emit(.accept, on: listener.descriptor)
        let accepted = rig.completion(of: second)
        #expect(accepted.result >= 0)
        rig.close(client, accepted.result, listener.descriptor)
        #expect(rig.result(of: second) == -ECANCELED)
    }
}
