import CLinux
import Operations
import Primitives
import Testing

@Suite struct ReceiveConformance {
    @Test(arguments: Subject.allCases)
    func bytesArriveBehindTheHeadroom(subject: Subject) throws {
        let rig = try Rig(subject, bufferCount: 4)
        let (left, right) = rig.loop.pair()
        let receive = rig.emit(.receive, on: left)
        #expect(rig.result(of: rig.send(Array("one".utf8), on: right)) == 3)
        let first = rig.completion(of: receive)
        #expect(first.hasBuffer)
        #expect(first.isMore)
        #expect(rig.take(first) == Array("one".utf8))
        // The shot goes on, and ends with the stream, without a buffer.
        #expect(rig.result(of: rig.send(Array("two".utf8), on: right)) == 3)
        #expect(rig.take(rig.completion(of: receive)) == Array("two".utf8))
        rig.close(right)
        let end = rig.completion(of: receive)
        #expect(end.result == 0)
        #expect(!end.hasBuffer)
        #expect(!end.isMore)
        rig.close(left)
    }

    @Test(arguments: Subject.allCases)
    func onceIsOnce(subject: Subject) throws {
        let rig = try Rig(subject, bufferCount: 4)
        let (left, right) = rig.loop.pair()
        let first = rig.emit(.receiveOnce, on: left)
        #expect(rig.result(of: rig.send(Array("abc".utf8), on: right)) == 3)
        let completion = rig.completion(of: first)
        #expect(rig.take(completion) == Array("abc".utf8))
        #expect(!completion.isMore)
        #expect(rig.result(of: rig.send(Array("def".utf8), on: right)) == 3)
        #expect(rig.ready(of: first).isEmpty)
        #expect(rig.take(rig.completion(of: rig.emit(.receiveOnce, on: left))) == Array("def".utf8))
        let last = rig.emit(.receiveOnce, on: left)
        rig.close(right)
        #expect(rig.result(of: last) == 0)
        rig.close(left)
    }

    @Test(arguments: Subject.allCases, [OperationKind.receive, .receiveOnce])
    func cancelled(subject: Subject, kind: OperationKind) throws {
        let rig = try Rig(subject, bufferCount: 4)
        let (left, right) = rig.loop.pair()
        let receive = rig.emit(kind, on: left)
        _ = rig.ready(of: receive)
        #expect(rig.result(of: rig.cancel(receive)) == 0)
        let end = rig.completion(of: receive)
        #expect(end.result == -ECANCELED)
        #expect(!end.isMore)
        // Cancelled again: there is nothing left to cancel.
        #expect(rig.result(of: rig.cancel(receive)) == -ENOENT)
        rig.close(left, right)
    }

    /// Bytes that race with a cancel come before its end, or stay for the next shot: none is lost.
    @Test(arguments: Subject.allCases)
    func bytesSurviveACancel(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let sent = pattern(50_000)
        var received: [UInt8] = []
        for start in stride(from: 0, to: sent.count, by: 1_000) {
            let receive = rig.emit(.receive, on: left)
            let send = rig.send(Array(sent[start..<start + 1_000]), on: right)
            let cancel = rig.cancel(receive)
            #expect(rig.result(of: send) == 1_000)
            #expect([0, -ENOENT, -EALREADY].contains(rig.result(of: cancel)))
            while true {
                let completion = rig.completion(of: receive)
                received += rig.take(completion)
                if !completion.isMore { break }
            }
        }
        let last = rig.emit(.receive, on: left)
        received += rig.receive(last, on: left, count: sent.count - received.count)
        #expect(received == sent)
        rig.close(left, right)
    }

    @Test(arguments: Subject.allCases)
    func outOfBuffersAtOnce(subject: Subject) throws {
        let rig = try Rig(subject, bufferCount: 1, provided: 0)
        let (left, right) = rig.loop.pair()
        #expect(rig.result(of: rig.send([1, 2, 3], on: right)) == 3)
        for kind in [OperationKind.receive, .receiveOnce] {
            let end = rig.completion(of: rig.emit(kind, on: left))
            #expect(end.result == -ENOBUFS)
            #expect(!end.isMore)
            #expect(!end.hasBuffer)
        }
        rig.provide(0)
        #expect(rig.take(rig.completion(of: rig.emit(.receive, on: left))) == [1, 2, 3])
        rig.close(left, right)
    }

    /// More bytes than buffers: the shot ends, and the next one finds every byte.
    @Test(arguments: Subject.allCases)
    func outOfBuffersInAShot(subject: Subject) throws {
        let rig = try Rig(subject, bufferCount: 2)
        let (left, right) = rig.loop.pair()
        let sent = pattern(5 * Int(Rig.payloadBytes))
        #expect(rig.result(of: rig.send(sent, on: right)) == Int32(sent.count))
        let receive = rig.emit(.receive, on: left)
        let first = rig.completion(of: receive)
        let second = rig.completion(of: receive)
        // A kernel that fills both at once may end the shot with them.
        if second.isMore {
            let end = rig.completion(of: receive)
            #expect(end.result == -ENOBUFS)
            #expect(!end.isMore)
        }
        #expect(first.bufferID != second.bufferID)
        var received = rig.take(first) + rig.take(second)
        rig.emit(.receive, receive, on: left)
        received += rig.receive(receive, on: left, count: sent.count - received.count)
        #expect(received == sent)
        rig.close(left, right)
    }

    /// Bytes that fill several buffers, which were lent in any order and more than once: each completion names its own.
    @Test(arguments: Subject.allCases)
    func manyBuffersAtOnce(subject: Subject) throws {
        let rig = try Rig(subject, bufferCount: 64, provided: 0)
        let (client, server) = rig.connection()
        var order = (0..<64).map { $0 * 29 % 64 } as [UInt32]
        for id in order { rig.provide(id) }
        let receive = rig.emit(.receive, on: server)
        for round in 0..<40 as Range<UInt64> {
            // Fewer than there are, so that the shot goes on.
            let sent = pattern(Int(Rig.payloadBytes) * 5 + 100 * Int(round), seed: round + 1)
            let send = rig.send(sent, on: client)
            var received: [UInt8] = []
            var used: [UInt32] = []
            while received.count < sent.count {
                let completion = rig.completion(of: receive)
                try #require(completion.result > 0 && completion.isMore)
                used.append(completion.bufferID)
                received += rig.peek(completion)
            }
            #expect(received == sent)
            #expect(Set(used).count == used.count)
            #expect(rig.result(of: send) == Int32(sent.count))
            order = used.reversed()
            for id in order { rig.provide(id) }
        }
        rig.close(client, server)
    }

    @Test(arguments: Subject.allCases)
    func resetByPeer(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let receive = rig.emit(.receive, on: client)
        // Closed with unread bytes: the peer is reset, not ended.
        #expect(rig.result(of: rig.send([1], on: client)) == 1)
        _ = rig.completion(of: rig.emit(.receiveOnce, on: server))
        #expect(rig.result(of: rig.send([2, 3], on: client)) == 2)
        _ = rig.ready(of: receive)
        rig.close(server)
        let end = rig.completion(of: receive)
        #expect(end.result == -ECONNRESET)
        #expect(!end.isMore)
        rig.close(client)
    }

    @Test(arguments: Subject.allCases)
    func closingEndsWhatWaits(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let receive = rig.emit(.receive, on: server)
        _ = rig.ready(of: receive)
        rig.close(server)
        #expect([-ECANCELED, -EBADF].contains(rig.result(of: receive)))
        // The connection is really closed, not held by the receive.
        #expect(rig.result(of: rig.emit(.receive, on: client)) == 0)
        rig.close(client)
    }

    /// Receive and close in one turn, in this order.
    @Test(arguments: Subject.allCases)
    func closedInTheSameTurn(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let receive = rig.emit(.receive, on: server)
        rig.close(server)
        #expect([-ECANCELED, -EBADF].contains(rig.result(of: receive)))
        #expect(rig.result(of: rig.emit(.receiveOnce, on: client)) == 0)
        rig.close(client)
    }

    /// Operations of many different tokens on one descriptor are all ended by its close.
    @Test(arguments: Subject.allCases)
    func closingEndsManyTokens(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let tokens = (0..<12).map { _ in rig.emit(.receiveOnce, on: left) }
        _ = rig.ready(of: tokens[0])
        rig.close(left)
        for token in tokens { #expect([-ECANCELED, -EBADF].contains(rig.result(of: token))) }
        #expect(rig.result(of: rig.emit(.receiveOnce, on: right)) == 0)
        rig.close(right)
    }

    @Test(arguments: Subject.allCases)
    func badDescriptors(subject: Subject) throws {
        let rig = try Rig(subject)
        for descriptor in [-1, 31_111, 2_000_000_000] as [Int32] {
            for kind in [OperationKind.receive, .receiveOnce, .close] {
                #expect(rig.result(of: rig.emit(kind, on: descriptor)) == -EBADF)
            }
            #expect(rig.result(of: rig.send([1], on: descriptor)) == -EBADF)
        }
    }

    /// A megabyte in both directions at once, in small buffers that go straight back.
    @Test(arguments: Subject.allCases)
    func bulkBothWays(subject: Subject) throws {
        let rig = try Rig(subject, bufferCount: 16)
        let (client, server) = rig.connection()
        let bytes = pattern(1 << 20)
        let address = rig.place(bytes: bytes)
        var sends: [Token] = []
        var receives: [Token] = []
        for descriptor in [client, server] {
            receives.append(rig.emit(.receive, on: descriptor))
            sends.append(rig.emit(.send, on: descriptor, address: address, length: UInt32(bytes.count)))
        }
        var received: [[UInt8]] = [[], []]
        var sent = [0, 0]
        while received[0].count < bytes.count || received[1].count < bytes.count {
            for (index, descriptor) in [client, server].enumerated() {
                for completion in rig.ready(of: sends[index]) where sent[index] < bytes.count {
                    #expect(completion.result > 0)
                    sent[index] += Int(completion.result)
                    guard sent[index] < bytes.count else { continue }
                    rig.emit(
                        .send, sends[index], on: descriptor, address: address + UInt(sent[index]),
                        length: UInt32(bytes.count - sent[index]))
                }
                for completion in rig.ready(of: receives[index]) {
                    received[index] += rig.take(completion)
                    #expect(completion.result > 0 || completion.result == -ENOBUFS)
                    if !completion.isMore { rig.emit(.receive, receives[index], on: descriptor) }
                }
            }
            _ = rig.turn(milliseconds: 1)
        }
        #expect(received[0] == bytes)
        #expect(received[1] == bytes)
        rig.close(client, server)
    }
}
