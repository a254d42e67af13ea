import CLinux
import Operations
import Primitives
import Testing

@Suite struct CloseConformance {
    /// One side ends; the other still sends, and its bytes arrive.
    @Test(arguments: Subject.allCases)
    func halfClose(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let request = rig.emit(.receive, on: server)
        #expect(rig.result(of: rig.send(Array("question".utf8), on: client)) == 8)
        #expect(rig.result(of: rig.emit(.shutdown, on: client, length: 1)) == 0)
        #expect(rig.receive(request, on: server, count: 8) == Array("question".utf8))
        #expect(rig.result(of: request) == 0)
        let answer = rig.emit(.receive, on: client)
        #expect(rig.result(of: rig.send(Array("answer".utf8), on: server)) == 6)
        #expect(rig.receive(answer, on: client, count: 6) == Array("answer".utf8))
        rig.close(server)
        #expect(rig.result(of: answer) == 0)
        rig.close(client)
    }

    /// The end comes together with the last bytes: both are seen.
    @Test(arguments: Subject.allCases)
    func bytesAndEndAtOnce(subject: Subject) throws {
        let rig = try Rig(subject)
        for count in [1, Int(Rig.payloadBytes), Int(Rig.payloadBytes) + 1, 3 * Int(Rig.payloadBytes)] {
            let (left, right) = rig.loop.pair()
            let bytes = pattern(count)
            #expect(rig.result(of: rig.send(bytes, on: left)) == Int32(count))
            rig.close(left)
            let receive = rig.emit(.receive, on: right)
            #expect(rig.receive(receive, on: right, count: count) == bytes)
            #expect(rig.result(of: receive) == 0)
            rig.close(right)
        }
    }

    @Test(arguments: Subject.allCases)
    func shutdownOfBothSides(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let receive = rig.emit(.receive, on: client)
        _ = rig.ready(of: receive)
        #expect(rig.result(of: rig.emit(.shutdown, on: client, length: 2)) == 0)
        #expect(rig.result(of: receive) == 0)
        #expect(rig.result(of: rig.emit(.receiveOnce, on: server)) == 0)
        #expect(rig.result(of: rig.emit(.shutdown, on: 31_111, length: 1)) == -EBADF)
        rig.close(client, server)
    }

    /// What was sent is read, then comes an error: nobody takes what was cut for the whole.
    @Test(arguments: Subject.allCases)
    func resetInsteadOfAnEnd(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        #expect(rig.result(of: rig.send(Array("part".utf8), on: server)) == 4)
        let receive = rig.emit(.receive, on: client)
        #expect(rig.receive(receive, on: client, count: 4) == Array("part".utf8))
        #expect(rig.result(of: rig.emit(.close, on: server, length: 1)) == 0)
        #expect(rig.result(of: receive) == -ECONNRESET)
        rig.close(client)
    }

    /// The number that comes back after such a close is an ordinary connection's.
    @Test(arguments: Subject.allCases)
    func theResetIsThatConnectionsOnly(subject: Subject) throws {
        let rig = try Rig(subject)
        let first = rig.connection()
        #expect(rig.result(of: rig.emit(.close, on: first.server, length: 1)) == 0)
        rig.close(first.client)
        let (client, server) = rig.connection()
        let receive = rig.emit(.receive, on: client)
        #expect(rig.result(of: rig.send(Array("all".utf8), on: server)) == 3)
        rig.close(server)
        #expect(rig.receive(receive, on: client, count: 3) == Array("all".utf8))
        #expect(rig.result(of: receive) == 0)
        rig.close(client)
    }

    @Test(arguments: Subject.allCases)
    func cancellingNothing(subject: Subject) throws {
        let rig = try Rig(subject)
        #expect(rig.result(of: rig.cancel(Token(.receive, slot: 99, generation: 9))) == -ENOENT)
    }

    /// A number that comes back after a close is a new file: nothing of the old one sticks to it.
    @Test(arguments: Subject.allCases)
    func numbersComeBackClean(subject: Subject) throws {
        let rig = try Rig(subject)
        var seen = Set<Int32>()
        for round in 0..<20 {
            let (left, right) = rig.loop.pair()
            seen.formUnion([left, right])
            let receive = rig.emit(.receive, on: left)
            // Leave it in different states: waiting, ended, with bytes unread.
            switch round % 3 {
            case 0: _ = rig.ready(of: receive)
            case 1: rig.emit(.shutdown, on: right, length: 1)
            default: _ = rig.send(pattern(10), on: right)
            }
            rig.close(left)
            _ = rig.completion(of: receive)
            let (near, far) = rig.loop.pair()
            seen.formUnion([near, far])
            let next = rig.emit(.receive, on: near)
            #expect(rig.ready(of: next).isEmpty)
            #expect(rig.result(of: rig.send([UInt8(round)], on: far)) == 1)
            #expect(rig.take(rig.completion(of: next)) == [UInt8(round)])
            rig.close(right, near, far)
            #expect(rig.result(of: next) == -ECANCELED)
        }
        #expect(seen.count < 80)
    }
}
