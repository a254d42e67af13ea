import Primitives
import Testing

@Suite struct SlabTests {
    @Test func slotsAreReusedWithANewGeneration() {
        var slab = Slab<UInt64>(capacity: 2)
        let first = slab.take(1)!
        let second = slab.take(2)!
        #expect(slab.take(3) == nil)
        #expect((slab.isFull) == true)
        let generation = slab.generation(of: first)
        slab.give(first)
        #expect((slab.isLive(first)) == false)
        #expect((slab.isCurrent(first, generation)) == false)
        #expect(slab.take(4) == first)
        #expect((slab.isLive(first)) == true)
        #expect((slab.isCurrent(first, generation)) == false)
        #expect((slab.isCurrent(first, slab.generation(of: first))) == true)
        #expect(slab[first].pointee == 4)
        #expect(slab[second].pointee == 2)
        #expect(slab.count == 2)
    }

    @Test func randomUseAgreesWithADictionary() {
        var slab = Slab<UInt64>(capacity: 64)
        var known: [UInt32: UInt64] = [:]
        var random = Random(seed: 1)
        for round in 0..<5_000 as Range<UInt64> {
            if random.below(2) == 0, let slot = slab.take(round) {
                #expect(known.updateValue(round, forKey: slot) == nil)
            } else if let slot = known.keys.sorted().first {
                slab.give(slot)
                known[slot] = nil
            }
            #expect(Int(slab.count) == known.count)
        }
        for (slot, value) in known { #expect(slab[slot].pointee == value) }
        #expect((0..<slab.end).count { slab.isLive($0) } == known.count)
    }
}
