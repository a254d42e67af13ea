import Model
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// TLS visitors – node – clients – origins under every fault that loses nothing, and with a client that dies.
@Suite struct SecureHistoryTests {
    private static let tunnel = TunnelID(high: 0x3814_33e1_7980_11ee, low: 0xbbdb_60f2_62c1_e32d)

    private struct Scene {
        let world: World
        let node: NodeProcess
        var clients: [ClientProcess] = []
        var origins: [SecureOrigin] = []
        var visitors: [SecureVisitor] = []
    }

    /// One to three workers, two clients of one tunnel over either carrier, some visitors.
    private func scene(_ seed: UInt64) throws -> Scene {
        var random = Random(seed: seed)
        let world = World(seed: seed, faults: .lossless)
        var scene = Scene(
            world: world, node: try NodeProcess(world, workers: 1 + Int(random.below(3)), seed: seed))
        let name = "\(Endpoint.label(of: Self.tunnel).string).\(NodeProcess.domain)"
        let hello = Hello.bytes(
            name, padding: Int(random.below(3)) * 1_000, recordBytesMax: 100 + Int(random.below(2_000)))
        for number in 0..<2 {
            let client = try ClientProcess(
                world, scene.node, random.below(2) == 0 ? .ws : .tcp, number: number, tunnel: Self.tunnel,
                seed: seed &+ 7 &+ UInt64(number))
            scene.clients.append(client)
            scene.origins.append(SecureOrigin(world, client, helloCount: hello.count))
        }
        let clients = scene.clients
        try #require(world.run(milliseconds: 3_000) { clients.allSatisfy { $0.boundCount > 0 } })
        let outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        for number in 0..<2 + Int(random.below(6)) {
            let sizes: [UInt32] = [1, 200, 20_000, 20_000, 400_000]
            scene.visitors.append(
                SecureVisitor(
                    world, scene.node, outside, hello: hello, pieceBytesMax: 1 + Int(random.below(UInt32(hello.count))),
                    pause: UInt64(random.below(5)),
                    content: Content.bytes(seed &+ UInt64(number), Int(random.below(sizes[Int(random.below(5))])))))
        }
        return scene
    }

    private func expectNothingLeft(_ scene: Scene) {
        #expect(scene.world.kernel.violations == [])
        for bench in scene.node.benches {
            let ledger = bench.worker.ledger
            #expect(ledger.visitors == 0 && ledger.streams == 0 && ledger.sources == 0 && ledger.nodes == 0)
            #expect(ledger.sockets == ledger.links)
            #expect(ledger.buffersInUse == ledger.buffersWithShell + (ledger.hasArena ? 1 : 0))
        }
    }

    @Test(arguments: Seeds.usual) func everyByteComesBack(_ seed: UInt64) throws {
        let scene = try scene(seed)
        scene.world.run(milliseconds: 30_000) { scene.visitors.allSatisfy(\.isDone) }
        scene.world.run(milliseconds: 10_000)
        for (number, visitor) in scene.visitors.enumerated() {
            #expect(visitor.isDone && visitor.isWhole, "visitor \(number) got \(visitor.received.count) bytes")
        }
        #expect(scene.origins.reduce(0) { $0 + $1.answered } == scene.visitors.count)
        expectNothingLeft(scene)
    }

    /// Nobody gets a byte that is not his; who had none yet is served by the other client, as far as his bytes were kept.
    @Test(arguments: Seeds.usual) func aDyingClientCutsOnlyWhatItHeld(_ seed: UInt64) throws {
        let scene = try scene(seed)
        scene.world.run(milliseconds: 1 + seed * 3 % 40)
        scene.clients[0].process.kill()
        scene.world.run(milliseconds: 30_000) { scene.visitors.allSatisfy(\.isDone) }
        scene.world.run(milliseconds: 10_000)
        for (number, visitor) in scene.visitors.enumerated() {
            #expect(visitor.isDone, "visitor \(number) waits")
            #expect(visitor.isBeginning || visitor.isRefused, "visitor \(number) got \(visitor.received.count) bytes")
        }
        expectNothingLeft(scene)
    }
}
