import NIOCore
import StoreVocabulary
import Testing

@testable import Redis

/// Which reply belongs to whom, and what is refused.
struct BatchLedgerTests {
    private static func limits(inFlight: Int = 2, waiting: Int = 2) -> StoreLimits {
        var limits = StoreLimits()
        limits.batchesInFlightMax = inFlight
        limits.batchesWaitingMax = waiting
        limits.replyBytesMax = 100
        limits.requestBytesMax = 1_000
        return limits
    }

    private static let one = [StoreCommand("PING")]
    private static let two = [StoreCommand("GET", "a"), StoreCommand("GET", "b")]

    private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

    private func answered(_ receipt: BatchLedger<Int>.Receipt) -> (asker: Int?, replies: [StoreReply])? {
        guard case .answered(let asker, let replies) = receipt else { return nil }
        return (asker, replies)
    }

    @Test func repliesComeInOrder() throws {
        var ledger = BatchLedger<Int>(limits: Self.limits())
        #expect(ledger.submit(Self.two, deadline: at(10), asker: 1) == .send(CommandText.buffer(Self.two)))
        #expect(ledger.submit(Self.one, deadline: at(5), asker: 2) == .send(CommandText.buffer(Self.one)))
        #expect(ledger.isOwed)
        #expect(ledger.nextDeadline == at(5))
        guard case .more = ledger.receive(.number(1), bytes: 4) else { return #expect(Bool(false)) }
        let first = try #require(answered(ledger.receive(.fault("no"), bytes: 4)))
        #expect(first.asker == 1)
        #expect(first.replies == [.number(1), .fault("no")])
        let second = try #require(answered(ledger.receive(.status("PONG"), bytes: 7)))
        #expect(second.asker == 2)
        #expect(!ledger.isOwed)
        guard case .broken(.unasked) = ledger.receive(.none, bytes: 5) else { return #expect(Bool(false)) }
    }

    @Test func whatDoesNotFitWaitsAndThenIsRefused() throws {
        var ledger = BatchLedger<Int>(limits: Self.limits())
        for asker in 1...2 {
            #expect(ledger.submit(Self.one, deadline: at(10), asker: asker) == .send(CommandText.buffer(Self.one)))
        }
        for asker in 3...4 { #expect(ledger.submit(Self.two, deadline: at(10), asker: asker) == .waits) }
        #expect(ledger.submit(Self.one, deadline: at(10), asker: 5) == .overloaded)
        #expect(ledger.release() == nil)
        #expect(try #require(answered(ledger.receive(.none, bytes: 5))).asker == 1)
        #expect(ledger.release() == CommandText.buffer(Self.two))
        #expect(ledger.release() == nil)
        #expect(ledger.submit(Self.one, deadline: at(10), asker: 5) == .waits)
        #expect(ledger.end() == [2, 3, 4, 5])
        #expect(!ledger.isOwed)
        #expect(ledger.end().isEmpty)
    }

    @Test func bytesUnderWayAreBounded() throws {
        var ledger = BatchLedger<Int>(limits: Self.limits())
        let large = [StoreCommand(words: [[UInt8](repeating: 1, count: 900)])]
        #expect(ledger.submit(large, deadline: at(10), asker: 1) == .send(CommandText.buffer(large)))
        let other = [StoreCommand(words: [[UInt8](repeating: 1, count: 60)])]
        #expect(ledger.submit(other, deadline: at(10), asker: 2) == .overloaded)
        #expect(try #require(answered(ledger.receive(.none, bytes: 5))).asker == 1)
        #expect(ledger.submit(other, deadline: at(10), asker: 2) == .send(CommandText.buffer(other)))
        let tooLarge = [StoreCommand(words: [[UInt8](repeating: 1, count: 1_000)])]
        #expect(ledger.submit(tooLarge, deadline: at(10), asker: 3) == .overloaded)
    }

    @Test func aPassedDeadlineKeepsThePlaceOfItsReplies() throws {
        var ledger = BatchLedger<Int>(limits: Self.limits())
        _ = ledger.submit(Self.two, deadline: at(10), asker: 1)
        _ = ledger.submit(Self.one, deadline: at(20), asker: 2)
        _ = ledger.submit(Self.one, deadline: at(15), asker: 3)
        _ = ledger.submit(Self.one, deadline: at(30), asker: 4)
        guard case .more = ledger.receive(.number(1), bytes: 4) else { return #expect(Bool(false)) }
        #expect(ledger.expire(now: at(9)).isEmpty)
        #expect(ledger.expire(now: at(15)) == [1, 3], "the third had not been sent, and never will be")
        #expect(ledger.nextDeadline == at(20))
        let late = try #require(answered(ledger.receive(.number(2), bytes: 4)))
        #expect(late.asker == nil)
        #expect(late.replies.isEmpty)
        #expect(ledger.release() == CommandText.buffer(Self.one))
        #expect(try #require(answered(ledger.receive(.status("two"), bytes: 4))).asker == 2)
        #expect(try #require(answered(ledger.receive(.status("four"), bytes: 4))).asker == 4)
        #expect(!ledger.isOwed)
        #expect(ledger.expire(now: at(100)).isEmpty)
        #expect(ledger.nextDeadline == .distantFuture)
    }

    @Test func repliesToOneBatchAreBoundedTogether() {
        var ledger = BatchLedger<Int>(limits: Self.limits())
        _ = ledger.submit(Self.two, deadline: at(10), asker: 1)
        guard case .more = ledger.receive(.none, bytes: 60) else { return #expect(Bool(false)) }
        guard case .broken(.tooManyBytes) = ledger.receive(.none, bytes: 60) else { return #expect(Bool(false)) }
    }
}
