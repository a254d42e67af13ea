import Primitives
import Testing

@Suite struct MailboxTests {
    private func cell(_ number: UInt64) -> Mailbox.Cell {
        var cell = Mailbox.Cell()
        cell.words[0] = number
        cell.words[7] = ~number
        return cell
    }

    @Test func inOrderAndBounded() {
        let mailbox = Mailbox(capacity: 4)
        defer { mailbox.deallocate() }
        #expect(mailbox.take() == nil)
        for round in 0..<100 as Range<UInt64> {
            for number in 0..<4 as Range<UInt64> { #expect(mailbox.put(cell(round * 4 + number))) }
            #expect(mailbox.room == 0)
            #expect(!mailbox.put(cell(0)))
            for number in 0..<4 as Range<UInt64> {
                let taken = mailbox.take()
                #expect(taken?.words[0] == round * 4 + number)
                #expect(taken?.words[7] == ~(round * 4 + number))
            }
            #expect(mailbox.take() == nil)
            #expect(mailbox.room == 4)
        }
    }

    /// A producer and a consumer at once: nothing is lost, repeated or torn.
    @Test func twoThreads() async {
        let mailbox = Mailbox(capacity: 64)
        defer { mailbox.deallocate() }
        let count: UInt64 = 20_000
        async let sum: UInt64 = {
            var expected: UInt64 = 0
            while expected < count {
                guard let cell = mailbox.take() else {
                    await Task.yield()
                    continue
                }
                guard cell.words[0] == expected, cell.words[7] == ~expected else { return expected }
                expected += 1
            }
            return expected
        }()
        var number: UInt64 = 0
        while number < count {
            if mailbox.put(cell(number)) { number += 1 } else { await Task.yield() }
        }
        #expect(await sum == count)
    }
}
