import Model
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// Who is let in, what a wrong login costs, and whom it costs nothing.
@Suite struct CredentialTests {
    typealias Wish = ScriptedRelayVisitor.Wish

    private static let key = CredentialKey(high: 7, low: 9)

    private static func access(_ people: [(String, String)], relays: Bool = false) -> NodeAccess {
        let digests = people.map {
            CredentialDigest(user: InlineText($0.0)!, password: InlineText($0.1)!, key: key)
        }
        return NodeAccess(
            key: key,
            services: (0..<2).map {
                PlaneAccess(
                    service: ServiceIndex($0), credentials: 3, entrypointID: .zero, relaysAtEntrypoints: relays)
            }, tables: [3: Set(digests)])
    }

    private func bench(limits: [Limit: UInt64] = [:], relays: Bool = false) throws -> Bench {
        try Bench(
            limits: limits, access: Self.access([("user", "pass"), ("other", "word")], relays: relays), user: "user",
            password: "pass")
    }

    private func visit(
        _ bench: Bench, _ user: String?, _ password: String = "", tunnel: TunnelID = Bench.tunnel,
        command: RelayCommand = .connect, from host: SimulatedHost? = nil, port: UInt16 = NodeProcess.relayPort
    ) -> ScriptedRelayVisitor {
        var wish = Wish(tunnel: tunnel, host: bench.host)
        wish.user = user
        wish.password = password
        wish.command = command
        return ScriptedRelayVisitor(bench.world, bench.node, host ?? bench.outside, port: port, wish)
    }

    @Test(
        arguments: [
            ("user", "pass", 0), ("other", "word", 0), ("user", "word", 2), ("other", "pass", 2), ("use", "rpass", 2),
            ("user", "", 2), ("", "pass", 2), ("", "", 2), (nil, "", 2), ("USER", "pass", 2), ("user", "pass ", 2),
        ] as [(String?, String, UInt8)])
    func onlyWholePairsAreLetIn(user: String?, password: String, status: UInt8) throws {
        let bench = try bench()
        let visitor = visit(bench, user, password)
        bench.run(1_000)
        #expect(visitor.status == status)
        #expect(bench.node.count(.unauthorized) == (status == 2 ? 1 : 0))
        visitor.peer.close()
        bench.run(8_000)
        bench.expectQuiet()
    }

    /// The order in which stock servers judge (protocol relay §5): no tunnel, login, command.
    @Test func theOrderOfJudgements() throws {
        let bench = try bench()
        let nobody = visit(bench, "user", "wrong", tunnel: .zero)
        let stranger = visit(bench, "user", "wrong", command: .other(3))
        let known = visit(bench, "user", "pass", command: .other(3))
        let binder = visit(bench, "user", "wrong", command: .bind)
        bench.run(2_000)
        #expect(nobody.status == 1)
        #expect(stranger.status == 2)
        #expect(known.status == 1)
        #expect(binder.status == 2)
    }

    @Test func anEmptyTableLetsNobodyIn() throws {
        let world = World(seed: 1)
        let node = try NodeProcess(world, seed: 1, access: Self.access([]))
        let host = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        let visitors = [("", ""), ("user", "pass")].map { user, password in
            var wish = Wish(tunnel: Bench.tunnel)
            wish.user = user
            wish.password = password
            return ScriptedRelayVisitor(world, node, host, wish)
        }
        world.run(milliseconds: 2_000)
        #expect(visitors.map(\.status) == [2, 2])
    }

    /// What the control plane forgot to speak of is closed, not open.
    @Test func aServiceThatNothingIsSaidOfLetsNobodyIn() throws {
        let world = World(seed: 1)
        let node = try NodeProcess(world, seed: 1, access: NodeAccess(key: Self.key, services: [], tables: [:]))
        let host = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        let visitor = ScriptedRelayVisitor(world, node, host, Wish(tunnel: Bench.tunnel))
        world.run(milliseconds: 2_000)
        #expect(visitor.status == 2)
    }

    @Test func entrypointsAskTheSame() throws {
        let bench = try bench(relays: true)
        let wrong = visit(bench, "user", "wrong", port: NodeProcess.entrypointPort)
        let right = visit(bench, "user", "pass", port: NodeProcess.entrypointPort)
        bench.run(1_000)
        #expect(wrong.status == 2)
        #expect(right.status == 0)
        // Visitors of pages need no login.
        let page = bench.visitor()
        page.write(bench.get())
        bench.run()
        #expect(bench.connector.streams.count == 2)
    }

    /// Every failure of a source doubles the wait of its next refusal, up to the limit; a quiet minute makes good.
    @Test func guessingCostsTime() throws {
        let bench = try bench(limits: [.loginDelayMilliseconds: 16_000])
        for expected: UInt64 in [1_000, 2_000, 4_000, 8_000, 16_000, 16_000] {
            let visitor = visit(bench, "user", "guess")
            bench.run(expected - 20)
            #expect(visitor.status == nil)
            #expect(!visitor.isEnded)
            // Deadlines are coarse: up to two cells of the wheel late, never early.
            bench.run(180)
            #expect(visitor.status == 2)
        }
        bench.run(61_000)
        let visitor = visit(bench, "user", "guess")
        bench.run(1_160)
        #expect(visitor.status == 2)
    }

    /// Side by side it is no faster: beyond `loginsPendingMax` waiting refusals a source is not judged. Right logins of
    /// other sources, and of this one before that, do not wait.
    @Test func guessingSideBySideGainsNothing() throws {
        let bench = try bench(limits: [.loginsPendingMax: 4])
        let guesses = (0..<4).map { visit(bench, "user", "guess \($0)") }
        bench.run(20)
        // A source with so many failures is not judged, whatever it says.
        let known = visit(bench, "user", "pass")
        let elsewhere = visit(bench, "user", "pass", from: bench.clientHost)
        let further = (0..<10).map { visit(bench, "user", "more \($0)") }
        bench.run(40)
        #expect(elsewhere.status == 0)
        #expect(known.status == 2)
        #expect(further.allSatisfy { $0.status == 2 })
        #expect(bench.node.count(.loginThrottled) == 11)
        #expect(bench.node.count(.unauthorized) == 0)
        bench.run(6_000)
        #expect(guesses.allSatisfy { $0.status == 2 })
        #expect(bench.node.count(.unauthorized) == 4)
        let later = visit(bench, "user", "pass")
        bench.run(20)
        #expect(later.status == 0)
    }

    /// Whoever waits for a refusal holds a connection and nothing else, also when it leaves early.
    @Test func waitingRefusalsHoldNothing() throws {
        let bench = try bench()
        let guesses = (0..<10).map { visit(bench, "user", "guess \($0)") }
        bench.run(50)
        #expect(bench.node.benches[0].worker.ledger.nodes == 0)
        for guess in guesses { guess.peer.reset() }
        bench.run(6_000)
        bench.expectQuiet()
        let known = visit(bench, "user", "pass")
        bench.run(20)
        #expect(known.status == 0)
    }
}
