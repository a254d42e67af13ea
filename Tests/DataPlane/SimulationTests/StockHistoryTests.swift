import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Histories of a node whose visitors' tunnel is at two stock nodes: by seeds, under every fault that loses nothing, and
/// with connections to the stock nodes that break.
@Suite struct StockHistoryTests {
    /// One of them.
    private final class StockHistory {
        static let tunnel = ClusterHistory.tunnels[0]
        let world: World
        let breaks: Bool
        let node: NodeProcess
        let origins: [ScriptedOrigin]
        private let control: ScriptedControl
        private let outside: SimulatedHost
        private let stockHost: SimulatedHost
        private(set) var browsers: [(browser: Browser, resets: Bool)] = []
        private var random: Random

        init(seed: UInt64, breaks: Bool) throws {
            random = Random(seed: seed)
            self.breaks = breaks
            world = World(seed: seed, faults: .lossless)
            outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
            let stockHost = world.kernel.makeHost(low: 0xFFFF_0A00_004D)
            self.stockHost = stockHost
            let world = world
            origins = [80, 81].map { port in
                ScriptedOrigin(world, on: stockHost, at: SimulatedAddress(low: stockHost.low, port: port))
            }
            node = try NodeProcess(world, workers: 1 + Int(random.below(3)), seed: seed)
            control = ScriptedControl(
                world, node.host, node: ScriptedControl.row(0),
                rows: [80, 81].map { ScriptedControl.stockRow($0, at: "10.0.0.77:\($0)") },
                secret: PeerSecret(text: "seed \(seed)"))
            control.hosts["shop.example"] = Self.tunnel
            control.tunnels[Self.tunnel] = [80, 81].map { ScriptedControl.candidate($0) }
            let control = control
            world.run(milliseconds: 2_000) { control.isMet }
            for visitor in 0..<4 + Int(random.below(6)) {
                let requests = (0..<1 + Int(random.below(6))).map { makeRequest(visitor * 100 + $0) }
                let resetsAt = random.below(6) == 0 ? Int(random.below(UInt32(requests.count))) : nil
                let browser = Browser(
                    world, node, outside, name: "shop.example", requests: requests,
                    together: 1 + Int(random.below(3)), halfCloses: random.below(4) == 0, resetsAt: resetsAt)
                browsers.append((browser, resetsAt != nil))
            }
        }

        private func makeRequest(_ number: Int) -> Browser.Request {
            Browser.Request(number, bodies: [0, 100, 5_000, 20_000, 400_000], &random)
        }

        func run() {
            if breaks {
                for _ in 0..<1 + random.below(6) {
                    world.run(milliseconds: 1 + UInt64(random.below(30)))
                    world.kernel.breakConnections(of: node.process, to: stockHost)
                }
            }
            let browsers = browsers
            world.run(milliseconds: 30_000) { browsers.allSatisfy(\.browser.isDone) }
            world.run(milliseconds: 10_000)
        }

        /// The laws that were broken.
        var brokenLaws: [String] {
            var broken = world.kernel.violations
            for (number, (browser, resets)) in browsers.enumerated() {
                broken += browser.violations + browser.shortened
                if !browser.isDone { broken.append("visitor \(number) waits for its answer") }
                for (request, outcome) in zip(browser.requests, browser.outcomes)
                where !isAllowed(outcome, resets) {
                    broken.append("visitor \(number), \(request.isPost ? "POST" : "GET") \(request.path): \(outcome)")
                }
            }
            for bench in node.benches {
                let ledger = bench.worker.ledger
                let peers = bench.worker.peers.stockLinks
                if ledger.visitors != 0 || ledger.streams != 0 || ledger.sockets != 0 || ledger.links != 0
                    || ledger.forwards != 0 || ledger.nodes != 0 || peers != 0
                {
                    broken.append("left behind: \(ledger), \(peers) links")
                }
                if ledger.buffersInUse != ledger.buffersWithShell + (ledger.hasArena ? 1 : 0) {
                    broken.append("buffers leaked: \(ledger)")
                }
            }
            return broken
        }

        private func isAllowed(_ outcome: Browser.Outcome, _ resets: Bool) -> Bool {
            switch outcome {
            case .answered: true
            case .cut: breaks || resets
            case .refused(let status): breaks && status == 503
            }
        }
    }

    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(24))
    func everyRequestIsAnsweredInFull(_ seed: UInt64) throws {
        let history = try StockHistory(seed: seed, breaks: false)
        history.run()
        #expect(history.brokenLaws == [])
        #expect(history.node.count(.stockForwardsOpened) > 0)
        // Between two nodes that are both there, nobody is sent a second time.
        #expect(history.node.count(.requestsRetried) == 0 && history.node.count(.forwardsRepeated) == 0)
    }

    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(24))
    func connectionsThatBreakLeaveNothing(_ seed: UInt64) throws {
        let history = try StockHistory(seed: seed, breaks: true)
        history.run()
        #expect(history.brokenLaws == [])
    }
}
