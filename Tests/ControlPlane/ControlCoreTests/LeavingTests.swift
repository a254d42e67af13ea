import ControlCore
import Model
import PlaneLink
import Primitives
import Testing

/// Data planes of one node come and go while others serve: no listening socket is closed under those who wait in it.
struct LeavingTests {
    private func node(_ names: [String], workers: UInt8 = 2) throws -> SimulatedNode {
        var node = try SimulatedNode(SimulatedNode.configuration())
        for name in names { node.start(name, workers: workers) }
        return node
    }

    /// Who accepts, by address: how many sockets each of the living has there.
    private func spread(_ node: SimulatedNode) -> [String: [Int]] {
        let living = node.planes.filter { $0.link != nil && !$0.isDraining }
        var counts: [String: [Int]] = [:]
        for address in Set(living.flatMap { $0.listeners.values.map(\.address) }) {
            counts[address] = living.map { plane in plane.listeners.values.count { $0.address == address } }
        }
        return counts
    }

    @Test func theLastDataPlaneHasNobodyToWaitFor() throws {
        var node = try node(["data-0"])
        node.say(0, .leaving)
        #expect(node.planes[0].isDismissed && !node.planes[0].isDraining)
        #expect(node.planes[0].listeners.count == 4, "it serves until it has ended")
        node.cut(0, dies: true)
        #expect(node.kept.count == 4, "its sockets wait for its successor")
        node.start("data-0")
        #expect(node.planes[1].listeners.count == 4)
    }

    @Test func theOthersGetTheSocketsAndKeepThem() throws {
        var node = try node(["data-0", "data-1", "data-2"])
        node.say(1, .leaving)
        #expect(node.planes[1].isDraining && node.planes[1].listeners.isEmpty)
        #expect(node.kept.count == 12)
        // Two sockets of each address went, to one data plane each.
        for (_, counts) in spread(node) { #expect(counts == [3, 3]) }
        #expect(node.core.isReady)
        node.cut(1, dies: true)
        node.advance(milliseconds: 60_000)
        #expect(node.kept.count == 12)
        #expect(node.core.sockets["data-1"] == nil)
        #expect(node.core.tally.dataPlanesLost == 0)
    }

    @Test func whoeverComesGetsSocketsBackBeforeNewOnesAreOpened() throws {
        var node = try node(["data-0"], workers: 2)
        for _ in 0..<5 {
            let first = node.planes.count
            for name in ["data-1", "data-2", "data-3"] { node.start(name, workers: 2) }
            #expect(node.kept.count == 16)
            for (_, counts) in spread(node) { #expect(counts == [2, 2, 2, 2]) }
            for index in first..<(first + 3) {
                node.say(index, .leaving)
                node.cut(index, dies: true)
            }
            for (_, counts) in spread(node) { #expect(counts == [8]) }
        }
        #expect(node.kept.count == 16)
        #expect(node.core.isReady)
        // Each of its workers has as many.
        let workers = Dictionary(grouping: node.planes[0].listeners.values, by: \.worker).mapValues(\.count)
        #expect(workers == [WorkerIndex(0): 8, WorkerIndex(1): 8])
    }

    @Test func whoLeavesWhileTheOthersLeaveIsTheLast() throws {
        var node = try node(["data-0", "data-1"])
        node.say(0, .leaving)
        node.say(1, .leaving)
        #expect(node.planes[0].isDraining && !node.planes[0].isDismissed)
        #expect(node.planes[1].isDismissed && !node.planes[1].isDraining)
    }

    @Test func itsConnectorsAreKnownUntilTheyAreWithdrawn() throws {
        var node = try node(["data-0", "data-1"])
        node.bind(0, tunnel(1))
        node.say(0, .leaving)
        #expect(node.core.registry.connectors.count == 1)
        node.bind(1, tunnel(1))
        node.lose(0, try #require(node.planes[0].connectors.keys.first))
        #expect(node.core.registry[tunnel(1)]?.connectors.count == 1)
        #expect(!node.planes[1].routes.isEmpty)
    }

    @Test func aRestartedControlPlaneAdoptsSocketsOfThoseThatLeft() throws {
        var node = try node(["data-0", "data-1"])
        node.say(1, .leaving)
        node.cut(1, dies: true)
        let sockets = node.planes[0].listeners
        try #require(sockets.count == 8)
        try node.restartControl()
        node.connect(0)
        #expect(node.planes[0].listeners == sockets)
        #expect(node.kept.count == 8)
        #expect(node.core.isReady)
    }

    @Test func oneThatDrainsStillGetsNothingOfANewControlPlane() throws {
        var node = try node(["data-0", "data-1"])
        node.say(1, .leaving)
        try node.restartControl()
        node.connect(0)
        // What the desk of a draining data plane does: it says so ahead of its inventory.
        node.planes[1].isDraining = false
        node.connect(1, saying: [.leaving])
        #expect(node.planes[1].isDraining && node.planes[1].listeners.isEmpty)
        #expect(node.planes[0].listeners.count == 8)
    }
}
