import Model
import Observe
import Testing

/// Counters written by a worker are read by name, whichever build wrote them.
struct CounterFileTests {
    private func withFile(workers: Int, _ body: ([CounterPage], UnsafeMutableRawBufferPointer) throws -> Void) rethrows
    {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: CounterFile.bytes(workers: workers), alignment: 4_096)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        defer { memory.deallocate() }
        try body(CounterFile.format(memory, workers: workers), memory)
    }

    @Test func everyCounterHasItsOwnWord() throws {
        try withFile(workers: 2) { pages, memory in
            for counter in Counter.allCases { pages[1].add(counter, UInt64(counter.rawValue) + 1) }
            for reason in Reason.allCases { pages[1].add(reason, UInt64(reason.rawValue) + 1_000) }
            let view = try CounterFileView(UnsafeRawBufferPointer(memory))
            #expect(view.workers == 2)
            #expect(view.counters.map(\.name) == Counter.allCases.map(\.label))
            #expect(view.reasons.map(\.name) == Reason.allCases.map(\.label))
            for counter in Counter.allCases {
                let word = view.counters[Int(counter.rawValue)].word
                #expect(view.value(word: word, worker: 0) == 0)
                #expect(view.value(word: word, worker: 1) == UInt64(counter.rawValue) + 1)
                #expect(pages[1].value(counter) == UInt64(counter.rawValue) + 1)
            }
            for reason in Reason.allCases {
                #expect(view.sum(word: view.reasons[Int(reason.rawValue)].word) == UInt64(reason.rawValue) + 1_000)
                #expect(pages[1].value(reason) == UInt64(reason.rawValue) + 1_000)
            }
            pages[0].add(.requests)
            pages[1].add(.requests)
            #expect(view.sum(word: Int(Counter.requests.rawValue)) == UInt64(Counter.requests.rawValue) + 3)
        }
    }

    @Test func pagesAreAPageApart() {
        withFile(workers: 3) { pages, memory in
            #expect(memory.count % 4_096 == 0)
            for page in pages { page.add(.loopTurns) }
            #expect(pages.map { $0.value(.loopTurns) } == [1, 1, 1])
        }
    }

    @Test func damagedHeadersAreRefusedOrRead() {
        withFile(workers: 2) { _, memory in
            for offset in 0..<64 {
                for bit in 0..<8 {
                    memory[offset] ^= 1 << UInt8(bit)
                    if let view = try? CounterFileView(UnsafeRawBufferPointer(memory)) {
                        for (_, word) in view.counters { _ = view.sum(word: word) }
                    }
                    memory[offset] ^= 1 << UInt8(bit)
                }
            }
            memory[8] = 9
            #expect(throws: CounterFileFault.unknownLayout(9)) {
                try CounterFileView(UnsafeRawBufferPointer(memory))
            }
            #expect(throws: CounterFileFault.tooShort) {
                try CounterFileView(UnsafeRawBufferPointer(rebasing: memory.prefix(60)))
            }
        }
    }
}
