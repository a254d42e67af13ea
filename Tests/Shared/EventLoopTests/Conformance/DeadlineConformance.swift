import Operations
import Primitives
import Testing

@Suite struct DeadlineConformance {
    /// Nothing happens: the wait ends at its deadline, not before and not much later.
    @Test(arguments: Subject.allCases, [0, 1, 20] as [UInt64])
    func theWaitEndsAtItsDeadline(subject: Subject, milliseconds: UInt64) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let receive = rig.emit(.receive, on: left)
        _ = rig.ready(of: receive)
        let waited = rig.turn(milliseconds: milliseconds)
        #expect(waited >= milliseconds)
        #expect(waited < milliseconds + 1_000)
        rig.close(left, right)
    }

    /// A completion ends the wait long before its deadline.
    @Test(arguments: Subject.allCases)
    func aCompletionEndsTheWait(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let receive = rig.emit(.receive, on: left)
        _ = rig.ready(of: receive)
        _ = rig.send([1], on: right)
        let waited = rig.turn(milliseconds: 30_000)
        #expect(waited < 10_000)
        #expect(rig.take(rig.completion(of: receive)) == [1])
        rig.close(left, right)
    }
}
