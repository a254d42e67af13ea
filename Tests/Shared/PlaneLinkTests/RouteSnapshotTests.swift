import Model
import PlaneLink
import Primitives
import Testing

/// The routing table's file: what was written is found, nothing else is, and damage never does more than give a wrong
/// answer.
struct RouteSnapshotTests {
    private func lookup(_ view: RouteSnapshotView, _ ingress: UInt16, _ host: String) -> Route? {
        withHost(host) { RouteKey(ingress: IngressIndex(ingress), host: $0).flatMap { view.lookup($0) } }
    }

    @Test func whatWasWrittenIsFoundInItsIngressOnly() throws {
        let file = RouteTableFile([
            (0, "a.example", route(1)), (1, "a.example", route(2)), (0, ".example", route(3, isPrivate: true)),
            (0, "example", route(4)), (0, String(repeating: "x", count: 255), route(5)),
        ])
        let view = try file.view()
        #expect(view.count == 5)
        #expect(view.generation == 1)
        #expect(lookup(view, 0, "a.example") == route(1))
        #expect(lookup(view, 1, "a.example") == route(2))
        #expect(lookup(view, 0, ".example") == route(3, isPrivate: true))
        #expect(lookup(view, 0, "example") == route(4))
        #expect(lookup(view, 0, String(repeating: "x", count: 255)) == route(5))
        #expect(lookup(view, 0, String(repeating: "x", count: 254)) == nil)
        #expect(lookup(view, 2, "a.example") == nil)
        #expect(lookup(view, 0, "") == nil)
    }

    @Test func theFirstOfTwoRoutesForAHostStays() throws {
        let view = try RouteTableFile([(0, "a", route(1)), (0, "a", route(2))]).view()
        #expect(view.count == 1)
        #expect(lookup(view, 0, "a") == route(1))
    }

    @Test func aRouteThatIsSetReplacesTheOneBefore() throws {
        let bytes = RouteSnapshot.fileBytes(routes: 2, entriesBytes: 2 * RouteSnapshot.entryBytes(hostBytes: 9))
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        var writer = RouteSnapshotWriter(into: memory, routes: 2, seed: 7)
        let steps: [(host: String, route: Route)] = [
            (".a.example", route(1, isPrivate: true)), ("b.example", route(2)), (".a.example", route(3)),
            ("b.example", route(4, isPrivate: true)), ("", route(5)),
        ]
        var taken: [Bool] = [], rooms: [Bool] = []
        for step in steps {
            taken.append(withHost(step.host) { writer.set(ingress: IngressIndex(0), host: $0, route: step.route) })
            rooms.append(writer.hasRoom(hostBytes: 9))
        }
        #expect(taken == [true, true, true, true, false])
        #expect(rooms == [true, false, false, false, false])
        let used = writer.finish(generation: 1)
        let view = try RouteSnapshotView(UnsafeRawBufferPointer(rebasing: memory[..<used]))
        #expect(view.count == 2)
        #expect(lookup(view, 0, ".a.example") == route(3))
        #expect(lookup(view, 0, "b.example") == route(4, isPrivate: true))
    }

    @Test func anEmptyTableAnswersNothing() throws {
        #expect(lookup(try RouteTableFile([]).view(), 0, "a") == nil)
    }

    @Test func everyLengthOfNameIsComparedToItsLastByte() throws {
        let names = (1...40).map { String(repeating: "n", count: $0) }
        let file = RouteTableFile(names.enumerated().map { (0, $1, route(UInt64($0))) })
        let view = try file.view()
        for (index, name) in names.enumerated() {
            #expect(lookup(view, 0, name) == route(UInt64(index)))
            #expect(lookup(view, 0, String(name.dropLast()) + "m") == nil)
        }
    }

    @Test func aThousandHostsAgainstADictionary() throws {
        var random = Random(seed: 3)
        var model: [String: Route] = [:]
        for number in 0..<1_000 {
            model["h\(random.below(100_000)).d\(random.below(10)).example"] = route(UInt64(number))
        }
        let file = RouteTableFile(model.map { (7, $0.key, $0.value) }, seed: random.next())
        let view = try file.view()
        for (host, route) in model { #expect(lookup(view, 7, host) == route) }
        var seen: [String: Route] = [:]
        #expect(view.forEach { _, _, name, route in seen[String(decoding: name, as: UTF8.self)] = route })
        #expect(seen == model)
    }

    @Test func headersThatAreNotOursAreRefused() throws {
        let file = RouteTableFile([(0, "a.example", route(1))])
        func fault() -> RouteSnapshotFault? {
            do throws(RouteSnapshotFault) {
                _ = try RouteSnapshotView(UnsafeRawBufferPointer(rebasing: file.memory.prefix(file.fileBytes)))
                return nil
            } catch { return error }
        }
        #expect(fault() == nil)
        file.memory[0] ^= 1
        #expect(fault() == .notARoutingTable)
        file.memory[0] ^= 1
        file.memory[8] ^= 2
        #expect(fault() == .unknownVersion(3))
        file.memory[8] ^= 2
        for offset in 12..<104 {
            file.memory[offset] ^= 0x10
            #expect(fault() == .checksum)
            file.memory[offset] ^= 0x10
        }
        #expect(throws: RouteSnapshotFault.tooShort) {
            try RouteSnapshotView(UnsafeRawBufferPointer(rebasing: file.memory.prefix(127)))
        }
        #expect(throws: RouteSnapshotFault.sections) {
            try RouteSnapshotView(UnsafeRawBufferPointer(rebasing: file.memory.prefix(file.fileBytes - 8)))
        }
    }

    /// Behind the header nothing is checksummed: every lookup has to survive whatever stands there.
    @Test func damageBehindTheHeaderNeverTraps() throws {
        var random = Random(seed: 5)
        let hosts = (0..<64).map { "host\($0).example" } + [".example", ".a.b.c.example"]
        for _ in 0..<300 {
            let file = RouteTableFile(hosts.enumerated().map { (0, $1, route(UInt64($0))) }, seed: random.next())
            let view = try file.view()
            for _ in 0..<40 {
                let offset = 128 + Int(random.below(UInt32(file.fileBytes - 128)))
                file.memory[offset] = UInt8(random.below(256))
            }
            for host in hosts { _ = lookup(view, 0, host) }
            _ = view.forEach { _, _, _, _ in }
        }
    }
}
