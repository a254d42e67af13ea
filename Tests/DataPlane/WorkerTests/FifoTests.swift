import Primitives
import Testing

@testable import Worker

/// First in, first out: the desk's array, and the worker's words.
@Suite struct FifoTests {
    @Test func inOrderHoweverItIsFilledAndEmptied() {
        var random = Random(seed: 3)
        var fifo = Fifo<Int>()
        var (put, taken) = (0, 0)
        for _ in 0..<20_000 {
            if random.next() % 5 < 3 {
                fifo.append(put)
                put += 1
            } else if taken < put {
                #expect(fifo.first == taken)
                #expect(fifo.popFirst() == taken)
                taken += 1
            }
            #expect(fifo.count == put - taken)
        }
        while let next = fifo.popFirst() {
            #expect(next == taken)
            taken += 1
        }
        #expect(taken == put && fifo.isEmpty && fifo.first == nil)
        fifo.append(7)
        fifo.removeAll()
        #expect(fifo.popFirst() == nil)
    }

    @Test func wordsGoRoundInABoundedQueue() {
        var queue = WordQueue(capacity: 5)
        var (put, taken) = (0 as UInt64, 0 as UInt64)
        var random = Random(seed: 4)
        for _ in 0..<5_000 {
            if random.next() % 2 == 0 {
                let isRoom = queue.append(put)
                #expect(isRoom == (put - taken < 5))
                if isRoom { put += 1 }
            } else {
                let next = queue.popFirst()
                #expect(next == (taken < put ? taken : nil))
                if next != nil { taken += 1 }
            }
            #expect((queue.count) == Int(put - taken))
            #expect((queue.isEmpty) == (put == taken))
        }
    }
}
