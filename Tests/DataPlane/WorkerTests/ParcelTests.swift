import Model
import PlaneLink
import Primitives
import Simulator
import Testing
import World

@testable import Worker

/// What workers tell each other is not lost: not without buffers, not without parcels, not with a full mailbox.
@Suite struct ParcelTests {
    @Test func parcelsComeHome() throws {
        var pool = ParcelPool(capacity: 3)
        var taken: [Parcel] = []
        for number in 0..<3 as Range<UInt8> {
            let packed = pool.pack([number, number], count: 2)
            taken.append(try #require(packed))
        }
        #expect((pool.pack([1 as UInt8], count: 1) == nil) == true)
        #expect(pool.room == 0)
        #expect(Set(taken.map(\.buffer)).count == 3)
        #expect(taken.allSatisfy { $0.count == 2 && $0.buffer & ParcelPool.mark != 0 })
        #expect(UnsafeRawPointer(bitPattern: taken[1].address)?.load(as: UInt8.self) == 1)
        pool.give(taken[1].buffer)
        #expect(pool.room == 1)
        let again = pool.pack([9 as UInt8], count: 1)
        #expect(again?.buffer == taken[1].buffer)
    }

    @Test func everythingThatTravelsFitsIntoAParcel() {
        #expect(MemoryLayout<LinkMove>.size <= ParcelPool.stride)
        #expect(MemoryLayout<VisitorMove>.size <= ParcelPool.stride)
        #expect(MemoryLayout<BindQuestion>.size <= ParcelPool.stride)
        #expect(MemoryLayout<BindVerdict>.size <= ParcelPool.stride)
        #expect(MemoryLayout<RouteChange>.size <= ParcelPool.stride)
    }

    /// Five times as many changes of routes as there are parcels, at once, while the worker has no buffer left: every one
    /// reaches the other worker, in order.
    @Test func aBurstOfRoutesReachesTheOtherWorker() throws {
        let bench = try Bench(workers: 2)
        let count = ParcelPool.countMax * 5
        while let buffer = bench.node.benches[0].worker.buffers.take() { _ = buffer }
        for number in 0..<count {
            // Two changes of each host: the second has to win.
            for tunnel in [TunnelID(high: 1, low: 1), TunnelID(high: 2, low: UInt64(number) + 1)] {
                let change = RouteChange(
                    ingress: IngressIndex(0), host: InlineText("host-\(number).example")!,
                    route: Route(tunnel: tunnel, isPrivate: false))
                bench.node.benches[0].worker.post(1, with: change) { .routeChanged($0) }
            }
        }
        #expect((bench.node.benches[0].worker.isOverflowLong) == true)
        // A turn of the first worker sends on what waits.
        bench.run(200)
        #expect((bench.node.benches[0].worker.isOverflowLong) == false)
        #expect((bench.node.benches[0].worker.overflow[1].count) == 0)
        #expect(bench.node.benches[0].worker.parcels.room == ParcelPool.countMax)
        for number in 0..<count {
            let found = InlineText("host-\(number).example")!.withBytes {
                RouteLookup.resolve(
                    ingress: IngressIndex(0), host: $0, tables: RouteTables(),
                    overlay: bench.node.benches[1].worker.routeOverlay)
            }
            #expect(found?.tunnel == TunnelID(high: 2, low: UInt64(number) + 1))
        }
    }
}
