import Primitives
import Testing

@Suite struct IndexTableTests {
    @Test func aKeyMayStandSeveralTimes() {
        var table = IndexTable(capacity: 8)
        for value in [5, 6, 7] as [UInt32] { #expect((table.insert(42, value)) == true) }
        var cell = table.cursor(42)
        var found: Set<UInt32> = []
        while let value = table.next(42, &cell) { found.insert(value) }
        #expect(found == [5, 6, 7])
        #expect((table.remove(42, 6)) == true)
        #expect((table.remove(42, 6)) == false)
        #expect(table.count == 2)
    }

    @Test func fullIsAnAnswer() {
        var table = IndexTable(capacity: 4)
        for value in 0..<4 as Range<UInt32> { #expect((table.insert(UInt64(value), value)) == true) }
        #expect((table.insert(9, 9)) == false)
        #expect((table.remove(2, 2)) == true)
        #expect((table.insert(9, 9)) == true)
    }

    /// Deleting closes gaps: no probe ends early, whatever the order.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomUseAgreesWithADictionary(_ seed: UInt64) {
        var table = IndexTable(capacity: 256)
        var known: [UInt64: UInt32] = [:]
        var random = Random(seed: seed)
        for _ in 0..<4_000 {
            // Few keys in few homes: long runs.
            let key = UInt64(random.below(400)) << 20
            if let value = known[key] {
                #expect((table.remove(key, value)) == true)
                known[key] = nil
            } else if known.count < 256 {
                let value = random.below(1 << 30)
                #expect((table.insert(key, value)) == true)
                known[key] = value
            }
        }
        for (key, value) in known { #expect(table.first(key) == value) }
        for key in 0..<400 as Range<UInt64> where known[key << 20] == nil { #expect(table.first(key << 20) == nil) }
        #expect(table.count == known.count)
    }

    /// Entries stay where they are found through every level of the table, and through deletions in between.
    @Test func growingKeepsEveryEntry() {
        var table = IndexTable(capacity: 20_000)
        var random = Random(seed: 5)
        var known: [(key: UInt64, value: UInt32)] = []
        while known.count < 20_000 {
            let entry = (key: random.next(), value: random.below(1 << 30))
            #expect((table.insert(entry.key, entry.value)) == true)
            known.append(entry)
            if random.below(8) == 0 {
                let gone = known.remove(at: Int(random.below(UInt32(known.count))))
                #expect((table.remove(gone.key, gone.value)) == true)
            }
        }
        #expect((table.insert(1, 1)) == false)
        #expect(known.allSatisfy { table.first($0.key) == $0.value })
        for entry in known { #expect((table.remove(entry.key, entry.value)) == true) }
        #expect(table.count == 0)
        #expect(known.allSatisfy { table.first($0.key) == nil })
    }
}
